"""When a trouble started: near the truth, never after the detection, and nothing if nothing rose."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.history import BUCKET, DAY, HOUR, History, Point, history_from
from ses_reputation.core.onset import onset
from ses_reputation.core.rates import Metric

START = 1_738_368_000
SLOTS = 6 * 96


def sender(rates: list[float], emails: list[int], seed: int, *, late: float = 0.15, hours: float = 2.0) -> History:
    """Bounces of each bucket's emails at its rate, some of them late."""
    dice = random.Random(seed)
    bounces = [0] * (len(rates) + 500)
    for slot, (rate, sent) in enumerate(zip(rates, emails, strict=True)):
        for _ in range(sum(dice.random() < rate for _ in range(sent))):
            delay = int(dice.expovariate(1 / (4 * hours))) if dice.random() < late else 0
            bounces[min(slot + delay, len(bounces) - 1)] += 1
    points = [Point(START + slot * BUCKET, emails[slot], bounces[slot]) for slot in range(len(rates))]
    history = history_from(points, until=START + len(rates) * BUCKET)
    assert history is not None
    return history


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_a_step_of_a_large_sender_is_found_within_a_bucket(seed: int, rate: float) -> None:
    step = SLOTS - 8
    history = sender([0.01] * step + [rate] * 8, [520] * SLOTS, seed)
    found = onset(history, Metric.BOUNCE, START + SLOTS * BUCKET)
    assert found is not None
    assert abs(found.at - (START + step * BUCKET)) <= BUCKET
    assert found.earliest <= found.at <= found.latest


def test_a_start_after_a_quiet_night_is_not_in_the_night() -> None:
    emails = ([500] * 60 + [0] * 36) * 6
    rates = [0.01] * (5 * 96) + [0.15] * 4
    history = sender(rates, emails[: len(rates)], 3)
    found = onset(history, Metric.BOUNCE, START + len(rates) * BUCKET)
    assert found is not None and found.at == START + 5 * DAY


@pytest.mark.parametrize("days", [5, 14])
def test_complaints_start_when_their_email_was_sent(days: int) -> None:
    sent, step = 2_000, days * 96
    complaints = [1.0] * step
    level = 0.0
    for _ in range(48):  # ten times as many, 10 h after the email on average
        level += (1 - level) / 40
        complaints.append(1 + 9 * level)
    points = [Point(START + slot * BUCKET, sent, 0, round(each)) for slot, each in enumerate(complaints)]
    history = history_from(points, until=START + len(points) * BUCKET)
    assert history is not None
    found = onset(history, Metric.COMPLAINT, START + len(points) * BUCKET)
    assert found is not None
    assert found.earliest - HOUR <= START + step * BUCKET <= found.latest + HOUR


def test_without_too_many_events_nothing_started() -> None:
    quiet = history_from([Point(START + i * BUCKET, 100) for i in range(200)], until=START + 200 * BUCKET)
    falling = history_from(
        [Point(START + i * BUCKET, 100, 9 if i < 100 else 0) for i in range(400)], until=START + 400 * BUCKET
    )
    assert quiet is not None and falling is not None
    assert onset(quiet, Metric.BOUNCE, START + 200 * BUCKET) is None
    assert onset(falling, Metric.BOUNCE, START + 400 * BUCKET) is None


def steps(*stretches: tuple[int, int]) -> History:
    """Stretches of (days, bounces in each bucket of 100 emails)."""
    bounces = [each for days, each in stretches for _ in range(days * 96)]
    points = [Point(START + slot * BUCKET, 100, each) for slot, each in enumerate(bounces)]
    history = history_from(points, until=START + len(bounces) * BUCKET)
    assert history is not None
    return history


def test_a_rate_of_over_two_weeks_ago_hides_no_rise() -> None:
    found = onset(steps((16, 30), (16, 1), (1, 6)), Metric.BOUNCE, START + 33 * DAY)
    assert found is not None and abs(found.at - (START + 32 * DAY)) <= BUCKET


def test_a_slightly_falling_rate_has_no_start() -> None:
    assert onset(steps((28, 5), (2, 4)), Metric.BOUNCE, START + 30 * DAY) is None


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 40, 3_000]), st.integers(0, 30)), min_size=1, max_size=60),
    st.integers(0, 70),
    st.sampled_from(Metric),
)
def test_a_start_is_never_after_the_detection(buckets: list[tuple[int, int]], known: int, metric: Metric) -> None:
    points = [Point(START + i * BUCKET, sent, events, events) for i, (sent, events) in enumerate(buckets)]
    history = history_from(points, until=START + len(buckets) * BUCKET)
    assert history is not None
    detected = START + known * BUCKET
    found = onset(history, metric, detected)
    if found is not None:
        assert found.earliest <= found.at <= found.latest < detected
