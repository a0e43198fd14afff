"""An installation with a Slack channel of Amazon Q Developer: what arrives on the topic that it reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local_aws.cdk import cdk, deploy
from local_aws.runtime import DeployedFunction
from local_aws.schedule import DeployedSchedule
from local_aws.server import LocalAws
from tests.e2e.conftest import NOW, QUARTER, Deployment, points

SETTINGS = """
[alerts]
emails = ["oncall@mail.test"]
[chat]
workspace_id = "T0123ABCD"
channel_id = "C0123ABCD"
[deployment]
stage = "slack"
"""
ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(
    json.loads((ROOT / "tests" / "core" / "custom-notification.schema.json").read_text(encoding="utf-8"))
)
HOUR = 3_600


class Chat:
    """The installation, and a queue that reads its chat topic as Amazon Q Developer does."""

    def __init__(self, monitor: Deployment) -> None:
        self.monitor = monitor
        self.topic = monitor.outputs["ChatTopicArn"]
        local = monitor.local
        self.queue = local.client("sqs").create_queue(QueueName="chat-reader")["QueueUrl"]
        local.client("sns").subscribe(
            TopicArn=self.topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:chat-reader"
        )

    def tick(self, at: int, *, bad_from: int | None = None) -> bool:
        """Whether the run at `at` went well, of a sender whose list is bad since `bad_from`."""
        self.monitor.local.ses().points = points(at, bad_from=bad_from)
        return self.monitor.tick(at).ok

    def read(self) -> list[dict[str, Any]]:
        """The notifications that have arrived since the last time, each of the documented shape."""
        sqs = self.monitor.local.client("sqs")
        arrived = []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                arrived.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        for notification in arrived:
            SCHEMA.validate(notification)
        return arrived


@pytest.fixture(scope="module")
def installed(local: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    settings = tmp_path_factory.mktemp("settings") / "slack.toml"
    settings.write_text(SETTINGS)
    outputs, printed = deploy(local, settings)
    function = DeployedFunction(local, outputs["FunctionName"])
    yield Chat(
        Deployment(local, outputs, printed, function, DeployedSchedule(local, outputs["ScheduleName"], function))
    )
    function.close()
    cdk(local, "destroy", "--force", settings=settings)


@pytest.fixture
def chat(installed: Chat) -> Chat:
    """The installation with a clean slate and a healthy sender."""
    installed.monitor.forget()
    assert installed.tick(NOW)
    return installed


def test_an_announcement_arrives_once_though_its_event_comes_twice(chat: Chat) -> None:
    for _ in range(2):
        chat.tick(NOW + HOUR, bad_from=NOW)
    [notification] = chat.read()
    assert notification["content"]["title"].startswith(":large_yellow_circle: [slack] WARNING: SES bounce rate ")
    assert notification["metadata"]["additionalContext"]["episode"].startswith("bounce-")
    assert chat.monitor.told() == [("bounce", "opened")]


def test_an_episode_is_one_thread(chat: Chat) -> None:
    for tick in range(NOW + QUARTER, NOW + 10 * HOUR, QUARTER):
        chat.tick(tick, bad_from=NOW)
    opened, escalated, *_ = told = chat.read()
    assert [n["metadata"]["additionalContext"]["reason"] for n in (opened, escalated)] == ["opened", "escalated"]
    assert len({n["metadata"]["threadId"] for n in told}) == 1
    assert len({n["id"] for n in told}) == len(told) == len(chat.monitor.announcements())


def test_while_the_chat_is_down_people_are_told_once_and_the_chat_hears_of_it_later(chat: Chat) -> None:
    iam = chat.monitor.local.client("iam")
    role = chat.monitor.function.configuration["Role"].rsplit("/", 1)[1]
    denied = {"Effect": "Deny", "Action": "sns:Publish", "Resource": chat.topic}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=role, PolicyName="without", PolicyDocument=document)
    try:
        assert not chat.tick(NOW + HOUR, bad_from=NOW)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="without")
    assert chat.read() == [] and chat.monitor.told() == [("bounce", "opened")]
    assert chat.tick(NOW + HOUR + QUARTER, bad_from=NOW)
    assert [n["metadata"]["additionalContext"]["reason"] for n in chat.read()][:1] == ["opened"]
    assert chat.monitor.told().count(("bounce", "opened")) == 1


def test_a_test_alert_reaches_the_chat_too(chat: Chat) -> None:
    assert chat.monitor.function.invoke({"test_alert": True}).payload["told"] == ["people", "chat"]
    [notification] = chat.read()
    assert notification["content"]["title"].startswith(":large_blue_circle: [slack] TEST: ")


def test_every_alarm_of_the_watchdog_may_ring_in_the_chat_and_does(chat: Chat) -> None:
    local = chat.monitor.local
    alarms = local.client("cloudwatch").describe_alarms(AlarmNamePrefix="SesReputation-slack-")["MetricAlarms"]
    assert len(alarms) >= 3
    assert all(chat.topic in alarm["AlarmActions"] and chat.topic in alarm["OKActions"] for alarm in alarms)
    policy = local.client("sns").get_topic_attributes(TopicArn=chat.topic)["Attributes"]["Policy"]
    allowed = [s for s in json.loads(policy)["Statement"] if s["Effect"] == "Allow"]
    assert [(s["Principal"], s["Action"]) for s in allowed] == [
        ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    ]
