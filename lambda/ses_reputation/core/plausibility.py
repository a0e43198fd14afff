"""Valid answers that cannot be true: beside what was read before, or beside what AWS says in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .history import BUCKET, DAY, HOUR, Instant, Point, iso
from .readings import Account

SPAN = 10 * DAY
"""How much of the read statistics is remembered as a witness. AWS keeps 14 days: after an outage of up to 3 days it still
covers the witness."""

KEPT = 13 * DAY + DAY // 2
"""AWS surely still has what is younger than this."""

RECIPIENTS = 50
"""Most recipients of one email (SES quota). The sending quota counts recipients; what the statistics count is not documented."""

NOTICEABLE = 50
"""Fewer recipients than this contradict nothing: email to addresses on the suppression list uses quota and may not be counted."""

LATE = 2 * HOUR
"""The newest bucket may be missing for so long: how late SES publishes it is not documented."""

SHRUNK = 0.99
"""Totals below this part of what was read before have shrunk. SES only ever adds to a bucket."""


@dataclass(frozen=True, slots=True)
class Witness:
    """What the last believed answer held, to hold the next one against."""

    start: Instant
    end: Instant  # end of the newest bucket with emails
    emails: int  # sent in between
    least_used: float | None = None  # least `SentLast24Hours` of any run since `end` was the newest; None: not known


def contradiction(
    points: Sequence[Point], witness: Witness | None, account: Account | None, now: Instant
) -> str | None:
    """Say why an answer of GetSendStatistics cannot be true, or None."""
    if witness is not None and witness.start >= now - KEPT:
        emails = sum(point.attempts for point in points if witness.start <= point.at < witness.end)
        if emails < witness.emails * SHRUNK:
            return (
                f"{witness.emails:,} emails were counted from {iso(witness.start)} to {iso(witness.end)} before, "
                f"now only {emails:,} are"
            )
    if account is None:
        return None
    last_day = sum(point.attempts for point in points if point.at >= now - DAY - LATE)
    if account.used >= NOTICEABLE and account.used > RECIPIENTS * last_day:
        return f"{account.used:,.0f} emails of the last 24 hours use the quota, but only {last_day:,} are counted"
    newest = newest_of(points)
    if witness is None or witness.least_used is None or newest is None or newest > witness.end:
        return None
    grown = account.used - witness.least_used
    if grown >= NOTICEABLE and now - newest >= LATE:
        return f"the quota says that {grown:,.0f} emails were sent lately, but the newest that are counted are of {iso(newest)}"
    return None


def newest_of(points: Sequence[Point]) -> Instant | None:
    """End of the newest bucket with emails."""
    return max((point.at + BUCKET for point in points if point.attempts), default=None)


def witness_of(
    points: Sequence[Point], before: Witness | None, account: Account | None, now: Instant
) -> Witness | None:
    """What to hold the next answer against, after `points` were believed."""
    newest = newest_of(points)
    if newest is None:
        return before
    start = max(min(point.at for point in points), newest - SPAN)
    emails = sum(point.attempts for point in points if start <= point.at < newest)
    known = before is not None and before.end == newest and before.least_used is not None
    used = None if account is None or now < newest + LATE // 2 else account.used
    if known and before is not None:
        used = before.least_used if used is None else min(used, before.least_used or 0.0)
    return Witness(start, newest, emails, used)


def doubted(before: Witness | None, account: Account | None) -> Witness | None:
    """The witness after an answer that was not believed."""
    if before is None or before.least_used is None or account is None:
        return before
    return replace(before, least_used=min(before.least_used, account.used))
