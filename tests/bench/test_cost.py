"""The bill is what the documentation says, and below what was promised."""

from __future__ import annotations

import pytest

from bench.cost import PAGE, bill, page


def test_the_page_says_what_the_template_costs() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m bench.cost"


def test_as_shipped_an_account_and_region_costs_less_than_two_and_a_half_dollars_a_month() -> None:
    assert sum(item.dollars for item in bill("")) < 2.5


@pytest.mark.parametrize(
    ("toml", "more"),
    [
        ("[deployment]\ncustomer_managed_key = true\n", 1.0),
        ('[slack]\nwebhook_parameter = "/ses/slack"\n', 0.1),
        ('[targets]\nregions = ["eu-west-1", "us-east-2"]\n', 1.8),
    ],
    ids=["a key", "an alarm", "six metrics"],
)
def test_what_is_added_is_on_the_bill(toml: str, more: float) -> None:
    added = sum(item.dollars for item in bill(toml)) - sum(item.dollars for item in bill(""))
    assert more <= added < more + 0.15
