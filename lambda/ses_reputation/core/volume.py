"""The amount of email: sending that stopped, a sudden spike, rejects → findings.

Email that has stopped has a perfect bounce rate. All three compare a sender with nobody but itself, and say nothing of one
that is not known for a week.
"""

from __future__ import annotations

from collections.abc import Iterator

from .account import Standing
from .alert import Alert
from .history import BUCKET, DAY, HOUR, SLOTS_PER_DAY, History, Instant
from .rates import Count
from .rules import Finding, Severity, VolumePolicy

CHECKS = SILENCE, SPIKE, REJECTS = "silence", "spike", "rejects"

KNOWN_DAYS = 7
"""A sender younger than this has no habits yet; a week holds every week-end."""

SLOTS_PER_HOUR = HOUR // BUCKET

SILENT_HOURS = 2
STEADY_EMAILS = 10
"""A steady sender, who sent at least so much in each of these hours of every day known (and the hour before and after, for
the days that clocks change), is silent after two hours without email."""

SILENT_DAY, GAPS, HABIT_EMAILS = DAY, 2, 1_000
"""Another who sends as much as this in two weeks is silent after a day, and twice the longest pause known: week-ends and
holidays are such pauses, and so, for as long as it is known, is an outage."""

RESUMED_EMAILS, RESUMED_SHARE = 10, 0.001
"""A silence is over with so many emails, and so much of what an average day brought before: more than a trial by hand."""

SPIKE_HOURS, SPIKE_EMAILS = 3, 1_000
"""A spike is judged over three hours, against all three hours of two weeks but the last day, and not below this. What is
known only by day must have brought less in any of its days."""

TWO_WEEKS = 14 * SLOTS_PER_DAY
"""Before these many slots email is known by day only, each day as one slot (days.py)."""

REJECTED, REJECTED_SHARE = 10, 0.001
"""Amazon SES rejects email in which it finds a virus: so many in a day, and so much of the day's email, is told."""


def standings(
    history: History | None, policy: VolumePolicy, now: Instant, *, stopped: bool, silence: Alert | None = None
) -> dict[str, Standing]:
    """Every check of the amount of email. Where email is known to be `stopped`, silence is not judged; where an alert of
    `silence` is open already, it is until email goes out again."""
    if history is None:
        return {}
    end = history.closed(now)
    found = {REJECTS: Standing(_rejects(history, end), quiet=DAY)}
    if policy.spike:
        found[SPIKE] = Standing(_spike(history, end, policy.spike), quiet=DAY)
    if policy.silence and not stopped:
        found[SILENCE] = Standing(_silence(history, end, silence), quiet=HOUR)
    return found


def switched_off(policy: VolumePolicy) -> frozenset[str]:
    """The checks that the settings do not ask for: an alert of one that was open when it was switched off is no more."""
    asked = {REJECTS, *([SPIKE] if policy.spike else []), *([SILENCE] if policy.silence else [])}
    return frozenset(CHECKS) - asked


def _sent(history: History, start: int, end: int) -> int:
    return history.attempts[max(0, end)] - history.attempts[max(0, start)]


def _silence(history: History, end: int, known: Alert | None) -> tuple[Finding, ...]:
    last = end
    while last > 0 and history.attempts[last] == history.attempts[last - 1]:
        last -= 1
    if known is not None:
        last = min(last, _began(history, known))
        if _resumed(history, last, end):
            return ()
    elif end - last < SILENT_HOURS * SLOTS_PER_HOUR or not _unusual(history, end, last):
        return ()
    before = _sent(history, last - SLOTS_PER_DAY, last)
    count = Count(_sent(history, last, end), before, history.time(last), history.time(end))
    return (Finding("no email", Severity.WARNING, count),)


def _began(history: History, silence: Alert) -> int:
    """The slot in which a silence that is open began, never before its last email."""
    count = silence.worst.count
    start = silence.opened_at if count is None else count.start
    return history.closed(start + BUCKET - 1)


def _resumed(history: History, last: int, end: int) -> bool:
    """Whether email goes out again, in the last day, after a silence since the slot `last`."""
    oldest = max(0, last - TWO_WEEKS)
    usual = _sent(history, oldest, last) / max(1, last - oldest) * SLOTS_PER_DAY
    return _sent(history, max(last, end - SLOTS_PER_DAY), end) >= max(RESUMED_EMAILS, RESUMED_SHARE * usual)


def _unusual(history: History, end: int, last: int) -> bool:
    """Whether no email since the slot `last` is not this sender's habit."""
    days = min(13, (end - SLOTS_PER_DAY // 4) // SLOTS_PER_DAY)
    if days < KNOWN_DAYS or last < KNOWN_DAYS * SLOTS_PER_DAY:
        return False
    return _steady(history, end, days) or _out_of_habit(history, last, end)


def _steady(history: History, end: int, days: int) -> bool:
    """Whether email went out in these hours of every day known."""
    for day in range(1, days + 1):
        there = end - day * SLOTS_PER_DAY
        for hour in range(-SILENT_HOURS - 1, 1):
            start = there + hour * SLOTS_PER_HOUR
            if start < 0 or _sent(history, start, start + SLOTS_PER_HOUR) < STEADY_EMAILS:
                return False
    return True


def _out_of_habit(history: History, last: int, end: int) -> bool:
    """Whether the pause since the slot `last` is far longer than any before."""
    slots = end - last
    if slots * BUCKET < SILENT_DAY or _sent(history, last - TWO_WEEKS, last) < HABIT_EMAILS:
        return False
    return slots > GAPS * max(_pauses(history, last, end), default=0)


def _pauses(history: History, last: int, end: int) -> Iterator[int]:
    """The length of every pause before the slot `last`, in slots. Email that is known by day only stands at the day's beginning:
    the pause after it is up to a day shorter than it looks."""
    email = 0  # the slot with email before
    for slot in range(1, last):
        if history.attempts[slot + 1] > history.attempts[slot]:
            yield slot - email - 1 - (SLOTS_PER_DAY if email < end - TWO_WEEKS else 0)
            email = slot


def _spike(history: History, end: int, times: float) -> tuple[Finding, ...]:
    span = SPIKE_HOURS * SLOTS_PER_HOUR
    now = _sent(history, end - span, end)
    before = end - SLOTS_PER_DAY
    if now < SPIKE_EMAILS or before < KNOWN_DAYS * SLOTS_PER_DAY:
        return ()
    by_day = max(0, end - TWO_WEEKS)
    most = max(_sent(history, slot - span, slot) for slot in range(max(span, by_day + span), before + 1))
    day = max((_sent(history, slot, slot + 1) for slot in range(by_day)), default=0)
    usual, of = (most, "any three hours of the last two weeks") if most else (day, "any day before")
    if not usual or now <= times * usual or now <= day:
        return ()
    count = Count(now, usual, history.time(end - span), history.time(end))
    return (Finding("spike", Severity.WARNING, count, detail=of),)


def _rejects(history: History, end: int) -> tuple[Finding, ...]:
    start = max(0, end - SLOTS_PER_DAY)
    rejects = history.rejects[end] - history.rejects[start]
    emails = _sent(history, start, end)
    if rejects < REJECTED or rejects <= REJECTED_SHARE * emails:
        return ()
    return (Finding("rejects", Severity.WARNING, Count(rejects, emails, history.time(start), history.time(end))),)
