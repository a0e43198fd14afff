"""Values read of a target in one run, each a value or `Unreadable` with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

from .findings import Findings
from .fleet import FleetFacts
from .history import BadData, Instant, Point
from .orders import Orders
from .rates import Metric
from .recipients import without_addresses

T = TypeVar("T")

HEALTHY, PROBATION, SHUTDOWN = "HEALTHY", "PROBATION", "SHUTDOWN"
"""Known values of GetAccount's `EnforcementStatus`. The field is free text, so there may be others."""

LONGEST_WORD = 60
"""Longest status text that is kept, in characters."""


class Trouble(StrEnum):
    """Why something could not be read, or not be believed."""

    DENIED = "access denied"
    ROLE = "role cannot be assumed"
    NOT_ENABLED = "region not enabled"
    THROTTLED = "throttled"
    TIMED_OUT = "timed out"
    BAD_ANSWER = "bad answer"
    CONTRADICTION = "contradictory answer"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An explicit unknown, with its reason."""

    trouble: Trouble
    detail: str  # one line for a person: no address, no secret


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Suppression settings and visibility as GetAccount reports them; None if it does not."""

    suppressed: frozenset[Metric] | None = None  # reasons that put an address on the account's list
    vdm: bool | None = None
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Account state in one region (sesv2 GetAccount)."""

    enforcement: str  # HEALTHY, PROBATION (under review), SHUTDOWN (paused by AWS), or a word that nobody knows yet
    sending: bool  # the customer's own switch, independent of AWS's decision
    production: bool  # False: in the sandbox
    quota: float  # recipients in 24 hours; below 0: no limit
    used: float  # recipients of the last 24 hours
    facts: AccountFacts = AccountFacts()  # for the look for a cause

    @property
    def used_share(self) -> float | None:
        """Used part of the quota as a fraction, 1 or more when nothing is left; None without a limit."""
        if self.quota < 0:
            return None
        return self.used / self.quota if self.quota else 1.0

    @property
    def state(self) -> str:
        """One or two words, AWS's decision before the account's own."""
        if self.enforcement != HEALTHY:
            return self.enforcement
        return HEALTHY if self.sending else "sending switched off"


@dataclass(frozen=True, slots=True)
class AwsRate:
    """Latest value of `Reputation.BounceRate` or `Reputation.ComplaintRate`: a fraction, and its time."""

    rate: float
    at: Instant


AwsRates = Mapping[Metric, AwsRate]
"""AWS's own rates. A metric is missing if no such event happened yet, or none was published for hours."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Comparison of who is subscribed with who should be. Counts only, never an address."""

    expected: int  # email addresses in the settings
    missing: int  # of these, addresses without a confirmed subscription
    listeners: int  # confirmed subscriptions that reach people or programs; the forwarder's own does not count


class Subscription(NamedTuple):
    """One subscription of a topic."""

    protocol: str
    endpoint: str  # an address: never logged, never stored
    confirmed: bool  # False: pending or deleted, so that nothing is sent to it


def audience_of(emails: Sequence[str], subscriptions: Sequence[Subscription]) -> Audience:
    """Compare the addresses of the settings with who is subscribed. A Lambda function is no listener."""
    confirmed = [s for s in subscriptions if s.confirmed]
    reached = {s.endpoint.lower() for s in confirmed if s.protocol.startswith("email")}
    missing = sum(email.lower() not in reached for email in emails)
    return Audience(len(emails), missing, sum(s.protocol != "lambda" for s in confirmed))


@dataclass(frozen=True, slots=True)
class Readings:
    """Everything that was read of a target at a tick; None for what was not asked."""

    statistics: tuple[Point, ...] | Unreadable
    account: Account | Unreadable | None = None
    rates: AwsRates | Unreadable | None = None
    audience: Audience | Unreadable | None = None
    findings: Findings | None = None  # asked once an hour
    fleet: FleetFacts | None = None  # of the whole installation
    orders: Orders = Orders()  # of the team

    @property
    def without_aws(self) -> Readings:
        """Only what has a past that can be worked out."""
        return Readings(self.statistics, orders=self.orders)

    @property
    def known_account(self) -> Account | None:
        return _known(self.account)

    @property
    def known_rates(self) -> AwsRates | None:
        """AWS's own rates, or None if they were not asked or not readable."""
        return _known(self.rates)

    def aws_rate(self, metric: Metric) -> AwsRate | None:
        """AWS's own rate of one metric; None if it is not known or not published."""
        return None if self.known_rates is None else self.known_rates.get(metric)

    @property
    def known_audience(self) -> Audience | None:
        return _known(self.audience)

    @property
    def aws_asked(self) -> bool:
        return self.account is not None or self.rates is not None

    @property
    def aws_unreadable(self) -> tuple[Unreadable, ...]:
        """Troubles with AWS's own view of the account."""
        return tuple(part for part in (self.account, self.rates) if isinstance(part, Unreadable))


def _known(part: T | Unreadable | None) -> T | None:
    return None if isinstance(part, Unreadable) else part


def account_from(answer: Mapping[str, object]) -> Account:
    """Convert an answer of GetAccount. Raise `BadData` for a missing or invalid field."""
    quota = answer.get("SendQuota")
    if not isinstance(quota, Mapping):
        raise BadData("it has no SendQuota")
    enforcement = answer.get("EnforcementStatus")
    if not isinstance(enforcement, str) or not enforcement:
        raise BadData("it has no EnforcementStatus")
    return Account(
        one_line(enforcement, LONGEST_WORD),
        _flag(answer, "SendingEnabled"),
        _flag(answer, "ProductionAccessEnabled"),
        _number(quota, "Max24HourSend"),
        _number(quota, "SentLast24Hours"),
        facts_from(answer),
    )


def facts_from(answer: Mapping[str, object]) -> AccountFacts:
    """Read the answer of GetAccount; what is missing or of another shape is unknown."""
    reasons = _table(answer, "SuppressionAttributes").get("SuppressedReasons")
    suppressed = (
        frozenset(metric for metric in Metric if metric.value.upper() in reasons) if isinstance(reasons, list) else None
    )
    vdm = _table(answer, "VdmAttributes").get("VdmEnabled")
    plan = _table(answer, "PricingAttributes").get("CurrentPlan")
    known_plan = plan if isinstance(plan, str) and plan.isalpha() and len(plan) <= 20 else ""
    return AccountFacts(suppressed, vdm == "ENABLED" if isinstance(vdm, str) else None, known_plan)


def _table(answer: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = answer.get(name)
    return table if isinstance(table, Mapping) else {}


def one_line(text: str, longest: int) -> str:
    """Text from outside on one line of at most `longest` characters, without control characters and without addresses."""
    return without_addresses(text[:longest])


def _flag(answer: Mapping[str, object], name: str) -> bool:
    value = answer.get(name)
    if not isinstance(value, bool):
        raise BadData(f"{name} is neither true nor false")
    return value


def _number(answer: Mapping[str, object], name: str) -> float:
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1e12:
        raise BadData(f"{name} is not a number of emails")
    return float(value)
