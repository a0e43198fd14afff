"""The test alert: a message about nothing, and never an alert of a run. How it is sent: tests/test_monitor.py."""

from __future__ import annotations

from ses_reputation.core.checks import ALL
from ses_reputation.core.checks.base import Context
from ses_reputation.core.checks.drill import DRILL
from ses_reputation.core.notification import drill_notification

from tests.core.checks.monitor import POLICY, START, TARGET


def test_a_test_alert_says_that_nothing_is_wrong() -> None:
    document = drill_notification(TARGET, START, POLICY, Context())
    assert (document["check"], document["alert"]) == ("test", "test-20250201T0000Z")
    assert "Nothing is wrong." in document["summary"][0] and document["first_steps"] == []
    assert DRILL not in ALL
