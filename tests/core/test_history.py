"""Send data points in any order and shape → exact running sums."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.history import (
    BUCKET,
    DAY,
    HOUR,
    LARGEST_COUNT,
    BadData,
    History,
    Point,
    history_from,
    iso,
    point_from,
)

START = 1_738_368_000

points = st.lists(
    st.builds(
        Point,
        at=st.integers(0, 400).map(lambda slot: START + slot * BUCKET),
        attempts=st.integers(0, 10_000),
        bounces=st.integers(0, 500),
        complaints=st.integers(0, 50),
        rejects=st.integers(0, 5),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda point: point.at,
)


def made(given_points: list[Point], until: int = START + 500 * BUCKET) -> History:
    history = history_from(given_points, until=until)
    assert history is not None
    return history


@pytest.mark.parametrize(
    "moment",
    [
        "2025-02-04T10:30:00Z",
        "2025-02-04T10:30:00+00:00",
        "2025-02-04T16:00:00+05:30",
        datetime(2025, 2, 4, 10, 30, tzinfo=UTC),
        datetime(2025, 2, 4, 2, 30, tzinfo=timezone(timedelta(hours=-8))),
        datetime(2025, 2, 4, 10, 30, tzinfo=UTC).astimezone(),
    ],
    ids=str,
)
def test_a_time_is_the_same_instant_in_any_zone(moment: object) -> None:
    assert iso(point_from({"Timestamp": moment}).at) == "2025-02-04T10:30:00+00:00"


def test_missing_counters_are_zero() -> None:
    assert point_from({"Timestamp": "2025-02-04T10:30:00Z", "Bounces": 2}) == Point(1_738_665_000, 0, 2, 0, 0)


@pytest.mark.parametrize(("written", "count"), [(7.0, 7), (LARGEST_COUNT, LARGEST_COUNT)])
def test_a_whole_number_up_to_the_largest_is_a_count_even_as_a_fraction(written: float, count: int) -> None:
    assert point_from({"Timestamp": "2025-02-04T10:30:00Z", "DeliveryAttempts": written}).attempts == count


@pytest.mark.parametrize(
    "member",
    [
        {},
        {"Timestamp": None},
        {"Timestamp": 1_738_665_000},
        {"Timestamp": "yesterday"},
        {"Timestamp": "2025-02-04"},
        {"Timestamp": "2025-02-04T10:30:00"},
        {"Timestamp": "2025-02-04T10:30:00Z", "Bounces": -1},
        {"Timestamp": "2025-02-04T10:30:00Z", "Bounces": True},
        {"Timestamp": "2025-02-04T10:30:00Z", "Bounces": 1.5},
        {"Timestamp": "2025-02-04T10:30:00Z", "Bounces": float("nan")},
        {"Timestamp": "2025-02-04T10:30:00Z", "Bounces": LARGEST_COUNT + 1},
    ],
    ids=str,
)
def test_an_invalid_count_or_time_is_refused_in_one_line(member: dict[str, Any]) -> None:
    with pytest.raises(BadData) as raised:
        point_from(member)
    assert len(str(raised.value).splitlines()) == 1


@given(points, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(given_points: list[Point], dice: random.Random) -> None:
    mixed = given_points + dice.sample(given_points, len(given_points) // 2)
    dice.shuffle(mixed)
    one, other = made(given_points), made(mixed)
    assert (one.origin, one.attempts, one.bounces, one.complaints) == (
        other.origin,
        other.attempts,
        other.bounces,
        other.complaints,
    )


@given(points)
def test_every_email_is_counted_once_and_gaps_are_zero(given_points: list[Point]) -> None:
    history = made(given_points)
    assert history.attempts[-1] == sum(point.attempts for point in given_points)
    assert history.bounces[-1] == sum(point.bounces for point in given_points)
    assert all(type(total) is int for total in history.attempts + history.bounces + history.complaints)
    by_slot = {(point.at - history.origin) // BUCKET: point.attempts for point in given_points}
    for slot in range(history.slots):
        assert history.attempts[slot + 1] - history.attempts[slot] == by_slot.get(slot, 0)


def test_a_revised_bucket_counts_with_its_larger_numbers() -> None:
    history = made([Point(START, 100, 1, 2), Point(START, 90, 5, 1)])
    assert (history.attempts[-1], history.bounces[-1], history.complaints[-1]) == (100, 5, 2)


@pytest.mark.parametrize("minute", [0, 7, 13, 22])
def test_slots_follow_the_minute_at_which_buckets_start(minute: int) -> None:
    first = START + minute * 60
    history = made([Point(first, 10), Point(first + BUCKET, 20)], until=first + 3 * BUCKET)
    assert history.time(1) == first + BUCKET
    assert history.closed(first + BUCKET - 1) == 0
    assert history.closed(first + BUCKET) == 1


@given(shift=st.integers(1, BUCKET - 1))
def test_no_bucket_is_known_before_its_end(shift: int) -> None:
    late = Point(START + 10 * BUCKET + shift, 50)
    history = made([Point(START, 10), late], until=START + 20 * BUCKET)
    for now in range(START, START + 15 * BUCKET, 60):
        known = history.attempts[history.closed(now)]
        assert known <= (10 if now >= START + BUCKET else 0) + (50 if now >= late.at + BUCKET else 0)


def test_buckets_at_or_after_the_end_are_left_out() -> None:
    assert history_from([Point(START, 10)], until=START) is None
    assert made([Point(START, 10), Point(START + BUCKET, 5)], until=START + BUCKET).attempts[-1] == 10


def test_no_points_are_no_history() -> None:
    assert history_from([], until=START) is None


def test_a_stray_timestamp_is_refused() -> None:
    with pytest.raises(BadData, match="three years"):
        history_from([Point(0, 1), Point(START, 1)], until=START + DAY)


def test_smoothed_email_adds_up_to_all_email() -> None:
    history = made([Point(START, 1_000)], until=START + 14 * DAY)
    for hours in (1, 3, 24):
        smoothed = history.smoothed(hours * HOUR)
        assert smoothed.sums[-1] == pytest.approx(1_000, rel=1e-5)
        assert smoothed.levels == sorted(smoothed.levels, reverse=True)


def test_a_daily_total_among_the_points_is_not_a_bucket() -> None:
    days = [Point(START, 500, whole_day=True), Point(START + DAY, 600, whole_day=True)]
    assert made([*days, Point(START + 2 * DAY, 5)]).quarters == 192
    assert made(days).quarters == 500
    assert made([Point(START + 2 * DAY, 5)]).quarters == 0
