"""Headroom before AWS's review threshold, compared with counting event by event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.evaluation import Evaluator
from ses_reputation.core.headroom import FEWEST_EVENTS, SURE, headroom, share_left
from ses_reputation.core.history import BUCKET, HOUR, Point, history_from
from ses_reputation.core.rates import Metric, View, lower_bound
from ses_reputation.core.rules import Verdict, default_policy

START = 1_738_368_000

buckets = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 60)), min_size=1, max_size=80)


def of(given_buckets: list[tuple[int, int]], metric: Metric = Metric.BOUNCE) -> View:
    points = [
        Point(START + i * BUCKET, emails, *((0, events) if metric is Metric.COMPLAINT else (events,)))
        for i, (emails, events) in enumerate(given_buckets)
    ]
    history = history_from(points, until=START + len(points) * BUCKET)
    assert history is not None
    return View(history, metric, history.slots)


def delays(view: View) -> list[tuple[float, float]]:
    """The delays from email to event that are believed of this sender."""
    return [(flow.late_hours, flow.share) for flow in view.series.flows(view.end)]


@given(buckets)
def test_the_headroom_is_exact_to_one_event(
    given_buckets: list[tuple[int, int]],
) -> None:
    left = headroom(of(given_buckets))
    if left is None:
        assert sum(emails for emails, _ in given_buckets) == 0
        return
    events, emails = left.estimate[:2]
    if left.events_left > 1:
        assert (events + left.events_left) / emails >= left.threshold
        assert (events + left.events_left - 1) / emails < left.threshold
    elif left.events_left == 0:
        assert events >= FEWEST_EVENTS and lower_bound(events, emails, SURE) >= left.threshold
        assert left.hours_left == 0 and share_left(of(given_buckets)) == 0


@given(buckets, st.sampled_from(Metric))
def test_an_ok_verdict_never_has_zero_headroom(given_buckets: list[tuple[int, int]], metric: Metric) -> None:
    view = of(given_buckets, metric)
    policy = default_policy().bounce if metric is Metric.BOUNCE else default_policy().complaint
    now = Evaluator(view.history, policy).at(view.history.time(view.end))
    if now.headroom is not None and now.headroom.events_left == 0:
        assert now.verdict is Verdict.CRITICAL


@pytest.mark.parametrize(("events", "emails"), [(1, 300), (4, 2_000), (10, 10_000)])
def test_a_threshold_reached_by_chance_is_one_event_away(events: int, emails: int) -> None:
    view = of([(emails, events)], Metric.COMPLAINT)
    found = headroom(view)
    assert found is not None
    assert (found.events_left, found.clean_emails, share_left(view)) == (1, None, 0.01)
    assert found.unsure


@given(buckets)
def test_the_clean_email_it_asks_for_brings_the_rate_below_the_threshold(given_buckets: list[tuple[int, int]]) -> None:
    left = headroom(of(given_buckets))
    if left is None or left.clean_emails is None:
        return
    bucket = max(emails for emails, _ in given_buckets) + 50  # windows hold whole buckets
    enough = headroom(of([*given_buckets, *[(50, 0)] * ((left.clean_emails + bucket) // 50 + 1)]))
    assert enough is not None and enough.events_left > 0
    too_few = (left.clean_emails - bucket) // 50
    later = of([*given_buckets, *[(50, 0)] * max(0, too_few)])
    if too_few > 0 and delays(later) == delays(of(given_buckets)):  # other delays mean other emails behind the bounces
        still_over = headroom(later)
        assert still_over is not None and still_over.estimate.rate is not None
        assert still_over.estimate.rate >= still_over.threshold


@pytest.mark.parametrize(("bounces", "left"), [(0, 500), (499, 1), (500, 1), (522, 1), (523, 0), (700, 0)])
def test_reaching_the_threshold_counts_once_it_is_sure(bounces: int, left: int) -> None:
    found = headroom(of([(5_000, bounces), (5_000, 0)]))
    assert found is not None and found.events_left == left


def test_at_a_bad_pace_it_estimates_when_the_threshold_is_reached() -> None:
    view = of([*[(400, 4)] * 96, *[(400, 40)] * 8])
    found = headroom(view)
    assert found is not None and found.hours_left is not None
    slots = [*[(400, 4)] * 96, *[(400, 40)] * 8]
    hours = 0.0
    while True:  # add one event at a time
        slots.append((400, 40))
        hours += BUCKET / HOUR
        now = headroom(of(slots))
        assert now is not None
        if now.events_left == 0:
            break
    assert found.hours_left == pytest.approx(hours, abs=2.0)


def test_at_a_good_pace_the_threshold_is_not_in_sight() -> None:
    found = headroom(of([(400, 8)] * 200))
    assert found is not None and found.hours_left is None and found.clean_emails is None


@pytest.mark.parametrize(("emails", "hours"), [(1_199, 89.9 * 24), (1_200, 90.0 * 24), (1_201, None)])
def test_a_threshold_further_away_than_90_days_is_not_in_sight(emails: int, hours: float | None) -> None:
    day = [(0, 0)] * 95
    found = headroom(of([(emails, 0), *day, (290, 29), *day, (10, 1)]))  # ten emails a day, a tenth of which bounces
    assert found is not None and found.hours_left == (None if hours is None else pytest.approx(hours))


def test_more_bounces_than_emails_count_as_every_email_bouncing() -> None:
    found = headroom(of([(9_000, 0), *[(0, 0)] * 191, (300, 400)]))
    assert found is not None and found.hours_left == pytest.approx((0.05 * 9_300 - 400) / (1 - 0.05) / 300 * 24)


def test_without_email_for_a_day_there_is_no_pace() -> None:
    idle = headroom(of([*[(400, 10)] * 24, (300, 240), *[(0, 0)] * 96]))
    assert idle is not None and idle.events_left > 0 and idle.hours_left is None


def test_without_email_the_headroom_is_unknown() -> None:
    assert headroom(of([(0, 0)])) is None and share_left(of([(0, 0)])) is None


@pytest.mark.parametrize(("bounces", "share"), [(0, 1.0), (250, 0.5), (500, 0.01), (900, 0.0)])
def test_the_share_left_goes_from_one_to_zero(bounces: int, share: float) -> None:
    assert share_left(of([(10_000, bounces)])) == pytest.approx(share)


def test_complaints_have_their_own_threshold() -> None:
    found = headroom(of([(10_000, 4)], Metric.COMPLAINT))
    assert found is not None and (found.threshold, found.events_left) == (0.001, 6)
