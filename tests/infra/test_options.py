"""Options that few people set: what each deploys, and that template checkers find nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ses_reputation.settings import parse

from infra.monitor import longest_run
from infra.names import NAMES

from .conftest import RECIPIENT, ROOT, linted, of_type
from .test_channels import PAGERDUTY, ROUTES, TEAMS
from .test_stack import actions, statements, validated

Synth = Callable[[str], dict[str, Any]]

EVENTS = '[events]\nbus = "default"\nrun_at_once = true\n'
EXISTING_CHAT = "[chat]\nexisting = true\n"
SLACK = '[slack]\nwebhook_parameter = "/ses/slack"\n'
UNNAMED = "[deployment]\nfixed_names = false\n"
OPTIONS = {
    "events": EVENTS,
    "an existing chat channel": EXISTING_CHAT,
    "Teams": TEAMS,
    "PagerDuty": PAGERDUTY,
    "routes": ROUTES,
    "alarms for each target": '[alarms]\nper_target = "warning"\n',
    "no fixed names": SLACK + TEAMS + EVENTS + UNNAMED,
    "everything encrypted": SLACK + TEAMS + EVENTS + '[deployment]\nencrypt = ["all"]\n',
    "a topic of your own": '[deployment]\ntopic_arn = "arn:aws:sns:us-east-1:123456789012:alerts"\n',
    "a key of your own": '[deployment]\nkms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"\nencrypt = ["all"]\n',
}


@pytest.mark.parametrize("toml", OPTIONS.values(), ids=OPTIONS)
def test_validation_cdk_nag_and_cfn_lint_find_nothing_with_any_option(tmp_path: Path, synth: Synth, toml: str) -> None:
    assert validated(tmp_path, toml) == []
    assert linted(synth(toml)) == []


def test_notifications_may_go_to_the_configured_bus_only(synth: Synth) -> None:
    arn = "arn:aws:events:eu-west-1:123456789012:event-bus/ops"
    for bus, tail in (("default", ":event-bus/default"), (arn, arn)):
        resources = synth(f'[events]\nbus = "{bus}"\n')["Resources"]
        [put] = [s for s in statements(resources) if actions(s) == ["events:PutEvents"]]
        assert json.dumps(put["Resource"]).rstrip('"]}').endswith(tail)
        assert of_type(resources, "AWS::Events::Rule") == []


def test_without_a_bus_no_event_may_be_put(resources: dict[str, Any]) -> None:
    assert not any("events:" in action for s in statements(resources) for action in actions(s))
    assert of_type(resources, "AWS::Events::Rule") == []


def test_the_timeout_has_room_for_a_bus() -> None:
    without, both = (parse(RECIPIENT + toml) for toml in ("", EVENTS))
    assert longest_run(both) - longest_run(without) == 2 * 27


def test_the_page_on_reliability_has_the_timeouts() -> None:
    plain, bus, pause, blind = (
        longest_run(parse(RECIPIENT + toml))
        for toml in ("", EVENTS, '[pause]\nlevel = "account"\n', '[cause]\nlook = "off"\n')
    )
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    for words in (
        f"{plain} s, {bus - plain} s more",
        f"{pause - plain} s more with `[pause]`",
        f"{plain - blind} s less",
    ):
        assert words in page


def test_an_event_about_ses_runs_the_monitor_at_its_time(synth: Synth) -> None:
    resources = synth("[events]\nrun_at_once = true\n")["Resources"]
    rules = of_type(resources, "AWS::Events::Rule")
    assert [rule["EventPattern"]["source"] for rule in rules] == [["aws.ses"], ["aws.health"]]
    assert rules[1]["EventPattern"]["detail"] == {"service": ["SES"]}
    assert not any("Email" in kind for kind in rules[0]["EventPattern"]["detail-type"])  # a run for each email sent
    for rule in rules:
        [target] = rule["Targets"]
        assert target["InputTransformer"]["InputPathsMap"] == {"time": "$.time"}
        assert target["InputTransformer"]["InputTemplate"] == '{"now":<time>,"at_once":true}'
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 900
    permissions = [p for p in of_type(resources, "AWS::Lambda::Permission") if p["Principal"] == "events.amazonaws.com"]
    assert len(permissions) == 2 and all("SourceArn" in permission for permission in permissions)


def test_an_existing_chat_channel_needs_only_the_topic(synth: Synth) -> None:
    template = synth(EXISTING_CHAT)
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    assert not any(kind.startswith("AWS::Chatbot") for kind in kinds) and "AWS::IAM::ManagedPolicy" not in kinds
    assert len(of_type(template["Resources"], "AWS::SNS::Topic")) == 2
    assert template["Outputs"]["ChatTopicArn"]
    [function] = of_type(template["Resources"], "AWS::Lambda::Function")
    assert "CHAT_TOPIC_ARN" in function["Environment"]["Variables"]


def test_the_subscribers_of_an_existing_topic_are_enough(synth: Synth) -> None:
    toml = '[deployment]\ntopic_arn = "arn:aws:sns:us-east-1:123456789012:alerts"\n'
    assert parse(toml).recipients == ()


def test_two_stacks_without_fixed_names_share_none(synth: Synth) -> None:
    resources = synth(SLACK + TEAMS + EVENTS + '[alarms]\nper_target = "warning"\n' + UNNAMED)["Resources"]
    assert {resource["Type"] for resource in resources.values()} >= set(NAMES)
    for resource in resources.values():
        assert NAMES.get(resource["Type"], "none") not in resource["Properties"]
    named = [
        resource["Properties"][name]
        for resource in resources.values()
        for name in ("DashboardName", "ConfigurationName")
        if name in resource["Properties"]
    ]
    assert len(named) == 2 and all(name["Fn::Join"][1][0] == {"Ref": "AWS::StackName"} for name in named)


def test_one_setting_encrypts_everything_that_can_be(synth: Synth) -> None:
    resources = synth(SLACK + TEAMS + '[deployment]\nencrypt = ["all"]\n')["Resources"]
    key = {
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::DynamoDB::Table": "SSESpecification",
        "AWS::Lambda::Function": "KmsKeyArn",
    }
    assert len(of_type(resources, "AWS::KMS::Key")) == 1
    for resource in resources.values():
        if resource["Type"] in key:
            assert key[resource["Type"]] in resource["Properties"], resource["Type"]
