"""Settings and environment → the monitor, or a forwarder. All of the environment is read here, once, at start."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from urllib3 import PoolManager

from . import settings as settings_file
from .aws import cloudwatch, secrets, ses, sns, webhook
from .aws.cause import ONE_ATTEMPT, Clients, look_for_cause
from .aws.errors import AWS_ERRORS, code_of, trouble_of
from .aws.session import CONFIG, SEND_ONCE, open_session
from .aws.store import Store
from .core.cause import CauseReading, question_from
from .core.checks.base import Context
from .core.decide import Plan
from .core.history import Instant
from .core.look import Look
from .core.notification import Document, attributes, envelope
from .core.rates import Metric
from .core.readings import Audience, Readings, Unreadable, audience_of
from .core.target import Target
from .explain import with_causes
from .layout.amazon_q import custom_notification
from .layout.email import email
from .layout.pagerduty import events
from .layout.slack import Payload, payloads
from .monitor import Monitor
from .run import Channel, Edges
from .settings import Settings
from .settings.channels import Stored
from .slack_forwarder import AddressUnknown, Forwarder

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient

BATCH = 12
"""Notifications in one message for people: SNS takes 256 KiB at most, and each needs up to 20 of them."""


class BadEnvironment(Exception):
    """The function's environment is incomplete or wrong; the text names every variable that is."""


@dataclass(frozen=True)
class Environment:
    """Environment variables of the monitor's function."""

    settings: Path
    people_topic: str
    chat_topic: str  # empty without [chat]
    table: str
    dashboard_url: str
    log_url: str

    @property
    def account(self) -> str:
        return self.people_topic.split(":")[4]

    @property
    def region(self) -> str:
        return self.people_topic.split(":")[3]


def read_environment(environ: Mapping[str, str], *, chat: bool) -> Environment:
    """Read the environment. Raise `BadEnvironment`, which names every variable that is missing or wrong."""
    needed = [
        "LAMBDA_TASK_ROOT",
        "PEOPLE_TOPIC_ARN",
        "STATE_TABLE",
        "DASHBOARD_URL",
        *(["CHAT_TOPIC_ARN"] if chat else []),
    ]
    wrong = [name for name in needed if not environ.get(name)]
    wrong += [
        name for name in needed if name.endswith("_ARN") and name not in wrong and len(environ[name].split(":")) != 6
    ]
    if wrong:
        raise BadEnvironment(
            f"environment variables are missing or invalid: {', '.join(wrong)}. Deploy the stack again."
        )
    return Environment(
        settings_path(environ),
        environ["PEOPLE_TOPIC_ARN"],
        environ.get("CHAT_TOPIC_ARN", "") if chat else "",
        environ["STATE_TABLE"],
        environ["DASHBOARD_URL"],
        log_url(environ["DASHBOARD_URL"], environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")),
    )


def settings_path(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("LAMBDA_TASK_ROOT", "")) / "settings.toml"


def log_url(dashboard_url: str, group: str) -> str:
    """Page of a log group in the console that the dashboard is in; empty without a group."""
    if not group:
        return ""
    console = dashboard_url.partition("#")[0]
    name = quote(quote(group, safe=""), safe="").replace("%", "$")
    return f"{console}#logsV2:log-groups/log-group/{name}"


def wire_monitor(environ: Mapping[str, str]) -> Monitor:
    """Make the monitor of the account and region that the function is in."""
    settings = settings_file.load(settings_path(environ), environ.get("SETTINGS", ""))
    environment = read_environment(environ, chat=settings.amazon_q_on)
    region = environment.region
    regions = settings.targets.regions if settings.targets.regions else (region,)
    session = open_session()
    client = cache(lambda service, where: session.create_client(service, where, config=CONFIG))
    for name in regions:  # here, since a session makes clients for one thread only
        for service in ("ses", "sesv2", "cloudwatch"):
            client(service, name)
    notifier = cache(lambda: session.create_client("sns", region, config=SEND_ONCE))  # when there is something to say
    metrics = client("cloudwatch", region)
    context = Context(
        stage=settings.deployment.stage,
        zone=settings.alerts.zone,
        dashboard_url=environment.dashboard_url,
        runbook_url=settings.alerts.runbook_url,
        log_url=environment.log_url,
    )

    def read(target: Target, now: Instant) -> Readings:
        return Readings(
            ses.send_statistics(client("ses", target.region)),
            ses.account(client("sesv2", target.region)),
            cloudwatch.reputation_rates(client("cloudwatch", target.region), now),
        )

    def audience() -> Audience | Unreadable:
        try:
            return audience_of(settings.recipients, sns.subscriptions(notifier(), environment.people_topic))
        except AWS_ERRORS as error:
            return Unreadable(trouble_of(error), f"ListSubscriptionsByTopic: {code_of(error)}")

    looking = (
        {
            name: Clients(*(session.create_client(s, name, config=ONE_ATTEMPT) for s in ("sesv2", "cloudwatch")))
            for name in regions
        }
        if settings.look is not Look.OFF
        else {}
    )

    def look(plan: Plan, metric: Metric, since: Instant, reminder: bool) -> CauseReading:
        region, now = plan.target.region, plan.seen.now
        question = question_from(metric, region, plan.seen.history, since, now)
        return look_for_cause(looking[region], question, settings.look, reminder=reminder)

    edges = Edges(
        explain=(lambda plan: with_causes(plan, look)) if looking else (lambda plan: plan),
        read=read,
        put_gauges=partial(cloudwatch.put_gauges, metrics, settings.metric_namespace),
        store=Store(client("dynamodb", region), environment.table),
        channels=channels(settings, environment, context, notifier),
    )
    return Monitor(settings, tuple(Target(environment.account, name) for name in regions), edges, context, audience)


def channels(
    settings: Settings, environment: Environment, context: Context, notifier: Callable[[], SNSClient]
) -> list[Channel]:
    """Every channel that the settings ask for."""

    def to_people(documents: Sequence[Document]) -> None:
        made = email(documents)
        sns.publish(
            notifier(),
            environment.people_topic,
            subject=made.subject,
            text=made.text,
            document=json.dumps(envelope(documents, context), allow_nan=False),
            attributes=attributes(documents),
        )

    def to_chat(documents: Sequence[Document]) -> None:
        for document in documents:
            sns.publish_chat(notifier(), environment.chat_topic, custom_notification(document))

    found = [Channel("people", BATCH, to_people)]
    if settings.amazon_q_on:
        found.append(Channel("chat", 1, to_chat))
    return found


def wire_forwarder(environ: Mapping[str, str]) -> Forwarder:
    """Make the forwarder to Slack of this installation, or of one of its routes."""
    settings = _forwarders_settings(environ)
    route = environ.get("ROUTE", "")
    webhook_at = settings.routes[int(route)].webhook if route else settings.slack.webhook
    http = PoolManager()

    def post(address: str, payload: Payload, remaining: Callable[[], float]) -> None:
        webhook.post(http, address, payload, remaining=remaining, sleep=time.sleep)

    lay_out = partial(payloads, mention=settings.slack.mention)
    return Forwarder(lambda: webhook.address_of(stored_text(webhook_at)), post, lay_out)


def wire_pagerduty(environ: Mapping[str, str]) -> Forwarder:
    """Make the forwarder to PagerDuty of this installation."""
    pagerduty = _forwarders_settings(environ).pagerduty
    url = webhook.PAGERDUTY_ADDRESSES[pagerduty.service_region]
    http = PoolManager()

    def post(key: str, event: Payload, remaining: Callable[[], float]) -> None:
        payload = {"routing_key": key, **event}
        webhook.post(http, url, payload, remaining=remaining, sleep=time.sleep, service=webhook.PAGERDUTY)

    return Forwarder(lambda: webhook.routing_key_of(stored_text(pagerduty.routing_key)), post, events)


def _forwarders_settings(environ: Mapping[str, str]) -> Settings:
    for library in ("botocore", "urllib3"):
        logging.getLogger(library).setLevel(logging.INFO)  # what they say when debugged holds the address
    return settings_file.load(settings_path(environ), environ.get("SETTINGS", ""))


def stored_text(stored: Stored) -> str:
    """Read a secret from where the settings say it is. Raise `AddressUnknown`."""
    session = open_session()
    if stored.parameter:
        name = stored.parameter
        read = partial(secrets.parameter, session.create_client("ssm", config=CONFIG))
    else:
        name = stored.secret
        region = name.split(":")[3] if name.startswith("arn:") else None  # of the function itself
        read = partial(secrets.secret, session.create_client("secretsmanager", region, config=CONFIG))
    try:
        return read(name)
    except AWS_ERRORS as error:
        raise AddressUnknown(
            f"the stored address or key cannot be read from {name}: {trouble_of(error)} ({code_of(error)})"
        ) from None
