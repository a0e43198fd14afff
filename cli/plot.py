"""The picture of a replay: rates with every line, what was said, and the volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan
from pathlib import Path

from ses_reputation.core.alert import Kind, Reason
from ses_reputation.core.history import History
from ses_reputation.core.plan import Notification
from ses_reputation.core.rates import AWS_ESTIMATE, AWS_THRESHOLDS, SHOWN, Metric, View, Window
from ses_reputation.core.rules import MetricPolicy, Policy, Severity
from ses_reputation.core.wording import duration, plural

from .course import Course, courses, in_words
from .picture import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Level, Mark, Panel, Series, Span, draw

_SLOTS_PER_HOUR = 4

_PANELS = tuple(Metric)
"""The panels of the rates, from the top."""

_FEWEST_EMAILS = 100
"""A rate of fewer emails than this is noise, and is not drawn."""


def plot_replay(path: Path, history: History, policy: Policy, notifications: Sequence[Notification]) -> None:
    """Writes the picture. Raises what `draw` raises."""
    panels = [_rates(history, metric) for metric in policy.metrics]
    hours = range(0, history.slots, _SLOTS_PER_HOUR)
    volume = [history.attempts[min(i + _SLOTS_PER_HOUR, history.slots)] - history.attempts[i] for i in hours]
    times = [history.time(i) for i in hours]
    panels.append(Panel("Emails an hour", [Series("emails", times, volume, GREY, bars=True)], percent=False))
    marks = [
        Mark(a.at, _word(a), _color(a), _PANELS.index(a.check)) for a in notifications if a.reason is not Reason.STILL
    ]
    draw(
        path,
        title(courses(history, notifications), history),
        panels,
        marks=marks,
        spans=list(_spans(history, notifications)),
    )


def title(found: Sequence[Course], history: History) -> str:
    """What the picture shows, a line for each of the first two alerts."""
    if not found:
        return f"No alert in {duration(history.time(history.slots) - history.origin)}"
    more = [f"and {plural(len(found) - 2, 'more alert')}"] if len(found) > 2 else []
    return "\n".join([*map(in_words, found[:2]), *more])


def _rates(history: History, policy: MetricPolicy) -> Panel:
    step = max(1, history.slots // 3_000)  # more points than the picture has columns show nothing more
    lines = AWS_THRESHOLDS[policy.metric]
    return Panel(
        f"{policy.metric.capitalize()} rate",
        [
            _series(history, policy, SHOWN[policy.metric], "now", BLUE, step),
            _series(history, policy, AWS_ESTIMATE, "over the email AWS counts (our estimate)", PURPLE, step),
        ],
        [
            Level(policy.warning, "warning", ORANGE),
            Level(lines.review, "AWS reviews", RED),
            Level(lines.pause, "AWS may pause", RED, dashed=False),
        ],
    )


def _series(history: History, policy: MetricPolicy, window: Window, label: str, color: str, step: int) -> Series:
    times, values = [], []
    for end in range(1, history.slots + 1, step):
        count = View(history, policy.metric, end).count(window)
        times.append(history.time(end))
        values.append(count.rate if count.rate is not None and count.emails >= _FEWEST_EMAILS else nan)
    return Series(label, times, values, color)


def _word(notification: Notification) -> str:
    return "all-clear" if notification.kind is Kind.RESOLVED else notification.severity.word


def _color(notification: Notification) -> str:
    if notification.kind is Kind.RESOLVED:
        return GREEN
    return RED if notification.severity is Severity.CRITICAL else ORANGE


def _spans(history: History, notifications: Sequence[Notification]) -> Iterator[Span]:
    """Each alert, from each change of its severity to the next."""
    changes = [a for a in notifications if a.reason is not Reason.STILL]
    for change in changes:
        if change.kind is Kind.FIRING:
            later = [a.at for a in changes if a.alert == change.alert and a.at > change.at]
            yield Span(
                change.at,
                later[0] if later else history.time(history.slots),
                _color(change),
                _PANELS.index(change.check),
            )
