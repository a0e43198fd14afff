"""Picture of the deployed dashboard, for the README and the demo: `python -m local_aws.dashboard --png board.png`.

It reads the dashboard and what CloudWatch has for it with the AWS credentials of the environment.
"""

from __future__ import annotations

import argparse
import ast
import json
import operator
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from ses_reputation.aws.errors import AWS_ERRORS, answered, code_of, trouble_of
from ses_reputation.settings import Settings, load

from cli.aws import open_session, region_of
from cli.aws_errors import Call, explain
from cli.exit_codes import UNKNOWN, UNUSABLE, USABLE, Unusable

NEEDED = "cloudwatch:GetDashboard, cloudwatch:GetMetricData, cloudwatch:DescribeAlarms, logs:StartQuery, logs:GetQueryResults"
"""The permissions that `dashboard` asks for."""

PATIENT = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})

QUERY_SECONDS = 30
"""Longest time for a query of the log, in seconds."""

_SPAN = re.compile(r"-P(\d+)D")

_NOT_UNDERSTOOD = (ValueError, LookupError, TypeError, AttributeError)
"""Errors that end the reading of a body of another shape than ours: anybody may edit a dashboard."""


class NotRead(Exception):
    """A call failed, or its result is incomplete; the text names the call and the error."""


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
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # and label of the axes "left" and "right"
    rows: Sequence[Mapping[str, str]] = ()
    markdown: str = ""
    states: Sequence[tuple[str, str]] = ()  # alarms: name and state
    trouble: str = ""  # why it could not be read


KINDS = ("timeSeries", "singleValue", "table", "text", "alarms")
"""Types of widget that can be drawn."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the dashboard. Returns 0, 1 if a widget could not be read, or 2 if there is nothing to draw."""
    parser = argparse.ArgumentParser(prog="python -m local_aws.dashboard", description=__doc__)
    parser.add_argument("--png", type=Path, required=True, metavar="FILE", help="where to (.png or .svg)")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="settings file that was deployed")
    parser.add_argument("--profile", metavar="NAME")
    parser.add_argument("--region", metavar="NAME")
    given = parser.parse_args(arguments)
    try:
        settings = None if given.settings is None else load(given.settings)
        return dashboard(settings, given.png, given.profile, given.region)
    except Unusable as error:
        print(error, file=sys.stderr)
        return UNUSABLE


def dashboard(settings: Settings | None, file: Path, profile: str | None = None, region: str | None = None) -> int:
    """Draw the deployed dashboard into `file`. Raises `Unusable` if there is none to read."""
    from .dashboard_picture import draw  # noqa: PLC0415  matplotlib takes a second to load

    if file.suffix.lower() not in (".png", ".svg"):
        raise Unusable(f"{file}: a picture is a .png or an .svg file.")
    session = open_session(profile, region)
    where = region_of(session)
    name = f"SesReputation-{where}" if settings is None else settings.dashboard_name(where)
    reader = Reader(session, int(time.time()))
    widgets = reader.widgets(name)
    try:
        draw(file, name, widgets, reader.now)
    except OSError as error:
        raise Unusable(f"{file} cannot be written: {error.strerror}") from None
    unread = [widget for widget in widgets if widget.trouble]
    for widget in unread:
        print(f"not readable: {widget.title}: {widget.trouble}")
    print(f"{file}: the dashboard {name} with {len(widgets)} widgets")
    return UNKNOWN if unread else USABLE


class Reader:
    """Read a dashboard and what it shows, up to `now`."""

    def __init__(self, session: boto3.Session, now: int) -> None:
        self.now = now
        self._session = session
        self._clients: dict[tuple[str, str | None], Any] = {}

    def widgets(self, name: str) -> list[Widget]:
        """Every widget of the dashboard `name`. Raises `Unusable` if it cannot be read."""
        try:
            with answered():
                text = self._client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
        except AWS_ERRORS as error:
            session, where = self._session, self._session.region_name
            call = Call(session._session, where, NEEDED, f"There is no dashboard {name} in {where}.")
            raise Unusable(str(explain(error, call))) from None
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
            if answer["status"] != "Complete":  # there may be no rows, or only some
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
        rows = [_row(row, number) for number, row in enumerate(_written_out(properties["metrics"]))]
        points: dict[str, dict[int, float]] = {row.name: {} for row in rows}
        own = properties.get("region")
        for region in dict.fromkeys(row.region or own for row in rows if row.stat):
            read = {f"q{number}": row for number, row in enumerate(rows) if row.stat and (row.region or own) == region}
            queries = [{"Id": query, "MetricStat": row.stat} for query, row in read.items()]
            with answered():
                for result in self._results(region, queries, start):
                    if result.get("StatusCode") in ("Forbidden", "InternalError"):
                        raise NotRead(f"GetMetricData: {result['StatusCode']}")
                    times = (int(at.timestamp()) for at in result["Timestamps"])
                    points[read[result["Id"]].name] |= dict(zip(times, result["Values"], strict=True))
        for row in rows:
            if row.expression:
                points[row.name] = calculated(row.expression, points)
        return [
            Line(row.label, row.color, list(points[row.name]), list(points[row.name].values()), right=row.right)
            for row in rows
            if row.visible
        ]


_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def calculated(expression: str, points: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """Work out CloudWatch's metric math where it is plain arithmetic of the metrics in `points`: each a value at a time.

    A time at which a metric has no value, or something is divided by zero, is left out. Raises `NotRead` for other math.
    """
    refused = NotRead(f"the expression {expression} is not drawn")
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise refused from None
    plain = (ast.BinOp, ast.Constant, ast.Name, ast.Load, *_ARITHMETIC)
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    if not all(isinstance(node, plain) for node in nodes) or not names <= points.keys():
        raise refused

    def value(node: ast.expr, at: int) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.Name(id=name):
                return points[name][at]
            case ast.BinOp(left=left, op=op, right=right):
                return _ARITHMETIC[type(op)](value(left, at), value(right, at))
        raise refused

    found = {}
    for at in sorted({at for name in names for at in points[name]}):
        with suppress(KeyError, ZeroDivisionError):
            found[at] = value(tree, at)
    return found


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
    """One row of a widget's metrics: a metric to read, or an expression of others."""

    name: str  # in expressions
    label: str
    color: str
    right: bool
    visible: bool
    region: str | None = None
    stat: Mapping[str, Any] = field(default_factory=dict)
    expression: str = ""


def _row(row: Sequence[Any], number: int) -> _Row:
    options = row[-1] if isinstance(row[-1], dict) else {}
    named: dict[str, Any] = {
        "name": options.get("id", f"row{number}"),
        "color": options.get("color", ""),
        "right": options.get("yAxis") == "right",
        "visible": options.get("visible", True),
    }
    if "expression" in options:
        return _Row(label=str(options.get("label", options["expression"])), expression=options["expression"], **named)
    namespace, name, *dimensions = [part for part in row if not isinstance(part, dict)]
    pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in pairs],
    }
    stat = {"Metric": metric, "Period": options.get("period", 300), "Stat": options.get("stat", "Average")}
    return _Row(label=str(options.get("label", name)), region=options.get("region"), stat=stat, **named)


def _written_out(rows: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """Yield `rows` without the shorthand for parts of the row above: "." for one part, "..." for all before the rest."""
    above: list[Any] = []
    for row in rows:
        parts = [part for part in row if not isinstance(part, dict)]
        if not parts:  # an expression
            yield list(row)
            continue
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


if __name__ == "__main__":
    sys.exit(main())
