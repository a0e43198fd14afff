"""The core as the commands use it: play a record, or evaluate what was read now. No other command asks the core to decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ses_reputation.core.account import AwsRate, AwsView
from ses_reputation.core.decide import decide, replay
from ses_reputation.core.headroom import Headroom
from ses_reputation.core.history import History, Instant, Point, history_from
from ses_reputation.core.judge import metric_states
from ses_reputation.core.rates import Count, Metric
from ses_reputation.core.readings import Statistics, Unreadable
from ses_reputation.core.rules import Policy, Verdict
from ses_reputation.core.sentences import headline_of
from ses_reputation.core.target import Target
from ses_reputation.layout.email import document as document_of


@dataclass(frozen=True, slots=True)
class Sent:
    """One notification, as tables and pictures show it."""

    at: Instant
    metric: Metric
    severity: str  # "warning" or "critical": the worst of the alert so far
    kind: str  # "firing", "reminder" or "resolved"
    alert: str
    events: int | None = None
    emails: int | None = None
    rate: float | None = None
    rule: str = ""  # empty if no rule holds any more
    document: Mapping[str, Any] = field(default_factory=dict)  # everything, for programs


@dataclass(frozen=True, slots=True)
class MetricNow:
    """One metric of a target at an instant."""

    metric: Metric
    verdict: Verdict
    shown: Count | None  # over the window that people see as "the rate"; None without any statistics
    estimate: Count | None  # our estimate of what AWS's own rate is made of
    headroom: Headroom | None
    aws: AwsRate | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """Outcome of a replay."""

    sent: tuple[Sent, ...]
    history: History | None
    metrics: tuple[MetricNow, ...]  # at the end


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Outcome of an evaluation of one target now."""

    verdict: Verdict
    metrics: tuple[MetricNow, ...]
    history: History | None
    headlines: tuple[str, ...]  # of the notifications that a monitor starting now would send
    unreadable: Unreadable | None


def play(target: Target, points: Sequence[Point], policy: Policy, end: Instant, step: Callable[[], None]) -> Played:
    """Play `points` tick by tick up to `end`; call `step` after each. Raises `BadData` for a span of many years."""
    sent: list[Sent] = []
    alerts: Mapping[str, Any] = {}
    for _, notifications, alerts in replay(target, points, policy):  # noqa: B007  the last ones are those at the end
        sent += [_sent(document_of(notification), bool(notification.found)) for notification in notifications]
        step()
    history = history_from(points, until=end, feedback_share=policy.feedback_share)
    return Played(tuple(sent), history, _metrics(history, policy, end, alerts))


def evaluate(target: Target, statistics: Statistics, aws: AwsView, policy: Policy, now: Instant) -> Evaluated:
    """Evaluate as a monitor does that has run all the time and starts to speak now."""
    plan = decide(target, statistics, None, policy, now, aws)
    history = None
    metrics: tuple[MetricNow, ...] = ()
    if plan.unreadable is None and not isinstance(statistics, Unreadable):
        history = history_from(statistics, until=now, feedback_share=policy.feedback_share)
        metrics = _metrics(history, policy, now, {alert.check: alert for alert in plan.state.alerts}, aws)
    headlines = tuple(headline_of(notification) for notification in plan.notifications)
    return Evaluated(plan.verdict, metrics, history, headlines, plan.unreadable)


def _metrics(
    history: History | None, policy: Policy, now: Instant, alerts: Mapping[str, Any], aws: AwsView | None = None
) -> tuple[MetricNow, ...]:
    states = metric_states(history, policy, now, alerts, AwsView() if aws is None else aws)
    return tuple(
        MetricNow(state.metric, state.verdict, state.shown, state.estimate, state.headroom, state.aws)
        for state in states
    )


def _sent(document: Mapping[str, Any], holds: bool) -> Sent:
    return Sent(
        int(datetime.fromisoformat(document["at"]).timestamp()),
        Metric(document["metric"]),
        document["severity"],
        document["kind"],
        document["alert"],
        document["events"],
        document["emails"],
        document["rate"],
        document["rule"] if holds else "",
        document,
    )
