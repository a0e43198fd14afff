"""Composition root: a tick → the targets → gather, decide and apply each → announce what is pending."""

from __future__ import annotations

import gc

gc.disable()  # until everything that lives for ever is made: the collector is a seventh of a cold start

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from . import settings as settings_file
from .aws import cloudwatch, ses, sns
from .aws.memory import Memory
from .aws.session import CONFIG, open_session
from .core import messages
from .core.decide import Announcement
from .core.history import Instant, iso
from .core.sentences import Context
from .core.target import Target
from .settings import Settings
from .watch import Edges, Outcome, watch_all

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

AHEAD = 15 * 60
"""In seconds. A tick further in the future than this is refused: it would make every true one until then a late run."""

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


def handler(event: object, context: LambdaContext) -> dict[str, str]:
    """Looks at every target as of `event["now"]` and answers with their verdicts. Raises `BadEvent` or `RunFailed`."""
    now = tick_of(event)
    monitor = wire(context.invoked_function_arn)
    outcomes = watch_all(monitor.targets, now, monitor.settings.policy, monitor.edges)
    report(outcomes, monitor.settings, now)
    failures = [f"{outcome.plan.target.id}: {failure}" for outcome in outcomes for failure in outcome.failures]
    if failures:
        raise RunFailed("; ".join(failures))
    return {outcome.plan.target.id: outcome.plan.verdict.value for outcome in outcomes}


def tick_of(event: object) -> Instant:
    """The scheduled time, which is `now` for the whole run, whenever it really runs."""
    text = event.get("now") if isinstance(event, Mapping) else None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadEvent('the event needs the scheduled time, like {"now": "2025-02-04T10:30:00Z"}; nothing was done')
    tick = int(moment.timestamp())
    if tick > time.time() + AHEAD:
        raise BadEvent(f"the event's time {iso(tick)} is in the future; nothing was done")
    return tick


@cache
def wire(function_arn: str) -> Monitor:
    """The monitor of the account and region that the function itself is in."""
    settings = settings_file.load(Path(os.environ["LAMBDA_TASK_ROOT"]) / "settings.toml")
    region, account = function_arn.split(":")[3:5]
    regions = settings.targets.regions if settings.targets.regions else (region,)
    session = open_session()
    statistics = {name: session.client("ses", region_name=name, config=CONFIG) for name in regions}
    metrics = session.client("cloudwatch", config=CONFIG)
    context = Context(
        stage=settings.deployment.stage,
        zone=settings.alerts.zone,
        dashboard_url=os.environ["DASHBOARD_URL"],
        runbook_url=settings.alerts.runbook_url,
        feedback_share=settings.policy.feedback_share,
    )
    notifier = cache(partial(session.client, "sns", config=CONFIG))  # made when there is something to say

    def tell(announcements: Sequence[Announcement]) -> None:
        mail = messages.mail(announcements, context)
        sns.publish(
            notifier(),
            os.environ["PEOPLE_TOPIC_ARN"],
            subject=mail.subject,
            text=mail.text,
            document=messages.machine(announcements, context),
            attributes=messages.attributes(announcements),
        )

    edges = Edges(
        read=lambda target: ses.send_statistics(statistics[target.region]),
        put_gauges=partial(cloudwatch.put_gauges, metrics, settings.metric_namespace),
        memory=Memory(session.client("dynamodb", config=CONFIG), os.environ["MEMORY_TABLE"]),
        tell=tell,
    )
    gc.freeze()
    gc.enable()
    return Monitor(settings, tuple(Target(account, name) for name in regions), edges)


def report(outcomes: Sequence[Outcome], settings: Settings, now: Instant) -> None:
    """The monitor's own health: a log line a target, and two metrics by way of the log."""
    for outcome in outcomes:
        plan = outcome.plan
        logger.info(
            "watched",
            target=plan.target.id,
            tick=iso(now),
            verdict=plan.verdict.value,
            unreadable=None if plan.unreadable is None else plan.unreadable.detail,
            decided=[f"{a.episode} {a.seq} {a.reason}" for a in plan.announcements],
            failures=outcome.failures,
        )
    metrics = EphemeralMetrics(namespace=f"{settings.metric_namespace}/Monitor")
    metrics.add_metric(
        "FailedTargets",
        MetricUnit.Count,
        sum(bool(o.failures) or o.plan.unreadable is not None for o in outcomes),
    )
    ages = [(now - o.plan.newest) / 60 for o in outcomes if o.plan.newest is not None]
    if ages:
        metrics.add_metric("NewestBucketAgeMinutes", MetricUnit.Count, max(0.0, *ages))
    metrics.flush_metrics()
