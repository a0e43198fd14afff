"""The plan for many targets matches the documentation and its goals."""

from __future__ import annotations

import pytest

from bench.scale import FLEETS, PAGE, QUOTAS, Fleet, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m bench.scale"


@pytest.mark.parametrize("targets", FLEETS)
def test_a_shard_is_done_within_two_minutes(targets: int) -> None:
    assert Fleet(targets).seconds() <= 120


def test_a_thousand_targets_stay_within_every_default_quota() -> None:
    load = Fleet(1_000).load()
    assert load.keys() == QUOTAS.keys()
    assert all(load[name] <= quota for name, quota in QUOTAS.items())


def test_memory_beyond_what_waiting_needs_only_costs_more() -> None:
    fleet = Fleet(1_000)
    assert fleet.seconds(1_769) == fleet.seconds(3_538)
    assert fleet.dollars(256)["Lambda"] == pytest.approx(fleet.dollars(512)["Lambda"], rel=0.02)
    assert fleet.dollars(3_538)["Lambda"] > 1.9 * fleet.dollars(1_769)["Lambda"]
