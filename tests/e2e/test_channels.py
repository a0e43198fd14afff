"""An installation with people, a chat of Amazon Q Developer and a webhook of Slack: each gets every notification."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local_aws import stack
from local_aws.runtime import DeployedFunction
from local_aws.server import LocalAws
from local_aws.slack import PATH, Answer, LocalSlack
from local_aws.subscription import DeployedSubscription
from tests.e2e.conftest import HOUR, NOW, QUARTER, Deployment, Forwarding, points

SETTINGS = """
[alerts]
emails = ["oncall@mail.test"]
[slack]
webhook_parameter = "/ses-reputation/slack"
[chat]
workspace_id = "T0123ABCD"
channel_id = "C0123ABCD"
[deployment]
stage = "slack"
"""
ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(
    json.loads((ROOT / "tests" / "layout" / "custom-notification.schema.json").read_text(encoding="utf-8"))
)
PARAMETER = "/ses-reputation/slack"
SECRET = PATH.rsplit("/", 1)[1]


@dataclass(kw_only=True)
class Channels(Forwarding):
    """The installation, a queue that reads its chat topic as Amazon Q Developer does, and a webhook."""

    slack: LocalSlack
    chat_queue: str

    @property
    def chat_topic(self) -> str:
        return self.monitor.outputs["ChatTopicArn"]

    def tick(self, at: int, *, bad_from: int | None = None, good_from: int | None = None) -> bool:
        """Run at `at`, of a sender whose list is bad for a time; tell if that went well."""
        self.local.ses().points = points(at, bad_from=bad_from, good_from=good_from)
        return self.monitor.tick(at).ok

    def read_chat(self) -> list[dict[str, Any]]:
        """The notifications that have arrived in the chat since the last time, each of the documented shape."""
        sqs = self.local.client("sqs")
        arrived = []
        while messages := sqs.receive_message(QueueUrl=self.chat_queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                arrived.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=self.chat_queue, ReceiptHandle=message["ReceiptHandle"])
        for notification in arrived:
            SCHEMA.validate(notification)
        return arrived

    def store_address(self, address: str) -> None:
        self.local.client("ssm").put_parameter(Name=PARAMETER, Value=address, Type="SecureString", Overwrite=True)


@pytest.fixture(scope="module")
def installed(local: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Channels]:
    settings = tmp_path_factory.mktemp("settings") / "slack.toml"
    settings.write_text(SETTINGS)
    monitor = Deployment.of(local, outputs := stack.deploy(local, settings))
    forwarder = DeployedFunction(local, outputs["SlackFunctionName"])
    queue = local.client("sqs").create_queue(QueueName="chat-reader")["QueueUrl"]
    local.client("sns").subscribe(
        TopicArn=outputs["ChatTopicArn"], Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:chat-reader"
    )
    with LocalSlack() as slack:
        yield Channels(
            monitor=monitor,
            forwarder=DeployedSubscription(local, outputs["PeopleTopicArn"], forwarder),
            undelivered_queue="SesReputation-slack-SlackUndelivered",
            slack=slack,
            chat_queue=queue,
        )
    monitor.function.close()
    forwarder.close()
    stack.destroy(local, settings)


@pytest.fixture
def channels(installed: Channels) -> Channels:
    """The installation with a clean slate, a healthy sender and a webhook that works."""
    installed.monitor.forget()
    installed.slack.forget()
    installed.forwarder.function.stop()
    installed.delivered = 0
    installed.store_address(installed.slack.address)
    assert installed.tick(NOW)
    return installed


def shown_in_slack(message: dict[str, Any]) -> tuple[str, int]:
    """The alert and the number that a message in Slack names."""
    found = re.search(r"([A-Za-z0-9-]+), message (\d+)", json.dumps(message))
    assert found is not None
    return found[1], int(found[2])


def test_every_notification_of_an_incident_arrives_once_on_every_channel(channels: Channels) -> None:
    story = [*range(QUARTER, 3 * HOUR, QUARTER), *range(3 * HOUR, 94 * HOUR, 7 * HOUR)]
    for number, after in enumerate(story):
        for _ in range(1 + number % 2):  # EventBridge may deliver an event twice
            assert channels.tick(NOW + after, bad_from=NOW, good_from=NOW + 26 * HOUR)
        channels.deliver()
    sent = channels.monitor.notifications()
    assert {("bounce", reason) for reason in ("opened", "escalated", "reminder", "resolved")} <= {
        (a["metric"], a["reason"]) for a in sent
    }
    due = Counter((a["alert"], a["number"]) for a in sent)
    assert set(due.values()) == {1}
    chat = channels.read_chat()
    shown = [n["metadata"]["additionalContext"] for n in chat]
    assert Counter((a["alert"], int(a["number"])) for a in shown) == due
    assert Counter(map(shown_in_slack, channels.slack.messages)) == due
    assert len({n["id"] for n in chat}) == len(chat)
    assert len({n["metadata"]["threadId"] for n in chat}) == len({a["alert"] for a in sent})
    assert channels.undelivered() == []


def test_the_same_words_reach_people_and_slack(channels: Channels) -> None:
    channels.tick(NOW + HOUR, bad_from=NOW)
    [[attempt]] = channels.deliver()
    [email] = channels.local.sent(channels.forwarder.topic)
    [message] = channels.slack.messages
    [notification] = channels.read_chat()
    assert attempt.ok
    assert message["text"].splitlines()[0].replace("\u00a0", " ") == email.subject
    assert notification["metadata"]["summary"].replace("\u00a0", " ") == email.subject
    assert email.body("sms") == email.subject


def test_people_get_alerts_once_while_the_chat_is_down_and_the_chat_later(channels: Channels) -> None:
    iam = channels.local.client("iam")
    role = channels.monitor.function.configuration["Role"].rsplit("/", 1)[1]
    denied = {"Effect": "Deny", "Action": "sns:Publish", "Resource": channels.chat_topic}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=role, PolicyName="without", PolicyDocument=document)
    try:
        assert not channels.tick(NOW + HOUR, bad_from=NOW)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="without")
    assert channels.read_chat() == [] and channels.monitor.sent() == [("bounce", "opened")]
    assert channels.tick(NOW + HOUR + QUARTER, bad_from=NOW)
    assert [n["metadata"]["additionalContext"]["reason"] for n in channels.read_chat()][:1] == ["opened"]
    assert channels.monitor.sent().count(("bounce", "opened")) == 1


def test_a_test_alert_reaches_every_channel(channels: Channels) -> None:
    assert channels.monitor.function.invoke({"test_alert": True}).payload["sent"] == ["people", "chat"]
    channels.deliver()
    [notification] = channels.read_chat()
    assert notification["content"]["title"].startswith("🔵 TEST [slack]: ")
    [message] = channels.slack.messages
    assert message["text"].startswith("TEST [slack]: ")


def test_slack_is_given_the_pause_that_it_asks_for(channels: Channels) -> None:
    channels.tick(NOW + HOUR, bad_from=NOW)
    channels.slack.planted = [Answer(429, "rate_limited", retry_after=1)]
    [[attempt]] = channels.deliver()
    assert attempt.ok and len(channels.slack.messages) == 1 and channels.slack.asked == 2


def test_what_slack_cannot_take_now_is_tried_again(channels: Channels) -> None:
    channels.tick(NOW + HOUR, bad_from=NOW)
    channels.slack.planted = [Answer(503, "service_unavailable"), Answer(500, "internal_error")]
    [attempts] = channels.deliver()
    assert [attempt.ok for attempt in attempts] == [False, False, True]
    assert len(channels.slack.messages) == 1 and channels.undelivered() == []


def test_a_webhook_that_is_gone_ends_in_the_queue_and_a_new_one_is_taken_at_once(channels: Channels) -> None:
    channels.store_address(channels.slack.address.replace("B0LOCAL", "B0GONE"))
    channels.tick(NOW + HOUR, bad_from=NOW)
    [attempts] = channels.deliver()
    assert [attempt.payload["errorType"] for attempt in attempts] == ["Refused"] * 3
    assert "make a new one in Slack" in attempts[0].payload["errorMessage"]
    [kept] = channels.undelivered()
    assert "bounce-" in kept  # the notification itself, to be posted by hand
    channels.store_address(channels.slack.address)
    channels.monitor.function.invoke({"test_alert": True})
    assert [[attempt.ok for attempt in attempts] for attempts in channels.deliver()] == [[True]]


def test_an_address_that_is_not_stored_is_a_clear_error_and_nothing_is_lost(channels: Channels) -> None:
    channels.local.client("ssm").delete_parameter(Name=PARAMETER)
    channels.tick(NOW + HOUR, bad_from=NOW)
    [attempts] = channels.deliver()
    assert attempts[-1].payload["errorMessage"] == (
        "the stored address or key cannot be read from /ses-reputation/slack: failed (ParameterNotFound)"
    )
    assert len(channels.undelivered()) == 1


def test_an_alarm_of_the_watchdog_is_shown_in_slack(channels: Channels) -> None:
    alarm = {"AlarmName": "SesReputation-slack-failing", "NewStateValue": "ALARM", "AlarmDescription": "It fails."}
    channels.local.client("sns").publish(TopicArn=channels.forwarder.topic, Subject="ALARM", Message=json.dumps(alarm))
    channels.deliver()
    [message] = channels.slack.messages
    assert message["text"] == "ALARM: SesReputation-slack-failing\nIt fails."


def test_the_webhooks_address_is_in_no_log_error_queue_or_template(channels: Channels) -> None:
    channels.tick(NOW + HOUR, bad_from=NOW)
    channels.monitor.function.invoke({"test_alert": True})
    channels.slack.planted = [Answer(500, SECRET)] * 3 + [Answer(404, SECRET)] * 3
    first, second = channels.deliver()
    written = [attempt.log + str(attempt.payload) for attempt in (*first, *second)]
    assert len(written) == 6 and not any(SECRET in text or "@" in text for text in written)
    assert len(channels.undelivered()) == 2 and SECRET not in "".join(channels.undelivered())
    stack = channels.local.client("cloudformation").get_template(StackName="SesReputation-slack")["TemplateBody"]
    assert SECRET not in json.dumps(stack) and PARAMETER in json.dumps(stack)


def test_without_the_right_to_read_the_address_the_error_is_clear(channels: Channels) -> None:
    iam = channels.local.client("iam")
    role = channels.forwarder.function.configuration["Role"].rsplit("/", 1)[1]
    denied = {"Effect": "Deny", "Action": "ssm:GetParameter", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=role, PolicyName="without", PolicyDocument=document)
    try:
        channels.tick(NOW + HOUR, bad_from=NOW)
        [attempts] = channels.deliver()
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="without")
    assert "/ses-reputation/slack: access denied" in attempts[-1].payload["errorMessage"]


@pytest.mark.parametrize("topic", ["PeopleTopicArn", "ChatTopicArn"])
def test_every_alarm_of_the_watchdog_may_ring_on_both_topics_and_does(channels: Channels, topic: str) -> None:
    arn = channels.monitor.outputs[topic]
    alarms = channels.local.client("cloudwatch").describe_alarms(AlarmNamePrefix="SesReputation-slack-")["MetricAlarms"]
    assert len(alarms) >= 4
    if topic == "ChatTopicArn":  # what a forwarder could not deliver is for people
        alarms = [alarm for alarm in alarms if not alarm["AlarmName"].endswith("-undelivered")]
    assert all(arn in alarm["AlarmActions"] and arn in alarm["OKActions"] for alarm in alarms)
    policy = channels.local.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    allowed = [s for s in json.loads(policy)["Statement"] if s["Effect"] == "Allow"]
    assert [(s["Principal"], s["Action"]) for s in allowed] == [
        ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    ]
