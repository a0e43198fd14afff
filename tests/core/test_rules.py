"""Rules hold above their line and not at it, and the defaults are the ones that simulation found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.history import BUCKET, History, Point, history_from
from ses_reputation.core.rates import AWS_ESTIMATE, Metric, View, Window
from ses_reputation.core.rules import (
    Calm,
    MetricPolicy,
    Rule,
    Severity,
    Still,
    Threshold,
    Verdict,
    default_policy,
    enough_emails,
    findings,
    is_calm,
    threshold_at,
    verdict_of,
)

START = 1_738_368_000
POLICY = default_policy()


def of(*buckets: tuple[int, int]) -> View:
    """Bounces as known after buckets of (emails, bounces)."""
    points = [Point(START + i * BUCKET, emails, bounces) for i, (emails, bounces) in enumerate(buckets)]
    history = history_from(points, until=START + len(buckets) * BUCKET)
    assert history is not None
    return View(history, Metric.BOUNCE, history.slots)


def one(rule: Rule) -> MetricPolicy:
    return replace(POLICY.bounce, rules=(rule,))


PLAIN = Rule("plain", Severity.WARNING, Window(emails=1_000), Threshold(0.03))


@pytest.mark.parametrize(("bounces", "holds"), [(29, False), (30, False), (31, True)], ids=["below", "at", "above"])
def test_a_rule_holds_above_its_line_only(bounces: int, holds: bool) -> None:
    assert bool(findings(of((1_000, bounces)), one(PLAIN))) is holds


@pytest.mark.parametrize(("events", "holds"), [(4, False), (5, True)])
def test_a_rule_waits_for_its_least_number_of_events(events: int, holds: bool) -> None:
    assert bool(findings(of((20, events)), one(replace(PLAIN, min_events=5)))) is holds


@pytest.mark.parametrize(("emails", "holds"), [(499, False), (500, True)])
def test_a_rule_waits_for_its_least_number_of_emails(emails: int, holds: bool) -> None:
    assert bool(findings(of((emails, 50)), one(replace(PLAIN, min_emails=500)))) is holds


def test_no_mail_holds_no_rule() -> None:
    assert findings(of((0, 9)), one(PLAIN)) == []


@pytest.mark.parametrize(("recent", "holds"), [(1, False), (9, True)])
def test_a_rule_with_an_and_still_counts_only_while_it_goes_on(recent: int, holds: bool) -> None:
    rule = replace(PLAIN, still=Still(Window(emails=100), above=0.02))
    assert bool(findings(of((900, 60), (100, recent)), one(rule))) is holds
    shared = replace(PLAIN, still=Still(Window(emails=100), share_of_threshold=0.7))
    assert bool(findings(of((900, 60), (100, recent)), one(shared))) is holds


def test_a_line_that_follows_the_normal_stays_between_its_limits() -> None:
    line = Threshold(0.03, lower=0.02, multiple=2.5)

    def at(bounces: int) -> float:
        return threshold_at(of(*[(100, bounces)] * (14 * 96)), line)

    assert at(0) == 0.02
    assert at(1) == pytest.approx(0.025, rel=0.01)
    assert at(5) == 0.03
    assert threshold_at(of(*[(0, 0)] * (14 * 96), (100, 1)), line) == pytest.approx(
        0.03
    )  # with little email it is there
    assert threshold_at(of(*[(100, 0)] * (5 * 96 - 1)), line) == 0.03  # and while too young to know


def test_a_finding_carries_the_numbers_that_made_it() -> None:
    [finding] = findings(of((1_000, 80)), one(replace(PLAIN, confidence=2.0)))
    assert finding.count is not None and finding.bound is not None
    assert finding.count[:2] == (80, 1_000) and finding.threshold == 0.03
    assert 0.03 < finding.bound < 0.08 and finding.rule == "plain"


def test_the_worst_finding_comes_first() -> None:
    found = findings(of(*[(2_000, 300)] * 10), POLICY.bounce)
    assert found[0].severity is Severity.CRITICAL and found[-1].severity is Severity.WARNING


def test_the_default_bounce_rules_have_the_numbers_that_simulation_found() -> None:
    rules = {rule.name: rule for rule in POLICY.bounce.rules}
    recent = Window(emails=300, share_of_day=1 / 8)
    assert rules == {
        "recent": Rule("recent", Severity.WARNING, recent, Threshold(0.03, 0.02, 2.5), 2.0, 5),
        "sharp": Rule("sharp", Severity.WARNING, Window(emails=100, share_of_day=1 / 24), Threshold(0.04), 3.0, 5),
        "day": Rule(
            "day",
            Severity.WARNING,
            Window(emails=3_000, share_of_day=1.0),
            Threshold(0.025),
            2.0,
            5,
            still=Still(recent, above=0.0175),
        ),
        "quarter-day": Rule(
            "quarter-day", Severity.CRITICAL, Window(emails=1_000, share_of_day=1 / 4), Threshold(0.05), 2.0, 5
        ),
        "aws-estimate": Rule("aws-estimate", Severity.CRITICAL, AWS_ESTIMATE, Threshold(0.045), 1.0, 5),
    }
    assert POLICY.bounce.calm == (Calm(recent, 0.02), Calm(AWS_ESTIMATE, 0.045))


def test_the_default_complaint_rules_have_the_numbers_that_simulation_found() -> None:
    going_on = Still(Window(hours=24), share_of_threshold=0.7)
    usual, sharp = Threshold(0.0008, 0.0004, 2.0), Threshold(0.001, 0.0006, 3.0)
    warnings = [
        (6, sharp, 2.0, None),
        (12, usual, 1.645, None),
        (24, usual, 1.645, None),
        (72, usual, 1.645, going_on),
        (168, usual, 1.645, going_on),
    ]
    criticals = [(12, 0.0015, None), (24, 0.0012, None), (72, 0.001, going_on)]
    assert set(POLICY.complaint.rules) == {
        Rule(f"{hours} h", Severity.WARNING, Window(hours=hours), line, z, 4, still=still)
        for hours, line, z, still in warnings
    } | {
        Rule(f"{hours} h critical", Severity.CRITICAL, Window(hours=hours), Threshold(line), 2.0, 5, still=still)
        for hours, line, still in criticals
    }
    assert POLICY.complaint.calm == (Calm(Window(hours=24), 0.0005), Calm(AWS_ESTIMATE, 0.0009))


@given(factor=st.floats(0.2, 1.9))
def test_all_default_lines_scale_with_the_lines_that_a_user_touches(factor: float) -> None:
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


def test_the_all_clear_needs_every_rate_to_be_truly_low() -> None:
    assert is_calm(of(*[(400, 4)] * 96), POLICY.bounce)
    assert not is_calm(of(*[(400, 9)] * 96), POLICY.bounce)  # recent email is at 2.25 %
    assert not is_calm(of(*[(400, 40)] * 50, *[(400, 4)] * 20), POLICY.bounce)  # the email that AWS counts is not


def test_without_mail_there_is_no_all_clear() -> None:
    assert not is_calm(of((0, 0)), POLICY.bounce)


def test_a_slow_rule_that_only_sleeps_keeps_the_all_clear_back() -> None:
    rule = Rule(
        "slow", Severity.WARNING, Window(emails=5_000), Threshold(0.011), still=Still(Window(emails=100), above=0.011)
    )
    policy = replace(POLICY.bounce, rules=(rule,))
    view = of(*[(400, 6)] * 8, *[(400, 0)] * 2)
    assert findings(view, policy) == [] and not is_calm(view, policy)


def history(emails: int) -> History:
    made = history_from([Point(START, emails)], until=START + BUCKET)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("emails", "verdict"),
    [(0, Verdict.NO_DATA), (124, Verdict.TOO_FEW_EMAILS), (125, Verdict.OK)],
)
def test_with_too_little_mail_it_is_neither_well_nor_ill(emails: int, verdict: Verdict) -> None:
    assert enough_emails(POLICY.bounce) == 125  # of fewer, five bounces would already be over the line of 4 %
    assert verdict_of(View(history(emails), Metric.BOUNCE, 1), POLICY.bounce, Severity.NONE) is verdict


@given(bounces=st.lists(st.integers(0, 40), min_size=1, max_size=60), more=st.integers(0, 59))
def test_more_bounces_never_silence_a_fixed_rule(bounces: list[int], more: int) -> None:
    fixed = replace(POLICY.bounce, rules=tuple(r for r in POLICY.bounce.rules if not r.threshold.multiple))
    worse = list(bounces)
    worse[more % len(worse)] += 5
    before = {f.rule for f in findings(of(*[(400, b) for b in bounces]), fixed)}
    after = {f.rule for f in findings(of(*[(400, b) for b in worse]), fixed)}
    assert before <= after
