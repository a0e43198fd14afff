"""Rules hold above their threshold, not at it; unusual is relative to the sender; all as known at the tick."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.evaluation import WORST_FROM, WORST_TO, Evaluation, Evaluator, InForce, OwnWorst
from ses_reputation.core.history import BUCKET, DAY, History, Point, history_from, point_from
from ses_reputation.core.rates import Count, Metric, Window, lower_bound
from ses_reputation.core.rules import (
    MetricPolicy,
    Rule,
    Severity,
    Threshold,
    Verdict,
    While,
    default_policy,
    enough_emails,
)

START = 1_738_368_000
POLICY = default_policy()
INPUTS = Path(__file__).parents[1] / "inputs"


def made(*buckets: tuple[int, int]) -> History:
    """Buckets of (emails, bounces)."""
    points = [Point(START + i * BUCKET, emails, bounces) for i, (emails, bounces) in enumerate(buckets)]
    history = history_from(points, until=START + len(buckets) * BUCKET)
    assert history is not None
    return history


def of(*buckets: tuple[int, int], policy: MetricPolicy = POLICY.bounce) -> Evaluation:
    """The metric after these buckets of (emails, bounces)."""
    history = made(*buckets)
    return Evaluator(history, policy).at(history.time(history.slots))


def one(rule: Rule) -> MetricPolicy:
    return replace(POLICY.bounce, rules=(rule,))


PLAIN = Rule("plain", Severity.WARNING, Window(emails=1_000), Threshold(0.03))


@pytest.mark.parametrize(("bounces", "holds"), [(29, False), (30, False), (31, True)], ids=["below", "at", "above"])
def test_a_rule_holds_above_its_threshold_only(bounces: int, holds: bool) -> None:
    assert bool(of((1_000, bounces), policy=one(PLAIN)).found) is holds


@pytest.mark.parametrize(("events", "holds"), [(4, False), (5, True)])
def test_a_rule_waits_for_its_minimum_of_events(events: int, holds: bool) -> None:
    assert bool(of((20, events), policy=one(replace(PLAIN, min_events=5))).found) is holds


@pytest.mark.parametrize(("emails", "holds"), [(499, False), (500, True)])
def test_a_rule_waits_for_its_minimum_of_emails(emails: int, holds: bool) -> None:
    assert bool(of((emails, 50), policy=one(replace(PLAIN, min_emails=500))).found) is holds


def test_without_email_no_rule_holds() -> None:
    assert of((0, 9), policy=one(PLAIN)).found == ()


@pytest.mark.parametrize(("recent", "holds"), [(1, False), (9, True)])
def test_a_rule_with_a_while_holds_only_while_it_goes_on(recent: int, holds: bool) -> None:
    plain = replace(PLAIN, only_while=While(Window(emails=100), above=0.02))
    assert bool(of((900, 60), (100, recent), policy=one(plain)).found) is holds
    shared = replace(PLAIN, only_while=While(Window(emails=100), share_of_threshold=0.7))
    assert bool(of((900, 60), (100, recent), policy=one(shared)).found) is holds


def threshold(*buckets: tuple[int, int], rule: Rule) -> float:
    return of(*buckets, policy=one(rule)).thresholds[0].threshold


USUAL = replace(PLAIN, threshold=Threshold(0.03, lower=0.012, multiple=1.7, own_worst=False))


@pytest.mark.parametrize(("bounces", "expected"), [(0, 0.012), (1, 0.017), (5, 0.03)])
def test_a_threshold_that_follows_the_usual_rate_stays_between_its_limits(bounces: int, expected: float) -> None:
    assert threshold(*[(100, bounces)] * (14 * 96), rule=USUAL) == pytest.approx(expected, rel=0.01)


def test_a_young_or_empty_history_has_the_upper_limit() -> None:
    assert threshold(*[(100, 0)] * (5 * 96 - 1), rule=USUAL) == 0.03
    assert threshold(*[(0, 0)] * (14 * 96), (100, 1), rule=USUAL) == pytest.approx(0.03)
    free = replace(USUAL, threshold=Threshold(inf, lower=0.012, multiple=1.7))
    young = of(*[(100, 0)] * (5 * 96 - 2), (100, 90), policy=one(free))
    old = of(*[(100, 0)] * (5 * 96 - 1), (100, 90), policy=one(free))
    assert (young.found, len(old.found)) == ((), 1)


def test_the_senders_worst_raises_the_threshold_for_ten_days() -> None:
    rule = replace(PLAIN, threshold=Threshold(0.5, lower=0.012, multiple=1.7), window=Window(emails=400))
    calm, bad = [(400, 4)], [(400, 40)]

    def after(slots: int) -> float | None:
        return of(*calm * 600, *bad, *calm * slots, policy=one(rule)).thresholds[0].own_worst

    assert after(WORST_TO - 1) == pytest.approx(0.01)
    assert after(WORST_TO) == pytest.approx(0.1)
    assert after(WORST_FROM - 1) == pytest.approx(0.1)
    assert after(WORST_FROM) == pytest.approx(0.01)
    assert threshold(*calm * 600, *bad, *calm * WORST_TO, rule=rule) == pytest.approx(0.17)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 1_500), max_size=6))
def test_the_senders_worst_does_not_depend_on_the_order_of_calls(seed: int, ticks: list[int]) -> None:
    values = random.Random(seed).choices([0.0, 0.1, 0.2, 0.3], k=1_500)
    asked: list[int] = []

    def value(tick: int) -> float:
        asked.append(tick)
        return values[tick - 1]

    worst = OwnWorst(value, 1)
    for tick in ticks:
        span = [values[known - 1] for known in range(max(1, tick - WORST_FROM + 1), tick - WORST_TO + 1)]
        assert worst.at(tick) == max(span, default=0.0)
    asked.clear()
    rising = OwnWorst(value, 1)
    for tick in range(1, len(values) + 1):
        rising.at(tick)
    assert len(asked) == len(set(asked))


def test_a_finding_carries_the_numbers_that_explain_it() -> None:
    [finding] = of(
        *[(1_000, 8)] * 1_000,
        (1_000, 80),
        policy=one(replace(PLAIN, confidence=2.0, threshold=Threshold(0.045, 0.012, 1.7))),
    ).found
    assert finding.count is not None and finding.count[:2] == (80, 1_000)
    assert finding.count.end - finding.count.start == BUCKET
    assert finding.bound == pytest.approx(lower_bound(80, 1_000, 2.0))
    assert finding.usual == pytest.approx(0.008, rel=0.01)
    assert finding.own_worst is not None and finding.own_worst < 0.008
    assert finding.threshold == pytest.approx(1.7 * (finding.usual or 0.0))


def test_the_worst_finding_comes_first() -> None:
    found = of(*[(2_000, 300)] * 10).found
    assert found[0].severity is Severity.CRITICAL and found[-1].severity is Severity.WARNING


def test_the_resolution_needs_every_rate_to_be_truly_low() -> None:
    assert of(*[(400, 4)] * 96).calm
    assert not of(*[(400, 9)] * 96).calm  # recent email is at 2.25%
    assert not of(*[(400, 40)] * 50, *[(400, 4)] * 20).calm  # the email that AWS counts is not
    assert not of(*[(400, 4)] * 1_000, *[(400, 7)] * 96).calm  # a last day at 1.75% is not nearly the usual 1%
    assert of(*[(400, 7)] * 1_000).calm  # but it is for a sender who always has it


def test_without_email_there_is_no_resolution() -> None:
    assert not of((0, 0)).calm


@pytest.mark.parametrize(
    ("buckets", "events", "emails", "at_most"),
    [
        ([(400, 9)] * 96, 144, 6_400, 0.02),  # four hours' worth
        ([(400, 40)] * 50 + [(400, 4)] * 20, 2_080, 28_000, 0.045),  # what AWS counts
        ([(400, 4)] * 1_000 + [(400, 7)] * 96, 672, 38_400, pytest.approx(0.013, abs=2e-4)),  # 1.3 times the usual 1%
    ],
    ids=["recent email", "the email that AWS counts", "the last day"],
)
def test_the_rate_that_keeps_an_alert_open_is_named(
    buckets: list[tuple[int, int]], events: int, emails: int, at_most: float
) -> None:
    still_high = of(*buckets).still_high
    assert still_high is not None
    count, low = still_high
    assert (count.events, count.emails, low) == (events, emails, at_most)


def test_nothing_keeps_an_alert_of_a_calm_sender_open() -> None:
    assert of(*[(400, 4)] * 96).still_high is None


def test_a_dormant_slow_rule_delays_the_resolution() -> None:
    rule = Rule(
        "slow",
        Severity.WARNING,
        Window(emails=5_000),
        Threshold(0.011),
        only_while=While(Window(emails=100), above=0.011),
    )
    now = of(*[(400, 6)] * 8, *[(400, 0)] * 2, policy=one(rule))
    assert now.found == () and not now.calm


@pytest.mark.parametrize(
    ("emails", "verdict"), [(0, Verdict.NO_DATA), (111, Verdict.TOO_FEW_EMAILS), (112, Verdict.OK)]
)
def test_with_too_little_email_it_is_neither_good_nor_bad(emails: int, verdict: Verdict) -> None:
    assert enough_emails(POLICY.bounce) == 112  # of fewer, five bounces would already be over the threshold of 4.5%
    assert of((emails, 0)).verdict is verdict


@given(bounces=st.lists(st.integers(0, 40), min_size=1, max_size=60), more=st.integers(0, 59))
def test_more_bounces_never_silence_a_fixed_rule(bounces: list[int], more: int) -> None:
    fixed = replace(POLICY.bounce, rules=tuple(r for r in POLICY.bounce.rules if not r.threshold.multiple))
    worse = list(bounces)
    worse[more % len(worse)] += 5
    before = {f.rule for f in of(*[(400, b) for b in bounces], policy=fixed).found}
    after = {f.rule for f in of(*[(400, b) for b in worse], policy=fixed).found}
    assert before <= after


@pytest.mark.parametrize("metric", Metric)
def test_findings_do_not_depend_on_later_data(metric: Metric) -> None:
    dice = random.Random(5)
    points = [
        Point(
            START + i * BUCKET, sent := dice.choice([0, 0, 40, 3_000]), sent // dice.choice([20, 60, 99]), sent // 1_500
        )
        for i in range(1_500)
    ]
    policy = POLICY.bounce if metric is Metric.BOUNCE else POLICY.complaint
    whole = history_from(points, until=START + 1_500 * BUCKET)
    assert whole is not None
    evaluator = Evaluator(whole, policy)
    for cut in (3, 400, 777, 1_400, 1_201):
        seen = history_from(points[:cut], until=START + cut * BUCKET)
        assert seen is not None
        now = START + cut * BUCKET
        known, later = Evaluator(seen, policy).at(now), evaluator.at(now)
        assert (known.found, known.calm, known.estimate) == (later.found, later.calm, later.estimate)
        assert (known.thresholds, known.headroom) == (later.thresholds, later.headroom)


def recorded(name: str) -> History:
    points = [point_from(member) for member in json.loads((INPUTS / name).read_text())]
    history = history_from(points, until=max(point.at for point in points) + BUCKET)
    assert history is not None
    return history


def test_the_late_bounces_of_a_newsletter_are_not_an_alert() -> None:
    history = recorded("repro-late-bounces.json")
    evaluator = Evaluator(history, POLICY.bounce)
    assert history.bounces[-1] / history.attempts[-1] == pytest.approx(0.01, abs=0.002)
    assert all(evaluator.at(history.time(index)).found == () for index in range(1, history.slots + 1))


def test_the_complaints_of_a_newsletter_are_not_an_alert() -> None:
    history = recorded("repro-newsletter-complaints.json")
    evaluator = Evaluator(history, POLICY.complaint)
    for index in range(1, history.slots + 1):
        now = evaluator.at(history.time(index))
        assert now.found == () and now.verdict in (Verdict.OK, Verdict.TOO_FEW_EMAILS, Verdict.NO_DATA)
        assert now.headroom is None or now.headroom.events_left > 0


def test_a_daily_total_is_not_used_for_delays_or_the_worst() -> None:
    days = [Point(START + day * DAY, 400, 40, whole_day=True) for day in range(10)]
    quarters = [Point(START + 10 * DAY + i * BUCKET, 400, 4) for i in range(14 * 96)]
    history = history_from([*days, *quarters], until=START + 24 * DAY)
    assert history is not None
    rule = replace(PLAIN, threshold=Threshold(0.5, lower=0.001, multiple=1.7), window=Window(emails=400))
    [now] = Evaluator(history, one(rule)).at(START + 20 * DAY).thresholds
    assert now.own_worst == pytest.approx(0.01)


@pytest.mark.parametrize("hours", [24, 96], ids=["the rates", "the estimate of AWS's rate"])
def test_complaints_are_compared_with_the_email_they_are_about(hours: int) -> None:
    points = [Point(START + i * BUCKET, 1_000, 10, 1) for i in range(4 * hours)]
    end = START + 4 * hours * BUCKET
    views = {}
    for share in (1.0, 0.5):
        history = history_from(points, until=end, feedback_share=share)
        assert history is not None
        for policy in (POLICY.bounce, POLICY.complaint):
            now = Evaluator(history, policy).at(end)
            views[share, policy.metric] = (now.shown.rate, now.estimate.rate, now.share_left)
    assert views[0.5, Metric.BOUNCE] == views[1.0, Metric.BOUNCE]
    (rate, estimate, left), (half_rate, half_estimate, half_left) = (
        views[share, Metric.COMPLAINT] for share in (1.0, 0.5)
    )
    assert rate and estimate and left and half_left is not None
    assert half_rate == pytest.approx(2 * rate) and half_estimate == pytest.approx(2 * estimate)
    assert half_left < left


@pytest.mark.parametrize(
    ("limits", "threshold", "usual", "worst", "reason"),
    [
        (Threshold(0.04), 0.04, None, None, "fixed"),
        (Threshold(0.04, 0.01, 3), 0.04, None, None, "its upper limit, until the history is five days old"),
        (Threshold(0.04, 0.01, 3), 0.04, 0.02, None, "its upper limit"),
        (Threshold(0.04, 0.01, 3), 0.01, 0.002, None, "its lower limit"),
        (Threshold(0.04, 0.01, 3), 0.03, 0.01, 0.009, "3 times this sender's usual rate"),
        (Threshold(0.04, 0.01, 3), 0.03, 0.005, 0.01, "3 times this sender's worst"),
    ],
)
def test_a_rule_says_why_its_threshold_is_where_it_is(
    limits: Threshold, threshold: float, usual: float | None, worst: float | None, reason: str
) -> None:
    rule = replace(POLICY.bounce.rules[0], threshold=limits)
    assert InForce(rule, threshold, usual, worst, Count(0, 0, START, START), 0.0).reason == reason
