"""Rates: windows, the bound, the email behind the events, the usual rate."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from ses_reputation.core.history import BUCKET, DAY, HOUR, History, Point, history_from
from ses_reputation.core.rates import AWS_ESTIMATE, Count, Metric, View, Window, lower_bound

START = 1_738_368_000
SLOTS = 14 * 96


def steady(slots: int = SLOTS, emails: int = 100, bounces: int = 1, complaints: int = 0) -> History:
    points = [Point(START + i * BUCKET, emails, bounces, complaints) for i in range(slots)]
    history = history_from(points, until=START + slots * BUCKET)
    assert history is not None
    return history


def view(history: History, metric: Metric = Metric.BOUNCE, end: int | None = None) -> View:
    return View(history, metric, history.slots if end is None else end)


@pytest.mark.parametrize(("wanted", "slots"), [(1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (201, 3), (10**9, SLOTS)])
def test_a_window_by_emails_is_the_fewest_whole_buckets_that_hold_them(wanted: int, slots: int) -> None:
    assert view(steady()).count(Window(emails=wanted)).emails == slots * 100


def test_a_window_by_emails_grows_with_a_normal_day() -> None:
    assert view(steady()).count(Window(emails=300, share_of_day=0.25)).emails == 2_400


@pytest.mark.parametrize(("emails", "counted"), [(50, 10_000), (200, 19_200)], ids=["ten thousand", "a day"])
def test_the_estimate_of_awss_rate_is_over_a_normal_day_of_a_large_sender(emails: int, counted: int) -> None:
    assert view(steady(emails=emails)).count(AWS_ESTIMATE).emails == counted


def test_buckets_without_email_are_passed_over_by_emails_and_counted_by_hours() -> None:
    points = [Point(START, 500, 5), Point(START + 10 * HOUR, 100, 1)]
    history = history_from(points, until=START + 10 * HOUR + BUCKET)
    assert history is not None
    assert view(history).measure(Window(emails=300)) == (6, 600)
    assert view(history, Metric.COMPLAINT).count(Window(hours=2)).end == START + 10 * HOUR + BUCKET
    assert view(history).count(Window(hours=10)).events == 1
    assert view(history).count(Window(hours=11)).events == 6


def test_a_window_by_hours_is_half_open_to_the_last_closed_bucket() -> None:
    count = view(steady(), Metric.BOUNCE).count(Window(hours=1))
    assert (count.events, count.end - count.start) == (4, HOUR)


def test_a_rate_is_undefined_without_email_and_at_most_one() -> None:
    assert Count(3, 0, 0, 0).rate is None
    assert Count(30, 20, 0, 0).rate == 1.0


@given(end=st.integers(1, 300), wanted=st.integers(1, 5_000), seed=st.randoms(use_true_random=False))
def test_a_window_by_emails_agrees_with_walking_back_bucket_by_bucket(end: int, wanted: int, seed: object) -> None:
    emails = [seed.choice([0, 0, 3, 70, 400]) for _ in range(300)]  # type: ignore[attr-defined]
    points = [Point(START + i * BUCKET, n, min(n, i % 7)) for i, n in enumerate(emails)]
    history = history_from(points, until=START + 300 * BUCKET)
    assert history is not None
    held, slot = 0, end
    while slot > 0 and held < wanted:
        slot -= 1
        held += emails[slot]
    seen = View(history, Metric.BOUNCE, end)
    start = seen.start(Window(emails=wanted))
    assert history.attempts[end] - history.attempts[start] == held


def poisson_at_least(events: int, mean: float) -> float:
    """Exact probability of this many events or more."""
    term = total = exp(-mean)
    for k in range(1, events):
        term *= mean / k
        total += term
    return 1 - total if events else 1.0


def exact_lower_bound(events: int, tail: float) -> float:
    """Mean below which this many events or more are rarer than `tail`: the exact Poisson bound, by bisection."""
    low, high = 0.0, float(events)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if poisson_at_least(events, middle) < tail else (low, middle)
    return low


@pytest.mark.parametrize(("confidence", "tail"), [(1.0, 0.158655), (1.645, 0.05), (2.0, 0.02275), (3.0, 0.00135)])
@pytest.mark.parametrize("events", [4, 5, 6, 8, 10, 20, 50, 100, 400])
def test_byars_bound_is_the_exact_poisson_bound_to_a_few_percent(events: int, confidence: float, tail: float) -> None:
    exact = exact_lower_bound(events, tail)
    assert lower_bound(events, 1, confidence) == pytest.approx(exact, rel=0.05, abs=0.12)


@given(events=st.integers(0, 10_000), emails=st.integers(1, 10**6), confidence=st.floats(0, 6))
def test_the_bound_never_claims_more_than_the_plain_rate(events: int, emails: int, confidence: float) -> None:
    bound = lower_bound(events, emails, confidence)
    assert 0 <= bound <= events / emails


@given(events=st.integers(0, 10_000), confidence=st.floats(0, 5), more=st.integers(1, 50))
def test_more_events_never_lower_the_bound_and_more_confidence_never_raises_it(
    events: int, confidence: float, more: int
) -> None:
    assert lower_bound(events + more, 1_000, confidence) >= lower_bound(events, 1_000, confidence)
    assume(confidence > 0)
    assert lower_bound(events, 1_000, confidence + 1) <= lower_bound(events, 1_000, confidence)


def test_without_a_claim_the_bound_is_the_plain_rate() -> None:
    assert lower_bound(3, 100, 0.0) == 0.03


@pytest.mark.parametrize("hours", [6, 12, 24, 72, 168])
def test_steady_complaints_are_compared_with_their_windows_email(hours: int) -> None:
    history = steady(complaints=1)
    events, emails = view(history, Metric.COMPLAINT).measure(Window(hours=hours))
    assert events == hours * 4
    assert emails == pytest.approx(hours * 400, rel=0.001)


def test_complaints_of_a_quiet_day_are_compared_with_the_busy_day_before() -> None:
    busy = [Point(START + i * BUCKET, 1_000 if i < 96 * 5 else 0, 0, 1) for i in range(96 * 6)]
    history = history_from(busy, until=START + 6 * DAY)
    assert history is not None
    events, emails = view(history, Metric.COMPLAINT).measure(Window(hours=24))
    assert events == 96
    assert emails > 40_000


def test_late_bounces_of_a_blast_are_not_compared_with_later_email() -> None:
    points = [Point(START + i * BUCKET, 100_000 if i == 95 else 100, 2_000 if i == 96 else 1) for i in range(98)]
    history = history_from(points, until=START + 98 * BUCKET)
    assert history is not None
    events, emails = view(history).measure(Window(emails=200))
    assert events == 2_001
    assert emails > 30_000


def test_early_complaints_are_not_blamed_on_the_first_known_email() -> None:
    history = steady(slots=8, emails=1_000, complaints=1)
    assert view(history, Metric.COMPLAINT).measure(Window(hours=12)) == (8, 8_000)


def test_a_normal_day_is_the_mean_of_up_to_two_weeks() -> None:
    assert view(steady()).normal_day == 9_600
    assert view(steady(slots=48)).normal_day == 4_800
    assert view(steady(slots=3 * 96)).normal_day == 9_600


def test_the_usual_rate_is_taken_over_two_weeks_to_two_days_ago() -> None:
    points = [Point(START + i * BUCKET, 100, 1 if i < 12 * 96 else 50) for i in range(SLOTS)]
    history = history_from(points, until=START + SLOTS * BUCKET)
    assert history is not None
    assert view(history).usual(0.0) == pytest.approx((12 * 96 + 2) / (12 * 96 * 100))


def test_without_email_the_usual_rate_comes_from_the_weight() -> None:
    assert view(steady(slots=10)).usual(2 * 2.5 / 0.03) == pytest.approx(0.03 / 2.5)


@given(cut=st.integers(1, 500))
def test_later_data_does_not_change_earlier_knowledge(cut: int) -> None:
    points = [Point(START + i * BUCKET, 37 + i % 11, i % 3, i % 5 == 0) for i in range(600)]
    whole = history_from(points, until=START + 600 * BUCKET)
    seen = history_from(points[:cut], until=START + cut * BUCKET)
    assert whole is not None and seen is not None
    for metric in Metric:
        for window in (Window(emails=300, share_of_day=0.2), Window(hours=12), Window(hours=168)):
            assert View(whole, metric, cut).count(window) == View(seen, metric, cut).count(window)
