"""Every widget can be drawn, and no words overlap; only a person can check its looks."""

from __future__ import annotations

from itertools import combinations
from math import nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ses_reputation.core.rates import Metric

from cli.evaluate import Sent
from cli.picture import BLUE, RED, Level, Mark, Panel, Series, Span, draw, figure_of, name_marks
from cli.replay_picture import levels_of, marks_and_spans

TIMES = [1_700_000_000 + 900 * i for i in range(8)]
LEVELS = levels_of(Metric.BOUNCE, 0.03)


@pytest.mark.parametrize(
    "values",
    [[0.01] * 8, [0.0] * 8, [nan] * 8, [0.01, 0.01, nan, 0.9, 1.0, 0.5, 0.2, 0.1], [0.12] * 8],
    ids=["normal", "zero", "unknown", "everything bounces", "over every threshold"],
)
def test_any_rates_can_be_drawn(tmp_path: Path, values: list[float]) -> None:
    marks = [Mark(TIMES[i], "warning", RED) for i in (0, 1, 1, 2, 7)]
    volume = Panel("Emails", [Series("emails", TIMES, [5] * 8, BLUE, bars=True)], percent=False)
    both = [Series("a", TIMES, values), Series("b", TIMES, values, RED, dashed=True)]
    rates = Panel("Rate", both, LEVELS, marks, [Span(TIMES[1], TIMES[7], RED)])
    draw(tmp_path / "x.png", "One\nTwo", [rates, volume])
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_single_moment_can_be_drawn(tmp_path: Path) -> None:
    draw(tmp_path / "x.svg", "One", [Panel("Rate", [Series("a", TIMES[:1], [0.01])], LEVELS)])
    assert (tmp_path / "x.svg").read_text().startswith("<?xml")


def texts(panel: Panel) -> tuple[Any, list[Any]]:
    figure = figure_of("One", [panel])
    [axis] = figure.axes
    return axis, list(axis.texts)


@settings(max_examples=15)
@given(
    places=st.lists(st.integers(0, 7 * 900), min_size=1, max_size=12),
    words=st.lists(st.sampled_from(["warning", "critical", "resolved"]), min_size=12, max_size=12),
)
def test_labels_of_marks_never_overlap_or_leave_the_panel(places: list[int], words: list[str]) -> None:
    marks = [Mark(TIMES[0] + place, word, RED) for place, word in zip(places, words, strict=False)]
    axis, _ = texts(Panel("Rate", [Series("a", TIMES, [0.01] * 8)], LEVELS))
    named = name_marks(axis, marks)
    boxes = [word.get_window_extent() for word in named]
    inside = axis.get_window_extent()
    assert named and all(inside.x0 <= box.x0 and box.x1 <= inside.x1 and box.y1 <= inside.y1 for box in boxes)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_labels_of_marks_side_by_side_stay_on_their_side() -> None:
    axis, _ = texts(Panel("Rate", [Series("a", TIMES, [0.01] * 8)], LEVELS))
    first, second = name_marks(axis, [Mark(TIMES[4], "warning", RED), Mark(TIMES[4] + 20, "critical", RED)])
    assert first.get_text() == "warning" and first.get_window_extent().x1 < second.get_window_extent().x0


@pytest.mark.parametrize("highest", [0.01, 0.04, 0.12, 0.24, 1.0])
def test_names_of_thresholds_never_overlap(highest: float) -> None:
    close = [*LEVELS, Level(0.0301, "critical", RED)]
    _, named = texts(Panel("Rate", [Series("a", TIMES, [highest] * 8)], close))
    labels = [text.get_text() for text in named]
    assert (
        " our warning 3%" in labels
        and " AWS reviews 5%" in labels
        and (" AWS may pause 10%" in labels) == (highest > 0.05)
    )
    boxes = [text.get_window_extent() for text in named]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_the_scale_is_linear_and_names_values_beyond_it() -> None:
    axis, _ = texts(Panel("Rate", [Series("a", TIMES, [0.01, 0.9] * 4)], LEVELS))
    assert axis.get_yscale() == "linear" and axis.get_ylim()[1] < 0.3
    assert axis.get_title(loc="left") == "Rate   (the highest, 90%, is beyond the axis)"


def test_a_share_has_an_axis_from_zero_to_one() -> None:
    axis, _ = texts(Panel("Headroom", [Series("headroom", TIMES, [1.0] * 8)], top=1.0))
    assert axis.get_ylim() == (0.0, 1.0)


def test_events_are_in_the_panel_of_their_metric() -> None:
    sent = [
        Sent(TIMES[1], Metric.BOUNCE, "warning", "firing", "b"),
        Sent(TIMES[2], Metric.COMPLAINT, "warning", "firing", "c"),
        Sent(TIMES[3], Metric.COMPLAINT, "warning", "reminder", "c"),
        Sent(TIMES[4], Metric.COMPLAINT, "critical", "firing", "c"),
        Sent(TIMES[5], Metric.COMPLAINT, "critical", "resolved", "c"),
    ]
    marks, spans = marks_and_spans(sent, Metric.COMPLAINT, TIMES[7])
    assert [(mark.at, mark.label) for mark in marks] == [
        (TIMES[2], "warning"),
        (TIMES[4], "critical"),
        (TIMES[5], "resolved"),
    ]
    assert [(span.start, span.end) for span in spans] == [(TIMES[2], TIMES[4]), (TIMES[4], TIMES[5])]
    assert [(span.start, span.end) for span in marks_and_spans(sent, Metric.BOUNCE, TIMES[7])[1]] == [
        (TIMES[1], TIMES[7])
    ]
