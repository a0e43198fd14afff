"""Notifications as one plain-text email. How each message reads is in golden (test_messages.py)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.channels import BATCH
from ses_reputation.core.checks.base import Context
from ses_reputation.core.notification import LONGEST_TEXT, attributes, envelope
from ses_reputation.layout.email import SUBJECT, WIDTH, email

from cli.samples import SAMPLES
from tests.layout.stories import SMALL, documents, hostile

RESOLVED = SMALL | {"kind": "resolved", "status": "OK", "title": "OK: SES bounce rate is low again in eu-west-1"}
WARNING = SMALL | {"severity": "warning", "status": "WARNING", "title": "WARNING: SES quota is nearly used up"}


def test_a_run_sends_one_email_worst_first_resolved_last() -> None:
    made = email([RESOLVED, WARNING, SMALL])
    titles = [part.strip().splitlines()[0] for part in made.text.split("=" * WIDTH)]
    assert titles == [SMALL["title"], WARNING["title"], RESOLVED["title"]]
    assert made.subject == f"{SMALL['title']} (+2 more)"


def test_a_long_subject_keeps_the_number_of_other_notifications() -> None:
    made = email([SMALL | {"title": "CRITICAL: " + "x" * 200}, WARNING])
    assert len(made.subject) == SUBJECT and made.subject.endswith("x... (+1 more)")


def test_one_alert_at_one_severity_has_one_subject() -> None:
    subjects = {email(documents(name)).subject for name in ("bounce-escalated", "bounce-reminder", "bounce-by-aws")}
    assert subjects == {"CRITICAL: SES bounce rate is high in eu-west-1"}


def test_the_cause_comes_before_the_first_steps() -> None:
    text = email([SMALL | {"cause": "94 of 112 bounces are at shop-old.example"}]).text
    assert text.index("Cause: 94 of 112") < text.index("What to do first:")


def test_a_command_and_an_address_are_never_broken() -> None:
    command, url = "aws " + "x" * 300, "https://wiki.example.com/" + "y" * 300
    text = email(
        [SMALL | {"command": {"shows": "See", "text": command}, "links": [{"name": "Runbook", "url": url}]}]
    ).text
    assert f"  {command}" in text.splitlines() and any(line.endswith(url) for line in text.splitlines())


@given(text=st.text(max_size=200))
def test_hostile_text_leaves_the_subject_one_printable_line(text: str) -> None:
    made = email([hostile(text)])
    assert made.subject.isascii() and made.subject.isprintable() and len(made.subject) <= SUBJECT


@pytest.mark.parametrize("sign", ["x", "é", "\N{LARGE RED CIRCLE}", '"', "\n"])
def test_the_longest_messages_of_one_run_fit_into_sns(sign: str) -> None:
    longest = max((document for name in SAMPLES for document in documents(name)), key=lambda d: len(json.dumps(d)))
    filled = longest | {"cause": "x" * LONGEST_TEXT, "account_name": sign * 60}
    filled["links"] = [{"name": "Runbook", "url": "https://wiki.example.com/" + "x" * 480}, *longest["links"]]
    sent = [filled] * BATCH
    made = email(sent).text
    bodies = json.dumps([json.dumps(envelope(sent, Context())), made, made])
    assert len(bodies.encode()) + len(json.dumps(dict(attributes(sent)))) < 256 * 1024 * 0.9
