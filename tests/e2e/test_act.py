"""What the team orders and what the monitor does itself: mutes, acknowledgements, pauses, with the deployed permissions."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from ses_reputation.core.orders import SCHEMA, Ack, Mute, Orders, to_text
from ses_reputation.ordered import KEY

from cli.main import main
from local_aws.server import ACCOUNT
from tests.e2e.conftest import HOUR, NOW, QUARTER, SETTINGS, Deployment, points, within_a_day

IRELAND = f"{ACCOUNT}/eu-west-1"
MILD, BAD = 18, 90
"""Bounces of 400 emails that make a warning, and a critical alert."""


def order(monitor: Deployment, *mutes: Mute, acks: tuple[Ack, ...] = ()) -> None:
    """Store orders, as the commands do, at any time."""
    monitor.local.client("dynamodb").put_item(
        TableName=monitor.outputs["StateTableName"],
        Item={
            "pk": {"S": KEY},
            "version": {"N": "1"},
            "schema": {"N": str(SCHEMA)},
            "state": {"S": to_text(Orders(mutes, acks))},
        },
    )


def play(monitor: Deployment, start: int, end: int, bounces: int = MILD, *, step: int = HOUR) -> list[tuple[str, str]]:
    """What is sent by ticks from `start` up to `end`, of a sender who is bad from `NOW` on."""
    before = len(monitor.notifications())
    for tick in range(start, end, step):
        at = within_a_day(tick)
        monitor.local.ses().points = [
            point | {"Bounces": bounces} if point["Bounces"] == 60 else point for point in points(at, bad_from=NOW)
        ]
        result = monitor.tick(at)
        assert result.ok, result
    return [(a["reason"], a["severity"]) for a in monitor.notifications()[before:]]


def logged(monitor: Deployment) -> list[dict[str, Any]]:
    """Lines of the log about a target."""
    events = monitor.local.client("logs").filter_log_events(logGroupName="/aws/lambda/SesReputation")["events"]
    lines = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    return [line for line in lines if line["message"] == "watched"]


def test_a_muted_alert_is_silent_breaks_through_as_critical_and_is_sent_when_the_mute_ends(monitor: Deployment) -> None:
    mute = Mute(NOW, NOW + 12 * HOUR, "bounce", "eu-west-1", "list clean-up")
    order(monitor, mute)
    assert play(monitor, NOW, NOW + 6 * HOUR) == []
    assert monitor.metric("Verdict", within_a_day(NOW + 5 * HOUR)) == [1]
    assert logged(monitor)[-1]["muted"].startswith("bounce alerts in eu-west-1, unless critical, until")
    assert play(monitor, NOW + 6 * HOUR, NOW + 11 * HOUR, BAD)[:1] == [("opened", "critical")]
    assert "Muted" in {fact["name"] for fact in monitor.notifications()[-1]["facts"]}


def test_a_mute_that_ends_while_the_monitor_is_away_is_over_when_it_is_back(monitor: Deployment) -> None:
    order(monitor, Mute(NOW, NOW + 12 * HOUR, critical=True))
    assert play(monitor, NOW, NOW + 8 * HOUR, BAD) == []
    assert play(monitor, NOW + 20 * HOUR, NOW + 21 * HOUR, BAD) == [("opened", "critical")]


def test_an_acknowledged_alert_is_not_reminded_of(monitor: Deployment) -> None:
    assert play(monitor, NOW, NOW + 4 * HOUR) == [("opened", "warning")]
    order(monitor, acks=(Ack(IRELAND, monitor.notifications()[0]["alert"], NOW + 4 * HOUR),))
    assert play(monitor, NOW + 22 * HOUR, NOW + 30 * HOUR) == []
    order(monitor)
    assert play(monitor, NOW + 30 * HOUR, NOW + 31 * HOUR) == [("reminder", "warning")]


def test_orders_that_nobody_should_have_written_hold_nothing_back(monitor: Deployment) -> None:
    order(monitor, Mute(NOW, NOW + 31 * 24 * HOUR))
    assert play(monitor, NOW, NOW + 4 * HOUR) == [("opened", "warning")]


def test_a_table_that_cannot_be_read_mutes_nothing(monitor: Deployment) -> None:
    order(monitor, Mute(NOW, NOW + 12 * HOUR))
    assert play(monitor, NOW, NOW + HOUR) == []
    monitor.local.ses().points = points(NOW + 2 * HOUR, bad_from=NOW)
    monitor.local.faults.plant("dynamodb", "GetItem", times=3)  # the client's own attempts at the first thing it reads
    first, *_ = monitor.schedule.fire(within_a_day(NOW + 2 * HOUR))
    assert not first.ok and "so nothing is muted" in str(first.payload)
    assert monitor.sent() == [("bounce", "opened")]


def test_the_commands_reach_the_deployed_monitor(
    monitor: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in monitor.local.environment().items():
        monkeypatch.setenv(name, value)
    where = ["--settings", str(SETTINGS)]
    assert main(["mute", "--check", "bounce", "--for", "2h", "--reason", "clean-up", "--all", *where]) == 0
    now = int(time.time()) // QUARTER * QUARTER + QUARTER  # a tick may be so far ahead of the clock
    monitor.local.ses().points = points(now, bad_from=now - 2 * HOUR)
    monitor.tick(now)
    assert ("bounce", "opened") not in monitor.sent()
    assert main(["mutes", *where]) == 0 and "clean-up" in capsys.readouterr().out
    assert main(["unmute", "--check", "bounce", *where]) == 0
    assert main(["ack", "bounce-20250101T0000Z", *where]) == 2
    assert "No alert bounce-20250101T0000Z is open" in capsys.readouterr().err
