"""settings.toml → frozen values: the same type at synth, in the function and in the command line.

Everything is checked once, here, and every problem is reported at once. What a key means and what it accepts
is said where it is read; docs/settings.md is made from that.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from .core.rates import AWS_LINES, Window
from .core.rules import (
    AccountPolicy,
    Calm,
    Line,
    MetricPolicy,
    Policy,
    Rule,
    Severity,
    Still,
    VolumePolicy,
    default_bounce_policy,
    default_complaint_policy,
    default_policy,
)
from .tables import Key, Limit, Problem, Table, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""What CloudWatch Logs accepts (PutRetentionPolicy)."""

MOST_TAGS = 50
"""What AWS accepts for one resource."""


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
        """The recipients that can never get mail: their domains are reserved for examples (RFC 2606)."""
        return tuple(email for email in self.emails if re.search(_EXAMPLE, email, re.IGNORECASE))


@dataclass(frozen=True, slots=True)
class Slack:
    """An incoming webhook of Slack, whose address is a secret: named here, never written."""

    webhook_parameter: str  # name of an SSM parameter; empty: none
    webhook_secret: str  # name or ARN of a secret in Secrets Manager; empty: none

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
class Deployment:
    """How it is deployed."""

    stage: str  # empty, or a word that tells several installations in one account apart
    schedule_minutes: int
    missed_runs_before_alarm: int
    log_retention_days: int
    customer_managed_key: bool
    keep_memory: bool
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user may choose."""

    alerts: Alerts
    slack: Slack
    chat: Chat
    targets: Targets
    policy: Policy
    deployment: Deployment

    @property
    def metric_namespace(self) -> str:
        """The CloudWatch namespace of this installation."""
        return f"SesReputation/{self.deployment.stage}" if self.deployment.stage else "SesReputation"

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack, and the beginning of every name in it."""
        return f"SesReputation-{self.deployment.stage}" if self.deployment.stage else "SesReputation"


def load(path: Path) -> Settings:
    """The settings in the TOML file at `path`. Raises `SettingsError` for whatever is wrong with it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Windows editors begin a file with a mark
    except OSError as error:
        raise _unusable(str(path), f"cannot be read: {error.strerror}", "check the path and the file") from None
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 text, from byte {error.start:,} on"
        raise _unusable(str(path), reason, "save it as UTF-8") from None
    return parse(text, str(path))


def parse(text: str, source: str = "settings.toml") -> Settings:
    """The settings in TOML `text`; `source` names it in errors. Raises `SettingsError`."""
    try:
        given = tomllib.loads(text)
    except RecursionError:
        raise _unusable(source, "not TOML: nested too deeply", "write flat tables") from None
    except ValueError as error:  # tomllib.TOMLDecodeError; and plainly so for a number of thousands of digits
        raise _unusable(source, f"not TOML: {error}", "correct that place; texts stand in quotes") from None
    file = Table(given)
    settings = read(file)
    file.refuse_unknown()
    if file.problems:
        raise SettingsError(source, file.problems)
    return settings


def _unusable(source: str, reason: str, next_step: str) -> SettingsError:
    accepted = "a TOML file like the settings.toml of this project"
    return SettingsError(source, [Problem("file", reason, accepted, next_step)])


def read(file: Table) -> Settings:
    """The settings in `file`, to be used only if it then has no problems."""
    default = default_policy()
    recipients = file.table("alerts", "Who hears of it, and in what words.")
    alerts = _alerts(recipients)
    slack = _slack(file.table("slack", "Slack by an incoming webhook."))
    chat = _chat(file.table("chat", "Slack by Amazon Q Developer in chat applications."))
    if recipients.given.get("emails", []) == [] and not slack.on and not chat.on:
        recipients.refuse(
            "emails",
            "at least one mail address, unless [slack] or [chat] is set",
            "name who is told: nobody would hear of an alert",
        )
    return Settings(
        alerts,
        slack,
        chat,
        _targets(file.table("targets", "What is watched.")),
        _policy(file, default),
        _deployment(file.table("deployment", "How it is deployed.")),
    )


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP = r"[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
_MAIL = rf"(?=.{{1,254}}$)(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP}"
_EXAMPLE = r"[@.](example(\.(com|net|org))?|invalid)$"
_ZONE = r"(?=.{1,64}$)[A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*)*"
_URL = rf"(?=.{{9,500}}$)https://(?:{_LABEL}\.)*{_LABEL}(?::[0-9]{{1,5}})?(?:[/?#][A-Za-z0-9/?#:@!$&'()*+,;=%._~-]*)?"
_PLACE = r"(?:central|(?:north|south)(?:east|west)?|east|west)"
_REGION = rf"[a-z]{{2,4}}(?:-[a-z]{{2,4}})?-{_PLACE}-[1-9][0-9]?"
_STAGE = r"(?:[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?)?"
_NAME = r"[ -~]{0,39}[!-~]"
_PARAMETER = r"(?=.{2,1011}$)(?:/(?!(?:aws|ssm)(?:/|$))[A-Za-z0-9_.-]+)(?:/[A-Za-z0-9_.-]+){0,14}"
_STORED = (
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}|[A-Za-z0-9/_+=.@-]{1,512}"
)


def _alerts(table: Table) -> Alerts:
    emails = table.words(
        "emails",
        "a mail address",
        _MAIL,
        "write bare addresses, each in quotes of its own, like oncall@example.com",
        "Who is told. Each must follow the link in a confirmation mail once, else it gets nothing. May be empty where Slack is told.",
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
        "an AWS region",
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
    return first if first in ("cn", "eusc") else second if second.startswith(("gov", "iso")) else ""


def _deployment(table: Table) -> Deployment:
    return Deployment(
        stage=table.text(
            "stage",
            "",
            "at most 20 of a-z, 0-9 and -, no - at the ends; or nothing",
            _STAGE,
            "A word like prod. It ends all names, so that several installations live in one account.",
        ),
        schedule_minutes=table.whole(
            "schedule_minutes",
            15,
            (5, 60),
            "minutes",
            "How often to look. AWS counts by quarters of an hour; hourly would miss one incident in fifty.",
        ),
        missed_runs_before_alarm=table.whole(
            "missed_runs_before_alarm",
            3,
            (2, 24),
            "runs",
            "After so many runs without success the watchdog tells the same people, by a way of its own.",
        ),
        log_retention_days=table.one_of(
            "log_retention_days", 30, LOG_RETENTION_DAYS, "How many days the logs are kept."
        ),
        customer_managed_key=table.flag(
            "customer_managed_key", False, "Encrypt the topics with a KMS key of your own, for $1 a month."
        ),
        keep_memory=table.flag("keep_memory", True, "Keep the table of open episodes when the stack is deleted."),
        tags=_tags(table),
    )


def _tags(table: Table) -> tuple[tuple[str, str], ...]:
    """What all services accept; and for IAM names are the same that differ only in case."""
    tags = table.table("tags", 'For every resource, like { team = "mail" }.')
    seen: set[str] = set()
    for name, value in tags.given.items():
        tags.keys[name] = Key(None, "a text of at most 256 letters, digits, spaces and _.:/=+-@", "")
        if not _taggable(name, 128) or name == "" or name.lower().startswith("aws:"):
            accepted = "names of 1 to 128 letters, digits, spaces and _.:/=+-@, not beginning with aws:"
            tags.refuse(name, accepted, "correct the name")
        elif name.lower() in seen:
            tags.refuse(name, "names that differ in more than case", "remove one of them")
        elif not _taggable(value, 256):
            tags.refuse(name, tags.keys[name].accepted, "correct it")
        seen.add(name.lower())
    if len(tags.given) > MOST_TAGS:
        table.refuse("tags", f"at most {MOST_TAGS} tags", "remove some", f"{len(tags.given)} tags")
    return tuple(tags.given.items())


def _taggable(text: object, length: int) -> bool:
    return (
        isinstance(text, str)
        and len(text) <= length
        and all(character.isalnum() or character in " _.:/=+-@" for character in text)
    )


def _policy(file: Table, default: Policy) -> Policy:
    bounce = file.table("bounce", "When bounces are too many.")
    complaint = file.table("complaint", "When complaints are too many.")
    return Policy(
        _metric(bounce, default.bounce, default_bounce_policy),
        _metric(complaint, default.complaint, default_complaint_policy),
        complaint.number(
            "feedback_share",
            default.feedback_share,
            (0.05, 1),
            "The part of the mail that goes to providers which report complaints; AWS sets complaints against that part only. "
            "Messages suggest a value where AWS's own rate is known.",
        ),
        _account(file.table("account", "When the daily sending quota is nearly used."), default.account),
        _volume(file.table("volume", "When sending stops, or grows beyond anything known."), default.volume),
    )


def _account(table: Table, default: AccountPolicy) -> AccountPolicy:
    policy = AccountPolicy(
        table.number("quota_warning", default.quota_warning, (0.1, 1), "This part of the 24-hour quota is used."),
        table.number("quota_critical", default.quota_critical, (0.1, 1), "This part of it, and it is critical."),
    )
    if policy.quota_warning >= policy.quota_critical:
        table.refuse(
            "quota_warning" if table.has("quota_warning") else "quota_critical",
            "a warning below the critical part",
            "lower quota_warning or raise quota_critical",
            f"warning {plain(policy.quota_warning)}, critical {plain(policy.quota_critical)}",
        )
    return policy


def _volume(table: Table, default: VolumePolicy) -> VolumePolicy:
    return VolumePolicy(
        table.flag(
            "silence",
            default.silence,
            "Tell when a sender who has sent at these hours on every day known sends nothing.",
        ),
        table.number(
            "spike",
            default.spike,
            (0, 1000),
            "Tell when three hours bring so many times the most that any three hours of two weeks did; 0 never tells.",
        ),
    )


def _metric(table: Table, default: MetricPolicy, scaled: Callable[[float, float], MetricPolicy]) -> MetricPolicy:
    metric = default.metric
    pause = Limit(AWS_LINES[metric].pause, "where AWS may pause the account: an alert must come before")
    before = len(table.problems)
    warning = table.rate(
        "warning",
        default.warning,
        pause,
        "The line of warnings; a sender whose own normal is low is held to less.",
    )
    critical = table.rate("critical", default.critical, pause, "The line of critical alerts.")
    if warning >= critical and len(table.problems) == before:
        table.refuse(
            "warning" if table.has("warning") else "critical",
            "a warning line below the critical line",
            "lower warning or raise critical",
            f"warning {plain(warning)}, critical {plain(critical)}",
        )
    policy = scaled(warning, critical)
    rules = table.each(
        "rules",
        f"{{ hours = 24, above = {plain(default.warning)}, min_mails = 500 }}",
        lambda rule: _rule(rule, pause),
        "Rules of your own instead of the default ones. An alert comes when any of them holds.",
    )
    calm = table.each(
        "calm",
        f"{{ hours = 24, at_most = {plain(default.warning / 2)} }}",
        lambda calm: _calm(calm, Limit(critical, "the critical line")),
        "Conditions of your own for the all-clear: all of them, and 24 hours in which no rule held.",
    )
    names = [] if rules is None else [rule.name for rule in rules]
    for name in sorted({name for name in names if names.count(name) > 1}):
        table.refuse("rules", "rules with different names", 'write name = "..." into each', f"two named {name}")
    return MetricPolicy(
        metric,
        policy.rules if rules is None else tuple(rules),
        policy.calm if calm is None else tuple(calm),
        warning,
        critical,
    )


def _rule(table: Table, pause: Limit) -> Rule | None:
    """None where the window or the line is wrong; so below."""
    window, line = _window(table), _line(table, pause)
    severity = table.one_of("severity", "warning", ("warning", "critical"), "How bad it is when the rule holds.")
    confidence = table.number(
        "confidence",
        0.0,
        (0, 6),
        "Standard deviations from the rate to the line: 2 is 98 % sure, 0 compares the plain rate.",
    )
    min_events = table.whole("min_events", 1, (1, 1_000_000), "events", "With fewer the rule does not hold.")
    min_mails = table.whole("min_mails", 0, (0, 1_000_000_000), "mails", "With fewer the rule does not hold.")
    condition = table.table("still", "The rule holds only while this is so too.")
    still = _still(condition, pause) if condition.given is table.given.get("still") else None
    usual = "" if window is None else f"{window.hours} h" if window.hours else f"{window.mails} mails"
    name = table.text(
        "name",
        usual if severity == "warning" else f"{usual} {severity}",
        "1 to 40 printable ASCII characters",
        _NAME,
        'What alerts call the rule. By default its window, like "24 h" or "24 h critical".',
    )
    if window is None or line is None:
        return None
    return Rule(name, Severity[severity.upper()], window, line, confidence, min_events, min_mails, still)


def _window(table: Table) -> Window | None:
    hours = table.whole("hours", None, (1, 14 * 24), "hours", "The window: the last so many hours.")
    mails = table.whole(
        "mails",
        None,
        (1, 1_000_000_000),
        "mails",
        "Instead of hours: the last so many mails, whatever time they took.",
    )
    share_of_day = table.number(
        "share_of_day",
        0.0,
        (0, 10),
        "With mails: this part of a normal day's mail, where that is more.",
    )
    if table.has("hours") == table.has("mails"):
        both = "hours and mails" if table.has("hours") else "missing"
        table.refuse("hours", "a window: either hours or mails", "write one of the two", both)
    elif table.has("hours") and table.has("share_of_day"):
        table.refuse("share_of_day", "share_of_day with mails only", "remove it, or give the window in mails")
    if hours is not None:
        return Window(hours=hours)
    return None if mails is None else Window(mails=mails, share_of_day=share_of_day)


def _line(table: Table, pause: Limit) -> Line | None:
    above = table.rate("above", None, pause, "The line: a fixed rate.")
    multiple = table.number(
        "times_normal",
        None,
        (1, 100),
        "Instead of above: the line is so many times the sender's own normal rate ...",
    )
    lower = table.rate("above_at_least", None, pause, "... but not below this rate ...")
    upper = table.rate("above_at_most", None, pause, "... and not above this one.")
    parts = ("times_normal", "above_at_least", "above_at_most")
    given = [key for key in parts if table.has(key)]
    if table.has("above") == bool(given):
        both = f"above and {given[0]}" if given else "missing"
        accepted = f"a line: either above, or {', '.join(parts)}"
        table.refuse("above", accepted, "write the rate above which the rule holds", both)
    elif given:
        for key in parts:
            if not table.has(key):
                table.refuse(key, f"{', '.join(parts)} together", "write all three, or above alone")
    if lower is not None and upper is not None and lower >= upper:
        limits = f"{plain(lower)} to {plain(upper)}"
        table.refuse("above_at_least", "less than above_at_most", "exchange or correct them", limits)
    if above is not None:
        return Line(above)
    if multiple is None or lower is None or upper is None:
        return None
    return Line(upper, lower, multiple)


def _still(table: Table, pause: Limit) -> Still | None:
    window = _window(table)
    above = table.rate("above", None, pause, "The plain rate of that window is above this.")
    share_of_line = table.number(
        "share_of_line", None, (0, 1), "Instead of above: it is above this part of the rule's line."
    )
    if table.has("above") == table.has("share_of_line"):
        both = "above and share_of_line" if table.has("above") else "missing"
        table.refuse("above", "either above or share_of_line", "write one of the two", both)
    return None if window is None else Still(window, above, share_of_line)


def _calm(table: Table, critical: Limit) -> Calm | None:
    window = _window(table)
    at_most = table.rate("at_most", None, critical, "The plain rate of that window is at most this.")
    if not table.has("at_most"):
        table.refuse("at_most", table.keys["at_most"].accepted, "write the rate that is low enough")
    return None if window is None or at_most is None else Calm(window, at_most)
