"""How many of how many: windows by emails or by hours, the emails behind the events, the bound, the usual rate."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from math import floor, log, sqrt
from operator import mul
from typing import Any, NamedTuple

from .history import BUCKET, DAY, HOUR, LOOKBACK, History, Instant


class Metric(StrEnum):
    """The two rates that Amazon SES rates a sender by."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class AwsThresholds:
    """AWS's thresholds, as fractions; reaching one counts (SES enforcement FAQ, reputation metrics messages)."""

    advised: float  # stay below
    review: float  # "we'll place your account under review"
    pause: float  # "we might pause your account's ability to send"


AWS_THRESHOLDS = {
    Metric.BOUNCE: AwsThresholds(advised=0.02, review=0.05, pause=0.10),
    Metric.COMPLAINT: AwsThresholds(advised=0.001, review=0.001, pause=0.005),
}


class Window(NamedTuple):
    """A stretch of whole buckets up to now: a number of hours, or of the last emails.

    By emails it reaches back until it holds `emails`, or `share_of_day` of a normal day's emails if that is more, however
    long that took; it holds what there is if the history is shorter.
    """

    emails: int = 0
    share_of_day: float = 0.0
    hours: int = 0  # when given, the two above are not used


class Count(NamedTuple):
    """`events` of `emails` between `start` and `end`."""

    events: int
    emails: int
    start: Instant
    end: Instant

    @property
    def rate(self) -> float | None:
        """Fraction between 0 and 1, or None without email; late events can outnumber the emails, a rate cannot."""
        return min(1.0, self.events / self.emails) if self.emails else None


SHOWN = {Metric.BOUNCE: Window(emails=400, share_of_day=1 / 6), Metric.COMPLAINT: Window(hours=24)}
"""The window that messages, metrics and pictures show as "the rate"."""

AWS_ESTIMATE = Window(emails=10_000, share_of_day=1.0)
"""Our estimate of the "representative volume" of AWS's own rates: two published enforcement notices speak of the last
10,476 and the last 10,192 eligible emails, 75 and 225 days' worth of those senders."""

USUAL_FROM, USUAL_TO = 14 * DAY, 2 * DAY
"""The usual rate is taken over the emails of fourteen to two days ago."""

TELLING = 12 * DAY
"""The possible delays are those that the last twelve days do not rule out."""

RULED_OUT = 4.0
"""A delay that makes these days e^4 times less likely than the best one does is ruled out."""

LATE_HOURS, LATE_SHARES = (0.5, 2.0, 6.0), (0.03, 0.07, 0.15, 0.3)
"""Most bounces come with their email; each of these shares may come late, by each of these mean delays."""

COMPLAINT_HOURS = (0.0, 3.0, 10.0)
"""Mean delays from an email to its complaint; the history says which are possible."""

SLOW_HOURS, SLOW_SHARE = 24.0, 0.05
"""Slow readers, always possible; to tell the other delays apart, this share of the complaints is taken to come slowly."""

TAIL_HOURS, TAIL_SHARE = 96.0, 0.2
"""Always possible too: a fifth of the slow complaints come over days."""

ROUNDING = 1e-9
"""Sums of smoothed sends may fall short of a whole number by this much."""


def lower_bound(events: int, emails: float, confidence: float) -> float:
    """The rate that the true one is above, sure at `confidence` standard deviations: Byar's bound for a Poisson count.

    0 is no claim at all and gives the plain rate. (N. Breslow and N. Day, Statistical Methods in Cancer Research II, 1987.)
    """
    if events == 0:
        return 0.0
    if confidence == 0.0:
        return events / emails
    root = 1 - 1 / (9 * events) - confidence / (3 * sqrt(events))
    return events * root**3 / emails if root > 0 else 0.0


class Flow(NamedTuple):
    """Emails whose events come in now: `share` of them late, the rest sooner; each after its mean delay in hours."""

    hours: float
    on_time: Sequence[float]  # per slot
    on_time_sums: Sequence[float]
    late_hours: float
    late: Sequence[float]
    late_sums: Sequence[float]
    share: float

    def emails(self, start: int, end: int) -> float:
        on_time = self.on_time_sums[end] - self.on_time_sums[start]
        if not self.share:
            return on_time
        return (1 - self.share) * on_time + self.share * (self.late_sums[end] - self.late_sums[start])


class Likelihood:
    """Find which of several flows the spread of the events rules out. Daily totals say nothing about delays and are left out."""

    __slots__ = ("_first", "_flows", "_known", "_logs", "_slots")

    def __init__(self, events: Sequence[int], flows: Sequence[Flow], first: int) -> None:
        self._first = first
        self._flows = flows
        slots = [slot for slot in range(first, len(events) - 1) if events[slot + 1] > events[slot]]
        counts = [events[slot + 1] - events[slot] for slot in slots]
        self._slots = slots
        self._logs: list[list[float]] = []  # of each flow: running sums of events x log(emails)
        for flow in flows:
            on_time, late, share = flow.on_time, flow.late, flow.share
            if share:
                rest = 1 - share
                emails = [rest * on_time[slot] + share * late[slot] for slot in slots]
            else:
                emails = [on_time[slot] for slot in slots]
            if min(emails, default=1.0) < ROUNDING:
                emails = [max(sent, ROUNDING) for sent in emails]
            logs = map(mul, counts, map(log, emails))
            self._logs.append(list(accumulate(logs, initial=0.0)))
        self._known: dict[int, list[Flow]] = {}

    def possible(self, events: Sequence[int], end: int) -> list[Flow]:
        """The flows that are possible as known when slot `end` begins."""
        if end not in self._known:
            likely = self._likely(events, end)
            least = max(likely) - RULED_OUT
            # Of flows that differ in their share alone the largest share forgives most, or none forgives anything.
            possible = {
                (flow.hours, flow.late_hours): flow
                for flow, each in zip(self._flows, likely, strict=True)
                if each >= least
            }
            self._known[end] = list(possible.values())
        return self._known[end]

    def best(self, events: Sequence[int], end: int) -> Flow:
        """The most likely flow as known when slot `end` begins."""
        likely = self._likely(events, end)
        return self._flows[likely.index(max(likely))]

    def _likely(self, events: Sequence[int], end: int) -> list[float]:
        start = min(end, max(self._first, end - TELLING // BUCKET))
        seen = events[end] - events[start]
        old, new = bisect_left(self._slots, start), bisect_left(self._slots, end)
        likely = []
        for (_, _, on_time, _, _, late, share), logs in zip(self._flows, self._logs, strict=True):
            sent = on_time[end] - on_time[start]
            if share:
                sent += share * (late[end] - late[start] - sent)
            likely.append(logs[new] - logs[old] - seen * log(sent if sent > ROUNDING else ROUNDING))  # noqa: FURB136
        return likely


class Series:
    """One metric of a history: running sums of events and emails, and the emails that could have caused the events."""

    __slots__ = ("_age_at_origin", "_always", "_likelihood", "attempts", "events", "metric", "quarters", "surely")

    def __init__(self, history: History, metric: Metric) -> None:
        self.metric = metric
        self.quarters = history.quarters
        self._age_at_origin = history.origin - history.first
        share = history.feedback_share
        sent: tuple[Sequence[float], Sequence[float]] = (history.sends, history.attempts)

        def smoothed(hours: float) -> tuple[Sequence[float], Sequence[float]]:
            levels, sums = history.smoothed(int(hours * HOUR)) if hours else sent
            if metric is Metric.BOUNCE or share == 1:
                return levels, sums
            return [share * level for level in levels], [share * total for total in sums]

        if metric is Metric.BOUNCE:
            self.events: Sequence[int] = history.bounces
            self.attempts: Sequence[int] = history.attempts
            flows = [Flow(0.0, *sent, 0.0, *sent, 0.0)]
            flows += [Flow(0.0, *sent, hours, *smoothed(hours), part) for hours in LATE_HOURS for part in LATE_SHARES]
            self._always = [Flow(LATE_HOURS[0], *smoothed(LATE_HOURS[0]), 0.0, *sent, 0.0)]
            self.surely: Sequence[float] = self.attempts
            """Running sums of emails that are behind the events whatever the delay is: a bound that costs little."""
        else:
            self.events, self.attempts = history.complaints, history.heard_of
            slow = smoothed(SLOW_HOURS)
            flows = [Flow(hours, *smoothed(hours), SLOW_HOURS, *slow, SLOW_SHARE) for hours in COMPLAINT_HOURS]
            self._always = [
                Flow(SLOW_HOURS, *slow, TAIL_HOURS, *smoothed(TAIL_HOURS), part) for part in (0.0, TAIL_SHARE)
            ]
            self.surely = slow[1]
        self._likelihood = Likelihood(self.events, flows, history.quarters)

    def age(self, end: int) -> int:
        """Seconds from the first bucket ever seen to slot `end`."""
        return self._age_at_origin + end * BUCKET

    def normal_day(self, end: int) -> float:
        """Mean emails a day over the fourteen days before slot `end`, or over the age of a younger history."""
        sent = self.attempts[end] - self.attempts[max(0, end - LOOKBACK // BUCKET)]
        return sent * DAY / min(max(self.age(end), DAY), LOOKBACK)

    def start(self, window: Window, end: int) -> int:
        """The slot that `window` starts with, if slot `end` is the first after it."""
        if window.hours:
            return max(0, end - window.hours * HOUR // BUCKET)
        wanted = window.share_of_day * self.normal_day(end) if window.share_of_day else 0.0
        attempts = self.attempts
        return max(0, bisect_right(attempts, attempts[end] - max(window.emails, wanted), 0, end + 1) - 1)

    def flows(self, end: int) -> list[Flow]:
        """The delays from email to event that this sender's events may have, as known when slot `end` begins."""
        if self.metric is Metric.BOUNCE:
            return [self._likelihood.best(self.events, end)]
        return self._likelihood.possible(self.events, end)

    def behind_bounces(self, start: int, end: int, *, short: bool) -> int:
        """The emails that bounces from slot `start` to `end` can have come from: those of the window itself, or those of
        any possible delay, whichever are more. In a `short` window, of less than a day, also those of half an hour before:
        the last bounces of a morning's blast are not to be counted against the trickle after it.
        """
        flows = self._likelihood.possible(self.events, end)
        most = max(flow.emails(start, end) for flow in flows)
        if short:
            most = max(most, self._always[0].emails(start, end))
        return max(self.attempts[end] - self.attempts[start], floor(most + ROUNDING))

    def behind_complaints(self, start: int, end: int, *, own: bool) -> float:
        """The emails that complaints from slot `start` to `end` can have come from: the most forgiving of the possible
        delays. The window's `own` emails count where nothing is known of what was sent before it.
        """
        flows = self._likelihood.possible(self.events, end)
        most = max(
            *(flow.on_time_sums[end] - flow.on_time_sums[start] for flow in flows),
            *(flow.emails(start, end) for flow in self._always),
        )
        return max(most, self.attempts[end] - self.attempts[start]) if own else most


def series_of(history: History, metric: Metric) -> Series:
    """The series of `metric`, built once per history."""
    derived: dict[str, Any] = history.derived
    if metric not in derived:
        derived[metric] = Series(history, metric)
    series: Series = derived[metric]
    return series


class View:
    """One metric of a history as it was known when its slot `end` began: nothing later is ever touched."""

    __slots__ = ("_measured", "attempts", "end", "events", "history", "metric", "series")

    def __init__(self, history: History, metric: Metric, end: int) -> None:
        self.history = history
        self.metric = metric
        self.end = end
        self.series = series = series_of(history, metric)
        self.attempts = series.attempts
        self.events = series.events
        self._measured: dict[Window, tuple[int, int, float]] = {}

    @property
    def age(self) -> int:
        """Seconds since the first bucket ever seen."""
        return self.series.age(self.end)

    @property
    def normal_day(self) -> float:
        """Mean emails a day over the last fourteen days, or over the age of a younger history."""
        return self.series.normal_day(self.end)

    @property
    def emails(self) -> int:
        """All emails of the last fourteen days."""
        return self.attempts[self.end] - self.attempts[max(0, self.end - LOOKBACK // BUCKET)]

    def start(self, window: Window) -> int:
        """The slot that `window` starts with."""
        return self.series.start(window, self.end)

    def behind(self, window: Window, start: int) -> float:
        """The emails that can have caused the events of `window`, which starts with the slot `start`."""
        if self.metric is Metric.BOUNCE:
            short = window.hours < 24 if window.hours else window.share_of_day < 1
            return self.series.behind_bounces(start, self.end, short=short)
        own = not window.hours or self.age < window.hours * HOUR + DAY
        return self.series.behind_complaints(start, self.end, own=own)

    def measure(self, window: Window) -> tuple[int, float]:
        """Events in `window`, and the emails behind them."""
        return self._measure(window)[1:]

    def count(self, window: Window) -> Count:
        """`measure` in whole emails, with the time that the window spans."""
        start, events, emails = self._measure(window)
        return Count(events, int(emails + ROUNDING), self.history.time(start), self.history.time(self.end))

    def _measure(self, window: Window) -> tuple[int, int, float]:
        if window not in self._measured:
            start = self.start(window)
            events = self.events[self.end] - self.events[start]
            self._measured[window] = (start, events, self.behind(window, start))
        return self._measured[window]

    def usual(self, weight: float) -> float:
        """The sender's usual rate, drawn towards `2 / weight` where there is little email to know it from.

        `weight` is in emails: as if, besides what was seen, 2 events had been seen in this many emails.
        """
        start = max(0, self.end - USUAL_FROM // BUCKET)
        end = max(0, self.end - USUAL_TO // BUCKET)
        return (self.events[end] - self.events[start] + 2) / (self.attempts[end] - self.attempts[start] + weight)
