"""The template of a fleet: a schedule for each shard, and rights only on the roles of the accounts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ses_reputation.settings.fleet import MEMORY_MB

from infra.grants import MOST_NAMED
from tests.infra.conftest import linted, of_type
from tests.infra.test_stack import actions, statements, validated

Synth = Callable[[str], dict[str, Any]]

ROLE = '[member_role]\nexternal_id = "ours"\n'
ACCOUNTS = ROLE + '[[accounts]]\nid = "111111111111"\n[[accounts]]\nid = "222222222222"\n'
UNITS = ROLE + '[organization]\nunits = ["ou-ab12-cdefgh34"]\n[deployment]\nshards = 3\n'


def test_each_shard_has_a_schedule_of_its_own(synth: Synth) -> None:
    schedules = of_type(synth(UNITS)["Resources"], "AWS::Scheduler::Schedule")
    assert sorted(schedule["Name"] for schedule in schedules) == ["SesReputation", "SesReputation-1", "SesReputation-2"]
    events = [json.loads(schedule["Target"]["Input"]) for schedule in schedules]
    assert sorted(event["shard"] for event in events) == [0, 1, 2]
    assert all(
        event | {"shard": 0} == {"now": "<aws.scheduler.scheduled-time>", "shard": 0, "of": 3} for event in events
    )
    assert len({json.dumps(schedule["Target"]["RoleArn"]) for schedule in schedules}) == 1


def test_the_watchdog_expects_a_run_of_every_shard(synth: Synth) -> None:
    [alarm] = [
        alarm
        for alarm in of_type(synth(UNITS)["Resources"], "AWS::CloudWatch::Alarm")
        if alarm["AlarmName"] == "SesReputation-not-running"
    ]
    assert alarm["Threshold"] == 3


def test_only_the_role_of_the_listed_accounts_may_be_assumed(synth: Synth) -> None:
    resources = synth(ACCOUNTS)["Resources"]
    [statement] = [s for s in statements(resources) if "sts:AssumeRole" in actions(s)]
    assert [arn["Fn::Join"][1][2] for arn in statement["Resource"]] == [
        ":iam::111111111111:role/SesReputationMember",
        ":iam::222222222222:role/SesReputationMember",
    ]
    assert "organizations:" not in json.dumps(resources)
    [schedule] = of_type(resources, "AWS::Scheduler::Schedule")
    assert json.loads(schedule["Target"]["Input"]) | {"now": ""} == {"now": "", "shard": 0, "of": 1}


def test_with_units_only_roles_of_the_organization_and_of_listed_accounts_may_be_assumed(synth: Synth) -> None:
    found = statements(synth(UNITS)["Resources"])
    [assume] = [s for s in found if "sts:AssumeRole" in actions(s)]
    assert assume["Resource"]["Fn::Join"][1][2] == ":iam::*:role/SesReputationMember"
    assert assume["Condition"] == {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
    both = statements(synth(UNITS + '[[accounts]]\nid = "111111111111"\n')["Resources"])
    listed, members = [s for s in both if "sts:AssumeRole" in actions(s)]
    assert members == assume and "Condition" not in listed
    assert listed["Resource"]["Fn::Join"][1][2] == ":iam::111111111111:role/SesReputationMember"
    [listing] = [s for s in found if "organizations:ListAccountsForParent" in actions(s)]
    assert actions(listing) == [
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
    ]


def test_a_run_may_take_until_the_next_one(synth: Synth) -> None:
    def timeout(minutes: int) -> int:
        toml = f"{ACCOUNTS}[deployment]\nschedule_minutes = {minutes}\n"
        functions = of_type(synth(toml)["Resources"], "AWS::Lambda::Function")
        return next(int(f["Timeout"]) for f in functions if f["Handler"] == "ses_reputation.entry.monitor")

    assert (timeout(5), timeout(15), timeout(60)) == (300, 900, 900)


@pytest.mark.parametrize("toml", [ACCOUNTS, UNITS], ids=["accounts", "units"])
def test_validation_and_cdk_nag_find_nothing_unexplained(tmp_path: Path, toml: str) -> None:
    assert validated(tmp_path, toml) == []


def test_cfn_lint_finds_nothing(synth: Synth) -> None:
    assert linted(synth(UNITS)) == []


def test_many_accounts_are_named_by_their_role_only(synth: Synth) -> None:
    def assumed(count: int) -> list[Any]:
        listed = "".join(f'[[accounts]]\nid = "{number:012d}"\n' for number in range(count))
        [statement] = [s for s in statements(synth(ROLE + listed)["Resources"]) if s.get("Sid") == "ReadMembers"]
        found = statement["Resource"]
        return found if isinstance(found, list) else [found]

    assert len(assumed(MOST_NAMED)) == MOST_NAMED
    assert json.dumps(assumed(MOST_NAMED + 1)).count(":iam::*:role/SesReputationMember") == 1


def test_the_memory_of_a_fleets_function_fits_its_targets(synth: Synth) -> None:
    def memory(toml: str) -> int:
        return next(int(f["MemorySize"]) for f in of_type(synth(toml)["Resources"], "AWS::Lambda::Function"))

    assert memory(ACCOUNTS) == MEMORY_MB > memory("")


def test_people_and_slack_get_the_summary(synth: Synth) -> None:
    toml = f'{UNITS}[slack]\nwebhook_parameter = "/ses/slack"\n[pagerduty]\nrouting_key_parameter = "/ses/pagerduty"\n'
    resources = synth(toml)["Resources"]
    [programs] = [name for name, r in resources.items() if r["Properties"].get("TopicName") == "SesReputation-Programs"]
    subscribed = {
        name: r["Properties"]["TopicArn"]["Ref"] == programs
        for name, r in resources.items()
        if r["Type"] == "AWS::SNS::Subscription"
    }
    assert [name for name, each in subscribed.items() if each] == [name for name in subscribed if "PagerDuty" in name]
    assert len(subscribed) == 3
    alarm = next(
        a for a in of_type(resources, "AWS::CloudWatch::Alarm") if a["AlarmName"] == "SesReputation-not-running"
    )
    assert {"Ref": programs} in alarm["AlarmActions"]
    publish = next(s for s in statements(resources) if "sns:Publish" in actions(s))
    assert {"Ref": programs} in publish["Resource"]


def test_names_can_be_left_to_cloudformation(synth: Synth) -> None:
    text = json.dumps(synth(UNITS + "fixed_names = false\n")["Resources"])
    assert "SesReputation-Programs" not in text and '"Name": "SesReputation-1"' not in text
