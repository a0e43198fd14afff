"""Simulated senders: what Amazon SES would count of them, what goes wrong, and when AWS's own rate reaches its thresholds.

A world is eight weeks of a sender of some size. Its rhythm, normal rates, noise and delays are drawn from the seed; the
situation says what goes wrong. The truth about AWS is the rate over the last max(10,000, one normal day) emails, which is
what two published enforcement notices suggest; `AwsWindow` has other guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from ses_reputation.core.history import BUCKET, Instant, Point
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAYS = 56
PER_DAY = 96
SLOTS = DAYS * PER_DAY
START = 1_735_689_600  # 2025-01-01T00:00:00Z
END = START + SLOTS * BUCKET
SIZES = (150, 3_000, 50_000, 1_000_000, 20_000_000)
SETTLING = 3.0
"""Days after the end of an incident in which its late complaints are not held against the monitor."""


class Rhythm(StrEnum):
    """Times at which a sender sends; one per seed, in turn."""

    OFFICE = "office hours"  # nights and week-ends almost empty
    STEADY = "round the clock"
    BLASTS = "campaigns"  # a day's email in two buckets, on working days
    MIXED = "newsletter and trickle"
    GROWING = "growing"  # five times as much after eight weeks
    IDLE = "idle days"  # four days in ten without email
    BROKEN = "outages and a holiday"


class Delay(StrEnum):
    """Delay of complaints, and the bucket in which SES counts them."""

    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"
    SEND_BUCKET = "in the send's bucket"


class Booking(StrEnum):
    """Bucket in which SES counts the late events of a newsletter sender."""

    ARRIVAL = "late events on arrival"
    EMAIL = "late events with their email"
    BOTH = "late bounces with their email"


@dataclass(frozen=True)
class AwsWindow:
    """A guess at the email that AWS's own rate is made of."""

    emails: int = 10_000
    days: float = 1.0


@dataclass(frozen=True)
class Situation:
    """One fault: an added rate of all email, or extra email with a rate of its own."""

    name: str
    metric: Metric | None = None  # the metric that goes bad; None: nothing goes wrong
    added: Callable[[Floats], Floats] | None = None  # fraction, by days since the onset
    list_rate: float = 0.0  # fraction, of the extra email
    list_share: float = 0.0  # extra email, in shares of a normal day's
    lasts: float | None = None  # days; None: until some days after AWS's rate has reached its review threshold
    onset: tuple[float, float] = (16.0, 30.0)  # days
    again: float | None = None  # a second time, so many days after the end of the first
    bounce: tuple[float, float] = (0.003, 0.015)  # the normal rates are drawn from these
    complaint: tuple[float, float] = (0.0001, 0.0005)
    borderline: bool = False  # bad, but below AWS's threshold: a warning is neither required nor wrong


def _step(level: float) -> Callable[[Floats], Floats]:
    return lambda days: np.full_like(days, level)


def _ramp(level: float, over: float) -> Callable[[Floats], Floats]:
    return lambda days: level * np.clip(days / over, 0.0, 1.0)


_B, _C = Metric.BOUNCE, Metric.COMPLAINT
SITUATIONS = (
    Situation("healthy"),
    Situation("healthy: 2% bounces, 0.05% complaints", bounce=(0.019, 0.021), complaint=(0.0005, 0.0006)),
    Situation("bounces: bad list, all email at 20%", _B, _step(0.20)),
    Situation("bounces: burst of 3 hours at 30%", _B, _step(0.30), lasts=0.125),
    Situation("bounces: half a day at 12%", _B, _step(0.11), lasts=0.5),
    Situation("bounces: step to 8%", _B, _step(0.072)),
    Situation("bounces: step just over the threshold", _B, _step(0.052)),
    Situation("bounces: 3 to 4%, never at the threshold", _B, _step(0.025), lasts=60.0, borderline=True),
    Situation("bounces: ramp by 8% in 4 days", _B, _ramp(0.08, 4)),
    Situation("bounces: rot by 7% in 20 days", _B, _ramp(0.07, 20)),
    Situation("bounces: bought list, as much again at 15%", _B, list_rate=0.15, list_share=1.0),
    Situation("bounces: compromised, 5 times the email at 12%", _B, list_rate=0.12, list_share=5.0),
    Situation("bounces: twice, at 12%", _B, _step(0.12), lasts=4.0, onset=(8.0, 14.0), again=16.0),
    Situation("bounces: in the first days, at 12%", _B, _step(0.12), onset=(2.0, 8.0)),
    Situation("complaints: step to 0.4%", _C, _step(0.004)),
    Situation("complaints: step to 0.15%", _C, _step(0.0013)),
    Situation("complaints: ramp by 0.25% in 10 days", _C, _ramp(0.0025, 10)),
    Situation("complaints: storm, one day at 1%", _C, _step(0.010), lasts=1.0),
    Situation("complaints: extra campaign at 0.6%", _C, list_rate=0.006, list_share=1.0, lasts=1.5),
    Situation("complaints: in the first days, at 0.3%", _C, _step(0.003), onset=(2.0, 8.0)),
)


@dataclass(frozen=True)
class Incident:
    """One thing that went wrong, and the truth about it."""

    metric: Metric
    onset: Instant
    over: Instant  # when its cause ends
    settled: Instant  # when it is over, its late events are in, and AWS's rate is back under the review threshold
    review: Instant | None  # when AWS's rate reaches its review threshold
    pause: Instant | None


@dataclass(frozen=True)
class World:
    """A simulated history and the truth about it."""

    situation: Situation
    size: int
    rhythm: Rhythm
    points: list[Point]
    incidents: tuple[Incident, ...]
    aws_rates: Mapping[Metric, Floats]  # AWS's own at the end of each slot; of newsletters none
    healthy: Floats  # events of the bad metric expected by slot if nothing had gone wrong
    expected: Floats  # the same, with the trouble

    def over_review(self, metric: Metric, at: Instant) -> bool:
        """Tell if AWS's own rate is at its review threshold."""
        rates = self.aws_rates.get(metric)
        return rates is not None and bool(
            rates[min((at - START) // BUCKET, len(rates)) - 1] >= AWS_THRESHOLDS[metric].review
        )


def world(
    situation: Situation,
    size: int,
    seed: int,
    *,
    window: AwsWindow | None = None,
    delay: Delay | None = None,
) -> World:
    """One history of `DAYS` days of a sender of `size` emails a day; the same arguments give the same history."""
    dice = np.random.default_rng([seed, size, SITUATIONS.index(situation)])
    rhythm = list(Rhythm)[seed % len(Rhythm)]
    lateness = (Delay.EXPONENTIAL, Delay.LOGNORMAL)[seed % 2] if delay is None else delay
    mean = _mean_email(dice, rhythm, size)
    email = dice.poisson(mean)
    rates = {_B: _normal_rate(dice, situation.bounce), _C: _normal_rate(dice, situation.complaint)}
    metric = _B if situation.metric is None else situation.metric
    kernel = _kernel(dice, metric, lateness)
    extra, added, spans = _trouble(dice, situation, mean, email, rates[metric], kernel, window)
    total = email + extra
    clean = email * rates[metric] + extra * float(rates[metric].mean())
    events = {}
    for which in (_B, _C):
        by_send = np.minimum(1.0, rates[which] + (added / np.maximum(email, 1) if which is metric else 0.0))
        ill = np.zeros(SLOTS)
        if which is metric and situation.list_share:
            by_send, ill = rates[which], np.full(SLOTS, situation.list_rate)
        sent = dice.binomial(email, by_send) + dice.binomial(extra, ill)
        events[which] = _arrivals(dice, sent, which, kernel if which is metric else _kernel(dice, which, lateness))
    truth = {
        which: aws_rate(total, events[which], _wanted(mean, window), float(rates[which].mean())) for which in Metric
    }
    incidents = tuple(
        _incident(metric, truth[metric], onset, over, spans[i + 1][0] if i + 1 < len(spans) else SLOTS)
        for i, (onset, over) in enumerate(spans)
    )
    return World(
        situation,
        size,
        rhythm,
        _points(total, events),
        incidents,
        truth,
        _spread(clean, kernel),
        _spread(email * rates[metric] + added, kernel),
    )


NEWSLETTERS = Situation("newsletters")


def newsletters(size: int, seed: int, booking: Booking) -> World:
    """A healthy sender whose email goes out in weekly or monthly blasts, with a trickle between them.

    5-15% of the bounces come late, after 3-5 hours in the mean; half of the complaints come after more than 10-15 hours.
    """
    dice = np.random.default_rng([seed, size, 999])
    every = (7, 28)[seed % 2] * PER_DAY
    hour = np.arange(SLOTS) % PER_DAY / 4
    mean = dice.uniform(0.02, 0.15) * size / PER_DAY * (1 + 0.6 * np.sin((hour - 9) / 24 * 2 * np.pi))
    blast = max(0.0, size * every / PER_DAY - mean.sum() * every / SLOTS)
    lasts = int(dice.integers(1, 9))
    for start in range(int(dice.integers(0, every)), SLOTS, every):
        mean[start : start + lasts] += blast / lasts * np.exp(dice.normal(0.0, 0.15))
    email = dice.poisson(mean)
    late = dice.uniform(0.05, 0.15)
    hours = np.arange(3 * PER_DAY) / 4
    bounces = late * np.exp(-hours / dice.uniform(3, 5))
    bounces[0] = (1 - late) / late * bounces[1:].sum()
    lags = (np.arange(6 * PER_DAY) + 0.5) / 4
    spread = dice.uniform(0.8, 1.4)
    complaints = np.exp(-0.5 * (np.log(lags / dice.uniform(10, 15)) / spread) ** 2) / lags
    with_email = {Booking.ARRIVAL: (), Booking.EMAIL: (_B, _C), Booking.BOTH: (_B,)}[booking]
    events = {}
    for metric, limits, kernel in ((_B, NEWSLETTERS.bounce, bounces), (_C, NEWSLETTERS.complaint, complaints)):
        sent = dice.binomial(email, _normal_rate(dice, limits))
        events[metric] = sent if metric in with_email else _arrivals(dice, sent, metric, kernel / kernel.sum())
    nothing = np.zeros(SLOTS)
    return World(NEWSLETTERS, size, Rhythm.MIXED, _points(email, events), (), {}, nothing, nothing)


def _points(email: Ints, events: Mapping[Metric, Ints]) -> list[Point]:
    return [
        Point(START + i * BUCKET, sent, bounces, complaints)
        for i, (sent, bounces, complaints) in enumerate(
            zip(email.tolist(), events[_B].tolist(), events[_C].tolist(), strict=True)
        )
        if sent or bounces or complaints
    ]


def _mean_email(dice: np.random.Generator, rhythm: Rhythm, size: int) -> Floats:
    """Expected email by slot; its mean over about a week is `size` a day."""
    day = np.arange(SLOTS) / PER_DAY
    hour, weekend = (day % 1) * 24, np.floor(day) % 7 >= 5
    shape = np.ones(SLOTS)
    if rhythm in (Rhythm.OFFICE, Rhythm.GROWING):
        shape = np.where(weekend, dice.uniform(0.02, 0.3), 1.0) * (0.02 + np.exp(-(((hour - 13) / 3.5) ** 2)))
    elif rhythm in (Rhythm.STEADY, Rhythm.BROKEN):
        shape = np.where(weekend, 0.8, 1.0) * (1 + 0.5 * np.sin((hour - 9) / 24 * 2 * np.pi))
    elif rhythm is Rhythm.BLASTS:
        slot = np.arange(SLOTS) % PER_DAY
        first = int(dice.integers(28, 72))
        shape = np.where(weekend, 0.0, 1.0) * ((slot == first) | (slot == first + 1))
    elif rhythm in (Rhythm.MIXED, Rhythm.IDLE):
        shape = 0.15 + 6.0 * ((hour >= 9) & (hour < 10))
    if rhythm is Rhythm.GROWING:
        shape = shape * 5 ** (day / DAYS)
    if rhythm is Rhythm.IDLE:
        shape = shape * np.repeat(dice.random(DAYS) > 0.4, PER_DAY)
    if rhythm is Rhythm.BROKEN:
        holiday = int(dice.integers(7, 40))
        shape = shape * np.where((day >= holiday) & (day < holiday + 7), 0.1, 1.0)
        for start in dice.integers(0, SLOTS - 60, 4):
            hours = int(dice.integers(8, 48))  # slots without email, then all of it at once
            held = shape[start : start + hours].sum()
            shape[start : start + hours] = 0.0
            shape[start + hours : start + hours + 4] += held / 4
    shape = shape * np.repeat(np.exp(dice.normal(0.0, 0.25, DAYS)), PER_DAY)
    mean: Floats = shape / shape.sum() * size * DAYS
    return mean


def _normal_rate(dice: np.random.Generator, limits: tuple[float, float]) -> Floats:
    """A normal rate by slot of sending: it drifts from day to day, and each bucket differs (as a beta-binomial does)."""
    level = np.exp(dice.uniform(*np.log(limits)))
    drift = np.zeros(DAYS)
    for day in range(1, DAYS):
        drift[day] = 0.7 * drift[day - 1] + dice.normal(0.0, 0.08)
    shape = dice.uniform(25, 150)
    rate: Floats = np.minimum(0.5, level * np.repeat(np.exp(drift), PER_DAY) * dice.gamma(shape, 1 / shape, SLOTS))
    return rate


def _kernel(dice: np.random.Generator, metric: Metric, delay: Delay) -> Floats:
    """Share of the events that come each number of buckets after their email."""
    if metric is _B:  # most in minutes, some in hours
        lags = np.arange(48)
        weights = 0.85 * (lags == 0) + 0.15 * np.exp(-lags / dice.uniform(4, 12)) / 8
    elif delay is Delay.SEND_BUCKET:
        return np.ones(1)
    else:
        lags = np.arange(6 * PER_DAY) + 0.5
        if delay is Delay.EXPONENTIAL:
            weights = np.exp(-lags / (4 * dice.uniform(4, 30)))
        else:
            spread = dice.uniform(0.8, 1.4)
            weights = np.exp(-0.5 * (np.log(lags / (4 * dice.uniform(4, 16))) / spread) ** 2) / lags
    kernel: Floats = weights / weights.sum()
    return kernel


def _spread(expected: Floats, kernel: Floats) -> Floats:
    """Expected events by slot of sending → by slot of arrival."""
    size = 1 << (SLOTS + len(kernel) - 1).bit_length()
    spread: Floats = np.fft.irfft(np.fft.rfft(expected, size) * np.fft.rfft(kernel, size), size)[:SLOTS]
    return np.maximum(spread, 1e-9)


def _arrivals(dice: np.random.Generator, sent: Ints, metric: Metric, kernel: Floats) -> Ints:
    """Events by slot of sending → by slot of arrival, event by event."""
    arrived = np.zeros(SLOTS + len(kernel), np.int64)
    if metric is _C:
        slots = np.repeat(np.arange(SLOTS), sent)
        np.add.at(arrived, slots + dice.choice(len(kernel), len(slots), p=kernel), 1)
        return arrived[:SLOTS]
    left, remaining = sent.copy(), 1.0
    for lag, weight in enumerate(kernel):
        moved = dice.binomial(left, min(1.0, weight / remaining)) if lag < len(kernel) - 1 else left
        arrived[lag : lag + SLOTS] += moved
        left, remaining = left - moved, max(remaining - weight, 1e-12)
    return arrived[:SLOTS]


def _trouble(
    dice: np.random.Generator,
    situation: Situation,
    mean: Floats,
    email: Ints,
    rate: Floats,
    kernel: Floats,
    window: AwsWindow | None,
) -> tuple[Ints, Floats, list[tuple[int, int]]]:
    """Extra email and added events by slot of sending, and the first and last slot of each incident."""
    extra, added = np.zeros(SLOTS, np.int64), np.zeros(SLOTS)
    spans: list[tuple[int, int]] = []
    if situation.metric is None:
        return extra, added, spans
    onset = int(dice.uniform(*situation.onset) * PER_DAY)
    mended = dice.uniform(0.5, 4.0)  # days after AWS's rate has reached the threshold: somebody reads AWS's letter
    while onset < SLOTS:
        over = SLOTS if situation.lasts is None else min(SLOTS, onset + int(situation.lasts * PER_DAY))
        when = slice(onset, over)
        if situation.added is not None:
            added[when] = situation.added((np.arange(onset, over) - onset) / PER_DAY) * email[when]
        if situation.list_share:
            daily = mean[onset - 14 * PER_DAY : onset].sum() / 14
            extra[when] = dice.poisson(situation.list_share * daily / PER_DAY, over - onset)
            added[when] = situation.list_rate * extra[when]
        if situation.lasts is None:
            late = _spread(email * rate + added, kernel)
            truth = aws_rate(email + extra, late, _wanted(mean, window), float(rate.mean()))
            reached = np.flatnonzero(truth[onset:] >= AWS_THRESHOLDS[situation.metric].review)
            if len(reached):
                over = min(SLOTS, onset + int(reached[0]) + int(mended * PER_DAY))
                extra[over:], added[over:] = 0, 0.0
        ill = np.flatnonzero(added[onset:over])
        if len(ill):
            spans.append((onset + int(ill[0]), over))
        if situation.again is None:
            break
        onset = over + int(situation.again * PER_DAY) if len(spans) < 2 else SLOTS
    return extra, added, spans


def _wanted(mean: Floats, window: AwsWindow | None) -> Floats:
    """Number of emails AWS looks at, by slot. A normal day is the mean of the fourteen days before, without the trouble."""
    window = AwsWindow() if window is None else window
    sums = np.concatenate([[0.0], np.cumsum(mean)])
    ends = np.arange(1, SLOTS + 1)
    starts = np.maximum(0, ends - 14 * PER_DAY)
    daily = (sums[ends] - sums[starts]) * PER_DAY / np.maximum(ends - starts, PER_DAY)
    return np.maximum(window.emails, window.days * daily)


def aws_rate(email: Ints, events: Ints | Floats, wanted: Floats, before: float) -> Floats:
    """The rate over the last `wanted` emails at the end of each slot, the email before the first slot at the rate `before`."""
    emails, happened = np.concatenate([[0], np.cumsum(email)]), np.concatenate([[0], np.cumsum(events)])
    ends = np.arange(1, len(emails))
    starts = np.maximum(0, np.searchsorted(emails, emails[ends] - wanted, side="right") - 1)
    sent = emails[ends] - emails[starts]
    older = np.maximum(0.0, wanted - sent)
    rate: Floats = (happened[ends] - happened[starts] + older * before) / (sent + older)
    return rate


def _incident(metric: Metric, rate: Floats, onset: int, over: int, until: int) -> Incident:
    """Truth about the incident in the slots from `onset` to `over`, with the next one at `until`."""
    thresholds = AWS_THRESHOLDS[metric]
    rates = rate[onset:until]
    known = onset > 0 and rate[onset - 1] >= thresholds.review  # over the threshold already: nobody can be early
    high = np.flatnonzero(rates >= thresholds.review)
    settled = max(over + int(SETTLING * PER_DAY), onset + int(high[-1]) + 1 if len(high) else 0)
    return Incident(
        metric,
        _at(onset),
        _at(over),
        _at(min(settled, until)),
        None if known else _first(rates >= thresholds.review, onset),
        None if known else _first(rates >= thresholds.pause, onset),
    )


def _at(slot: int) -> Instant:
    return START + slot * BUCKET


def _first(reached: NDArray[np.bool_], onset: int) -> Instant | None:
    """End of the first slot for which `reached` is true."""
    found = np.flatnonzero(reached)
    return _at(onset + int(found[0]) + 1) if len(found) else None
