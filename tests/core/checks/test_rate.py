"""AWS's own rates beside ours: one alert of two sources; and the trend of a rate. Ours alone: tests/core/test_evaluation.py."""

from __future__ import annotations

import pytest
from ses_reputation.core.checks.rate import trend
from ses_reputation.core.history import HOUR
from ses_reputation.core.rates import Count
from ses_reputation.core.rules import Verdict

from tests.core.checks.monitor import START, THROTTLED, Monitor, rates


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(0.0449, Verdict.OK), (0.0451, Verdict.WARNING), (0.0499, Verdict.WARNING), (0.05, Verdict.CRITICAL)],
)
def test_awss_own_bounce_rate_has_two_thresholds(rate: float, verdict: Verdict) -> None:
    assert Monitor().tick(rates=rates(bounce=rate)).verdict is verdict


def test_awss_own_rate_opens_escalates_and_resolves_if_ours_is_fine() -> None:
    monitor = Monitor()
    for rate, times in ((0.0449, 1), (0.046, 1), (0.05, 1), (0.01, 25)):
        monitor.tick(rates=rates(bounce=rate), times=times, step=HOUR)
    assert monitor.sent[:2] == [("bounce", "opened", "warning"), ("bounce", "escalated", "critical")]
    assert monitor.sent[-1][:2] == ("bounce", "resolved")


def test_awss_own_rate_above_its_pause_threshold_is_sent_once() -> None:
    monitor = Monitor()
    for rate in (0.0011, 0.0049, 0.005, 0.009, 0.0049, 0.006):
        monitor.tick(rates=rates(complaint=rate), times=5)
    assert monitor.words == [("complaint", "opened"), ("complaint", "changed")]


def test_awss_own_rate_near_its_threshold_joins_our_alert() -> None:
    monitor = Monitor(bad_from=START, bad=20)
    monitor.tick(rates=rates(bounce=0.02), times=16)
    monitor.tick(rates=rates(bounce=0.046), times=8)
    assert monitor.words == [("bounce", "opened")]


def test_awss_own_rate_above_its_review_threshold_escalates_our_alert() -> None:
    monitor = Monitor(bad_from=START, bad=20)
    monitor.tick(rates=rates(bounce=0.02), times=16)
    monitor.tick(rates=rates(bounce=0.052), times=8)
    assert monitor.words == [("bounce", "opened"), ("bounce", "escalated")]


def test_awss_own_rate_and_ours_are_one_alert() -> None:
    monitor = Monitor(bad_from=START + HOUR)
    monitor.tick(rates=rates(bounce=0.06), times=3 * 24, step=HOUR)
    assert monitor.checks == {"bounce"}
    assert [reason for _, reason in monitor.words].count("opened") == 1
    assert "resolved" not in {reason for _, reason in monitor.words}


def test_awss_own_rate_has_reminders() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(bounce=0.06), times=26, step=HOUR)
    assert [reason for _, reason, _ in monitor.sent] == ["opened", "reminder"]


def test_awss_own_rate_is_sent_while_the_statistics_are_unreadable() -> None:
    plan = Monitor().tick(rates=rates(bounce=0.06), statistics=THROTTLED)
    assert [document["title"] for document in plan.documents] == ["CRITICAL: SES bounce rate is high in eu-west-1"]


def test_a_missing_rate_sends_nothing() -> None:
    monitor = Monitor()
    monitor.tick(times=2)
    assert monitor.sent == []


def test_a_missing_rate_resolves_nothing() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(complaint=0.002))
    monitor.tick(times=13 * 8, step=3 * HOUR)
    assert ("complaint", "resolved") not in monitor.words


def test_a_rate_aws_no_longer_publishes_closes_after_two_weeks() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(complaint=0.002))
    monitor.tick(times=14 * 8 - 1, step=3 * HOUR)
    plan = monitor.tick(step=3 * HOUR)
    assert [document["reason"] for document in plan.documents] == ["resolved"]
    assert "does not mean that all is well" in plan.documents[0]["summary"][-1]
    assert dict(plan.state.tracks) == {}


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ((8, 1_000), (8, 1_000), "steady"),
        ((80, 10_000), (160, 10_000), "rising"),
        ((160, 10_000), (80, 10_000), "falling"),
        ((2, 1_000), (4, 1_000), "steady"),  # twice as many, but by chance
        ((1_000, 100_000), (1_150, 100_000), "steady"),  # significant, but small
        ((10_000, 1_000_000), (12_500, 1_000_000), "steady"),  # a quarter
        ((10_000, 1_000_000), (12_501, 1_000_000), "rising"),
        ((10_000, 1_000_000), (7_499, 1_000_000), "falling"),
        ((0, 0), (50, 1_000), "steady"),  # nothing to compare with
        ((50, 1_000), (0, 0), "steady"),
        ((0, 10_000), (30, 10_000), "rising"),
        ((30, 10_000), (0, 10_000), "falling"),
    ],
    ids=str,
)
def test_a_trend_is_a_large_and_significant_change(old: tuple[int, int], new: tuple[int, int], word: str) -> None:
    counts = (Count(9, 9, 0, 0), Count(*old, 0, 0), Count(*new, 0, 0))
    assert trend(counts, (1, 2)) == word
