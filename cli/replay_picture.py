"""Picture of a replay: both rates with their thresholds, the alerts, and the volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan
from pathlib import Path

from ses_reputation.core.history import History
from ses_reputation.core.rates import AWS_ESTIMATE, AWS_THRESHOLDS, SHOWN, Metric, View, Window
from ses_reputation.core.rules import MetricPolicy, Policy
from ses_reputation.core.wording import duration, plural

from .evaluate import Sent
from .picture import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Level, Mark, Panel, Series, Span, draw
from .replay_courses import Course, courses, in_words

_SLOTS_PER_HOUR = 4

_FEWEST_EMAILS = 100
"""A rate of fewer emails than this is noise, and is not drawn."""


def plot_replay(path: Path, history: History, policy: Policy, sent: Sequence[Sent]) -> None:
    """Write the picture. Raises what `draw` raises."""
    panels = [_rates(history, metric, sent) for metric in policy.metrics]
    hours = range(0, history.slots, _SLOTS_PER_HOUR)
    volume = [history.attempts[min(i + _SLOTS_PER_HOUR, history.slots)] - history.attempts[i] for i in hours]
    times = [history.time(i) for i in hours]
    panels.append(Panel("Emails an hour", [Series("emails", times, volume, GREY, bars=True)], percent=False))
    draw(path, title(courses(history, sent), history), panels)


def title(found: Sequence[Course], history: History) -> str:
    """Return what the picture shows, a line for each of the first two alerts."""
    if not found:
        return f"No alert in {duration(history.time(history.slots) - history.origin)}"
    more = [f"and {plural(len(found) - 2, 'more alert')}"] if len(found) > 2 else []
    return "\n".join([*map(in_words, found[:2]), *more])


def levels_of(metric: Metric, warning: float) -> list[Level]:
    """Return the thresholds of a metric by name: ours, then AWS's."""
    aws = AWS_THRESHOLDS[metric]
    return [
        Level(warning, "our warning", ORANGE),
        Level(aws.review, "AWS reviews", RED),
        Level(aws.pause, "AWS may pause", RED, dashed=False),
    ]


def marks_and_spans(sent: Sequence[Sent], metric: Metric, end: int) -> tuple[list[Mark], list[Span]]:
    """Return each notification of `metric` but reminders, and each alert from one change of its severity to the next."""
    changes = [n for n in sent if n.metric is metric and n.kind != "reminder"]
    return [Mark(n.at, _word(n), _color(n)) for n in changes], list(_spans(changes, end))


def _spans(changes: Sequence[Sent], end: int) -> Iterator[Span]:
    for change in changes:
        if change.kind == "firing":
            later = [n.at for n in changes if n.alert == change.alert and n.at > change.at]
            yield Span(change.at, later[0] if later else end, _color(change))


def _rates(history: History, policy: MetricPolicy, sent: Sequence[Sent]) -> Panel:
    step = max(1, history.slots // 3_000)  # more points than the picture has columns show nothing more
    marks, spans = marks_and_spans(sent, policy.metric, history.time(history.slots))
    series = [
        _series(history, policy, SHOWN[policy.metric], "rate now", BLUE, step),
        _series(history, policy, AWS_ESTIMATE, "our estimate of AWS's rate", PURPLE, step),
    ]
    name = f"{policy.metric.capitalize()} rate"
    return Panel(name, series, levels_of(policy.metric, policy.warning), marks, spans)


def _series(history: History, policy: MetricPolicy, window: Window, label: str, color: str, step: int) -> Series:
    times, values = [], []
    for end in range(1, history.slots + 1, step):
        count = View(history, policy.metric, end).count(window)
        times.append(history.time(end))
        values.append(count.rate if count.rate is not None and count.emails >= _FEWEST_EMAILS else nan)
    return Series(label, times, values, color)


def _word(notification: Sent) -> str:
    return "resolved" if notification.kind == "resolved" else notification.severity


def _color(notification: Sent) -> str:
    if notification.kind == "resolved":
        return GREEN
    return RED if notification.severity == "critical" else ORANGE
