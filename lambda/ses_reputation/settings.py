"""settings.toml → frozen values: the same type at synth, in the function and in the command line.

Everything is checked once, here, and every problem is reported at once.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .core.rates import AWS_LINES, Metric, Window
from .core.rules import (
    Calm,
    Line,
    MetricPolicy,
    Policy,
    Rule,
    Severity,
    Still,
    default_bounce_policy,
    default_complaint_policy,
)

_T = TypeVar("_T")

LOG_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""What CloudWatch Logs accepts (PutRetentionPolicy)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the settings."""

    key: str
    value: str  # as written, shortened; empty where the key is missing
    accepted: str
    next_step: str

    def __str__(self) -> str:
        shown = f"{self.key} = {self.value}" if self.value else self.key
        return f"  {shown}\n    accepted: {self.accepted}\n    next step: {self.next_step}"


class SettingsError(ValueError):
    """Settings that cannot be used; the text lists every problem."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{source} has {count}:", *map(str, problems)]))


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who hears of it, and in what words."""

    emails: tuple[str, ...]
    timezone: str
    runbook_url: str


@dataclass(frozen=True, slots=True)
class Targets:
    """What is watched."""

    regions: tuple[str, ...]  # empty: the region the stack is deployed to


@dataclass(frozen=True, slots=True)
class Deployment:
    """How it is deployed."""

    stage: str  # empty, or a word that tells several installations in one account apart
    schedule_minutes: int
    log_retention_days: int
    missed_runs_before_alarm: int
    customer_managed_key: bool
    keep_memory: bool
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user may choose."""

    alerts: Alerts
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
        text = path.read_bytes().decode()
    except OSError as error:
        raise _unreadable(path, f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _unreadable(path, "the file is not UTF-8 text") from None
    return parse(text, str(path))


def _unreadable(path: Path, why: str) -> SettingsError:
    return SettingsError(
        str(path),
        (
            Problem(
                why, "", "a TOML file like the settings.toml of this project", "check the path and the file"
            ),
        ),
    )


def parse(text: str, source: str = "settings.toml") -> Settings:
    """The settings in TOML `text`; `source` names it in errors. Raises `SettingsError`."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problem = Problem(f"not TOML: {error}", "", "TOML 1.0, https://toml.io", "mend that line")
        raise SettingsError(source, (problem,)) from None
    reader = _Reader(table)
    settings = _settings(reader)
    if reader.problems:
        raise SettingsError(source, tuple(reader.problems))
    return settings


class _Reader:
    """A table of the file that is emptied key by key; what is wrong or left over becomes a problem."""

    def __init__(
        self, table: Mapping[str, Any], path: str = "", problems: list[Problem] | None = None
    ) -> None:
        self.table = dict(table)
        self.path = path
        self.problems: list[Problem] = [] if problems is None else problems
        self.known: list[str] = []

    def key(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def problem(self, name: str, value: object, accepted: str, next_step: str) -> None:
        self.problems.append(Problem(self.key(name), _shown(value), accepted, next_step))

    def has(self, name: str) -> bool:
        self.known.append(name)
        return name in self.table

    def section(self, name: str) -> _Reader:
        """A table inside this one, empty if the file has none."""
        inner = self.table.pop(name, {}) if self.has(name) else {}
        if not isinstance(inner, dict):
            self.problem(name, inner, f"a table: [{self.key(name)}]", "write its keys below that heading")
            inner = {}
        return _Reader(inner, self.key(name), self.problems)

    def value(
        self,
        name: str,
        default: Any,
        accepted: str,
        check: Callable[[Any], bool],
        next_step: str = "change or remove it",
    ) -> Any:
        """The value of `name` if `check` takes it; `default` where it is missing, or wrong and reported."""
        if not self.has(name):
            return default
        value = self.table.pop(name)
        if check(value):
            return value
        self.problem(name, value, accepted, next_step)
        return default

    def whole(self, name: str, default: int, low: int, high: int, unit: str) -> int:
        value: int = self.value(
            name,
            default,
            f"a whole number of {unit} from {low:,} to {high:,}",
            lambda v: type(v) is int and low <= v <= high,
        )
        return value

    def number(self, name: str, default: float, low: float, high: float, what: str) -> float:
        value = self.value(
            name, default, f"{what} from {low:g} to {high:g}", lambda v: _finite(v) and low <= v <= high
        )
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        value: bool = self.value(name, default, "true or false", lambda v: type(v) is bool)
        return value

    def rate(self, name: str, default: float, below: float = 1.0) -> float:
        """A fraction above 0 and below `below`; what looks like a percentage is refused, never guessed at."""
        if not self.has(name):
            return default
        value = self.table.pop(name)
        if not _finite(value):
            self.problem(name, value, "a fraction, like 0.03 for 3 %", "write a number")
        elif value <= 0:
            self.problem(
                name, value, "a fraction above 0, like 0.03 for 3 %", "write the rate above which to be told"
            )
        elif value >= 1:
            step = f"for {value:g} % write {value / 100:g}" if value < 100 else "write a fraction"
            self.problem(name, value, "a fraction below 1, not a percentage", step)
        elif value >= below:
            step = f"stay below {below:g}; if {value:g} % was meant, write {value / 100:g}"
            self.problem(
                name,
                value,
                f"less than {below:g}, where AWS may pause the account: an alert must come before",
                step,
            )
        else:
            return float(value)
        return default

    def finish(self) -> None:
        """Reports every key that nobody asked for."""
        for name, value in self.table.items():
            near = difflib.get_close_matches(name, self.known, n=1)
            step = f"did you mean {near[0]}?" if near else "remove it"
            self.problem(name, value, f"the keys {', '.join(self.known)}" if self.known else "no keys", step)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: object) -> str:
    text = repr(value)
    if isinstance(value, bool):
        text = text.lower()
    elif isinstance(value, str):
        text = '"' + text[1:-1] + '"'
    return text if len(text) <= 60 else text[:57] + "..."


def _settings(reader: _Reader) -> Settings:
    alerts = _alerts(reader.section("alerts"))
    targets = _targets(reader.section("targets"))
    policy = Policy(
        _metric(reader.section("bounce"), Metric.BOUNCE, 0.03, 0.05, default_bounce_policy),
        _metric(reader.section("complaint"), Metric.COMPLAINT, 0.0008, 0.001, default_complaint_policy),
    )
    deployment = _deployment(reader.section("deployment"))
    reader.finish()
    return Settings(alerts, targets, policy, deployment)


_ADDRESS = re.compile(
    r"[^@\s\"'<>(),;:\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+", re.ASCII
)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_URL = re.compile(r"https://[!-~]+")
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]|[a-z]?")


def _alerts(reader: _Reader) -> Alerts:
    emails = _words(
        reader,
        "emails",
        "mail addresses like oncall@example.com, each once",
        lambda v: _ADDRESS.fullmatch(v) is not None,
    )
    if not emails and not any(problem.key == reader.key("emails") for problem in reader.problems):
        reader.problem(
            "emails", [], "at least one mail address", "name who is to be told: nobody would hear of an alert"
        )
    timezone = reader.value(
        "timezone",
        "UTC",
        "an IANA time zone like Europe/Berlin",
        _is_zone,
        "see https://data.iana.org/time-zones/",
    )
    runbook_url = reader.value(
        "runbook_url",
        "",
        "an https:// address, or nothing",
        lambda v: isinstance(v, str) and (v == "" or (len(v) <= 500 and _URL.fullmatch(v) is not None)),
    )
    reader.finish()
    return Alerts(emails, timezone, runbook_url)


def _is_zone(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _words(reader: _Reader, name: str, accepted: str, check: Callable[[str], bool]) -> tuple[str, ...]:
    """A list of different strings, each of which `check` takes."""
    given = reader.value(
        name, [], f"a list of {accepted}", lambda v: isinstance(v, list), f"write {name} = [...]"
    )
    words: list[str] = []
    for index, word in enumerate(given):
        if not isinstance(word, str) or not check(word):
            reader.problem(f"{name}[{index}]", word, accepted, "correct or remove it")
        elif word in words:
            reader.problem(f"{name}[{index}]", word, accepted, "remove the repetition")
        else:
            words.append(word)
    return tuple(words)


def _targets(reader: _Reader) -> Targets:
    regions = _words(
        reader, "regions", "AWS regions like eu-west-1, each once", lambda v: _REGION.fullmatch(v) is not None
    )
    reader.finish()
    return Targets(regions)


def _deployment(reader: _Reader) -> Deployment:
    stage = reader.value(
        "stage",
        "",
        "at most 20 of a-z, 0-9 and -, beginning with a letter, or nothing",
        lambda v: isinstance(v, str) and _STAGE.fullmatch(v) is not None,
    )
    schedule_minutes = reader.whole("schedule_minutes", 15, 5, 60, "minutes")
    log_retention_days = reader.value(
        "log_retention_days",
        30,
        "one of " + ", ".join(map(str, LOG_RETENTION_DAYS)),
        lambda v: type(v) is int and v in LOG_RETENTION_DAYS,
    )
    missed = reader.whole("missed_runs_before_alarm", 3, 2, 24, "runs")
    customer_managed_key = reader.flag("customer_managed_key", False)
    keep_memory = reader.flag("keep_memory", True)
    tags = _tags(reader.section("tags"))
    reader.finish()
    return Deployment(
        stage, schedule_minutes, log_retention_days, missed, customer_managed_key, keep_memory, tags
    )


def _tags(reader: _Reader) -> tuple[tuple[str, str], ...]:
    tags = []
    for name, value in reader.table.items():
        if (
            isinstance(value, str)
            and len(value) <= 256
            and 0 < len(name) <= 128
            and not name.lower().startswith("aws:")
        ):
            tags.append((name, value))
        else:
            reader.problem(
                name, value, 'a short text, under a name that does not begin with "aws:"', "correct it"
            )
    return tuple(tags)


def _metric(
    reader: _Reader,
    metric: Metric,
    default_warning: float,
    default_critical: float,
    default_policy: Callable[[float, float], MetricPolicy],
) -> MetricPolicy:
    pause = AWS_LINES[metric].pause
    warning = reader.rate("warning", default_warning, below=pause)
    critical = reader.rate("critical", default_critical, below=pause)
    if warning >= critical:
        reader.problem(
            "warning", warning, f"less than critical, which is {critical:g}", "lower it, or raise critical"
        )
        warning, critical = default_warning, default_critical
    policy = default_policy(warning, critical)
    rules = _each(reader, "rules", _rule)
    calm = _each(reader, "calm", _calm)
    names = [rule.name for rule in rules]
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.problem(
            "rules", name, "rules with different names", 'give each a name of its own: name = "..."'
        )
    reader.finish()
    return MetricPolicy(
        metric, rules if rules else policy.rules, calm if calm else policy.calm, warning, critical
    )


def _each(reader: _Reader, name: str, read: Callable[[_Reader], _T]) -> tuple[_T, ...]:
    """The tables of a list, each read by `read`."""
    given = reader.value(
        name,
        None,
        f"a list of at least one table: [[{reader.key(name)}]]",
        lambda v: isinstance(v, list) and len(v) > 0,
        "write one, or remove it for the default",
    )
    members = []
    for index, table in enumerate(given if given is not None else ()):
        if isinstance(table, dict):
            inner = _Reader(table, reader.key(f"{name}[{index}]"), reader.problems)
            members.append(read(inner))
            inner.finish()
        else:
            reader.problem(
                f"{name}[{index}]", table, "a table like { hours = 24, above = 0.03 }", "put it in braces"
            )
    return tuple(members)


def _rule(reader: _Reader) -> Rule:
    severity = reader.value(
        "severity", "warning", '"warning" or "critical"', lambda v: v in ("warning", "critical")
    )
    window = _window(reader)
    line = _line(reader)
    confidence = reader.number("confidence", 0.0, 0, 6, "standard deviations")
    min_events = reader.whole("min_events", 1, 1, 1_000_000, "events")
    min_mails = reader.whole("min_mails", 0, 0, 1_000_000_000, "mails")
    still = _still(reader.section("still")) if reader.has("still") else None
    usual = f"{window.hours} h" if window.hours else f"{window.mails} mails"
    name = reader.value(
        "name",
        usual if severity == "warning" else f"{usual} {severity}",
        "a name of 1 to 40 printable ASCII characters",
        lambda v: isinstance(v, str) and 0 < len(v) <= 40 and v.isascii() and v.isprintable(),
    )
    return Rule(name, Severity[severity.upper()], window, line, confidence, min_events, min_mails, still)


def _window(reader: _Reader) -> Window:
    """`hours`, or `mails` with `share_of_day`."""
    by_hours, by_mails = reader.has("hours"), reader.has("mails")
    if by_hours == by_mails:
        reader.problem(
            "hours", "" if not by_hours else "with mails", "hours or mails, one of them", "name one window"
        )
        by_hours = False
    hours = reader.whole("hours", 24, 1, 14 * 24, "hours: Amazon SES remembers two weeks")
    mails = reader.whole("mails", 300, 1, 1_000_000_000, "mails")
    share = reader.number("share_of_day", 0.0, 0, 14, "a share of a normal day's mail")
    return Window(hours=hours) if by_hours else Window(mails=mails, share_of_day=share)


def _line(reader: _Reader) -> Line:
    """`above`, or `times_normal` held between `above_at_least` and `above_at_most`."""
    if reader.has("times_normal"):
        multiple = reader.number("times_normal", 2.0, 1, 100, "a multiple of the sender's own normal")
        lower, upper = reader.rate("above_at_least", 0.02), reader.rate("above_at_most", 0.03)
        if lower >= upper:
            reader.problem(
                "above_at_least",
                lower,
                f"less than above_at_most, which is {upper:g}",
                "swap or correct them",
            )
        return Line(upper, lower, multiple)
    if not reader.has("above"):
        reader.problem(
            "above", "", "a fraction like 0.03 for 3 %", "write the rate above which the rule holds"
        )
    return Line(reader.rate("above", 0.03))


def _still(reader: _Reader) -> Still:
    window = _window(reader)
    if reader.has("share_of_line") == reader.has("above"):
        reader.problem("above", "", "above or share_of_line, one of them", "write one")
    if "share_of_line" in reader.table:
        still = Still(
            window, share_of_line=reader.number("share_of_line", 0.7, 0, 1, "a share of the rule's line")
        )
    else:
        still = Still(window, above=reader.rate("above", 0.03))
    reader.finish()
    return still


def _calm(reader: _Reader) -> Calm:
    window = _window(reader)
    if not reader.has("at_most"):
        reader.problem("at_most", "", "a fraction like 0.02 for 2 %", "write the rate that is low enough")
    return Calm(window, reader.rate("at_most", 0.02))
