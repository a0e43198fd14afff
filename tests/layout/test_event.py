"""A notification as an EventBridge event: fields that rules can match, and the schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ses_reputation.layout.event import DETAIL_TYPES, event

from cli.samples import SAMPLES
from tests.layout.stories import documents, hostile, the

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "notification.schema.json").read_text(encoding="utf-8"))
DETAIL = Draft202012Validator({**SCHEMA["$defs"]["notification"], "$defs": SCHEMA["$defs"]})


@pytest.mark.parametrize("name", SAMPLES)
def test_every_notification_is_an_event_whose_detail_is_the_document(name: str) -> None:
    for document in documents(name):
        made = event(document)
        detail = json.loads(made["Detail"])
        DETAIL.validate(detail)
        assert detail == document
        assert made["Source"] == "ses-reputation-monitor" and not made["Source"].startswith("aws.")
        assert made["Time"].tzinfo is not None


def test_the_detail_type_says_if_something_opens_or_ends() -> None:
    kinds = {the(name)["kind"]: event(the(name))["DetailType"] for name in ("bounce-opened", "bounce-resolved")}
    assert kinds == {"firing": "SES Reputation Alert Firing", "resolved": "SES Reputation Alert Resolved"}
    assert set(DETAIL_TYPES) == set(SCHEMA["$defs"]["notification"]["properties"]["kind"]["enum"])


def test_the_largest_event_is_far_below_the_limit() -> None:
    assert len(event(hostile("\U0001f525" * 1_000))["Detail"].encode()) < 256 * 1024 / 2
