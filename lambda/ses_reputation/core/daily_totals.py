"""Daily totals beyond the two weeks that Amazon SES keeps, so that "of the last 10,000 emails" is right for a sender of
150 a day, whose window is months long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .history import BUCKET, DAY, Instant, Point

KEEP_EMAILS = 20_000
"""Emails kept by day: twice what any default window holds."""

KEEP_DAYS = 400
"""And nothing older than this: what a state may hold is bounded, and email of years ago says nothing of today."""


class DayTotal(NamedTuple):
    """The counts of one day, in UTC."""

    start: Instant
    attempts: int
    bounces: int
    complaints: int


def with_days(points: Sequence[Point], days: Sequence[DayTotal], now: Instant) -> tuple[Point, ...]:
    """`points`, and before the oldest of them what `days` still know at `now`: each day as one point at its beginning.

    Of the day that the oldest point lies in, what is no longer among the points. Later days are left to the points.
    """
    days = [day for day in days if day.start >= now - KEEP_DAYS * DAY]
    if not points:
        return tuple(Point(*day, whole_day=True) for day in days)
    oldest = min(point.at for point in points)
    older = []
    for day in days:
        if day.start >= oldest:
            continue
        edge = day.start + DAY > oldest
        attempts, bounces, complaints = _sums([p for p in points if p.at < day.start + DAY]) if edge else (0, 0, 0)
        at = oldest - -(-(oldest - day.start) // BUCKET) * BUCKET  # in step with SES's own buckets
        rest = Point(
            at,
            max(0, day.attempts - attempts),
            max(0, day.bounces - bounces),
            max(0, day.complaints - complaints),
            whole_day=True,
        )
        if rest.attempts or rest.bounces or rest.complaints:
            older.append(rest)
    return (*older, *points)


def days_after(days: Sequence[DayTotal], points: Sequence[Point], now: Instant) -> tuple[DayTotal, ...]:
    """The totals to store after a run at `now` that read `points`: of every day that is over, as many as are needed."""
    totals = {day.start: day for day in days}
    by_day: dict[Instant, list[Point]] = {}
    for point in points:
        by_day.setdefault(point.at // DAY * DAY, []).append(point)
    for start, members in by_day.items():
        if start + DAY <= now:
            total = DayTotal(start, *_sums(members))
            known = totals.get(start)
            # A day that SES has begun to forget only seems to shrink.
            totals[start] = total if known is None or total.attempts >= known.attempts else known
    kept: list[DayTotal] = []
    emails = 0
    for start in sorted(totals, reverse=True):
        if emails >= KEEP_EMAILS or start < now - KEEP_DAYS * DAY:
            break
        kept.append(totals[start])
        emails += totals[start].attempts
    return tuple(reversed(kept))


def _sums(points: Sequence[Point]) -> tuple[int, int, int]:
    return (
        sum(point.attempts for point in points),
        sum(point.bounces for point in points),
        sum(point.complaints for point in points),
    )
