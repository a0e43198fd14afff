"""`cdk deploy` as a user runs it. The other end-to-end tests make the same stack in their own process: local_aws/stack.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from local_aws import stack
from local_aws.cdk import bootstrap, cdk, deploy
from local_aws.server import LocalAws
from tests.e2e.conftest import HOUR, NOW, SETTINGS, Deployment, points

Installed = tuple[Deployment, str]
"""An installation, and what the CDK printed."""


@pytest.fixture(scope="module")
def installed(local: LocalAws) -> Iterator[Installed]:
    bootstrap(local)
    outputs, printed = deploy(local, SETTINGS)
    monitor = Deployment.of(local, outputs)
    yield monitor, printed
    monitor.function.close()


def resources(local: LocalAws) -> dict[str, str]:
    """Type of each resource of the stack by its logical id."""
    listed = local.client("cloudformation").list_stack_resources(StackName="SesReputation")["StackResourceSummaries"]
    return {resource["LogicalResourceId"]: resource["ResourceType"] for resource in listed}


def template(local: LocalAws) -> str:
    """The deployed template without the CDK's own metadata."""
    body = local.client("cloudformation").get_template(StackName="SesReputation")["TemplateBody"]
    made = body if isinstance(body, dict) else json.loads(body)
    made["Resources"].pop("CDKMetadata", None)
    for resource in made["Resources"].values():
        resource.pop("Metadata", None)
    return json.dumps({"Resources": made["Resources"], "Outputs": made["Outputs"]}, sort_keys=True)


def test_the_deployment_prints_no_warning(installed: Installed) -> None:
    _, printed = installed
    assert not re.search(r"warn|deprecat", printed, re.IGNORECASE), printed


def test_it_alerts(installed: Installed) -> None:
    monitor, _ = installed
    monitor.local.ses().points = points(NOW + HOUR, bad_from=NOW)
    assert monitor.tick(NOW + HOUR).ok and monitor.sent() == [("bounce", "opened")]


def test_deploying_the_same_again_changes_nothing(installed: Installed) -> None:
    printed = cdk(installed[0].local, "deploy", "--require-approval=never", "--method=direct", settings=SETTINGS)
    assert "(no changes)" in printed


def test_nothing_differs_right_after_a_deployment(installed: Installed) -> None:
    printed = cdk(installed[0].local, "diff", "--method=template", settings=SETTINGS)
    assert "Number of stacks with differences: 0" in printed


def test_the_stack_made_in_this_process_is_the_same(installed: Installed) -> None:
    local = installed[0].local
    by_the_cdk = template(local), resources(local)
    stack.destroy(local, SETTINGS)
    stack.deploy(local, SETTINGS)
    assert (template(local), resources(local)) == by_the_cdk
