"""One session for the whole process, without the parts of the SDK that cost a cold start most.

Each shortcut is a hook that botocore offers to everybody; where a hook is gone, plain botocore does the same, slower.
docs/performance.md has what each one saves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol
from xml.etree import ElementTree

import botocore.session
from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader
from botocore.parsers import ResponseParserFactory
from botocore.utils import parse_timestamp

from .connections import share_connections

SERVICES = ("cloudwatch", "dynamodb", "secretsmanager", "ses", "sesv2", "sns", "ssm")
"""Every service that the functions talk to; the build ships the data of these and no other."""

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
    """What makes clients. They may be shared among threads, the session itself may not."""

    def create_client(self, service_name: str, region_name: str | None = None, *, config: Config) -> Any: ...


def open_session() -> Session:
    """The session that boto3 would make clients with: boto3 itself, which adds nothing to a client, costs a cold start as much
    again as all of this project's own code."""
    session = botocore.session.get_session()
    for take_shortcut in (_read_less_data, _parse_quicker, _connect_once):
        with suppress(AttributeError, TypeError):  # another botocore, without this hook, works all the same
            take_shortcut(session)
    return session


def _read_less_data(session: botocore.session.Session) -> None:
    session.register_component("data_loader", _Data(file_loader=_Json()))


def _parse_quicker(session: botocore.session.Session) -> None:
    parsers = _Parsers()
    parsers.set_parser_defaults(timestamp_parser=_timestamp)
    session.register_component("response_parser_factory", parsers)


def _connect_once(session: botocore.session.Session) -> None:
    share_connections(session, CONNECT, READ)


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


class _Parsers(ResponseParserFactory):
    """botocore's parsers, with a way of its own for the one long answer there is."""

    def create_parser(self, protocol_name: str) -> Any:
        parser = super().create_parser(protocol_name)
        return _StatisticsParser(parser) if protocol_name == "query" else parser


class _StatisticsParser:
    """Reads the two weeks of send statistics without asking the model at each of seven thousand fields. Whatever is not exactly
    as expected is botocore's to read, or to refuse."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        """The parsed answer, as botocore has it."""
        if shape is not None and shape.name == "GetSendStatisticsResponse" and response["status_code"] == 200:
            try:
                return _statistics(response)
            except (ElementTree.ParseError, LookupError, TypeError, ValueError):
                pass
        return self._plain.parse(response, shape)


_COUNTERS = ("DeliveryAttempts", "Bounces", "Complaints", "Rejects")


def _statistics(response: Mapping[str, Any]) -> dict[str, Any]:
    root = ElementTree.fromstring(response["body"])  # noqa: S314  Amazon SES's own answer, which botocore reads likewise
    space = root.tag[: root.tag.index("}") + 1]
    [points] = root.iterfind(f"{space}GetSendStatisticsResult/{space}SendDataPoints")
    [request] = root.iterfind(f"{space}ResponseMetadata/{space}RequestId")
    counters = {space + name: name for name in _COUNTERS}
    time = f"{space}Timestamp"
    members = []
    for point in points:
        member: dict[str, Any] = {}
        for field in point:
            if field.tag == time:
                member["Timestamp"] = datetime.fromisoformat(field.text)  # type: ignore[arg-type]
            else:
                member[counters[field.tag]] = int(field.text)  # type: ignore[arg-type]
        if len(member) != len(point):
            raise ValueError("a field stands there twice")
        members.append(member)
    headers = {name.lower(): value for name, value in response["headers"].items()}
    metadata = {"RequestId": request.text, "HTTPStatusCode": 200, "HTTPHeaders": headers}
    return {"SendDataPoints": members, "ResponseMetadata": metadata}
