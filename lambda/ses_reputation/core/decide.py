"""What was gathered of a target and what is remembered of it → what to publish, what to announce, what to remember.

The function and `replay` decide with the same code, tick by tick, and never look ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from . import account, volume
from .account import AWS_UNREADABLE, NOT_ASKED, AwsView, Standing
from .alert import Alert, Change, Reason, step
from .daily_totals import days_after, with_days
from .gauges import VERDICT_VALUES, gauges_at
from .history import BUCKET, DAY, HOUR, LOOKBACK, BadData, History, Instant, Point, distinct, history_from, stamp
from .judge import (
    READABLE_AGAIN,
    evaluator_of,
    judge,
    metric_states,
    newest,
    other_alerts,
    other_verdicts,
    overall,
    ticks_since,
    told_once,
)
from .plan import JUDGED, Alerts, Gauge, MetricState, Notification, Plan, State
from .rates import Count, View
from .readings import UNREADABLE, Statistics, Trouble, Unreadable
from .rules import Finding, Policy, Severity, Verdict
from .target import Target
from .volume import SILENCE

FAILURES_BEFORE_TELLING = 2
"""A target that cannot be read is announced after so many ticks in a row, at once when access is denied."""

PUBLISHABLE = LOOKBACK - HOUR
"""How far back metrics are filled in: CloudWatch refuses values more than two weeks old, and a run may start late."""

MOST_PENDING = 40
"""So many notifications wait to be told: each takes up to 4 KB of an item that holds 400 KB, and the rest stays below 100."""

SPARK_HOURS, SPARK_SPAN = 2, DAY
"""Messages show the last day in steps of two hours."""


def decide(
    target: Target,
    statistics: Statistics,
    remembered: State | None,
    policy: Policy,
    now: Instant,
    aws: AwsView = NOT_ASKED,
) -> Plan:
    """What to do about `target` at the tick `now`. The same arguments give the same plan.

    Our own rates are judged at every tick since the last judged one; what AWS says of the account, and the amount of email, as
    of `now` only. While AWS has paused the account its rates are not judged: they add nothing, and are caught up with after.
    """
    before = State(tick=now - LOOKBACK - BUCKET) if remembered is None else remembered
    if isinstance(statistics, Unreadable):
        return _unread(target, statistics, before, policy, now, aws)
    try:
        points = distinct(statistics)
        history = history_from(
            with_days(points, before.days, now),
            until=max(now, before.tick),
            first=before.first,
            feedback_share=policy.feedback_share,
        )
    except BadData as bad:
        return _unread(target, Unreadable(Trouble.BAD_ANSWER, str(bad)), before, policy, now, aws)
    alerts = _by_check(before.alerts)
    if now <= before.tick:  # handled before: a repeated event or a late run must not turn the state back
        states = metric_states(history, policy, before.tick, alerts, aws)
        verdict = overall((*(state.verdict for state in states), *other_verdicts(alerts, now, aws)))
        return Plan(target, verdict, (), (), before, aws, newest(history))
    rates = {check: alert for check, alert in alerts.items() if check in JUDGED}
    off = volume.switched_off(policy.volume)
    others = {check: alert for check, alert in other_alerts(alerts).items() if check not in off}
    kept: dict[str, Alert] = rates
    changes: list[Change] = []
    paused = account.paused(aws, history, now, alerts)
    if not paused:
        after: Alerts = rates
        ended: dict[str, int] = {}
        for tick in ticks_since(before.judged, history, now):
            after, said = judge(history, policy, tick, after)
            ended |= {change.alert.id: change.alert.seq for change in said if change.ended}
        if remembered is None:  # nobody was told anything yet
            after = {check: replace(alert, seq=1) for check, alert in after.items()}
        kept, changes = told_once(rates, after, now, ended)
    failures = before.aws_failures + 1 if aws.unreadable else 0
    found = _standings(aws, policy, history, now, {**others, **kept}, failures)
    if paused and UNREADABLE in kept:
        found[UNREADABLE] = Standing((), quiet=READABLE_AGAIN)
    kept, besides = _stepped(found, {**others, **kept}, now, before.tick)
    states = metric_states(history, policy, now, kept, aws)
    new = tuple(
        _notification(target, change, history, policy, states, now, aws, _found(found, change))
        for change in (*besides, *changes)
    )
    state = State(
        tick=now,
        judged=before.judged if paused else now,
        published=before.published,
        first=before.first if history is None else history.first,
        aws_failures=failures,
        days=days_after(before.days, points, now),
        alerts=tuple(kept.values()),
        pending=_waiting(before.pending + new),
        told=before.told,
    )
    oldest = now - PUBLISHABLE
    unpublished = ticks_since(oldest if before.published is None else max(before.published, oldest), history, now)
    unknown = aws if aws.unreadable else NOT_ASKED
    gauges = tuple(
        gauge
        for tick in unpublished
        for gauge in gauges_at(history, policy, tick, kept, unknown if tick == now else NOT_ASKED)
    )
    verdict = overall((*(state.verdict for state in states), *other_verdicts(kept, now, aws)))
    return Plan(target, verdict, gauges, new, state, aws, newest(history))


def _waiting(pending: tuple[Notification, ...]) -> tuple[Notification, ...]:
    """What waits to be told. Of too many only the newest of each alert, which says more than those before it, and of
    those the newest: a memory that no longer fits into its item would hold all of them back."""
    if len(pending) <= MOST_PENDING:
        return pending
    newest = {notification.alert: notification for notification in pending}
    return tuple(sorted(newest.values(), key=lambda notification: notification.at))[-MOST_PENDING:]


def _standings(
    aws: AwsView, policy: Policy, history: History | None, now: Instant, alerts: Alerts, failures: int
) -> dict[str, Standing]:
    """Every check besides our own rates that can be judged now."""
    found = account.standings(aws, policy.account, history, now, alerts)
    stopped = account.stopped(aws, history, now, alerts)
    found |= volume.standings(history, policy.volume, now, stopped=stopped, silence=alerts.get(SILENCE))
    if aws.account is not None or aws.rates is not None:
        denied = any(unread.trouble is Trouble.DENIED for unread in aws.unreadable)
        tell = denied or failures >= FAILURES_BEFORE_TELLING or AWS_UNREADABLE in alerts
        worst = aws.unreadable[:1] if tell else ()
        detail = "; ".join(unread.detail for unread in aws.unreadable)
        holds = tuple(Finding(unread.trouble.value, Severity.WARNING, detail=detail) for unread in worst)
        found[AWS_UNREADABLE] = Standing(holds, quiet=READABLE_AGAIN)
    return found


def _stepped(
    found: Mapping[str, Standing], before: Alerts, now: Instant, last: Instant
) -> tuple[dict[str, Alert], list[Change]]:
    """The alerts after what was `found` now; those of which nothing is known stay as they are, and as bad.

    One that opens is named after the full hour, if there was one since the tick `last`: a run without a memory tells what AWS
    says at full hours, so that its message and the one of the next run with a memory are known for the same.
    """
    hour = now // HOUR * HOUR
    kept = {
        check: replace(alert, severe_at=now)
        if check not in JUDGED and check not in found and alert.severe_at >= last
        else alert
        for check, alert in before.items()
    }
    changes = []
    for check, standing in found.items():
        alert, change = step(
            before.get(check),
            check,
            standing.found,
            standing.may_end,
            now,
            standing.quiet,
            remind=standing.remind,
            by_name=standing.by_name,
            eases=standing.eases,
        )
        if alert is not None and change is not None and change.reason is Reason.OPENED and last < hour:
            alert = replace(alert, id=f"{check}-{stamp(hour)}")
            change = replace(change, alert=alert)
        if alert is not None:
            kept[check] = alert
        else:
            kept.pop(check, None)
        if change is not None:
            changes.append(change)
    return kept, changes


def _found(found: Mapping[str, Standing], change: Change) -> tuple[Finding, ...]:
    standing = found.get(change.alert.check)
    return () if standing is None else standing.found


def _unread(
    target: Target, unread: Unreadable, before: State, policy: Policy, now: Instant, aws: AwsView = NOT_ASKED
) -> Plan:
    """The plan for a target whose statistics could not be read: nothing is known of its rates, and that is said."""
    if now <= before.tick:
        return Plan(target, Verdict.UNKNOWN, (), (), before, aws, unreadable=unread)
    failures = before.failures + 1
    aws_failures = before.aws_failures + 1 if aws.unreadable else 0
    alerts = _by_check(before.alerts)
    tell = unread.trouble is Trouble.DENIED or failures >= FAILURES_BEFORE_TELLING or UNREADABLE in alerts
    holds = (Finding(unread.trouble.value, Severity.WARNING, detail=unread.detail),) if tell else ()
    found = _standings(aws, policy, None, now, alerts, aws_failures)
    if tell:
        found = {UNREADABLE: Standing(holds, quiet=READABLE_AGAIN), **found}
    kept, changes = _stepped(found, alerts, now, before.tick)
    states = metric_states(None, policy, now, kept, aws, unknown=True)
    new = tuple(
        _notification(target, change, None, policy, states, now, aws, _found(found, change)) for change in changes
    )
    state = replace(
        before,
        tick=now,
        failures=failures,
        aws_failures=aws_failures,
        alerts=tuple(kept.values()),
        pending=_waiting(before.pending + new),
    )
    verdict = overall((Verdict.UNKNOWN, *other_verdicts(kept, now, aws)))
    gauges = (Gauge("Verdict", now, VERDICT_VALUES[verdict]),)
    return Plan(target, verdict, gauges, new, state, aws, unreadable=unread)


def recalled(
    target: Target,
    statistics: Statistics,
    policy: Policy,
    now: Instant,
    aws: AwsView = NOT_ASKED,
    every: int = BUCKET,
) -> State:
    """What would be remembered before the tick `now`, one of those that come `every` so many seconds, had nothing ever failed,
    worked out from what was read now.

    With it a monitor whose memory fails still announces what changes at this tick, once. Where the statistics fail too
    there is nothing to tell apart, and that is taken as told: the failing run is what speaks then. What AWS says has no past to
    be worked out: it is taken as told but for the first tick of every hour, and so told every hour rather than never.
    """
    last = now - every
    if not isinstance(statistics, Unreadable):
        try:
            history = history_from(statistics, until=now, feedback_share=policy.feedback_share)
        except BadData as bad:
            statistics = Unreadable(Trouble.BAD_ANSWER, str(bad))
        else:
            alerts: dict[str, Alert] = {}
            for tick in ticks_since(None, history, last):
                alerts, _ = judge(history, policy, tick, alerts)
            if now % HOUR >= every:
                found = _standings(aws, policy, history, last, alerts, FAILURES_BEFORE_TELLING)
                alerts, _ = _stepped(found, alerts, last, last)
            first = None if history is None else history.first
            told = FAILURES_BEFORE_TELLING
            return State(last, last, last, first, aws_failures=told, alerts=tuple(alerts.values()))
    before = State(tick=last - every, failures=FAILURES_BEFORE_TELLING, judged=last, published=last)
    if now % HOUR < every:
        aws = NOT_ASKED
    state = _unread(target, statistics, before, policy, last, aws).state
    return replace(state, aws_failures=FAILURES_BEFORE_TELLING, pending=())


def replay(
    target: Target, points: Sequence[Point], policy: Policy, *, until: Instant | None = None
) -> Iterator[tuple[Instant, tuple[Notification, ...], Mapping[str, Alert]]]:
    """What a monitor that ran from the first bucket on would have announced: every tick, what it said, what was open.

    Ticks come every quarter of an hour from the end of the first bucket to the end of the last, or to `until`, also where
    no email was sent. Raises `BadData` when the points span too long a time.
    """
    if not points:
        return
    end = max(point.at for point in points) + BUCKET if until is None else until
    history = history_from(points, until=end, feedback_share=policy.feedback_share)
    if history is None:
        return
    alerts: Alerts = {}
    for index in range(1, history.slots + 1):
        now = history.time(index)
        alerts, changes = judge(history, policy, now, alerts)
        if changes:
            states = metric_states(history, policy, now, alerts)
            said = tuple(_notification(target, change, history, policy, states, now) for change in changes)
            yield now, said, alerts
        else:
            yield now, (), alerts


def _by_check(alerts: Iterable[Alert]) -> dict[str, Alert]:
    return {alert.check: alert for alert in alerts}


def _notification(
    target: Target,
    change: Change,
    history: History | None,
    policy: Policy,
    states: tuple[MetricState, ...],
    now: Instant,
    aws: AwsView = NOT_ASKED,
    found: tuple[Finding, ...] = (),
) -> Notification:
    alert = change.alert
    spark: tuple[Count, ...] = ()
    for metric in policy.metrics:
        if history is not None and metric.metric.value == alert.check:
            evaluation = evaluator_of(history, metric).at(now)
            found, spark = evaluation.found, tuple(_spark(evaluation.view))
    return Notification(
        at=now,
        target=target,
        check=alert.check,
        reason=change.reason,
        severity=alert.severity,
        alert=alert.id,
        seq=alert.seq,
        opened_at=alert.opened_at,
        last_held=alert.last_held,
        worst=alert.worst,
        found=found,
        metrics=states,
        spark=spark,
        account=aws.known_account,
    )


def _spark(view: View) -> Iterator[Count]:
    """The last day's events and emails in steps of `SPARK_HOURS`, oldest first; plain counts of the same hours."""
    step_slots = SPARK_HOURS * HOUR // BUCKET
    history = view.history
    for start in range(view.end - SPARK_SPAN // BUCKET, view.end, step_slots):
        a, b = max(0, start), max(0, start + step_slots)
        yield Count(
            view.events[b] - view.events[a],
            view.attempts[b] - view.attempts[a],
            history.time(start),
            history.time(start + step_slots),
        )
