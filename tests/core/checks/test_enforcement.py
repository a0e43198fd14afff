"""AWS's decision about the account: every change is sent once, and at once."""

from __future__ import annotations

from ses_reputation.core.history import HOUR
from ses_reputation.core.rules import Verdict

from tests.core.checks.monitor import FINE, Monitor, rates, status


def test_a_healthy_account_sends_nothing() -> None:
    monitor = Monitor()
    assert monitor.tick(FINE, rates(bounce=0.01, complaint=0.0001), times=8).verdict is Verdict.OK
    assert monitor.sent == []


def test_a_review_then_a_pause_then_health_are_sent_once_each() -> None:
    monitor = Monitor()
    assert monitor.tick(status("PROBATION"), times=8).verdict is Verdict.CRITICAL
    assert monitor.tick(status("SHUTDOWN"), times=8).verdict is Verdict.CRITICAL
    assert monitor.tick(times=8).verdict is Verdict.OK
    assert monitor.sent == [
        ("enforcement", "opened", "critical"),
        ("enforcement", "changed", "critical"),
        ("enforcement", "resolved", "critical"),
    ]


def test_each_change_of_the_status_has_its_headline() -> None:
    monitor = Monitor()
    words = ("PROBATION", "SHUTDOWN", "PROBATION", "UNDER_APPEAL", "HEALTHY")
    assert [monitor.tick(status(word), step=HOUR).documents[0]["title"] for word in words] == [
        "CRITICAL: AWS has put SES in eu-west-1 under review",
        "CRITICAL: AWS has paused SES in eu-west-1",
        "CRITICAL: AWS lets SES in eu-west-1 send again, under review",
        "WARNING: AWS calls SES in eu-west-1 UNDER_APPEAL",
        "OK: AWS calls SES in eu-west-1 healthy again",
    ]


def test_every_change_of_awss_status_is_sent() -> None:
    monitor = Monitor()
    for word in ("PROBATION", "SHUTDOWN", "PROBATION", "SHUTDOWN", "UNDER_APPEAL", "HEALTHY"):
        monitor.tick(status(word), times=5)
    assert monitor.words == [
        ("enforcement", "opened"),
        ("enforcement", "changed"),
        ("enforcement", "changed"),
        ("enforcement", "changed"),
        ("enforcement", "changed"),
        ("enforcement", "resolved"),
    ]


def test_a_pause_that_follows_a_review_within_the_hour_does_not_wait() -> None:
    monitor = Monitor()
    monitor.tick(status("PROBATION"))
    monitor.tick(status("SHUTDOWN"))
    assert monitor.words == [("enforcement", "opened"), ("enforcement", "changed")]


def test_an_unknown_status_is_sent_and_not_healthy() -> None:
    monitor = Monitor()
    assert monitor.tick(status("PENDING_SHUTDOWN")).verdict is Verdict.WARNING
    assert monitor.sent == [("enforcement", "opened", "warning")]
