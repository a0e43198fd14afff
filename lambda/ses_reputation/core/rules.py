"""Rules as data: when an alert opens and when it resolves, and the defaults.

A metric has rules; a rule has a name, a severity, a window, a threshold, a confidence and least numbers of events and
emails. The defaults are the outcome of simulation (docs/evidence.md); every one can be replaced in settings.toml.
evaluation.py finds the rules that hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from math import ceil, inf

from .rates import AWS_ESTIMATE, SHOWN, Count, Metric, Window


class Severity(IntEnum):
    """How bad: ordered, so that the worst of several is `max`."""

    NONE = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class Verdict(StrEnum):
    """Verdict on a target or on one metric of it."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    TOO_FEW_EMAILS = "TOO_FEW_EMAILS"
    NO_DATA = "NO_DATA"
    UNKNOWN = "UNKNOWN"


UNUSUAL = 1.7
"""A rate above this multiple of the usual rate and of the sender's own worst is unusual."""

NEARLY_USUAL = 1.3
"""An alert resolves when the last day (complaints: three days) is within this multiple of the usual rate, so that a slow rot
is not cleared because its own past has become the norm."""

STILL = 0.7
"""Slow rules count only while the recent rate is above this share of their threshold."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The rate above which a rule holds: fixed, or a multiple of what is usual for this sender, between two limits.

    Usual is the larger of the usual rate and, with `own_worst`, the highest sure rate of the same window 12 to 2 days ago.
    """

    upper: float  # fraction: the fixed threshold, or the upper limit; inf: no limit, and no rule for a young history
    lower: float = 0.0  # fraction; unused when the threshold is fixed
    multiple: float = 0.0  # 0: fixed at `upper`
    own_worst: bool = True

    @property
    def least(self) -> float:
        """The lowest that it can be for any sender."""
        return self.lower if self.multiple else self.upper


@dataclass(frozen=True, slots=True)
class While:
    """A rule counts only while the plain rate of this window is above `above`, or above that share of the rule's threshold."""

    window: Window
    above: float | None = None  # fraction
    share_of_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: it holds when the rate in `window` is above `threshold`, sure at `confidence` standard deviations."""

    name: str
    severity: Severity
    window: Window
    threshold: Threshold
    confidence: float = 0.0
    min_events: int = 1
    min_emails: int = 0
    only_while: While | None = None


@dataclass(frozen=True, slots=True)
class Calm:
    """One condition of the resolution: the plain rate of this window is at most `at_most`, or this many times the usual rate."""

    window: Window
    at_most: float  # fraction
    times_usual: float = 0.0


@dataclass(frozen=True, slots=True)
class MetricPolicy:
    """How one metric is evaluated: what opens an alert and what resolves it."""

    metric: Metric
    rules: tuple[Rule, ...]
    calm: tuple[Calm, ...]
    warning: float  # fraction: the thresholds that all default rules scale with
    critical: float

    @property
    def weight(self) -> float:
        """How much the usual rate of a sender with little email is drawn towards a middling one: in emails, see `View.usual`."""
        return 2 * UNUSUAL / self.warning


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """When the use of the 24-hour sending quota is a trouble, as fractions of it."""

    quota_warning: float = 0.8
    quota_critical: float = 0.95


@dataclass(frozen=True, slots=True)
class VolumePolicy:
    """When the amount of email is a trouble."""

    silence: bool = True  # email that stops
    spike: float = 5.0  # times the most that was known before; 0 never


@dataclass(frozen=True, slots=True)
class Policy:
    """How a target is evaluated."""

    bounce: MetricPolicy
    complaint: MetricPolicy
    feedback_share: float = 1.0  # fraction of the email that goes to providers which report complaints
    account: AccountPolicy = AccountPolicy()
    volume: VolumePolicy = VolumePolicy()
    findings: bool = True  # what SES itself finds wrong is read

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
    count: Count | None = None  # events of the emails behind them, and the stretch of time they lie in
    bound: float | None = None  # fraction: the rate is above this, at the rule's confidence
    threshold: float | None = None  # fraction: the bound is above this
    usual: float | None = None  # fraction: the sender's usual rate, if the threshold follows it
    own_worst: float | None = None  # fraction: the worst such stretch 12 to 2 days ago, if the threshold follows it


def default_policy(
    *,
    bounce_warning: float = 0.03,
    bounce_critical: float = 0.05,
    complaint_warning: float = 0.0008,
    complaint_critical: float = 0.001,
) -> Policy:
    """The default rules, scaled so that their thresholds keep their proportions to the four given here (fractions)."""
    return Policy(
        default_bounce_policy(bounce_warning, bounce_critical),
        default_complaint_policy(complaint_warning, complaint_critical),
    )


def default_bounce_policy(
    warning: float, critical: float, unusual: float = UNUSUAL, lowest: float | None = None
) -> MetricPolicy:
    """Windows by emails: nights, week-ends, outages and late bounces cannot fool them, and AWS counts that way too.

    `unusual` is the multiple of the usual rate and own worst (0: fixed thresholds only), `lowest` the lower limit of what
    follows from it, by default 0.4 of `warning`.
    """
    w, c = _scaled(warning), _scaled(critical)
    lowest = w(0.4) if lowest is None else lowest
    recent = SHOWN[Metric.BOUNCE]
    sharp, day = (Threshold(upper, min(lowest, upper) if unusual else 0.0, unusual) for upper in (w(1.5), w(1.0)))
    quarter_hour, hour = (Window(emails=100, share_of_day=share) for share in (1 / 96, 1 / 24))
    going_on = While(recent, share_of_threshold=STILL)
    least = 5
    rules = (
        Rule("aws-estimate", Severity.CRITICAL, AWS_ESTIMATE, Threshold(c(0.94)), 1.0, least),
        Rule("quarter-day", Severity.CRITICAL, Window(emails=1_000, share_of_day=1 / 4), Threshold(c(1.1)), 2.0, least),
        Rule("quarter-hour", Severity.WARNING, quarter_hour, sharp, 3.3, least),
        Rule("hour", Severity.WARNING, hour, sharp, 3.3, least),
        Rule("four-hours", Severity.WARNING, recent, sharp, 3.3, least),
        Rule("day", Severity.WARNING, Window(emails=3_000, share_of_day=1.0), day, 2.0, least, only_while=going_on),
        Rule("high", Severity.WARNING, Window(emails=600, share_of_day=1 / 4), Threshold(warning), 2.0, least),
    )
    calm = (
        Calm(recent, w(2 / 3)),
        Calm(AWS_ESTIMATE, c(0.9)),
        Calm(Window(emails=3_000, share_of_day=1.0), lowest, NEARLY_USUAL),
    )
    return MetricPolicy(Metric.BOUNCE, rules, calm, warning, critical)


def default_complaint_policy(
    warning: float, critical: float, unusual: float = UNUSUAL, lowest: float | None = None
) -> MetricPolicy:
    """Windows by hours, over the emails that could have caused the complaints; slow ones only while it still goes on.

    `unusual` and `lowest` as for bounces; `lowest` is by default a quarter of `warning`, and 5/8 of it for slow rules.
    """
    w, c = _scaled(warning), _scaled(critical)
    slow_lowest = w(5 / 8) if lowest is None else min(warning, max(lowest, w(5 / 8)))
    lowest = w(1 / 4) if lowest is None else lowest
    going_on = While(Window(hours=24), share_of_threshold=STILL)
    slow = Threshold(warning, slow_lowest if unusual else 0.0, unusual, own_worst=False)
    criticals = ((12, c(1.5), None), (24, c(1.2), None), (72, critical, going_on))
    rules = [
        Rule(f"{hours} h critical", Severity.CRITICAL, Window(hours=hours), Threshold(upper), 2.0, 5, only_while=still)
        for hours, upper, still in criticals
    ]
    rules.append(Rule("aws-estimate", Severity.CRITICAL, AWS_ESTIMATE, Threshold(critical), 1.0, 5))
    if unusual:
        rules += [
            Rule(
                f"{hours} h unusual", Severity.WARNING, Window(hours=hours), Threshold(inf, lowest, unusual), 3.0, 4, 1
            )
            for hours in (1, 3, 6, 12, 24)
        ]
    rules += [
        Rule(f"{hours} h high", Severity.WARNING, Window(hours=hours), Threshold(warning), sure, 4, 1)
        for hours, sure in ((12, 2.0), (24, 1.645))
    ]
    rules += [
        Rule(f"{hours} h slow", Severity.WARNING, Window(hours=hours), slow, 1.3, 4, 1, going_on) for hours in (72, 168)
    ]
    calm = (
        Calm(Window(hours=24), w(5 / 8)),
        Calm(AWS_ESTIMATE, c(0.9)),
        Calm(Window(hours=72), lowest, NEARLY_USUAL),
    )
    return MetricPolicy(Metric.COMPLAINT, tuple(rules), calm, warning, critical)


def _scaled(rate: float) -> Callable[[float], float]:
    return lambda share: round(rate * share, 12)


def thresholds_in_force(policy: MetricPolicy) -> dict[Severity, float | None]:
    """The lowest fixed threshold or upper limit of each severity: from there on nobody needs to ask what is usual.

    None if no rule has that severity, or none of them has a limit.
    """
    return {
        severity: min((limit for limit in _limits(policy.rules, severity) if limit < inf), default=None)
        for severity in (Severity.WARNING, Severity.CRITICAL)
    }


def _limits(rules: Iterable[Rule], severity: Severity) -> Iterable[float]:
    return (rule.threshold.upper for rule in rules if rule.severity is severity)


def enough_emails(policy: MetricPolicy) -> int:
    """With fewer emails than this no rule can tell: even the fewest events that count would be over the threshold."""
    fixed = [rule for rule in policy.rules if rule.threshold.upper < inf]
    return min((max(r.window.emails, r.min_emails, ceil(r.min_events / r.threshold.upper)) for r in fixed), default=1)
