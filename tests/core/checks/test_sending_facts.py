"""Sending that is known to be stopped: it mutes the rates and is no silence, until email goes out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ses_reputation.core.history import HOUR
from ses_reputation.core.readings import Account, AwsRates, Unreadable
from ses_reputation.core.rules import Verdict

from tests.core.checks.monitor import DENIED, FINE, NO_RATES, START, THROTTLED, Monitor, rates, status


def test_a_pause_by_aws_mutes_the_rates_until_it_is_over() -> None:
    monitor = Monitor(bad_from=START)
    monitor.tick(status("SHUTDOWN"), times=30)
    assert monitor.checks == {"enforcement"}
    monitor.tick()
    assert ("bounce", "opened") in monitor.words


@pytest.mark.parametrize(
    ("account", "own"),
    [(status("PROBATION"), NO_RATES), (DENIED, NO_RATES), (DENIED, DENIED)],
    ids=["review", "account unreadable", "all unreadable"],
)
def test_a_review_or_unreadable_account_does_not_mute_the_rates(
    account: Account | Unreadable, own: AwsRates | Unreadable
) -> None:
    monitor = Monitor(bad_from=START)
    monitor.tick(account, own, times=30)
    assert "bounce" in monitor.checks


@pytest.mark.parametrize("word", ["SUSPENDED", "PROBATION"])
def test_another_status_mutes_nothing_while_the_account_is_unreadable(word: str) -> None:
    monitor = Monitor()
    monitor.tick(status(word))
    monitor.tick(THROTTLED, rates(bounce=0.06))
    assert "bounce" in monitor.checks


def test_a_pause_still_mutes_while_the_account_is_unreadable() -> None:
    monitor = Monitor(bad_from=START, ends=START)
    monitor.tick(status("SHUTDOWN"), rates(bounce=0.06), times=8)
    for _ in range(30):
        assert monitor.tick(THROTTLED).verdict is Verdict.CRITICAL
    assert monitor.checks == {"enforcement", "aws-unreadable"}


def test_sent_email_ends_a_pause_while_the_account_is_unreadable() -> None:
    monitor = Monitor(bad_from=START)
    monitor.tick(status("SHUTDOWN"), times=8)
    monitor.tick(THROTTLED, times=4)
    assert "bounce" not in monitor.checks
    monitor.tick(THROTTLED)
    assert "bounce" in monitor.checks


@pytest.mark.parametrize("stop", [status("SHUTDOWN"), replace(FINE, sending=False)], ids=["paused", "switched off"])
def test_stopped_sending_is_no_silence_while_the_account_is_unreadable(stop: Account) -> None:
    monitor = Monitor(ends=START)
    monitor.tick(replace(stop, used=0), times=8)
    monitor.tick(THROTTLED, times=30)
    assert "silence" not in monitor.checks


def test_a_pause_mutes_awss_own_rate_too() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(bounce=0.06))
    monitor.tick(status("SHUTDOWN"), rates(bounce=0.12, complaint=0.002), times=23, step=HOUR)
    assert monitor.words == [("bounce", "opened"), ("enforcement", "opened")]


def test_a_pause_mutes_reminders_of_the_rates() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(bounce=0.06))
    monitor.tick(status("SHUTDOWN"), rates(bounce=0.12), times=50, step=HOUR)
    assert {check for check, reason, _ in monitor.sent if reason == "reminder"} == {"enforcement"}
