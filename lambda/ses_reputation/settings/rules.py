"""The tables of settings.toml that decide: [bounce], [complaint], [account] and [volume] → `Policy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.rates import AWS_THRESHOLDS, Window
from ..core.rules import (
    AccountPolicy,
    Calm,
    MetricPolicy,
    Policy,
    Rule,
    Severity,
    Still,
    Threshold,
    VolumePolicy,
    default_bounce_policy,
    default_complaint_policy,
    default_policy,
)
from .table import Limit, Table, plain

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = r"[ -~]{0,39}[!-~]"


def read_policy(file: Table) -> Policy:
    """The policy in the tables `bounce`, `complaint`, `account` and `volume` of `file`, to be used only if it then has no problems."""
    default = default_policy()
    bounce = file.table("bounce", "When bounces are too many.")
    complaint = file.table("complaint", "When complaints are too many.")
    return Policy(
        _metric(bounce, default.bounce, default_bounce_policy),
        _metric(complaint, default.complaint, default_complaint_policy),
        complaint.number(
            "feedback_share",
            default.feedback_share,
            (0.05, 1),
            "The part of the email that goes to providers which report complaints; AWS sets complaints against that part only. "
            "Messages suggest a value where AWS's own rate is known.",
        ),
        _account(file.table("account", "When the daily sending quota is nearly used."), default.account),
        _volume(file.table("volume", "When sending stops, or grows beyond anything known."), default.volume),
    )


def _account(table: Table, default: AccountPolicy) -> AccountPolicy:
    policy = AccountPolicy(
        table.number("quota_warning", default.quota_warning, (0.1, 1), "This part of the 24-hour quota is used."),
        table.number("quota_critical", default.quota_critical, (0.1, 1), "This part of it, and it is critical."),
    )
    if policy.quota_warning >= policy.quota_critical:
        table.refuse(
            "quota_warning" if table.has("quota_warning") else "quota_critical",
            "a warning below the critical part",
            "lower quota_warning or raise quota_critical",
            f"warning {plain(policy.quota_warning)}, critical {plain(policy.quota_critical)}",
        )
    return policy


def _volume(table: Table, default: VolumePolicy) -> VolumePolicy:
    return VolumePolicy(
        table.flag(
            "silence",
            default.silence,
            "Tell when a sender who has sent at these hours on every day known sends nothing.",
        ),
        table.number(
            "spike",
            default.spike,
            (0, 1000),
            "Tell when three hours bring so many times the most that any three hours of two weeks did; 0 never tells.",
        ),
    )


def _metric(table: Table, default: MetricPolicy, scaled: Callable[[float, float], MetricPolicy]) -> MetricPolicy:
    metric = default.metric
    pause = Limit(AWS_THRESHOLDS[metric].pause, "where AWS may pause the account: an alert must come before")
    before = len(table.problems)
    warning = table.rate(
        "warning",
        default.warning,
        pause,
        "The line of warnings; a sender whose own normal is low is held to less.",
    )
    critical = table.rate("critical", default.critical, pause, "The line of critical alerts.")
    if warning >= critical and len(table.problems) == before:
        table.refuse(
            "warning" if table.has("warning") else "critical",
            "a warning threshold below the critical threshold",
            "lower warning or raise critical",
            f"warning {plain(warning)}, critical {plain(critical)}",
        )
    policy = scaled(warning, critical)
    rules = table.each(
        "rules",
        f"{{ hours = 24, above = {plain(default.warning)}, min_emails = 500 }}",
        lambda rule: _rule(rule, pause),
        "Rules of your own instead of the default ones. An alert comes when any of them holds.",
    )
    calm = table.each(
        "calm",
        f"{{ hours = 24, at_most = {plain(default.warning / 2)} }}",
        lambda calm: _calm(calm, Limit(critical, "the critical threshold")),
        "Conditions of your own for the all-clear: all of them, and 24 hours in which no rule held.",
    )
    names = [] if rules is None else [rule.name for rule in rules]
    for name in sorted({name for name in names if names.count(name) > 1}):
        table.refuse("rules", "rules with different names", 'write name = "..." into each', f"two named {name}")
    return MetricPolicy(
        metric,
        policy.rules if rules is None else tuple(rules),
        policy.calm if calm is None else tuple(calm),
        warning,
        critical,
    )


def _rule(table: Table, pause: Limit) -> Rule | None:
    """None where the window or the line is wrong; so below."""
    window, line = _window(table), _line(table, pause)
    severity = table.one_of("severity", "warning", ("warning", "critical"), "How bad it is when the rule holds.")
    confidence = table.number(
        "confidence",
        0.0,
        (0, 6),
        "Standard deviations from the rate to the line: 2 is 98 % sure, 0 compares the plain rate.",
    )
    min_events = table.whole("min_events", 1, (1, 1_000_000), "events", "With fewer the rule does not hold.")
    min_emails = table.whole("min_emails", 0, (0, 1_000_000_000), "emails", "With fewer the rule does not hold.")
    condition = table.table("still", "The rule holds only while this is so too.")
    still = _still(condition, pause) if condition.given is table.given.get("still") else None
    usual = "" if window is None else f"{window.hours} h" if window.hours else f"{window.emails} emails"
    name = table.text(
        "name",
        usual if severity == "warning" else f"{usual} {severity}",
        "1 to 40 printable ASCII characters",
        _NAME,
        'What alerts call the rule. By default its window, like "24 h" or "24 h critical".',
    )
    if window is None or line is None:
        return None
    return Rule(name, Severity[severity.upper()], window, line, confidence, min_events, min_emails, still)


def _window(table: Table) -> Window | None:
    hours = table.whole("hours", None, (1, 14 * 24), "hours", "The window: the last so many hours.")
    emails = table.whole(
        "emails",
        None,
        (1, 1_000_000_000),
        "emails",
        "Instead of hours: the last so many emails, whatever time they took.",
    )
    share_of_day = table.number(
        "share_of_day",
        0.0,
        (0, 10),
        "With emails: this part of a normal day's email, where that is more.",
    )
    if table.has("hours") == table.has("emails"):
        both = "hours and emails" if table.has("hours") else "missing"
        table.refuse("hours", "a window: either hours or emails", "write one of the two", both)
    elif table.has("hours") and table.has("share_of_day"):
        table.refuse("share_of_day", "share_of_day with emails only", "remove it, or give the window in emails")
    if hours is not None:
        return Window(hours=hours)
    return None if emails is None else Window(emails=emails, share_of_day=share_of_day)


def _line(table: Table, pause: Limit) -> Threshold | None:
    above = table.rate("above", None, pause, "The line: a fixed rate.")
    multiple = table.number(
        "times_normal",
        None,
        (1, 100),
        "Instead of above: the line is so many times the sender's own normal rate ...",
    )
    lower = table.rate("above_at_least", None, pause, "... but not below this rate ...")
    upper = table.rate("above_at_most", None, pause, "... and not above this one.")
    parts = ("times_normal", "above_at_least", "above_at_most")
    given = [key for key in parts if table.has(key)]
    if table.has("above") == bool(given):
        both = f"above and {given[0]}" if given else "missing"
        accepted = f"a line: either above, or {', '.join(parts)}"
        table.refuse("above", accepted, "write the rate above which the rule holds", both)
    elif given:
        for key in parts:
            if not table.has(key):
                table.refuse(key, f"{', '.join(parts)} together", "write all three, or above alone")
    if lower is not None and upper is not None and lower >= upper:
        limits = f"{plain(lower)} to {plain(upper)}"
        table.refuse("above_at_least", "less than above_at_most", "exchange or correct them", limits)
    if above is not None:
        return Threshold(above)
    if multiple is None or lower is None or upper is None:
        return None
    return Threshold(upper, lower, multiple)


def _still(table: Table, pause: Limit) -> Still | None:
    window = _window(table)
    above = table.rate("above", None, pause, "The plain rate of that window is above this.")
    share_of_threshold = table.number(
        "share_of_threshold", None, (0, 1), "Instead of above: it is above this part of the rule's line."
    )
    if table.has("above") == table.has("share_of_threshold"):
        both = "above and share_of_threshold" if table.has("above") else "missing"
        table.refuse("above", "either above or share_of_threshold", "write one of the two", both)
    return None if window is None else Still(window, above, share_of_threshold)


def _calm(table: Table, critical: Limit) -> Calm | None:
    window = _window(table)
    at_most = table.rate("at_most", None, critical, "The plain rate of that window is at most this.")
    if not table.has("at_most"):
        table.refuse("at_most", table.keys["at_most"].accepted, "write the rate that is low enough")
    return None if window is None or at_most is None else Calm(window, at_most)
