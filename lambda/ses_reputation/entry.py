"""Composition root: a tick → the targets → gather, decide and apply each → announce what is pending; or a test alert."""

from __future__ import annotations

import gc

gc.disable()  # until everything that lives for ever is made: the collector is a seventh of a cold start

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from . import settings as settings_file
from .aws import cloudwatch, ses, sns
from .aws.errors import AWS_ERRORS, code_of
from .aws.session import CONFIG, open_session
from .aws.store import Memory
from .core.account import AwsView
from .core.history import DAY, Instant, iso
from .core.plan import Notification
from .core.rates import Metric
from .core.sentences import Context, headline_of
from .core.target import Target
from .core.trial import trial
from .core.wording import NBSP
from .layout import amazon_q as chat
from .layout import email as messages
from .run import Channel, Edges, Outcome, Tick, watch_all
from .settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

AHEAD = 15 * 60
"""In seconds. A tick further in the future than this is refused: it would make every true one until then a late run."""

BATCH = 12
"""Notifications in one message for people: SNS takes 256 KiB at most, and each needs up to 20 of them."""

TELLING = 60
"""Seconds of a run that are kept for telling: a message and its note in the memory, both of which may hang (aws/session.py)."""

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
    unconfirmed: Callable[[], tuple[int, int]]  # subscriptions of the people's topic, and how many of them wait


def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Looks at every target as of `event["now"]` and answers with their verdicts, or sends a test alert where the event is
    `{"test_alert": true}` and answers with who gets it. Raises `BadEvent` or `RunFailed`."""
    if isinstance(event, Mapping) and event.get("test_alert") is True and len(event) == 1:
        return test_alert(wire(), int(time.time()))
    now = tick_of(event)
    monitor = wire()
    tick = Tick(
        now,
        every=monitor.settings.deployment.schedule_minutes * 60,
        latest=int(time.time()) + AHEAD,
        patience=context.get_remaining_time_in_millis() / 1000 - TELLING,
    )
    outcomes = watch_all(monitor.targets, tick, monitor.settings.policy, monitor.edges)
    report(outcomes, now)
    if now % DAY < monitor.settings.deployment.schedule_minutes * 60:
        note_unconfirmed(monitor)
    failures = [f"{outcome.plan.target.id}: {failure}" for outcome in outcomes for failure in outcome.failures]
    if failures:
        raise RunFailed("; ".join(failures))
    return {outcome.plan.target.id: outcome.plan.verdict.value for outcome in outcomes}


def test_alert(monitor: Monitor, now: Instant) -> dict[str, Any]:
    """Tells nothing, on every channel, and answers with the channels, how many subscriptions there are and how many of them
    nobody has confirmed yet. Raises `RunFailed` when a channel could not be told."""
    notifications = [trial(monitor.targets[0], now)]
    told, failures = [], []
    for channel in monitor.edges.channels:
        try:
            channel.send(notifications)
            told.append(channel.name)
        except AWS_ERRORS as error:
            failures.append(f"the test alert could not be sent to {channel.name} ({code_of(error)})")
    subscriptions, unconfirmed = note_unconfirmed(monitor)
    if failures:
        raise RunFailed("; ".join(failures))
    return {
        "told": told,
        "subscriptions": subscriptions,
        "unconfirmed": unconfirmed,
        "alert": notifications[0].alert,
    }


def note_unconfirmed(monitor: Monitor) -> tuple[int | None, int | None]:
    """Logs, and answers, how many subscriptions there are and how many wait for confirmation: those hear nothing at all."""
    try:
        subscriptions, unconfirmed = monitor.unconfirmed()
    except AWS_ERRORS as error:
        logger.warning("subscriptions could not be listed", code=code_of(error))
        return None, None
    log = logger.warning if unconfirmed or not subscriptions else logger.info
    log("subscriptions", subscriptions=subscriptions, unconfirmed=unconfirmed)
    return subscriptions, unconfirmed


def tick_of(event: object) -> Instant:
    """The scheduled time, which is `now` for the whole run, whenever it really runs."""
    text = event.get("now") if isinstance(event, Mapping) else None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadEvent(
            'the event needs the scheduled time, like {"now": "2025-02-04T10:30:00Z"}, or is {"test_alert": true}; nothing was done'
        )
    tick = int(moment.timestamp())
    if tick > time.time() + AHEAD:
        raise BadEvent(f"the event's time {moment.isoformat()} is in the future; nothing was done")
    if tick < 0:
        raise BadEvent(f"the event's time {moment.isoformat()} is before 1970; nothing was done")
    return tick


@cache
def wire() -> Monitor:
    """The monitor of the account and region that the function itself is in."""
    settings = settings_file.load(
        Path(os.environ["LAMBDA_TASK_ROOT"]) / "settings.toml", os.environ.get("SETTINGS", "")
    )
    people = os.environ["PEOPLE_TOPIC_ARN"]
    region, account = people.split(":")[3:5]
    regions = settings.targets.regions if settings.targets.regions else (region,)
    session = open_session()
    client = cache(lambda service, where: session.create_client(service, where, config=CONFIG))
    for name in regions:  # here, since a session makes clients for one thread only
        for service in ("ses", "sesv2", "cloudwatch"):
            client(service, name)
    metrics = client("cloudwatch", region)
    context = Context(
        stage=settings.deployment.stage,
        zone=settings.alerts.zone,
        dashboard_url=os.environ["DASHBOARD_URL"],
        runbook_url=settings.alerts.runbook_url,
        feedback_share=settings.policy.feedback_share,
    )
    notifier = partial(client, "sns", region)  # made when there is something to say

    def tell_people(notifications: Sequence[Notification]) -> None:
        email = messages.email(notifications, context)
        sns.publish(
            notifier(),
            people,
            subject=email.subject,
            text=email.text,
            document=messages.machine(notifications, context),
            attributes=messages.attributes(notifications),
        )

    def tell_chat(notifications: Sequence[Notification]) -> None:
        for notification in notifications:
            sns.publish_chat(notifier(), os.environ["CHAT_TOPIC_ARN"], chat.document(notification, context))

    def ask(target: Target, now: Instant) -> AwsView:
        return AwsView(
            ses.account(client("sesv2", target.region)),
            cloudwatch.reputation_rates(client("cloudwatch", target.region), now),
        )

    channels = [Channel("people", BATCH, tell_people)]
    if settings.chat.on:
        channels.append(Channel("chat", 1, tell_chat))
    edges = Edges(
        read=lambda target: ses.send_statistics(client("ses", target.region)),
        ask=ask,
        put_gauges=partial(cloudwatch.put_gauges, metrics, settings.metric_namespace),
        memory=Memory(client("dynamodb", region), os.environ["STATE_TABLE"]),
        channels=channels,
    )
    gc.freeze()
    gc.enable()
    targets = tuple(Target(account, name) for name in regions)
    return Monitor(settings, targets, edges, lambda: sns.unconfirmed(notifier(), people))


def aws_in_log(aws: AwsView) -> dict[str, Any]:
    """AWS's own view in a few fields, which the dashboard shows."""
    account = aws.known_account
    rates = {metric: rate.rate for metric, rate in aws.known_rates.items()}
    return {
        "account_state": "unknown" if account is None else account.state,
        "quota_used": None if account is None else account.used_share,
        "aws_bounce_rate": rates.get(Metric.BOUNCE),
        "aws_complaint_rate": rates.get(Metric.COMPLAINT),
        "aws_unreadable": [unread.detail for unread in aws.unreadable],
    }


def report(outcomes: Sequence[Outcome], now: Instant) -> None:
    """A log line of each target, which the dashboard reads: metrics of the same would cost more than all the rest."""
    for outcome in outcomes:
        plan = outcome.plan
        logger.info(
            "watched",
            target=plan.target.id,
            tick=iso(now),
            verdict=plan.verdict.value,
            unreadable=None if plan.unreadable is None else plan.unreadable.detail,
            open_alerts=len(plan.state.alerts),
            alerts=[f"{alert.id} {alert.severity.name}" for alert in plan.state.alerts],
            **aws_in_log(plan.aws),
            newest_mail_minutes=None if plan.newest is None else max(0, now - plan.newest) // 60,
            told=[f"{headline_of(a)} ({a.alert}, {a.seq})".replace(NBSP, " ") for a in plan.notifications],
            failures=outcome.failures,
        )
        if outcome.bug is not None:
            logger.error("the monitor itself broke", target=plan.target.id, exc_info=outcome.bug)


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    wire()  # before the first tick: with that Lambda begins to ration the CPU by memory, here to a seventh of one
