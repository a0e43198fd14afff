"""A test alert goes the way of a real one: the deployed function, its role, the people's topic."""

from __future__ import annotations

import json

import pytest
from moto.sns.models import sns_backends

from local_aws.server import ACCOUNT
from tests.e2e.conftest import NOW, QUARTER, Deployment


def test_a_test_alert_reaches_people_clearly_marked_and_changes_nothing(monitor: Deployment) -> None:
    monitor.tick(NOW)
    topic, table = monitor.outputs["PeopleTopicArn"], monitor.outputs["StateTableName"]
    before = monitor.local.client("dynamodb").scan(TableName=table)["Items"]
    result = monitor.function.invoke({"test_alert": True})
    [message] = monitor.local.sent(topic)
    [notification] = json.loads(message.body("sqs"))["notifications"]
    listeners = len(monitor.local.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"])
    assert result.ok and result.payload == {
        "sent": ["people"],
        "alert": notification["alert"],
        "expected": 1,
        "missing": 0,
        "listeners": listeners,
    }
    assert message.subject.startswith("TEST: ")
    assert notification["check"] == "test" and notification["title"] == message.subject
    assert "Nothing is wrong" in message.body("email")
    assert monitor.local.client("dynamodb").scan(TableName=table)["Items"] == before
    monitor.tick(NOW + QUARTER)
    assert len(monitor.local.sent(topic)) == 1


def test_a_test_alert_that_cannot_be_sent_is_an_error_that_says_so(monitor: Deployment) -> None:
    monitor.local.faults.plant("sns", "Publish", status=403, code="AuthorizationError")
    result = monitor.function.invoke({"test_alert": True})
    assert not result.ok
    assert result.payload["errorMessage"] == "the test alert could not be sent to people (AuthorizationError)"


def test_who_has_not_confirmed_is_counted_and_noted_without_a_name(monitor: Deployment) -> None:
    topic = monitor.outputs["PeopleTopicArn"]
    monitor.local.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="late@mail.test")
    backend = sns_backends[ACCOUNT][monitor.local.region]
    [waiting] = [
        subscription for subscription in backend.subscriptions.values() if subscription.endpoint == "late@mail.test"
    ]
    arn, waiting.arn = waiting.arn, "PendingConfirmation"  # as SNS lists it until somebody clicks the link
    try:
        result = monitor.function.invoke({"test_alert": True})
    finally:
        del backend.subscriptions[arn]
    assert result.payload["unconfirmed"] == 1
    [noted] = [line for line in map(json.loads, result.log.splitlines()) if line["message"] == "subscriptions"]
    assert noted["level"] == "WARNING" and noted["unconfirmed"] == 1
    assert "@" not in result.log


@pytest.mark.parametrize("event", [{"test_alert": "true"}, {"test_alert": True, "now": "2025-02-04T10:30:00Z"}])
def test_what_is_nearly_a_test_alert_is_none(monitor: Deployment, event: object) -> None:
    monitor.function.invoke(event)
    assert monitor.notifications() == []
