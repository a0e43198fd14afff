"""The rules of a metric in words: what they are, what can happen under them, and where their thresholds are now."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from ses_reputation.core.evaluation import Evaluation, InForce
from ses_reputation.core.rates import Window
from ses_reputation.core.rules import MetricPolicy, Policy, Rule, Severity, Threshold, thresholds_in_force
from ses_reputation.core.wording import percent, plural

COLUMNS = ("Severity", "Rule", "Window", "Threshold", "Needs")


def heading_of(policy: MetricPolicy) -> str:
    """Say when an alert opens."""
    return f"{policy.metric.capitalize()}s: an alert opens when any of these rules holds"


def rows_of(policy: MetricPolicy) -> Iterator[tuple[str, ...]]:
    """Yield one row for each rule, in the order of `COLUMNS`."""
    for rule in policy.rules:
        needs = f"{_least(rule)}{_while(rule)}".removeprefix(", ")
        yield rule.severity.word, rule.name, _window(rule.window), _threshold(rule.threshold), needs


def outcomes_in_words(policy: Policy) -> Iterator[str]:
    """List the alerts that can open under these rules, and those that cannot."""
    yield "What can happen:"
    for metric in policy.metrics:
        limits = thresholds_in_force(metric)
        for severity in (Severity.WARNING, Severity.CRITICAL):
            yield f"  {_outcome(metric, severity, limits[severity])}"
    if not policy.volume.silence:
        yield "  no alert when sending stops: [volume] silence is false"
    if not policy.volume.spike:
        yield "  no alert when sending spikes: [volume] spike is 0"


def _outcome(policy: MetricPolicy, severity: Severity, limit: float | None) -> str:
    what = f"{severity.word} alert about {policy.metric}s"
    rules = [rule for rule in policy.rules if rule.severity is severity]
    if not rules:
        return f"no {what}: none of your rules has this severity"
    least = min(rule.threshold.least for rule in rules)
    if limit is None:
        return f"a {what} from {percent(least)} on, but only if that is unusual for the sender"
    if least < limit:
        return f"a {what} from {percent(limit)} on, and from {percent(least)} on if that is unusual for the sender"
    return f"a {what} from {percent(limit)} on"


def nearest_in_words(evaluation: Evaluation) -> Iterator[str]:
    """Describe the rule of each severity that is nearest to its threshold now: threshold, reason and how far the rate is."""
    for severity in (Severity.WARNING, Severity.CRITICAL):
        rules = [now for now in evaluation.thresholds if now.rule.severity is severity and isfinite(now.threshold)]
        if rules:
            nearest = max(rules, key=lambda now: now.bound / now.threshold)
            yield f"Nearest {severity.word}: rule {nearest.rule.name}, {in_force_in_words(nearest)}"


def in_force_in_words(now: InForce) -> str:
    """Describe the threshold of a rule now: its value, the reason, and how far the rate is from it."""
    rate = now.count.rate
    if rate is None:
        return f"threshold {percent(now.threshold)} ({now.reason}); no email in {_window(now.rule.window)}"
    if not isfinite(now.threshold):
        return f"no threshold yet: {now.reason}"
    counted = f"{now.count.events:,} of {plural(now.count.emails, 'email')}"
    sure = f", very likely above {percent(now.bound, now.threshold)}" if now.rule.confidence and now.bound else ""
    distance = "Reached" if now.bound > now.threshold else f"{now.bound / now.threshold:.0%} of the way"
    return f"threshold {percent(now.threshold)} ({now.reason}). Now {percent(rate, now.threshold)} ({counted}){sure}. {distance}."


def _window(window: Window) -> str:
    if window.hours:
        return f"the last {window.hours} h"
    if not window.share_of_day:
        return f"the last {window.emails:,} emails"
    share = f"{window.share_of_day:.2g} of a normal day" if window.share_of_day != 1 else "a normal day"
    return f"the last {window.emails:,} emails, or {share} if more"


def _threshold(threshold: Threshold) -> str:
    if not threshold.multiple:
        return f"above {percent(threshold.upper)}"
    what = "usual rate and own worst" if threshold.own_worst else "usual rate"
    limits = f"at least {percent(threshold.lower)}"
    if isfinite(threshold.upper):
        limits = f"between {percent(threshold.lower)} and {percent(threshold.upper)}"
    return f"above {threshold.multiple:g} times the {what}, {limits}"


def _least(rule: Rule) -> str:
    emails = f" of at least {plural(rule.min_emails, 'email')}" if rule.min_emails > 1 else ""
    return f", at least {plural(rule.min_events, 'event')}{emails}"


def _while(rule: Rule) -> str:
    condition = rule.only_while
    if condition is None:
        return ""
    if condition.share_of_threshold is None:
        return f", while {_window(condition.window)} are above {percent(condition.above or 0.0)}"
    return f", while {_window(condition.window)} are above {condition.share_of_threshold:g} of that"
