"""How many of how many: windows by emails or by hours, the email behind complaints, the bound, the sender's own normal."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import NamedTuple

from .history import BUCKET, DAY, HOUR, LOOKBACK, History, Instant


class Metric(StrEnum):
    """The two rates that Amazon SES judges a sender by."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class AwsThresholds:
    """Where AWS acts, as fractions; reaching a line counts (SES enforcement FAQ, reputation metrics messages)."""

    advised: float  # stay below
    review: float  # "we'll place your account under review"
    pause: float  # "we might pause your account's ability to send"


AWS_THRESHOLDS = {
    Metric.BOUNCE: AwsThresholds(advised=0.02, review=0.05, pause=0.10),
    Metric.COMPLAINT: AwsThresholds(advised=0.001, review=0.001, pause=0.005),
}


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of whole buckets up to now: so many hours, or the last so many emails.

    By emails it reaches back until it holds `emails`, or `share_of_day` of a normal day's email where that is more, however long
    that took; it holds what there is where the history is shorter.
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
        """Fraction between 0 and 1, or None of no email; late events can outnumber the email, a rate cannot."""
        return min(1.0, self.events / self.emails) if self.emails else None


SHOWN = {Metric.BOUNCE: Window(emails=300, share_of_day=1 / 8), Metric.COMPLAINT: Window(hours=24)}
"""The window that messages, metrics and pictures show as "the rate"."""

AWS_ESTIMATE = Window(emails=10_000, share_of_day=1.0)
"""Our estimate of the "representative volume" of AWS's own rates: two published enforcement notices speak of the last
10,476 and the last 10,192 eligible emails, 75 and 225 days' worth of those senders."""

NORMAL_FROM, NORMAL_TO = 14 * DAY, 2 * DAY
"""The sender's own normal is taken over the email of fourteen to two days ago."""


def lower_bound(events: int, emails: int, confidence: float) -> float:
    """The rate that the true one is above, sure at `confidence` standard deviations: Byar's bound for a Poisson count.

    0 is no claim at all and gives the plain rate. (N. Breslow and N. Day, Statistical Methods in Cancer Research II, 1987.)
    """
    if events == 0:
        return 0.0
    if confidence == 0.0:
        return events / emails
    root = 1 - 1 / (9 * events) - confidence / (3 * sqrt(events))
    return events * root**3 / emails if root > 0 else 0.0


class View:
    """One metric of a history as it was known when its slot `end` began: nothing later is ever touched."""

    __slots__ = ("attempts", "causes", "end", "events", "history", "metric", "normal_day", "oldest")

    def __init__(self, history: History, metric: Metric, end: int) -> None:
        self.history = history
        self.metric = metric
        self.end = end
        bounces = metric is Metric.BOUNCE
        self.attempts = history.attempts if bounces else history.heard_of
        self.events = history.bounces if bounces else history.complaints
        self.causes = history.could_bounce if bounces else history.could_complain
        self.oldest = max(0, end - LOOKBACK // BUCKET)
        age = min(max(self.age, DAY), LOOKBACK)
        self.normal_day = (self.attempts[end] - self.attempts[self.oldest]) * DAY / age
        """Mean emails per day over the last fourteen days, or over the age of a younger history."""

    @property
    def age(self) -> int:
        """Seconds since the first bucket ever seen."""
        return self.history.time(self.end) - self.history.first

    @property
    def emails(self) -> int:
        """All email of the last fourteen days."""
        return self.attempts[self.end] - self.attempts[self.oldest]

    def start(self, window: Window) -> int:
        """The slot that `window` starts with."""
        if window.hours:
            return max(0, self.end - window.hours * HOUR // BUCKET)
        wanted = max(window.emails, window.share_of_day * self.normal_day)
        return max(0, bisect_right(self.attempts, self.attempts[self.end] - wanted, 0, self.end + 1) - 1)

    def measure(self, window: Window) -> tuple[int, int]:
        """Events and emails in `window`.

        Events follow their email: bounces by minutes or an hour, complaints by hours or days. In windows of less than a day the
        emails are therefore those that could have caused the bounces: sends smoothed over the delay, where that is more, so
        that the last bounces of a morning's blast are not set against the trickle after it. Complaints over hours are set
        against smoothed sends alone, the larger sum of the two delays; only while a history is too young to know what was
        sent before the window, the window's own email counts where it is more.
        """
        start, end = self.start(window), self.end
        events = self.events[end] - self.events[start]
        emails = self.attempts[end] - self.attempts[start]
        if window.share_of_day >= 1 or (self.metric is Metric.COMPLAINT and not window.hours):
            return events, emails
        could_cause = int(max(sums[end] - sums[start] for sums in self.causes))
        if self.metric is Metric.COMPLAINT and self.age >= window.hours * HOUR + DAY:
            return events, could_cause
        return events, max(emails, could_cause)

    def count(self, window: Window) -> Count:
        """`measure` with the time the window spans."""
        events, emails = self.measure(window)
        return Count(events, emails, self.history.time(self.start(window)), self.history.time(self.end))

    def normal(self, weight: float) -> float:
        """The sender's own normal rate, drawn towards `2 / weight` where there is little email to know it from.

        `weight` is in emails: as if, besides what was seen, 2 events had been seen in so much email.
        """
        start = max(0, self.end - NORMAL_FROM // BUCKET)
        end = max(0, self.end - NORMAL_TO // BUCKET)
        return (self.events[end] - self.events[start] + 2) / (self.attempts[end] - self.attempts[start] + weight)
