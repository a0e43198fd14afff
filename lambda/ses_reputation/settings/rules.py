"""The tables of settings.toml that decide: [bounce], [complaint], [account] and [volume] → `Policy`."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from ..core.rates import AWS_THRESHOLDS, Metric, Window
from ..core.rules import (
    UNUSUAL,
    AccountPolicy,
    Calm,
    MetricPolicy,
    Policy,
    Rule,
    Severity,
    Threshold,
    VolumePolicy,
    While,
    default_bounce_policy,
    default_complaint_policy,
    default_policy,
)
from .table import Limit, Table, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NAME = r"[ -~]{0,39}[!-~]"

MIN_EVENTS = {Metric.BOUNCE: 5, Metric.COMPLAINT: 4}
MIN_EMAILS = 100
"""A rule of your own asks for these unless it says otherwise: one bounce of eight emails says nothing."""


POLICY_TABLES = ("bounce", "complaint", "account", "volume")


def read_policy(file: Table) -> Policy:
    """The policy in `POLICY_TABLES` of `file`, to be used only if it then has no problems."""
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
            "`ses-reputation check` suggests a value where AWS's own rate is known.",
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
    policy = VolumePolicy(
        table.flag(
            "silence",
            default.silence,
            "Alert when a sender who has sent at these hours on every day known sends nothing.",
        ),
        table.number(
            "spike",
            default.spike,
            (0, 1000),
            "Alert when three hours bring more than this many times the largest three hours of two weeks; 0 never does.",
        ),
    )
    if 0 < policy.spike <= 1:
        table.refuse("spike", "0, or a number above 1, at most 1000", "at 1 or less every sender spikes; write 0 or 3")
    return policy


def _metric(table: Table, default: MetricPolicy, scaled: Callable[..., MetricPolicy]) -> MetricPolicy:
    metric = default.metric
    pause = Limit(AWS_THRESHOLDS[metric].pause, "where AWS may pause the account: an alert must come before")
    warning, critical = _thresholds(table, default, pause)
    policy = scaled(warning, critical, *_unusual(table, metric, Limit(warning, "the warning threshold", pause.rate)))
    rules = table.each(
        "rules",
        f"{{ hours = 24, above = {plain(default.warning)}, min_emails = 500 }}",
        lambda rule: _rule(rule, pause, metric),
        "Rules of your own instead of the default rules of their severity. An alert opens when any rule holds.",
    )
    calm = table.each(
        "calm",
        f"{{ hours = 24, at_most = {plain(default.warning / 2)} }}",
        lambda calm: _calm(calm, Limit(critical, "the critical threshold", pause.rate)),
        "Conditions of your own for the resolution: all of them, and 24 hours in which no rule held.",
    )
    chosen = policy.rules if rules is None else _with_own_rules(table, rules, policy.rules)
    return MetricPolicy(metric, chosen, policy.calm if calm is None else tuple(calm), warning, critical)


def _thresholds(table: Table, default: MetricPolicy, pause: Limit) -> tuple[float, float]:
    """Read the warning and the critical threshold."""
    before = len(table.problems)
    warning = table.rate(
        "warning",
        default.warning,
        pause,
        "The warning threshold for a sender who is always near it. Default rules about what is unusual for a sender warn "
        "of less, and their shortest windows of bounces up to 1.5 times this.",
    )
    critical = table.rate(
        "critical", default.critical, pause, "The critical threshold; the default rules scale with it."
    )
    if warning >= critical and len(table.problems) == before:
        table.refuse(
            "warning" if table.has("warning") else "critical",
            "a warning threshold below the critical threshold",
            "lower warning or raise critical",
            f"warning {plain(warning)}, critical {plain(critical)}",
        )
    return warning, critical


def _unusual(table: Table, metric: Metric, warning: Limit) -> tuple[float, float | None]:
    """Read from which multiple of the usual rate on the default rules warn, and from which rate on at the earliest."""
    unusual = table.number(
        "unusual",
        UNUSUAL,
        (0, 100),
        "Warn when the rate is very likely above this many times the sender's usual rate and own worst; 0: fixed thresholds only.",
    )
    if 0 < unusual < 1:
        table.refuse(
            "unusual", "0, or a number from 1 to 100", "below 1 every sender is always unusual; write 0 or 1.7"
        )
    lowest = table.rate(
        "warning_min",
        None,
        warning,
        "Never warn of less than this, however unusual it is. By default "
        f"{'0.4' if metric is Metric.BOUNCE else '0.25'} of warning.",
    )
    return unusual, lowest


def _with_own_rules(table: Table, own: Sequence[Rule], default: Sequence[Rule]) -> tuple[Rule, ...]:
    """Put your own rules in place of the default ones of their severities."""
    severities = {rule.severity for rule in own}
    kept = [rule for rule in default if rule.severity not in severities]
    names = [rule.name for rule in (*own, *kept)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        table.refuse("rules", "rules with different names", 'write name = "..." into each', f"two named {name}")
    return (*own, *kept)


def _rule(table: Table, pause: Limit, metric: Metric) -> Rule | None:
    """None if the window or the threshold is wrong; so below."""
    window, threshold = _window(table), _threshold(table, pause)
    severity = table.one_of("severity", "warning", ("warning", "critical"), "How bad it is when the rule holds.")
    confidence = table.number(
        "confidence",
        0.0,
        (0, 6),
        "Standard deviations from the rate to the threshold: 2 is 98% sure, 0 compares the plain rate.",
    )
    too_few = "With fewer the rule does not hold."
    min_events = table.whole("min_events", MIN_EVENTS[metric], (1, 1_000_000), "events", too_few)
    min_emails = table.whole("min_emails", MIN_EMAILS, (0, 1_000_000_000), "emails", too_few)
    condition = table.table("while", "The rule holds only while this is so too.")
    only_while = _while(condition, pause) if condition.given is table.given.get("while") else None
    usual = "" if window is None else f"{window.hours} h" if window.hours else f"{window.emails} emails"
    name = table.text(
        "name",
        usual if severity == "warning" else f"{usual} {severity}",
        "1 to 40 printable ASCII characters",
        _NAME,
        'What alerts call the rule. By default its window, like "24 h" or "24 h critical".',
    )
    if window is None or threshold is None:
        return None
    return Rule(name, Severity[severity.upper()], window, threshold, confidence, min_events, min_emails, only_while)


def _window(table: Table) -> Window | None:
    hours = table.whole("hours", None, (1, 14 * 24), "hours", "The window in hours, up to now.")
    emails = table.whole(
        "emails",
        None,
        (1, 1_000_000_000),
        "emails",
        "Instead of hours: this many of the last emails, however long they took.",
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


def _threshold(table: Table, pause: Limit) -> Threshold | None:
    above = table.rate("above", None, pause, "The threshold: a fixed rate.")
    multiple = table.number(
        "times_usual",
        None,
        (1, 100),
        "Instead of above: the threshold is this many times the sender's usual rate and own worst ...",
    )
    lower = table.rate("above_at_least", None, pause, "... but not below this rate ...")
    upper = table.rate("above_at_most", None, pause, "... and not above this one, if there is a limit.")
    own_worst = table.flag("own_worst", True, "With times_usual: whether the sender's own worst counts, too.")
    following = [key for key in ("times_usual", "above_at_least", "above_at_most", "own_worst") if table.has(key)]
    if table.has("above") == bool(following):
        both = f"above and {following[0]}" if following else "missing"
        accepted = "a threshold: either above, or times_usual with above_at_least"
        table.refuse("above", accepted, "write the rate above which the rule holds", both)
    elif following:
        for key in ("times_usual", "above_at_least"):
            if not table.has(key):
                table.refuse(key, "times_usual and above_at_least together", "write both, or above alone")
    if lower is not None and upper is not None and lower >= upper:
        limits = f"{plain(lower)} to {plain(upper)}"
        table.refuse("above_at_least", "less than above_at_most", "exchange or correct them", limits)
    if above is not None:
        return Threshold(above)
    if multiple is None or lower is None:
        return None
    return Threshold(inf if upper is None else upper, lower, multiple, own_worst)


def _while(table: Table, pause: Limit) -> While | None:
    window = _window(table)
    above = table.rate("above", None, pause, "The plain rate of that window is above this.")
    share_of_threshold = table.number(
        "share_of_threshold", None, (0, 1), "Instead of above: it is above this part of the rule's threshold."
    )
    if table.has("above") == table.has("share_of_threshold"):
        both = "above and share_of_threshold" if table.has("above") else "missing"
        table.refuse("above", "either above or share_of_threshold", "write one of the two", both)
    return None if window is None else While(window, above, share_of_threshold)


def _calm(table: Table, critical: Limit) -> Calm | None:
    window = _window(table)
    at_most = table.rate("at_most", None, critical, "The plain rate of that window is at most this.")
    times_usual = table.number(
        "times_usual", 0.0, (0, 100), "Or at most this many times the sender's usual rate, if that is more."
    )
    if not table.has("at_most"):
        table.refuse("at_most", table.keys["at_most"].accepted, "write the rate that is low enough")
    return None if window is None or at_most is None else Calm(window, at_most, times_usual)
