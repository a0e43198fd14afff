"""Recipients without a confirmed subscription: found, gone, and not known. The messages: tests/test_monitor.py."""

from __future__ import annotations

import pytest
from ses_reputation.core.alert import Track
from ses_reputation.core.checks.base import Seen
from ses_reputation.core.checks.subscribers import SUBSCRIBERS, MissingFound
from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET
from ses_reputation.core.readings import Audience, Readings, Trouble, Unreadable
from ses_reputation.core.rules import Severity
from ses_reputation.core.state import State

from tests.core.checks.monitor import POLICY, START, TARGET


@pytest.mark.parametrize(
    ("audience", "found"),
    [
        (Audience(expected=2, missing=1, listeners=1), (MissingFound(Severity.WARNING, 1, 2, 1),)),
        (Audience(expected=2, missing=2, listeners=0), (MissingFound(Severity.CRITICAL, 2, 2, 0),)),
        (Audience(expected=2, missing=0, listeners=2), ()),
    ],
    ids=["one missing", "nobody left", "all subscribed"],
)
def test_a_missing_subscriber_is_found(audience: Audience, found: tuple[MissingFound, ...]) -> None:
    standings = SUBSCRIBERS.standings(Seen(TARGET, START, POLICY, Readings((), audience=audience)))
    assert standings["subscribers"].found == found


@pytest.mark.parametrize("unknown", [None, Unreadable(Trouble.DENIED, "ListSubscriptionsByTopic: AuthorizationError")])
def test_unknown_subscriptions_are_no_finding(unknown: Unreadable | None) -> None:
    assert SUBSCRIBERS.standings(Seen(TARGET, START, POLICY, Readings((), audience=unknown))) == {}


def test_an_alert_without_stored_facts_names_no_numbers() -> None:
    track = Track("subscribers-x", START, Severity.WARNING, START, START, None)
    state = State(tick=START, tracks={"subscribers": track})
    [document] = decide(TARGET, Readings(()), state, POLICY, START + BUCKET).documents
    assert document["title"] == "WARNING: Somebody who should get SES alerts is not subscribed"
