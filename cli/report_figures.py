"""The figures of the page of evidence: a period of one target, by metric and by day.

Nothing is zero or fine because it could not be read: `Missing` stands in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby

from ses_reputation.core.cause_words import Cause
from ses_reputation.core.history import BUCKET, DAY, History, Instant
from ses_reputation.core.rates import AWS_ESTIMATE, SHOWN, Count, Metric, View
from ses_reputation.core.readings import Account, AwsRate
from ses_reputation.core.rules import MetricPolicy, Policy
from ses_reputation.core.state import State
from ses_reputation.core.target import Target

from .evaluate import MetricNow, Played, Sent

FEWEST_EMAILS = 100
"""A rate of fewer emails than this is noise: it is neither drawn nor named as a highest one."""

MOST_ROWS = 35
"""A table has a row a day up to this many days, else a row a week."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that could not be read: why, and what the reader of the page can do about it."""

    why: str
    fix: str = ""


Rates = Mapping[Metric, Sequence[AwsRate]]


@dataclass(frozen=True)
class Evidence:
    """Everything that the page shows, of `since` up to `until`."""

    heading: str
    target: Target  # an empty account or region is not known
    made: Instant
    since: Instant
    until: Instant
    policy: Policy
    played: Played | Missing
    rates: Rates | Missing  # AWS's own
    account: Account | Missing
    monitor: State | Missing | None  # what the deployed monitor has stored; None: there is none
    causes: Mapping[Metric, Cause | Missing]  # of metrics with an alert
    sources: Sequence[str]  # a sentence each: where the numbers come from, and what they cannot tell
    unread: Mapping[str, Missing]  # what could not be read, by name

    @cached_property
    def metrics(self) -> dict[Metric, Figures]:
        """The figures of each metric; none if the statistics could not be read, or have no email."""
        played, rates = self.played, self.rates
        if isinstance(played, Missing) or played.history is None:
            return {}
        return {
            policy.metric: Figures(
                played.history,
                policy,
                state,
                played.sent,
                rates if isinstance(rates, Missing) else rates.get(policy.metric, ()),
                self.since,
                self.until,
            )
            for policy, state in zip(self.policy.metrics, played.metrics, strict=True)
        }


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of a stretch of buckets, and the highest rates at their ends."""

    start: Instant
    end: Instant
    emails: int
    events: int
    highest: Count | None  # "rate now"; None: never enough emails
    estimate: Count | None  # our estimate of AWS's rate
    aws: float | None  # AWS's own rate; None: not published

    @property
    def rate(self) -> float | None:
        return Count(self.events, self.emails, self.start, self.end).rate


@dataclass(frozen=True)
class Figures:
    """Every figure of one metric."""

    history: History
    policy: MetricPolicy
    state: MetricNow  # at the end
    all_sent: Sequence[Sent]
    own_rates: Sequence[AwsRate] | Missing
    since: Instant
    until: Instant

    @property
    def metric(self) -> Metric:
        return self.policy.metric

    @cached_property
    def slots(self) -> range:
        """The buckets that begin in the period and had ended by its end."""
        first = max(0, -(-(self.since - self.history.origin) // BUCKET))
        return range(first, max(first, self.history.closed(self.until)))

    @cached_property
    def sent(self) -> list[Sent]:
        """The notifications of every alert that was open in the period."""
        own = [notification for notification in self.all_sent if notification.metric is self.metric]
        over = {notification.alert: notification.at for notification in own if notification.kind == "resolved"}
        return [n for n in own if over.get(n.alert, self.until) >= self.since and n.at <= self.until]

    @cached_property
    def alerts(self) -> list[list[Sent]]:
        """`sent` by alert, oldest first."""
        return [[n for n in self.sent if n.alert == alert] for alert in dict.fromkeys(n.alert for n in self.sent)]

    @property
    def looked_at(self) -> tuple[Instant, Instant]:
        """Window in which the cause of the last alert is looked for: the first day of its trouble."""
        start = started(self.alerts[-1][0])
        return start, min(self.until, start + DAY)

    @cached_property
    def published(self) -> list[AwsRate]:
        """AWS's own rates in the period; empty if they could not be read."""
        rates = () if isinstance(self.own_rates, Missing) else self.own_rates
        return [rate for rate in rates if self.since <= rate.at < self.until]

    @cached_property
    def counts(self) -> list[tuple[Count, Count]]:
        """The rate and our estimate of AWS's, at the end of each bucket."""
        views = (View(self.history, self.metric, slot + 1) for slot in self.slots)
        return [(view.count(SHOWN[self.metric]), view.count(AWS_ESTIMATE)) for view in views]

    @cached_property
    def total(self) -> Row:
        """The whole period."""
        return self.row(self.slots)

    @cached_property
    def rows(self) -> list[Row]:
        """The period by day in UTC, or by week if it is long."""
        span = DAY if len(self.slots) * BUCKET <= MOST_ROWS * DAY else 7 * DAY
        monday = 4 * DAY if span > DAY else 0  # the epoch began on a Thursday
        groups = groupby(self.slots, lambda slot: (self.history.time(slot) - monday) // span)
        return [self.row(range(part[0], part[-1] + 1)) for part in (list(group) for _, group in groups)]

    def row(self, slots: range) -> Row:
        """Count a stretch of buckets."""
        history, first, last = self.history, slots.start, slots.stop
        events = history.bounces if self.metric is Metric.BOUNCE else history.complaints
        start, end = history.time(first), history.time(last)
        own_from = self.since if first == self.slots.start else start
        own_to = self.until if last == self.slots.stop else end
        shown = [self.counts[slot - self.slots.start] for slot in slots]
        return Row(
            start,
            end,
            history.attempts[last] - history.attempts[first],
            events[last] - events[first],
            _highest(now for now, _ in shown),
            _highest(estimate for _, estimate in shown),
            max((rate.rate for rate in self.published if own_from <= rate.at < own_to), default=None),
        )


def _highest(counts: Iterable[Count]) -> Count | None:
    return max((count for count in counts if count.emails >= FEWEST_EMAILS), key=lambda c: c.rate or 0.0, default=None)


def started(notification: Sent) -> Instant:
    """Return when the trouble began, by estimate."""
    return int(datetime.fromisoformat(notification.document["started_at"]).timestamp())
