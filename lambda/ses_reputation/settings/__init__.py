"""settings.toml → frozen values: the same type at synth, in the function and in the command line.

Everything is checked once, here, and every problem is reported at once. What a key means and what it accepts
stands where it is read; docs/settings.md is made from that.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any

from ..core.cause_level import CauseLevel
from ..core.orders import Window
from ..core.pause_level import Level
from ..core.rules import Policy
from ..core.target import partition_of
from .cause import read_look
from .channels import (
    Chat,
    Events,
    PagerDuty,
    Route,
    Slack,
    Teams,
    read_chat,
    read_events,
    read_pagerduty,
    read_routes,
    read_slack,
    read_teams,
)
from .deployment import MOST_SHARDS, Alarms, Deployment, read_alarms, read_deployment
from .fleet import TARGETS_PER_SHARD, Fleet, Override, read_fleet, read_overrides
from .mutes import read_mutes
from .patterns import EMAIL, LABEL, REGION
from .pause import read_level
from .rules import read_policy
from .table import Key, Problem, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


DISCOVERED = 3
"""Regions that an account is taken to send from, before they are discovered."""


FORMAT = 1
"""Version of the format of settings.toml."""


class SettingsError(ValueError):
    """Settings that cannot be used; the text lists every problem."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{source} has {count}:", *map(str, self.problems)]))


@dataclass(frozen=True, slots=True)
class Alerts:
    """Recipients, and how times are shown."""

    emails: tuple[str, ...]  # none only if another channel is set
    timezone: str  # IANA name
    runbook_url: str  # empty: none

    @property
    def zone(self) -> tzinfo:
        """The time zone of words; UTC where there is no database of time zones: better that than no alert."""
        zone = _zone(self.timezone)
        return UTC if zone is None else zone

    @property
    def example_recipients(self) -> tuple[str, ...]:
        """The recipients that can never get email: their domains are reserved for examples (RFC 2606)."""
        return tuple(email for email in self.emails if re.search(_EXAMPLE, email, re.IGNORECASE))


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets to watch."""

    regions: tuple[str, ...]  # empty: the region the stack is deployed to
    discover: bool = False  # wherever an account of the fleet sends
    metrics_up_to: int = 50  # targets; of more, only overrides give metrics to single ones


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user may choose."""

    alerts: Alerts
    slack: Slack
    chat: Chat
    teams: Teams
    pagerduty: PagerDuty
    events: Events
    routes: tuple[Route, ...]
    mutes: tuple[Window, ...]
    targets: Targets
    policy: Policy
    alarms: Alarms
    deployment: Deployment
    look: CauseLevel
    pause: Level
    fleet: Fleet
    overrides: tuple[Override, ...]

    def policy_for(self, account: str, region: str) -> Policy:
        """The policy of a target: that of the first override that fits, else the file's own."""
        return next((each.policy for each in self.overrides if each.fits(account, region)), self.policy)

    def has_metrics(self, account: str, region: str, targets: int) -> bool:
        """Tell if a target has metrics of its own, one of `targets` in all."""
        few = targets <= self.targets.metrics_up_to
        return few or any(each.metrics for each in self.overrides if each.fits(account, region))

    @property
    def shards(self) -> int:
        """Number of runs that share the targets at each tick. The accounts of a unit are not known here: they count for nothing."""
        if not self.fleet.on:
            return 1
        each = DISCOVERED if self.targets.discover else max(1, len(self.targets.regions))
        needed = -(-len(self.fleet.accounts) * each // TARGETS_PER_SHARD)
        return self.deployment.shards if self.deployment.shards else min(MOST_SHARDS, max(1, needed))

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody who gets email, whatever about."""
        return (*self.alerts.emails, *(address for route in self.routes for address in route.emails))

    @property
    def forwards(self) -> bool:
        """Tell if a forwarder of ours posts notifications anywhere: Lambda is no listener, but somebody behind it hears."""
        return self.slack.on or self.pagerduty.on or any(route.webhook.on for route in self.routes)

    @property
    def amazon_q_on(self) -> bool:
        """Tell if Amazon Q Developer posts notifications anywhere."""
        return self.chat.on or self.teams.on

    @property
    def metric_namespace(self) -> str:
        """The CloudWatch namespace of this installation."""
        return f"SesReputation/{self.deployment.stage}" if self.deployment.stage else "SesReputation"

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack, and the beginning of every name in it."""
        return f"SesReputation-{self.deployment.stage}" if self.deployment.stage else "SesReputation"

    def dashboard_name(self, region: str) -> str:
        """The name of the dashboard of the stack in `region`: an account has its dashboards in common for all regions."""
        return f"{self.stack_name}-{region}"


def load(path: Path, over: str = "") -> Settings:
    """Settings in the TOML file at `path`; keys in the TOML text `over` replace those of the file. Raises `SettingsError`."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Windows editors begin a file with a mark
    except OSError as error:
        raise _unusable(str(path), f"cannot be read: {error.strerror}", "check the path and the file") from None
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 text, from byte {error.start:,} on"
        raise _unusable(str(path), reason, "save it as UTF-8") from None
    return parse(text, str(path), over)


def parse(text: str, source: str = "settings.toml", over: str = "") -> Settings:
    """Settings in TOML `text`, with the keys in `over` in place of its own; `source` names it in errors. Raises `SettingsError`."""
    return from_tables(_merged(_tables(text, source), _tables(over, f"the parameters over {source}")), source)


def from_tables(given: Mapping[str, Any], source: str = "settings") -> Settings:
    """Settings in the tables of a TOML file; `source` names them in errors. Raises `SettingsError`."""
    file = Table(dict(given))
    settings = read(file)
    file.refuse_unknown()
    if file.problems:
        raise SettingsError(source, file.problems)
    return settings


def _tables(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _unusable(source, "not TOML: nested too deeply", "write flat tables") from None
    except ValueError as error:  # tomllib.TOMLDecodeError; and plainly so for a number of thousands of digits
        raise _unusable(source, f"not TOML: {error}", "correct that place; texts stand in quotes") from None


def _merged(file: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`file` with the keys of `over` in place of its own, table by table."""
    both = {key: _merged(file[key], over[key]) for key in over if _are_tables(file.get(key), over[key])}
    return file | over | both


def _are_tables(*values: object) -> bool:
    return all(isinstance(value, dict) for value in values)


def _unusable(source: str, reason: str, next_step: str) -> SettingsError:
    accepted = "a TOML file like the settings.toml of this project"
    return SettingsError(source, [Problem("file", reason, accepted, next_step)])


def read(file: Table) -> Settings:
    """The settings in `file`, to be used only if it then has no problems."""
    file.one_of("version", FORMAT, (FORMAT,), "The version of this file's format.")
    recipients = file.table("alerts", "Who gets alerts, and how times are shown.")
    alerts = _alerts(recipients)
    slack = read_slack(file.table("slack", "Slack by an incoming webhook."))
    chat = read_chat(file.table("chat", "Slack by Amazon Q Developer in chat applications."))
    teams = read_teams(file.table("teams", "Microsoft Teams by Amazon Q Developer in chat applications."))
    pagerduty = read_pagerduty(file.table("pagerduty", "PagerDuty's Events API v2."))
    events = read_events(file.table("events", "Amazon EventBridge: notifications out, changes of the account in."))
    routes = read_routes(file, alerts.emails)
    mutes = read_mutes(file)
    watched = file.table("targets", "What is watched.")
    fleet = read_fleet(file)
    targets = _targets(watched, fleet)
    before = len(file.problems)
    policy = read_policy(file)
    overrides = read_overrides(file, sound=len(file.problems) == before)
    alarms = read_alarms(file.table("alarms", "CloudWatch alarms for teams that already route them."), fleet=fleet.on)
    deployment = read_deployment(file.table("deployment", "How it is deployed."))
    look = read_look(file.table("cause", "Who causes an alert, and what SES itself finds wrong."))
    pause = read_level(file.table("pause", "What the monitor may pause by itself."), look, fleet=fleet.on)
    others = any(channel.on for channel in (slack, chat, teams, pagerduty)) or deployment.topic_arn
    if recipients.given.get("emails", []) == [] and not others:
        recipients.refuse(
            "emails",
            "at least one email address, unless [slack], [chat], [teams], [pagerduty] or topic_arn is set",
            "name who gets the alerts: nobody would hear of one",
        )
    reads = look is not CauseLevel.OFF
    return Settings(
        alerts=alerts,
        slack=slack,
        chat=chat,
        teams=teams,
        pagerduty=pagerduty,
        events=events,
        routes=routes,
        mutes=mutes,
        targets=targets,
        policy=replace(policy, findings=reads),
        alarms=alarms,
        deployment=deployment,
        look=look,
        pause=pause,
        fleet=fleet,
        overrides=tuple(replace(each, policy=replace(each.policy, findings=reads)) for each in overrides),
    )


_EXAMPLE = r"[@.](example(\.(com|net|org))?|invalid)$"
_TEXT = {"type": "string"}
_ZONE = r"(?=.{1,64}$)[A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*)*"
_URL = rf"(?=.{{9,500}}$)https://(?:{LABEL}\.)*{LABEL}(?::[0-9]{{1,5}})?(?:[/?#][A-Za-z0-9/?#:@!$&'()*+,;=%._~-]*)?"


def _alerts(table: Table) -> Alerts:
    emails = table.words(
        "emails",
        "an email address",
        EMAIL,
        "write bare addresses, each in quotes of its own, like oncall@example.com",
        "Who gets the alerts. Each must follow the link in a confirmation email once, else it gets nothing. May be empty if another channel is set, or topic_arn, whose subscribers get them.",
    )
    timezone = table.value(
        "timezone",
        Key("UTC", "an IANA time zone like Europe/Berlin", "The zone of the times in messages.", _TEXT),
        _is_zone,
        "look it up in https://en.wikipedia.org/wiki/List_of_tz_database_time_zones",
    )
    runbook_url = table.text(
        "runbook_url",
        "",
        "an https:// address without a password, or nothing",
        f"(?:{_URL})?",
        "Your own runbook, linked in every message.",
    )
    return Alerts(emails, timezone, runbook_url)


def _is_zone(name: object) -> bool:
    """Tell if `name` is a time zone; on a machine without a database of them, if it looks like one."""
    if not isinstance(name, str) or re.fullmatch(_ZONE, name) is None:
        return False
    return _zone(name) is not None or _zone("Europe/London") is None


def _zone(name: str) -> tzinfo | None:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415  only who leaves UTC pays for it

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):  # no such name; a folder; no file of zones
        return None


DISCOVER = "discover"
"""Word in place of the regions if they are to be found out."""


def _targets(table: Table, fleet: Fleet) -> Targets:
    discover = table.given.get("regions") == DISCOVER
    listed = Table({}) if discover else table
    regions = _regions(listed)
    table.keys["regions"] = listed.keys["regions"]
    if discover and not fleet.on:
        table.refuse("regions", "a list, unless accounts are configured", 'write the regions, like ["eu-west-1"]')
    metrics_up_to = table.whole(
        "metrics_up_to",
        50,
        (0, 100_000),
        "targets",
        "With more targets than this, only overrides with `metrics = true` give a target metrics of its own, for $1.80 a month each. "
        "The fleet's own metrics are always there.",
    )
    return Targets(regions, discover, metrics_up_to)


def _regions(table: Table) -> tuple[str, ...]:
    regions = table.words(
        "regions",
        "a region of AWS, AWS China or AWS GovCloud (US)",
        REGION,
        'write its code, like "eu-west-1", "us-gov-west-1" or "cn-north-1"',
        'The regions to watch of each account. Empty: the one that the stack is deployed to. With accounts also `"discover"`: '
        "wherever they send; a region that starts to send is found within a day.",
    )
    key = table.keys["regions"]
    table.keys["regions"] = key._replace(
        accepted=f'{key.accepted}; or "{DISCOVER}"', schema={"anyOf": [{"const": DISCOVER}, key.schema]}
    )
    if len({partition_of(region) for region in regions}) > 1:
        table.refuse(
            "regions",
            "regions of one partition: no account is in two",
            "install the monitor once in each partition",
            ", ".join(regions),
        )
    return regions
