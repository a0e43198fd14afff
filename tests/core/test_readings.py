"""Subscriptions compared with the recipients of the settings."""

from __future__ import annotations

from typing import Any

import pytest
from ses_reputation.core.readings import Audience, Subscription, audience_of

TOPIC = "arn:aws:sns:eu-west-1:123456789012:people"

CASES = {
    "confirmed": (("email", "oncall@mail.test", True), ("email", "boss@mail.test", True), (2, 0, 2)),
    "upper case": (("email", "OnCall@Mail.test", True), ("email", "boss@mail.test", True), (2, 0, 2)),
    "as JSON": (("email-json", "oncall@mail.test", True), ("email", "boss@mail.test", True), (2, 0, 2)),
    "pending or deleted": (("email", "oncall@mail.test", False), ("email", "boss@mail.test", True), (2, 1, 1)),
    "a function is no listener": (("lambda", TOPIC, True), ("email", "boss@mail.test", True), (2, 1, 1)),
    "a queue is one": (("sqs", TOPIC, True), ("email", "boss@mail.test", True), (2, 1, 2)),
    "another person": (("email", "else@mail.test", True), ("email", "boss@mail.test", True), (2, 1, 2)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_only_confirmed_subscriptions_of_the_settings_addresses_count(case: Any) -> None:
    *subscriptions, expected = case
    found = audience_of(["oncall@mail.test", "Boss@mail.test"], [Subscription(*each) for each in subscriptions])
    assert found == Audience(*expected)
