"""The tables [slack], [chat], [teams], [pagerduty], [events] and [[routes]]: what they accept, and the error for the rest."""

from __future__ import annotations

import pytest
from ses_reputation.settings import SettingsError, parse
from ses_reputation.settings.channels import Route, Stored

PEOPLE = '[alerts]\nemails = ["a@mail.test"]\n'
UUID = "11111111-2222-3333-4444-555555555555"


def problems(toml: str) -> list[tuple[str, str]]:
    with pytest.raises(SettingsError) as raised:
        parse(toml)
    return [(problem.key, problem.next_step) for problem in raised.value.problems]


def test_a_route_has_a_severity_regions_and_recipients() -> None:
    settings = parse(PEOPLE + '[[routes]]\nseverity = "critical"\nregions = ["eu-west-1"]\nemails = ["b@mail.test"]\n')
    assert settings.routes == (Route("critical", ("eu-west-1",), ("b@mail.test",), Stored()),)
    assert settings.recipients == ("a@mail.test", "b@mail.test")


def test_without_routes_the_alert_recipients_are_used() -> None:
    assert parse(PEOPLE).routes == () and parse(PEOPLE).recipients == ("a@mail.test",)


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ('[[routes]]\nemails = ["A@mail.test"]\n', "routes[0].emails"),  # gets everything already
        ('[[routes]]\nemails = ["b@mail.test"]\n[[routes]]\nemails = ["b@mail.test"]\n', "routes[1].emails"),
        ('[[routes]]\nseverity = "critical"\n', "routes[0].emails"),
        ('[[routes]]\nseverity = "low"\nemails = ["b@mail.test"]\n', "routes[0].severity"),
        ('[[routes]]\nregions = ["mars"]\nemails = ["b@mail.test"]\n', "routes[0].regions[0]"),
        ('[[routes]]\nemail = ["b@mail.test"]\nemails = ["c@mail.test"]\n', "routes[0].email"),
        ('[slack]\nmention = "@here"\n', "slack.mention"),
        ('[slack]\nmention = "U0123ABCD"\n', "slack.mention"),
        (f'[teams]\ntenant_id = "{UUID}"\nteam_id = "{UUID}"\n', "teams.channel_id"),
        (
            f'[teams]\ntenant_id = "{UUID}"\nteam_id = "{UUID}"\nchannel_id = "19:abc@thread.tacv2"\n',
            "teams.channel_id",
        ),
        ('[pagerduty]\nservice_region = "asia"\n', "pagerduty.service_region"),
        ('[pagerduty]\nrouting_key_parameter = "/a/b"\nrouting_key_secret = "c"\n', "pagerduty.routing_key_secret"),
        ('[pagerduty]\nrouting_key = "0123456789abcdef0123456789abcdef"\n', "pagerduty.routing_key"),
    ],
)
def test_every_problem_is_named(toml: str, key: str) -> None:
    assert [found for found, _ in problems(PEOPLE + toml)] == [key]


def test_routes_alone_are_not_enough() -> None:
    assert ("alerts.emails", "name who gets the alerts: nobody would hear of one") in problems(
        '[[routes]]\nseverity = "critical"\nemails = ["b@mail.test"]\n'
    )


@pytest.mark.parametrize(
    "toml",
    [
        f'[teams]\ntenant_id = "{UUID}"\nteam_id = "{UUID}"\nchannel_id = "19%3aab%40thread.tacv2"\n',
        '[pagerduty]\nrouting_key_parameter = "/a/b"\n',
        '[slack]\nwebhook_parameter = "/a/b"\nmention = "S0123ABCD"\n',
        "[chat]\nexisting = true\n",
        '[deployment]\ntopic_arn = "arn:aws:sns:eu-west-1:123456789012:alerts"\n',
    ],
)
def test_one_unfiltered_channel_is_enough(toml: str) -> None:
    assert parse(toml).recipients == ()


def test_a_bus_is_a_channel_but_no_recipient() -> None:
    with pytest.raises(SettingsError, match="nobody would hear of one"):
        parse('[events]\nbus = "default"\n')


@pytest.mark.parametrize("bus", ["default", "my.bus_1/a-b", "arn:aws-cn:events:cn-north-1:123456789012:event-bus/ops"])
def test_a_bus_is_a_name_or_an_arn(bus: str) -> None:
    assert parse(f'[alerts]\nemails = ["a@b.test"]\n[events]\nbus = "{bus}"\n').events.bus == bus
