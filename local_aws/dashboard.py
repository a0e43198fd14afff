"""The deployed dashboard with what CloudWatch has for it, read with the user's own credentials: a picture without a console."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from ses_reputation.aws.errors import AWS_ERRORS, answered, code_of, trouble_of
from ses_reputation.core.readings import Trouble
from ses_reputation.settings import Settings

from .outcome import UNKNOWN, USABLE, Unusable

NEEDED = "cloudwatch:GetDashboard, cloudwatch:GetMetricData, cloudwatch:DescribeAlarms, logs:StartQuery, logs:GetQueryResults"
"""The permissions that `dashboard` asks for."""

PATIENT = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})

QUERY_SECONDS = 30
"""How long a query of the log may take."""

_SPAN = re.compile(r"-P(\d+)D")

_NOT_UNDERSTOOD = (ValueError, LookupError, TypeError, AttributeError)
"""What reading a body raises that has another shape than ours: anybody may edit a dashboard."""


class NotRead(Exception):
    """AWS has answered that it could not answer; the text says which call, and how."""


@dataclass(frozen=True)
class Line:
    """A metric over time; times in seconds since the epoch."""

    label: str
    color: str  # empty: any
    times: Sequence[int]
    values: Sequence[float]
    right: bool = False  # on the axis of the right-hand side


@dataclass(frozen=True)
class Threshold:
    """A horizontal line with its name."""

    value: float
    label: str
    color: str


@dataclass(frozen=True)
class Widget:
    """One widget in its place on the grid of 24 columns, with what it shows. Only the fields of its kind are filled."""

    kind: str  # one of `KINDS`, unless there is trouble
    x: int
    y: int
    width: int
    height: int
    title: str = ""
    lines: Sequence[Line] = ()
    thresholds: Sequence[Threshold] = ()
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # of the axes "left" and "right"
    rows: Sequence[Mapping[str, str]] = ()
    markdown: str = ""
    states: Sequence[tuple[str, str]] = ()  # alarms: name and state
    trouble: str = ""  # why it could not be read


KINDS = ("timeSeries", "singleValue", "table", "text", "alarms")
"""What a widget may be to be drawn."""


def dashboard(settings: Settings | None, file: Path, profile: str | None) -> int:
    """Draws the deployed dashboard into `file`. Raises `Unusable` where there is none to read or nothing to draw it with."""
    if file.suffix.lower() not in (".png", ".svg"):
        raise Unusable(f"{file}: a picture is a .png or an .svg file.")
    try:
        from .board_picture import draw
    except ImportError:
        raise Unusable("Drawing needs matplotlib: pip install matplotlib") from None
    try:
        session = boto3.Session(profile_name=profile)
        if session.region_name is None:
            raise Unusable("No region: set AWS_REGION to the one that the stack is deployed to.")
        region = session.region_name
        name = f"SesReputation-{region}" if settings is None else settings.dashboard_name(region)
        reader = Reader(session, int(time.time()))
        widgets = reader.widgets(name)
    except BotoCoreError as error:
        raise Unusable(f"Your AWS configuration cannot be used: {error}") from None
    try:
        draw(file, name, widgets, reader.now)
    except OSError as error:
        raise Unusable(f"{file} cannot be written: {error.strerror}") from None
    troubles = [widget for widget in widgets if widget.trouble]
    for widget in troubles:
        print(f"not readable: {widget.title}: {widget.trouble}")
    print(f"{file}: the dashboard {name} with {len(widgets)} widgets")
    return UNKNOWN if troubles else USABLE


class Reader:
    """Reads a dashboard and what it shows, up to `now`."""

    def __init__(self, session: boto3.Session, now: int) -> None:
        self.now = now
        self._session = session
        self._clients: dict[tuple[str, str | None], Any] = {}

    def widgets(self, name: str) -> list[Widget]:
        """Every widget of the dashboard `name`. Raises `Unusable` where that cannot be read."""
        try:
            with answered():
                text = self._client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
        except AWS_ERRORS as error:
            if trouble_of(error) is Trouble.DENIED:
                raise Unusable(
                    f"The dashboard {name} cannot be read ({code_of(error)}): are there credentials that allow {NEEDED}?"
                ) from None
            raise Unusable(
                f"The dashboard {name} cannot be read ({code_of(error)}): is the stack deployed here, and the region right?"
            ) from None
        try:
            body = chosen(text)
            start = self.now // 3_600 * 3_600 - _days(body) * 86_400  # on the hour, as the periods are
            return [self._widget(widget, start) for widget in body["widgets"]]
        except _NOT_UNDERSTOOD:
            raise Unusable(f"The dashboard {name} is not one that this project has made.") from None

    def _client(self, service: str, region: str | None = None) -> Any:
        if (service, region) not in self._clients:
            made: Any = self._session.client(service, region_name=region, config=PATIENT)
            self._clients[service, region] = made
        return self._clients[service, region]

    def _widget(self, widget: Mapping[str, Any], start: int) -> Widget:
        properties = widget["properties"]
        kind = {"text": "text", "alarm": "alarms"}.get(widget["type"], properties.get("view", "table"))
        place = (kind, widget["x"], widget["y"], widget["width"], widget["height"], properties.get("title", ""))
        if kind not in KINDS:
            return Widget(*place, trouble=f"a widget of the kind {kind} is not drawn")
        try:
            match widget["type"]:
                case "text":
                    return Widget(*place, markdown=properties["markdown"])
                case "alarm":
                    return Widget(*place, states=self._states(properties["alarms"]))
                case "log":
                    rows = self._query(properties, start)
                    lines = list(_lines_of(rows)) if kind == "timeSeries" else []
                    return Widget(*place, rows=rows, lines=lines)
                case _:
                    marks = properties.get("annotations", {}).get("horizontal", [])
                    thresholds = [Threshold(mark["value"], mark["label"], mark["color"]) for mark in marks]
                    limits = properties.get("yAxis", {})
                    return Widget(*place, lines=self._lines(properties, start), thresholds=thresholds, limits=limits)
        except AWS_ERRORS as error:
            return Widget(*place, trouble=f"{trouble_of(error)} ({code_of(error)})")
        except NotRead as error:
            return Widget(*place, trouble=str(error))
        except _NOT_UNDERSTOOD:
            return Widget(*place, trouble="not as this project has made it")

    def _states(self, arns: Sequence[str]) -> list[tuple[str, str]]:
        names = [arn.split(":alarm:")[1] for arn in arns]
        with answered():
            answer = self._client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
            states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer}
        return [(name, states.get(name, "GONE")) for name in names]

    def _query(self, properties: Mapping[str, Any], start: int) -> list[Mapping[str, str]]:
        source, _, query = properties["query"].partition("|")
        groups = re.findall(r"'([^']+)'", source)
        logs = self._client("logs", properties.get("region"))
        give_up = time.monotonic() + QUERY_SECONDS
        with answered():
            query_id = logs.start_query(
                logGroupNames=groups, startTime=start, endTime=self.now, queryString=query.strip()
            )["queryId"]
            while (answer := logs.get_query_results(queryId=query_id))["status"] in ("Scheduled", "Running"):
                if time.monotonic() > give_up:
                    raise NotRead(f"GetQueryResults: no answer within {QUERY_SECONDS} s")
                time.sleep(0.5)
            if answer["status"] != "Complete":  # the rows there are may be none, or a part
                raise NotRead(f"GetQueryResults: {answer['status']}")
            return [
                {part["field"]: part["value"] for part in row if part["field"] != "@ptr"} for row in answer["results"]
            ]

    def _results(
        self, region: str | None, queries: Sequence[Mapping[str, Any]], start: int
    ) -> Iterator[Mapping[str, Any]]:
        pages = (
            self._client("cloudwatch", region)
            .get_paginator("get_metric_data")
            .paginate(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(start, UTC),
                EndTime=datetime.fromtimestamp(self.now, UTC),
                ScanBy="TimestampAscending",
            )
        )
        return (result for page in pages for result in page["MetricDataResults"])

    def _lines(self, properties: Mapping[str, Any], start: int) -> list[Line]:
        rows = [_row(row) for row in _written_out(properties["metrics"])]
        found: dict[int, tuple[list[int], list[float]]] = {number: ([], []) for number in range(len(rows))}
        own = properties.get("region")
        for region in dict.fromkeys(row.region or own for row in rows):
            queries = [
                {"Id": f"m{number}", "MetricStat": row.stat}
                for number, row in enumerate(rows)
                if (row.region or own) == region
            ]
            with answered():
                for result in self._results(region, queries, start):
                    if result.get("StatusCode") in ("Forbidden", "InternalError"):
                        raise NotRead(f"GetMetricData: {result['StatusCode']}")
                    times, values = found[int(result["Id"][1:])]
                    times.extend(int(at.timestamp()) for at in result["Timestamps"])
                    values.extend(result["Values"])
        return [Line(row.label, row.color, *found[number], right=row.right) for number, row in enumerate(rows)]


def chosen(text: str) -> dict[str, Any]:
    """The body of a dashboard as it opens: with the default of everything that its reader may choose."""
    body: dict[str, Any] = json.loads(text)
    for variable in body.get("variables", []):
        if variable["type"] == "pattern":
            text = text.replace(variable["pattern"], variable["defaultValue"])
    answer: dict[str, Any] = json.loads(text)
    return answer


def _days(body: Mapping[str, Any]) -> int:
    span = _SPAN.fullmatch(body.get("start", ""))
    return int(span[1]) if span else 14


@dataclass(frozen=True)
class _Row:
    """A row of a widget's metrics."""

    stat: dict[str, Any]
    region: str | None
    label: str
    color: str
    right: bool


def _row(row: Sequence[Any]) -> _Row:
    options = row[-1] if isinstance(row[-1], dict) else {}
    namespace, name, *dimensions = [part for part in row if not isinstance(part, dict)]
    pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in pairs],
    }
    stat = {"Metric": metric, "Period": options.get("period", 300), "Stat": options.get("stat", "Average")}
    return _Row(
        stat,
        options.get("region"),
        options.get("label", name),
        options.get("color", ""),
        options.get("yAxis") == "right",
    )


def _written_out(rows: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """`rows` without the shorthand for what stands in the row above: "." for one part, "..." for all before the rest."""
    above: list[Any] = []
    for row in rows:
        parts = [part for part in row if not isinstance(part, dict)]
        if parts[:1] == ["..."]:
            parts = above[: len(above) - len(parts) + 1] + parts[1:]
        parts = [above[number] if part == "." else part for number, part in enumerate(parts)]
        above = parts
        yield [*parts, *(part for part in row if isinstance(part, dict))]


def _lines_of(rows: Sequence[Mapping[str, str]]) -> Iterator[Line]:
    """The columns of a query by time as lines."""
    for name in dict.fromkeys(name for row in rows for name in row if not name.startswith("bin(")):
        points = sorted(
            (int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()), float(row[name]))
            for row in rows
            for key, value in row.items()
            if key.startswith("bin(") and name in row
        )
        yield Line(name, "", [at for at, _ in points], [value for _, value in points])
