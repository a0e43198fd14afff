"""The amount of mail: sending that stopped, a sudden spike, rejects → findings.

Mail that has stopped has a perfect bounce rate. All three compare a sender with nobody but itself, and say nothing of one
that is not known for a week.
"""

from __future__ import annotations

from .account import Standing
from .history import BUCKET, DAY, HOUR, SLOTS_PER_DAY, History, Instant
from .rates import Count
from .rules import Finding, Severity, VolumePolicy

CONCERNS = SILENCE, SPIKE, REJECTS = "silence", "spike", "rejects"

KNOWN_DAYS = 7
"""A sender younger than this has no habits yet; a week holds every week-end."""

SLOTS_PER_HOUR = HOUR // BUCKET

SILENT_HOURS = 2
STEADY_MAILS = 10
"""A steady sender, who sent at least so much in each of these hours of every day known (and the hour before and after, for
the days that clocks change), is silent after two hours without mail."""

SILENT_DAY, GAPS, HABIT_MAILS = DAY, 2, 1_000
"""Another who sends as much as this in two weeks is silent after a day, and twice the longest pause ever seen: week-ends and
holidays are such pauses."""

SPIKE_HOURS, SPIKE_MAILS = 3, 1_000
"""A spike is judged over three hours, against all three hours of two weeks but the last day, and not below this."""

REJECTED, REJECTED_SHARE = 10, 0.001
"""Amazon SES rejects mail in which it finds a virus: so many in a day, and so much of the day's mail, is told."""


def standings(
    history: History | None, policy: VolumePolicy, now: Instant, *, sends: bool, silent: bool = False
) -> dict[str, Standing]:
    """Every concern of the amount of mail. Where mail is known to be stopped (`sends`), silence is not judged; where the sender
    is `silent` already, it is until mail goes out."""
    if history is None:
        return {}
    end = history.closed(now)
    found = {REJECTS: Standing(_rejects(history, end), quiet=DAY)}
    if policy.spike:
        found[SPIKE] = Standing(_spike(history, end, policy.spike), quiet=DAY)
    if policy.silence and sends:
        found[SILENCE] = Standing(_silence(history, end, silent), quiet=HOUR)
    return found


def switched_off(policy: VolumePolicy) -> frozenset[str]:
    """The concerns that the settings do not ask for: an episode of one that was open when it was switched off is no more."""
    asked = {REJECTS, *([SPIKE] if policy.spike else []), *([SILENCE] if policy.silence else [])}
    return frozenset(CONCERNS) - asked


def _sent(history: History, start: int, end: int) -> int:
    return history.attempts[max(0, end)] - history.attempts[max(0, start)]


def _silence(history: History, end: int, silent: bool) -> tuple[Finding, ...]:
    last = end
    while last > 0 and history.attempts[last] == history.attempts[last - 1]:
        last -= 1
    slots = end - last
    if slots < SILENT_HOURS * SLOTS_PER_HOUR or not (silent or _unusual(history, end, last)):
        return ()
    count = Count(0, _sent(history, end - SLOTS_PER_DAY, end), history.time(last), history.time(end))
    return (Finding("no mail", Severity.WARNING, count),)


def _unusual(history: History, end: int, last: int) -> bool:
    """Whether no mail since the slot `last` is not this sender's habit."""
    days = min(13, (end - SLOTS_PER_DAY // 4) // SLOTS_PER_DAY)
    if days < KNOWN_DAYS or last == 0:
        return False
    return _steady(history, end, days) or _out_of_habit(history, last, end - last)


def _steady(history: History, end: int, days: int) -> bool:
    """Whether mail went out in these hours of every day known."""
    for day in range(1, days + 1):
        there = end - day * SLOTS_PER_DAY
        for hour in range(-SILENT_HOURS - 1, 1):
            start = there + hour * SLOTS_PER_HOUR
            if start < 0 or _sent(history, start, start + SLOTS_PER_HOUR) < STEADY_MAILS:
                return False
    return True


def _out_of_habit(history: History, last: int, slots: int) -> bool:
    """Whether the pause since the slot `last` is far longer than any before."""
    oldest = max(0, last - 13 * SLOTS_PER_DAY)
    if slots * BUCKET < SILENT_DAY or _sent(history, oldest, last) < HABIT_MAILS:
        return False
    longest = pause = 0
    for slot in range(oldest, last):
        pause = pause + 1 if history.attempts[slot + 1] == history.attempts[slot] else 0
        longest = max(longest, pause)
    return slots > GAPS * longest


def _spike(history: History, end: int, times: float) -> tuple[Finding, ...]:
    span = SPIKE_HOURS * SLOTS_PER_HOUR
    now = _sent(history, end - span, end)
    before = end - SLOTS_PER_DAY
    if now < SPIKE_MAILS or before < KNOWN_DAYS * SLOTS_PER_DAY:
        return ()
    oldest = max(span, before - 13 * SLOTS_PER_DAY)
    most = max(_sent(history, slot - span, slot) for slot in range(oldest, before + 1))
    if now <= times * most:
        return ()
    return (Finding("spike", Severity.WARNING, Count(now, most, history.time(end - span), history.time(end))),)


def _rejects(history: History, end: int) -> tuple[Finding, ...]:
    start = max(0, end - SLOTS_PER_DAY)
    rejects = history.rejects[end] - history.rejects[start]
    mails = _sent(history, start, end)
    if rejects < REJECTED or rejects <= REJECTED_SHARE * mails:
        return ()
    return (Finding("rejects", Severity.WARNING, Count(rejects, mails, history.time(start), history.time(end))),)
