"""One trouble from its first warning to its all-clear, and when to speak of it.

An alert answers "shall we say something now, and why?" with a reason, never with a boolean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .history import DAY, HOUR, Instant, stamp
from .rules import Finding, Severity

QUIET = 24 * HOUR
"""No all-clear before nothing has held for so long: it costs no lead time and removes nearly all flapping."""

REMINDERS = (24 * HOUR, 48 * HOUR, 96 * HOUR)
"""When an open alert is told again, counted from its opening or its last escalation; from then on every week."""

WEEK = 7 * DAY


class Kind(StrEnum):
    """What a notification does to its reader: asks for action, reminds of it, or releases from it."""

    FIRING = "firing"
    REMINDER = "reminder"
    RESOLVED = "resolved"


class Reason(StrEnum):
    """Why something is said now."""

    OPENED = "opened"
    ESCALATED = "escalated"
    CHANGED = "changed"
    STILL = "still"
    RECOVERED = "recovered"

    @property
    def kind(self) -> Kind:
        return _KINDS[self]


_KINDS = {
    Reason.OPENED: Kind.FIRING,
    Reason.ESCALATED: Kind.FIRING,
    Reason.CHANGED: Kind.FIRING,
    Reason.STILL: Kind.REMINDER,
    Reason.RECOVERED: Kind.RESOLVED,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """What is remembered of an open trouble."""

    id: str
    check: str  # what it is about: "bounce", "complaint", …
    opened_at: Instant
    severity: Severity  # the worst so far, or since it has changed; a de-escalation is not announced
    seq: int  # notifications so far
    last_held: Instant  # the last tick at which something was found
    told_at: Instant  # when it was opened, or last escalated or changed: reminders count from here
    reminders: int  # since then
    worst: Finding  # what opened it, or last made it worse or changed it
    severe_at: Instant = 0  # the last tick at which it was, as far as is known, as bad as `severity`


@dataclass(frozen=True, slots=True)
class Change:
    """Something to say: the alert as it is when it is said, or was when it ended."""

    reason: Reason
    alert: Alert
    ended: bool = False


def step(
    previous: Alert | None,
    check: str,
    found: Sequence[Finding],
    calm: Callable[[], bool],
    now: Instant,
    quiet: int = QUIET,
    *,
    remind: bool = True,
    by_name: bool = False,
    eases: bool = False,
) -> tuple[Alert | None, Change | None]:
    """The alert after the tick `now`, and what there is to say of it, if anything.

    `found` is what holds now, worst first. `calm` says whether the all-clear's other conditions are met; it is asked only
    when nothing has held for `quiet` seconds. A reminder that is due waits for `remind`. Where alerts go `by_name`, a finding
    of another name is news even if it is no worse. One that `eases` is of its lesser severity, without a word, when nothing as
    bad has held for `quiet` seconds: it is news again when it grows worse again.
    """
    if previous is None:
        if not found:
            return None, None
        alert = Alert(f"{check}-{stamp(now)}", check, now, found[0].severity, 1, now, now, 0, found[0], now)
        return alert, Change(Reason.OPENED, alert)
    if found:
        worse = found[0].severity > previous.severity
        if worse or (by_name and found[0].rule != previous.worst.rule):
            turned = replace(
                previous,
                severity=found[0].severity,
                seq=previous.seq + 1,
                last_held=now,
                told_at=now,
                reminders=0,
                worst=found[0],
                severe_at=now,
            )
            return turned, Change(Reason.ESCALATED if worse else Reason.CHANGED, turned)
        if found[0].severity == previous.severity:
            previous = replace(previous, severe_at=now)
        elif eases and now - previous.severe_at >= quiet:
            previous = replace(previous, severity=found[0].severity, worst=found[0], severe_at=now)
        previous = replace(previous, last_held=now)
    elif now - previous.last_held >= quiet and calm():
        return None, Change(Reason.RECOVERED, replace(previous, seq=previous.seq + 1), ended=True)
    if remind and _to_be_reminded(previous, now):
        reminded = _reminded(previous, now)
        return reminded, Change(Reason.STILL, reminded)
    return previous, None


def reminder_due(alert: Alert) -> Instant:
    """When `alert` is to be told again if nothing changes."""
    if alert.reminders < len(REMINDERS):
        return alert.told_at + REMINDERS[alert.reminders]
    return alert.told_at + REMINDERS[-1] + (alert.reminders - len(REMINDERS) + 1) * WEEK


def _to_be_reminded(alert: Alert, now: Instant) -> bool:
    """Whether a reminder is due, and not held back because the all-clear may be on its way."""
    recovering = 0 < now - alert.last_held < QUIET
    return now >= reminder_due(alert) and not recovering


def caught_up(
    before: Alert | None, after: Alert | None, now: Instant, ended: Mapping[str, int]
) -> tuple[Alert | None, tuple[Change, ...]]:
    """What to say, and remember, at `now` of ticks that were missed: what is true now, once.

    `before` is what was last announced, `after` what a monitor without the gap would remember, `ended` the numbers of that
    monitor's last messages, by alert. Nothing is said of what began and ended in between. What is said has the number that
    it would have without the gap, so that whoever was told in between, by runs without a memory, recognises it.
    """
    changes: list[Change] = []
    if before is not None and (after is None or after.id != before.id):
        last = replace(before, seq=ended.get(before.id, before.seq + 1))
        changes.append(Change(Reason.RECOVERED, last, ended=True))
        before = None
    if after is None:
        return None, tuple(changes)
    if before is None:
        after = replace(after, told_at=now, reminders=0)
        changes.append(Change(Reason.OPENED, after))
    elif after.severity > before.severity:
        after = replace(after, told_at=now, reminders=0)
        changes.append(Change(Reason.ESCALATED, after))
    elif _to_be_reminded(replace(after, told_at=before.told_at, reminders=before.reminders), now):
        reminded = _reminded(replace(after, told_at=before.told_at, reminders=before.reminders), now)
        after = replace(reminded, seq=max(after.seq, before.seq + 1))
        changes.append(Change(Reason.STILL, after))
    return after, tuple(changes)


def _reminded(alert: Alert, now: Instant) -> Alert:
    """`alert` after one reminder that stands for all that were due by `now`."""
    reminders = alert.reminders + 1
    while reminder_due(replace(alert, reminders=reminders)) <= now:
        reminders += 1
    return replace(alert, seq=alert.seq + 1, reminders=reminders)
