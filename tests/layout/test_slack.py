"""What Slack is shown, kept as JSON to be looked at in Slack's Block Kit Builder.

After a change of words: `UPDATE_GOLDEN=1 pytest tests/layout/test_slack.py`, then read the files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.account import AWS_UNREADABLE
from ses_reputation.core.readings import UNREADABLE
from ses_reputation.layout.slack import payloads

from local_aws.slack import problems

GOLDEN = Path(__file__).parent / "golden"

SAID = {
    "kind": "resolved",
    "metric": "complaint",
    "severity": "critical",
    "account": "123456789012",
    "region": "eu-west-1",
    "alert": "complaint-20250217T0945Z",
    "seq": 4,
    "headline": "OK: SES complaint rate in eu-west-1 is low again (2\u00a0d after the first warning)",
    "summary": ["3 of the last 41,000 emails brought complaints: 0.0073\u00a0% (sent over 1\u00a0d)."],
    "facts": [{"name": "What is new", "text": "it is over"}],
    "next_steps": [],
    "links": {"dashboard": "https://console.aws.amazon.com/d", "runbook": "https://wiki.mail.test/ses?a=1&b=2"},
}
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


def document(*notifications: object, stage: str = "") -> str:
    return json.dumps(
        {"version": 1, "source": "ses-reputation-monitor", "stage": stage, "notifications": notifications}
    )


EXAMPLES = {
    "slack-firing": ("[prod] CRITICAL: …", (GOLDEN / "machine.json").read_text(encoding="utf-8")),
    "slack-resolved": ("OK: …", document(SAID)),
    "slack-alarm": ('ALARM: "SesReputation-failing" in EU (Ireland)', json.dumps(ALARM)),
    "slack-alarm-over": (
        'OK: "SesReputation-failing" in EU (Ireland)',
        json.dumps(ALARM | {"NewStateValue": "OK", "OldStateValue": "ALARM"}),
    ),
    "slack-anything": ("A note", "Deploying at <10:00> & until noon."),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_slack_shows_is_its_golden_file(name: str) -> None:
    made = json.dumps(payloads(*EXAMPLES[name]), indent=2, ensure_ascii=False) + "\n"
    golden = GOLDEN / f"{name}.json"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text(made, encoding="utf-8")
    assert made == golden.read_text(encoding="utf-8")


def colour(notification: dict[str, Any]) -> str:
    [payload] = payloads("", document(notification))
    return str(payload["attachments"][0]["color"])


def test_the_colour_tells_critical_warning_unknown_and_over_apart() -> None:
    said = [
        SAID | {"kind": "firing"},
        SAID | {"kind": "reminder", "severity": "warning"},
        SAID | {"kind": "firing", "metric": UNREADABLE},
        SAID | {"kind": "firing", "metric": AWS_UNREADABLE},
        SAID,
    ]
    assert [colour(each) for each in said] == ["#d1242f", "#e3a008", "#6e7781", "#6e7781", "#2da44e"]


def test_a_colour_that_nobody_knows_is_that_of_the_unknown() -> None:
    assert colour(SAID | {"kind": "firing", "severity": "purple"}) == "#6e7781"


def test_each_notification_is_a_message_and_their_order_stays() -> None:
    several = document(SAID | {"headline": "first"}, SAID | {"headline": "second"}, stage="prod")
    assert [payload["blocks"][0]["text"]["text"] for payload in payloads("", several)] == [
        "[prod] first",
        "[prod] second",
    ]


def test_a_notification_without_words_is_shown_all_the_same() -> None:
    [payload] = payloads("", document({"severity": "critical", "alert": "bounce-1", "seq": 1}))
    assert payload["text"] == "SES reputation"
    [attachment] = payload["attachments"]
    assert [block["elements"][0]["text"] for block in attachment["blocks"]] == ["Message 1 of alert bounce-1"]
    assert list(problems(payload)) == []


@pytest.mark.parametrize(
    "message",
    [
        "plain words",
        "{",
        "[" * 100_000,
        "[1, 2]",
        '{"source": "somebody else", "notifications": [{}]}',
        '{"source": "ses-reputation-monitor", "notifications": []}',
        '{"source": "ses-reputation-monitor", "notifications": [{}, 7]}',
        '{"AlarmName": 7}',
    ],
    ids=["words", "half of JSON", "deep JSON", "a list", "of somebody else", "empty", "of mixed kinds", "no alarm"],
)
def test_what_is_not_understood_is_shown_as_it_came(message: str) -> None:
    [payload] = payloads("Subject", message)
    assert payload["text"].startswith(f"Subject\n{message}"[:39_000]) and payload["mrkdwn"] is False


def test_what_steers_slack_is_escaped_wherever_it_comes_from() -> None:
    evil = "<!channel> & <https://evil.test|click>"
    said = SAID | {
        "headline": evil,
        "summary": [evil],
        "facts": [{"name": evil, "text": evil}],
        "next_steps": [evil],
        "links": {evil: "https://console.aws.amazon.com/d", "runbook": "https://evil.test/|<!channel>"},
        "alert": evil,
    }
    for message in (document(said, stage=evil), json.dumps(dict.fromkeys(ALARM, evil)), evil):
        [payload] = payloads(evil, message)
        shown = json.dumps(payload, ensure_ascii=False)
        assert "<!" not in shown and "<https://evil" not in shown and "&lt;!channel&gt; &amp; &lt;" in shown


def test_a_page_whose_address_is_too_long_or_not_safe_is_not_linked() -> None:
    links = {
        "runbook": "https://wiki.test/" + "x" * 3_000,
        "other": "http://wiki.test/",
        "dashboard": "https://d.test/",
    }
    [payload] = payloads("", document(SAID | {"links": links}))
    assert [b["text"]["text"] for b in payload["attachments"][0]["blocks"] if "<" in str(b)] == [
        "<https://d.test/|Dashboard>"
    ]


def test_what_is_too_long_ends_in_an_ellipsis_and_never_within_an_escape() -> None:
    [payload] = payloads("", document(SAID | {"headline": "x" * 147 + "&" * 9, "summary": ["<" * 5_000]}))
    assert payload["blocks"][0]["text"]["text"] == "x" * 147 + "…"
    summary = payload["attachments"][0]["blocks"][0]["text"]["text"]
    assert summary == "&lt;" * 749 + "…"


def test_what_is_too_much_to_be_laid_out_is_shown_as_words() -> None:
    facts = [{"name": str(number), "text": "x" * 1_500} for number in range(9)]
    [payload] = payloads("", document(SAID | {"facts": facts}))
    assert set(payload) == {"text"} and payload["text"].startswith("OK: SES complaint rate")


LONG = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["&", "<", "x", "…"]).map(lambda sign: sign * 50_000),
    st.integers(),
    st.none(),
)
ANY_NOTIFICATIONS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("headline", "kind", "metric", "severity", "account", "region", "alert", "seq"), LONG),
        **dict.fromkeys(("summary", "next_steps"), st.lists(LONG, max_size=60)),
        "facts": st.lists(st.fixed_dictionaries({"name": LONG, "text": LONG}), max_size=30),
        "links": st.dictionaries(st.text(max_size=20), LONG | st.just("https://d.test/?" + "a=1&" * 400), max_size=5),
    },
)


@given(st.lists(ANY_NOTIFICATIONS, min_size=1, max_size=3), st.text(max_size=20))
def test_slack_takes_whatever_a_notification_holds(notifications: list[Any], stage: str) -> None:
    for payload in payloads("", document(*notifications, stage=stage)):
        assert list(problems(payload)) == []


@given(st.dictionaries(st.sampled_from(sorted(ALARM)), LONG))
def test_slack_takes_whatever_an_alarm_holds(alarm: dict[str, Any]) -> None:
    for payload in payloads("An alarm", json.dumps(alarm)):
        assert list(problems(payload)) == []
