"""Settings that can be used, and yet look wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable

import pytest
from ses_reputation.settings import Settings, from_tables
from ses_reputation.settings.warnings import warnings_of


def read(text: str) -> Settings:
    return from_tables(tomllib.loads(text), "settings.toml")


def unknown(regions: Iterable[str]) -> list[str]:
    return [f"{region}?" for region in regions if region.endswith("9")]


BASE = '[alerts]\nemails = ["oncall@mail.test"]\n'
LISTED = f'{BASE}[member_role]\nexternal_id = "ours"\n[[accounts]]\nid = "111111111111"\n'
UNITS = f'{LISTED}[organization]\nunits = ["r-ab12"]\nexclude = ["222222222222"]\n'
ROUTE = '[[routes]]\nemails = ["shop@mail.test"]\n'
TUESDAY = '[[mute]]\nweekday = "tuesday"\nfrom = "08:00"\nto = "12:00"\n'
IRELAND = '[targets]\nregions = ["eu-west-1"]\n'
DISCOVER = '[targets]\nregions = "discover"\n'
LOW = "bounce = { warning = 0.02 }\n"

WITHOUT_EFFECT = {
    "override of an account": (
        f'{LISTED}[[overrides]]\naccounts = ["111111111111", "222222222222"]\n{LOW}',
        "overrides[0].accounts: 222222222222 is not watched: only alerts about the fleet are from there",
    ),
    "route of an account": (
        f'{LISTED}{ROUTE}accounts = ["222222222222"]\n',
        "routes[0].accounts: 222222222222 is not watched: only alerts about the fleet are from there",
    ),
    "excluded": (f'{UNITS}{ROUTE}accounts = ["222222222222"]\n', "routes[0].accounts: 222222222222 is not watched:"),
    "override of a region": (
        f'{BASE}{IRELAND}[[overrides]]\nregions = ["us-east-1"]\n{LOW}',
        "overrides[0].regions: us-east-1 is not watched.",
    ),
    "route of a region": (f'{BASE}{IRELAND}{ROUTE}regions = ["us-east-1"]\n', "routes[0].regions: us-east-1 is not"),
    "mute of a region": (f'{BASE}{IRELAND}{TUESDAY}regions = ["us-east-1"]\n', "mute[0].regions: us-east-1 is not"),
    "no region": (
        f'{LISTED}{DISCOVER}{ROUTE}regions = ["us-east-9"]\n',
        "routes[0].regions: us-east-9?",
    ),
    "exclude of a listed one": (
        UNITS.replace('exclude = ["222222222222"]', 'exclude = ["111111111111"]'),
        "organization.exclude: 111111111111 is watched all the same, because [[accounts]] names it.",
    ),
    "mute twice": (f"{BASE}{TUESDAY}{TUESDAY}", "mute[1]: mute[0] is the same."),
    "role without accounts": (
        f'{BASE}[member_role]\nexternal_id = "ours"\n',
        "member_role.external_id has no effect without [[accounts]] or [organization] units.",
    ),
    "metrics without accounts": (
        f"{BASE}[targets]\nmetrics_up_to = 9\n",
        "targets.metrics_up_to has no effect without",
    ),
    "shards without accounts": (f"{BASE}[deployment]\nshards = 3\n", "deployment.shards has no effect without [[acc"),
    "parts without a key": (f'{BASE}[deployment]\nencrypt = ["logs"]\n', "deployment.encrypt has no effect without"),
    "key for nothing": (
        f"{BASE}[deployment]\ncustomer_managed_key = true\nencrypt = []\n",
        "deployment.encrypt is empty: the key encrypts nothing.",
    ),
    "mention without a webhook": (f'{BASE}[slack]\nmention = "here"\n', "slack.mention has no effect without a web"),
    "window with too few emails": (
        f"{BASE}[bounce]\nrules = [{{ emails = 50, above = 0.04 }}]\n",
        'bounce.rules: the window of "50 emails" holds about 50 emails, and min_emails asks for 100: it holds for large',
    ),
    "window with too few emails in an override": (
        f'{BASE}[[overrides]]\nregions = ["eu-west-1"]\nbounce = {{ rules = [{{ emails = 50, above = 0.04 }}] }}\n',
        'overrides[0].bounce.rules: the window of "50 emails" holds about 50 emails',
    ),
    "warning above critical": (
        (
            f"{BASE}[bounce]\nrules = [{{ hours = 24, above = 0.04 }}, "
            '{ hours = 24, above = 0.03, severity = "critical" }]\n'
        ),
        'bounce.rules: "24 h" never warns before "24 h critical" is critical, whose threshold is not above it.',
    ),
    "second override": (
        f'{BASE}[[overrides]]\nregions = ["eu-west-1", "us-east-1"]\n{LOW}[[overrides]]\nregions = ["us-east-1"]\n{LOW}',
        "overrides[1]: overrides[0] fits the same targets, and the first that fits counts.",
    ),
}


@pytest.mark.parametrize(("text", "warning"), WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT)
def test_a_setting_that_surely_does_nothing_is_a_warning(text: str, warning: str) -> None:
    [said] = warnings_of(read(text), unknown)
    assert said.name == "settings" and said.text.startswith(warning)


PERHAPS = {
    "account of a unit": f'{UNITS}{ROUTE}accounts = ["333333333333"]\n',
    "own account": f'{BASE}{ROUTE}accounts = ["333333333333"]\n',
    "discovered region": f'{LISTED}{DISCOVER}{ROUTE}regions = ["us-east-1"]\n',
    "region of the stack": f'{BASE}{TUESDAY}regions = ["us-east-1"]\n',
    "listed": f'{LISTED}{IRELAND}{ROUTE}accounts = ["111111111111"]\nregions = ["eu-west-1"]\n',
    "warning below critical": (
        f"{BASE}[bounce]\nrules = [{{ hours = 24, above = 0.03 }}, "
        '{ hours = 24, above = 0.04, severity = "critical" }]\ncalm = [{ hours = 24, at_most = 0.04 }]\n'
    ),
    "enough emails": f"{BASE}[bounce]\nrules = [{{ emails = 100, above = 0.04 }}]\n",
    "key": f'{BASE}[deployment]\ncustomer_managed_key = true\nencrypt = ["logs"]\n',
    "narrow before wide": (
        f'{LISTED}[[overrides]]\naccounts = ["111111111111"]\n{LOW}'
        f'[[overrides]]\nregions = ["eu-west-1"]\n{LOW}[[overrides]]\nregions = ["eu-west-1", "us-east-1"]\n{LOW}'
    ),
}


@pytest.mark.parametrize("text", PERHAPS.values(), ids=PERHAPS)
def test_a_setting_that_may_do_something_is_no_warning(text: str) -> None:
    assert warnings_of(read(text), unknown) == []


def test_a_key_of_the_app_encrypts_what_the_settings_say() -> None:
    assert warnings_of(read(f'{BASE}[deployment]\nencrypt = ["logs"]\n'), unknown, key_given=True) == []


UNHEARD = {
    "example": ('[alerts]\nemails = ["oncall@example.com"]\n', "example-recipients"),
    "forwarder alone": ('[slack]\nwebhook_parameter = "/ses/slack"\n', "slack-alone"),
}


@pytest.mark.parametrize(("text", "name"), UNHEARD.values(), ids=UNHEARD)
def test_alerts_that_nobody_may_get_are_a_warning(text: str, name: str) -> None:
    assert [warning.name for warning in warnings_of(read(text), unknown)] == [name]
