"""The Slack channel of Amazon Q Developer: made only when asked for, and unable to do more than draw graphs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from tests.infra.conftest import RECIPIENT, Resources, linted, of_type, stack
from tests.infra.test_stack import EVERYTHING, actions, statements, validated

CHAT = '[chat]\nworkspace_id = "T0123ABCD"\nchannel_id = "C0123ABCD"\n'

Synth = Callable[[str], dict[str, Any]]


@pytest.fixture
def with_chat(synth: Synth) -> dict[str, Any]:
    return synth(CHAT)


@pytest.fixture
def chat_resources(with_chat: dict[str, Any]) -> Resources:
    found: Resources = with_chat["Resources"]
    return found


def topic(resources: Resources) -> str:
    """The logical id of the chat topic."""
    [found] = [
        name
        for name, r in resources.items()
        if r["Type"] == "AWS::SNS::Topic" and r["Properties"]["TopicName"] == "SesReputation-Chat"
    ]
    return found


def test_without_the_setting_nothing_is_made(template: dict[str, Any]) -> None:
    assert "chat" not in json.dumps(template).lower()


def test_the_channel_reads_its_own_topic_and_no_other(chat_resources: Resources) -> None:
    [channel] = of_type(chat_resources, "AWS::Chatbot::SlackChannelConfiguration")
    assert channel["SnsTopicArns"] == [{"Ref": topic(chat_resources)}]
    assert (channel["SlackWorkspaceId"], channel["SlackChannelId"]) == ("T0123ABCD", "C0123ABCD")
    assert not [
        s for s in of_type(chat_resources, "AWS::SNS::Subscription") if s["TopicArn"] == channel["SnsTopicArns"][0]
    ]


def test_two_regions_of_an_account_can_each_have_a_channel(chat_resources: Resources) -> None:
    [channel] = of_type(chat_resources, "AWS::Chatbot::SlackChannelConfiguration")
    assert channel["ConfigurationName"] == {"Fn::Join": ["", ["SesReputation-", {"Ref": "AWS::Region"}]]}


def test_the_channel_can_only_show_graphs(chat_resources: Resources) -> None:
    [channel] = of_type(chat_resources, "AWS::Chatbot::SlackChannelConfiguration")
    [(name, rights)] = [
        (name, r["Properties"]) for name, r in chat_resources.items() if r["Type"] == "AWS::IAM::ManagedPolicy"
    ]
    assert channel["GuardrailPolicies"] == [{"Ref": name}]
    [role] = [r for r in of_type(chat_resources, "AWS::IAM::Role") if "chatbot.amazonaws.com" in json.dumps(r)]
    assert role["ManagedPolicyArns"] == [{"Ref": name}] and "Policies" not in role
    [statement] = rights["PolicyDocument"]["Statement"]
    assert all(action.split(":")[1].startswith(("Get", "List", "Describe")) for action in statement["Action"])
    assert {action.split(":")[0] for action in statement["Action"]} == {"cloudwatch"}


def test_the_chat_topic_takes_alarms_over_tls_only(chat_resources: Resources) -> None:
    name = topic(chat_resources)
    [policy] = [p for p in of_type(chat_resources, "AWS::SNS::TopicPolicy") if p["Topics"] == [{"Ref": name}]]
    [allow] = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"} and allow["Action"] == "sns:Publish"
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    [deny] = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_every_watchdog_alarm_reaches_the_chat_too(chat_resources: Resources) -> None:
    for alarm in of_type(chat_resources, "AWS::CloudWatch::Alarm"):
        assert {"Ref": topic(chat_resources)} in alarm["AlarmActions"]
        assert alarm["AlarmActions"] == alarm["OKActions"]


def test_the_function_knows_the_topic_and_may_publish_to_it(with_chat: dict[str, Any]) -> None:
    resources = with_chat["Resources"]
    arn = {"Ref": topic(resources)}
    [function] = of_type(resources, "AWS::Lambda::Function")
    assert function["Environment"]["Variables"]["CHAT_TOPIC_ARN"] == arn
    [publish] = [s for s in statements(resources) if actions(s) == ["sns:Publish"]]
    assert arn in publish["Resource"] and len(publish["Resource"]) == 2
    assert with_chat["Outputs"]["ChatTopicArn"]["Value"] == arn


def test_your_own_key_encrypts_the_chat_topic(synth: Synth) -> None:
    resources = synth(f"{CHAT}[deployment]\ncustomer_managed_key = true\n")["Resources"]
    assert all("KmsMasterKeyId" in topic for topic in of_type(resources, "AWS::SNS::Topic"))


def test_cfn_lint_finds_nothing(with_chat: dict[str, Any]) -> None:
    assert linted(with_chat) == []


def test_validation_and_cdk_nag_find_nothing_unexplained(tmp_path: Path) -> None:
    assert validated(tmp_path, EVERYTHING + CHAT) == []


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_a_region_without_amazon_q_is_refused(tmp_path: Path, region: str) -> None:
    made = stack(
        f'{RECIPIENT}{CHAT}[targets]\nregions = ["{region}"]\n', tmp_path / "asset", outdir=str(tmp_path / "out")
    )
    app = made.node.root
    assert isinstance(app, App)
    with pytest.raises(RuntimeError, match=rf"\[chat\] or \[teams\] .* does not exist in the partition of {region}"):
        app.synth()
