"""The forwarder to Slack's incoming webhook: its rights, and what happens to notifications that Slack did not get."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Annotations, Match

from .conftest import Resources, linted, of_type, stack
from .test_stack import actions, statements, validated

Synth = Callable[[str], dict[str, Any]]

PARAMETER = '[slack]\nwebhook_parameter = "/ses-reputation/slack"\n'
SECRET = '[slack]\nwebhook_secret = "slack/webhook"\n'
WHOLE = "arn:aws:secretsmanager:us-east-2:123456789012:secret:slack-a1B2c3"
ELSEWHERE = f'[slack]\nwebhook_secret = "{WHOLE}"\n'


@pytest.fixture
def with_slack(synth: Synth) -> dict[str, Any]:
    return synth(PARAMETER)


@pytest.fixture
def slack_resources(with_slack: dict[str, Any]) -> Resources:
    found: Resources = with_slack["Resources"]
    return found


def named(resources: Resources, kind: str, prefix: str) -> tuple[str, dict[str, Any]]:
    """The only resource of a type whose logical id has this prefix, with its properties."""
    [(name, resource)] = [
        (name, resource)
        for name, resource in resources.items()
        if resource["Type"] == kind and name.startswith(prefix) and not name.startswith("FunctionEvent")
    ]
    return name, resource["Properties"]


def forwarder_rights(resources: Resources) -> dict[str, dict[str, Any]]:
    """The statements of the forwarder's role by their names."""
    role, _ = named(resources, "AWS::IAM::Role", "SlackFunctionRole")
    return {
        statement.get("Sid", "destination"): statement
        for policy in of_type(resources, "AWS::IAM::Policy")
        if policy["Roles"] == [{"Ref": role}]
        for statement in policy["PolicyDocument"]["Statement"]
    }


def test_without_the_setting_nothing_is_made(template: dict[str, Any]) -> None:
    assert "slack" not in json.dumps(template).lower()


def test_the_forwarder_gets_every_notification(slack_resources: Resources) -> None:
    function, _ = named(slack_resources, "AWS::Lambda::Function", "SlackFunction")
    people, _ = named(slack_resources, "AWS::SNS::Topic", "People")
    [subscription] = [s for s in of_type(slack_resources, "AWS::SNS::Subscription") if s["Protocol"] == "lambda"]
    assert subscription["TopicArn"] == {"Ref": people} and "FilterPolicy" not in subscription
    assert subscription["Endpoint"] == {"Fn::GetAtt": [function, "Arn"]}
    [permission] = of_type(slack_resources, "AWS::Lambda::Permission")
    assert permission["Principal"] == "sns.amazonaws.com" and permission["SourceArn"] == {"Ref": people}


def test_failed_deliveries_end_in_one_queue_with_an_alarm(slack_resources: Resources) -> None:
    queue, properties = named(slack_resources, "AWS::SQS::Queue", "SlackUndelivered")
    assert properties["SqsManagedSseEnabled"] is True
    [subscription] = [s for s in of_type(slack_resources, "AWS::SNS::Subscription") if s["Protocol"] == "lambda"]
    assert subscription["RedrivePolicy"] == {"deadLetterTargetArn": {"Fn::GetAtt": [queue, "Arn"]}}
    [invoked] = [
        config
        for config in of_type(slack_resources, "AWS::Lambda::EventInvokeConfig")
        if config["FunctionName"]["Ref"].startswith("SlackFunction")
    ]
    assert invoked["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": [queue, "Arn"]}
    [alarm] = [
        a for a in of_type(slack_resources, "AWS::CloudWatch::Alarm") if a["AlarmName"].endswith("-slack-undelivered")
    ]
    people, _ = named(slack_resources, "AWS::SNS::Topic", "People")
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": people}]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    body = json.dumps(slack_resources)
    assert body.count("-slack-undelivered") == 1 and json.dumps(
        of_type(slack_resources, "AWS::CloudWatch::Dashboard")
    ).count("SlackUndelivered")


def test_the_forwarder_may_read_one_parameter_only(slack_resources: Resources) -> None:
    rights = forwarder_rights(slack_resources)
    assert set(rights) == {"ReadWebhook", "DecryptWebhook", "Log", "destination"}
    assert {action.split(":")[0] for action in actions(rights["destination"])} == {"sqs"}
    parameter = rights["ReadWebhook"]["Resource"]
    assert actions(rights["ReadWebhook"]) == ["ssm:GetParameter"]
    assert parameter["Fn::Join"][1][-1] == ":parameter/ses-reputation/slack"
    assert rights["DecryptWebhook"]["Condition"] == {"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": [parameter]}}


def test_the_monitor_itself_may_not_read_the_address(slack_resources: Resources) -> None:
    assert [s for s in statements(slack_resources) if set(actions(s)) & {"ssm:GetParameter", "kms:Decrypt"}] == []


@pytest.mark.parametrize(
    ("name", "endings"),
    [
        ("slack/webhook", [":secret:slack/webhook-??????"]),
        ("slack/team-alerts", [":secret:slack/team-alerts-??????"]),
        (WHOLE, [WHOLE, f"{WHOLE}-??????"]),
        (WHOLE[:-7], [f"{WHOLE[:-7]}-??????"]),
    ],
)
def test_the_right_to_a_secret_is_as_narrow_as_its_name(synth: Synth, name: str, endings: list[str]) -> None:
    rights = forwarder_rights(synth(f'[slack]\nwebhook_secret = "{name}"\n')["Resources"])
    assert actions(rights["ReadWebhook"]) == ["secretsmanager:GetSecretValue"]
    named = rights["ReadWebhook"]["Resource"]
    named = named if isinstance(named, list) else [named]
    assert len(named) == len(endings)
    for arn, ending in zip(named, endings, strict=True):
        assert json.dumps(arn).rstrip('"]}').endswith(ending)
    assert rights["DecryptWebhook"]["Condition"] == {"StringLike": {"kms:EncryptionContext:SecretARN": named}}


def test_a_secret_of_another_account_may_use_its_key(synth: Synth) -> None:
    rights = forwarder_rights(synth(ELSEWHERE)["Resources"])
    assert json.dumps(rights["DecryptWebhook"]["Resource"]).rstrip('"]}').endswith(":kms:us-east-2:123456789012:key/*")


def test_the_forwarder_has_time_for_slacks_delay(slack_resources: Resources) -> None:
    _, function = named(slack_resources, "AWS::Lambda::Function", "SlackFunction")
    assert function["Timeout"] == 60 and function["Handler"] == "ses_reputation.entry.slack_forwarder"
    assert function["Runtime"] == "python3.13" and function["Architectures"] == ["arm64"]
    assert set(function["Environment"]["Variables"]) == {"POWERTOOLS_SERVICE_NAME"}


def test_cfn_lint_finds_nothing(with_slack: dict[str, Any]) -> None:
    assert linted(with_slack) == []


@pytest.mark.parametrize(
    "toml", [PARAMETER, SECRET, ELSEWHERE], ids=["a parameter", "a secret", "a secret of another region"]
)
def test_validation_and_cdk_nag_find_nothing_unexplained(tmp_path: Path, toml: str) -> None:
    assert validated(tmp_path, toml) == []


@pytest.mark.parametrize(("emails", "warned"), [("[]", 1), ('["oncall@mail.test"]', 0)])
def test_synth_warns_if_slack_failures_would_go_unnoticed(tmp_path: Path, emails: str, warned: int) -> None:
    made = stack(f"[alerts]\nemails = {emails}\n{PARAMETER}", tmp_path)
    warnings = Annotations.from_stack(made).find_warning(
        "*", Match.string_like_regexp("Only a forwarder gets notifications")
    )
    assert len(warnings) == warned
