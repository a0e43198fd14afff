"""Rates, lines, alerts and volume in one picture. Needs matplotlib, which only pictures need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import NDArray

# Okabe and Ito's colours, which everybody can tell apart.
BLUE, ORANGE, RED, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F"


@dataclass(frozen=True)
class Series:
    """Values over time; times in seconds since the epoch."""

    label: str
    times: Sequence[int]
    values: Sequence[float]  # NaN: nothing is known then, and the line has a gap
    color: str = BLUE
    bars: bool = False  # filled down to zero, for volume


@dataclass(frozen=True)
class Level:
    """A horizontal line with its name at the right-hand end."""

    value: float
    label: str
    color: str
    dashed: bool = True


@dataclass(frozen=True)
class Panel:
    """One of the graphs under each other."""

    title: str
    series: Sequence[Series]
    levels: Sequence[Level] = ()
    percent: bool = True


@dataclass(frozen=True)
class Mark:
    """Something that was said: a line with its word on top."""

    at: int
    label: str
    color: str
    panel: int | None = None  # drawn there only; None: across all panels


@dataclass(frozen=True)
class Span:
    """An alert, or a part of it, shaded."""

    start: int
    end: int
    color: str
    panel: int | None = None  # drawn there only; None: across all panels


def draw(
    path: Path, title: str, panels: Sequence[Panel], *, marks: Sequence[Mark] = (), spans: Sequence[Span] = ()
) -> None:
    """Writes the picture to `path`, as PNG or SVG by its suffix. Raises OSError where that cannot be written, and
    ValueError for a suffix that means nothing."""
    heights = [1.0 if panel.percent else 0.55 for panel in panels]
    head = 0.65 + 0.27 * len(title.splitlines())  # inches
    figure = Figure(figsize=(13, 3.0 * sum(heights) + head))
    axes = figure.subplots(len(panels), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    figure.text(
        0.065, 1 - 0.2 / figure.get_figheight(), title, va="top", fontsize=13.5, fontweight="bold", linespacing=1.4
    )
    for number, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
        _panel(axis, panel)
        for span in spans:
            if span.panel in (None, number):
                axis.axvspan(_time(span.start), _time(span.end), color=span.color, alpha=0.13, linewidth=0)
        for mark in marks:
            if mark.panel in (None, number):
                axis.axvline(_time(mark.at), color=mark.color, linewidth=1.2, alpha=0.9)
    for number, axis in enumerate(axes):
        _name_marks(axis, [mark for mark in marks if (0 if mark.panel is None else mark.panel) == number])
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes[-1].xaxis.set_major_locator(locator)
    axes[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes[-1].set_xlabel("times in UTC", loc="left", color=GREY)
    figure.subplots_adjust(left=0.065, right=0.86, top=1 - head / figure.get_figheight(), bottom=0.07, hspace=0.2)
    figure.savefig(path, dpi=110)


_ROUND = [round(digit * 10**power, 6) for power in range(-5, 0) for digit in (1, 2, 5)] + [1.0]
"""Rates to name on an axis that is not even: 0.1 %, 0.2 %, 0.5 %, 1 %, …"""


def _root(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(values, 0.0))


def _square(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.square(values)


def _panel(axis: Axes, panel: Panel) -> None:
    highest = 0.0
    for series in panel.series:
        times = [_time(at) for at in series.times]
        if series.bars:
            axis.fill_between(times, list(series.values), step="post", color=series.color, alpha=0.5, linewidth=0)
        else:
            axis.plot(times, list(series.values), color=series.color, linewidth=1.6, label=series.label)
        highest = max([highest, *(value for value in series.values if not isnan(value))])
    shown = [*panel.levels[:2], *(level for level in panel.levels[2:] if level.value <= 2.2 * highest)]
    top = 1.3 * max([highest, *(level.value for level in shown)]) if highest or shown else 1.0
    axis.set_ylim(0, top)
    if shown and highest > 4 * shown[0].value:  # drawn evenly, what is normal could not be told from zero
        axis.set_yscale("function", functions=(_root, _square))
        axis.yaxis.set_major_locator(FixedLocator([0.0, *(value for value in _ROUND if top / 40 <= value <= top)]))
    taken: list[float] = []
    for level in sorted(shown, key=lambda level: level.value):
        axis.axhline(level.value, color=level.color, linewidth=1, linestyle="--" if level.dashed else "-")
        height = axis.transAxes.inverted().transform(axis.transData.transform((0, level.value)))[1]
        taken.append(height if not taken else max(height, taken[-1] + 0.075))
        name = f" {level.label} {level.value * 100:g} %"
        axis.annotate(name, (1, taken[-1]), xycoords="axes fraction", color=level.color, va="center", fontsize=9)
    axis.set_title(panel.title, loc="left", fontsize=10.5)
    if panel.percent:
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:g} %"))
    else:
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if sum(not series.bars for series in panel.series) > 1:
        axis.legend(loc="lower right", bbox_to_anchor=(1, 1.01), ncols=2, frameon=False, fontsize=9.5, borderaxespad=0)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.2)
    axis.margins(x=0)


def _name_marks(axis: Axes, marks: Sequence[Mark]) -> None:
    """The words of the marks at the top of their panel, the crowded ones on a line below."""
    start, end = axis.get_xlim()
    taken = [0.0, 0.0, 0.0, 0.0]  # how far each line is, as a share of the axis
    ordered = sorted(marks, key=lambda mark: mark.at)
    places = [(_time(mark.at) - start) / (end - start) for mark in ordered]
    for mark, place, following in zip(ordered, places, [*places[1:], 1.0], strict=False):
        width = 0.012 + 0.0068 * len(mark.label)
        flip = (
            place + width > following and place - width >= taken[0]
        )  # to the left of its line: the next one is too near
        left = place - width if flip else place
        row = next((row for row, right in enumerate(taken) if left >= right), len(taken) - 1)
        taken[row] = left + width
        axis.annotate(
            mark.label,
            (place, 0.98 - 0.075 * row),
            xytext=(-4 if flip else 4, 0),
            textcoords="offset points",
            xycoords="axes fraction",
            color=mark.color,
            fontsize=9,
            fontweight="bold",
            ha="right" if flip else "left",
            va="top",
        )


def _time(at: int) -> float:
    """`at` in the days that matplotlib counts."""
    return float(date2num(datetime.fromtimestamp(at, UTC)))  # type: ignore[no-untyped-call]
