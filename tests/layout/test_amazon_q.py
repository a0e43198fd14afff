"""Custom notifications of Amazon Q Developer. How each message reads is in golden (test_messages.py)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ses_reputation.core.notification import Document
from ses_reputation.layout.amazon_q import DESCRIPTION, custom_notification

from tests.layout.stories import HOSTILE, SMALL, hostile, the

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parent / "custom-notification.schema.json").read_text()))


def made_of(document: Document) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(custom_notification(document))
    return made


def test_an_alert_is_one_thread_of_messages_with_their_own_ids() -> None:
    bounces = [made_of(the(name)) for name in ("bounce-opened", "bounce-escalated", "bounce-resolved")]
    assert len({made["metadata"]["threadId"] for made in bounces}) == 1
    assert len({made["id"] for made in bounces}) == 3


def test_the_description_has_the_order_of_a_message() -> None:
    description = made_of(SMALL | {"cause": "one list"})["content"]["description"]
    order = ["Act now.", "590 of", "Cause: one list", "1. Stop it.", "ses-reputation cause", "Dashboard: ", "Alert: "]
    assert sorted(order, key=description.index) == order


def test_a_page_is_shown_as_a_full_address() -> None:
    description = made_of(SMALL)["content"]["description"]
    assert "Dashboard: https://d.example.com/?a=1&amp;b=2" in description.splitlines()


def test_hostile_text_mentions_nobody_and_formats_nothing() -> None:
    made = made_of(hostile())
    for text in (made["content"]["title"], made["content"]["description"]):
        assert not re.search(r"[*`~@<>]|(?<!\w)_|_(?!\w)|\]\(", text)
    assert HOSTILE not in made["content"]["description"]


def test_a_setting_can_still_be_copied_from_the_message() -> None:
    assert "feedback_share" in made_of(SMALL | {"summary": ["Set feedback_share."]})["content"]["description"]


def test_a_long_message_loses_its_small_print_and_keeps_its_links() -> None:
    facts = [{"name": str(number), "text": "x" * 900} for number in range(9)]
    description = made_of(SMALL | {"facts": facts})["content"]["description"]
    assert len(description) <= DESCRIPTION and description.endswith("…") and "Dashboard: https://" in description


@given(text=st.text(max_size=1_000))
def test_hostile_text_keeps_the_notifications_shape_and_links(text: str) -> None:
    made = made_of(hostile(text))
    SCHEMA.validate(made)
    description = made["content"]["description"]
    assert len(description) <= DESCRIPTION and "Dashboard: https://d.example.com/" in description
    assert not re.search(r"&(?!amp;|lt;|gt;)", description)
