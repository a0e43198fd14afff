"""A dashboard as a picture: each widget in its place on CloudWatch's grid. Needs matplotlib, which only pictures need."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor, log10
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from cli.picture import matplotlib_time

from .dashboard import Line, Threshold, Widget

COLUMNS = 24
INCHES = (0.62, 0.42)
"""Width of a column and height of a row of the grid."""

HEAD, GAP, SIGN = 1, 0.12, 0.112
"""Height of the title, space around a widget, width of a small character, in units of the grid."""

INK, FAINT, PANEL, PAGE = "#16191f", "#687078", "#ffffff", "#f2f3f3"
COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#7f7f7f")
STATES = {"OK": "#1d8102", "ALARM": "#d13212"}
"""Colors of an alarm's states; others are grey."""
DATES = ["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%S"]
"""Formats under a graph of a year, a month, a day, an hour, a minute and a second."""


@dataclass(frozen=True)
class Card:
    """A widget's place in the picture, and a way to draw into it in units of the grid, from its upper left corner."""

    figure: Figure
    axes: Axes
    widget: Widget

    def inside(self, left: float, top: float, right: float, bottom: float) -> Axes:
        """New axes with these distances to the edges of the card."""
        box = self.axes.get_position()
        across, down = box.width / self.widget.width, box.height / self.widget.height
        return self.figure.add_axes(
            (
                box.x0 + left * across,
                box.y0 + bottom * down,
                box.width - (left + right) * across,
                box.height - (top + bottom) * down,
            )
        )

    def say(self, x: float, y: float, text: str, size: float = 8.5, color: str = INK, **how: Any) -> None:
        self.axes.text(x, y, text, fontsize=size, color=color, va="center", **how)


def draw(path: Path, name: str, widgets: Sequence[Widget], now: int) -> None:
    """Write the picture to `path`, as PNG or SVG by its suffix. Raises OSError if it cannot be written."""
    rows = HEAD + max((widget.y + widget.height for widget in widgets), default=0)
    figure = Figure(figsize=(COLUMNS * INCHES[0], rows * INCHES[1]), facecolor=PAGE)
    as_of = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
    figure.text(0.008, 1 - 0.5 / rows, name, fontsize=15, fontweight="bold", color=INK, va="center")
    figure.text(0.992, 1 - 0.5 / rows, f"up to {as_of}", fontsize=9, color=FAINT, va="center", ha="right")
    for widget in widgets:
        bottom = 1 - (HEAD + widget.y + widget.height - GAP) / rows
        place = (
            (widget.x + GAP) / COLUMNS,
            bottom,
            (widget.width - 2 * GAP) / COLUMNS,
            (widget.height - 2 * GAP) / rows,
        )
        axes = figure.add_axes(place)
        axes.set(xticks=[], yticks=[], xlim=(0, widget.width), ylim=(widget.height, 0), facecolor=PANEL)
        axes.spines[:].set_color("#d5dbdb")
        card = Card(figure, axes, widget)
        card.say(0.25, 0.5, widget.title, 9.5, fontweight="bold")
        if widget.trouble:
            card.say(0.25, 1.4, f"not readable: {widget.trouble}", color=STATES["ALARM"])
        else:
            _DRAWN[widget.kind](card)
    figure.savefig(path, dpi=80)


def _graph(card: Card) -> None:
    """Lines over time, under their names."""
    widget = card.widget
    drawn = [line for line in widget.lines if line.times]
    two_sides = any(line.right for line in drawn)
    axis = card.inside(1.1, 1.65 + _legend(card), 0.9 if two_sides else 2.4 if widget.thresholds else 0.4, 0.8)
    right = axis.twinx() if two_sides else axis
    for number, line in enumerate(widget.lines):
        side = right if line.right else axis
        side.plot([matplotlib_time(at) for at in line.times], line.values, color=_color(line, number), linewidth=1.3)
    highest = max([0.0, *(value for line in drawn if not line.right for value in line.values)])
    unit = _unit(str(widget.limits.get("left", {}).get("label", "")))
    _limit(axis, widget.limits.get("left", {}), _levels(axis, widget.thresholds, highest, unit))
    if two_sides:
        _limit(right, widget.limits.get("right", {}), 1)
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{_number(value)}{unit}"))
    if drawn:
        locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
        formatter = ConciseDateFormatter(locator, formats=DATES, zero_formats=DATES, show_offset=False)  # type: ignore[no-untyped-call]
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(formatter)
    else:
        axis.text(0.5, 0.5, "no data", transform=axis.transAxes, ha="center", color=FAINT, fontsize=9)
        axis.set_xticks([])
    for side in {axis, right}:
        side.tick_params(labelsize=7.5, colors=FAINT)
        side.spines[["top", "right"]].set_visible(False)
        side.margins(x=0)
    axis.grid(axis="y", alpha=0.25)


def _unit(label: str) -> str:
    """Return the sign of percent if the label of an axis or a value names it."""
    return "%" if re.search(r"(^|\(|, ?)%\)?$|\bpercent\b", label, re.IGNORECASE) else ""


def _limit(axis: Axes, limits: Mapping[str, Any], top: float) -> None:
    low, high = limits.get("min", 0.0), limits.get("max", top)
    room = 0.04 * (high - low)  # so that a line at the edge is visible
    axis.set_ylim(low - room, high + room)


def _levels(axis: Axes, thresholds: Sequence[Threshold], highest: float, unit: str) -> float:
    """Draw the thresholds that are in sight, with their names at the right and apart from each other. Return the top of the
    axis."""
    lowest = sorted(mark.value for mark in thresholds)[:3]
    names: dict[float, list[Threshold]] = {}
    for mark in thresholds:
        if mark.value in lowest or mark.value <= 2.2 * highest:
            names.setdefault(mark.value, []).append(mark)
    top = 1.12 * max([highest, *names]) if highest or names else 1.0
    free = 0.0
    for value, marks in sorted(names.items()):
        axis.axhline(value, color=marks[-1].color, linewidth=0.9)
        free = max((value / top + 0.04) / 1.08, free)  # the axis has room at both ends
        label = ", ".join(mark.label for mark in marks)
        name = f" {label}" if re.search(r"\d", label) else f" {label} {_number(value)}{unit}"
        axis.annotate(name, (1, free), xycoords="axes fraction", color=marks[-1].color, fontsize=7.5, va="center")
        free += 0.075
    return top


def _legend(card: Card) -> float:
    """Write the names of the lines under the title. Return how many rows they take beyond the first."""
    x, row = 0.25, 0.0
    for number, line in enumerate(card.widget.lines):
        wide = 0.35 + 0.105 * len(line.label)
        if x + wide > card.widget.width and x > 0.25:
            x, row = 0.25, row + 0.55
        card.axes.plot([x, x + 0.22], [1.2 + row] * 2, color=_color(line, number), linewidth=2.5)
        card.say(x + 0.32, 1.2 + row, line.label, 8, FAINT)
        x += wide + 0.3
    return row


def _single(card: Card) -> None:
    """The newest value of each metric, large, over its course."""
    widget = card.widget
    each = widget.width / max(1, len(widget.lines))
    for number, line in enumerate(widget.lines):
        left = number * each + 0.25
        label = textwrap.wrap(line.label, int((each - 0.4) / SIGN))
        card.say(left, 1.2, "\n".join(label), 8, FAINT)
        card.say(left, 2.05, _number(line.values[-1]) + _unit(line.label) if line.times else "no data", 17)
        if line.times:  # the newest value may be an old one
            card.say(left, 3.1, datetime.fromtimestamp(line.times[-1], UTC).strftime("at %m-%d %H:%M"), 7, FAINT)
            spark = card.inside(left + 1.9, 1.6, widget.width - (number + 1) * each + 0.25, 0.25)
            spark.plot(line.times, line.values, color=_color(line, number), linewidth=1)
            spark.fill_between(line.times, line.values, color=_color(line, number), alpha=0.15, linewidth=0)
            spark.margins(x=0)
            spark.axis("off")


def _table(card: Card) -> None:
    """Draw the rows of a query, as many as there is room for; the text of the last column is wrapped, not cut."""
    widget = card.widget
    names = list(dict.fromkeys(name for row in widget.rows for name in row if name != "@timestamp"))
    rows = [{name: _cell(row.get(name, "")) for name in names} for row in widget.rows]
    if not rows:
        card.say(0.25, 1.3, "nothing", color=FAINT)
        return
    lefts, x = {}, 0.25
    for name in names:
        lefts[name] = x
        card.say(x, 1.2, name, 8, FAINT, fontweight="bold")
        x += SIGN * (max(len(name), *(len(row[name]) for row in rows)) + 2)
    room, y = int((widget.width - lefts[names[-1]] - 0.3) / 0.098), 1.8  # words are narrower than columns of numbers
    for number, row in enumerate(rows):
        lines = textwrap.wrap(row[names[-1]], max(10, room)) or [""]
        last = number == len(rows) - 1
        if y + 0.42 * len(lines) > widget.height - (0.2 if last else 0.6):
            card.say(0.25, y, f"and {len(rows) - number} more", 8, FAINT)
            return
        for name in names[:-1]:
            card.say(lefts[name], y, row[name], 8)
        for line in lines:
            card.say(lefts[names[-1]], y, line, 8)
            y += 0.42
        y += 0.12


def _cell(value: str) -> str:
    """A value as a person reads it: numbers with three digits, times to the minute."""
    if re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", value):
        return _number(float(value))
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(\+00:00|Z)$", r"\1 \2", value)


def _number(value: float) -> str:
    """Three digits, without an exponent: 0.97, 84.2, 1,460."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - floor(log10(abs(value)))) if value else 0
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(card: Card) -> None:
    """Paragraphs, without the marks of what is bold."""
    y = 0.6
    for paragraph in card.widget.markdown.split("\n\n"):
        for line in textwrap.wrap(re.sub(r"\*\*|^#+ ", "", paragraph), int(card.widget.width / SIGN) - 6):
            card.say(0.25, y, line)
            y += 0.52
        y += 0.2


def _alarms(card: Card) -> None:
    """Each alarm with the colour of its state."""
    for number, (name, state) in enumerate(card.widget.states):
        y = 1.3 + 0.68 * number
        card.say(0.25, y, "■", 12, STATES.get(state, FAINT))
        card.say(0.7, y, name, 8.5)
        card.say(card.widget.width - 0.25, y, state.replace("_", " ").lower(), 8, FAINT, ha="right")


_DRAWN: dict[str, Callable[[Card], None]] = {
    "timeSeries": _graph,
    "singleValue": _single,
    "table": _table,
    "text": _text,
    "alarms": _alarms,
}


def _color(line: Line, number: int) -> str:
    return line.color if line.color else COLORS[number % len(COLORS)]
