"""Rules as data, and what they find at an instant.

A metric has rules; a rule has a name, a severity, a window, a line, a confidence and a least number of events. The
defaults below are the outcome of simulation (docs/evidence.md); every one of them can be replaced in settings.toml.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from math import ceil

from .history import DAY, Instant
from .rates import AWS_ESTIMATE, Count, Metric, View, Window, lower_bound


class Severity(IntEnum):
    """How bad: ordered, so that the worst of several is `max`."""

    NONE = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class Verdict(StrEnum):
    """What is said of a target or of one metric of it, worst last but for the three that say why nothing is known."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    TOO_FEW_EMAILS = "TOO_FEW_EMAILS"
    NO_DATA = "NO_DATA"
    UNKNOWN = "UNKNOWN"


KNOWN_BY = 5 * DAY
"""Until a history is this old its normal comes from a few days whose complaints have not all arrived: a line that follows
it stays at its upper end (docs/evidence.md)."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The rate above which a rule holds: fixed, or a multiple of the sender's own normal held between two limits."""

    upper: float  # fraction
    lower: float = 0.0  # fraction; unused when the line is fixed
    multiple: float = 0.0  # 0: fixed at `upper`


@dataclass(frozen=True, slots=True)
class Still:
    """A rule counts only while the plain rate of this window is above `above`, or above that share of the rule's line."""

    window: Window
    above: float | None = None  # fraction
    share_of_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds when the rate in `window` is above `line`, sure at `confidence` standard deviations."""

    name: str
    severity: Severity
    window: Window
    threshold: Threshold
    confidence: float = 0.0
    min_events: int = 1
    min_emails: int = 0
    still: Still | None = None


@dataclass(frozen=True, slots=True)
class Calm:
    """One condition of the all-clear: the plain rate of this window is at most `at_most`."""

    window: Window
    at_most: float  # fraction


@dataclass(frozen=True, slots=True)
class MetricPolicy:
    """How one metric is judged: what raises an alert and what ends it."""

    metric: Metric
    rules: tuple[Rule, ...]
    calm: tuple[Calm, ...]
    warning: float  # fraction: the line that people and pictures speak of
    critical: float


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """When the use of the 24-hour sending quota is a trouble, as fractions of it."""

    quota_warning: float = 0.8
    quota_critical: float = 0.95


@dataclass(frozen=True, slots=True)
class VolumePolicy:
    """When the amount of email is a trouble."""

    silence: bool = True  # whether email that stops is told
    spike: float = 5.0  # times the most that was known before; 0 never


@dataclass(frozen=True, slots=True)
class Policy:
    """How a target is judged."""

    bounce: MetricPolicy
    complaint: MetricPolicy
    feedback_share: float = 1.0  # fraction of the email that goes to providers which report complaints
    account: AccountPolicy = AccountPolicy()
    volume: VolumePolicy = VolumePolicy()

    @property
    def metrics(self) -> tuple[MetricPolicy, MetricPolicy]:
        return (self.bounce, self.complaint)

    @property
    def by_metric(self) -> dict[str, MetricPolicy]:
        """The policy of each metric by the metric's name."""
        return {policy.metric.value: policy for policy in self.metrics}


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that holds, with the numbers that made it."""

    rule: str
    severity: Severity
    count: Count | None = None  # events of emails, and the stretch of time they lie in
    bound: float | None = None  # fraction: the rate is above this, at the rule's confidence
    threshold: float | None = None  # fraction: the line that the bound is above
    normal: float | None = None  # fraction: the sender's own normal, where the line follows it
    until: Instant | None = None  # when it comes to the worst at this pace, where that can be foreseen
    detail: str = ""  # what there is to say where there is no rate


def default_policy(
    *,
    bounce_warning: float = 0.03,
    bounce_critical: float = 0.05,
    complaint_warning: float = 0.0008,
    complaint_critical: float = 0.001,
) -> Policy:
    """The default rules, scaled so that their lines keep their proportions to the four given here (fractions)."""
    return Policy(
        default_bounce_policy(bounce_warning, bounce_critical),
        default_complaint_policy(complaint_warning, complaint_critical),
    )


def default_bounce_policy(warning: float, critical: float) -> MetricPolicy:
    """Windows by emails: nights, week-ends, outages and late bounces cannot fool them, and AWS counts that way too."""

    def w(share: float) -> float:
        return round(warning * share, 12)

    recent = Window(emails=300, share_of_day=1 / 8)
    rules = (
        Rule("aws-estimate", Severity.CRITICAL, AWS_ESTIMATE, Threshold(round(critical * 0.9, 12)), 1.0, 5),
        Rule("quarter-day", Severity.CRITICAL, Window(emails=1_000, share_of_day=1 / 4), Threshold(critical), 2.0, 5),
        Rule("sharp", Severity.WARNING, Window(emails=100, share_of_day=1 / 24), Threshold(w(4 / 3)), 3.0, 5),
        Rule("recent", Severity.WARNING, recent, Threshold(warning, lower=w(2 / 3), multiple=2.5), 2.0, 5),
        Rule(
            "day",
            Severity.WARNING,
            Window(emails=3_000, share_of_day=1.0),
            Threshold(w(5 / 6)),
            2.0,
            5,
            still=Still(recent, above=w(7 / 12)),
        ),
    )
    calm = (Calm(recent, w(2 / 3)), Calm(AWS_ESTIMATE, round(critical * 0.9, 12)))
    return MetricPolicy(Metric.BOUNCE, rules, calm, warning, critical)


def default_complaint_policy(warning: float, critical: float) -> MetricPolicy:
    """Windows by hours, over the email that could have caused the complaints; slow ones only while it still goes on."""

    def w(share: float) -> float:
        return round(warning * share, 12)

    def c(share: float) -> float:
        return round(critical * share, 12)

    going_on = Still(Window(hours=24), share_of_threshold=0.7)
    usual = Threshold(warning, lower=w(1 / 2), multiple=2.0)
    rules = (
        Rule("12 h critical", Severity.CRITICAL, Window(hours=12), Threshold(c(1.5)), 2.0, 5),
        Rule("24 h critical", Severity.CRITICAL, Window(hours=24), Threshold(c(1.2)), 2.0, 5),
        Rule("72 h critical", Severity.CRITICAL, Window(hours=72), Threshold(c(1.0)), 2.0, 5, still=going_on),
        Rule("6 h", Severity.WARNING, Window(hours=6), Threshold(w(5 / 4), lower=w(3 / 4), multiple=3.0), 2.0, 4),
        Rule("12 h", Severity.WARNING, Window(hours=12), usual, 1.645, 4),
        Rule("24 h", Severity.WARNING, Window(hours=24), usual, 1.645, 4),
        Rule("72 h", Severity.WARNING, Window(hours=72), usual, 1.645, 4, still=going_on),
        Rule("168 h", Severity.WARNING, Window(hours=168), usual, 1.645, 4, still=going_on),
    )
    calm = (Calm(Window(hours=24), w(5 / 8)), Calm(AWS_ESTIMATE, c(0.9)))
    return MetricPolicy(Metric.COMPLAINT, rules, calm, warning, critical)


def findings(view: View, policy: MetricPolicy) -> list[Finding]:
    """The rules of `policy` that hold in `view`, worst first. A rate must be above a line, not at it."""
    found = []
    for rule in policy.rules:
        events, emails = view.measure(rule.window)
        if events < rule.min_events or emails < rule.min_emails or emails == 0:
            continue
        line = threshold_at(view, rule.threshold)
        if events <= line * emails:  # no bound is above the plain rate: most instants end here
            continue
        bound = min(1.0, lower_bound(events, emails, rule.confidence))
        if bound <= line or (rule.still is not None and not _still(view, rule.still, line)):
            continue
        normal = view.normal(_weight(rule.threshold)) if rule.threshold.multiple else None
        found.append(Finding(rule.name, rule.severity, view.count(rule.window), bound, line, normal))
    found.sort(key=lambda finding: -finding.severity)
    return found


def threshold_at(view: View, line: Threshold) -> float:
    """Where `line` lies for this sender now, as a fraction."""
    if not line.multiple or view.age < KNOWN_BY:
        return line.upper
    return min(line.upper, max(line.lower, line.multiple * view.normal(_weight(line))))


def _weight(line: Threshold) -> float:
    """So much email that a sender without any has a line at its upper end."""
    return 2 * line.multiple / line.upper


def _still(view: View, still: Still, line: float) -> bool:
    events, emails = view.measure(still.window)
    above = line * still.share_of_threshold if still.share_of_threshold is not None else still.above
    return above is not None and events > above * emails


def is_calm(view: View, policy: MetricPolicy) -> bool:
    """Whether every condition of the all-clear is met; without email none is.

    One of them is that no rule would hold without its "and still": a window of a week that is still bad would open a new
    alert with the next few events.
    """
    if not all(_at_most(view, calm) for calm in policy.calm):
        return False
    bare = tuple(replace(rule, still=None) for rule in policy.rules if rule.still is not None)
    return not findings(view, replace(policy, rules=bare))


def _at_most(view: View, calm: Calm) -> bool:
    events, emails = view.measure(calm.window)
    return emails > 0 and events <= calm.at_most * emails


def enough_emails(policy: MetricPolicy) -> int:
    """With less email than this no rule can tell: even the fewest events that count would be over the line."""
    return min(max(r.window.emails, r.min_emails, ceil(r.min_events / r.threshold.upper)) for r in policy.rules)


def verdict_of(view: View, policy: MetricPolicy, severity: Severity) -> Verdict:
    """What is said of a metric of which the worst that holds, or is not yet over, is `severity`."""
    if severity is not Severity.NONE:
        return Verdict[severity.name]
    if view.emails == 0:
        return Verdict.NO_DATA
    return Verdict.OK if view.emails >= enough_emails(policy) else Verdict.TOO_FEW_EMAILS
