"""Payloads for an incoming webhook of Slack. How each message reads is in golden (test_messages.py)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.checks.base import Context
from ses_reputation.core.notification import Document, envelope
from ses_reputation.layout.slack import payloads

from local_aws.slack import problems
from tests.layout.stories import HOSTILE, SMALL, hostile, the

ALARM = {
    "AlarmName": "SesReputation-failing",
    "AlarmDescription": "3 runs of the SES reputation monitor in a row had errors. The function's log names what failed.",
    "AWSAccountId": "123456789012",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 3 datapoints were greater than or equal to the threshold (1.0).",
    "StateChangeTime": "2025-02-17T10:15:00.000+0000",
    "Region": "EU (Ireland)",
    "OldStateValue": "OK",
}


def one(document: Document, mention: str = "") -> dict[str, Any]:
    [payload] = payloads("", json.dumps(envelope([document], Context())), mention)
    return payload


def texts(payload: dict[str, Any]) -> list[str]:
    """Every text beside the coloured bar, in order."""
    [attachment] = payload["attachments"]
    return [
        text["text"]
        for block in attachment["blocks"]
        for text in [block.get("text"), *block.get("elements", [])]
        if text
    ]


def test_actions_come_before_the_small_print() -> None:
    assert texts(one(SMALL | {"cause": "one list"})) == [
        "*The alert has become critical. Act now.*\n590 of the last 10,642 emails bounced: 5.5%.\nCause: one list",
        "*What to do first*\n1. Stop it.",
        "Find who causes the bounces:\n```ses-reputation cause```",
        "<https://d.example.com/?a=1&amp;b=2|Dashboard>",
        "*Alert*  bounce-20250217T0945Z, message 2",
    ]


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("bounce-escalated", "#d1242f"),
        ("bounce-opened", "#e3a008"),
        ("bounce-recovering", "#e3a008"),
        ("unreadable-denied", "#6e7781"),
        ("bounce-resolved", "#2da44e"),
        ("test-alert", "#0969da"),
    ],
)
def test_the_colour_is_the_status(name: str, colour: str) -> None:
    assert one(the(name))["attachments"][0]["color"] == colour


def test_an_unknown_status_has_the_colour_of_unknown() -> None:
    assert one(SMALL | {"status": "PURPLE"})["attachments"][0]["color"] == "#6e7781"


@pytest.mark.parametrize("name", ["bounce-opened", "bounce-escalated", "bounce-resolved"])
def test_every_message_of_an_alert_has_its_id_in_the_text(name: str) -> None:
    payload = one(the(name))
    assert the(name)["alert"] in payload["text"] and the(name)["alert"] in texts(payload)[-1]


@pytest.mark.parametrize(
    ("mention", "markup"), [("here", "<!here>"), ("channel", "<!channel>"), ("S0123ABCD", "<!subteam^S0123ABCD>")]
)
def test_people_are_mentioned_when_an_alert_becomes_critical(mention: str, markup: str) -> None:
    payload = one(the("bounce-escalated"), mention)
    assert payload["blocks"][1]["text"]["text"] == markup and payload["text"].startswith(f"{markup} CRITICAL: ")
    assert list(problems(payload)) == []


@pytest.mark.parametrize(
    "name", ["bounce-opened", "bounce-reminder", "bounce-resolved", "unreadable-denied", "test-alert"]
)
def test_nobody_is_mentioned_for_anything_else(name: str) -> None:
    assert "<!" not in json.dumps(one(the(name), "here"))


def test_nobody_is_mentioned_unless_the_settings_ask() -> None:
    assert "<!" not in json.dumps(one(the("bounce-escalated")))


def test_each_notification_is_a_message_the_worst_first() -> None:
    warning = SMALL | {"title": "WARNING: second", "severity": "warning"}
    made = payloads("", json.dumps(envelope([warning, SMALL], Context())))
    assert [payload["blocks"][0]["text"]["text"] for payload in made] == [SMALL["title"], "WARNING: second"]


@pytest.mark.parametrize(
    ("state", "colour"), [("ALARM", "#d1242f"), ("OK", "#2da44e"), ("INSUFFICIENT_DATA", "#6e7781")]
)
def test_a_watchdog_alarm_says_what_is_wrong_or_over(state: str, colour: str) -> None:
    [payload] = payloads("", json.dumps(ALARM | {"NewStateValue": state}))
    assert payload["blocks"][0]["text"]["text"] == f"{state}: SesReputation-failing"
    assert payload["attachments"][0]["color"] == colour
    assert texts(payload)[0].startswith("It is over. ") is (state == "OK")
    assert ALARM["AlarmDescription"] in texts(payload)[0]


@pytest.mark.parametrize(
    "message",
    [
        "plain words",
        "{",
        "[" * 100_000,
        "[1, 2]",
        '{"source": "somebody else", "notifications": [{}]}',
        '{"source": "ses-reputation-monitor", "notifications": []}',
        '{"source": "ses-reputation-monitor", "notifications": [{}]}',
        '{"source": "ses-reputation-monitor", "notifications": [{}, 7]}',
        '{"AlarmName": 7}',
    ],
    ids=[
        "words",
        "half of JSON",
        "deep JSON",
        "a list",
        "of somebody else",
        "empty",
        "of nothing",
        "of mixed kinds",
        "no alarm",
    ],
)
def test_an_unknown_event_is_shown_unchanged(message: str) -> None:
    [payload] = payloads("Subject", message)
    assert payload["text"].startswith(f"Subject\n{message}"[:39_000]) and payload["mrkdwn"] is False


def test_slacks_control_characters_are_always_escaped() -> None:
    alarm = json.dumps(dict.fromkeys(ALARM, HOSTILE))
    for payload in (one(hostile()), *payloads(HOSTILE, alarm), *payloads(HOSTILE, HOSTILE)):
        shown = json.dumps(payload, ensure_ascii=False)
        assert "<!" not in shown and "<https://evil" not in shown and "&lt;!channel&gt; &amp; " in shown


@pytest.mark.parametrize("url", ["http://wiki.example.com/", "https://evil.test/|<!channel>", "https://a b"])
def test_an_unsafe_address_is_not_linked(url: str) -> None:
    links = [{"name": "Runbook", "url": url}, *SMALL["links"]]
    assert "<https://d.example.com/?a=1&amp;b=2|Dashboard>" in texts(one(SMALL | {"links": links}))


def test_long_text_is_cut_with_an_ellipsis_outside_escapes() -> None:
    payload = one(SMALL | {"title": "x" * 147 + "&" * 9, "summary": ["<" * 5_000]})
    assert payload["blocks"][0]["text"]["text"] == "x" * 147 + "…"
    assert texts(payload)[0].endswith("&lt;…")


def test_too_much_to_lay_out_is_shown_as_plain_text() -> None:
    long = "x" * 3_000
    payload = one(
        SMALL
        | {"summary": [long], "first_steps": [long], "command": {"shows": long, "text": long}}
        | {
            "links": [{"name": "x", "url": f"https://d.example.com/{'x' * 2_900}"}],
            "facts": [{"name": "x", "text": long}],
        }
    )
    assert set(payload) == {"text"} and payload["text"].startswith(SMALL["title"])


LONG = st.text(max_size=40) | st.sampled_from(["&", "<", "x", "`", "\n", "…"]).map(lambda sign: sign * 50_000)


@given(LONG.filter(bool), st.sampled_from(["", "here", "S0123ABCD"]))
def test_slack_takes_any_notification(text: str, mention: str) -> None:
    assert list(problems(one(hostile(text), mention))) == []


@given(st.dictionaries(st.sampled_from(sorted(ALARM)), LONG | st.integers() | st.none()))
def test_slack_takes_any_alarm(alarm: dict[str, Any]) -> None:
    for payload in payloads("An alarm", json.dumps(alarm)):
        assert list(problems(payload)) == []
