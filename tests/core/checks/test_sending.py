"""Sending switched off by the account itself."""

from __future__ import annotations

from dataclasses import replace

from ses_reputation.core.rules import Verdict

from tests.core.checks.monitor import FINE, Monitor


def test_sending_switched_off_and_on_by_the_account_itself() -> None:
    monitor = Monitor()
    assert monitor.tick(replace(FINE, sending=False), times=4).verdict is Verdict.CRITICAL
    monitor.tick(times=4)
    assert monitor.sent == [("sending", "opened", "critical"), ("sending", "resolved", "critical")]
