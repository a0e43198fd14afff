"""The rules of a metric as lines of a table."""

from __future__ import annotations

from collections.abc import Iterator

from ses_reputation.core.rates import Window
from ses_reputation.core.rules import MetricPolicy, Rule, Threshold
from ses_reputation.core.wording import percent


def rules_in_words(policy: MetricPolicy) -> Iterator[str]:
    """The lines that people speak of, then each rule: name, severity, window, line."""
    yield f"{policy.metric.capitalize()}s: warning at {percent(policy.warning)}, critical at {percent(policy.critical)}"
    for rule in policy.rules:
        yield f"  {rule.severity.word:<9}{rule.name:<15}{_window(rule.window):<51}{_line(rule.threshold)}{_least(rule)}"


def _window(window: Window) -> str:
    if window.hours:
        return f"the last {window.hours} h"
    if not window.share_of_day:
        return f"the last {window.emails:,} emails"
    share = f"{window.share_of_day:.2g} of a normal day" if window.share_of_day != 1 else "a normal day"
    return f"the last {window.emails:,} emails, or {share} if more"


def _line(line: Threshold) -> str:
    if not line.multiple:
        return f"above {percent(line.upper)}"
    return f"above {line.multiple:g} times the own normal, held within {percent(line.lower)} and {percent(line.upper)}"


def _least(rule: Rule) -> str:
    return f", of at least {rule.min_emails:,} emails" if rule.min_emails else ""
