"""A dashboard that cannot be read, or that somebody has edited, never shows an empty widget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import Unusable
from local_aws import dashboard as board
from local_aws.dashboard import Reader, Widget
from local_aws.dashboard_picture import draw

NOW = 1_764_000_000
PLACE = {"x": 0, "y": 0, "width": 12, "height": 6}
GRAPH = {"type": "metric", **PLACE, "properties": {"view": "timeSeries", "metrics": [["AWS/SES", "Send"]]}}
QUERY = {"type": "log", **PLACE, "properties": {"view": "table", "query": "SOURCE 'group' | limit 1"}}
ALARMS = {"type": "alarm", **PLACE, "properties": {"alarms": ["arn:aws:cloudwatch:eu-west-1:1:alarm:gone"]}}


class Aws:
    """A session and its clients in one: each call gives the answer that a test sets, and `body` is the dashboard."""

    def __init__(self, body: Any, **answers: Any) -> None:
        self.text = body if isinstance(body, str) else json.dumps(body)
        self.answers = answers

    def client(self, service: str, region_name: str | None, config: object) -> Aws:
        return self

    def get_dashboard(self, **_: Any) -> Any:
        return {"DashboardBody": self.text}

    def describe_alarms(self, **_: Any) -> Any:
        return self.answers["alarms"]

    def start_query(self, **_: Any) -> Any:
        return {"queryId": "1"}

    def get_query_results(self, **_: Any) -> Any:
        return self.answers["results"]

    def get_paginator(self, _: str) -> Aws:
        return self

    def paginate(self, **_: Any) -> Any:
        return [{"MetricDataResults": self.answers["metrics"]}]


def read(body: Any, **answers: Any) -> Widget:
    """The one widget of a dashboard."""
    session: Any = Aws({"widgets": [body]}, **answers)
    [widget] = Reader(session, NOW).widgets("Board")
    return widget


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout", "Unknown"])
def test_a_failed_query_is_not_an_empty_result(status: str) -> None:
    assert read(QUERY, results={"status": status, "results": []}).trouble == f"GetQueryResults: {status}"


def test_an_endless_query_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "QUERY_SECONDS", -1)
    widget = read(QUERY, results={"status": "Running", "results": []})
    assert widget.trouble.startswith("GetQueryResults: no answer within")


@pytest.mark.parametrize("status", ["Forbidden", "InternalError"])
def test_an_unreadable_metric_is_not_one_without_values(status: str) -> None:
    answer = {"Id": "q0", "StatusCode": status, "Timestamps": [], "Values": []}
    assert read(GRAPH, metrics=[answer]).trouble == f"GetMetricData: {status}"


@pytest.mark.parametrize(
    ("widget", "answers"),
    [
        (QUERY, {"results": "<html>"}),
        (GRAPH, {"metrics": ["<html>"]}),
        (ALARMS, {"alarms": {}}),
    ],
    ids=["a query", "a graph", "alarms"],
)
def test_a_bad_answer_is_reported(widget: Any, answers: dict[str, Any]) -> None:
    assert read(widget, **answers).trouble == "bad answer (ResponseParserError)"


def test_a_deleted_alarm_is_reported() -> None:
    assert read(ALARMS, alarms={"MetricAlarms": []}).states == [("gone", "GONE")]


@pytest.mark.parametrize(
    ("edit", "trouble"),
    [
        ({"view": "pie"}, "a widget of the kind pie is not drawn"),
        ({"metrics": [[{"expression": "FILL(m1, 0)"}]]}, "the expression FILL(m1, 0) is not drawn"),
        ({"metrics": 7}, "not as this project has made it"),
    ],
    ids=["another kind", "an expression", "nonsense"],
)
def test_an_edited_widget_is_named_and_the_rest_drawn(tmp_path: Path, edit: dict[str, Any], trouble: str) -> None:
    widget = read(GRAPH | {"properties": GRAPH["properties"] | edit})  # type: ignore[operator]
    assert widget.trouble == trouble
    draw(tmp_path / "board.svg", "Board", [widget], NOW)
    assert trouble in (tmp_path / "board.svg").read_text()


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"widgets": [{}]}', '{"widgets": 1}'])
def test_an_invalid_dashboard_is_one_clear_line(body: str) -> None:
    session: Any = Aws(body)
    with pytest.raises(Unusable, match="is not one that this project has made"):
        Reader(session, NOW).widgets("Board")


@pytest.mark.parametrize("kind", ["timeSeries", "singleValue", "table", "text", "alarms"])
def test_every_kind_of_widget_can_be_drawn_empty(tmp_path: Path, kind: str) -> None:
    draw(tmp_path / "board.png", "Board", [Widget(kind, 0, 0, 6, 4)], NOW)
    assert (tmp_path / "board.png").read_bytes().startswith(b"\x89PNG")
