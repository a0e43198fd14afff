"""The rules of a metric as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator

from ses_reputation.core.rates import Window
from ses_reputation.core.rules import MetricPolicy, Rule, Threshold
from ses_reputation.core.wording import percent

COLUMNS = ("Severity", "Rule", "Window", "Threshold", "Needs")


def heading_of(policy: MetricPolicy) -> str:
    """Name the two thresholds that people speak of."""
    return (
        f"{policy.metric.capitalize()}s: warning at {percent(policy.warning)}, critical at {percent(policy.critical)}"
    )


def rows_of(policy: MetricPolicy) -> Iterator[tuple[str, ...]]:
    """Yield one row for each rule, in the order of `COLUMNS`."""
    for rule in policy.rules:
        yield rule.severity.word, rule.name, _window(rule.window), _threshold(rule.threshold), _needs(rule)


def _window(window: Window) -> str:
    if window.hours:
        return f"last {window.hours} h"
    if not window.share_of_day:
        return f"last {window.emails:,} emails"
    share = f"{window.share_of_day:.2g} of a usual day" if window.share_of_day != 1 else "a usual day"
    return f"last {window.emails:,} emails, or {share} if more"


def _threshold(threshold: Threshold) -> str:
    if not threshold.multiple:
        return f"above {percent(threshold.upper)}"
    between = f"between {percent(threshold.lower)} and {percent(threshold.upper)}"
    return f"above {threshold.multiple:g} times the usual rate, {between}"


def _needs(rule: Rule) -> str:
    least = f", {rule.min_emails:,} emails" if rule.min_emails else ""
    events = "event" if rule.min_events == 1 else "events"
    return f"{rule.min_events} {events}{least}"
