"""Every message that a person reads, made by the real core, kept as a file to be read as prose.

After a change of words: `UPDATE_GOLDEN=1 pytest tests/layout/test_email.py`, then read the files.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ses_reputation.core.account import AwsRate
from ses_reputation.core.history import DAY
from ses_reputation.core.plan import MetricState, Notification
from ses_reputation.core.rates import Count, Metric
from ses_reputation.core.readings import Trouble
from ses_reputation.core.rules import Verdict, default_policy
from ses_reputation.core.sentences import Context, ses_console, suggested_share
from ses_reputation.core.target import Target
from ses_reputation.core.wording import duration, percent
from ses_reputation.entry import BATCH
from ses_reputation.layout.email import attributes, email, machine

from cli.samples import SAMPLES, START, Stories

GOLDEN = Path(__file__).parent / "golden"
IRELAND = Target("123456789012", "eu-west-1", "shop")
CONTEXT = Context("", ZoneInfo("Europe/Berlin"), "https://console.aws.amazon.com/d", "https://wiki.mail.test/ses")
PLAIN = Context("prod", UTC, "https://console.aws.amazon.com/d", "")


STORIES = Stories(default_policy(), IRELAND)
story = STORIES.bad_list


def the(check: str, reason: str) -> Notification:
    """The first notification of a kind about the bad list."""
    [notification] = STORIES.first(check, reason)
    return notification


def unreadable(trouble: Trouble, ticks: int = 2) -> Notification:
    """What is said of a target that could not be read for `ticks` ticks."""
    [notification] = STORIES.unreadable(trouble, ticks)
    return notification


def _message(name: str) -> tuple[list[Notification], Context]:
    return SAMPLES[name](STORIES), PLAIN if name in ("small-sender", "huge-sender", "several-at-once") else CONTEXT


MESSAGES = {name: partial(_message, name) for name in SAMPLES}
"""The notifications of each message and who they are told to."""


@pytest.mark.parametrize("name", MESSAGES)
def test_the_mail_reads_as_its_golden_file(name: str) -> None:
    notifications, context = MESSAGES[name]()
    made = email(notifications, context)
    text = f"Subject: {made.subject}\n\n{made.text}\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_the_document_for_programs_reads_as_its_golden_file() -> None:
    made = json.dumps(json.loads(machine([the("bounce", "escalated")], PLAIN)), indent=2) + "\n"
    golden = GOLDEN / "machine.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(made, encoding="utf-8")
    assert made == golden.read_text(encoding="utf-8")


SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "machine-message.schema.json").read_text(encoding="utf-8"))


def closed(schema: Any) -> Any:
    """`schema` with every object held to the properties that it names."""
    if isinstance(schema, list):
        return [closed(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return inner | {"additionalProperties": False} if schema.get("type") == "object" else inner


@pytest.mark.parametrize("name", MESSAGES)
def test_the_document_for_programs_is_what_its_schema_says_and_no_more(name: str) -> None:
    notifications, context = MESSAGES[name]()
    made = json.loads(machine(notifications, context))
    validator = Draft202012Validator(closed(SCHEMA), format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(made)] == []


def test_the_schema_refuses_another_version_and_a_document_without_notifications() -> None:
    made = json.loads(machine([the("bounce", "opened")], PLAIN))
    assert list(Draft202012Validator(SCHEMA).iter_errors(made | {"version": 2}))
    assert list(Draft202012Validator(SCHEMA).iter_errors(made | {"notifications": []}))


def test_the_longest_messages_of_one_run_are_together_less_than_sns_takes() -> None:
    context = replace(CONTEXT, runbook_url="https://wiki.mail.test/" + "x" * 480)
    longest = max((MESSAGES[name]()[0] for name in MESSAGES), key=lambda said: len(machine(said, context)) / len(said))
    alias = replace(longest[0], target=replace(IRELAND, alias="Q" * 60))
    said = [alias] * BATCH
    attributes_too = len(json.dumps(dict(attributes(said))))
    escaped = json.dumps([machine(said, context), email(said, context).text, email(said, context).text])
    assert len(escaped.encode()) + attributes_too < 256 * 1024 * 0.9


@pytest.mark.parametrize("name", MESSAGES)
def test_a_mail_fits_a_phone_and_what_sns_takes(name: str) -> None:
    made = email(*MESSAGES[name]())
    assert made.subject.isascii() and made.subject.isprintable() and len(made.subject) < 100
    assert all(len(line) <= 76 for line in made.text.splitlines() if "://" not in line)


def test_what_a_subscription_may_filter_by_names_everything_that_occurs() -> None:
    said = [the("complaint", "opened"), the("bounce", "escalated")]
    assert attributes(said) == {
        "severity": ["critical", "warning"],
        "metric": ["bounce", "complaint"],
        "kind": ["firing"],
        "account": ["123456789012"],
        "region": ["eu-west-1"],
    }


@pytest.mark.parametrize(
    ("rate", "lines", "shown"),
    [
        (0.05, (0.05,), "5 %"),
        (0.0499, (0.05,), "4.99 %"),
        (0.04999999, (0.05,), "4.999999 %"),
        (0.0500001, (0.05,), "5.00001 %"),
        (0.0008, (), "0.08 %"),
        (0.000798, (0.0008,), "0.0798 %"),
        (0.123456, (), "12 %"),
        (1.0, (), "100 %"),
        (0.0, (), "0 %"),
    ],
)
def test_a_percentage_never_rounds_to_the_other_side_of_a_line(
    rate: float, lines: tuple[float, ...], shown: str
) -> None:
    assert percent(rate, *lines).replace("\u00a0", " ") == shown


@given(rate=st.floats(0, 1), line=st.sampled_from([0.001, 0.005, 0.02, 0.05, 0.1]))
def test_whatever_the_rate_its_words_stand_on_its_own_side_of_the_line(rate: float, line: float) -> None:
    shown = float(percent(rate, line).removesuffix("\u00a0%")) / 100
    assert (shown > line + 1e-12) <= (rate >= line) and (shown < line - 1e-12) <= (rate <= line)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 min"), (900, "15 min"), (3_600, "1 h"), (19_800, "5 h 30 min"), (86_400, "1 d"), (187_200, "2 d 4 h")],
)
def test_a_stretch_of_time_is_said_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert duration(seconds).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/"),
        ("cn-north-1", "https://console.amazonaws.cn/"),
        ("us-gov-west-1", "https://console.amazonaws-us-gov.com/"),
    ],
)
def test_the_console_is_that_of_the_regions_partition(region: str, host: str) -> None:
    assert ses_console(region).startswith(host) and f"region={region}" in ses_console(region)


@pytest.mark.parametrize(
    ("ours", "aws", "present", "suggested"),
    [
        ((24, 38_400), 0.00125, 1.0, 0.5),
        ((24, 38_400), 0.00125, 0.5, 0.25),
        ((24, 38_400), 0.00063, 1.0, None),  # they agree
        ((24, 38_400), 0.0003, 1.0, None),  # AWS's is lower: no share explains that
        ((24, 38_400), 0.5, 1.0, None),  # nor so little of the email
        ((9, 38_400), 0.001, 1.0, None),  # too few to tell
        ((24, 38_400), 0.0, 1.0, None),
    ],
)
def test_a_feedback_share_is_suggested_where_it_would_explain_the_difference(
    ours: tuple[int, int], aws: float, present: float, suggested: float | None
) -> None:
    count = Count(*ours, START, START + DAY)
    state = MetricState(Metric.COMPLAINT, Verdict.OK, count, count, None, AwsRate(aws, START))
    assert suggested_share(state, present) == suggested
    assert suggested_share(replace(state, metric=Metric.BOUNCE), present) is None
    assert suggested_share(replace(state, aws=None), present) is None


@given(alias=st.text(max_size=60))
def test_whatever_an_account_is_called_a_mail_keeps_its_shape(alias: str) -> None:
    made = email([unreadable(Trouble.DENIED, 1)], CONTEXT)
    hostile = unreadable(Trouble.DENIED, 1)
    named = email([_renamed(hostile, alias)], CONTEXT)
    assert named.subject == made.subject
    assert len(named.text.splitlines()) - len(made.text.splitlines()) in (0, 1, 2)
    json.loads(machine([_renamed(hostile, alias)], CONTEXT))


def _renamed(notification: Notification, alias: str) -> Notification:
    return replace(notification, target=replace(notification.target, alias=alias))
