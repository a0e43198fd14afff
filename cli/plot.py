"""The picture of a replay: rates with every line, what was said, and the volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan
from pathlib import Path

from ses_reputation.core.episode import Kind, Reason
from ses_reputation.core.history import History
from ses_reputation.core.plan import Announcement
from ses_reputation.core.rates import AWS_ESTIMATE, AWS_LINES, SHOWN, Metric, View, Window
from ses_reputation.core.rules import MetricPolicy, Policy, Severity
from ses_reputation.core.wording import duration, plural

from .course import Course, courses, in_words
from .picture import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Level, Mark, Panel, Series, Span, draw

_SLOTS_PER_HOUR = 4

_PANELS = tuple(Metric)
"""The panels of the rates, from the top."""

_FEWEST_MAILS = 100
"""A rate of fewer mails than this is noise, and is not drawn."""


def plot_replay(path: Path, history: History, policy: Policy, announcements: Sequence[Announcement]) -> None:
    """Writes the picture. Raises what `draw` raises."""
    panels = [_rates(history, metric) for metric in policy.metrics]
    hours = range(0, history.slots, _SLOTS_PER_HOUR)
    volume = [history.attempts[min(i + _SLOTS_PER_HOUR, history.slots)] - history.attempts[i] for i in hours]
    times = [history.time(i) for i in hours]
    panels.append(Panel("Mails an hour", [Series("mails", times, volume, GREY, bars=True)], percent=False))
    marks = [
        Mark(a.at, _word(a), _color(a), _PANELS.index(a.concern)) for a in announcements if a.reason is not Reason.STILL
    ]
    draw(
        path,
        title(courses(history, announcements), history),
        panels,
        marks=marks,
        spans=list(_spans(history, announcements)),
    )


def title(found: Sequence[Course], history: History) -> str:
    """What the picture shows, a line for each of the first two episodes."""
    if not found:
        return f"No alert in {duration(history.time(history.slots) - history.origin)}"
    more = [f"and {plural(len(found) - 2, 'more episode')}"] if len(found) > 2 else []
    return "\n".join([*map(in_words, found[:2]), *more])


def _rates(history: History, policy: MetricPolicy) -> Panel:
    step = max(1, history.slots // 3_000)  # more points than the picture has columns show nothing more
    lines = AWS_LINES[policy.metric]
    return Panel(
        f"{policy.metric.capitalize()} rate",
        [
            _series(history, policy, SHOWN[policy.metric], "now", BLUE, step),
            _series(history, policy, AWS_ESTIMATE, "over the mail AWS counts (our estimate)", PURPLE, step),
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
        values.append(count.rate if count.rate is not None and count.mails >= _FEWEST_MAILS else nan)
    return Series(label, times, values, color)


def _word(announcement: Announcement) -> str:
    return "all-clear" if announcement.kind is Kind.RESOLVED else announcement.severity.word


def _color(announcement: Announcement) -> str:
    if announcement.kind is Kind.RESOLVED:
        return GREEN
    return RED if announcement.severity is Severity.CRITICAL else ORANGE


def _spans(history: History, announcements: Sequence[Announcement]) -> Iterator[Span]:
    """Each episode, from each change of its severity to the next."""
    changes = [a for a in announcements if a.reason is not Reason.STILL]
    for change in changes:
        if change.kind is Kind.FIRING:
            later = [a.at for a in changes if a.episode == change.episode and a.at > change.at]
            yield Span(
                change.at,
                later[0] if later else history.time(history.slots),
                _color(change),
                _PANELS.index(change.concern),
            )
