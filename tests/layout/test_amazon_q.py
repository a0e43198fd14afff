"""What Amazon Q Developer writes into a Slack channel, made by the real core, kept as files to be read.

After a change of words: `UPDATE_GOLDEN=1 pytest tests/layout/test_amazon_q.py`, then read the files.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ses_reputation.core.plan import Notification
from ses_reputation.core.readings import Trouble
from ses_reputation.core.sentences import Context
from ses_reputation.layout.amazon_q import document

from tests.layout.test_email import CONTEXT, GOLDEN, MESSAGES, PLAIN, story, the, unreadable

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parent / "custom-notification.schema.json").read_text()))
SHOWN = (
    "bounce-escalated",
    "bounce-resolved",
    "complaint-opened",
    "paused-by-aws",
    "test-alert",
    "unknown-status",
    "unreadable-denied",
)
"""The messages whose notifications are kept as files."""


def made_of(notification: Notification, context: Context = CONTEXT) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(document(notification, context))
    return made


@pytest.mark.parametrize("name", SHOWN)
def test_the_notification_reads_as_its_golden_file(name: str) -> None:
    [notification], context = MESSAGES[name]()
    made = json.dumps(made_of(notification, context), indent=2, ensure_ascii=False) + "\n"
    golden = GOLDEN / f"chat-{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(made, encoding="utf-8")
    assert made == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MESSAGES)
def test_every_notification_has_the_shape_that_amazon_q_takes(name: str) -> None:
    notifications, context = MESSAGES[name]()
    for notification in notifications:
        SCHEMA.validate(made_of(notification, context))


def test_an_alert_is_one_thread_and_each_of_its_messages_has_an_id_of_its_own() -> None:
    bounces = [made_of(notification) for notification in story() if notification.check == "bounce"]
    assert len(bounces) > 2
    assert len({made["metadata"]["threadId"] for made in bounces}) == 1
    assert len({made["id"] for made in bounces}) == len(bounces)


def test_two_targets_two_concerns_and_two_installations_never_share_a_thread() -> None:
    bounce, complaint = the("bounce", "opened"), the("complaint", "opened")
    ohio = replace(bounce, target=replace(bounce.target, region="us-east-2"))
    other = replace(bounce, target=replace(bounce.target, account="210987654321"))
    threads = [made_of(said)["metadata"]["threadId"] for said in (bounce, complaint, ohio, other)]
    assert len({*threads, made_of(bounce, PLAIN)["metadata"]["threadId"]}) == 5


def test_the_title_says_stage_state_and_headline() -> None:
    title = made_of(the("bounce", "escalated"), PLAIN)["content"]["title"]
    assert title.startswith(":red_circle: [prod] CRITICAL: SES bounce rate ")


def test_the_first_steps_keep_the_commands_in_them_and_an_all_clear_has_none() -> None:
    [switched_off], context = MESSAGES["paused-by-ourselves"]()
    steps = made_of(switched_off, context)["content"]["nextSteps"]
    assert any("`aws sesv2 put-account-sending-attributes --sending-enabled --region eu-west-1`" in s for s in steps)
    assert made_of(the("bounce", "recovered"))["content"]["nextSteps"] == []


def test_the_pages_are_links_in_words() -> None:
    description = made_of(the("bounce", "opened"))["content"]["description"]
    assert description.splitlines()[-1] == (
        "<https://console.aws.amazon.com/d|Dashboard>"
        " · <https://eu-west-1.console.aws.amazon.com/ses/home?region=eu-west-1#/reputation|SES console>"
        " · <https://wiki.mail.test/ses|Runbook>"
    )


def test_an_address_with_an_ampersand_is_still_one_address() -> None:
    context = replace(CONTEXT, runbook_url="https://wiki.mail.test/?a=1&b=2")
    assert (
        "<https://wiki.mail.test/?a=1&amp;b=2|Runbook>"
        in made_of(the("bounce", "opened"), context)["content"]["description"]
    )


HOSTILE = "<!channel> & *bold* _italic_ ~gone~ `code` @here <https://evil.test|click>"


def test_what_comes_from_outside_calls_nobody_formats_nothing_and_links_nowhere() -> None:
    said = unreadable(Trouble.DENIED, 1)
    said = replace(said, target=replace(said.target, alias=HOSTILE))
    description = made_of(said)["content"]["description"]
    [line] = [line for line in description.splitlines() if line.startswith("*Account:*")]
    assert line == (
        "*Account:* &lt;!channel&gt; &amp; ∗bold∗ ＿italic＿ ∼gone∼ ˋcodeˋ ＠here "  # noqa: RUF001
        "&lt;https://evil.test|click&gt;, 123456789012, eu-west-1"
    )


def test_a_setting_can_still_be_copied_from_the_message() -> None:
    made = made_of(the("complaint", "opened"), replace(CONTEXT, feedback_share=0.5))
    assert "(feedback_share)" in made["content"]["description"]


@given(alias=st.text(max_size=4_000))
def test_whatever_an_account_is_called_the_notification_keeps_its_shape_and_its_links(alias: str) -> None:
    said = unreadable(Trouble.DENIED, 1)
    made = made_of(replace(said, target=replace(said.target, alias=alias)), Context("", UTC, "https://d.test", ""))
    SCHEMA.validate(made)
    description = made["content"]["description"]
    assert description.endswith("|SES console>")
    assert len(re.findall(r"<", description)) == 2
    assert not re.search(r"&(?!amp;|lt;|gt;)", description)
