"""Rates, lines, episodes and volume in one picture. Needs matplotlib, which only pictures need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter

# Okabe and Ito's colours, which everybody can tell apart.
BLUE, ORANGE, RED, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F"


@dataclass(frozen=True)
class Series:
    """Values over time; times in seconds since the epoch."""

    label: str
    times: Sequence[int]
    values: Sequence[float]
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
    """Something that was said, drawn as a line across all panels with its word on top."""

    at: int
    label: str
    color: str


@dataclass(frozen=True)
class Span:
    """An episode, shaded across all panels."""

    start: int
    end: int
    color: str


def draw(
    path: Path, title: str, panels: Sequence[Panel], *, marks: Sequence[Mark] = (), spans: Sequence[Span] = ()
) -> None:
    """Writes the picture to `path`, as PNG or SVG by its suffix. Raises OSError where that cannot be written, and
    ValueError for a suffix that means nothing."""
    heights = [1.0 if panel.percent else 0.55 for panel in panels]
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(13, 3.1 * sum(heights) + 1),
        sharex=True,
        height_ratios=heights,
        squeeze=False,
    )
    figure.suptitle(f"{title} (UTC)", x=0.065, ha="left", fontsize=14, fontweight="bold")
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        _panel(axis, panel)
        for span in spans:
            axis.axvspan(_time(span.start), _time(span.end), color=span.color, alpha=0.10, linewidth=0)
        for mark in marks:
            axis.axvline(_time(mark.at), color=mark.color, linewidth=1, alpha=0.8)
    _name_marks(axes[0, 0], marks)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes[-1, 0].xaxis.set_major_locator(locator)
    axes[-1, 0].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes[-1, 0].set_xlabel("UTC", loc="right", color=GREY)
    figure.subplots_adjust(left=0.065, right=0.86, top=1 - 0.85 / figure.get_figheight(), bottom=0.07, hspace=0.22)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(axis: Axes, panel: Panel) -> None:
    highest = 0.0
    for series in panel.series:
        times = [_time(at) for at in series.times]
        if series.bars:
            axis.fill_between(times, list(series.values), step="post", color=series.color, alpha=0.5, linewidth=0)
        else:
            axis.plot(times, list(series.values), color=series.color, linewidth=1.6, label=series.label)
        highest = max([highest, *series.values])
    shown = [level for level in panel.levels if level.value <= 2.2 * highest or level is panel.levels[0]]
    top = 1.15 * max([highest, *(level.value for level in shown)]) if highest or shown else 1.0
    axis.set_ylim(0, top)
    taken: list[float] = []
    for level in sorted(shown, key=lambda level: level.value):
        axis.axhline(level.value, color=level.color, linewidth=1, linestyle="--" if level.dashed else "-")
        place = level.value if not taken else max(level.value, taken[-1] + 0.075 * top)
        taken.append(place)
        name = f" {level.label} {level.value * 100:g} %"
        axis.annotate(name, (1, place), xycoords=("axes fraction", "data"), color=level.color, va="center", fontsize=9)
    axis.set_title(panel.title, loc="left", fontsize=10.5)
    if panel.percent:
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:g} %"))
    else:
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if sum(not series.bars for series in panel.series) > 1:
        axis.legend(loc="upper left", frameon=False, fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.2)
    axis.margins(x=0)


def _name_marks(axis: Axes, marks: Sequence[Mark]) -> None:
    """The words of the marks above the top panel, the crowded ones on a second and third line."""
    start, end = axis.get_xlim()
    last = [-1.0, -1.0, -1.0]
    for mark in sorted(marks, key=lambda mark: mark.at):
        place = (_time(mark.at) - start) / (end - start)
        row = next((row for row, x in enumerate(last) if place - x > 0.085), len(last) - 1)
        last[row] = place
        axis.annotate(
            mark.label,
            (place, 1.0 + 0.075 * row),
            xycoords="axes fraction",
            color=mark.color,
            fontsize=8.5,
            ha="left",
            va="bottom",
        )


def _time(at: int) -> float:
    """`at` in the days that matplotlib counts."""
    return float(date2num(datetime.fromtimestamp(at, UTC)))  # type: ignore[no-untyped-call]
