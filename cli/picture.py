"""Rates, thresholds, alerts and volume in one picture. Needs matplotlib, which only pictures need."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from math import isnan
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

# Okabe and Ito's colours, which everybody can tell apart.
BLUE, ORANGE, RED, GREEN, PURPLE, GREY, SKY = (
    "#0072B2",
    "#E69F00",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#7F7F7F",
    "#56B4E9",
)

VARIABLES = {
    "#000000": "ink",
    "#b0b0b0": "grid",
    BLUE: "blue",
    ORANGE: "orange",
    RED: "red",
    GREEN: "green",
    PURPLE: "purple",
    GREY: "grey",
    SKY: "sky",
}
"""Colours of a picture inside a page: variables that the page sets for light, dark and print."""

LABEL_ROWS = 3
"""Rows of words above the highest value; a mark that finds no place in them is a line without a word."""

LABEL_ROW = 0.085
"""Height of one of them, as a share of its panel."""

TITLE_WIDTH = 120
"""Signs of a line of the title."""

DATES = ["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%S"]
"""Name of a year, a month, a day, an hour, a minute and a second under the lowest panel."""

TALLEST = 2.5
"""The axis ends at this many times the highest threshold, and says what is above it: else nothing else could be seen."""


@dataclass(frozen=True)
class Series:
    """Values over time; times in seconds since the epoch."""

    label: str
    times: Sequence[int]
    values: Sequence[float]  # NaN: nothing is known then, and the line has a gap
    color: str = BLUE
    bars: bool = False  # filled down to zero, for volume
    dashed: bool = False


@dataclass(frozen=True)
class Level:
    """A horizontal line with its name at the right-hand end."""

    value: float
    label: str
    color: str
    dashed: bool = True


@dataclass(frozen=True)
class Mark:
    """A notification: a vertical line with its word on top."""

    at: int
    label: str
    color: str


@dataclass(frozen=True)
class Span:
    """An alert, or a part of it, shaded."""

    start: int
    end: int
    color: str


@dataclass(frozen=True)
class Panel:
    """One of the graphs under each other."""

    title: str
    series: Sequence[Series]
    levels: Sequence[Level] = ()
    marks: Sequence[Mark] = ()
    spans: Sequence[Span] = ()
    percent: bool = True
    top: float | None = None  # end of the axis; None: as the values need it


def draw(path: Path, title: str, panels: Sequence[Panel]) -> None:
    """Write the picture to `path`, as PNG or SVG by its suffix. Raises OSError if it cannot be written, and ValueError for
    another suffix."""
    figure_of(title, panels).savefig(path, dpi=110)


def inline_svg(key: str, description: str, panel: Panel) -> str:
    """Draw one panel as SVG inside a page, in the page's colours and font, named for people who do not see it.

    `key` distinguishes its ids from those of other pictures of the page.
    """
    drawn = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": key}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure_of("", [panel], width=10).savefig(drawn, format="svg", transparent=True, metadata=nothing)
    _, _, shapes = drawn.getvalue().partition("<svg ")[2].partition(">")
    view_box = re.search(r'viewBox="[^"]*"', drawn.getvalue())
    shapes = re.sub(r"<style.*?</style>|<metadata>.*?</metadata>|font-family: [^;]*; ", "", shapes, flags=re.DOTALL)
    shapes = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{key}-", shapes)
    for color, variable in VARIABLES.items():
        shapes = shapes.replace(f": {color.lower()}", f": var(--{variable})")
    title, details = f"{key}-title", f"{key}-description"
    return (
        f'<svg {view_box[0] if view_box else ""} role="img" aria-labelledby="{title}" aria-describedby="{details}">'
        f'<title id="{title}">{escape(panel.title)}</title><desc id="{details}">{escape(description)}</desc>{shapes}'
    )


def figure_of(title: str, panels: Sequence[Panel], width: float = 13) -> Figure:
    """Lay the picture out, `width` inches wide."""
    title = "\n".join(line for long in title.splitlines() for line in textwrap.wrap(long, TITLE_WIDTH))
    heights = [1.0 if panel.levels else 0.55 for panel in panels]
    head = 0.65 + 0.27 * len(title.splitlines()) if title else 0.4  # inches
    figure = Figure(figsize=(width, 3.2 * sum(heights) + head + 0.3))
    FigureCanvasAgg(figure)
    high = figure.get_figheight()
    axes = figure.subplots(len(panels), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    left = 0.85 / width
    figure.text(left, 1 - 0.2 / high, title, va="top", fontsize=12, fontweight="bold", linespacing=1.4)
    figure.subplots_adjust(left=left, right=1 - 1.82 / width, top=1 - head / high, bottom=0.85 / high, hspace=0.24)
    for axis, panel in zip(axes, panels, strict=True):
        _panel(axis, panel)
    locator = AutoDateLocator(maxticks=12)  # type: ignore[no-untyped-call]
    axes[-1].xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, formats=DATES, zero_formats=DATES, show_offset=False)  # type: ignore[no-untyped-call]
    axes[-1].xaxis.set_major_formatter(formatter)
    explained = "   Shaded: an alert is open, orange as a warning, red as critical. Vertical lines: notifications."
    shaded = any(panel.spans for panel in panels)
    figure.text(left, 0.18 / high, "Times in UTC." + (explained if shaded else ""), color=GREY, fontsize=9)
    for axis, panel in zip(axes, panels, strict=True):  # when the axes have their final limits
        name_marks(axis, panel.marks)
    return figure


def _panel(axis: Axes, panel: Panel) -> None:
    values = [value for series in panel.series for value in series.values if not isnan(value)]
    highest = max(values, default=0.0)
    top = _scale(axis, panel, highest)
    for series in panel.series:
        times = [matplotlib_time(at) for at in series.times]
        if series.bars:
            axis.fill_between(times, list(series.values), step="post", color=series.color, alpha=0.5, linewidth=0)
        else:
            style = (0, (4, 2)) if series.dashed else "-"
            axis.plot(
                times, list(series.values), color=series.color, linewidth=1.6, linestyle=style, label=series.label
            )
    for span in panel.spans:
        axis.axvspan(matplotlib_time(span.start), matplotlib_time(span.end), color=span.color, alpha=0.13, linewidth=0)
    for mark in panel.marks:
        axis.axvline(matplotlib_time(mark.at), color=mark.color, linewidth=1.2, alpha=0.9)
    _name_levels(axis, [level for level in panel.levels if level.value <= top])
    cut = f"   (the highest, {highest * 100:.3g}%, is beyond the axis)" if highest > top else ""
    axis.set_title(panel.title + cut, loc="left", fontsize=10.5)
    axis.yaxis.set_major_locator(MaxNLocator(6))
    digits = max(len(f"{value * 100:.6g}".partition(".")[2]) for value in axis.get_yticks()) if panel.percent else 0
    form = (lambda value, _: f"{value * 100:.{digits}f}%") if panel.percent else (lambda value, _: f"{value:,.0f}")
    axis.yaxis.set_major_formatter(FuncFormatter(form))
    if sum(not series.bars for series in panel.series) > 1:
        axis.legend(loc="lower right", bbox_to_anchor=(1, 1.005), ncols=3, frameon=False, fontsize=9, borderaxespad=0)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.2)
    axis.margins(x=0)


def _scale(axis: Axes, panel: Panel, highest: float) -> float:
    """Set a linear axis with room for the words of the marks; return the highest value that is in sight."""
    if panel.top is not None:
        axis.set_ylim(0, panel.top)
        return panel.top
    first, last = panel.levels[:2], max((level.value for level in panel.levels), default=0.0)
    top = max([highest, *(level.value for level in first)], default=0.0)
    if last:
        top = min(top, TALLEST * last) if highest > TALLEST * last else top
        top = max([top, *(level.value for level in panel.levels if level.value <= 1.5 * top)])
    top = 1.05 * top if top else 1.0
    axis.set_ylim(0, top / (1 - LABEL_ROWS * LABEL_ROW) if panel.marks else top)
    return top


def _name_levels(axis: Axes, levels: Sequence[Level]) -> None:
    """Draw `levels`; spread their names at the right-hand end so that none covers another."""
    least, end = 0.085, axis.get_ylim()[1]
    free = 0.0
    for level in sorted(levels, key=lambda level: level.value):
        axis.axhline(level.value, color=level.color, linewidth=1, linestyle="--" if level.dashed else "-")
        place = max(level.value / end, free)
        name = f" {level.label} {level.value * 100:g}%"
        axis.annotate(name, (1, place), xycoords="axes fraction", color=level.color, va="center", fontsize=9)
        free = place + least


def name_marks(axis: Axes, marks: Sequence[Mark]) -> list[Annotation]:
    """Write the words of `marks` into the rows at the top of their panel; a word that would cover another word or line, or
    stand beyond another line, is left out."""
    renderer = axis.figure.canvas.get_renderer()  # type: ignore[attr-defined]
    axis.get_xlim()  # settles limits that are still to be worked out
    inside, named = axis.get_window_extent(renderer), list[Annotation]()
    across = [axis.transData.transform((matplotlib_time(mark.at), 0))[0] for mark in marks]
    taken = [Bbox.from_extents(x - 1, inside.y0, x + 1, inside.y1) for x in across]  # the lines themselves
    for mark in sorted(marks, key=lambda mark: mark.at):
        own = axis.transData.transform((matplotlib_time(mark.at), 0))[0]
        for row, to_the_left in ((row, left) for row in range(LABEL_ROWS) for left in (False, True)):
            word = axis.annotate(
                mark.label,
                (matplotlib_time(mark.at), 0.985 - LABEL_ROW * row),
                xytext=(-4 if to_the_left else 4, 0),
                textcoords="offset points",
                xycoords=("data", "axes fraction"),
                color=mark.color,
                fontsize=9,
                fontweight="bold",
                ha="right" if to_the_left else "left",
                va="top",
            )
            box = word.get_window_extent(renderer)
            crossed = any(min(own, box.x0) < x < max(own, box.x1) for x in across if x != own)
            if inside.x0 <= box.x0 and box.x1 <= inside.x1 and not crossed and not any(map(box.overlaps, taken)):
                taken.append(box)
                named.append(word)
                break
            word.remove()
    return named


def matplotlib_time(at: int) -> float:
    """`at` in the days that matplotlib counts."""
    return float(date2num(datetime.fromtimestamp(at, UTC)))  # type: ignore[no-untyped-call]
