"""Growth of closed buckets is noticed from run to run; little data or partial answers prove nothing."""

from __future__ import annotations

import random

import pytest
from ses_reputation.core.history import BUCKET, DAY, HOUR, History, Point, history_from
from ses_reputation.core.late_events import Learned, Way, in_words, learn
from ses_reputation.core.rates import Metric

START = 1_738_368_000
SLOTS = 8 * 96


def life(seed: int, *, with_email: bool) -> list[tuple[int, int, int, bool]]:
    """Events as (slot they are counted in, slot they become known in, 1, bounce or complaint)."""
    dice = random.Random(seed)
    events = []
    for slot in range(SLOTS):
        for bounce, each, late, hours in ((True, 3, 0.1, 4.0), (False, 1, 1.0, 12.0)):
            for _ in range(each):
                if dice.random() < 0.3:
                    delay = int(dice.expovariate(1 / (4 * hours))) if dice.random() < late else 0
                    events.append((slot if with_email else slot + delay, slot + delay, 1, bounce))
    return events


def answer(events: list[tuple[int, int, int, bool]], known: int) -> History:
    """SES's answer of the last two weeks when `known` slots are over."""
    points = []
    for slot in range(max(0, known - 14 * 96), known):
        here = [event for event in events if event[0] == slot and event[1] < known]
        bounces = sum(event[3] for event in here)
        points.append(Point(START + slot * BUCKET, 200, bounces, len(here) - bounces))
    history = history_from(points, until=START + known * BUCKET)
    assert history is not None
    return history


def lived(events: list[tuple[int, int, int, bool]], every: int = 4) -> Learned:
    learned = Learned()
    for known in range(5 * 96, SLOTS, every):
        learned = learn(learned, answer(events, known), START + known * BUCKET)
    return learned


@pytest.mark.parametrize("every", [2, 4, 16], ids=["half-hourly", "hourly", "four-hourly"])
def test_buckets_that_grow_are_noticed(every: int) -> None:
    learned = lived(life(1, with_email=True), every)
    assert {metric: learned.of(metric).way(metric) for metric in Metric} == dict.fromkeys(Metric, Way.WITH_THE_EMAIL)
    assert "SES counts late complaints with their email" in in_words(learned, Metric.COMPLAINT)
    assert sum(learned.complaints.grown) > 0.5 * learned.complaints.new


def test_buckets_that_never_grow_are_noticed_too() -> None:
    learned = lived(life(1, with_email=False))
    assert {metric: learned.of(metric).way(metric) for metric in Metric} == dict.fromkeys(Metric, Way.ON_ARRIVAL)
    assert sum(learned.bounces.grown) == sum(learned.complaints.grown) == 0
    assert "when they arrive" in in_words(learned, Metric.BOUNCE)


def test_every_event_is_counted_once() -> None:
    events = life(2, with_email=True)
    learned = lived(events)
    first, last = 5 * 96, max(range(5 * 96, SLOTS, 4))
    came = [event for event in events if first <= event[1] < last and event[3]]
    assert learned.bounces.new == pytest.approx(len(came), abs=2)


def test_one_run_or_few_events_prove_nothing() -> None:
    learned = learn(Learned(), answer(life(1, with_email=True), 500), START + 500 * BUCKET)
    assert all(learned.of(metric).way(metric) is Way.NOT_KNOWN for metric in Metric)
    assert "not known yet" in in_words(learned, Metric.BOUNCE)


def test_a_partial_answer_and_a_long_pause_teach_nothing() -> None:
    events = life(1, with_email=True)
    whole, now = answer(events, 600), START + 600 * BUCKET
    partial = history_from([Point(START + slot * BUCKET, 200) for slot in range(0, 590, 2)], until=now - BUCKET)
    assert partial is not None
    after_partial = learn(learn(Learned(), partial, now - BUCKET), whole, now)
    assert after_partial.bounces.new == after_partial.complaints.new == 0
    old = learn(Learned(), answer(events, 400), START + 400 * BUCKET)
    late = learn(old, answer(events, SLOTS + 400), START + (SLOTS + 400) * BUCKET)
    assert late.bounces.new == 0


def test_a_repeated_or_late_run_teaches_nothing() -> None:
    events = life(1, with_email=True)
    learned = lived(events)
    assert learned.seen is not None
    assert learn(learned, answer(events, 600), learned.seen.at) == learned
    assert learn(learned, answer(events, 600), learned.seen.at - HOUR) == learned


def test_a_short_history_teaches_nothing_yet() -> None:
    short = [Point(START + slot * BUCKET, 200, 1) for slot in range(40)]
    learned = Learned()
    for known in (20, 21, 40):
        history = history_from(short[:known], until=START + known * BUCKET)
        assert history is not None
        learned = learn(learned, history, START + known * BUCKET)
    assert learned.bounces.new == 0 and learned.seen is not None and learned.seen.at < START + DAY
