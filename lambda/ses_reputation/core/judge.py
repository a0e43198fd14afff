"""A history, tick by tick → alerts, what changed, and the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .account import AWS_UNREADABLE, NOT_ASKED, AwsView
from .alert import Alert, Change, caught_up, step
from .evaluation import Evaluation, Evaluator
from .history import BUCKET, HOUR, LOOKBACK, History, Instant
from .plan import JUDGED, Alerts, MetricState
from .readings import UNREADABLE
from .rules import MetricPolicy, Policy, Verdict

READABLE_AGAIN = HOUR
"""A target that could not be read is well again when it has been readable for so long."""


def evaluator_of(history: History, policy: MetricPolicy) -> Evaluator:
    """The evaluator of one metric, built once per history."""
    key = f"evaluator of {policy.metric}"
    known = history.derived.get(key)
    if not isinstance(known, Evaluator) or known.policy != policy:
        known = history.derived[key] = Evaluator(history, policy)
    return known


def judge(
    history: History | None, policy: Policy, now: Instant, before: Alerts
) -> tuple[dict[str, Alert], list[Change]]:
    """The alerts after the tick `now`, and what changed, as known at that tick."""
    after: dict[str, Alert] = {}
    changes: list[Change] = []
    for metric in policy.metrics:
        check = metric.metric.value
        alert, change = _judge_metric(history, metric, now, before.get(check))
        if alert is not None:
            after[check] = alert
        if change is not None:
            changes.append(change)
    if UNREADABLE in before:
        alert, change = step(before[UNREADABLE], UNREADABLE, (), lambda: True, now, quiet=READABLE_AGAIN)
        if alert is not None:
            after[UNREADABLE] = alert
        if change is not None:
            changes.append(change)
    return after, changes


def _judge_metric(
    history: History | None, policy: MetricPolicy, now: Instant, previous: Alert | None
) -> tuple[Alert | None, Change | None]:
    if history is None:
        return step(previous, policy.metric.value, (), lambda: False, now)
    evaluation = evaluator_of(history, policy).at(now)
    return step(previous, policy.metric.value, evaluation.found, lambda: evaluation.calm, now)


def ticks_since(last: Instant | None, history: History | None, now: Instant) -> Iterable[Instant]:
    """The ticks after `last` up to and with `now`, oldest first, as far back as the statistics reach."""
    if history is None:
        return (now,)
    since = max(now - LOOKBACK if last is None else last, now - LOOKBACK, history.origin)
    return range(now - (now - since - 1) // BUCKET * BUCKET, now + 1, BUCKET)


def told_once(
    before: Alerts, after: Alerts, now: Instant, ended: Mapping[str, int]
) -> tuple[dict[str, Alert], list[Change]]:
    """The alerts to remember and what to say: the difference that all judged ticks made, however many they were."""
    kept: dict[str, Alert] = {}
    changes: list[Change] = []
    for check in {**before, **after}:
        alert, told = caught_up(before.get(check), after.get(check), now, ended)
        if alert is not None:
            kept[check] = alert
        changes += told
    return kept, changes


def metric_states(
    history: History | None,
    policy: Policy,
    now: Instant,
    alerts: Alerts,
    aws: AwsView = NOT_ASKED,
    *,
    unknown: bool = False,
) -> tuple[MetricState, ...]:
    """Each metric at the tick `now`. An open alert is at least a warning until its all-clear."""
    states = []
    for metric in policy.metrics:
        rate = aws.known_rates.get(metric.metric)
        if history is None:
            verdict = Verdict.UNKNOWN if unknown else Verdict.NO_DATA
            states.append(MetricState(metric.metric, verdict, None, None, None, rate))
        else:
            now_is = evaluator_of(history, metric).at(now)
            verdict = metric_verdict(now_is, metric, now, alerts)
            states.append(MetricState(metric.metric, verdict, now_is.shown, now_is.estimate, now_is.headroom, rate))
    return tuple(states)


def metric_verdict(evaluation: Evaluation, policy: MetricPolicy, now: Instant, alerts: Alerts) -> Verdict:
    """Of our own rate of one metric."""
    alert = alerts.get(policy.metric.value)
    if not evaluation.found and alert is not None and alert.opened_at <= now:
        return Verdict.WARNING
    return evaluation.verdict


_WORST_FIRST = (
    Verdict.CRITICAL,
    Verdict.WARNING,
    Verdict.UNKNOWN,
    Verdict.NO_DATA,
    Verdict.TOO_FEW_EMAILS,
    Verdict.OK,
)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the metrics' verdicts; what is not known comes before what is well."""
    return min(verdicts, key=_WORST_FIRST.index)


def other_alerts(alerts: Alerts) -> Alerts:
    """Those of everything that is judged as of now only: AWS's own view, and the amount of email."""
    return {check: alert for check, alert in alerts.items() if check not in JUDGED}


def other_verdicts(alerts: Alerts, now: Instant, aws: AwsView) -> Iterator[Verdict]:
    """The verdicts of everything but our own rates: open alerts, and what could not be read."""
    for alert in other_alerts(alerts).values():
        if alert.opened_at <= now and alert.check != AWS_UNREADABLE:
            yield Verdict[alert.severity.name] if alert.severe_at >= now else Verdict.WARNING
    if aws.unreadable:
        yield Verdict.UNKNOWN


def newest(history: History | None) -> Instant | None:
    """The end of the newest bucket with email in it."""
    if history is None:
        return None
    last = history.slots
    while last > 0 and history.attempts[last] == history.attempts[last - 1]:
        last -= 1
    return history.time(last)
