"""Two implementations of the policy, one vectorised and one tick by tick, agree about random senders."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from ses_reputation.core.decide import replay
from ses_reputation.core.evaluation import Evaluator
from ses_reputation.core.history import BUCKET, DAY, Point, history_from
from ses_reputation.core.rules import Severity, default_policy

from bench.reference import Notice, Ticks, bounces, complaints, notifications
from bench.score import TARGET
from bench.worlds import END, SITUATIONS, SIZES, START, world

POLICY = default_policy()


def sent_by_core(points: list[Point], until: int) -> list[Notice]:
    return [
        Notice(now, document["check"], document["severity"], document["reason"])
        for now, documents, _ in replay(TARGET, points, POLICY, until=until)
        for document in documents
        if document["reason"] != "reminder"
    ]


def without_reminders(notices: Iterable[Notice]) -> list[Notice]:
    """Leave reminders out: the other implementation does not join those of several alerts."""
    return [notice for notice in notices if notice.reason != "reminder"]


@pytest.mark.parametrize("number", range(len(SITUATIONS)), ids=[s.name for s in SITUATIONS])
def test_the_core_agrees_with_an_independent_implementation(number: int) -> None:
    case = world(SITUATIONS[number], SIZES[number % len(SIZES)], seed=1_000 + number)
    assert sent_by_core(case.points, END) == without_reminders(notifications(case.points, END))


def any_sender(seed: int) -> tuple[list[Point], int]:
    """A history of some shape: a rhythm with gaps, or blasts, of any age; events booked on arrival, with their email, or
    some of each; now and then a stretch in which the rates are many times as high."""
    dice = np.random.default_rng(seed)
    slots = int(dice.choice([3, 50, 400, 700, 1_344, 2_500, 3_500]))
    size = float(np.exp(dice.uniform(np.log(0.3), np.log(50_000))))
    shape = dice.choice(3)
    emails = dice.poisson(size * dice.gamma(1.0, 1.0, slots))
    if shape == 1:  # blasts with a trickle
        blasts = np.zeros(slots)
        blasts[int(dice.integers(0, 96)) :: int(dice.choice([96, 3 * 96, 7 * 96]))] = 60
        emails = dice.poisson(size * (0.3 + blasts))
    if shape == 2:  # nights, idle days and a long gap
        hour = np.arange(slots) % 96
        awake = (hour > 30) & (hour < 75) & np.repeat(dice.random(slots // 96 + 1) > 0.3, 96)[:slots]
        emails = emails * awake
        gap = int(dice.integers(0, slots))
        emails[gap : gap + int(dice.choice([20, 200, 1_500]))] = 0
    emails[0] = max(emails[0], 1)
    factor = np.ones(slots)
    for _ in range(int(dice.integers(0, 4))):
        start = int(dice.integers(0, slots))
        factor[start : start + int(dice.choice([2, 12, 100, 400]))] *= dice.uniform(1.5, 15)
    counts = []
    for low, high, hours in ((0.002, 0.03, 4), (0.0001, 0.0009, 30)):
        rate = np.minimum(0.9, np.exp(dice.uniform(np.log(low), np.log(high))) * factor)
        events = dice.binomial(emails, rate)
        booked = dice.choice([0.0, 0.3, 1.0])  # share that comes late
        late = dice.binomial(events, booked)
        arrived = events - late
        where = np.repeat(np.arange(slots), late)
        where = where + dice.exponential(dice.uniform(0.1, hours) * 4, len(where)).astype(int)
        np.add.at(arrived, where[where < slots], 1)
        counts.append(arrived.tolist())
    points = [
        Point(START + slot * BUCKET, sent, bounced, complained)
        for slot, (sent, bounced, complained) in enumerate(zip(emails.tolist(), *counts, strict=True))
        if sent or bounced or complained
    ]
    return points, START + slots * BUCKET


@pytest.mark.parametrize("seed", range(24))
def test_each_tick_agrees_with_an_independent_implementation(seed: int) -> None:
    points, until = any_sender(seed)
    history = history_from(points, until=until)
    assert history is not None
    ticks = Ticks(points, until)
    for policy, expected in zip(POLICY.metrics, (bounces(ticks), complaints(ticks)), strict=True):
        evaluator = Evaluator(history, policy)
        for index in range(1, history.slots + 1):
            now = evaluator.at(history.time(index))
            severities = {finding.severity for finding in now.found}
            got = (Severity.WARNING in severities, Severity.CRITICAL in severities, now.calm)
            assert got == tuple(bool(each[index - 1]) for each in expected), (policy.metric, index)
    assert sent_by_core(points, until) == without_reminders(notifications(points, until))


def test_random_senders_are_of_every_kind() -> None:
    notices = [notifications(*any_sender(seed)) for seed in range(24)]
    kinds = {(notice.metric, notice.severity, notice.reason) for each in notices for notice in each}
    assert {(metric, severity) for metric, severity, _ in kinds} == {
        (metric, severity) for metric in ("bounce", "complaint") for severity in ("warning", "critical")
    }
    assert sum(not each for each in notices) >= 3


@pytest.mark.parametrize("number", range(0, len(SITUATIONS), 3))
def test_a_run_over_two_weeks_finds_what_a_full_replay_finds(number: int) -> None:
    """Except for the few ticks at which the sender's worst of ten days ago lacks the days before it (docs/evidence.md)."""
    case = world(SITUATIONS[number], SIZES[number % len(SIZES)], seed=2_000 + number)
    whole = history_from(case.points, until=END)
    assert whole is not None
    endless = {policy.metric: Evaluator(whole, policy) for policy in POLICY.metrics}
    different = 0
    ticks = range(START + 16 * DAY, END, 13 * 3_600)
    for now in ticks:
        recent = [point for point in case.points if now - 14 * DAY <= point.at < now]
        seen = history_from(recent, until=now)
        assert seen is not None
        for policy in POLICY.metrics:
            alone = max((f.severity for f in Evaluator(seen, policy).at(now).found), default=Severity.NONE)
            always = max((f.severity for f in endless[policy.metric].at(now).found), default=Severity.NONE)
            different += alone is not always
    assert different <= 0.02 * 2 * len(ticks)


def test_the_ticks_of_the_reference_are_quarters_of_an_hour() -> None:
    points, until = any_sender(3)
    ticks = Ticks(points, until)
    ends = [ticks.origin + end * BUCKET for end in ticks.end.tolist()]
    assert all(later - earlier == BUCKET for earlier, later in pairwise(ends)) and ends[-1] == until
