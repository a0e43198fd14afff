"""Simulated senders: what Amazon SES would count of them, and when AWS's own rate would reach its lines.

A world is a sender of some size with a rhythm, a normal bounce and complaint rate that drift, late bounces and later
complaints, and a situation that befalls it (or does not). The truth about AWS is a rate over the last
max(10,000, one normal day) mails, which is what two published enforcement notices suggest; `aws_window` scales it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ses_reputation.core.history import BUCKET, DAY, Point
from ses_reputation.core.rates import AWS_LINES, Metric

Array = NDArray[np.float64]

DAYS = 56
SLOTS = DAYS * 96
START = 1_735_689_600  # 2025-01-01T00:00:00Z
SIZES = (150, 3_000, 50_000, 1_000_000, 20_000_000)


@dataclass(frozen=True)
class Situation:
    """What befalls a sender: a factor on its mail and its rates, slot by slot after the onset."""

    name: str
    metric: Metric | None  # what it ruins; None for healthy worlds
    rate: Callable[[Array], Array] | None = (
        None  # of all mail, by days since the onset; added to the normal rate
    )
    list_rate: float = 0.0  # of the extra mail alone
    list_share: float = 0.0  # extra mail, in shares of the usual
    days: float = 60.0  # how long it lasts unless the fix comes first


def _step(level: float) -> Callable[[Array], Array]:
    return lambda days: np.full_like(days, level)


def _ramp(level: float, over: float) -> Callable[[Array], Array]:
    return lambda days: level * np.clip(days / over, 0, 1)


SITUATIONS = (
    Situation("healthy", None),
    Situation("bounces: all mail at 20 %", Metric.BOUNCE, _step(0.20)),
    Situation("bounces: step to 8 %", Metric.BOUNCE, _step(0.07)),
    Situation("bounces: step to 6.5 %", Metric.BOUNCE, _step(0.055)),
    Situation("bounces: ramp to 9 % in 7 days", Metric.BOUNCE, _ramp(0.08, 7)),
    Situation("bounces: ramp to 8 % in 18 days", Metric.BOUNCE, _ramp(0.07, 18)),
    Situation("bounces: bought list, twice the mail", Metric.BOUNCE, list_rate=0.15, list_share=1.0),
    Situation("bounces: compromised, five times the mail", Metric.BOUNCE, list_rate=0.12, list_share=4.0),
    Situation("bounces: half a day at 12 %", Metric.BOUNCE, _step(0.11), days=0.5),
    Situation("complaints: step to 0.3 %", Metric.COMPLAINT, _step(0.003)),
    Situation("complaints: step to 0.15 %", Metric.COMPLAINT, _step(0.0013)),
    Situation("complaints: ramp to 0.25 % in 10 days", Metric.COMPLAINT, _ramp(0.0023, 10)),
    Situation(
        "complaints: one campaign at 0.6 %", Metric.COMPLAINT, list_rate=0.006, list_share=1.0, days=1.5
    ),
)


@dataclass(frozen=True)
class World:
    """A simulated history and the truth about it."""

    situation: Situation
    size: int
    points: list[Point]
    onset: int | None  # when the trouble starts
    over: int | None  # when it is mended
    review: int | None  # when AWS's rate reaches its review line
    pause: int | None  # and its pause line
    aws_rate: Array  # AWS's rate of the ruined metric at the end of each slot


def world(situation: Situation, size: int, seed: int, *, aws_window: float = 1.0) -> World:
    """One history of `DAYS` days; the same arguments give the same history."""
    dice = np.random.default_rng([seed, size, SITUATIONS.index(situation) if situation in SITUATIONS else 99])
    day = np.arange(SLOTS) / 96
    mail = dice.poisson(_expected(dice, size, day)).astype(float)
    drift = np.exp(np.repeat(dice.normal(0, 0.15, DAYS), 96))
    bounce = dice.uniform(0.003, 0.015) * drift
    complaint = dice.uniform(0.00005, 0.0004) * drift
    onset = int(dice.uniform(24, 32) * 96) if situation.metric is not None else None
    extra = np.zeros(SLOTS)
    added = {Metric.BOUNCE: np.zeros(SLOTS), Metric.COMPLAINT: np.zeros(SLOTS)}
    over = None
    if onset is not None and situation.metric is not None:
        over = min(SLOTS, onset + int(situation.days * 96))
        added[situation.metric], extra = _ruin(dice, situation, mail, onset, over)
    events = _events(dice, mail, extra, bounce, complaint, added)
    if onset is not None and situation.metric is not None:
        review, _ = _crossings(mail + extra, events[situation.metric], situation.metric, size, aws_window)
        if situation.days > DAYS and review is not None:  # two days after AWS wrote, somebody mends it
            over = min(SLOTS, review + 2 * 96)
            added[situation.metric][over:] = 0
            extra[over:] = 0
            events = _events(np.random.default_rng([seed, 1]), mail, extra, bounce, complaint, added)
    metric = situation.metric if situation.metric is not None else Metric.BOUNCE
    total = mail + extra
    rate = _aws_rate(total, events[metric], size, aws_window)
    lines = AWS_LINES[metric]
    review = _first(rate >= lines.review, onset)
    pause = _first(rate >= lines.pause, onset)
    points = [
        Point(
            START + i * BUCKET, int(total[i]), int(events[Metric.BOUNCE][i]), int(events[Metric.COMPLAINT][i])
        )
        for i in range(SLOTS)
        if total[i] or events[Metric.BOUNCE][i] or events[Metric.COMPLAINT][i]
    ]
    return World(situation, size, points, _at(onset), _at(over), _at(review), _at(pause), rate)


def _at(slot: int | None) -> int | None:
    return None if slot is None else START + slot * BUCKET


def _expected(dice: np.random.Generator, size: int, day: Array) -> Array:
    """Mail by slot: one of three rhythms, with quieter week-ends and days that differ."""
    rhythm = dice.integers(3)
    hour = (day % 1) * 24
    if rhythm == 0:  # office hours
        shape = 0.1 + np.exp(-(((hour - 13) / 4) ** 2))
    elif rhythm == 1:  # round the clock
        shape = 1 + 0.4 * np.sin((hour - 9) / 24 * 2 * np.pi)
    else:  # a daily newsletter and a trickle
        shape = 0.15 + 8.0 * ((hour >= 9) & (hour < 10))
    week = np.where(np.floor(day) % 7 >= 5, dice.uniform(0.1, 0.9), 1.0)
    luck = np.repeat(np.exp(dice.normal(0, 0.25, DAYS)), 96)
    expected = shape * week * luck
    return expected / expected.sum() * size * DAYS


def _ruin(
    dice: np.random.Generator, situation: Situation, mail: Array, onset: int, over: int
) -> tuple[Array, Array]:
    """The expected extra events by slot of sending, and the extra mail."""
    added, extra = np.zeros(SLOTS), np.zeros(SLOTS)
    when = slice(onset, over)
    if situation.rate is not None:
        added[when] = situation.rate((np.arange(onset, over) - onset) / 96) * mail[when]
    if situation.list_share:
        extra[when] = dice.poisson(situation.list_share * mail.mean(), over - onset)
        added[when] += situation.list_rate * extra[when]
    return added, extra


def _events(
    dice: np.random.Generator,
    mail: Array,
    extra: Array,
    bounce: Array,
    complaint: Array,
    added: dict[Metric, Array],
) -> dict[Metric, Array]:
    """Counts by the slot in which SES hears of them: bounces mostly at once, complaints over two days."""
    noise = dice.gamma(20, 1 / 20, SLOTS)
    bounces = _late((mail * bounce * noise + added[Metric.BOUNCE]), np.array([0.8, 0.1, 0.05, 0.03, 0.02]))
    lags = np.arange(2 * 96)
    kernel = (
        0.6 * np.exp(-lags / 12) / np.exp(-lags / 12).sum()
        + 0.4 * np.exp(-lags / 80) / np.exp(-lags / 80).sum()
    )
    complaints = _late((mail * complaint * noise + added[Metric.COMPLAINT]), kernel)
    cap = np.maximum(mail + extra, 0)
    return {
        Metric.BOUNCE: np.minimum(dice.poisson(bounces), np.maximum(cap, 50)).astype(float),
        Metric.COMPLAINT: dice.poisson(complaints).astype(float),
    }


def _late(expected: Array, kernel: Array) -> Array:
    return np.convolve(expected, kernel)[: len(expected)]


def _aws_rate(mail: Array, events: Array, size: int, aws_window: float) -> Array:
    """The rate over the last max(10,000, one day's) mails at the end of each slot; over all mail where there was less."""
    wanted = max(10_000, size) * aws_window
    mails, happened = np.concatenate([[0], np.cumsum(mail)]), np.concatenate([[0], np.cumsum(events)])
    ends = np.arange(1, len(mails))
    starts = np.maximum(0, np.searchsorted(mails, mails[ends] - wanted, side="right") - 1)
    sent = mails[ends] - mails[starts]
    rate: Array = np.divide(happened[ends] - happened[starts], sent, out=np.zeros(len(ends)), where=sent > 0)
    return rate


def _crossings(
    mail: Array, events: Array, metric: Metric, size: int, aws_window: float
) -> tuple[int | None, int | None]:
    rate = _aws_rate(mail, events, size, aws_window)
    lines = AWS_LINES[metric]
    return _first(rate >= lines.review, 96 * 7), _first(rate >= lines.pause, 96 * 7)


def _first(reached: NDArray[np.bool_], after: int | None) -> int | None:
    """The end of the first slot at or after `after` in which something is so."""
    if after is None:
        return None
    found = np.flatnonzero(reached[after:])
    return int(found[0]) + after + 1 if len(found) else None
