"""The check of what SES itself finds: what opens, escalates, changes and resolves its alert."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ses_reputation.core.checks.findings import FINDINGS, MOST_KEPT, SesFound
from ses_reputation.core.decide import Plan, decide
from ses_reputation.core.findings import Findings, Recommendation, Tenant
from ses_reputation.core.history import HOUR
from ses_reputation.core.readings import Readings
from ses_reputation.core.rules import Policy, Severity, Verdict, default_policy
from ses_reputation.core.state import State, from_text, to_text
from ses_reputation.core.target import Target

NOW = 1_738_368_000
TARGET = Target("123456789012", "eu-west-1")
POLICY = default_policy()
DKIM = Recommendation("DKIM", "shop.example", "No DKIM.")
LISTED = Recommendation("IP_LISTING", "192.0.2.1", "")
ACME, PAUSED = Tenant("acme", True, ""), Tenant("acme", True, "AWS", "bounces")


def found(*recommendations: Recommendation, tenants: tuple[Tenant, ...] = ()) -> Findings:
    return Findings(recommendations, tenants)


class Played:
    """Ticks of a target with the findings of SES at each; None: not read."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy, self.state, self.now = policy, State(NOW - 900), NOW - 900
        self.reasons: list[tuple[str, str]] = []

    def tick(self, findings: Findings | None, after: int = HOUR) -> Plan:
        self.now += after
        plan = decide(TARGET, Readings((), findings=findings), self.state, self.policy, self.now)
        self.state = from_text(to_text(replace(plan.state, outbox=())))
        assert self.state == replace(plan.state, outbox=())
        self.reasons += [(d["reason"], d["severity"]) for d in plan.documents]
        return plan


def test_a_finding_is_sent_once_and_resolves_after_two_readings() -> None:
    played = Played()
    for _ in range(5):
        assert played.tick(found(DKIM)).verdict is Verdict.WARNING
    assert played.reasons == [("opened", "warning")]
    played.tick(found())
    assert played.reasons == [("opened", "warning")]
    played.tick(found())
    assert played.reasons == [("opened", "warning"), ("resolved", "warning")]
    assert played.state.tracks == {}


def test_an_unknown_reading_neither_opens_nor_resolves() -> None:
    played = Played()
    for _ in range(30):
        played.tick(Findings(None, None, ("Not visible: recommendations (access denied)",)))
        played.tick(None, 900)
    assert played.reasons == []
    played.tick(found(DKIM))
    for _ in range(20):
        played.tick(None)
        played.tick(Findings(None, (), ("Not visible: recommendations (throttled)",)))
    assert [reason for reason, _ in played.reasons] == ["opened", "reminder"]


def test_one_more_finding_is_sent_and_one_less_is_not() -> None:
    played = Played()
    played.tick(found(DKIM))
    played.tick(found(DKIM, LISTED))
    played.tick(found(LISTED))
    played.tick(found(DKIM, LISTED))
    assert played.reasons == [("opened", "warning"), ("changed", "warning")]


def test_a_tenant_that_aws_pauses_is_critical_and_joins_the_open_alert() -> None:
    played = Played()
    played.tick(found(DKIM, tenants=(ACME,)))
    played.tick(found(DKIM, tenants=(PAUSED,)))
    played.tick(found(DKIM))
    played.tick(found())
    played.tick(found())
    played.tick(found())
    assert played.reasons == [("opened", "warning"), ("escalated", "critical"), ("resolved", "warning")]


@pytest.mark.parametrize(
    ("tenant", "severity"),
    [
        (ACME, Severity.WARNING),
        (Tenant("acme", False, "the account"), Severity.WARNING),
        (Tenant("acme", False, "AWS"), Severity.CRITICAL),
    ],
)
def test_the_severity_of_a_tenant(tenant: Tenant, severity: Severity) -> None:
    plan = Played().tick(found(tenants=(tenant,)))
    assert [d["severity"] for d in plan.documents] == [severity.word]


def test_many_findings_are_counted_but_few_are_kept() -> None:
    played = Played()
    many = tuple(Tenant(f"t{number:04}", True, "") for number in range(3_000))
    [document] = played.tick(found(tenants=many)).documents
    assert document["summary"][-1] == "And 2,995 other findings."
    worst = played.state.tracks[FINDINGS.tenants].worst
    assert isinstance(worst, SesFound) and (len(worst.lines), worst.number) == (MOST_KEPT, 3_000)
    played.tick(found(tenants=many[100:]))
    assert len(played.reasons) == 1


def test_a_check_switched_off_ends_its_alert_without_a_resolution() -> None:
    played = Played()
    played.tick(found(DKIM))
    played.policy = replace(POLICY, findings=False)
    played.tick(None)
    assert played.state.tracks == {} and played.state.sent == {}
    assert [reason for reason, _ in played.reasons] == ["opened"]
