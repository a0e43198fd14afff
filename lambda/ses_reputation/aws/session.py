"""One session for the whole process."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol

import botocore.session
from botocore.config import Config

CONNECT, READ = 3, 5
"""Seconds for each half of an attempt."""

CONFIG = Config(
    connect_timeout=CONNECT,
    read_timeout=READ,
    retries={"mode": "standard", "total_max_attempts": 3},
    user_agent_extra="ses-reputation-monitor",
)
"""A call that hangs is given up after three attempts, at most 27 seconds with the pauses between them; the function's
timeout leaves room for several of those."""

SEND_ONCE = Config(
    connect_timeout=CONNECT,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 1},
    user_agent_extra="ses-reputation-monitor",
)
"""For messages: a call without an answer may have arrived, so that repeating it is the outbox's decision and not the SDK's."""


class Session(Protocol):
    """Maker of clients. Threads may share them, but not the session itself."""

    def create_client(self, service_name: str, region_name: str | None = None, *, config: Config) -> Any: ...


def open_session() -> Session:
    """Open a session without boto3, which adds nothing to a client and costs a cold start as much again as all our own code."""
    session = botocore.session.get_session()
    with suppress(ModuleNotFoundError):  # without the folder `fast` everything works, only slower
        from .fast.shortcuts import take_shortcuts  # noqa: PLC0415

        take_shortcuts(session, CONNECT, READ)
    return session
