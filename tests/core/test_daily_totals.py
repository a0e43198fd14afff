"""Daily totals make the rate of the last 10,000 emails right for a sender who takes months to send them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ses_reputation.core.daily_totals import KEEP_DAYS, KEEP_EMAILS, DayTotal, days_after, with_days
from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET, DAY, HOUR, LOOKBACK, Point
from ses_reputation.core.readings import Readings
from ses_reputation.core.rules import default_policy
from ses_reputation.core.state import State
from ses_reputation.core.target import Target

START = 1_738_368_000  # a midnight
TARGET = Target("123456789012", "eu-west-1")


def seen_by_ses(points: Sequence[Point], now: int) -> tuple[Point, ...]:
    return tuple(point for point in points if now - LOOKBACK <= point.at < now)


def test_a_small_senders_estimate_covers_emails_that_ses_dropped() -> None:
    points = [Point(START + 420 + i * 8 * BUCKET, 15, i % 20 == 0) for i in range(60 * 12)]  # 180 a day for 60 days
    state: State | None = None
    for now in range(START + DAY, START + 60 * DAY + 1, DAY):
        plan = decide(TARGET, Readings(seen_by_ses(points, now)), state, default_policy(), now)
        state = plan.state
    assert state is not None
    [bounce] = [gauge.value for gauge in plan.gauges if gauge.name == "EstimatedAwsBounceRate" and gauge.at == now]
    window = points[-667:]  # the last 10,005 emails
    assert abs(bounce - sum(p.bounces for p in window) / sum(p.attempts for p in window)) < 0.0002
    assert len(state.totals) == 59 or len(state.totals) == 60


def test_no_email_is_counted_twice_when_totals_and_points_overlap() -> None:
    points = [Point(START + i * BUCKET, 1, 0, 0) for i in range(3 * 96)]
    days = days_after((), points, START + 3 * DAY)
    for cut in range(0, 3 * 96, 7):
        joined = with_days(points[cut:], days, START + 3 * DAY)
        assert sum(point.attempts for point in joined) == 3 * 96


def test_the_rest_of_the_first_day_is_its_total_less_the_points() -> None:
    points = [Point(START + 12 * HOUR, 60, 2, 1)]
    left = {
        DayTotal(START, 100, 5, 3): Point(START, 40, 3, 2, whole_day=True),
        DayTotal(START, 100, 1, 0): Point(START, 40, 0, 0, whole_day=True),
        DayTotal(START, 50, 3, 2): Point(START, 0, 1, 1, whole_day=True),
    }
    for day, rest in left.items():
        assert with_days(points, [day], START + DAY) == (rest, *points)


def test_without_points_only_the_daily_totals_are_known() -> None:
    assert with_days((), [DayTotal(START, 5, 1, 0)], START + DAY) == (Point(START, 5, 1, 0, whole_day=True),)


def test_an_unfinished_day_has_no_total() -> None:
    assert days_after((), [Point(START, 5)], START + DAY - 1) == ()
    assert days_after((), [Point(START, 5)], START + DAY) == (DayTotal(START, 5, 0, 0),)


def test_late_bounces_still_join_a_stored_total() -> None:
    known = (DayTotal(START, 100, 1, 0),)
    assert days_after(known, [Point(START, 40, 1)], START + DAY) == known
    assert days_after(known, [Point(START, 100, 3)], START + DAY) == (DayTotal(START, 100, 3, 0),)


def test_stored_totals_are_bounded() -> None:
    big = [Point(START + i * DAY, 1_000_000) for i in range(14)]
    assert len(days_after((), big, START + 14 * DAY)) == 1
    small = tuple(DayTotal(START + i * DAY, 1, 0, 0) for i in range(1_000))
    kept = days_after(small, (), START + 1_000 * DAY)
    assert len(kept) == KEEP_DAYS and kept[-1] == small[-1]
    assert sum(day.attempts for day in days_after((), big, START + 14 * DAY)) >= KEEP_EMAILS


@pytest.mark.parametrize(("emails", "kept"), [(19_999, 2), (20_000, 1), (20_001, 1)])
def test_totals_are_stored_until_they_hold_20000_emails(emails: int, kept: int) -> None:
    days = [DayTotal(START + i * DAY, emails, 0, 0) for i in range(3)]
    assert days_after(days, (), START + 3 * DAY) == tuple(days[-kept:])


def test_a_sender_of_one_newsletter_a_month_stays_readable_for_years() -> None:
    state: State | None = None
    for month in range(60):
        now = START + month * 30 * DAY
        plan = decide(TARGET, Readings((Point(now - DAY, 500),)), state, default_policy(), now)
        state = plan.state
        assert plan.unreadable is None
        assert len(state.totals) <= 1 + KEEP_DAYS // 30
    assert state is not None


def test_days_kept_too_long_by_an_older_version_do_no_harm() -> None:
    old = tuple(DayTotal(START + month * 30 * DAY, 500, 5, 0) for month in range(60))
    now = START + 60 * 30 * DAY
    plan = decide(
        TARGET, Readings(()), State(tick=now - BUCKET, evaluated=now - BUCKET, totals=old), default_policy(), now
    )
    assert plan.unreadable is None
    assert plan.state.totals == tuple(day for day in old if day.start >= now - KEEP_DAYS * DAY)
