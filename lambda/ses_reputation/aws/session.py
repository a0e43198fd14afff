"""One boto3 session for the whole process, without the parts of botocore that cost a cold start most.

Each shortcut is a hook that botocore offers to everybody; where a hook is gone, plain botocore does the same, slower.
docs/performance.md has what each one saves.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader
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
    core.register_component("data_loader", _Data(file_loader=_Json()))
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    return boto3.Session(botocore_session=core)


class _Json(JSONFileLoader):
    """Reads the data that the build has unpacked, into plain dictionaries; what it has not, as botocore does."""

    def load_file(self, file_path: str) -> Any:
        try:
            with open(f"{file_path}.json", "rb") as file:  # noqa: PTH123  botocore speaks of paths as texts
                return json.load(file)
        except FileNotFoundError:
            return super().load_file(file_path)


class _Data(Loader):
    """Knows its services instead of scanning the directories of all four hundred, and does without the table of endpoints of
    days before each service had rules for its own."""

    def list_available_services(self, type_name: str) -> list[str]:
        return list(SERVICES)

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        if name == "endpoints":
            return {"version": 3, "partitions": []}, self.BUILTIN_DATA_PATH
        found: tuple[Any, str] = super().load_data_with_path(name)
        return found


def _timestamp(value: Any) -> datetime:
    """botocore's own parser hands every time to dateutil, which is three quarters of reading send statistics."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    moment: datetime = parse_timestamp(value)
    return moment
