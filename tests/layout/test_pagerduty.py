"""Events for PagerDuty's Events API v2. How each message reads is in golden (test_messages.py)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.checks.base import Context
from ses_reputation.core.notification import Document, envelope
from ses_reputation.layout.pagerduty import events

from cli.samples import SAMPLES
from local_aws.pagerduty import problems
from tests.layout.stories import SMALL, documents, hostile, the

ALARM = {"AlarmName": "SesReputation-failing", "AWSAccountId": "123456789012", "Region": "EU (Ireland)"}


def made_of(*sent: Document) -> list[dict[str, Any]]:
    return events("", json.dumps(envelope(sent, Context())))


@pytest.mark.parametrize("name", SAMPLES)
def test_pagerduty_takes_every_message(name: str) -> None:
    assert [list(problems(event)) for event in made_of(*documents(name))] == [[]] * len(documents(name))


def test_an_alert_triggers_and_resolves_one_incident() -> None:
    actions = [made_of(the(name))[0] for name in ("bounce-opened", "bounce-escalated", "bounce-resolved")]
    assert [event["event_action"] for event in actions] == ["trigger", "trigger", "resolve"]
    assert {event["dedup_key"] for event in actions} == {the("bounce-opened")["deduplication_key"]}
    assert [event["payload"]["severity"] for event in actions[:2]] == ["warning", "critical"]


def test_a_reminder_reopens_an_incident_closed_too_early() -> None:
    [event] = made_of(the("bounce-reminder"))
    assert event["event_action"] == "trigger"


def test_a_test_alert_is_only_information() -> None:
    [event] = made_of(the("test-alert"))
    assert event["payload"]["severity"] == "info"


def test_an_event_says_what_to_do_and_links_the_pages() -> None:
    [event] = made_of(SMALL)
    assert event["payload"]["custom_details"]["first_steps"] == ["1. Stop it."]
    assert event["links"] == [{"href": "https://d.example.com/?a=1&b=2", "text": "Dashboard"}]


def test_a_watchdog_alarm_triggers_and_resolves_by_its_name() -> None:
    ring, over = (events("", json.dumps(ALARM | {"NewStateValue": state}))[0] for state in ("ALARM", "OK"))
    assert (ring["event_action"], ring["payload"]["severity"]) == ("trigger", "error")
    assert (over["event_action"], over["dedup_key"]) == ("resolve", ring["dedup_key"])


@pytest.mark.parametrize(
    "message",
    [
        "plain words",
        "{",
        "[" * 100_000,
        "[1]",
        '{"source": "somebody else", "notifications": [{}]}',
        '{"AlarmName": 7}',
    ],
    ids=["words", "half of JSON", "deep JSON", "a list", "of somebody else", "no alarm"],
)
def test_an_unknown_event_is_an_incident_too(message: str) -> None:
    [event] = events("Subject", message)
    assert list(problems(event)) == [] and event["payload"]["summary"] == "Subject"


@given(text=st.text(min_size=1, max_size=2_000))
def test_pagerduty_takes_hostile_text(text: str) -> None:
    for event in made_of(hostile(text)):
        assert list(problems(event)) == []
