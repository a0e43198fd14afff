"""Learn from two answers of GetSendStatistics in which bucket Amazon SES counts a late event.

Either a bounce or complaint joins the bucket of its email, so that buckets grow after they have closed, or it is counted in the
bucket in which it comes in. AWS does not say. From run to run it can be seen: each run keeps the sums of a few stretches of
the past, and the next one looks whether they have grown. No rule depends on it: `check` tells it, and where it is certain an
alert names the emails to look for by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from .history import BUCKET, DAY, HOUR, History, Instant
from .rates import Metric

EDGES = (0, HOUR, 6 * HOUR, DAY, 4 * DAY)
"""Ages of the stretches that are compared, in seconds before a run. Buckets younger than an hour may only be late."""

LONGEST_GAP = 7 * DAY
"""After a longer pause between two runs their answers are not compared: SES forgets buckets after two weeks."""

ENOUGH = {Metric.BOUNCE: 150, Metric.COMPLAINT: 20}
"""With this many new events and no bucket grown, late ones are not counted with their email: of bounces at least one in thirty
comes more than an hour late, of complaints nearly all."""

GROWN = 5
"""With this many events added to closed buckets, SES counts late ones with their email."""


class Way(Enum):
    """In which bucket Amazon SES counts an event that comes late."""

    WITH_THE_EMAIL = "with the email"
    ON_ARRIVAL = "on arrival"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Seen:
    """Sums of the stretches between `EDGES` before a run, youngest first."""

    at: Instant
    emails: tuple[int, ...]
    bounces: tuple[int, ...]
    complaints: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Booked:
    """Events of one metric that came between two runs, added up over all that were compared."""

    new: int = 0
    grown: tuple[int, ...] = (0,) * (
        len(EDGES) - 2
    )  # of them: added to buckets of that age, without the youngest stretch

    def way(self, metric: Metric) -> Way:
        if sum(self.grown) >= GROWN:
            return Way.WITH_THE_EMAIL
        if sum(self.grown) == 0 and self.new >= ENOUGH[metric]:
            return Way.ON_ARRIVAL
        return Way.NOT_KNOWN


@dataclass(frozen=True, slots=True)
class Learned:
    """A few sums, stored from run to run."""

    bounces: Booked = Booked()
    complaints: Booked = Booked()
    seen: Seen | None = None

    def of(self, metric: Metric) -> Booked:
        return self.bounces if metric is Metric.BOUNCE else self.complaints


def learn(previous: Learned, history: History, now: Instant) -> Learned:
    """Update what is known after a run at the tick `now` that read `history`."""
    if previous.seen is not None and now <= previous.seen.at:
        return previous
    bounces, complaints = previous.bounces, previous.complaints
    seen = previous.seen
    if seen is not None and _comparable(seen, history, now):
        bounces = _added(bounces, history.bounces, seen.bounces, history, seen.at, now)
        complaints = _added(complaints, history.complaints, seen.complaints, history, seen.at, now)
    return Learned(bounces, complaints, _look(history, now))


def _look(history: History, at: Instant) -> Seen:
    return Seen(
        at,
        _stretches(history.attempts, history, at),
        _stretches(history.bounces, history, at),
        _stretches(history.complaints, history, at),
    )


def _stretches(sums: Sequence[int], history: History, at: Instant) -> tuple[int, ...]:
    """The sums between `EDGES` before `at`, youngest first."""
    ends = [_slot(history, at - age) for age in EDGES]
    return tuple(sums[young] - sums[old] for young, old in pairwise(ends))


def _slot(history: History, at: Instant) -> int:
    return max(0, min(history.slots, (at - history.origin) // BUCKET))


def _comparable(seen: Seen, history: History, now: Instant) -> bool:
    """Two answers can be compared if both hold the same emails in the stretches that have closed: else one was partial."""
    if {len(seen.emails), len(seen.bounces), len(seen.complaints)} != {len(EDGES) - 1}:  # a damaged state
        return False
    if now - seen.at > LONGEST_GAP or history.time(history.quarters) > seen.at - EDGES[-1]:
        return False
    return _stretches(history.attempts, history, seen.at)[1:] == seen.emails[1:]


def _added(
    booked: Booked, sums: Sequence[int], before: Sequence[int], history: History, at: Instant, now: Instant
) -> Booked:
    after = _stretches(sums, history, at)
    grown = [new - old for new, old in zip(after, before, strict=True)]
    if min(grown) < 0:  # SES takes no event back: one of the answers was partial
        return booked
    fresh = sums[_slot(history, now)] - sums[_slot(history, at)]
    closed = tuple(known + more for known, more in zip(booked.grown, grown[1:], strict=True))
    return Booked(booked.new + fresh + sum(grown), closed)


def in_words(learned: Learned, metric: Metric) -> str:
    """In which bucket SES counts late events of `metric` in this account, and how that is known."""
    booked, noun = learned.of(metric), f"{metric}s"
    late = sum(booked.grown)
    match booked.way(metric):
        case Way.WITH_THE_EMAIL:
            day = sum(booked.grown[:2])
            return (
                f"SES counts late {noun} with their email in this account: {late:,} of {booked.new:,} new {noun} were added "
                f"to buckets that had closed more than an hour before, {day:,} of them within a day."
            )
        case Way.ON_ARRIVAL:
            return (
                f"SES counts {noun} when they arrive in this account: {booked.new:,} new {noun}, none of them in a bucket "
                "that had closed more than an hour before."
            )
        case _:
            return f"In which bucket SES counts late {noun} is not known yet: {booked.new:,} new {noun} seen so far."
