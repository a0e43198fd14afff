"""Sending that stopped: a sender who sends nothing has perfect rates.

Compares a sender with nobody but itself, and says nothing of one that is not known for a week.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..alert import Standing, Track
from ..history import BUCKET, DAY, HOUR, SLOTS_PER_DAY, History, Instant
from ..rules import Policy, Severity
from ..wording import duration, plural, when
from .base import Check, News, Seen
from .sending_facts import sent_between, stopped

KNOWN_DAYS = 7
"""A sender younger than this has no habits yet; a week holds every week-end."""

SLOTS_PER_HOUR = HOUR // BUCKET

SILENT_HOURS = 2
STEADY_EMAILS = 10
"""A steady sender, who sent at least this much in each of these hours of every known day (and the hour before and after, for
the days when clocks change), is silent after two hours without email."""

SILENT_DAY, GAPS, HABIT_EMAILS = DAY, 2, 1_000
"""Another who sends as much as this in two weeks is silent after a day, and twice the longest known pause: week-ends and
holidays are such pauses, and so, for as long as it is known, is an outage."""

RESUMED_EMAILS, RESUMED_SHARE = 10, 0.001
"""A silence is over with this many emails, and this share of what an average day brought before: more than a trial by hand."""

TWO_WEEKS = 14 * SLOTS_PER_DAY
"""Before these many slots emails are known by day only, each day as one slot (daily_totals.py)."""


@dataclass(frozen=True, slots=True)
class SilenceFound:
    """No email, or next to none, goes out."""

    severity: Severity
    since: Instant
    until: Instant
    emails: int  # sent since
    day_before: int  # emails of the 24 hours before


class Silence(Check):
    name = "silence"
    noun = "silence"
    anchor = "silence"
    finds = SilenceFound

    def ended_by_settings(self, policy: Policy) -> bool:
        return not policy.volume.silence

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        if seen.history is None or not seen.policy.volume.silence or stopped(seen):
            return {}
        found = _silence(seen.history, seen.history.closed(seen.now), seen.tracks.get(self.name))
        return {self.name: Standing(found, quiet=HOUR)}

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"SES in {news.region} sends email again"
        return f"No email goes out through SES in {news.region}"

    def summary(self, news: News) -> list[str]:
        found = news.found
        if not isinstance(found, SilenceFound):
            return ["No email goes out."]
        but = f", except {plural(found.emails, 'email')}" if found.emails else ""
        sentences = [
            (
                f"No email has gone out for {duration(found.until - found.since)}, "
                f"since {when(found.since, news.context.zone)}{but}."
            ),
            f"That is unusual here: the 24 hours before had {plural(found.day_before, 'email')}.",
        ]
        if not news.holds:
            return ["Email goes out again. The alert resolves after an hour of that."]
        return sentences if news.account is None else [*sentences, "AWS has not stopped it."]

    def resolved(self, news: News) -> list[str]:
        return ["Email has gone out again for an hour."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return (
            "Look at what sends: its queue, its errors, its credentials, its last deployment.",
            "Send one email by hand and see what Amazon SES answers.",
            "If the silence was planned, do nothing: the alert resolves when email goes out again.",
        )


def _silence(history: History, end: int, known: Track | None) -> tuple[SilenceFound, ...]:
    last = end
    while last > 0 and history.attempts[last] == history.attempts[last - 1]:
        last -= 1
    if known is not None:
        last = min(last, _began(history, known))
        if _resumed(history, last, end):
            return ()
    elif end - last < SILENT_HOURS * SLOTS_PER_HOUR or not _unusual(history, end, last):
        return ()
    before = sent_between(history, last - SLOTS_PER_DAY, last)
    sent = sent_between(history, last, end)
    return (SilenceFound(Severity.WARNING, history.time(last), history.time(end), sent, before),)


def _began(history: History, silence: Track) -> int:
    """Slot in which an open silence began, never before its last email."""
    start = silence.worst.since if isinstance(silence.worst, SilenceFound) else silence.opened_at
    return history.closed(start + BUCKET - 1)


def _resumed(history: History, last: int, end: int) -> bool:
    """Tell if email goes out again, in the last day, after a silence since the slot `last`."""
    oldest = max(0, last - TWO_WEEKS)
    usual = sent_between(history, oldest, last) / max(1, last - oldest) * SLOTS_PER_DAY
    return sent_between(history, max(last, end - SLOTS_PER_DAY), end) >= max(RESUMED_EMAILS, RESUMED_SHARE * usual)


def _unusual(history: History, end: int, last: int) -> bool:
    """Tell if no email since the slot `last` is not this sender's habit."""
    days = min(13, (end - SLOTS_PER_DAY // 4) // SLOTS_PER_DAY)
    if days < KNOWN_DAYS or last < KNOWN_DAYS * SLOTS_PER_DAY:
        return False
    return _steady(history, end, days) or _out_of_habit(history, last, end)


def _steady(history: History, end: int, days: int) -> bool:
    """Tell if email went out in these hours of every known day."""
    for day in range(1, days + 1):
        there = end - day * SLOTS_PER_DAY
        for hour in range(-SILENT_HOURS - 1, 1):
            start = there + hour * SLOTS_PER_HOUR
            if start < 0 or sent_between(history, start, start + SLOTS_PER_HOUR) < STEADY_EMAILS:
                return False
    return True


def _out_of_habit(history: History, last: int, end: int) -> bool:
    """Tell if the pause since the slot `last` is far longer than any before."""
    slots = end - last
    if slots * BUCKET < SILENT_DAY or sent_between(history, last - TWO_WEEKS, last) < HABIT_EMAILS:
        return False
    return slots > GAPS * max(_pauses(history, last, end), default=0)


def _pauses(history: History, last: int, end: int) -> Iterator[int]:
    """Length of every pause before the slot `last`, in slots.

    Emails known by day only stand at the day's beginning: the pause after them is up to a day shorter than it looks.
    """
    before = 0  # the slot with email before
    for slot in range(1, last):
        if history.attempts[slot + 1] > history.attempts[slot]:
            yield slot - before - 1 - (SLOTS_PER_DAY if before < end - TWO_WEEKS else 0)
            before = slot


SILENCE = Silence()
