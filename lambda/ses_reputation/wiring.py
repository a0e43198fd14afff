"""Settings and environment → the monitor. All of its environment is read here, once, at start.

Nearly every run is a cold start, so a module that a quiet run does not need is imported where it is needed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from . import __version__
from . import settings as settings_file
from .aws import cloudwatch, ses, sns
from .aws.errors import AWS_ERRORS, code_of, trouble_of
from .aws.session import CONFIG, SEND_ONCE, Session, open_session
from .aws.store import Store
from .channels import channels
from .core.cause_level import CauseLevel
from .core.checks.base import Context
from .core.decide import Plan
from .core.history import HOUR, Instant
from .core.pause_level import Level
from .core.pause_record import CHECK as PAUSE
from .core.pause_record import Pause, PauseReading
from .core.rates import Metric
from .core.readings import AccountFacts, Audience, Readings, Trouble, Unreadable, audience_of
from .core.rules import Severity
from .core.state import State
from .core.target import Target
from .monitor import Monitor
from .run import Edges, Explained
from .settings import Settings
from .team_orders import load as load_orders

if TYPE_CHECKING:
    from botocore.config import Config

    from .aws.bounded import Budget
    from .cause_search import Explainer
    from .core.cause import CauseReading
    from .core.findings import Findings
    from .pausing import Pausing


class Create(Protocol):
    """Maker of the client of a service in a region: each one is made once."""

    def __call__(self, service: str, where: str, config: Config) -> Any: ...


_TOPIC = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}"
VARIABLES = {
    "LAMBDA_TASK_ROOT": ".+",
    "ACCOUNT_ID": "[0-9]{12}",
    "PEOPLE_TOPIC_ARN": _TOPIC,
    "CHAT_TOPIC_ARN": _TOPIC,
    "PROGRAMS_TOPIC_ARN": _TOPIC,
    "MONITOR_ROLE_ARN": r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+",
    "STATE_TABLE": "[A-Za-z0-9_.-]{3,255}",
    "DASHBOARD_URL": "https://.+",
}
"""Environment variables of the monitor's function, and what each looks like."""


class BadEnvironment(Exception):
    """The function's environment is incomplete or wrong; the text names every variable that is."""


@dataclass(frozen=True)
class Environment:
    """Environment variables of the monitor's function."""

    settings: Path
    account: str  # the monitor's own; the people's topic may be another account's
    people_topic: str
    chat_topic: str  # empty without [chat]
    table: str
    dashboard_url: str
    log_url: str
    programs_topic: str = ""  # of a fleet: gets each notification, of which people may get a summary
    own_role: str = ""  # of a fleet: ARN of the function's role

    @property
    def partition(self) -> str:
        return self.people_topic.split(":")[1]

    @property
    def region(self) -> str:
        return self.people_topic.split(":")[3]


def read_environment(environ: Mapping[str, str], *, chat: bool, fleet: bool = False) -> Environment:
    """Read the environment. Raise `BadEnvironment`, which names every variable that is missing or wrong."""
    needed = {"CHAT_TOPIC_ARN": chat, "PROGRAMS_TOPIC_ARN": fleet, "MONITOR_ROLE_ARN": fleet}
    unused = {name for name, used in needed.items() if not used}
    expected = {name: pattern for name, pattern in VARIABLES.items() if name not in unused}
    wrong = [name for name, pattern in expected.items() if not re.fullmatch(pattern, environ.get(name, ""))]
    if wrong:
        raise BadEnvironment(
            f"environment variables are missing or invalid: {', '.join(wrong)}. Deploy the stack again."
        )
    return Environment(
        settings_path(environ),
        environ["ACCOUNT_ID"],
        environ["PEOPLE_TOPIC_ARN"],
        environ.get("CHAT_TOPIC_ARN", "") if chat else "",
        environ["STATE_TABLE"],
        environ["DASHBOARD_URL"],
        log_url(environ["DASHBOARD_URL"], environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")),
        environ["PROGRAMS_TOPIC_ARN"] if fleet else "",
        environ["MONITOR_ROLE_ARN"] if fleet else "",
    )


def settings_path(environ: Mapping[str, str]) -> Path:
    """Path of the settings in the asset. Raise `BadEnvironment` if nobody says where that is."""
    root = environ.get("LAMBDA_TASK_ROOT", "")
    if not root:
        raise BadEnvironment("environment variables are missing or invalid: LAMBDA_TASK_ROOT. Deploy the stack again.")
    return Path(root) / "settings.toml"


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
    environment = read_environment(environ, chat=settings.amazon_q_on, fleet=settings.fleet.on)
    region = environment.region
    regions = settings.targets.regions if settings.targets.regions else (region,)
    session = open_session()
    create = client_maker(session)
    for name in () if settings.fleet.on else regions:
        for service in ("ses", "sesv2", "cloudwatch"):
            create(service, name, CONFIG)
    notifier = partial(create, "sns", region, config=SEND_ONCE)  # called when there is something to send
    context = _context(settings, environment)

    def audience() -> Audience | Unreadable:
        try:
            return audience_of(settings.recipients, sns.subscriptions(notifier(), environment.people_topic))
        except AWS_ERRORS as error:
            return Unreadable(trouble_of(error), f"ListSubscriptionsByTopic: {code_of(error)}")

    def findings(where: str) -> Findings | None:
        return findings_in(create, where) if settings.look is not CauseLevel.OFF else None

    metrics = create("cloudwatch", region, CONFIG)
    store = Store(create("dynamodb", region, CONFIG), environment.table)
    team_orders = partial(load_orders, store, settings.mutes, settings.alerts.zone)
    edges = Edges(
        read=partial(_read, create, settings),
        put_gauges=partial(cloudwatch.put_gauges, metrics, settings.metric_namespace),
        store=store,
        channels=channels(settings, environment, context, notifier, partial(create, "events", region, SEND_ONCE)),
        attend=attending(create, settings, store),
    )
    if settings.fleet.on:
        from .wiring_fleet import wire_fleet

        return wire_fleet(
            settings,
            environment,
            session=session,
            edges=edges,
            context=context,
            audience=audience,
            findings=findings,
            metrics=metrics,
            team_orders=team_orders,
        )
    targets = tuple(Target(environment.account, name) for name in regions)
    return Monitor(
        settings, targets, edges, context, audience, findings, partial(explaining, create, settings.look), team_orders
    )


def _context(settings: Settings, environment: Environment) -> Context:
    """Collect what every message is made with."""
    return Context(
        stage=settings.deployment.stage,
        version=__version__,
        zone=settings.alerts.zone,
        dashboard_url=environment.dashboard_url,
        runbook_url=settings.alerts.runbook_url,
        log_url=environment.log_url,
        own_role=environment.own_role,
        every=settings.deployment.every,
    )


def _read(create: Create, settings: Settings, target: Target, now: Instant) -> Readings:
    """Read everything of a target, once an hour also what SES finds wrong."""
    hourly = now % HOUR < settings.deployment.every
    return read_target(create, target, now, with_findings=hourly and settings.look is not CauseLevel.OFF)


def client_maker(session: Session) -> Create:
    """Return what makes each client of a session once. A session is for one thread, and targets are looked at side by side."""
    one_at_a_time = Lock()

    @cache
    def create(service: str, where: str, config: Config) -> Any:
        with one_at_a_time:
            return session.create_client(service, where, config=config)

    return create


def read_target(create: Create, target: Target, now: Instant, *, with_findings: bool, hasty: bool = False) -> Readings:
    """Read everything of a target, one call after another; if `hasty`, no more of one that hangs."""
    client = partial(create, config=CONFIG)
    statistics = ses.send_statistics(client("ses", target.region))
    if hasty and isinstance(statistics, Unreadable) and statistics.trouble is Trouble.TIMED_OUT:
        return Readings(statistics)
    return Readings(
        statistics,
        ses.account(client("sesv2", target.region)),
        cloudwatch.reputation_rates(client("cloudwatch", target.region), now),
        findings=findings_in(create, target.region) if with_findings else None,
    )


def explaining(create: Create, how_far: CauseLevel, seconds: float) -> Callable[[Plan], Explained]:
    """Make what says the causes of one run's alerts within `seconds`. It is loaded for the first alert: most runs have none."""
    if how_far is CauseLevel.OFF:
        return Explained
    end = time.monotonic() + seconds

    @cache
    def explainer() -> Explainer:
        from .cause_search import Explainer

        return Explainer(partial(look_in, create, how_far), end)

    return lambda plan: explainer().explain(plan) if plan.documents else Explained(plan)


def look_in(
    create: Create,
    how_far: CauseLevel,
    plan: Plan,
    metric: Metric,
    since: Instant,
    *,
    reminder: bool,
    budget: Budget,
) -> CauseReading:
    """Look for the cause of a metric's events in the target of a plan."""
    from .aws.bounded import ONE_ATTEMPT, Clients
    from .aws.cause import look_for_cause
    from .core.cause import question_from

    region, account = plan.target.region, plan.seen.readings.known_account
    clients = Clients(create("sesv2", region, ONE_ATTEMPT), create("cloudwatch", region, ONE_ATTEMPT))
    question = question_from(metric, region, plan.seen.history, since, plan.seen.now)
    facts = AccountFacts() if account is None else account.facts
    return look_for_cause(clients, question, how_far, facts=facts, reminder=reminder, budget=budget)


def attending(
    create: Create, settings: Settings, store: Store
) -> Callable[[Plan, State | None], tuple[PauseReading | None, tuple[str, ...]]]:
    """Make the function that handles pauses. It is loaded for a critical alert, if the settings allow a pause, and while one is in force."""

    @cache
    def pausing() -> Pausing:
        from .aws.bounded import BUDGET
        from .aws.pause import reference_of, switch
        from .cause_search import sent_from
        from .pausing import Pausing

        def look(plan: Plan, metric: Metric) -> CauseReading | None:
            if settings.look is CauseLevel.OFF:
                return None
            since = sent_from(plan, metric)
            return look_in(create, settings.look, plan, metric, since, reminder=False, budget=BUDGET)

        def switch_off(target: Target, pause: Pause) -> None:
            switch(create("sesv2", target.region, CONFIG), pause.part, pause.name, pause.reference, on=False)

        def tenant(target: Target, name: str) -> str:
            return reference_of(create("sesv2", target.region, CONFIG), name)

        return Pausing(settings.pause, store, look, switch_off, tenant, settings.deployment.every)

    def attend(plan: Plan, before: State | None) -> tuple[PauseReading | None, tuple[str, ...]]:
        tracks = plan.state.tracks
        own = (tracks[metric.value] for metric in Metric if metric.value in tracks)
        possible = settings.pause is not Level.OFF and any(track.severity is Severity.CRITICAL for track in own)
        return pausing().attend(plan, before) if possible or PAUSE in tracks else (None, ())

    return attend


def findings_in(create: Create, region: str) -> Findings:
    """Read what SES itself finds wrong. What reads it is loaded for that: it is needed once an hour."""
    from .aws.bounded import ONE_ATTEMPT, Clients
    from .aws.findings import read_findings

    return read_findings(Clients(create("sesv2", region, ONE_ATTEMPT), create("cloudwatch", region, ONE_ATTEMPT)))
