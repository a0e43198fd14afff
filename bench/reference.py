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
USUAL, WORST, RECENT, YOUNG = 14 * PER_DAY, 12 * PER_DAY, 2 * PER_DAY, 5 * PER_DAY
UNUSUAL, NEARLY_USUAL, STILL = 1.7, 1.3, 0.7


@dataclass(frozen=True)
class Notice:
    """A notification: when, of what, how bad, and which of opened, escalated, reminder, resolved."""

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
        """The email spread exponentially over the time after it, with this mean delay, by bucket."""
        if not hours:
            return self.count[0]
        keep = np.exp(-1 / (hours * HOUR))
        level, levels = 0.0, []
        for sent in self.count[0]:
            level = keep * level + (1 - keep) * sent
            levels.append(level)
        return np.array(levels)

    def last_emails(self, least: int, share: float) -> NDArray[np.int64]:
        """Start, at each tick, of the window of the last so many emails in whole buckets."""
        wanted = np.maximum(least, share * self.normal_day)
        starts = np.searchsorted(self.sent, self.sent[self.end] - wanted, side="right") - 1
        # Of equal sums the last: buckets without email at the start of a window hold nothing that it lacks.
        return np.maximum(0, starts)

    def usual(self, events: Floats, upper: float) -> Floats:
        """The usual rate, over the email of fourteen to two days ago."""
        old, new = np.maximum(0, self.end - USUAL), np.maximum(0, self.end - RECENT)
        return (events[new] - events[old] + 2) / (self.sent[new] - self.sent[old] + 2 * UNUSUAL / upper)

    def possible(self, events: Floats, emails: Sequence[Floats]) -> Bools:
        """Which rows of emails the spread of the last twelve days' events does not make e^4 times less likely than the best."""
        happened = np.diff(events)
        old = np.maximum(0, self.end - WORST)
        likely = []
        for row in emails:
            sent = np.maximum(row, 1e-9)
            logs, total = sums(happened * np.log(sent)), sums(sent)
            seen = events[self.end] - events[old]
            likely.append(logs[self.end] - logs[old] - seen * np.log(np.maximum(total[self.end] - total[old], 1e-9)))
        found: Bools = np.array(likely) >= np.max(likely, axis=0) - 4.0
        return found

    def most(self, start: NDArray[np.int64], emails: Sequence[Floats], possible: Bools) -> Floats:
        """The most emails from `start` on of the rows that are possible."""
        totals = [total[self.end] - total[start] for total in map(sums, emails)]
        found: Floats = np.where(possible, totals, 0.0).max(axis=0)
        return found


def sums(row: Floats) -> Floats:
    found: Floats = np.concatenate([[0.0], np.cumsum(row)])
    return found


def lower(events: Floats, z: float) -> Floats:
    """Byar's lower bound of a count."""
    k = np.maximum(events, 1)
    root = np.maximum(0.0, 1 - 1 / (9 * k) - z / (3 * np.sqrt(k)))
    bound: Floats = np.where(events > 0, events * root**3, 0.0)
    return bound


def sure(events: Floats, emails: Floats, z: float, least: int) -> Floats:
    """The rate that is sure, 0 of too few events."""
    some = np.maximum(emails, 1e-9)
    rate: Floats = np.where((events >= least) & (emails > 0), np.minimum(1.0, lower(events, z) / some), 0.0)
    return rate


def own_worst(rate: Floats) -> Floats:
    """The highest rate of twelve to two days before each tick."""
    before = np.concatenate([np.zeros(WORST - 1), rate])[: len(rate) + WORST - 1 - RECENT]
    spans = np.lib.stride_tricks.sliding_window_view(before, WORST - RECENT)
    worst: Floats = spans.max(axis=1)
    return worst


def notifications(points: Sequence[Point], until: int) -> list[Notice]:
    """All notifications of the default policy for `points` up to `until`, in order of time, bounces first."""
    ticks = Ticks(points, until)
    notices = _alerts(ticks, "bounce", *bounces(ticks)) + _alerts(ticks, "complaint", *complaints(ticks))
    return sorted(notices, key=lambda notice: (notice.at, notice.metric))


def bounces(ticks: Ticks) -> tuple[Bools, Bools, Bools]:
    """Ticks at which a warning rule holds, a critical rule holds, and the rates are truly low, so that no slow rule is only
    waiting for its "while"."""
    on_time = ticks.count[0]
    late = [(share, ticks.smoothed(hours)) for share in (0.03, 0.07, 0.15, 0.3) for hours in (0.5, 2, 6)]
    mixtures = [on_time, *((1 - share) * on_time + share * smoothed for share, smoothed in late)]
    possible = ticks.possible(ticks.bounced, mixtures)
    half_hour = sums(ticks.smoothed(0.5))

    def of_last(least: int, share: float) -> tuple[Floats, Floats]:
        start = ticks.last_emails(least, share)
        emails = ticks.most(start, mixtures, possible)
        if share < 1:
            emails = np.maximum(emails, half_hour[ticks.end] - half_hour[start])
        emails = np.maximum(ticks.sent[ticks.end] - ticks.sent[start], np.floor(emails + 1e-9))
        return ticks.bounced[ticks.end] - ticks.bounced[start], emails

    usual = ticks.usual(ticks.bounced, 0.03)

    def unusual(window: tuple[Floats, Floats], z: float, upper: float) -> tuple[Bools, Floats]:
        rate = sure(*window, z, 5)
        threshold = np.clip(UNUSUAL * np.maximum(usual, own_worst(rate)), 0.012, upper)
        threshold = np.where(ticks.end < YOUNG, upper, threshold)
        return rate > threshold, threshold

    def fixed(window: tuple[Floats, Floats], z: float, threshold: float) -> Bools:
        held: Bools = sure(*window, z, 5) > threshold
        return held

    recent, day, aws = of_last(400, 1 / 6), of_last(3_000, 1.0), of_last(10_000, 1.0)
    over_a_day, threshold = unusual(day, 2.0, 0.03)
    warning = (
        unusual(of_last(100, 1 / 96), 3.3, 0.045)[0]
        | unusual(of_last(100, 1 / 24), 3.3, 0.045)[0]
        | unusual(recent, 3.3, 0.045)[0]
        | (over_a_day & (recent[0] > STILL * threshold * recent[1]))
        | fixed(of_last(600, 1 / 4), 2.0, 0.03)
    )
    critical = fixed(of_last(1_000, 1 / 4), 2.0, 0.055) | fixed(aws, 1.0, 0.047)
    calm = (recent[1] > 0) & (recent[0] <= 0.02 * recent[1]) & (aws[0] <= 0.045 * aws[1])
    calm &= day[0] <= np.maximum(0.012, NEARLY_USUAL * usual) * day[1]
    return warning, critical, calm & ~over_a_day


def complaints(ticks: Ticks) -> tuple[Bools, Bools, Bools]:
    """The same of complaints."""
    slow = ticks.smoothed(24)
    delays = [ticks.smoothed(hours) for hours in (0, 3, 10)]
    possible = ticks.possible(ticks.complained, [0.95 * delay + 0.05 * slow for delay in delays])
    behind = [*delays, slow, 0.8 * slow + 0.2 * ticks.smoothed(96)]
    possible = np.concatenate([possible, np.ones((2, len(ticks.end)), bool)])

    def over(hours: int) -> tuple[Floats, Floats]:
        start = np.maximum(0, ticks.end - hours * HOUR)
        emails = ticks.most(start, behind, possible)
        young = ticks.end < hours * HOUR + PER_DAY
        emails = np.where(young, np.maximum(emails, ticks.sent[ticks.end] - ticks.sent[start]), emails)
        return ticks.complained[ticks.end] - ticks.complained[start], emails

    windows = {hours: over(hours) for hours in (1, 3, 6, 12, 24, 72, 168)}

    def holds(hours: int, z: float, threshold: Floats | float, least: int) -> Bools:
        events, emails = windows[hours]
        held: Bools = (emails >= (1 if least == 4 else 0)) & (sure(events, emails, z, least) > threshold)
        return held

    def still(threshold: Floats | float) -> Bools:
        events, emails = windows[24]
        going_on: Bools = events > STILL * threshold * emails
        return going_on

    usual = ticks.usual(ticks.complained, 0.0008)
    warning = holds(12, 2.0, 0.0008, 4) | holds(24, 1.645, 0.0008, 4)
    for hours in (1, 3, 6, 12, 24):
        events, emails = windows[hours]
        worst = own_worst(sure(events, emails, 3.0, 4))
        threshold = np.maximum(UNUSUAL * np.maximum(usual, worst), 0.0002)
        warning |= (ticks.end >= YOUNG) & holds(hours, 3.0, threshold, 4)
    threshold = np.where(ticks.end < YOUNG, 0.0008, np.clip(UNUSUAL * usual, 0.0005, 0.0008))
    slow_warning = holds(72, 1.3, threshold, 4) | holds(168, 1.3, threshold, 4)
    slow_critical = holds(72, 2.0, 0.001, 5)
    start = ticks.last_emails(10_000, 1.0)
    aws_events = ticks.complained[ticks.end] - ticks.complained[start]
    aws_emails = np.maximum(ticks.most(start, behind, possible), ticks.sent[ticks.end] - ticks.sent[start])
    critical = holds(12, 2.0, 0.0015, 5) | holds(24, 2.0, 0.0012, 5) | (slow_critical & still(0.001))
    critical |= sure(aws_events, aws_emails, 1.0, 5) > 0.001
    events, emails = windows[24]
    calm = (emails >= 1) & (events <= 0.0005 * emails) & (aws_events <= 0.0009 * aws_emails)
    calm &= windows[72][0] <= np.maximum(0.0002, NEARLY_USUAL * usual) * windows[72][1]
    return warning | (slow_warning & still(threshold)), critical, calm & ~slow_warning & ~slow_critical


def _alerts(ticks: Ticks, metric: str, warning: Bools, critical: Bools, calm: Bools) -> list[Notice]:
    """Resolved after a day without any rule; reminders after 1, 2 and 4 days, then weekly, but not while the resolution
    may be on its way; an escalation restarts them."""
    due = [1, 2, 4] + [4 + 7 * week for week in range(1, 60)]
    notices: list[Notice] = []
    severity, last, sent, reminded = "", 0, 0, 0
    for tick in range(len(warning)):
        now = ticks.origin + (tick + 1) * SECONDS
        holds = "critical" if critical[tick] else "warning" if warning[tick] else ""
        last = tick if holds else last
        reason = ""
        if not severity and holds:
            severity, sent, reminded, reason = holds, tick, 0, "opened"
        elif severity == "warning" and holds == "critical":
            severity, sent, reminded, reason = holds, tick, 0, "escalated"
        elif severity and not holds and tick - last >= PER_DAY and calm[tick]:
            reason = "resolved"
        elif severity and tick - sent >= due[reminded] * PER_DAY and not 0 < tick - last < PER_DAY:
            reminded, reason = reminded + 1, "reminder"
        if reason:
            notices.append(Notice(now, metric, severity, reason))
        if reason == "resolved":
            severity = ""
    return notices
