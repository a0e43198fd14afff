"""A forwarder: what it posts, how often, and what it raises; the channel and the stored address are stand-ins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ses_reputation.aws import webhook
from ses_reputation.aws.webhook import NotNow, Refused
from ses_reputation.core import notification
from ses_reputation.core.checks.base import Context
from ses_reputation.core.rules import default_policy
from ses_reputation.core.target import Target
from ses_reputation.forwarder import BadEvent, Forwarder

ANY = notification.drill_notification(Target("123456789012", "eu-west-1"), 1_739_785_500, default_policy(), Context())
FIRST, SECOND, THIRD = ({**ANY, "title": f"headline {number}"} for number in (1, 2, 3))


class Slack:
    """Accepts every post except for planted errors."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.trouble: dict[str, Exception] = {}  # by a word in the post or in the address
        self.addresses = iter(["address", "another address", "a third address"])

    def post(self, address: str, payload: dict[str, Any], remaining: object) -> None:
        text = str(payload["text"]).splitlines()[0]
        self.asked.append((address, text))
        for word, error in self.trouble.items():
            if word in json.dumps(payload) or word == address:
                raise error
        self.taken.append(text)

    def forwarder(self) -> Forwarder:
        return Forwarder(lambda: next(self.addresses), self.post)


@pytest.fixture
def slack() -> Slack:
    return Slack()


def message(*documents: dict[str, Any]) -> str:
    return json.dumps({**notification.envelope([], Context()), "notifications": documents})


def forward(forwarder: Forwarder, *documents: dict[str, Any], message_id: str = "m") -> int:
    return forwarder.forward(message_id, "subject", message(*documents), lambda: 60.0)


def test_the_address_is_read_once_for_all_messages(slack: Slack) -> None:
    forwarder = slack.forwarder()
    assert forward(forwarder, FIRST, SECOND) == 2 and forward(forwarder, THIRD, message_id="n") == 1
    assert slack.taken == ["headline 1", "headline 2", "headline 3"]
    assert {address for address, _ in slack.asked} == {"address"}


def test_a_batch_that_stopped_half_way_continues_there(slack: Slack) -> None:
    forwarder = slack.forwarder()
    slack.trouble["headline 2"] = NotNow("Slack did not answer")
    with pytest.raises(NotNow):
        forward(forwarder, FIRST, SECOND, THIRD)
    slack.trouble.clear()
    assert forward(forwarder, FIRST, SECOND, THIRD) == 3
    assert slack.taken == ["headline 1", "headline 2", "headline 3"]


def test_a_refused_layout_is_posted_as_plain_text(slack: Slack) -> None:
    slack.trouble["blocks"] = Refused(400, "invalid_blocks")
    assert forward(slack.forwarder(), FIRST) == 1
    assert slack.taken == ["headline 1"] and len(slack.asked) == 2


def test_a_refused_message_delays_no_other(slack: Slack) -> None:
    forwarder = slack.forwarder()
    slack.trouble["headline 2"] = Refused(400, "invalid_payload")
    with pytest.raises(Refused):
        forward(forwarder, FIRST, SECOND, THIRD)
    assert slack.taken == ["headline 1", "headline 3"]
    asked = len(slack.asked)
    with pytest.raises(Refused):  # Lambda then keeps the event
        forward(forwarder, FIRST, SECOND, THIRD)
    assert len(slack.asked) == asked


def test_a_dead_address_is_read_again_at_the_next_attempt(slack: Slack) -> None:
    forwarder = slack.forwarder()
    slack.trouble["address"] = Refused(404, "no_service")
    with pytest.raises(Refused):
        forward(forwarder, FIRST)
    assert forward(forwarder, FIRST) == 1
    assert slack.asked == [("address", "headline 1"), ("another address", "headline 1")]


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        {"now": "2025-02-04T10:30:00Z"},
        {"Records": []},
        {"Records": [{"Sns": {}}]},
        {"Records": [{"Sns": {"MessageId": 5, "Message": "words"}}]},
    ],
    ids=repr,
)
def test_an_event_without_a_notification_is_a_clear_error(slack: Slack, event: object) -> None:
    with pytest.raises(BadEvent, match="nothing was done"):
        slack.forwarder().handle(event, lambda: 60.0)
    assert slack.asked == []


def test_a_notification_of_sns_is_posted(slack: Slack) -> None:
    sns = {"MessageId": "m", "Message": message(FIRST), "Subject": None}
    slack.forwarder().handle({"Records": [{"Sns": sns}]}, lambda: 60.0)
    assert slack.taken == ["headline 1"]


def test_an_event_refused_by_pagerduty_is_not_retried() -> None:
    asked: list[str] = []

    def post(key: str, event: dict[str, Any], remaining: object) -> None:
        asked.append(event["event_action"])
        raise Refused(413, "without a word", webhook.PAGERDUTY)

    forwarder = Forwarder(lambda: "key", post, lambda subject, message: [{"event_action": "trigger"}])
    with pytest.raises(Refused):
        forwarder.forward("m", "", "", lambda: 60.0)
    assert asked == ["trigger"]
