"""`ses-reputation check --all` and `--account`: through real roles of the local AWS, checked as IAM checks them."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ses_reputation.aws.store import Item, Store
from ses_reputation.core.fleet import ROLE_TAG
from ses_reputation.core.history import Point
from ses_reputation.core.roster import Member, Roster
from ses_reputation.core.state import record_text
from ses_reputation.fleet_accounts import ROSTER
from ses_reputation.settings import parse

from cli import cloudwatch_months
from cli.aws import open_session
from cli.cloudwatch_months import Months
from cli.main import main
from cli.members import Fleet
from infra import member_role
from local_aws.members import Organization
from local_aws.server import ACCOUNT, LocalAws
from tests.cli.test_orders import TEMPLATE

SETTINGS = """
[alerts]
emails = ["oncall@mail.test"]
[targets]
regions = ["eu-west-1", "us-east-1"]
[member_role]
external_id = "ours"
"""

REFUSED = "role cannot be assumed (AssumeRole: AccessDenied)"

Capsys = pytest.CaptureFixture[str]


def points(bounces: int = 1) -> list[dict[str, Any]]:
    """400 emails every 15 minutes; the last ones have this many bounces."""
    now = int(time.time()) // 900 * 900
    return [
        {
            "Timestamp": datetime.fromtimestamp(at, UTC),
            "DeliveryAttempts": 400,
            "Bounces": bounces if at > now - 8_000 else 1,
        }
        for at in range(now - 14 * 86_400, now, 900)
    ]


class World:
    """A person with a role in the monitor's account, and two other accounts with the monitor's role."""

    def __init__(self, local: LocalAws, folder: Path) -> None:
        self.local, self.folder = local, folder
        local.reset()
        self.organization = Organization(local)
        self.shop, self.news = self.organization.add("shop"), self.organization.add("news")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
        made = local.client("iam").create_role(RoleName="people", AssumeRolePolicyDocument=_document(trust))
        self.people: str = made["Role"]["Arn"]
        may = ["sts:*", "ses:*", "cloudwatch:*", "cloudformation:*", "dynamodb:*"]
        local.client("iam").put_role_policy(
            RoleName="people",
            PolicyName="p",
            PolicyDocument=_document({"Effect": "Allow", "Action": may, "Resource": "*"}),
        )
        listed = "".join(
            f'[[accounts]]\nid = "{account}"\nname = "{name}"\n'
            for account, name in ((ACCOUNT, "hub"), (self.shop, "shop"), (self.news, "news"))
        )
        self.toml = SETTINGS + listed
        (folder / "settings.toml").write_text(self.toml)
        for account in (self.shop, self.news):
            self.deploy(account)
            for region in ("eu-west-1", "us-east-1"):
                local.ses(region, account).points = points()
        for region in ("eu-west-1", "us-east-1"):
            local.ses(region).points = points()

    def deploy(self, account: str, trusted: str = "") -> None:
        template = member_role.template(parse(self.toml))
        self.organization.deploy_role(account, template, [trusted or self.people])

    def run(self, *arguments: str) -> int:
        with self.local.iam_enforced():
            return main([*arguments])


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture
def world(local: LocalAws, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(local, elsewhere)
    granted = local.client("sts").assume_role(RoleArn=made.people, RoleSessionName="me")["Credentials"]
    for name, value in {
        **local.environment(),
        "AWS_ACCESS_KEY_ID": granted["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": granted["SecretAccessKey"],
        "AWS_SESSION_TOKEN": granted["SessionToken"],
    }.items():
        monkeypatch.setenv(name, value)
    return made


def deployed(world: World, *members: Member, trouble: str = "") -> Store:
    """Deploy the monitor's table, with its list if it has any members."""
    world.local.client("cloudformation").create_stack(StackName="SesReputation", TemplateBody=json.dumps(TEMPLATE))
    store = Store(world.local.client("dynamodb"), "states")
    if members:
        store.save(ROSTER, Item(1, 1, record_text(Roster(members, trouble=trouble))))
    return store


def configured(world: World, *, units: bool = False, discover: bool = False) -> None:
    text = world.toml + ('[organization]\nunits = ["r-ab12"]\n' if units else "")
    if discover:
        text = text.replace('["eu-west-1", "us-east-1"]', '"discover"')
    (world.folder / "settings.toml").write_text(text)


def rows(capsys: Capsys) -> list[str]:
    """The lines of the table, without its head."""
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if ("eu-west-1" in line or "us-east-1" in line) and "aws cloudformation" not in line]


def test_every_target_is_a_row_and_the_worst_comes_first(world: World, capsys: Capsys) -> None:
    world.local.ses("us-east-1", world.shop).points = points(bounces=60)
    assert world.run("check", "--all") == 0
    worst, *others = rows(capsys)
    assert worst.startswith(f"shop ({world.shop})") and " WARNING " in worst and "us-east-1" in worst
    assert "SES bounce rate is high in us-east-1" in worst
    assert len(others) == 5 and all(" OK " in row for row in others)


def test_an_account_without_its_role_is_a_row_with_the_fix(world: World, capsys: Capsys) -> None:
    world.organization.delete_role(world.news)
    assert world.run("check", "--all") == 1
    printed = capsys.readouterr().out
    unknown = [line for line in printed.splitlines() if line.strip().startswith("news") and " UNKNOWN " in line]
    assert len(unknown) == 2
    assert f"news ({world.news}): {REFUSED}" in printed
    assert printed.count("aws cloudformation deploy --template-file member-role.json") == 1


def test_an_old_role_is_named_even_if_it_still_works(world: World, capsys: Capsys) -> None:
    name = "SesReputationMember"
    world.local.client("iam", account=world.news).tag_role(RoleName=name, Tags=[{"Key": ROLE_TAG, "Value": "0"}])
    assert world.run("check", "--all") == 1
    assert f"news ({world.news}): old, or made for another [cause] look" in capsys.readouterr().out


@pytest.mark.parametrize("fault", [{"status": 500}, {"body": b"<html>"}, {"cut": True}], ids=["fails", "proxy", "cut"])
def test_an_unreadable_target_is_a_row_not_a_traceback(world: World, capsys: Capsys, fault: dict[str, Any]) -> None:
    world.local.faults.plant("ses", "GetSendStatistics", account=world.news, region="us-east-1", **fault)
    assert world.run("check", "--all") == 1
    found = rows(capsys)
    assert len(found) == 6
    assert f"news ({world.news})" in found[0] and "us-east-1" in found[0] and " UNKNOWN " in found[0]


@pytest.mark.parametrize("region", ["not a region", "..%2f", "eu-west-9", "\n", ""])
def test_a_stored_region_that_is_no_region_is_a_row(world: World, capsys: Capsys, region: str) -> None:
    configured(world, discover=True)
    deployed(world, Member(world.shop, "shop", ("eu-west-1", region), swept=True))
    assert world.run("check", "--all") == 1
    found = [line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("shop")]
    assert [" UNKNOWN " in line for line in found] == [True, False]


def test_a_role_that_could_not_be_tried_is_not_to_be_deployed(world: World, capsys: Capsys) -> None:
    world.local.faults.plant("sts", "AssumeRole", status=400, code="Throttling")
    assert world.run("check", "--all") == 1
    printed = capsys.readouterr().out
    assert f"shop ({world.shop}): could not be assumed (Throttling)" in printed
    assert "Roles to mend" not in printed and "cloudformation deploy" not in printed
    assert world.run("check", "--all", "--json") == 1
    assert json.loads(capsys.readouterr().out)["mend"] is None


def test_programs_get_everything_as_json(world: World, capsys: Capsys) -> None:
    world.organization.delete_role(world.news)
    assert world.run("check", "--all", "--json") == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["verdict"] == "UNKNOWN" and len(printed["targets"]) == 6
    assert {(t["account_id"], t["account_name"]) for t in printed["targets"]} == {
        (ACCOUNT, "hub"),
        (world.shop, "shop"),
        (world.news, "news"),
    }
    [role] = printed["roles"]
    assert (role["account"], role["problem"]) == (world.news, REFUSED) and printed["mend"]


@pytest.mark.parametrize(("bounces", "code"), [(1, 0), (60, 1)])
def test_a_monitoring_plugin_gets_the_worst_verdict(world: World, capsys: Capsys, bounces: int, code: int) -> None:
    world.local.ses("us-east-1", world.shop).points = points(bounces)
    assert world.run("check", "--all", "--exit-code") == code


def test_accounts_of_the_monitors_list_and_of_the_settings_are_read(world: World, capsys: Capsys) -> None:
    configured(world, units=True)
    deployed(world, Member(world.shop, "shop", ("eu-west-1",), swept=True), Member("999999999999", "extra"))
    assert world.run("check", "--all") == 1
    accounts = Counter(row.split()[0] for row in rows(capsys))
    assert accounts == {"hub": 2, "shop": 2, "news": 2, "extra": 2}


def test_a_region_that_only_the_monitor_knows_is_read(world: World, capsys: Capsys) -> None:
    configured(world, discover=True)
    members = [Member(a, n, ("us-east-1",), swept=True) for a, n in ((ACCOUNT, "hub"), (world.shop, "shop"))]
    deployed(world, *members, Member(world.news, "news", ("us-east-1",), swept=True))
    assert world.run("check", "--all") == 0
    assert len(found := rows(capsys)) == 3 and all("us-east-1" in row for row in found)


def _not_deployed(world: World) -> None: ...


def _no_list(world: World) -> None:
    deployed(world)


def _denied(world: World, *denied: str) -> None:
    may = {"sts:*", "ses:*", "cloudwatch:*", "cloudformation:*", "dynamodb:*"} - {*denied}
    document = _document({"Effect": "Allow", "Action": sorted(may), "Resource": "*"})
    world.local.client("iam").put_role_policy(RoleName="people", PolicyName="p", PolicyDocument=document)


def _table_denied(world: World) -> None:
    deployed(world, Member(world.shop, "shop", ("us-east-1",)))
    _denied(world, "dynamodb:*")


def _stack_denied(world: World) -> None:
    deployed(world, Member(world.shop, "shop", ("us-east-1",)))
    _denied(world, "cloudformation:*")


def _cut(world: World) -> None:
    store = deployed(world, Member(world.shop, "shop", ("us-east-1",)))
    item = store.load(ROSTER)
    assert item is not None
    store.save(ROSTER, Item(2, 1, item.text[:50]))


def _newer(world: World) -> None:
    deployed(world).save(ROSTER, Item(1, 2, "{}"))


NO_LIST = {
    "not deployed": (_not_deployed, "SesReputation is not in eu-west-1: name its region with --region"),
    "has not run": (_no_list, "SesReputation has no list yet"),
    "table denied": (_table_denied, "dynamodb:GetItem"),
    "stack denied": (_stack_denied, "cloudformation:DescribeStacks"),
    "cut": (_cut, "The list of accounts of SesReputation cannot be read"),
    "newer": (_newer, "newer version"),
}


@pytest.mark.parametrize("units", [True, False], ids=["units", "discover"])
@pytest.mark.parametrize(("spoil", "why"), NO_LIST.values(), ids=NO_LIST)
def test_accounts_and_regions_that_nobody_knows_are_a_row_and_never_ok(
    world: World, capsys: Capsys, spoil: Callable[[World], None], why: str, units: bool
) -> None:
    configured(world, units=units, discover=not units)
    spoil(world)
    assert world.run("check", "--all", "--exit-code") == 3
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("UNKNOWN: ") and "list of accounts UNKNOWN" in printed and why in printed
    assert (
        "The accounts of the units are not known." if units else "Of each account only eu-west-1 is read."
    ) in printed
    assert printed.count(" OK ") == (6 if units else 3)


def test_a_list_that_cannot_be_read_is_unknown_for_people_and_programs(world: World, capsys: Capsys) -> None:
    _table_denied(world)
    assert world.run("check", "--all", "--json") == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["verdict"] == "UNKNOWN" and "dynamodb:GetItem" in printed["list"][0] and len(printed["targets"]) == 6


def test_without_any_known_account_it_says_why(world: World, capsys: Capsys) -> None:
    text = SETTINGS + '[organization]\nunits = ["r-ab12"]\n'
    (world.folder / "settings.toml").write_text(text)
    assert world.run("check", "--all") == 2
    assert "No account is known. SesReputation is not in eu-west-1" in capsys.readouterr().err


def test_a_list_that_is_not_up_to_date_is_unknown(world: World, capsys: Capsys) -> None:
    configured(world, units=True)
    deployed(world, Member(world.shop, "shop", swept=True), trouble="AccessDeniedException")
    assert world.run("check", "--all", "--exit-code") == 3
    assert "The monitor cannot list the accounts (AccessDeniedException)" in capsys.readouterr().out


def _of(world: World, news: Member) -> None:
    """Deploy a monitor that discovers regions, and has found some of two accounts."""
    configured(world, discover=True)
    found = [Member(a, n, ("eu-west-1",), swept=True) for a, n in ((ACCOUNT, "hub"), (world.shop, "shop"))]
    deployed(world, *found, news)


def _line_of(printed: str, name: str) -> str:
    return next(line for line in printed.splitlines() if line.strip().startswith(name))


def test_an_account_without_regions_whose_role_is_missing_is_a_row(world: World, capsys: Capsys) -> None:
    _of(world, Member(world.news, "news"))
    world.organization.delete_role(world.news)
    assert world.run("check", "--all", "--exit-code") == 3
    printed = capsys.readouterr().out
    assert printed.startswith(f"UNKNOWN: SES reputation of {world.news} UNKNOWN\n")
    assert " UNKNOWN " in _line_of(printed, "news") and REFUSED in _line_of(printed, "news")
    assert world.run("check", "--all", "--json") == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "UNKNOWN"


def test_an_account_that_was_never_searched_is_a_row(world: World, capsys: Capsys) -> None:
    _of(world, Member(world.news, "news"))
    assert world.run("check", "--all") == 1
    assert "they have not been searched yet" in _line_of(capsys.readouterr().out, "news")


def test_an_account_that_can_be_entered_but_not_read_is_a_row(world: World, capsys: Capsys) -> None:
    _of(world, Member(world.news, "news", swept=True))
    nothing = _document({"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"})
    iam = world.local.client("iam", account=world.news)
    [name] = iam.list_role_policies(RoleName="SesReputationMember")["PolicyNames"]
    iam.put_role_policy(RoleName="SesReputationMember", PolicyName=name, PolicyDocument=nothing)
    assert world.run("check", "--all") == 1
    line = _line_of(capsys.readouterr().out, "news")
    assert " UNKNOWN " in line and "send statistics in eu-west-1" in line


def test_an_account_that_has_sent_nothing_is_named_and_no_trouble(world: World, capsys: Capsys) -> None:
    _of(world, Member(world.news, "news", swept=True))
    world.local.faults.plant("ses", "GetSendStatistics", account=world.news, region="eu-west-1", code="AccessDenied")
    world.local.ses("af-south-1", world.news).points = []
    assert world.run("check", "--all", "--exit-code") == 0
    assert f"The monitor has found no email of two weeks in news ({world.news})." in capsys.readouterr().out
    assert world.run("check", "--all", "--json") == 0
    assert json.loads(capsys.readouterr().out)["idle"] == [world.news]


def test_a_region_that_sends_again_is_read_before_the_monitor_finds_it(world: World, capsys: Capsys) -> None:
    _of(world, Member(world.news, "news", swept=True))
    assert world.run("check", "--all", "--exit-code") == 0
    assert "eu-west-1  OK" in _line_of(capsys.readouterr().out, "news")


def test_if_no_account_has_sent_anything_there_is_no_data(world: World, capsys: Capsys) -> None:
    configured(world, discover=True)
    members = ((ACCOUNT, "hub"), (world.shop, "shop"), (world.news, "news"))
    for account, _ in members:
        world.local.ses("eu-west-1", account).points = []
    deployed(world, *(Member(account, name, swept=True) for account, name in members))
    assert world.run("check", "--all", "--exit-code") == 3
    assert " NO_DATA " in _line_of(capsys.readouterr().out, "news")


def test_one_account_is_read_through_its_role(world: World, capsys: Capsys) -> None:
    world.local.ses("us-east-1", world.shop).points = points(bounces=60)
    assert world.run("check", "--account", world.shop, "--region", "us-east-1") == 0
    assert f"{world.shop} us-east-1 WARNING" in capsys.readouterr().out


LAX = """
[[overrides]]
accounts = ["123456789012"]
[overrides.bounce]
warning = 0.08
critical = 0.09
rules = [{ hours = 24, above = 0.08 }, { hours = 24, above = 0.09, severity = "critical" }]
"""


@pytest.mark.parametrize("monitor", [True, False], ids=["deployed", "not deployed"])
@pytest.mark.parametrize("arguments", [[], ["--account", ACCOUNT], ["--all"]], ids=["own", "named", "all"])
def test_an_override_of_the_own_account_is_used(
    world: World, capsys: Capsys, arguments: list[str], monitor: bool
) -> None:
    world.toml += LAX
    configured(world)
    if monitor:
        deployed(world)
    for account in (None, world.shop):
        world.local.ses("eu-west-1", *filter(None, [account])).points = points(bounces=60)
    assert world.run("check", "--json", *arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    found = printed.get("regions", printed.get("targets"))
    verdicts = {each["verdict"] for each in found if each.get("account_id", ACCOUNT) == ACCOUNT}
    assert verdicts == {"OK"}


def test_discovered_regions_of_one_account_are_those_of_the_monitors_list(world: World, capsys: Capsys) -> None:
    _of(world, Member(world.news, "news", ("us-east-1", "eu-west-1"), swept=True))
    assert world.run("check", "--account", world.news, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert [each["region"] for each in printed["regions"]] == ["us-east-1", "eu-west-1"] and printed["note"] is None
    assert world.run("check") == 0
    assert "Only eu-west-1" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_not_deployed, "was not found in eu-west-1"),
        (_no_list, "is not on the list"),
        (_cut, "cannot be read"),
        (lambda world: deployed(world, Member(world.news, "news")), "knows no region of"),
    ],
    ids=["not deployed", "no list", "cut", "not searched"],
)
def test_if_discovered_regions_are_not_known_the_one_that_was_read_is_named(
    world: World, capsys: Capsys, spoil: Callable[[World], Any], why: str
) -> None:
    configured(world, discover=True)
    spoil(world)
    assert world.run("check", "--account", world.news) == 0
    printed = capsys.readouterr().out
    assert "Only eu-west-1 was read; others can be named with --region." in printed and why in printed
    assert world.run("check", "--account", world.news, "--region", "us-east-1") == 0
    assert "Only " not in capsys.readouterr().out


def test_another_accounts_months_are_played(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []

    def read_months(client: Any, since: int, now: int) -> Months:
        keys.append(client.client._request_signer._credentials.access_key)
        return Months((Point(now - 900, 400, 1, 0),), {})

    monkeypatch.setattr(cloudwatch_months, "read_months", read_months)
    assert world.run("replay", "--cloudwatch", "--account", world.shop) == 0
    assert ("sts", "AssumeRole") in world.local.faults.calls
    assert world.run("replay", "--cloudwatch", "--account", ACCOUNT) == 0
    assert [key == os.environ["AWS_ACCESS_KEY_ID"] for key in keys] == [False, True]


@pytest.mark.parametrize(
    ("account", "why"), [("", "cannot be assumed"), ("nonsense", "12 digits")], ids=["role", "word"]
)
def test_months_that_cannot_be_read_are_not_those_of_another(
    world: World, capsys: Capsys, account: str, why: str
) -> None:
    world.organization.delete_role(world.shop)
    assert world.run("replay", "--cloudwatch", "--account", account or world.shop) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and why in printed.err


def test_the_cause_in_another_account_is_read_by_its_role(world: World, capsys: Capsys) -> None:
    world.local.ses("us-east-1", world.shop).points = points(bounces=60)
    assert world.run("cause", "--account", world.shop, "--region", "us-east-1", "--since", "3h") in (0, 1)
    assert capsys.readouterr().out.startswith("us-east-1: ")


@pytest.mark.parametrize("command", ["check", "cause"])
def test_an_untrusted_caller_is_shown_what_to_do(world: World, capsys: Capsys, command: str) -> None:
    world.organization.delete_role(world.shop)
    world.deploy(world.shop, f"arn:aws:iam::{ACCOUNT}:role/monitor-only")
    assert world.run(command, "--account", world.shop) == 2
    printed = capsys.readouterr().err
    assert f"The role of account {world.shop} cannot be assumed." in printed and "TrustedRoles" in printed


def test_without_accounts_in_the_settings_all_is_refused(world: World, capsys: Capsys) -> None:
    (world.folder / "settings.toml").write_text('[alerts]\nemails = ["oncall@mail.test"]\n')
    assert world.run("check", "--all") == 2
    assert "[[accounts]]" in capsys.readouterr().err


def test_another_account_without_settings_is_refused(world: World, capsys: Capsys) -> None:
    (world.folder / "settings.toml").unlink()
    assert world.run("check", "--account", world.shop) == 2
    assert "--settings" in capsys.readouterr().err


def test_cloudformation_is_asked_once_whom_roles_must_trust(world: World) -> None:
    fleet = Fleet(open_session(None, None), parse(world.toml))
    world.local.faults.calls.clear()
    assert fleet.command(missing=True) == fleet.command(missing=True)
    assert world.local.faults.calls == [("cloudformation", "DescribeStacks")]
