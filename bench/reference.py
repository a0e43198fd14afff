"""The default policy once more, written from its description alone and the other way round: rule by rule over all ticks at
once instead of tick by tick. It shares no code with the core, so where both say the same, neither has slipped.

Only for whole histories on the rhythm of `START` that begin with a bucket of their own; only for the default rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ses_reputation.core.history import Point

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HOUR, PER_DAY = 4, 96  # in buckets of fifteen minutes
SECONDS = 900


@dataclass(frozen=True)
class Threshold:
    """A notification: when, of what, how bad, and which of opened, escalated, still, recovered."""

    at: int
    metric: str
    severity: str
    reason: str


class Ticks:
    """A history as it is known at each of its ticks: arrays with a value per tick."""

    def __init__(self, points: Sequence[Point], until: int) -> None:
        self.origin = min(point.at for point in points)
        slots = (until - self.origin) // SECONDS
        self.count = np.zeros((3, slots))
        for point in points:
            self.count[:, (point.at - self.origin) // SECONDS] += (point.attempts, point.bounces, point.complaints)
        self.end = np.arange(1, slots + 1)
        self.sent, self.bounced, self.complained = (np.concatenate([[0.0], np.cumsum(row)]) for row in self.count)
        two_weeks_ago = np.maximum(0, self.end - 14 * PER_DAY)
        seen = self.sent[self.end] - self.sent[two_weeks_ago]
        self.normal_day = seen * PER_DAY / np.clip(self.end, PER_DAY, 14 * PER_DAY)

    def smoothed(self, hours: float) -> Floats:
        """Running sum of the email spread exponentially over the time after it, with this mean delay."""
        keep = np.exp(-1 / (hours * HOUR))
        level, sums = 0.0, [0.0]
        for sent in self.count[0]:
            level = keep * level + (1 - keep) * sent
            sums.append(sums[-1] + level)
        return np.array(sums)

    def last_emails(self, floor: int, share: float) -> NDArray[np.int64]:
        """Where the window of the last so many emails, in whole buckets, starts at each tick."""
        wanted = np.maximum(floor, share * self.normal_day)
        starts = np.searchsorted(self.sent, self.sent[self.end] - wanted, side="right") - 1
        # Of equal sums the last: buckets without email at the start of a window hold nothing that it lacks.
        return np.maximum(0, starts)


def lower(events: Floats, emails: Floats, z: float) -> Floats:
    """Byar's lower bound of a rate."""
    k = np.maximum(events, 1)
    root = np.maximum(0.0, 1 - 1 / (9 * k) - z / (3 * np.sqrt(k)))
    bound: Floats = np.where(events > 0, events * root**3 / np.maximum(emails, 1), 0.0)
    return np.minimum(bound, 1.0)


def notifications(points: Sequence[Point], until: int) -> list[Threshold]:
    """All that the default policy says of `points` up to `until`, in order of time, bounces first."""
    ticks = Ticks(points, until)
    lines = _alerts(ticks, "bounce", *_bounces(ticks)) + _alerts(ticks, "complaint", *_complaints(ticks))
    return sorted(lines, key=lambda line: (line.at, line.metric))


def _normal(ticks: Ticks, events: Floats, multiple: float, upper: float, lowest: float) -> Floats:
    """A line that follows the sender's own normal, over the email of fourteen to two days ago."""
    old, new = np.maximum(0, ticks.end - 14 * PER_DAY), np.maximum(0, ticks.end - 2 * PER_DAY)
    normal = (events[new] - events[old] + 2) / (ticks.sent[new] - ticks.sent[old] + 2 * multiple / upper)
    line: Floats = np.where(ticks.end < 5 * PER_DAY, upper, np.clip(multiple * normal, lowest, upper))
    return line


def _bounces(ticks: Ticks) -> tuple[Bools, Bools, Bools]:
    """When a warning rule holds, when a critical one, and when the rates are truly low: no slow rule that only waits for
    its "and still" among them."""
    late = ticks.smoothed(0.5)

    def of_last(floor: int, share: float) -> tuple[Floats, Floats]:
        start = ticks.last_emails(floor, share)
        emails = ticks.sent[ticks.end] - ticks.sent[start]
        # The email that could have caused the bounces, where that is more: the last ones of a blast.
        if share < 1:
            emails = np.maximum(emails, np.floor(late[ticks.end] - late[start] + 1e-9))
        return ticks.bounced[ticks.end] - ticks.bounced[start], emails

    def holds(window: tuple[Floats, Floats], z: float, line: Floats | float) -> Bools:
        events, emails = window
        held: Bools = (events >= 5) & (lower(events, emails, z) > line)
        return held

    recent, day, aws = of_last(300, 1 / 8), of_last(3_000, 1.0), of_last(10_000, 1.0)
    over_a_day = holds(day, 2.0, 0.025)
    warning = (
        holds(recent, 2.0, _normal(ticks, ticks.bounced, 2.5, 0.03, 0.02))
        | holds(of_last(100, 1 / 24), 3.0, 0.04)
        | (over_a_day & (recent[0] > 0.0175 * recent[1]))
    )
    critical = holds(of_last(1_000, 1 / 4), 2.0, 0.05) | holds(aws, 1.0, 0.045)
    calm = (recent[1] > 0) & (recent[0] <= 0.02 * recent[1]) & (aws[0] <= 0.045 * aws[1])
    return warning, critical, calm & ~over_a_day


def _complaints(ticks: Ticks) -> tuple[Bools, Bools, Bools]:
    fast, slow = ticks.smoothed(3), ticks.smoothed(24)

    def over(hours: int) -> tuple[Floats, Floats]:
        start = np.maximum(0, ticks.end - hours * HOUR)
        emails = np.maximum(fast[ticks.end] - fast[start], slow[ticks.end] - slow[start])
        young = ticks.end < hours * HOUR + PER_DAY
        emails = np.where(young, np.maximum(emails, ticks.sent[ticks.end] - ticks.sent[start]), emails)
        return ticks.complained[ticks.end] - ticks.complained[start], np.floor(emails + 1e-9)

    windows = {hours: over(hours) for hours in (6, 12, 24, 72, 168)}

    def holds(hours: int, z: float, line: Floats | float, least: int) -> Bools:
        events, emails = windows[hours]
        held: Bools = (events >= least) & (emails > 0) & (lower(events, emails, z) > line)
        return held

    def still(line: Floats | float) -> Bools:
        events, emails = windows[24]
        going_on: Bools = events > 0.7 * line * emails
        return going_on

    usual = _normal(ticks, ticks.complained, 2.0, 0.0008, 0.0004)
    sharp = _normal(ticks, ticks.complained, 3.0, 0.001, 0.0006)
    slow_warning = holds(72, 1.645, usual, 4) | holds(168, 1.645, usual, 4)
    slow_critical = holds(72, 2.0, 0.001, 5)
    warning = (
        holds(12, 1.645, usual, 4)
        | holds(24, 1.645, usual, 4)
        | holds(6, 2.0, sharp, 4)
        | (slow_warning & still(usual))
    )
    critical = holds(12, 2.0, 0.0015, 5) | holds(24, 2.0, 0.0012, 5) | (slow_critical & still(0.001))
    start = ticks.last_emails(10_000, 1.0)
    aws_events, aws_emails = (sums[ticks.end] - sums[start] for sums in (ticks.complained, ticks.sent))
    events, emails = windows[24]
    calm = (emails > 0) & (events <= 0.0005 * emails) & (aws_emails > 0) & (aws_events <= 0.0009 * aws_emails)
    return warning, critical, calm & ~slow_warning & ~slow_critical


def _alerts(ticks: Ticks, metric: str, warning: Bools, critical: Bools, calm: Bools) -> list[Threshold]:
    """All-clear after a day without any rule; reminders after 1, 2 and 4 days, then weekly, but not while the all-clear
    may be on its way; an escalation restarts them."""
    due = [1, 2, 4] + [4 + 7 * week for week in range(1, 60)]
    lines: list[Threshold] = []
    severity, last, told, reminded = "", 0, 0, 0
    for tick in range(len(warning)):
        now = ticks.origin + (tick + 1) * SECONDS
        holds = "critical" if critical[tick] else "warning" if warning[tick] else ""
        last = tick if holds else last
        reason = ""
        if not severity and holds:
            severity, told, reminded, reason = holds, tick, 0, "opened"
        elif severity == "warning" and holds == "critical":
            severity, told, reminded, reason = holds, tick, 0, "escalated"
        elif severity and not holds and tick - last >= PER_DAY and calm[tick]:
            reason = "recovered"
        elif severity and tick - told >= due[reminded] * PER_DAY and not 0 < tick - last < PER_DAY:
            reminded, reason = reminded + 1, "still"
        if reason:
            lines.append(Threshold(now, metric, severity, reason))
        if reason == "recovered":
            severity = ""
    return lines
