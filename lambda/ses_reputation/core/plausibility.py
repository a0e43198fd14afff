"""Valid answers that cannot be true: beside what was read before, or beside what AWS says in the same run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import NamedTuple

from .history import BUCKET, DAY, HOUR, Instant, Point, iso
from .readings import Account

KEPT = 13 * DAY + DAY // 2
"""AWS surely still has every bucket that is younger than this."""

SHRUNK = 0.01
"""Totals may shrink by this part. SES only ever adds to a bucket."""

RECIPIENTS = 50
"""Most recipients of one email (SES quota). The sending quota counts recipients; what the statistics count is not documented."""

NOTICEABLE, NOTICEABLE_SHARE = 50, 0.05
"""Fewer recipients than this contradict nothing, nor does a smaller part of the day's: email to addresses on the suppression
list uses quota and may not be counted."""

LATE = 2 * HOUR
"""Emails may be missing from the statistics for so long: how late SES publishes them is not documented."""

CAUGHT_UP = 0.9
"""The statistics have caught up if this share of what the quota says for 24 hours is counted."""


_AT = attrgetter("at")


class DayCount(NamedTuple):
    """Emails of one day, in UTC."""

    start: Instant
    emails: int


@dataclass(frozen=True, slots=True)
class Witness:
    """Counts of earlier answers, to hold the next one against."""

    days: tuple[DayCount, ...] = ()  # most that was ever counted of each day that AWS still has
    used: float | None = None  # `SentLast24Hours` at `used_at`
    used_at: Instant = 0
    ahead_at: Instant | None = None  # since this tick the quota knows of emails that are not counted
    missing_at: Instant | None = None  # last tick at which such emails were missing for too long


def contradiction(
    points: Sequence[Point], witness: Witness | None, account: Account | None, now: Instant, last: Instant
) -> str | None:
    """Say why an answer of GetSendStatistics cannot be true, or None. `last` is the tick of the run before."""
    known = Witness() if witness is None else witness
    lost = _lost(points, known, now)
    if lost is not None:
        return lost
    newest = newest_of(points)
    counted_up_to = "none is counted" if newest is None else f"the newest that are counted are of {iso(newest)}"
    missing = 0 if account is None else _overdue(points, known, account, now, last)
    if missing:
        return f"the quota says that {missing:,} more emails were sent in the last 24 hours, but {counted_up_to}"
    if known.missing_at is not None and not _found_again(points, known, account, now):
        return f"emails that the quota knew of at {iso(known.missing_at)} are still missing, and {counted_up_to}"
    return None


def _lost(points: Sequence[Point], witness: Witness, now: Instant) -> str | None:
    """Say which emails were counted before and are not any more."""
    days = [day for day in witness.days if day.start >= now - KEPT]
    counted = _by_day(points)
    before = sum(day.emails for day in days)
    lost = sum(max(0, day.emails - counted[day.start]) for day in days)
    if lost <= SHRUNK * before:
        return None
    return f"of {before:,} emails that were counted since {iso(days[0].start)}, {lost:,} are missing now"


def _overdue(points: Sequence[Point], witness: Witness, account: Account, now: Instant, last: Instant) -> int:
    """Count emails that have been missing for longer than SES may be late."""
    first_seen = last if witness.ahead_at is None else _ahead_since(points, witness, now)
    if witness.missing_at is None and now - first_seen < LATE:
        return 0
    return _ahead(points, witness, account, now)


def _ahead_since(points: Sequence[Point], witness: Witness, now: Instant) -> Instant:
    """Begin to wait anew if emails have been counted that are newer than the beginning."""
    newest = newest_of(points)
    if witness.ahead_at is None or (newest is not None and newest > witness.ahead_at):
        return now
    return witness.ahead_at


def _ahead(points: Sequence[Point], witness: Witness, account: Account, now: Instant) -> int:
    """Count emails that the quota says were sent, and that are not among `points`."""
    least = max(NOTICEABLE, NOTICEABLE_SHARE * account.used)
    surely = account.used - RECIPIENTS * _sent(points, now - DAY - LATE, now + BUCKET)
    if account.used >= least and surely > 0:
        return int(surely)
    grown = account.used - _most_used(points, witness, now - HOUR)
    return int(grown) if grown >= least else 0


def _most_used(points: Sequence[Point], witness: Witness, now: Instant) -> float:
    """Most that `SentLast24Hours` can be at `now` if nothing was sent after the newest of `points`.

    Emails that are counted leave the quota after 24 hours; those that never used it (the mailbox simulator) do not.
    """
    newest = newest_of(points)
    if witness.used is None or (newest is not None and newest > witness.used_at):
        return float("inf")
    start = witness.used_at - DAY
    never_used = max(0.0, _sent(points, start, witness.used_at + BUCKET) - witness.used)
    left = _sent(points, start, now - DAY)
    return max(0.0, witness.used - max(0.0, left - never_used))


def _found_again(points: Sequence[Point], witness: Witness, account: Account | None, now: Instant) -> bool:
    """Tell if an answer that lacked emails has moved on."""
    newest = newest_of(points)
    if newest is None or witness.missing_at is None:
        return False
    if newest > witness.missing_at:
        return True
    complete = account is not None and _sent(points, now - DAY, now + BUCKET) >= CAUGHT_UP * account.used
    return complete and newest > witness.used_at


def believed(points: Sequence[Point], before: Witness | None, account: Account | None, now: Instant) -> Witness:
    """The witness after an answer that was believed."""
    known = _referring(points, Witness() if before is None else before, account, now)
    counted = _by_day(points)
    for day in known.days:
        counted[day.start] = max(day.emails, counted[day.start])
    days = tuple(DayCount(start, counted[start]) for start in sorted(counted) if start >= now - KEPT)
    return replace(known, days=days, missing_at=None)


def doubted(
    points: Sequence[Point], before: Witness | None, account: Account | None, now: Instant, last: Instant
) -> Witness | None:
    """The witness after an answer that was not believed."""
    if account is None:
        return before
    known = Witness() if before is None else before
    if _lost(points, known, now) is not None:  # says nothing of what was sent, but begins the wait for it
        return replace(known, ahead_at=now if known.ahead_at is None else known.ahead_at)
    missing = _overdue(points, known, account, now, last)
    return replace(_referring(points, known, account, now), missing_at=now if missing else known.missing_at)


def _referring(points: Sequence[Point], known: Witness, account: Account | None, now: Instant) -> Witness:
    """`known`, with the use of the quota that the next answers are held against."""
    if account is None:
        return known
    ahead_at = _ahead_since(points, known, now) if _ahead(points, known, account, now) else None
    if account.used < _most_used(points, known, now):
        return replace(known, used=account.used, used_at=now, ahead_at=ahead_at)
    return replace(known, ahead_at=ahead_at)


def newest_of(points: Sequence[Point]) -> Instant | None:
    """End of the newest bucket with emails, of `points` from the oldest to the newest."""
    return next((point.at + BUCKET for point in reversed(points) if point.attempts), None)


def _sent(points: Sequence[Point], start: Instant, end: Instant) -> int:
    """Emails of the buckets that lie between `start` and `end`, of `points` from the oldest to the newest."""
    first = bisect_left(points, start, key=_AT)
    after = bisect_right(points, end - BUCKET, key=_AT)
    return sum([point.attempts for point in points[first:after]])


def _by_day(points: Sequence[Point]) -> dict[Instant, int]:
    counted: defaultdict[Instant, int] = defaultdict(int)
    for point in points:
        counted[point.at // DAY * DAY] += point.attempts
    return counted
