"""Send data points → ordered quarter-hour buckets with running sums.

Amazon SES answers GetSendStatistics in any order, leaves quiet buckets out, leaves zero counters out, and starts its
buckets at any minute. A `History` is none of that: slot after slot of fifteen minutes, gaps are zero, and every count
over any stretch is one subtraction. All sums run forward in time, so what was known at an instant never depends on
what came later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from math import exp
from typing import Any, NamedTuple

Instant = int
"""Whole seconds since the epoch, UTC."""

BUCKET = 900
"""Length of a bucket in seconds: GetSendStatistics answers in fifteen-minute intervals (SES API reference)."""

HOUR = 3600
DAY = 86_400
SLOTS_PER_DAY = DAY // BUCKET
LOOKBACK = 14 * DAY
"""How far back any rule looks: GetSendStatistics covers two weeks."""

LONGEST = 3 * 366 * DAY
"""Longest history accepted; a longer one holds a stray timestamp, not three years of email."""

LARGEST_COUNT = 10**8
"""No sender puts this much email into fifteen minutes; a larger count is a broken answer."""

YEAR_2100 = 4_102_444_800
"""No email was sent after this; a later time is a broken answer."""


class BadData(ValueError):
    """Send statistics that cannot be used; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Point:
    """One send data point: counts of the bucket that starts at `at`."""

    at: Instant
    attempts: int
    bounces: int = 0
    complaints: int = 0
    rejects: int = 0
    whole_day: bool = False  # a daily total, put at the beginning of its day


class Smoothed(NamedTuple):
    """Sends spread exponentially over the time after them: the emails whose events come in now."""

    levels: list[float]  # one per slot
    sums: list[float]  # running sums of the levels, one more than there are slots


def point_from(member: Mapping[str, object]) -> Point:
    """One member of `SendDataPoints`, as boto3 or the AWS CLI gives it, as a `Point`.

    `Timestamp` is an aware datetime or ISO 8601 text; counters that SES left out are zero.
    Raises `BadData` for anything that is not a count or not a time.
    """
    if not isinstance(member, Mapping):
        raise BadData(f"a send data point is {_shown(member)}, not an object with a Timestamp and counters")
    return Point(
        _instant(member.get("Timestamp")),
        _count(member, "DeliveryAttempts"),
        _count(member, "Bounces"),
        _count(member, "Complaints"),
        _count(member, "Rejects"),
    )


def _count(member: Mapping[str, object], name: str) -> int:
    value = member.get(name, 0)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadData(f"{name} is {_shown(value)}, not a whole number")
    if not 0 <= value <= LARGEST_COUNT:
        raise BadData(f"{name} is {_shown(value)}, not a count between 0 and {LARGEST_COUNT:,}")
    return value


def _instant(value: object) -> Instant:
    if value is None:
        raise BadData("Timestamp is missing")
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise BadData(f"Timestamp is {_shown(value)}, not an ISO 8601 time like 2025-02-04T10:30:00Z") from None
    if not isinstance(moment, datetime):
        raise BadData(f"Timestamp is {_shown(value)}, not a time")
    if moment.tzinfo is None:
        raise BadData(f"Timestamp {_shown(value)} has no time zone; write it like 2025-02-04T10:30:00Z")
    at = int(moment.timestamp())
    if not 0 <= at < YEAR_2100:
        raise BadData(f"Timestamp is {_shown(value)}, a time before 1970 or after 2100")
    return at


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def iso(at: Instant) -> str:
    """`at` as ISO 8601 in UTC: 2025-02-04T10:30:00+00:00."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def stamp(at: Instant) -> str:
    """`at` for a name: 20250204T1030Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%MZ")


class History:
    """Quarter-hour slots from the first point to `until`, each count as a running sum.

    `attempts[i]` is the number of attempts in all slots before slot `i` (so the list has one more member than there are
    slots), and the same for `bounces`, `complaints` and `rejects`: integers, exact. `heard_of` is the part of the attempts
    whose complaints are heard of: `feedback_share` of them, since not every provider reports complaints.

    Slot `i` covers `[origin + i * BUCKET, origin + (i + 1) * BUCKET)`. The origin is the first point's own time, so that
    slots are AWS's buckets whatever minute they start at; a point off that rhythm joins the slot that starts after it,
    never an earlier one, so that no bucket is known before its end. Slots before `quarters` hold daily totals, in which
    nothing says when in the day an event came.
    """

    __slots__ = (
        "_smoothed",
        "attempts",
        "bounces",
        "complaints",
        "derived",
        "feedback_share",
        "first",
        "heard_of",
        "origin",
        "quarters",
        "rejects",
        "sends",
    )

    def __init__(self, origin: Instant, slots: list[Point | None], first: Instant, feedback_share: float) -> None:
        self.origin = origin
        self.first = first
        self.feedback_share = feedback_share
        self.sends = [p.attempts if p else 0 for p in slots]
        self.attempts = _sums(self.sends)
        self.bounces = _sums([p.bounces if p else 0 for p in slots])
        self.complaints = _sums([p.complaints if p else 0 for p in slots])
        self.rejects = _sums([p.rejects if p else 0 for p in slots])
        self.heard_of = self.attempts
        if feedback_share != 1:
            self.heard_of = [int(emails * feedback_share) for emails in self.attempts]
        self.quarters = _quarters(slots)
        self._smoothed: dict[int, Smoothed] = {}
        self.derived: dict[str, Any] = {}
        """Values that other modules derive from this history once, by name."""

    @property
    def slots(self) -> int:
        """Number of slots, closed or not."""
        return len(self.sends)

    def closed(self, now: Instant) -> int:
        """How many slots had ended at `now`; all sums up to that index are known then."""
        return max(0, min(self.slots, (now - self.origin) // BUCKET))

    def time(self, index: int) -> Instant:
        """When slot `index` starts, which is when the slot before it ends."""
        return self.origin + index * BUCKET

    def smoothed(self, delay: int) -> Smoothed:
        """The sends, each spread over the time after it with mean `delay` seconds. Computed once per delay."""
        if delay not in self._smoothed:
            keep = exp(-BUCKET / delay)
            fresh = 1 - keep
            level = 0.0
            levels = [level := keep * level + fresh * sent for sent in self.sends]
            self._smoothed[delay] = Smoothed(levels, list(accumulate(levels, initial=0.0)))
        return self._smoothed[delay]


def _quarters(slots: list[Point | None]) -> int:
    """The first slot with a point after the last daily total."""
    first = 0
    for slot in range(len(slots) - 1, -1, -1):
        point = slots[slot]
        if point is not None:
            if point.whole_day:
                return first if first else len(slots)
            first = slot
    return 0


def history_from(
    points: Iterable[Point], *, until: Instant, first: Instant | None = None, feedback_share: float = 1.0
) -> History | None:
    """The history of `points` up to `until`, or None if there is no point before it.

    Points may come in any order and more than once. Points that start at or after `until` are left out. `first` is the
    start of the oldest bucket ever seen, if that is stored. Raises `BadData` when the points span more than
    `LONGEST`.
    """
    by_time = _by_time(point for point in points if point.at < until)
    if not by_time:
        return None
    origin = min(by_time)
    if until - origin > LONGEST:
        raise BadData(f"the send statistics reach from {iso(origin)} to {iso(until)}: more than three years")
    slots: list[Point | None] = [None] * -(-(until - origin) // BUCKET)
    for at, point in by_time.items():
        index = -(-(at - origin) // BUCKET)
        if index < len(slots):
            known = slots[index]
            slots[index] = point if known is None else _together(known, point)
    return History(origin, slots, origin if first is None else min(first, origin), feedback_share)


def distinct(points: Iterable[Point]) -> tuple[Point, ...]:
    """Each bucket once, oldest first: of one given twice, each counter's larger value, since SES only ever adds late bounces
    and complaints to a bucket."""
    by_time = _by_time(points)
    return tuple([by_time[at] for at in sorted(by_time)])


def _by_time(points: Iterable[Point]) -> dict[Instant, Point]:
    by_time: dict[Instant, Point] = {}
    for point in points:
        known = by_time.get(point.at)
        by_time[point.at] = point if known is None else _larger(known, point)
    return by_time


def _larger(a: Point, b: Point) -> Point:
    return Point(
        a.at,
        max(a.attempts, b.attempts),
        max(a.bounces, b.bounces),
        max(a.complaints, b.complaints),
        max(a.rejects, b.rejects),
        a.whole_day and b.whole_day,
    )


def _together(a: Point, b: Point) -> Point:
    return Point(
        min(a.at, b.at),
        a.attempts + b.attempts,
        a.bounces + b.bounces,
        a.complaints + b.complaints,
        a.rejects + b.rejects,
        a.whole_day or b.whole_day,
    )


def _sums(counts: list[int]) -> list[int]:
    return list(accumulate(counts, initial=0))
