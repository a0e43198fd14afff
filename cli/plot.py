"""The picture of a replay: rates with every line, what was said, and the volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ses_reputation.core.decide import Announcement
from ses_reputation.core.episode import Kind, Reason
from ses_reputation.core.history import History
from ses_reputation.core.messages import duration, plural
from ses_reputation.core.rates import AWS_ESTIMATE, AWS_LINES, SHOWN, View, Window
from ses_reputation.core.rules import MetricPolicy, Policy, Severity

from .picture import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Level, Mark, Panel, Series, Span, draw

_SLOTS_PER_HOUR = 4


def plot_replay(path: Path, history: History, policy: Policy, announcements: Sequence[Announcement]) -> None:
    """Writes the picture. Raises what `draw` raises."""
    panels = [_rates(history, metric) for metric in policy.metrics]
    hours = range(0, history.slots, _SLOTS_PER_HOUR)
    volume = [history.attempts[min(i + _SLOTS_PER_HOUR, history.slots)] - history.attempts[i] for i in hours]
    times = [history.time(i) for i in hours]
    panels.append(Panel("Mails an hour", [Series("mails", times, volume, GREY, bars=True)], percent=False))
    marks = [Mark(a.at, f"{a.concern} {_word(a)}", _color(a)) for a in announcements if a.reason is not Reason.STILL]
    draw(path, title(announcements), panels, marks=marks, spans=list(_spans(history, announcements)))


def title(announcements: Sequence[Announcement]) -> str:
    """What the picture shows, in one line."""
    if not announcements:
        return "No alert"
    firsts = [a for a in announcements if a.reason is Reason.OPENED]
    parts = []
    for first in firsts[:2]:
        worse = [a for a in announcements if a.episode == first.episode and a.reason is Reason.ESCALATED]
        word = f"{first.severity.word}"
        if worse:
            word += f", critical {duration(worse[0].at - first.at)} later"
        parts.append(f"{first.concern}: {word}")
    more = f", and {plural(len(firsts) - 2, 'more episode')}" if len(firsts) > 2 else ""
    return "; ".join(parts) + more


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
        rate = View(history, policy.metric, end).count(window).rate
        if rate is not None:
            times.append(history.time(end))
            values.append(rate)
    return Series(label, times, values, color)


def _word(announcement: Announcement) -> str:
    return "over" if announcement.kind is Kind.RESOLVED else announcement.severity.word


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
            yield Span(change.at, later[0] if later else history.time(history.slots), _color(change))
