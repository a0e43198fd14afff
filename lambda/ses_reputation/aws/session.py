"""One boto3 session for the whole process, without the parts of botocore that cost a cold start most.

Each shortcut is a hook that botocore offers to everybody; where a hook is gone, plain botocore does the same, slower.
docs/performance.md has what each one saves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader
from botocore.utils import parse_timestamp

SERVICES = ("cloudwatch", "dynamodb", "secretsmanager", "ses", "sesv2", "sns", "ssm")
"""Every service that the functions talk to; the build ships the data of these and no other."""

CONFIG = Config(
    connect_timeout=3,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    user_agent_extra="ses-reputation-monitor",
)
"""A call that hangs is given up after three attempts, at most 27 seconds with the pauses between them; the function's
timeout leaves room for several of those."""


def open_session() -> boto3.Session:
    """A boto3 session; clients made from it may be shared among threads, the session itself may not."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _ListedServices())
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    return boto3.Session(botocore_session=core)


class _ListedServices(Loader):
    """Knows its services instead of scanning the directories of all four hundred for every first client."""

    def list_available_services(self, type_name: str) -> list[str]:
        return list(SERVICES)


def _timestamp(value: Any) -> datetime:
    """botocore's own parser hands every time to dateutil, which is three quarters of reading send statistics."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    moment: datetime = parse_timestamp(value)
    return moment
