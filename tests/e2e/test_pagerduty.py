"""An installation with PagerDuty and Microsoft Teams: an incident from its opening to its end, and what each does not take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ses_reputation.aws.webhook import PAGERDUTY_ADDRESSES

from local_aws import stack
from local_aws.pagerduty import KEY, LocalPagerDuty
from local_aws.runtime import DeployedFunction
from local_aws.server import LocalAws
from local_aws.slack import Answer
from local_aws.subscription import DeployedSubscription
from tests.e2e.conftest import HOUR, NOW, QUARTER, ROOT, Deployment, Forwarding, points, within_a_day

PARAMETER = "/ses-reputation/pagerduty"
UUID = "11111111-2222-3333-4444-555555555555"
SETTINGS = f"""
[alerts]
emails = ["oncall@mail.test"]
[pagerduty]
routing_key_parameter = "{PARAMETER}"
[teams]
tenant_id = "{UUID}"
team_id = "{UUID}"
channel_id = "19%3a0123abcd%40thread.tacv2"
[cause]
look = "off"
[deployment]
stage = "incidents"
"""
SCHEMA = Draft202012Validator(
    json.loads((ROOT / "tests" / "layout" / "custom-notification.schema.json").read_text(encoding="utf-8"))
)


@dataclass(kw_only=True)
class Incidents(Forwarding):
    """The installation, and a PagerDuty that its forwarder posts to."""

    pagerduty: LocalPagerDuty

    def tick(self, at: int, *, bad_from: int | None = NOW, good_from: int | None = None) -> None:
        """Run at `at`, with a list that is bad for a time."""
        self.local.ses().points = points(at, bad_from=bad_from, good_from=good_from)
        assert self.monitor.tick(at).ok

    def store_key(self, key: str) -> None:
        self.local.client("ssm").put_parameter(Name=PARAMETER, Value=key, Type="SecureString", Overwrite=True)

    def teams(self) -> list[dict[str, Any]]:
        """Notifications on the topic that Amazon Q Developer reads for Teams, each of the documented shape."""
        sent = [json.loads(m.body("sqs")) for m in self.local.sent(self.monitor.outputs["ChatTopicArn"])]
        for notification in sent:
            SCHEMA.validate(notification)
        return sent


def posting_to(function: DeployedFunction, address: str) -> None:
    """Have a deployed function post to `address` instead of PagerDuty: the one change to the deployed code."""
    source = function.root / "ses_reputation" / "aws" / "webhook.py"
    text = source.read_text(encoding="utf-8")
    assert PAGERDUTY_ADDRESSES["us"] in text
    source.write_text(text.replace(PAGERDUTY_ADDRESSES["us"], address), encoding="utf-8")
    for compiled in source.parent.glob("__pycache__/webhook.*"):
        compiled.unlink()


@pytest.fixture(scope="module")
def installed(local: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incidents]:
    settings = Path(tmp_path_factory.mktemp("settings")) / "settings.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    monitor = Deployment.of(local, outputs := stack.deploy(local, settings))
    forwarder = DeployedFunction(local, f"{outputs['FunctionName']}-PagerDuty")
    with LocalPagerDuty() as pagerduty:
        posting_to(forwarder, pagerduty.address)
        yield Incidents(
            monitor=monitor,
            forwarder=DeployedSubscription(local, outputs["PeopleTopicArn"], forwarder),
            undelivered_queue="SesReputation-incidents-PagerDutyUndelivered",
            pagerduty=pagerduty,
        )
    monitor.function.close()
    forwarder.close()


@pytest.fixture
def incidents(installed: Incidents) -> Incidents:
    """The installation with a clean slate and a healthy sender."""
    installed.monitor.forget()
    installed.local.sent_forget(installed.monitor.outputs["ChatTopicArn"])
    installed.pagerduty.forget()
    installed.forwarder.function.stop()
    installed.delivered = 0
    installed.store_key(KEY)
    return installed


def test_an_alert_is_one_incident_from_its_opening_to_its_end(incidents: Incidents) -> None:
    severities = []
    for after in (*range(QUARTER, 4 * HOUR, 3 * QUARTER), *range(6 * HOUR, 40 * HOUR, 4 * HOUR)):
        incidents.tick(within_a_day(NOW + after), good_from=NOW + 3 * HOUR)
        assert all(attempts[-1].ok for attempts in incidents.deliver())
        severities += list(incidents.pagerduty.open.values())
    [alert] = {n["deduplication_key"] for n in incidents.monitor.notifications()}
    assert incidents.pagerduty.open == {} and incidents.pagerduty.resolved == [alert]
    assert severities[0] == "warning" and severities[-1] == "critical"
    first = incidents.pagerduty.messages[0]["payload"]
    assert first["source"] == "123456789012/eu-west-1" and first["class"] == "bounce"
    assert {event.get("dedup_key") for event in incidents.pagerduty.messages} == {alert}


def test_teams_gets_every_notification_once_in_one_thread(incidents: Incidents) -> None:
    for after in range(QUARTER, 4 * HOUR, 3 * QUARTER):
        incidents.tick(within_a_day(NOW + after))
    in_teams = incidents.teams()
    sent = incidents.monitor.notifications()
    assert [n["metadata"]["additionalContext"]["number"] for n in in_teams] == [str(n["number"]) for n in sent]
    assert len(sent) >= 2 and len({n["metadata"]["threadId"] for n in in_teams}) == 1
    stack = incidents.local.client("cloudformation").list_stack_resources(StackName="SesReputation-incidents")
    kinds = {resource["ResourceType"] for resource in stack["StackResourceSummaries"]}
    assert "AWS::Chatbot::MicrosoftTeamsChannelConfiguration" in kinds
    assert "AWS::Chatbot::SlackChannelConfiguration" not in kinds


def test_what_pagerduty_cannot_take_now_is_tried_again(incidents: Incidents) -> None:
    incidents.tick(within_a_day(NOW + HOUR))
    incidents.pagerduty.planted = [Answer(503, "unavailable"), Answer(429, "too many")]
    [attempts] = incidents.deliver()
    assert [attempt.ok for attempt in attempts] == [False, False, True]
    assert len(incidents.pagerduty.open) == 1 and incidents.undelivered() == []


def test_a_wrong_key_ends_in_the_queue_is_never_shown_and_a_new_one_is_taken_at_once(incidents: Incidents) -> None:
    wrong = KEY[::-1]
    incidents.store_key(wrong)
    incidents.tick(within_a_day(NOW + HOUR))
    [attempts] = incidents.deliver()
    assert [attempt.payload["errorType"] for attempt in attempts] == ["Refused"] * 3
    assert "check that the stored text is the integration key" in attempts[0].payload["errorMessage"]
    [kept] = incidents.undelivered()
    assert "bounce-" in kept
    assert not any(wrong in attempt.log + str(attempt.payload) + kept for attempt in attempts)
    incidents.store_key(KEY)
    incidents.monitor.function.invoke({"test_alert": True})
    assert [[attempt.ok for attempt in attempts] for attempts in incidents.deliver()] == [[True]]
    assert list(incidents.pagerduty.open.values()) == ["info"]


def test_an_alarm_of_the_watchdog_is_an_incident_until_it_is_over(incidents: Incidents) -> None:
    alarm = {"AlarmName": "SesReputation-incidents-failing", "AWSAccountId": "123456789012", "Region": "EU (Ireland)"}
    publish = incidents.local.client("sns").publish
    for state, open_now in (("ALARM", 1), ("OK", 0)):
        publish(TopicArn=incidents.forwarder.topic, Subject=state, Message=json.dumps(alarm | {"NewStateValue": state}))
        [[attempt]] = incidents.deliver()
        assert attempt.ok and len(incidents.pagerduty.open) == open_now
    assert len(incidents.pagerduty.resolved) == 1
