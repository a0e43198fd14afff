"""AWS's own view of a target: enforcement, the sending switch, the quota and AWS's reputation rates → findings.

Each is a check with an alert of its own. What was not asked, or could not be read, is left as it was: unknown is never
taken for healthy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .alert import Alert
from .history import BUCKET, DAY, HOUR, BadData, History, Instant
from .rates import AWS_THRESHOLDS, Count, Metric
from .readings import Unreadable
from .rules import AccountPolicy, Finding, Severity

ENFORCEMENT = "enforcement"
SENDING = "sending"
QUOTA = "quota"
AWS_UNREADABLE = "aws-unreadable"
"""The check of a target whose account state or AWS rates cannot be read."""
AWS_RATE = {Metric.BOUNCE: "aws-bounce", Metric.COMPLAINT: "aws-complaint"}
CHECKS = (ENFORCEMENT, SENDING, QUOTA, AWS_UNREADABLE, *AWS_RATE.values())

HEALTHY, PROBATION, SHUTDOWN = "HEALTHY", "PROBATION", "SHUTDOWN"
"""The words of GetAccount that are known; the field is a free text, so that there may be others."""

LONGEST_WORD = 60
"""So much of it is told."""

NEAR = 0.9
"""AWS's own rate is told from this part of its review threshold on, while ours says less."""

OVER_REVIEW, OVER_PAUSE = "AWS's own rate", "AWS's own rate, over the pause threshold"
"""The names of its findings: to come over the line at which AWS may pause is news."""

FORGOTTEN = 14 * DAY
"""An alert of AWS's own rate is closed when AWS has published none for so long: what it would be is not known."""

PACE_HOURS = 3
"""When the quota is used up is foreseen at the pace of the last three hours."""


@dataclass(frozen=True, slots=True)
class Account:
    """What Amazon SES says of the account in this region (sesv2 GetAccount)."""

    enforcement: str  # HEALTHY, PROBATION (under review), SHUTDOWN (paused by AWS), or a word that nobody knows yet
    sending: bool  # the customer's own switch, independent of AWS's decision
    production: bool  # False: in the sandbox
    quota: float  # emails in 24 hours; below 0 without a limit
    used: float  # emails of the last 24 hours

    @property
    def used_share(self) -> float | None:
        """The part of the quota that is used, 1 and more when there is none left; None without a limit."""
        if self.quota < 0:
            return None
        return self.used / self.quota if self.quota else 1.0

    @property
    def state(self) -> str:
        """In a word or two, AWS's decision before one's own."""
        if self.enforcement != HEALTHY:
            return self.enforcement
        return HEALTHY if self.sending else "paused by ourselves"


@dataclass(frozen=True, slots=True)
class AwsRate:
    """The latest value of `Reputation.BounceRate` or `Reputation.ComplaintRate`: a fraction, and its time."""

    rate: float
    at: Instant


AwsRates = Mapping[Metric, AwsRate]
"""What CloudWatch has; a metric is missing where there was no such event yet, or none for hours."""


@dataclass(frozen=True, slots=True)
class AwsView:
    """AWS's own view of a target; None for what was not asked."""

    account: Account | Unreadable | None = None
    rates: AwsRates | Unreadable | None = None

    @property
    def known_account(self) -> Account | None:
        return self.account if isinstance(self.account, Account) else None

    @property
    def known_rates(self) -> AwsRates:
        return {} if self.rates is None or isinstance(self.rates, Unreadable) else self.rates

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        return tuple(part for part in (self.account, self.rates) if isinstance(part, Unreadable))


NOT_ASKED = AwsView()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is found of one check now, and when it may be over."""

    found: tuple[Finding, ...]  # worst first
    quiet: int  # seconds without a finding before the all-clear
    calm: bool = True  # whether it may come then
    remind: bool = True  # whether it is told again while it lasts
    by_name: bool = False  # whether a finding of another name is news
    eases: bool = False  # whether it is less severe, without a word, after `quiet` seconds of less

    def may_end(self) -> bool:
        return self.calm


def account_from(answer: Mapping[str, object]) -> Account:
    """The answer of GetAccount as an `Account`. Raises `BadData` for what is missing or makes no sense."""
    quota = answer.get("SendQuota")
    if not isinstance(quota, Mapping):
        raise BadData("it has no SendQuota")
    enforcement = answer.get("EnforcementStatus")
    if not isinstance(enforcement, str) or not enforcement:
        raise BadData("it has no EnforcementStatus")
    return Account(
        enforcement,
        _flag(answer, "SendingEnabled"),
        _flag(answer, "ProductionAccessEnabled"),
        _number(quota, "Max24HourSend"),
        _number(quota, "SentLast24Hours"),
    )


def _flag(answer: Mapping[str, object], name: str) -> bool:
    value = answer.get(name)
    if not isinstance(value, bool):
        raise BadData(f"{name} is neither true nor false")
    return value


def _number(answer: Mapping[str, object], name: str) -> float:
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1e12:
        raise BadData(f"{name} is no number of emails")
    return float(value)


def paused(view: AwsView, history: History | None, now: Instant, alerts: Mapping[str, Alert]) -> bool:
    """Whether AWS has paused the account, so that its rates say nothing more: as it says now or, where it cannot be asked, as it
    last said, until email goes out."""
    if view.known_account is not None:
        return view.known_account.enforcement == SHUTDOWN
    said = alerts.get(ENFORCEMENT)
    return said is not None and said.worst.rule == SHUTDOWN and not _sent_after(said.last_held, history, now)


def stopped(view: AwsView, history: History | None, now: Instant, alerts: Mapping[str, Alert]) -> bool:
    """Whether email is known to be stopped, by AWS or by the customer's own switch."""
    if view.known_account is not None and not view.known_account.sending:
        return True
    said = alerts.get(SENDING) if view.known_account is None else None
    off = said is not None and not _sent_after(said.last_held, history, now)
    return off or paused(view, history, now, alerts)


def _sent_after(at: Instant, history: History | None, now: Instant) -> bool:
    """Whether email has gone out later than `at`; what was under way then is out within an hour."""
    return history is not None and _sent(history, history.closed(at + HOUR), history.closed(now)) > 0


def standings(
    view: AwsView, policy: AccountPolicy, history: History | None, now: Instant, alerts: Mapping[str, Alert]
) -> dict[str, Standing]:
    """Every check that can be judged now, beside the `alerts` that are open."""
    found: dict[str, Standing] = {}
    account = view.known_account
    if account is not None:
        was = alerts[ENFORCEMENT].worst.rule if ENFORCEMENT in alerts else ""
        found[ENFORCEMENT] = Standing(_enforcement(account, was), quiet=0, by_name=True)
        found[SENDING] = Standing(_sending(account), quiet=0)
        found[QUOTA] = Standing(_quota(account, policy, history, now), quiet=DAY, eases=True)
    readable = view.rates is not None and not isinstance(view.rates, Unreadable)
    if readable and not paused(view, history, now, alerts):
        for metric, check in AWS_RATE.items():
            rate = view.known_rates.get(metric)
            found[check] = _rate_standing(metric, rate, now, alerts.get(check), alerts.get(metric.value))
    return found


def _rate_standing(
    metric: Metric, rate: AwsRate | None, now: Instant, known: Alert | None, ours: Alert | None
) -> Standing:
    """Of AWS's own rate of a metric, of which an alert is `known`, beside the alert of `ours`, whose messages, and reminders,
    show AWS's rate too."""
    if rate is None:
        forgotten = known is not None and now - known.last_held >= FORGOTTEN
        return Standing((), quiet=DAY, calm=forgotten, remind=ours is None)
    found = _aws_rate(metric, rate)
    if known is None and ours is not None:
        found = tuple(finding for finding in found if finding.severity > ours.severity)
    climbs = bool(found) and found[0].rule == OVER_PAUSE
    return Standing(found, quiet=DAY, remind=ours is None, by_name=climbs, eases=True)


def _enforcement(account: Account, was: str) -> tuple[Finding, ...]:
    if account.enforcement == HEALTHY:
        return ()
    severity = Severity.CRITICAL if account.enforcement == SHUTDOWN else Severity.WARNING
    word = account.enforcement[:LONGEST_WORD]
    return (Finding(word, severity, detail="" if was == word else was),)


def _sending(account: Account) -> tuple[Finding, ...]:
    return () if account.sending else (Finding("sending disabled", Severity.CRITICAL),)


def _quota(account: Account, policy: AccountPolicy, history: History | None, now: Instant) -> tuple[Finding, ...]:
    share = account.used_share
    if share is None or share < policy.quota_warning:
        return ()
    critical = share >= policy.quota_critical
    return (
        Finding(
            "quota",
            Severity.CRITICAL if critical else Severity.WARNING,
            Count(int(account.used), int(account.quota), now - DAY, now),
            threshold=policy.quota_critical if critical else policy.quota_warning,
            until=used_up_at(account, history, now),
        ),
    )


def used_up_at(account: Account, history: History | None, now: Instant) -> Instant | None:
    """When the email of 24 hours reaches the quota if email goes on as in the last hours; None where it does not within a day.

    The quota is a rolling one: as new email counts, that of a day ago leaves.
    """
    if account.used_share is None or account.used >= account.quota:
        return None if account.used_share is None else now
    if history is None:
        return None
    end = history.closed(now)
    per_slot = _sent(history, end - PACE_HOURS * HOUR // BUCKET, end) / (PACE_HOURS * HOUR / BUCKET)
    used = account.used
    for ahead in range(1, DAY // BUCKET + 1):
        leaving = end - DAY // BUCKET + ahead
        used += per_slot - _sent(history, leaving - 1, leaving)
        if used >= account.quota:
            return now + ahead * BUCKET
    return None


def _sent(history: History, start: int, end: int) -> int:
    return history.attempts[max(0, end)] - history.attempts[max(0, start)]


def _aws_rate(metric: Metric, rate: AwsRate) -> tuple[Finding, ...]:
    review = AWS_THRESHOLDS[metric].review
    if rate.rate < NEAR * review:
        return ()
    severity = Severity.CRITICAL if rate.rate >= review else Severity.WARNING
    name = OVER_PAUSE if rate.rate >= AWS_THRESHOLDS[metric].pause else OVER_REVIEW
    return (Finding(name, severity, bound=rate.rate, threshold=review),)
