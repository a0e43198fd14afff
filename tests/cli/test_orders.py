"""`mute`, `unmute`, `mutes` and `ack`: the stored orders, and a clear error for every failure."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from ses_reputation.aws.store import Item, Store
from ses_reputation.core import state as states
from ses_reputation.core.alert import Sent
from ses_reputation.core.fleet import Installation
from ses_reputation.core.orders import SCHEMA, Mute, Orders, from_text, to_text
from ses_reputation.core.roster import Member, Roster
from ses_reputation.core.rules import Severity
from ses_reputation.core.state import State
from ses_reputation.core.target import Target
from ses_reputation.fleet_accounts import ROSTER
from ses_reputation.team_orders import CHECKS, KEY

from cli import orders as command
from cli.deployed import find_if_any
from cli.main import main

Capsys = pytest.CaptureFixture[str]

TEMPLATE = {
    "Resources": {
        "State": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "states",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        }
    },
    "Outputs": {"StateTableName": {"Value": {"Ref": "State"}}},
}
SETTINGS = """
[alerts]
emails = ["oncall@mail.test"]
timezone = "Europe/Berlin"
[targets]
regions = ["eu-west-1", "us-east-1"]
[[mute]]
weekday = "tuesday"
from = "08:00"
to = "12:00"
check = "complaint"
reason = "newsletter"
"""


@pytest.fixture
def store(keys: None, elsewhere: Path) -> Any:
    (elsewhere / "settings.toml").write_text(SETTINGS)
    with mock_aws():
        boto3.client("cloudformation", "eu-west-1").create_stack(
            StackName="SesReputation", TemplateBody=json.dumps(TEMPLATE)
        )
        yield Store(boto3.client("dynamodb", "eu-west-1"), "states")


def orders_in(store: Store) -> Orders:
    item = store.load(KEY)
    assert item is not None
    orders, ignored = from_text(item.text, CHECKS)
    assert ignored == ()
    return orders


def put(store: Store, text: str, schema: int = SCHEMA) -> None:
    there = store.load(KEY)
    store.save(KEY, Item(1 if there is None else there.version + 1, schema, text))


def opened(store: Store, region: str, *alerts: str) -> None:
    now = int(time.time())
    sent = {name.partition("-")[0]: Sent(name, Severity.WARNING, (), 1, now, now, now) for name in alerts}
    store.save(f"123456789012/{region}", Item(1, states.SCHEMA, states.to_text(State(now, sent=sent))))


def muted(*options: str) -> int:
    return main(["mute", "--for", "48h", "--reason", "list clean-up", *options])


def test_a_mute_is_stored_with_its_end_and_its_reason(store: Store, capsys: Capsys) -> None:
    assert muted("--check", "bounce", "--region", "us-east-1") == 0
    [mute] = orders_in(store).mutes
    assert (mute.check, mute.region, mute.reason, mute.critical) == ("bounce", "us-east-1", "list clean-up", False)
    assert mute.until - mute.start == 48 * 3_600 and abs(mute.start - time.time()) < 60
    printed = capsys.readouterr().out
    assert "Muted: bounce alerts in us-east-1, unless critical, until" in printed and "CE" in printed
    assert "To end it: ses-reputation unmute --check bounce --region us-east-1" in printed


def test_a_second_mute_of_the_same_check_replaces_the_first(store: Store) -> None:
    muted("--check", "bounce")
    muted("--check", "complaint")
    assert main(["mute", "--check", "bounce", "--for", "1d", "--reason", "longer", "--all"]) == 0
    assert [(mute.check, mute.reason, mute.critical) for mute in orders_in(store).mutes] == [
        ("complaint", "list clean-up", False),
        ("bounce", "longer", True),
    ]


def test_for_programs_there_is_one_document(store: Store, capsys: Capsys) -> None:
    assert muted("--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["mute"]["check"] == printed["mute"]["region"] == "" and printed["ignored"] == []
    assert main(["mutes", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [mute["reason"] for mute in printed["mutes"]] == ["list clean-up"] and len(printed["windows"]) == 1
    assert main(["unmute", "--json"]) == 0
    assert [mute["reason"] for mute in json.loads(capsys.readouterr().out)["ended"]] == ["list clean-up"]
    assert orders_in(store).mutes == ()


@pytest.mark.parametrize("length", ["", "48", "0h", "-1h", "31d", "721h", "1.5h", "99999d", "h", "1w", "\u0661h"])
def test_a_mute_has_an_end_within_thirty_days(store: Store, capsys: Capsys, length: str) -> None:
    assert main(["mute", f"--for={length}", "--reason", "x"]) == 2
    assert "at most 30d" in capsys.readouterr().err
    assert store.load(KEY) is None


def test_a_mute_without_a_length_or_a_reason_is_refused(store: Store, capsys: Capsys) -> None:
    assert main(["mute", "--reason", "x"]) == main(["mute", "--for", "1h"]) == 2
    assert main(["mute", "--for", "1h", "--reason", " \t"]) == 2
    assert "--reason is empty" in capsys.readouterr().err


def test_an_unwatched_check_or_region_is_refused(store: Store, capsys: Capsys) -> None:
    assert muted("--check", "bounces") == muted("--region", "eu-west-9") == 2
    printed = capsys.readouterr().err
    assert "There is no check bounces. There are: enforcement, sending, pause, bounce" in printed
    assert "does not watch eu-west-9. It watches: eu-west-1, us-east-1" in printed


def test_no_address_and_no_control_character_is_stored(store: Store) -> None:
    assert main(["mute", "--for", "1h", "--reason", "ask jane.doe@example.com\x1b[2J\n"]) == 0
    text = store.load(KEY)
    assert text is not None and "jane" not in text.text and orders_in(store).mutes[0].reason == "ask …@example.com [2J"


def test_an_unknown_mute_cannot_be_ended(store: Store, capsys: Capsys) -> None:
    assert main(["unmute"]) == 2
    assert "There is no such mute. Nothing is muted." in capsys.readouterr().err
    muted("--check", "bounce")
    capsys.readouterr()
    assert main(["unmute", "--check", "complaint"]) == 2
    assert "ses-reputation unmute --check bounce" in capsys.readouterr().err


def test_every_mute_can_be_ended_at_once(store: Store) -> None:
    muted("--check", "bounce")
    muted()
    assert main(["unmute", "--everything"]) == 0
    assert orders_in(store).mutes == ()


def test_an_ended_mute_is_removed(store: Store, capsys: Capsys) -> None:
    put(store, to_text(Orders((Mute(1_700_000_000, 1_700_003_600, reason="old"),))))
    assert main(["mutes"]) == 0
    assert capsys.readouterr().out.startswith(
        "every Tuesday 08:00 to 12:00, complaint alerts, unless critical: newsletter"
    )
    muted()
    assert [mute.reason for mute in orders_in(store).mutes] == ["list clean-up"]


@pytest.mark.parametrize("text", ["{", '{"mutes": [{"start": 0}], "acks": []}', "[]"])
def test_invalid_stored_orders_are_reported_and_replaced(store: Store, capsys: Capsys, text: str) -> None:
    put(store, text)
    assert main(["mutes"]) == 0 and "ignored" in capsys.readouterr().out
    assert muted() == 0
    assert len(orders_in(store).mutes) == 1


def test_orders_of_a_newer_version_are_left_alone(store: Store, capsys: Capsys) -> None:
    put(store, "{}", SCHEMA + 1)
    assert muted() == 2 and "newer version" in capsys.readouterr().err
    there = store.load(KEY)
    assert there is not None and there.text == "{}"


def test_two_people_at_once_lose_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def somebody_else(orders: Orders, now: int) -> Orders:
        monkeypatch.setattr(command, "_current", current)
        put(store, to_text(Orders((Mute(now, now + 60, "quota"),))))
        return current(orders, now)

    current = command._current
    monkeypatch.setattr(command, "_current", somebody_else)
    assert muted("--check", "bounce") == 0
    assert [mute.check for mute in orders_in(store).mutes] == ["quota", "bounce"]


def test_too_many_mutes_are_refused(store: Store, capsys: Capsys) -> None:
    now = int(time.time())
    put(store, to_text(Orders(tuple(Mute(now, now + 60, "quota", f"r{n}") for n in range(50)))))
    assert muted() == 2 and "There are 50 mutes already" in capsys.readouterr().err


def test_an_open_alert_is_acknowledged(store: Store, capsys: Capsys) -> None:
    opened(store, "eu-west-1", "quota-20250217T0900Z")
    opened(store, "us-east-1", "bounce-20250217T0945Z")
    assert main(["ack", "bounce-20250217T0945Z"]) == 0
    [ack] = orders_in(store).acks
    assert (ack.target, ack.alert) == ("123456789012/us-east-1", "bounce-20250217T0945Z")
    assert ack.at == states.from_text(store.load(ack.target).text).sent["bounce"].counted_from  # type: ignore[union-attr]
    assert main(["ack", "bounce-20250217T0945Z"]) == 0 and len(orders_in(store).acks) == 1
    capsys.readouterr()
    main(["mutes"])
    assert "acknowledged: bounce-20250217T0945Z in us-east-1" in capsys.readouterr().out


def test_an_alert_that_is_not_open_is_a_clear_error(store: Store, capsys: Capsys) -> None:
    assert main(["ack", "bounce-20250217T0945Z"]) == 2
    assert "No alert bounce-20250217T0945Z is open" in capsys.readouterr().err
    opened(store, "eu-west-1", "quota-20250217T0900Z")
    assert main(["ack", "bounce-\x1b20250217T0945Z"]) == 2
    assert "Open are: quota-20250217T0900Z" in capsys.readouterr().err
    assert store.load(KEY) is None


def test_an_alert_open_in_two_regions_needs_a_region(store: Store, capsys: Capsys) -> None:
    for region in ("eu-west-1", "us-east-1"):
        opened(store, region, "bounce-20250217T0945Z")
    assert main(["ack", "bounce-20250217T0945Z"]) == 2
    assert "Choose with --region" in capsys.readouterr().err
    assert main(["ack", "bounce-20250217T0945Z", "--region", "us-east-1"]) == 0


def test_an_unreadable_state_is_reported(store: Store, capsys: Capsys) -> None:
    store.save("123456789012/eu-west-1", Item(1, states.SCHEMA, "{"))
    assert main(["ack", "bounce-20250217T0945Z"]) == 2
    assert "The state of eu-west-1 cannot be read" in capsys.readouterr().err


def test_without_a_deployment_it_says_what_to_do(store: Store, capsys: Capsys, elsewhere: Path) -> None:
    (elsewhere / "settings.toml").write_text(f'{SETTINGS}\n[deployment]\nstage = "prod"\n')
    for arguments in (["mutes"], ["mute", "--for", "1h", "--reason", "x"], ["ack", "x"]):
        assert main(arguments) == 2
        assert "There is no stack SesReputation-prod in eu-west-1.\nDeploy it" in capsys.readouterr().err


def test_the_stack_is_found_in_the_region_of_the_alerts_too(
    store: Store, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert muted() == 2 and "No AWS region was found" in capsys.readouterr().err
    assert muted("--region", "eu-west-1") == 0
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert muted("--region", "eu-west-1") == 0
    assert len(orders_in(store).mutes) == 1


def test_check_shows_what_is_muted(store: Store) -> None:
    muted("--check", "bounce", "--region", "us-east-1")
    from ses_reputation.settings import load

    session, now = boto3.Session(region_name="eu-west-1"), int(time.time()) + 1
    settings = load(Path("settings.toml"))
    targets = [Target("", "us-east-1"), Target("", "eu-west-1"), Target("999999999999", "us-east-1")]
    muted("--check", "quota", "--account", "123456789012")
    us, eu, other = command.muted_by_team(find_if_any(session, settings), settings, targets, now)
    bounce, quota = "Muted: bounce alerts in us-east-1", "Muted: quota alerts in 123456789012"
    shown = [[printed.partition(",")[0] for printed in target] for target in (us, eu, other)]
    assert [bounce in printed for printed in shown] == [True, False, True]
    assert [quota in printed for printed in shown] == [True, True, False]
    elsewhere = find_if_any(boto3.Session(region_name="us-west-2"), settings)
    assert command.muted_by_team(elsewhere, settings, targets, now) == [(), (), ()]


FLEET = """
[alerts]
emails = ["oncall@mail.test"]
[member_role]
external_id = "ours"
[[accounts]]
id = "111111111111"
name = "shop"
"""


def test_one_of_several_accounts_can_be_named(store: Store, capsys: Capsys, elsewhere: Path) -> None:
    (elsewhere / "settings.toml").write_text(FLEET)
    now = int(time.time())
    sent = {"bounce": Sent("bounce-20250217T0945Z", Severity.WARNING, (), 1, now, now, now)}
    text = states.to_text(State(now, sent=sent))
    store.save("111111111111/us-east-1", Item(1, states.SCHEMA, text))
    assert main(["ack", "bounce-20250217T0945Z"]) == 2 and "add --account and --region" in capsys.readouterr().err
    assert main(["ack", "bounce-20250217T0945Z", "--account", "111111111111", "--region", "us-east-1"]) == 0
    assert [ack.target for ack in orders_in(store).acks] == ["111111111111/us-east-1"]
    assert muted("--account", "111111111111", "--region", "us-east-1") == 0
    assert "unmute --account 111111111111 --region us-east-1" in " ".join(capsys.readouterr().out.split())
    assert (orders_in(store).mutes[0].account, muted("--account", "shop")) == ("111111111111", 2)
    assert main(["unmute", "--account", "111111111111", "--region", "us-east-1"]) == 0


def test_an_unwatched_account_is_refused(store: Store, capsys: Capsys) -> None:
    assert muted("--account", "111111111111") == 2
    assert "does not watch 111111111111" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [(), ("--account", "123456789012"), ("--region", "eu-west-1", "--account", "123456789012")],
    ids=["none", "account", "both"],
)
def test_an_alert_about_the_fleet_is_acknowledged(
    store: Store, capsys: Capsys, elsewhere: Path, options: tuple[str, ...]
) -> None:
    (elsewhere / "settings.toml").write_text(FLEET)
    now = int(time.time())
    sent = {"fleet": Sent("fleet-20250217T0945Z", Severity.WARNING, (), 1, now, now, now)}
    store.save("fleet/installation", Item(1, states.SCHEMA, states.to_text(State(now, sent=sent))))
    assert main(["ack", "fleet-20250217T0945Z", "--account", "111111111111"]) == 2
    assert main(["ack", "fleet-20250217T0945Z", *options]) == 0
    [ack] = orders_in(store).acks
    assert ack.target == Installation("123456789012", "eu-west-1").id
    capsys.readouterr()
    main(["mutes"])
    assert "acknowledged: fleet-20250217T0945Z in the fleet" in capsys.readouterr().out


UNITS = """
[alerts]
emails = ["oncall@mail.test"]
[targets]
regions = "discover"
[member_role]
external_id = "ours"
[organization]
units = ["ou-ab12-cdefgh34"]
"""
SHOP = Member("111111111111", "shop", ("us-east-1",))


@pytest.mark.parametrize(
    ("settings", "member", "options", "warned"),
    [
        (FLEET, None, "--account 999999999999", "999999999999"),
        (FLEET, None, "--account 111111111111 --region eu-north-1", "111111111111 in eu-north-1"),
        (FLEET, None, "--region eu-north-1", "eu-north-1"),
        (FLEET, SHOP, "--account 999999999999", "999999999999"),
        (FLEET, None, "--account 111111111111 --region eu-west-1", ""),
        (FLEET, SHOP, "--account 111111111111 --region us-east-1", ""),
        (FLEET, None, "--check quota", ""),
        (FLEET, None, "--account 123456789012 --check fleet", ""),
        (UNITS, None, "--account 999999999999", ""),
        (UNITS, SHOP, "--account 999999999999", "999999999999"),
        (UNITS, SHOP, "--account 111111111111 --region eu-west-1", "111111111111 in eu-west-1"),
        (UNITS, SHOP, "--account 111111111111", ""),
    ],
)
def test_a_mute_of_what_is_surely_not_watched_is_warned_of(
    store: Store, capsys: Capsys, elsewhere: Path, settings: str, member: Member | None, options: str, warned: str
) -> None:
    (elsewhere / "settings.toml").write_text(settings)
    if member is not None:
        store.save(ROSTER, Item(1, 1, states.record_text(Roster((member,)))))
    assert muted(*options.split()) == 0
    printed = capsys.readouterr().out
    assert (f"WARNING: SesReputation does not watch {warned} now." in printed) is bool(warned)
    assert ("WARNING" in printed) is bool(warned)


def test_a_list_that_cannot_be_read_keeps_nobody_from_muting(store: Store, capsys: Capsys, elsewhere: Path) -> None:
    (elsewhere / "settings.toml").write_text(UNITS)
    store.save(ROSTER, Item(1, 1, "{"))
    assert muted("--account", "999999999999", "--json") == 0
    assert json.loads(capsys.readouterr().out)["warning"] is None
