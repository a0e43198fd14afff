"""A monitor of one target, tick by tick, with AWS's answers at each."""

from __future__ import annotations

from dataclasses import replace

from ses_reputation.core.decide import Plan, decide
from ses_reputation.core.history import BUCKET, DAY, LOOKBACK, Point
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, AwsRate, AwsRates, Readings, Trouble, Unreadable
from ses_reputation.core.rules import default_policy
from ses_reputation.core.state import State
from ses_reputation.core.target import Target

START = 1_738_368_000  # 2025-02-01T00:00Z
TARGET = Target("123456789012", "eu-west-1")
POLICY = default_policy()
FINE = Account("HEALTHY", sending=True, production=True, quota=100_000, used=38_400)
NO_RATES: AwsRates = {}
DENIED = Unreadable(Trouble.DENIED, "GetAccount: AccessDenied")
THROTTLED = Unreadable(Trouble.THROTTLED, "GetAccount: TooManyRequestsException")


def points(until: int, *, bad_from: int | None = None, bad: int = 60, ends: int | None = None) -> tuple[Point, ...]:
    """400 emails every quarter of an hour, 4 of them bouncing, `bad` from `bad_from` on; known for a week only if they end."""
    known = START - (DAY if ends is None else 8 * DAY)
    return tuple(
        Point(at, 400, bad if bad_from is not None and at >= bad_from else 4)
        for at in range(
            max(known, until - LOOKBACK) // BUCKET * BUCKET, until if ends is None else min(until, ends), BUCKET
        )
    )


class Monitor:
    """Successive ticks, each with AWS's answers at that time."""

    def __init__(self, bad_from: int | None = None, bad: int = 60, ends: int | None = None) -> None:
        self.now = START
        self.bad_from, self.bad, self.ends = bad_from, bad, ends
        self.state: State | None = None
        self.sent: list[tuple[str, str, str]] = []

    def tick(
        self,
        account: Account | Unreadable = FINE,
        rates: AwsRates | Unreadable = NO_RATES,
        *,
        times: int = 1,
        step: int = BUCKET,
        statistics: Unreadable | None = None,
    ) -> Plan:
        for _ in range(times):
            self.now += step
            answer = statistics or points(self.now, bad_from=self.bad_from, bad=self.bad, ends=self.ends)
            plan = decide(TARGET, Readings(answer, account, rates), self.state, POLICY, self.now)
            self.state = replace(plan.state, outbox=(), published=self.now)
            self.sent += [(d["check"], d["reason"], d["severity"]) for d in plan.documents]
        return plan

    @property
    def words(self) -> list[tuple[str, str]]:
        return [(check, reason) for check, reason, _ in self.sent if reason != "reminder"]

    @property
    def checks(self) -> set[str]:
        return {check for check, _, _ in self.sent}


def rates(**known: float) -> AwsRates:
    return {Metric(name): AwsRate(rate, START) for name, rate in known.items()}


def status(word: str) -> Account:
    return replace(FINE, enforcement=word)


def used(emails: float) -> Account:
    return replace(FINE, used=emails)
