"""A test alert goes the way of a real one: the deployed function, its role, the people's topic."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from moto.sns.models import sns_backends
from ses_reputation.core.history import DAY

from cli.main import main
from local_aws.server import ACCOUNT
from tests.e2e.conftest import HOUR, NOW, QUARTER, SETTINGS, Deployment, points, within_a_day


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
        "forwards": False,
    }
    assert message.subject.startswith("TEST: ")
    assert notification["check"] == "test" and notification["title"] == message.subject
    assert "Nothing is wrong" in message.body("email")
    assert monitor.local.client("dynamodb").scan(TableName=table)["Items"] == before
    monitor.tick(NOW + QUARTER)
    assert len(monitor.local.sent(topic)) == 1


def test_a_test_alert_that_cannot_be_sent_is_a_clear_error(monitor: Deployment) -> None:
    monitor.local.faults.plant("sns", "Publish", status=403, code="AuthorizationError")
    result = monitor.function.invoke({"test_alert": True})
    assert not result.ok
    assert result.payload["errorMessage"] == "the test alert could not be sent to people (AuthorizationError)"


def test_who_has_not_confirmed_is_counted_without_a_name(monitor: Deployment) -> None:
    topic = monitor.outputs["PeopleTopicArn"]
    subscriptions = sns_backends[ACCOUNT][monitor.local.region].subscriptions.values()
    [waiting] = [s for s in subscriptions if (s.topic.arn, s.endpoint) == (topic, "oncall@mail.test")]
    arn, waiting.arn = waiting.arn, "PendingConfirmation"  # as SNS lists it until somebody clicks the link
    try:
        result = monitor.function.invoke({"test_alert": True})
    finally:
        waiting.arn = arn
    assert (result.payload["expected"], result.payload["missing"]) == (1, 1)
    assert "@" not in result.log + json.dumps(result.payload)


def test_an_address_that_was_unsubscribed_is_an_alert_at_the_daily_run_until_it_is_subscribed_again(
    monitor: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    midnight = NOW // DAY * DAY + DAY
    topic, sns = monitor.outputs["PeopleTopicArn"], monitor.local.client("sns")
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15005550006")  # somebody who is still there
    [member] = [s for s in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] if s["Protocol"] == "email"]
    sns.unsubscribe(SubscriptionArn=member["SubscriptionArn"])
    for tick in (midnight - QUARTER, midnight):
        monitor.local.ses().points = points(tick)
        assert monitor.tick(tick).ok
    assert monitor.sent() == [("subscribers", "opened")]
    assert "1 of 1 email address in the settings has no" in monitor.notifications()[0]["summary"][0]
    for name, value in monitor.local.environment().items():
        monkeypatch.setenv(name, value)
    assert main(["subscribe", "--settings", str(SETTINGS)]) == 0
    monitor.local.ses().points = points(midnight + DAY)
    assert monitor.tick(midnight + DAY).ok
    assert monitor.sent()[-1] == ("subscribers", "resolved")


@pytest.mark.parametrize("event", [{"test_alert": "true"}, {"test_alert": True, "now": "2025-02-04T10:30:00Z"}])
def test_what_is_nearly_a_test_alert_is_none(monitor: Deployment, event: object) -> None:
    monitor.function.invoke(event)
    assert monitor.notifications() == []


def test_the_page_of_evidence_shows_what_the_deployed_monitor_has_open(
    monitor: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at = within_a_day(NOW)
    monitor.local.ses().points = points(at, bad_from=at - HOUR)
    assert monitor.tick(at).ok
    [alert] = {notification["alert"] for notification in monitor.notifications()}
    monitor.local.ses().points = points(int(time.time()) // QUARTER * QUARTER)
    for name, value in monitor.local.environment().items():
        monkeypatch.setenv(name, value)
    page = tmp_path / "report.html"
    assert main(["report", "--settings", str(SETTINGS), "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert f">{alert}<" in text and "Open alerts as stored" in text and "No bounce alert in this period" in text
