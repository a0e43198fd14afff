"""Accounts, units, the role and the overrides: accepted values, and the policy of each target."""

from __future__ import annotations

import pytest
from ses_reputation.settings import Settings, SettingsError, parse
from ses_reputation.settings.channels import Stored
from ses_reputation.settings.fleet import TARGETS_PER_SHARD, Fleet

PEOPLE = '[alerts]\nemails = ["a@mail.test"]\n'
ROLE = '[member_role]\nexternal_id = "ours"\n'
SHOP, BLOG = "111111111111", "222222222222"
ACCOUNTS = f'[[accounts]]\nid = "{SHOP}"\nname = "shop"\n[[accounts]]\nid = "{BLOG}"\n'


def settings(text: str = "") -> Settings:
    return parse(PEOPLE + ROLE + text)


def test_without_accounts_there_is_no_fleet() -> None:
    plain = parse(PEOPLE)
    assert plain.fleet == Fleet() and not plain.fleet.on and plain.shards == 1
    assert plain.policy_for(SHOP, "eu-west-1") is plain.policy


def test_accounts_have_names_and_units_have_exceptions() -> None:
    fleet = settings(
        ACCOUNTS + f'[organization]\nunits = ["ou-ab12-cdefgh34", "r-ab12"]\nexclude = ["{BLOG}", "ou-ab12-zzzzzzzz"]\n'
    ).fleet
    assert fleet.on and fleet.accounts == ((SHOP, "shop"), (BLOG, BLOG))
    assert fleet.units == ("ou-ab12-cdefgh34", "r-ab12") and fleet.exclude == (BLOG, "ou-ab12-zzzzzzzz")
    assert (fleet.role_name, fleet.external_id) == ("SesReputationMember", "ours")


def test_regions_are_a_list_or_to_be_discovered() -> None:
    assert settings('[targets]\nregions = ["eu-west-1"]\n' + ACCOUNTS).targets.regions == ("eu-west-1",)
    targets = settings('[targets]\nregions = "discover"\n' + ACCOUNTS).targets
    assert targets.discover and targets.regions == ()


def test_the_first_matching_override_applies() -> None:
    made = settings(
        "[bounce]\nwarning = 0.02\ncritical = 0.04\n"
        f'[[overrides]]\naccounts = ["{SHOP}"]\nregions = ["eu-west-1"]\nmetrics = true\nbounce = {{ critical = 0.06 }}\n'
        f'[[overrides]]\naccounts = ["{SHOP}"]\nvolume = {{ silence = false }}\naccount = {{ quota_warning = 0.5 }}\n'
        + ACCOUNTS
    )
    near, far = made.policy_for(SHOP, "eu-west-1"), made.policy_for(SHOP, "us-east-1")
    assert (near.bounce.warning, near.bounce.critical) == (0.02, 0.06) and near.volume.silence
    assert far.bounce == made.policy.bounce and not far.volume.silence and far.account.quota_warning == 0.5
    assert made.policy_for(BLOG, "eu-west-1") is made.policy


def test_an_override_also_fits_the_regions_of_a_single_account() -> None:
    made = parse(PEOPLE + '[[overrides]]\nregions = ["eu-west-1"]\nbounce = { warning = 0.02 }\n')
    assert made.policy_for(SHOP, "eu-west-1").bounce.warning == 0.02
    assert made.policy_for(SHOP, "us-east-1") is made.policy


def test_the_cause_settings_apply_to_overrides_too() -> None:
    made = parse(PEOPLE + '[cause]\nlook = "off"\n[[overrides]]\nregions = ["eu-west-1"]\n')
    assert not made.policy_for(SHOP, "eu-west-1").findings


def test_single_targets_have_metrics_up_to_a_limit_or_on_request() -> None:
    made = settings(f'[targets]\nmetrics_up_to = 2\n[[overrides]]\naccounts = ["{SHOP}"]\nmetrics = true\n' + ACCOUNTS)
    assert made.has_metrics(BLOG, "eu-west-1", 2) and not made.has_metrics(BLOG, "eu-west-1", 3)
    assert made.has_metrics(SHOP, "eu-west-1", 1_000)


@pytest.mark.parametrize(
    ("accounts", "text", "shards"),
    [
        (1, "", 1),
        (TARGETS_PER_SHARD, "", 1),
        (TARGETS_PER_SHARD + 1, "", 2),
        (TARGETS_PER_SHARD, '[targets]\nregions = ["eu-west-1", "us-east-1"]\n', 2),
        (TARGETS_PER_SHARD, '[targets]\nregions = "discover"\n', 3),
        (1, "[deployment]\nshards = 7\n", 7),
    ],
)
def test_shards_are_set_or_follow_from_the_listed_accounts(accounts: int, text: str, shards: int) -> None:
    listed = "".join(f'[[accounts]]\nid = "{number:012}"\n' for number in range(accounts))
    assert settings(text + listed).shards == shards


def test_a_route_may_be_for_some_accounts() -> None:
    made = settings(f'[[routes]]\naccounts = ["{SHOP}"]\nemails = ["b@mail.test"]\n')
    assert made.routes[0].attributes == {"account": (SHOP,)} and made.routes[0].webhook == Stored()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('[[accounts]]\nname = "shop"\n', ["accounts[0].id"]),
        ("[[accounts]]\nid = 111111111111\n", ["accounts[0].id"]),
        ('[[accounts]]\nid = "1111"\n', ["accounts[0].id"]),
        (f'[[accounts]]\nid = "{SHOP}"\nname = ""\n{ROLE}', ["accounts[0].name"]),
        (f'[[accounts]]\nid = "{SHOP}"\nname = "a\\nb"\n{ROLE}', ["accounts[0].name"]),
        (f'[[accounts]]\nid = "{SHOP}"\nname = "{"x" * 51}"\n{ROLE}', ["accounts[0].name"]),
        (f'[[accounts]]\nid = "{SHOP}"\n[[accounts]]\nid = "{SHOP}"\n{ROLE}', ["accounts"]),
        ('accounts = ["111111111111"]\n', ["accounts[0]"]),
        ('[organization]\nunits = ["Workloads"]\n', ["organization.units[0]"]),
        (f'[organization]\nexclude = ["{SHOP}"]\n', ["organization.exclude"]),
        ('[member_role]\nname = "path/role"\n', ["member_role.name"]),
        ('[member_role]\nexternal_id = "x"\n', ["member_role.external_id"]),
        (ACCOUNTS, ["member_role.external_id"]),
        ('[organization]\nunits = ["r-ab12"]\n', ["member_role.external_id"]),
        ('[targets]\nregions = "discover"\n', ["targets.regions"]),
        ('[targets]\nregions = "everywhere"\n', ["targets.regions"]),
        (f'[alarms]\nper_target = "warning"\n{ROLE}{ACCOUNTS}', ["alarms.per_target"]),
        ("[deployment]\nshards = 101\n", ["deployment.shards"]),
        ("[[overrides]]\nbounce = { warning = 0.02 }\n", ["overrides[0].accounts"]),
        ('[[overrides]]\nregions = ["mars"]\n', ["overrides[0].regions[0]"]),
        ('[[overrides]]\naccounts = "all"\n', ["overrides[0].accounts"]),
        ('[[overrides]]\nregions = ["eu-west-1"]\nbounce = { warning = 3 }\n', ["overrides[0].bounce.warning"]),
        ('[[overrides]]\nregions = ["eu-west-1"]\nbounce = { warning = 0.05 }\n', ["overrides[0].bounce.warning"]),
        ('[[overrides]]\nregions = ["eu-west-1"]\nbounce = 0.02\n', ["overrides[0].bounce"]),
        ('[[overrides]]\nregions = ["eu-west-1"]\nbounce = { warnin = 0.02 }\n', ["overrides[0].bounce.warnin"]),
        ('[[overrides]]\nregions = ["eu-west-1"]\nemails = ["b@mail.test"]\n', ["overrides[0].emails"]),
        ('[bounce]\nwarning = 3\n[[overrides]]\nregions = ["eu-west-1"]\n', ["bounce.warning"]),
        (
            "[bounce]\nwarnin = 0.02\n[[overrides]]\nregions = ['eu-west-1']\n",
            ["bounce.warnin", "overrides[0].bounce.warnin"],
        ),
    ],
)
def test_every_problem_is_named_once(text: str, keys: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(PEOPLE + text if not text.startswith("accounts") else text + PEOPLE)
    assert [problem.key for problem in caught.value.problems] == keys


@pytest.mark.parametrize("level", ["dry-run", "configuration-sets", "account"])
def test_other_accounts_are_never_paused(level: str) -> None:
    with pytest.raises(SettingsError, match="accepted: off with several accounts"):
        settings(f'{ACCOUNTS}[pause]\nlevel = "{level}"\n')
