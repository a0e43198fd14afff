"""Handle one event: look at every target as of a tick, or send a test alert."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger

from . import log_fields as fields
from .aws.errors import AWS_ERRORS, code_of, place_of
from .core.checks.base import Context
from .core.decide import Plan
from .core.findings import Findings
from .core.fleet import WHOLE, Shard
from .core.history import DAY, Instant, iso
from .core.notification import drill_notification, muted_in_words
from .core.pause_record import PauseReading
from .core.rates import Metric
from .core.readings import Audience, Readings, Unreadable
from .core.rules import Policy
from .core.target import Target
from .outbox import deliver
from .run import Edges, Explained, Outcome, Tick, look_at_all
from .settings import Settings
from .settings.deployment import MOST_SHARDS
from .settings.patterns import ACCOUNT
from .team_orders import TeamOrders

AHEAD = 15 * 60
"""In seconds. A tick further in the future is refused: it would make every true one until then a late run."""

ONE_LOOK = 10
"""Seconds within which events that ask for a run at once are one tick: they come in bursts, and SES answers once a second."""

DELIVERING = 60
"""Seconds of a run kept for delivery: a message and its note in the store, both of which may hang."""

STORING = 30
"""Seconds kept for storing the state after the look for a cause."""

logger = Logger(utc=True, use_rfc3339=True)


class BadEvent(ValueError):
    """An event that is not for this function; nothing was done."""


class RunFailed(Exception):
    """Something of a run could not be done. Lambda counts the error, which the watchdog sees, and tries again."""


@dataclass(frozen=True)
class Monitor:
    """Everything a run needs, made once per cold start."""

    settings: Settings
    targets: tuple[Target, ...]
    edges: Edges
    context: Context
    audience: Callable[[], Audience | Unreadable]  # who is subscribed, beside who should be
    findings: Callable[[str], Findings | None] = lambda _: None  # what SES itself finds in a region, if that is asked
    explaining: Callable[[float], Callable[[Plan], Explained]] = lambda _: Explained  # for a run of so many seconds
    team_orders: Callable[[Instant], TeamOrders] = lambda _: TeamOrders()  # by the team

    def handle(self, event: object, remaining: Callable[[], int]) -> dict[str, Any]:
        """Handle one event; `remaining` gives the milliseconds left. Raise `BadEvent` or `RunFailed`."""
        if isinstance(event, Mapping) and event.get("test_alert") is True and event.keys() <= {"test_alert", "account"}:
            return self.send_test_alert(int(time.time()), event.get("account"))
        shard = shard_of(event)
        if isinstance(event, Mapping) and event.get("at_once") is True:
            return self.run(tick_of(event) // ONE_LOOK * ONE_LOOK, remaining, shard, at_once=True)
        return self.run(tick_of(event), remaining, shard)

    def run(
        self, now: Instant, remaining: Callable[[], int], shard: Shard = WHOLE, *, at_once: bool = False
    ) -> dict[str, Any]:
        """Look at every target of a shard as of `now`: the verdict of each by its id. Raise `RunFailed`.

        `at_once` is a run beside the schedule, which also reads what SES finds.
        """
        team_orders = self.team_orders(now)
        left = remaining() / 1000
        tick = Tick(now, self.settings.deployment.every, int(time.time()), AHEAD, left - DELIVERING, int(left) + 1)
        edges = replace(self.edges, explain=self.explaining(left - DELIVERING - STORING))
        outcomes = self.look(tick, replace(edges, orders=team_orders.orders), shard, at_once=at_once)
        deliver(outcomes, tick, edges)
        report(outcomes, now, self.context, team_orders)
        failures = self._failures_of(outcomes, team_orders)
        if failures:
            raise RunFailed("; ".join(failures))
        return {outcome.plan.target.id: outcome.plan.verdict.value for outcome in outcomes}

    def _failures_of(self, outcomes: Sequence[Outcome], team_orders: TeamOrders) -> list[str]:
        """List what could not be done in a run."""
        failures = [*team_orders.failures, *team_orders.ignored]
        failures += [f"{outcome.plan.target.id}: {failure}" for outcome in outcomes for failure in outcome.failures]
        failures += [problem for outcome in outcomes if (problem := self._nobody_hears(outcome))]
        failures += [
            f"who gets the alerts is not known: the subscriptions could not be listed ({audience.detail})"
            for outcome in outcomes
            if isinstance(audience := outcome.plan.seen.readings.audience, Unreadable)
        ]
        failures += [
            f"{outcome.plan.target.id}: reading what SES finds failed ({found.broke})"
            for outcome in outcomes
            if (found := outcome.plan.seen.readings.findings) is not None and found.broke
        ]
        return failures

    def look(self, tick: Tick, edges: Edges, shard: Shard, *, at_once: bool) -> list[Outcome]:
        """Look at every target. Raise `BadEvent` for a part of them: only a fleet has shards."""
        if shard != WHOLE:
            raise BadEvent("the event names a shard, but no accounts are configured; nothing was done")
        edges = self._with_audience(edges) if tick.at % DAY < tick.every else edges
        edges = self.with_findings(edges) if at_once else edges
        return look_at_all(self.targets, tick, self.policy_of, edges, self.context)

    def policy_of(self, target: Target) -> Policy:
        return self.settings.policy_for(target.account, target.region)

    def _with_audience(self, edges: Edges) -> Edges:
        """Edges that also read who is subscribed, for the first target."""
        read, first = edges.read, self.targets[0]

        def with_audience(target: Target, now: Instant) -> Readings:
            readings = read(target, now)
            return replace(readings, audience=self.audience()) if target == first else readings

        return replace(edges, read=with_audience)

    def with_findings(self, edges: Edges) -> Edges:
        """Edges that also read what SES finds, at any time."""
        read = edges.read

        def read_all(target: Target, now: Instant) -> Readings:
            readings = read(target, now)
            return readings if readings.findings else replace(readings, findings=self.findings(target.region))

        return replace(edges, read=read_all)

    def _nobody_hears(self, outcome: Outcome) -> str:
        audience = outcome.plan.seen.readings.known_audience
        in_chat = any(channel.name == "chat" for channel in self.edges.channels)
        deaf = audience is not None and not audience.listeners and not in_chat
        if not deaf or self.settings.forwards:
            return ""
        return "nobody is subscribed to the alerts: deploy again, and follow the link in the confirmation email"

    def _tested(self, account: object) -> Target:
        """Target of a test alert: one of an account, for those whom its alerts reach. Raise `BadEvent`."""
        first = self.targets[0]
        if account is None:
            return first
        if not self.settings.fleet.on or not isinstance(account, str) or not re.fullmatch(ACCOUNT, account):
            raise BadEvent(
                "a test alert of an account needs its 12 digits, and accounts in the settings; nothing was done"
            )
        return Target(account, first.region, dict(self.settings.fleet.accounts).get(account, account))

    def send_test_alert(self, now: Instant, account: object = None) -> dict[str, Any]:
        """Send a test alert on every channel: the channels, and who hears. Raise `BadEvent` or `RunFailed`."""
        target = self._tested(account)
        document = drill_notification(target, now, self.policy_of(target), self.context)
        sent, failures = [], []
        for channel in self.edges.channels:
            try:
                channel.send([document])
                sent.append(channel.name)
            except AWS_ERRORS as error:
                failures.append(f"the test alert could not be sent to {channel.name} ({code_of(error)})")
        if failures:
            raise RunFailed("; ".join(failures))
        audience = self.audience()
        known = None if isinstance(audience, Unreadable) else audience
        return {
            "sent": sent,
            "alert": document["alert"],
            "expected": None if known is None else known.expected,
            "missing": None if known is None else known.missing,
            "listeners": None if known is None else known.listeners,
            "forwards": self.settings.forwards,
        }


def tick_of(event: object) -> Instant:
    """The scheduled time, which is `now` for the whole run, whenever it really runs. Raise `BadEvent`."""
    text = event.get("now") if isinstance(event, Mapping) else None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadEvent(
            'the event needs the scheduled time, like {"now": "2025-02-04T10:30:00Z"}, or is {"test_alert": true}; '
            "nothing was done"
        )
    tick = int(moment.timestamp())
    if tick > time.time() + AHEAD:
        raise BadEvent(f"the event's time {moment.isoformat()} is in the future; nothing was done")
    if tick < 0:
        raise BadEvent(f"the event's time {moment.isoformat()} is before 1970; nothing was done")
    return tick


def shard_of(event: object) -> Shard:
    """The part of the accounts that an event is about: all, unless it says `"shard": 0, "of": 4`. Raise `BadEvent`."""
    if not isinstance(event, Mapping) or not event.keys() & {"shard", "of"}:
        return WHOLE
    number, of = event.get("shard"), event.get("of")
    if type(number) is int and type(of) is int and 0 <= number < of <= MOST_SHARDS:
        return Shard(number, of)
    raise BadEvent(f'the event needs "of" from 1 to {MOST_SHARDS} and "shard" from 0 to one less; nothing was done')


def report(outcomes: Sequence[Outcome], now: Instant, context: Context, team_orders: TeamOrders) -> None:
    """Log a line for each target, which the dashboard reads: metrics of the same would cost more than all the rest."""
    if team_orders.ignored:
        logger.warning("orders of the team were ignored", detail=team_orders.ignored)
    for outcome in outcomes:
        plan = outcome.plan
        findings = plan.seen.readings.findings
        if findings is not None and findings.unseen:
            logger.warning("findings of SES could not be read", target=plan.target.id, detail=findings.unseen)
        logger.info(
            fields.MESSAGE,
            **{
                fields.TARGET: plan.target.id,
                fields.TICK: iso(now),
                fields.VERDICT: plan.verdict.value,
                fields.UNREADABLE: None if plan.unreadable is None else plan.unreadable.detail,
                fields.OPEN_ALERTS: len(plan.state.sent),
                fields.ALERTS: [f"{sent.alert} {sent.severity.name}" for sent in plan.state.sent.values()],
                fields.MUTED: muted_in_words(team_orders.orders.mutes_in(plan.target, now), context.zone),
                fields.PAUSE: _pause_field(plan.seen.pause),
                **_aws_fields(plan.seen.readings),
                fields.NEWEST_EMAIL_MINUTES: None if plan.newest is None else max(0, now - plan.newest) // 60,
                fields.SENT: [f"{d['title']} ({d['alert']}, {d['number']})" for d in plan.documents],
                fields.FAILURES: outcome.failures,
            },
        )
        if outcome.bug is not None:
            logger.error("the monitor itself failed", target=plan.target.id, place=place_of(outcome.bug))


def _pause_field(pause: PauseReading | None) -> str:
    """The pause, or why there is none beside a critical alert."""
    if pause is None or pause == PauseReading():
        return "nothing"
    if pause.pause is not None:
        return f"{pause.pause.stage.value}: {pause.pause.what}"
    return "resumed" if pause.rearmed is not None else f"refused: {pause.refusal}"


def _aws_fields(readings: Readings) -> dict[str, Any]:
    """AWS's own view."""
    account = readings.known_account
    bounces, complaints = readings.aws_rate(Metric.BOUNCE), readings.aws_rate(Metric.COMPLAINT)
    return {
        fields.ACCOUNT_STATE: "unknown" if account is None else account.state,
        fields.QUOTA_USED: None if account is None else account.used_share,
        fields.AWS_BOUNCE_RATE: None if bounces is None else bounces.rate,
        fields.AWS_COMPLAINT_RATE: None if complaints is None else complaints.rate,
        fields.AWS_UNREADABLE: [unread.detail for unread in readings.aws_unreadable],
    }
