"""Every right of the deployed roles is used and judged: a round works with all of them, and without any one something is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from ses_reputation.core.history import DAY

from local_aws import asynchronous
from local_aws.cdk import cdk, deploy
from local_aws.runtime import DeployedFunction
from local_aws.schedule import DeployedSchedule, NotInvoked
from local_aws.server import LocalAws
from local_aws.slack import LocalSlack
from local_aws.subscription import DeployedSubscription
from tests.e2e.conftest import HOUR, NOW, Deployment, points

PARAMETER = "/ses-reputation/grants"
SETTINGS = f"""
[alerts]
emails = ["oncall@mail.test"]
[slack]
webhook_parameter = "{PARAMETER}"
[chat]
workspace_id = "T0123ABCD"
channel_id = "C0123ABCD"
[cause]
look = "off"
[deployment]
stage = "grants"
customer_managed_key = true
encrypt = ["topics", "queues", "logs", "table"]
"""
MIDNIGHT = NOW // DAY * DAY
"""The first tick of a day, which lists the subscriptions besides."""

NOT_OURS = ("DrawGraphs", "JoinVpc")
"""Rights of Amazon Q Developer, and of Lambda itself in a network."""


@dataclass
class Installation:
    """Everything deployed, encrypted with a key of its own."""

    monitor: Deployment
    slack: LocalSlack
    forwarder: DeployedSubscription

    def round(self) -> set[str]:
        """One tick with a new alert, its delivery everywhere and an event that fails: what is missing afterwards."""
        local, monitor = self.monitor.local, self.monitor
        monitor.forget()
        self.slack.forget()
        monitor.function.stop()
        self.forwarder.function.stop()
        local.ses().points = points(MIDNIGHT, bad_from=MIDNIGHT - 2 * HOUR)
        missing = set()
        try:
            tick = monitor.tick(MIDNIGHT)
        except NotInvoked:
            return {"the run", "its event"} if self.lost() else {"the run"}
        if not tick.ok or "could not be" in tick.log or "UNKNOWN" in str(tick.payload):
            missing.add("a complete run")
        sent = local.sent(monitor.outputs["PeopleTopicArn"])
        if not sent:
            missing.add("the message")
        for message in sent:
            if not all(attempt.ok for attempt in self.forwarder.deliver(message)[-1:]):
                missing.add("the message in Slack")
        for name in ("SesReputation-grants", "SesReputation-grants-Slack"):
            streams = local.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
            if not streams:
                missing.add(f"the log of {name}")
        before = self.lost()
        for function in (monitor.function, self.forwarder.function):
            asynchronous.invoke(local, function, {})
        if self.lost() - before < 2:
            missing.add("an event that failed")
        return missing

    def lost(self) -> int:
        """Messages in all queues."""
        queues = self.monitor.local.client("sqs")
        urls = queues.list_queues(QueueNamePrefix="SesReputation-grants").get("QueueUrls", [])
        counts = (
            queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][
                "ApproximateNumberOfMessages"
            ]
            for url in urls
        )
        return sum(map(int, counts))


@pytest.fixture(scope="module")
def installed(local: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    settings = tmp_path_factory.mktemp("settings") / "grants.toml"
    settings.write_text(SETTINGS)
    outputs, printed = deploy(local, settings)
    function = DeployedFunction(local, outputs["FunctionName"])
    forwarder = DeployedFunction(local, outputs["SlackFunctionName"])
    key = local.client("kms").create_key()["KeyMetadata"]["Arn"]
    with LocalSlack() as slack:
        local.client("ssm").put_parameter(Name=PARAMETER, Value=slack.address, Type="SecureString", KeyId=key)
        yield Installation(
            Deployment(local, outputs, printed, function, DeployedSchedule(local, outputs["ScheduleName"], function)),
            slack,
            DeployedSubscription(local, outputs["PeopleTopicArn"], forwarder),
        )
    function.close()
    forwarder.close()
    cdk(local, "destroy", "--force", settings=settings)


Place = tuple[str, str, int]
"""Role, policy and number of a statement."""


def statements(local: LocalAws) -> dict[Place, dict[str, Any]]:
    """Every statement of every role of the installation."""
    iam = local.client("iam")
    found = {}
    for role in iam.list_roles()["Roles"]:
        if "grants" in role["RoleName"]:
            for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
                for number, statement in enumerate(document["Statement"]):
                    found[role["RoleName"], policy, number] = statement
    return found


@contextmanager
def without(local: LocalAws, place: Place) -> Iterator[None]:
    """While this lasts, the role lacks one statement."""
    iam = local.client("iam")
    role, policy, number = place
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    left = [statement for other, statement in enumerate(document["Statement"]) if other != number]
    nothing = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
    changed = json.dumps(document | {"Statement": left or [nothing]})
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=changed)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def test_a_round_works_with_all_rights_and_misses_something_without_any_one(installed: Installation) -> None:
    local = installed.monitor.local
    assert installed.round() == set()
    unguarded = []
    for place, statement in statements(local).items():
        if statement.get("Sid") in NOT_OURS:
            continue
        with without(local, place):
            if not installed.round():
                unguarded.append((place[0], statement))
    assert unguarded == []
