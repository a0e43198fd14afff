"""The deployed dashboard shows what the function publishes and logs, and can be looked at without a console."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import boto3
import pytest

from local_aws.dashboard import Reader, Widget, main
from local_aws.metrics import publish_email, publish_run
from tests.e2e.conftest import HOUR, NOW, SETTINGS, Deployment, points


@pytest.fixture
def watched(monitor: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment that has seen a bad list, in the environment of a user who has access to it."""
    for name, value in monitor.local.environment().items():
        monkeypatch.setenv(name, value)
    for tick in (NOW, NOW + HOUR):
        sent = sorted(points(tick, bad_from=NOW), key=lambda point: str(point["Timestamp"]))
        monitor.local.ses().points = sent
        publish_email(monitor.local, sent, tick - HOUR, tick)
        publish_run(monitor.local, "SesReputation", tick, ok=monitor.tick(tick).ok)
    return monitor


def read(monitor: Deployment) -> dict[str, Widget]:
    """The widgets by their titles."""
    session = boto3.Session(region_name=monitor.local.region)
    return {widget.title: widget for widget in Reader(session, int(time.time())).widgets("SesReputation-eu-west-1")}


def test_every_line_of_every_graph_has_values(watched: Deployment) -> None:
    widgets = read(watched)
    empty = [f"{title}: {line.label}" for title, widget in widgets.items() for line in widget.lines if not line.values]
    assert empty == [
        "Bounces, complaints and rejects an hour: complaints",  # none has happened
        "Bounces, complaints and rejects an hour: rejects",
    ]
    assert not any(widget.trouble for widget in widgets.values())


def test_its_tables_show_notifications_and_awss_status(watched: Deployment) -> None:
    widgets = read(watched)
    [sent] = widgets["Latest notifications"].rows
    assert sent["what"].startswith("WARNING: SES bounce rate ") and sent["what"].endswith(", 1)")
    [state] = widgets["AWS's decision and open alerts, most alerts first"].rows
    assert set(state) == {
        *(
            "target",
            "as_of",
            "our_verdict",
            "aws_says",
            "open_alerts",
            "muted",
            "pause",
            "quota_percent",
            "aws_bounces_percent",
            "aws_complaints_percent",
        ),
    }
    assert (state["our_verdict"], state["aws_says"], state["quota_percent"]) == ("WARNING", "HEALTHY", "4.0")
    assert state["open_alerts"] == "1"
    assert widgets["What a run could not do"].rows == []


def test_what_a_run_could_not_do_is_on_it(watched: Deployment) -> None:
    watched.local.faults.plant("dynamodb", "PutItem", status=400, code="AccessDeniedException")
    assert not watched.tick(NOW + 2 * HOUR).ok
    rows = read(watched)["What a run could not do"].rows
    assert {row["what"] for row in rows} == {"the state could not be written (AccessDeniedException)"}
    assert {row["target"] for row in rows} == {"123456789012/eu-west-1"}


def test_it_shows_the_alarms_of_the_watchdog(watched: Deployment) -> None:
    states = read(watched)["Does the monitor run?"].states
    assert [name for name, _ in states] == [
        "SesReputation-not-running",
        "SesReputation-failing",
        "SesReputation-run-lost",
    ]
    assert all(state in ("OK", "INSUFFICIENT_DATA") for _, state in states)


def test_the_command_draws_it(watched: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "board.png"
    assert main(["--png", str(picture), "--settings", str(SETTINGS)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 50_000
    assert capsys.readouterr().out == f"{picture}: the dashboard SesReputation-eu-west-1 with 15 widgets\n"


def test_what_cannot_be_read_is_named_and_the_rest_is_drawn(
    watched: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.local.faults.plant("logs", "StartQuery", status=400, code="AccessDeniedException")
    picture = tmp_path / "board.svg"
    assert main(["--png", str(picture), "--settings", str(SETTINGS)]) == 1
    printed = capsys.readouterr().out
    assert printed.count("not readable: ") == 5
    assert "not readable: Latest notifications: access denied (AccessDeniedException)" in printed
    assert picture.exists()


def test_without_a_stack_there_is_one_clear_error(
    watched: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "other.toml"
    settings.write_text('[alerts]\nemails = ["oncall@mail.test"]\n[deployment]\nstage = "other"\n')
    assert main(["--png", str(tmp_path / "board.png"), "--settings", str(settings)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(
        "There is no dashboard SesReputation-other-eu-west-1 in eu-west-1.\nIs the stack deployed"
    )


def test_its_queries_name_fields_that_the_function_logs(watched: Deployment) -> None:
    local = watched.local
    body = json.loads(
        local.client("cloudwatch").get_dashboard(DashboardName="SesReputation-eu-west-1")["DashboardBody"]
    )
    queries = [widget["properties"]["query"] for widget in body["widgets"] if widget["type"] == "log"]
    named = {
        name
        for query in queries
        for command in query.split("|")[1:]
        for found in re.findall(r"(?:latest|max|ispresent)\(([a-z_.0-9]+)\)|fields (\w+)", command)
        for name in found
        if name
    }
    lines = [json.loads(line) for line in watched.tick(NOW + 2 * HOUR).log.splitlines() if line.startswith("{")]
    [logged] = [line for line in lines if line["message"] == "watched"]
    assert {name.split(".")[0] for name in named} <= set(logged)
