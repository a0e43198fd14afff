"""What can be drawn; what it looks like only an eye can tell."""

from __future__ import annotations

from math import nan
from pathlib import Path

import pytest

from cli.picture import BLUE, RED, Level, Mark, Panel, Series, Span, draw

TIMES = [1_700_000_000 + 900 * i for i in range(8)]
LEVELS = [Level(0.03, "warning", RED), Level(0.05, "AWS reviews", RED), Level(0.10, "AWS may pause", RED)]


@pytest.mark.parametrize(
    "values",
    [[0.01] * 8, [0.0] * 8, [nan] * 8, [0.01, 0.01, nan, 0.9, 1.0, 0.5, 0.2, 0.1], [0.12] * 8],
    ids=["normal", "zero", "unknown", "everything bounces", "over every line"],
)
@pytest.mark.parametrize("panel", [None, 0, 1])
def test_any_rates_can_be_drawn(tmp_path: Path, values: list[float], panel: int | None) -> None:
    volume = Panel("Emails", [Series("emails", TIMES, [5] * 8, BLUE, bars=True)], percent=False)
    rates = Panel("Rate", [Series("a", TIMES, values), Series("b", TIMES, values, RED)], LEVELS)
    marks = [Mark(TIMES[i], "warning", RED, panel) for i in (0, 1, 1, 2, 7)]
    draw(tmp_path / "x.png", "One\nTwo", [rates, volume], marks=marks, spans=[Span(TIMES[1], TIMES[7], RED, panel)])
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_single_moment_can_be_drawn(tmp_path: Path) -> None:
    draw(tmp_path / "x.svg", "One", [Panel("Rate", [Series("a", TIMES[:1], [0.01])], LEVELS)])
    assert (tmp_path / "x.svg").read_text().startswith("<?xml")
