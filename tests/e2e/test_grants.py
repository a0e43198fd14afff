"""Every right of the deployed roles is used: a round works with all of them, and lacks something without any one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from ses_reputation.core.history import DAY

from local_aws import asynchronous, stack
from local_aws.runtime import DeployedFunction
from local_aws.schedule import NotInvoked
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
[events]
bus = "default"
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

TOO_MUCH = ("kms:Encrypt", "kms:ReEncrypt*", "sqs:GetQueueAttributes", "sqs:GetQueueUrl")
"""Rights that nothing uses: the CDK gives them to whoever may send to a queue, or use what is encrypted."""


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
            attempts = monitor.schedule.fire(MIDNIGHT)
        except NotInvoked:
            return {"the run", "its event"} if self.lost() else {"the run"}
        log = "".join(attempt.log for attempt in attempts)
        if not all(attempt.ok for attempt in attempts) or any(
            word in log for word in ("could not be", "Denied", ": 403")
        ):
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
        target = monitor.schedule.target
        asynchronous.send(local, target["RoleArn"], target["DeadLetterConfig"]["Arn"], monitor.schedule.event(MIDNIGHT))
        if self.lost() - before < 3:
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
    monitor = Deployment.of(local, outputs := stack.deploy(local, settings))
    forwarder = DeployedFunction(local, outputs["SlackFunctionName"])
    key = local.client("kms").create_key()["KeyMetadata"]["Arn"]
    with LocalSlack() as slack:
        local.client("ssm").put_parameter(Name=PARAMETER, Value=slack.address, Type="SecureString", KeyId=key)
        yield Installation(
            monitor,
            slack,
            DeployedSubscription(local, outputs["PeopleTopicArn"], forwarder),
        )
    monitor.function.close()
    forwarder.close()
    stack.destroy(local, settings)


Grant = tuple[str, str, str]
"""Role, action and resources of one right, the latter as JSON."""


def grants(local: LocalAws) -> Iterator[Grant]:
    """Every right of every role of the installation."""
    iam = local.client("iam")
    for role in (each["RoleName"] for each in iam.list_roles()["Roles"]):
        policies = iam.list_role_policies(RoleName=role)["PolicyNames"] if "grants" in role else []
        for policy in policies:
            for statement in iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                if statement.get("Sid") not in NOT_OURS:
                    yield from (
                        (role, action, json.dumps(statement["Resource"]))
                        for action in actions
                        if action not in TOO_MUCH
                    )


@contextmanager
def without(local: LocalAws, grant: Grant) -> Iterator[None]:
    """While this lasts, the role is refused one right, whichever of its statements gives it."""
    role, action, resources = grant
    denied = {"Effect": "Deny", "Action": action, "Resource": json.loads(resources)}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam = local.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName="without", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="without")


def test_a_round_works_with_all_rights_and_misses_something_without_any_one(installed: Installation) -> None:
    local = installed.monitor.local
    assert installed.round() == set()
    unguarded = []
    for grant in sorted(set(grants(local))):
        with without(local, grant):
            if not installed.round():
                unguarded.append(grant)
    assert unguarded == [], "\n".join(map(str, unguarded))
