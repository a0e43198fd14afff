"""settings.toml → frozen values: the same type at synth, in the function and in the command line.

Everything is checked once, here, and every problem is reported at once. What a key means and what it accepts
is said where it is read; docs/settings.md is made from that.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any

from ..core.look import Look
from ..core.rules import Policy
from .cause import read_look
from .deployment import Alarms, Deployment, read_alarms, read_deployment
from .rules import read_policy
from .table import Key, Problem, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class SettingsError(ValueError):
    """Settings that cannot be used; the text lists every problem."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{source} has {count}:", *map(str, self.problems)]))


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who hears of it, and in what words."""

    emails: tuple[str, ...]  # none only where Slack is told
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
class Slack:
    """An incoming webhook of Slack, whose address is a secret: named here, never written."""

    webhook_parameter: str  # name of an SSM parameter; empty: none
    webhook_secret: str  # name or ARN of a secret in Secrets Manager; empty: none
    mention: str = ""  # "here", "channel" or the id of a user group, called when an alert is critical; empty: nobody

    @property
    def on(self) -> bool:
        return bool(self.webhook_parameter or self.webhook_secret)


@dataclass(frozen=True, slots=True)
class Chat:
    """A channel of Slack that Amazon Q Developer in chat applications writes to."""

    workspace_id: str  # both empty: none
    channel_id: str

    @property
    def on(self) -> bool:
        return bool(self.workspace_id and self.channel_id)


@dataclass(frozen=True, slots=True)
class Targets:
    """What is watched."""

    regions: tuple[str, ...]  # empty: the region the stack is deployed to


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user may choose."""

    alerts: Alerts
    slack: Slack
    chat: Chat
    targets: Targets
    policy: Policy
    alarms: Alarms
    deployment: Deployment
    look: Look

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
    recipients = file.table("alerts", "Who hears of it, and in what words.")
    alerts = _alerts(recipients)
    slack = _slack(file.table("slack", "Slack by an incoming webhook."))
    chat = _chat(file.table("chat", "Slack by Amazon Q Developer in chat applications."))
    if recipients.given.get("emails", []) == [] and not slack.on and not chat.on:
        recipients.refuse(
            "emails",
            "at least one email address, unless [slack] or [chat] is set",
            "name who is told: nobody would hear of an alert",
        )
    return Settings(
        alerts,
        slack,
        chat,
        _targets(file.table("targets", "What is watched.")),
        read_policy(file),
        read_alarms(file.table("alarms", "CloudWatch alarms for teams that already route them.")),
        read_deployment(file.table("deployment", "How it is deployed.")),
        read_look(file.table("cause", "Who causes an alert.")),
    )


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP = r"[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
_EMAIL = rf"(?=.{{1,254}}$)(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP}"
_EXAMPLE = r"[@.](example(\.(com|net|org))?|invalid)$"
_ZONE = r"(?=.{1,64}$)[A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*)*"
_URL = rf"(?=.{{9,500}}$)https://(?:{_LABEL}\.)*{_LABEL}(?::[0-9]{{1,5}})?(?:[/?#][A-Za-z0-9/?#:@!$&'()*+,;=%._~-]*)?"
_PLACE = r"(?:central|(?:north|south)(?:east|west)?|east|west)"
_REGION = rf"[a-z]{{2}}(?:-gov)?-{_PLACE}-[1-9][0-9]?"
_PARAMETER = r"(?=.{2,1011}$)(?:/(?!(?:aws|ssm)(?:/|$))[A-Za-z0-9_.-]+)(?:/[A-Za-z0-9_.-]+){0,14}"
_STORED = (
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}|[A-Za-z0-9/_+=.@-]{1,512}"
)


def _alerts(table: Table) -> Alerts:
    emails = table.words(
        "emails",
        "an email address",
        _EMAIL,
        "write bare addresses, each in quotes of its own, like oncall@example.com",
        "Who is told. Each must follow the link in a confirmation email once, else it gets nothing. May be empty where Slack is told.",
    )
    timezone = table.value(
        "timezone",
        Key("UTC", "an IANA time zone like Europe/Berlin", "The zone of the times in messages."),
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
    """Whether `name` is a time zone; on a machine without a database of them, whether it looks like one."""
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


def _slack(table: Table) -> Slack:
    slack = Slack(
        table.text(
            "webhook_parameter",
            "",
            "the full name of an SSM parameter, like /ses-reputation/slack; or nothing",
            rf"(?:{_PARAMETER})?",
            "The SecureString parameter that holds the webhook's address. It must be there before the stack is deployed.",
        ),
        table.text(
            "webhook_secret",
            "",
            "the name or the ARN of a secret; or nothing",
            rf"(?:{_STORED})?",
            "Instead of the parameter: the secret in Secrets Manager that holds the webhook's address.",
        ),
        table.text(
            "mention",
            "",
            "here, channel, or the id of a user group like S0123ABCD; or nothing",
            r"(?:here|channel|S[A-Z0-9]{5,20})?",
            "Who is called when an alert opens as critical or becomes critical.",
        ),
    )
    if slack.webhook_parameter and slack.webhook_secret:
        table.refuse("webhook_secret", "either webhook_parameter or webhook_secret", "remove one of them")
    return slack


def _chat(table: Table) -> Chat:
    chat = Chat(
        table.text(
            "workspace_id",
            "",
            "the id of a Slack workspace, like T0123ABCD; or nothing",
            r"(?:[A-Z0-9]{1,255})?",
            "The workspace. An administrator must have let Amazon Q Developer into it once, in its console.",
        ),
        table.text(
            "channel_id",
            "",
            "the id of a Slack channel, like C0123ABCD, not its name; or nothing",
            r"(?:[A-Za-z0-9]{1,256})?",
            "The channel. The last part of its link; a private one must have invited @Amazon Q.",
        ),
    )
    if bool(chat.workspace_id) != bool(chat.channel_id):
        missing = "channel_id" if chat.workspace_id else "workspace_id"
        if missing not in table.given or table.given[missing] == "":
            table.refuse(missing, "workspace_id and channel_id together", "write both, or neither")
    return chat


def _targets(table: Table) -> Targets:
    regions = table.words(
        "regions",
        "a region of AWS, AWS China or AWS GovCloud (US)",
        _REGION,
        'write its code, like "eu-west-1", "us-gov-west-1" or "cn-north-1"',
        "The regions of this account to watch. Empty: the one that the stack is deployed to.",
    )
    if len({_partition(region) for region in regions}) > 1:
        table.refuse(
            "regions",
            "regions of one partition: no account is in two",
            "install the monitor once in each partition",
            ", ".join(regions),
        )
    return Targets(regions)


def _partition(region: str) -> str:
    first, second, *_ = region.split("-")
    return "aws-cn" if first == "cn" else "aws-us-gov" if second == "gov" else "aws"
