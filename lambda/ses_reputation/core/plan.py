"""What is known of a target at a tick, what is remembered of it, and what is to be done: the values that `decide` makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import account, volume
from .account import Account, AwsRate, AwsView
from .alert import Alert, Kind, Reason
from .daily_totals import DayTotal
from .headroom import Headroom
from .history import Instant
from .rates import Count, Metric
from .readings import UNREADABLE, Unreadable
from .rules import Finding, Severity, Verdict
from .target import Target

JUDGED = (*(metric.value for metric in Metric), UNREADABLE)
"""The checks that are judged tick by tick, from the statistics alone."""

CHECKS = frozenset((*JUDGED, *account.CHECKS, *volume.CHECKS))
"""Everything that an alert can be about."""

Alerts = Mapping[str, Alert]
"""The open alerts of a target, by check."""


@dataclass(frozen=True, slots=True)
class MetricState:
    """One metric of a target as a message shows it."""

    metric: Metric
    verdict: Verdict
    shown: Count | None  # over the window that people see as "the rate"; None without any statistics
    estimate: Count | None  # our estimate of what AWS's own rate is made of
    headroom: Headroom | None
    aws: AwsRate | None = None  # AWS's own rate, where CloudWatch has one


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to tell, with every number that its words need."""

    at: Instant
    target: Target
    check: str
    reason: Reason
    severity: Severity  # of the alert: the worst so far
    alert: str
    seq: int  # with the alert it lets a receiver recognise a repeat
    opened_at: Instant
    last_held: Instant
    worst: Finding  # what opened the alert or last made it worse
    found: tuple[Finding, ...]  # what holds now, worst first; empty while it recovers and when it is over
    metrics: tuple[MetricState, ...]
    spark: tuple[Count, ...]  # the last day of the metric it is about, oldest first
    account: Account | None = None  # what SES said of the account at that tick

    @property
    def kind(self) -> Kind:
        return self.reason.kind

    @property
    def cause(self) -> Finding:
        """The finding that the message speaks of: what is worst now, or was."""
        return self.found[0] if self.found else self.worst


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of a target from one run to the next."""

    tick: Instant  # the last tick that was handled
    judged: Instant | None = None  # the last tick of which the statistics were read and judged
    published: Instant | None = None  # the last tick whose metrics CloudWatch has acknowledged
    first: Instant | None = None  # start of the oldest bucket ever seen
    failures: int = 0  # ticks in a row at which the statistics could not be read
    aws_failures: int = 0  # and AWS's own view of the account
    days: tuple[DayTotal, ...] = ()  # totals beyond what SES remembers, oldest first
    alerts: tuple[Alert, ...] = ()
    pending: tuple[Notification, ...] = ()  # decided, perhaps not yet announced
    told: tuple[str, ...] = ()  # channel, alert and number of what is pending and told on that channel


@dataclass(frozen=True, slots=True)
class Gauge:
    """One value of a CloudWatch metric "as of this tick"."""

    name: str
    at: Instant
    value: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about a target."""

    target: Target
    verdict: Verdict
    gauges: tuple[Gauge, ...]
    notifications: tuple[Notification, ...]  # new ones; they are in `state.pending` too
    state: State
    aws: AwsView
    newest: Instant | None = None  # end of the newest bucket with email in it
    unreadable: Unreadable | None = None
