"""Alerts of a target that is watched no more: closed, and nothing is called well."""

from __future__ import annotations

from ses_reputation.core.alert import Sent
from ses_reputation.core.checks import ALL
from ses_reputation.core.checks.base import Context
from ses_reputation.core.history import BUCKET, DAY
from ses_reputation.core.roster import dismissed
from ses_reputation.core.rules import Severity, default_policy
from ses_reputation.core.state import State

from tests.core.test_roster import NOON, SHOP


def test_open_alerts_of_a_removed_target_close_without_an_ok() -> None:
    sent = {
        check.name: Sent(f"{check.name}-1", Severity.WARNING, (), 3, NOON - DAY, NOON - DAY, NOON - DAY)
        for check in ALL
    }
    plan = dismissed(SHOP.targets[0], State(NOON - BUCKET, sent=sent), default_policy(), NOON, Context())
    assert [document["check"] for document in plan.documents] == [check.name for check in ALL]
    assert {document["status"] for document in plan.documents} == {"UNKNOWN"}
    assert {(document["kind"], document["number"]) for document in plan.documents} == {("resolved", 4)}
    assert plan.state.sent == {} and plan.state.tracks == {} and plan.state.tick == NOON
    assert [delivery.document for delivery in plan.state.outbox] == [*plan.documents]
    again = dismissed(SHOP.targets[0], plan.state, default_policy(), NOON + BUCKET, Context())
    assert again.documents == () and again.state.outbox == plan.state.outbox
