"""The default rules are those that simulation found, and scale with the user's thresholds."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.rates import AWS_ESTIMATE, Metric, Window
from ses_reputation.core.rules import (
    Calm,
    Rule,
    Severity,
    Threshold,
    While,
    default_bounce_policy,
    default_complaint_policy,
    default_policy,
    enough_emails,
    thresholds_in_force,
)

POLICY = default_policy()
RECENT = Window(emails=400, share_of_day=1 / 6)
LAST_DAY = Window(emails=3_000, share_of_day=1.0)


def test_the_default_bounce_rules_have_the_numbers_that_simulation_found() -> None:
    sharp, day = Threshold(0.045, 0.012, 1.7), Threshold(0.03, 0.012, 1.7)
    going_on = While(RECENT, share_of_threshold=0.7)
    assert set(POLICY.bounce.rules) == {
        Rule("quarter-hour", Severity.WARNING, Window(emails=100, share_of_day=1 / 96), sharp, 3.3, 5),
        Rule("hour", Severity.WARNING, Window(emails=100, share_of_day=1 / 24), sharp, 3.3, 5),
        Rule("four-hours", Severity.WARNING, RECENT, sharp, 3.3, 5),
        Rule("day", Severity.WARNING, LAST_DAY, day, 2.0, 5, only_while=going_on),
        Rule("high", Severity.WARNING, Window(emails=600, share_of_day=1 / 4), Threshold(0.03), 2.0, 5),
        Rule("quarter-day", Severity.CRITICAL, Window(emails=1_000, share_of_day=1 / 4), Threshold(0.055), 2.0, 5),
        Rule("aws-estimate", Severity.CRITICAL, AWS_ESTIMATE, Threshold(0.047), 1.0, 5),
    }
    assert POLICY.bounce.calm == (Calm(RECENT, 0.02), Calm(AWS_ESTIMATE, 0.045), Calm(LAST_DAY, 0.012, 1.3))


def test_the_default_complaint_rules_have_the_numbers_that_simulation_found() -> None:
    going_on = While(Window(hours=24), share_of_threshold=0.7)
    unusual, slow = Threshold(inf, 0.0002, 1.7), Threshold(0.0008, 0.0005, 1.7, own_worst=False)
    warnings: list[tuple[str, int, Threshold, float, While | None]] = [
        (f"{hours} h unusual", hours, unusual, 3.0, None) for hours in (1, 3, 6, 12, 24)
    ]
    warnings += [("12 h high", 12, Threshold(0.0008), 2.0, None), ("24 h high", 24, Threshold(0.0008), 1.645, None)]
    warnings += [(f"{hours} h slow", hours, slow, 1.3, going_on) for hours in (72, 168)]
    criticals = [(12, 0.0015, None), (24, 0.0012, None), (72, 0.001, going_on)]
    assert set(POLICY.complaint.rules) == {
        *(Rule(name, Severity.WARNING, Window(hours=h), line, z, 4, 1, on) for name, h, line, z, on in warnings),
        *(
            Rule(f"{hours} h critical", Severity.CRITICAL, Window(hours=hours), Threshold(line), 2.0, 5, only_while=on)
            for hours, line, on in criticals
        ),
        Rule("aws-estimate", Severity.CRITICAL, AWS_ESTIMATE, Threshold(0.001), 1.0, 5),
    }
    assert POLICY.complaint.calm == (
        Calm(Window(hours=24), 0.0005),
        Calm(AWS_ESTIMATE, 0.0009),
        Calm(Window(hours=72), 0.0002, 1.3),
    )


def test_no_default_rule_warns_of_fewer_than_four_events() -> None:
    for policy in POLICY.metrics:
        least = 5 if policy.metric is Metric.BOUNCE else 4
        assert all(rule.min_events >= least for rule in policy.rules)


@given(factor=st.floats(0.2, 1.9))
def test_default_thresholds_scale_with_the_users(factor: float) -> None:
    scaled = default_policy(
        bounce_warning=0.03 * factor,
        bounce_critical=0.05 * factor,
        complaint_warning=0.0008 * factor,
        complaint_critical=0.001 * factor,
    )
    for mine, default in zip(scaled.metrics, POLICY.metrics, strict=True):
        for rule, usual in zip(mine.rules, default.rules, strict=True):
            assert rule.threshold.upper == pytest.approx(usual.threshold.upper * factor, rel=1e-6)
            assert rule.threshold.lower == pytest.approx(usual.threshold.lower * factor, rel=1e-6)
        for calm, usual_calm in zip(mine.calm, default.calm, strict=True):
            assert calm.at_most == pytest.approx(usual_calm.at_most * factor, rel=1e-6)


@pytest.mark.parametrize("default", [default_bounce_policy, default_complaint_policy])
def test_without_unusual_only_fixed_thresholds_remain(default: object) -> None:
    policy = default(0.0008, 0.001, 0.0)  # type: ignore[operator]
    assert all(not rule.threshold.multiple and rule.threshold.upper < inf for rule in policy.rules)
    assert {rule.severity for rule in policy.rules} == {Severity.WARNING, Severity.CRITICAL}


def test_your_own_minimum_applies_to_every_adaptive_rule() -> None:
    bounce = default_bounce_policy(0.03, 0.05, lowest=0.02)
    assert {rule.threshold.lower for rule in bounce.rules if rule.threshold.multiple} == {0.02}
    complaint = default_complaint_policy(0.0008, 0.001, lowest=0.0006)
    assert {rule.threshold.lower for rule in complaint.rules if rule.threshold.multiple} == {0.0006}


def test_the_thresholds_in_force_come_from_your_rules() -> None:
    assert thresholds_in_force(POLICY.bounce) == {Severity.WARNING: 0.03, Severity.CRITICAL: 0.047}
    assert thresholds_in_force(POLICY.complaint) == {Severity.WARNING: 0.0008, Severity.CRITICAL: 0.001}
    mine = replace(POLICY.bounce, rules=(Rule("mine", Severity.WARNING, Window(hours=24), Threshold(0.04)),))
    assert thresholds_in_force(mine) == {Severity.WARNING: 0.04, Severity.CRITICAL: None}
    free = replace(mine, rules=(Rule("free", Severity.WARNING, Window(hours=24), Threshold(inf, 0.01, 2.0)),))
    assert thresholds_in_force(free) == {Severity.WARNING: None, Severity.CRITICAL: None}
    assert enough_emails(free) == 1
