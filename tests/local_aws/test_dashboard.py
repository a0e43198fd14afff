"""Reading a dashboard's body: shorthand, choices of its reader, and readable cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_aws.dashboard import NotRead, _row, _written_out, calculated, chosen, main
from local_aws.dashboard_picture import _cell, _number, _unit


def test_shorthand_for_the_row_above_is_expanded() -> None:
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


def test_a_row_without_options_has_cloudwatchs_defaults() -> None:
    row = _row(["AWS/Lambda", "Errors", "FunctionName", "f"], 0)
    assert (row.stat["Stat"], row.stat["Period"], row.label, row.region) == ("Average", 300, "Errors", None)
    assert row.stat["Metric"]["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}]


def test_a_dashboard_opens_with_its_default_choices() -> None:
    body = {
        "variables": [{"type": "pattern", "pattern": "CHOSEN-REGION", "defaultValue": "eu-west-1"}],
        "widgets": [{"title": "Rates in CHOSEN-REGION"}],
    }
    assert chosen(json.dumps(body))["widgets"] == [{"title": "Rates in eu-west-1"}]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.008547802657251696", "0.00855"),
        ("3.7e-05", "0.000037"),
        ("2026-11-25T00:00:00+00:00", "2026-11-25 00:00"),
        ("HEALTHY", "HEALTHY"),
        ("17", "17"),
    ],
)
def test_a_cell_is_as_short_as_possible(value: str, shown: str) -> None:
    assert _cell(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (0.969, "0.969"), (84.234, "84.2"), (-1.0, "-1"), (1460.0, "1,460"), (5.0, "5")]
)
def test_a_number_has_three_digits_and_no_exponent(value: float, shown: str) -> None:
    assert _number(value) == shown


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("Bounce rate (%)", "%"),
        ("Bounce rate, %", "%"),
        ("%", "%"),
        ("percent", "%"),
        ("Bounce rate (0.05 is 5 %)", ""),
        ("fraction", ""),
        ("percentile", ""),
        ("", ""),
    ],
)
def test_the_unit_comes_from_the_label(label: str, unit: str) -> None:
    assert _unit(label) == unit


POINTS = {"m1": {0: 0.05, 900: 0.1}, "m2": {900: 2.0, 1800: 0.0}}


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("m1 * 100", {0: 5.0, 900: 10.0}),
        ("100*m1", {0: 5.0, 900: 10.0}),
        ("m2 - m1", {900: 1.9}),
        ("(m1 + m1) / m2", {900: 0.1}),
        ("7", {}),
    ],
)
def test_arithmetic_metric_math_is_computed(expression: str, values: dict[int, float]) -> None:
    assert calculated(expression, POINTS) == pytest.approx(values)


@pytest.mark.parametrize(
    "expression", ["FILL(m1, 0)", "m1 ** 2", "m3 * 2 + m1", "m1 *", "__import__('os') + m1", "-m1"]
)
def test_other_metric_math_is_refused(expression: str) -> None:
    with pytest.raises(NotRead, match="is not drawn"):
        calculated(expression, POINTS)


def test_without_credentials_or_a_region_there_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert main(["--png", str(tmp_path / "board.png")]) == 2
    assert "No AWS credentials were found" in capsys.readouterr().err
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert main(["--png", str(tmp_path / "board.png")]) == 2
    assert "No AWS region was found" in capsys.readouterr().err
