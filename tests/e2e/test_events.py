"""An installation on Amazon EventBridge: notifications go out as events, and what AWS reports runs it at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local_aws import stack
from local_aws.event_rules import DeployedRules
from local_aws.server import ACCOUNT, LocalAws
from tests.e2e.conftest import HOUR, NOW, QUARTER, Deployment, points, within_a_day

SETTINGS = """
[alerts]
emails = ["oncall@mail.test"]
[events]
bus = "default"
run_at_once = true
[cause]
look = "off"
[deployment]
stage = "events"
fixed_names = false
"""
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "notification.schema.json").read_text(encoding="utf-8"))
DETAIL = Draft202012Validator({**SCHEMA["$defs"]["notification"], "$defs": SCHEMA["$defs"]})


@dataclass
class OnTheBus:
    """The installation, the rules that run it, and a queue that a rule of somebody's fills with its events."""

    monitor: Deployment
    rules: DeployedRules
    queue: str

    def received(self) -> list[dict[str, Any]]:
        """The events since the last time, each of the documented shape."""
        sqs = self.monitor.local.client("sqs")
        events = []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                events.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        for event in events:
            DETAIL.validate(event["detail"])
        return events


def of_ses(at: int, detail_type: str, **detail: Any) -> dict[str, Any]:
    """An event of SES, as docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html shows them."""
    return {
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": detail_type,
        "source": "aws.ses",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "eu-west-1",
        "resources": [],
        "detail": {"version": "1.0.0", "data": detail},
    }


def of_health(at: int, service: str) -> dict[str, Any]:
    """An event of AWS Health, as docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html has it."""
    detail = {"service": service, "eventTypeCategory": "accountNotification", "statusCode": "closed"}
    return {**of_ses(at, "AWS Health Event"), "source": "aws.health", "detail": detail}


@pytest.fixture(scope="module")
def installed(local: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnTheBus]:
    settings = tmp_path_factory.mktemp("settings") / "events.toml"
    settings.write_text(SETTINGS)
    monitor = Deployment.of(local, stack.deploy(local, settings))
    queue = local.client("sqs").create_queue(QueueName="automation")["QueueUrl"]
    events = local.client("events")
    events.put_rule(Name="automation", EventPattern='{"source": ["ses-reputation-monitor"]}')
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{local.region}:{ACCOUNT}:automation"}
    events.put_targets(Rule="automation", Targets=[target])
    yield OnTheBus(monitor, DeployedRules(local, monitor.function), queue)
    monitor.function.close()
    stack.destroy(local, settings)


@pytest.fixture
def bus(installed: OnTheBus) -> OnTheBus:
    """The installation with a clean slate and a healthy sender."""
    installed.monitor.forget()
    installed.monitor.function.stop()
    installed.monitor.local.ses().points = points(NOW)
    assert installed.monitor.tick(NOW).ok
    assert installed.received() == []
    return installed


def test_every_notification_is_one_event_with_the_same_document(bus: OnTheBus) -> None:
    monitor = bus.monitor
    for after in range(QUARTER, 4 * HOUR, QUARTER):
        monitor.local.ses().points = points(NOW + after, bad_from=NOW)
        assert monitor.tick(NOW + after).ok
    events, sent = bus.received(), monitor.notifications()
    assert [event["detail"] for event in events] == sent and len(sent) >= 2
    assert {event["detail-type"] for event in events} == {"SES Reputation Alert Firing"}
    assert {event["source"] for event in events} == {"ses-reputation-monitor"}
    assert datetime.fromisoformat(events[0]["time"]) == datetime.fromisoformat(sent[0]["at"])


def test_nothing_has_a_fixed_name_but_what_needs_one(bus: OnTheBus) -> None:
    local, outputs = bus.monitor.local, bus.monitor.outputs
    assert outputs["DashboardUrl"].endswith("/SesReputation-events-eu-west-1")
    alarms = [alarm["AlarmName"] for alarm in local.client("cloudwatch").describe_alarms()["MetricAlarms"]]
    names = [outputs["FunctionName"], outputs["ScheduleName"], outputs["PeopleTopicArn"].rsplit(":", 1)[1], *alarms]
    fixed = {f"SesReputation-events{what}" for what in ("", "-not-running", "-failing", "-run-lost")}
    assert len(names) == 6 and fixed.isdisjoint(names)


def test_an_event_the_bus_refuses_comes_later_and_people_get_it_once(bus: OnTheBus) -> None:
    monitor, local = bus.monitor, bus.monitor.local
    local.ses().points = points(NOW + HOUR, bad_from=NOW)
    local.faults.plant("events", "PutEvents", status=403, code="AccessDeniedException")
    failed = monitor.tick(NOW + HOUR)
    local.faults.clear()
    assert not failed.ok and "could not be sent to events (AccessDeniedException)" in failed.log
    assert bus.received() == [] and monitor.sent() == [("bounce", "opened")]
    local.ses().points = points(NOW + HOUR + QUARTER, bad_from=NOW)
    assert monitor.tick(NOW + HOUR + QUARTER).ok
    assert [event["detail"]["reason"] for event in bus.received()][:1] == ["opened"]
    assert monitor.sent().count(("bounce", "opened")) == 1


def test_without_its_right_nothing_is_put(bus: OnTheBus) -> None:
    local, role = bus.monitor.local, bus.monitor.function.configuration["Role"].rsplit("/", 1)[1]
    denied = {"Effect": "Deny", "Action": "events:PutEvents", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    local.client("iam").put_role_policy(RoleName=role, PolicyName="without", PolicyDocument=document)
    try:
        answer = bus.monitor.function.invoke({"test_alert": True})
    finally:
        local.client("iam").delete_role_policy(RoleName=role, PolicyName="without")
    assert not answer.ok and bus.received() == []
    assert bus.monitor.function.invoke({"test_alert": True}).payload["sent"] == ["people", "events"]
    [event] = bus.received()
    assert event["detail"]["check"] == "test"


def test_an_account_that_aws_pauses_between_two_ticks_is_an_alert_at_once(bus: OnTheBus) -> None:
    monitor, local = bus.monitor, bus.monitor.local
    tick = within_a_day(NOW + QUARTER)
    local.ses().points = points(tick)
    assert monitor.tick(tick).ok and monitor.sent() == []
    local.ses().sending = False
    [attempt] = bus.rules.fire(of_ses(tick + 77, "Sending Status Disabled", origin="CUSTOMER_MANAGED"))
    assert attempt.ok and monitor.sent() == [("sending", "opened")]
    [repeated] = bus.rules.fire(of_ses(tick + 77, "Sending Status Disabled", origin="CUSTOMER_MANAGED"))
    assert repeated.ok and monitor.tick(tick + QUARTER).ok
    assert monitor.sent() == [("sending", "opened")]
    local.ses().sending = True


def test_an_event_is_never_believed(bus: OnTheBus) -> None:
    at = within_a_day(NOW + QUARTER) + 1
    for event in (of_ses(at, "Sending Status Disabled"), of_health(at + 1, "SES")):
        [attempt] = bus.rules.fire(event)
        assert attempt.ok and attempt.payload == {f"{ACCOUNT}/eu-west-1": "OK"}
    assert bus.monitor.sent() == []


@pytest.mark.parametrize("event", [of_health(NOW, "EC2"), of_ses(NOW, "Email Bounced"), of_ses(NOW, "Email Sent")])
def test_other_events_run_nothing(bus: OnTheBus, event: dict[str, Any]) -> None:
    assert bus.rules.fire(event) == []


def test_an_event_of_the_future_is_refused_and_no_tick_is_lost(bus: OnTheBus) -> None:
    [*attempts] = bus.rules.fire(of_ses(NOW + 400 * 86_400, "Sending Status Enabled"))
    assert not any(attempt.ok for attempt in attempts)
    tick = within_a_day(NOW + QUARTER)
    bus.monitor.local.ses().points = points(tick)
    assert bus.monitor.tick(tick).ok
