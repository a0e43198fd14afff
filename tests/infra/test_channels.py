"""Teams, PagerDuty and routes: the resources of each, and their rights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from .conftest import RECIPIENT, linted, of_type, stack

Synth = Callable[[str], dict[str, Any]]

TEAM = "11111111-2222-3333-4444-555555555555"
TEAMS = f'[teams]\ntenant_id = "{TEAM}"\nteam_id = "{TEAM}"\nchannel_id = "19%3a0123abcd%40thread.tacv2"\n'
CHAT = '[chat]\nworkspace_id = "T0123ABCD"\nchannel_id = "C0123ABCD"\n'
PAGERDUTY = '[pagerduty]\nrouting_key_parameter = "/ses-reputation/pagerduty"\n'
ROUTES = """
[[routes]]
severity = "critical"
regions = ["eu-west-1"]
emails = ["night@mail.test"]
webhook_parameter = "/ses-reputation/oncall"

[[routes]]
emails = ["everything@mail.test"]
"""


def kinds(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return of_type(template["Resources"], kind)


def test_a_teams_channel_can_only_show_graphs(synth: Synth) -> None:
    template = synth(TEAMS)
    [channel] = kinds(template, "AWS::Chatbot::MicrosoftTeamsChannelConfiguration")
    assert (channel["TeamsTenantId"], channel["TeamId"]) == (TEAM, TEAM)
    assert channel["TeamsChannelId"] == "19%3a0123abcd%40thread.tacv2"
    [policy] = kinds(template, "AWS::IAM::ManagedPolicy")
    assert all(action.startswith("cloudwatch:") for action in policy["PolicyDocument"]["Statement"][0]["Action"])
    assert len(channel["GuardrailPolicies"]) == 1 and len(channel["SnsTopicArns"]) == 1
    assert "AWS::Chatbot::SlackChannelConfiguration" not in json.dumps(template)
    assert linted(template) == []


def test_slack_and_teams_share_one_topic_and_one_role(synth: Synth) -> None:
    template = synth(CHAT + TEAMS)
    [slack] = kinds(template, "AWS::Chatbot::SlackChannelConfiguration")
    [teams] = kinds(template, "AWS::Chatbot::MicrosoftTeamsChannelConfiguration")
    assert slack["SnsTopicArns"] == teams["SnsTopicArns"] and slack["IamRoleArn"] == teams["IamRoleArn"]
    assert slack["ConfigurationName"] != teams["ConfigurationName"]


def test_the_function_publishes_to_teams_as_to_slack(synth: Synth) -> None:
    [variables] = [
        function["Environment"]["Variables"]
        for function in kinds(synth(TEAMS), "AWS::Lambda::Function")
        if "STATE_TABLE" in function["Environment"]["Variables"]
    ]
    assert "CHAT_TOPIC_ARN" in variables


def test_pagerduty_has_its_own_forwarder_queue_and_alarm(synth: Synth) -> None:
    template = synth(PAGERDUTY)
    handlers = [function["Handler"] for function in kinds(template, "AWS::Lambda::Function")]
    assert sorted(handlers) == ["ses_reputation.entry.monitor", "ses_reputation.entry.pagerduty_forwarder"]
    alarms = [alarm["AlarmName"] for alarm in kinds(template, "AWS::CloudWatch::Alarm")]
    assert "SesReputation-pagerduty-undelivered" in alarms
    assert "parameter/ses-reputation/pagerduty" in json.dumps(kinds(template, "AWS::IAM::Policy"))
    assert linted(template) == []


def subscriptions(template: dict[str, Any], protocol: str) -> dict[str, Any]:
    """Filter policy of each subscription by its endpoint."""
    return {
        json.dumps(each["Endpoint"]): each.get("FilterPolicy")
        for each in kinds(template, "AWS::SNS::Subscription")
        if each["Protocol"] == protocol
    }


def test_a_route_filters_only_its_own_recipients(synth: Synth) -> None:
    assert subscriptions(synth(ROUTES), "email") == {
        '"oncall@mail.test"': None,
        '"night@mail.test"': {"severity": ["critical"], "region": ["eu-west-1"]},
        '"everything@mail.test"': None,
    }


def test_a_route_with_a_webhook_has_its_own_forwarder(synth: Synth) -> None:
    template = synth(ROUTES)
    [forwarder] = [
        function
        for function in kinds(template, "AWS::Lambda::Function")
        if function["Handler"] == "ses_reputation.entry.slack_forwarder"
    ]
    assert forwarder["Environment"]["Variables"]["ROUTE"] == "0"
    assert list(subscriptions(template, "lambda").values()) == [{"severity": ["critical"], "region": ["eu-west-1"]}]
    assert "SesReputation-Route0-slack-undelivered" in [
        a["AlarmName"] for a in kinds(template, "AWS::CloudWatch::Alarm")
    ]
    assert linted(template) == []


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_a_region_without_teams_is_refused(region: str, tmp_path: Path) -> None:
    toml = f'{RECIPIENT}{TEAMS}[targets]\nregions = ["{region}"]\n'
    app = stack(toml, tmp_path / "asset", outdir=str(tmp_path / "out")).node.root
    assert isinstance(app, App)
    with pytest.raises(RuntimeError, match=rf"\[teams\] .* does not exist in the partition of {region}"):
        app.synth()
