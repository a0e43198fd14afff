"""An upgrade from version 0.1.0 changes in place whatever has a name, or is one of a kind: CloudFormation makes the new before
it deletes the old.

The template and the stored item of version 0.1.0 were made by that version itself, in the local AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.names import NAMES

from .conftest import ROOT, Resources

OLD: Resources = json.loads((ROOT / "tests" / "inputs" / "release-0.1.0.json").read_text())["template"]["Resources"]
SAME = """
[slack]
webhook_parameter = "/ses-reputation/slack"
[chat]
workspace_id = "T0123ABCD"
channel_id = "C0123ABCD"
[deployment]
customer_managed_key = true
"""
ONE_OF_A_KIND = {
    **{kind: (name,) for kind, name in NAMES.items()},
    "AWS::Chatbot::SlackChannelConfiguration": ("ConfigurationName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::Lambda::EventInvokeConfig": ("FunctionName",),
    "AWS::SNS::Subscription": ("TopicArn", "Endpoint"),
    "AWS::SNS::TopicPolicy": ("Topics",),
    "AWS::SQS::QueuePolicy": ("Queues",),
}
"""Properties that are unique among the resources of a type."""

HOLDS_DATA = ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SNS::Topic")


def owners(resources: Resources) -> dict[str, str]:
    """Logical id by its unique properties."""
    return {
        json.dumps([each["Type"], *(each["Properties"].get(name) for name in ONE_OF_A_KIND[each["Type"]])]): logical_id
        for logical_id, each in resources.items()
        if each["Type"] in ONE_OF_A_KIND
    }


@pytest.fixture
def new(synth: Callable[[str], dict[str, Any]]) -> Resources:
    found: Resources = synth(SAME)["Resources"]
    return found


def test_unique_resources_keep_their_logical_id(new: Resources) -> None:
    before, after = owners(OLD), owners(new)
    both = before.keys() & after.keys()
    assert len(both) > 15
    assert {what: after[what] for what in both} == {what: before[what] for what in both}


@pytest.mark.parametrize("kind", HOLDS_DATA)
def test_data_stores_keep_their_logical_id(new: Resources, kind: str) -> None:
    before = {name for name, each in OLD.items() if each["Type"] == kind}
    assert before and before <= new.keys()
