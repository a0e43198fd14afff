"""The bill matches the documentation and stays below its goal."""

from __future__ import annotations

import json

import pytest

from bench.cost import PAGE, bill, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m bench.cost"


def test_one_account_and_region_costs_less_than_2_50_a_month() -> None:
    dollars = sum(item.dollars for item in bill(""))
    assert dollars < 2.5
    assert f"[${dollars:.2f} a month](docs/cost.md)" in (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("toml", "more"),
    [
        ("[deployment]\ncustomer_managed_key = true\n", 1.0),
        ('[slack]\nwebhook_parameter = "/ses/slack"\n', 0.1),
        ('[targets]\nregions = ["eu-west-1", "us-east-2"]\n', 1.8),
    ],
    ids=["a key", "an alarm", "six metrics"],
)
def test_options_are_on_the_bill(toml: str, more: float) -> None:
    added = sum(item.dollars for item in bill(toml)) - sum(item.dollars for item in bill(""))
    assert more <= added < more + 0.15


@pytest.mark.parametrize(("regions", "free"), [(1, True), (6, True), (7, False)])
def test_a_dashboard_of_up_to_six_regions_is_free(regions: int, free: bool) -> None:
    names = [f"eu-west-{number}" for number in range(1, regions + 1)]
    billed = [item.price for item in bill(f"[targets]\nregions = {json.dumps(names)}\n")]
    assert ("a dashboard of more than 50 metrics" not in billed) is free
