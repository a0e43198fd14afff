"""How a dashboard's body is read: shorthand, what its reader may choose, and cells as a person reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.board import _row, _written_out, chosen
from cli.board_picture import _cell
from cli.main import main


def test_the_shorthand_for_what_stands_in_the_row_above_is_written_out() -> None:
    rows: list[list[Any]] = [
        ["AWS/SES", "Send", "Region", "eu-west-1", {"label": "sent"}],
        [".", "Bounce", ".", "."],
        ["...", "us-east-2", {"yAxis": "right"}],
    ]
    assert list(_written_out(rows)) == [
        ["AWS/SES", "Send", "Region", "eu-west-1", {"label": "sent"}],
        ["AWS/SES", "Bounce", "Region", "eu-west-1"],
        ["AWS/SES", "Bounce", "Region", "us-east-2", {"yAxis": "right"}],
    ]


def test_a_row_without_options_has_what_cloudwatch_takes_then() -> None:
    row = _row(["AWS/Lambda", "Errors", "FunctionName", "f"])
    assert (row.stat["Stat"], row.stat["Period"], row.label, row.region) == ("Average", 300, "Errors", None)
    assert row.stat["Metric"]["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}]


def test_a_dashboard_opens_with_the_default_of_what_may_be_chosen() -> None:
    body = {
        "variables": [{"type": "pattern", "pattern": "CHOSEN-REGION", "defaultValue": "eu-west-1"}],
        "widgets": [{"title": "Rates in CHOSEN-REGION"}],
    }
    assert chosen(json.dumps(body))["widgets"] == [{"title": "Rates in eu-west-1"}]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.008547802657251696", "0.008548"),
        ("3.7e-05", "3.7e-05"),
        ("2026-11-25T00:00:00+00:00", "2026-11-25 00:00"),
        ("HEALTHY", "HEALTHY"),
        ("17", "17"),
    ],
)
def test_a_cell_is_no_longer_than_it_must_be(value: str, shown: str) -> None:
    assert _cell(value) == shown


def test_without_a_region_there_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert main(["dashboard", "--png", str(tmp_path / "board.png")]) == 2
    assert capsys.readouterr().err == "No region: set AWS_REGION to the one that the stack is deployed to.\n"
