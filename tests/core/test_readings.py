"""Answers of AWS: GetAccount is read or refused, and subscriptions are compared with the recipients of the settings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.history import BadData
from ses_reputation.core.readings import LONGEST_WORD, Account, Audience, Subscription, account_from, audience_of

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


ANSWER: dict[str, Any] = {
    "EnforcementStatus": "HEALTHY",
    "SendingEnabled": True,
    "ProductionAccessEnabled": True,
    "SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 12.0},
}


def test_an_answer_of_get_account_is_read_whole() -> None:
    assert account_from(ANSWER) == Account("HEALTHY", True, True, 50_000, 12)


def test_an_unlimited_quota_is_minus_one() -> None:
    assert account_from(ANSWER | {"SendQuota": {"Max24HourSend": -1, "SentLast24Hours": 0}}).quota == -1


def test_a_status_from_outside_is_cut_and_one_line() -> None:
    account = account_from(ANSWER | {"EnforcementStatus": "\N{PILE OF POO}" * 10_000 + "\n"})
    assert len(account.enforcement) == LONGEST_WORD == 60
    assert account_from(ANSWER | {"EnforcementStatus": "A\nB\x00C"}).enforcement == "A B C"


@pytest.mark.parametrize(
    "wrong",
    [
        {"EnforcementStatus": None},
        {"EnforcementStatus": ""},
        {"SendingEnabled": "yes"},
        {"ProductionAccessEnabled": None},
        {"SendQuota": None},
        {"SendQuota": {}},
        {"SendQuota": {"Max24HourSend": "many", "SentLast24Hours": 1}},
        {"SendQuota": {"Max24HourSend": float("nan"), "SentLast24Hours": 1}},
        {"SendQuota": {"Max24HourSend": 1, "SentLast24Hours": -2}},
    ],
    ids=repr,
)
def test_an_invalid_answer_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadData):
        account_from(ANSWER | wrong)


@given(
    answer=st.dictionaries(
        st.sampled_from([*ANSWER, "x"]),
        st.none()
        | st.booleans()
        | st.floats()
        | st.text(max_size=5)
        | st.dictionaries(st.sampled_from(["Max24HourSend", "SentLast24Hours"]), st.floats() | st.none() | st.text()),
    )
)
def test_any_answer_of_get_account_is_read_or_refused(answer: dict[str, Any]) -> None:
    try:
        account = account_from(answer)
    except BadData:
        return
    assert account.enforcement and account.state
