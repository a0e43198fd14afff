"""Shards, turns, and the commands about an account."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.fleet import Installation, Shard, deploy_role_command, is_turn
from ses_reputation.core.history import DAY, HOUR
from ses_reputation.core.target import Target

from tests.core.test_roster import NOON, SHOP

accounts = st.from_regex(r"[0-9]{12}", fullmatch=True)


@given(accounts, st.integers(1, 100))
def test_every_account_is_in_exactly_one_shard(account: str, of: int) -> None:
    assert sum(Shard(number, of).has(account) for number in range(of)) == 1


def test_accounts_spread_over_the_shards() -> None:
    sizes = [sum(Shard(number, 8).has(f"{account:012}") for account in range(8_000)) for number in range(8)]
    assert min(sizes) > 800 and max(sizes) < 1_200


@given(accounts, st.sampled_from([300, 900, 1_200, 3_600]), st.integers(0, 4_000))
def test_every_name_has_one_turn_a_day_and_one_an_hour(name: str, every: int, late: int) -> None:
    ticks = range(NOON + late % every, NOON + late % every + DAY, every)
    assert sum(is_turn(name, tick, every) for tick in ticks) == 1
    assert sum(is_turn(name, tick, every, HOUR) for tick in ticks) == 24


def test_a_target_says_which_options_a_command_about_it_needs() -> None:
    assert Target("1" * 12, "eu-west-1").options == "--region eu-west-1"
    assert SHOP.targets[0].options == f"--account {'1' * 12} --region eu-west-1"
    assert Installation("1" * 12, "eu-west-1").id == "fleet/installation"
    assert deploy_role_command("eu-west-1").endswith("--region eu-west-1")
    assert deploy_role_command("eu-west-1", "arn:aws:iam::000000000000:role/monitor").endswith(
        " --parameter-overrides TrustedRoles=arn:aws:iam::000000000000:role/monitor"
    )
