"""Rules in words: what can happen, what cannot, and where a threshold is now."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from ses_reputation.core.evaluation import Evaluator
from ses_reputation.core.history import BUCKET, Point, history_from
from ses_reputation.core.rates import Window
from ses_reputation.core.rules import Rule, Severity, Threshold, VolumePolicy, default_policy

from cli.rules_in_words import COLUMNS, in_force_in_words, nearest_in_words, outcomes_in_words, rows_of

POLICY = default_policy()
PLAIN = Rule("24 h", Severity.WARNING, Window(hours=24), Threshold(0.03), min_events=5, min_emails=500)


def plain(text: str) -> str:
    return text.replace("\u00a0", "")


def in_words(**changes: object) -> str:
    policy = replace(POLICY, **changes)  # type: ignore[arg-type]
    return "\n".join(outcomes_in_words(policy)).replace("\u00a0", "")


def test_the_defaults_can_warn_and_be_critical_about_both() -> None:
    assert in_words().splitlines() == [
        "What can happen:",
        "  a warning alert about bounces from 3% on, and from 1.2% on if that is unusual for the sender",
        "  a critical alert about bounces from 4.7% on",
        "  a warning alert about complaints from 0.08% on, and from 0.02% on if that is unusual for the sender",
        "  a critical alert about complaints from 0.1% on",
    ]


def test_impossible_alerts_are_listed() -> None:
    words = in_words(bounce=replace(POLICY.bounce, rules=(PLAIN,)), volume=VolumePolicy(silence=False, spike=0))
    assert "a warning alert about bounces from 3% on\n" in words
    assert "no critical alert about bounces: none of your rules has this severity" in words
    assert "no alert when sending stops" in words and "no alert when sending spikes" in words


def test_a_rule_without_a_limit_is_about_unusual_rates_only() -> None:
    free = replace(PLAIN, threshold=Threshold(inf, 0.01, 2.0))
    words = in_words(bounce=replace(POLICY.bounce, rules=(free,)))
    assert "a warning alert about bounces from 1% on, but only if that is unusual for the sender" in words


def test_a_rule_is_a_row_with_all_its_conditions() -> None:
    rows = {row[1]: dict(zip(COLUMNS, row, strict=True)) for row in rows_of(POLICY.bounce)}
    assert list(rows) == [rule.name for rule in POLICY.bounce.rules]
    assert plain(rows["day"]["Threshold"]) == "above 1.7 times the usual rate and own worst, between 1.2% and 3%"
    assert plain(rows["day"]["Needs"]).startswith("at least 5 events, while the last 400 emails")
    [row] = rows_of(replace(POLICY.bounce, rules=(PLAIN,)))
    assert tuple(map(plain, row)) == (
        "warning",
        "24 h",
        "the last 24 h",
        "above 3%",
        "at least 5 events of at least 500 emails",
    )


def test_the_current_threshold_is_explained() -> None:
    points = [Point(i * BUCKET, 400, 4) for i in range(14 * 96)]
    history = history_from(points, until=14 * 96 * BUCKET)
    assert history is not None
    now = Evaluator(history, POLICY.bounce).at(14 * 96 * BUCKET)
    by_rule = {each.rule.name: in_force_in_words(each).replace("\u00a0", "") for each in now.thresholds}
    assert (
        by_rule["high"] == "threshold 3% (fixed). Now 1% (96 of 9,600 emails), very likely above 0.81%. 27% of the way."
    )
    assert by_rule["day"].startswith("threshold 1.7% (1.7 times this sender's usual rate). Now 1% (")


def test_only_the_nearest_rule_of_each_severity_is_named() -> None:
    points = [Point(i * BUCKET, 400, 4 if i < 13 * 96 else 14) for i in range(14 * 96)]
    history = history_from(points, until=14 * 96 * BUCKET)
    assert history is not None
    warning, critical = map(plain, nearest_in_words(Evaluator(history, POLICY.bounce).at(14 * 96 * BUCKET)))
    assert warning.startswith("Nearest warning: rule ") and warning.endswith(" Reached.")
    assert critical.startswith("Nearest critical: rule ") and critical.endswith("% of the way.")
