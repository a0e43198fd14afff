"""History in, alert out: the deployed zip, under Lambda's own runtime client, with the deployed role's permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ses_reputation.core.metrics import GAUGES

from local_aws.suppression import Suppression
from tests.e2e.conftest import HOUR, NOW, QUARTER, Deployment, points, within_a_day


def test_a_healthy_sender_gets_metrics_and_no_alert(monitor: Deployment) -> None:
    result = monitor.tick(NOW)
    assert result.payload == {"123456789012/eu-west-1": "OK"}
    assert monitor.notifications() == []
    assert {name: len(monitor.metric(name, NOW)) for name in GAUGES} == dict.fromkeys(GAUGES, 1)
    assert monitor.metric("BounceRate", NOW) == [pytest.approx(3 / 400)]
    assert monitor.metric("Verdict", NOW) == [0]


def test_the_first_run_fills_in_the_metrics_of_the_days_before(monitor: Deployment) -> None:
    monitor.tick(NOW)
    assert monitor.metric("EstimatedAwsBounceRate", NOW - 10 * 86_400) == [pytest.approx(3 / 400)]


QUIET = sorted(
    [
        ("cloudwatch", "GetMetricData"),
        ("cloudwatch", "PutMetricData"),
        ("dynamodb", "GetItem"),  # the orders of the team
        ("dynamodb", "GetItem"),  # the state
        ("dynamodb", "PutItem"),
        ("ses", "GetAccount"),
        ("ses", "GetSendStatistics"),
    ]
)
"""All that is asked in a run that has nothing to say."""


def asked_at(monitor: Deployment, at: int) -> list[tuple[str, str]]:
    """Calls of the function at one tick at which nothing new is to be sent."""
    monitor.local.ses().points = points(at)
    monitor.local.faults.calls.clear()
    monitor.tick(at)
    return sorted(call for call in monitor.local.faults.calls if call[0] in ("ses", "dynamodb", "cloudwatch", "sns"))


def test_a_quiet_run_asks_for_each_thing_once(monitor: Deployment) -> None:
    monitor.tick(NOW)
    assert asked_at(monitor, within_a_day(NOW + QUARTER)) == QUIET


def test_a_cold_run_asks_no_more_than_a_warm_one(monitor: Deployment) -> None:
    monitor.tick(NOW)
    monitor.function.stop()
    assert asked_at(monitor, within_a_day(NOW + QUARTER)) == QUIET


def test_the_run_after_an_outage_asks_no_more_than_any_other(monitor: Deployment) -> None:
    monitor.tick(NOW)
    assert asked_at(monitor, within_a_day(NOW + 5 * HOUR)) == QUIET


def test_the_same_event_once_more_writes_nothing(monitor: Deployment) -> None:
    tick = within_a_day(NOW)
    monitor.tick(tick)
    again = asked_at(monitor, tick)
    assert again == [call for call in QUIET if not call[1].startswith("Put")]


def test_a_bad_list_opens_escalates_and_resolves_once_each(monitor: Deployment) -> None:
    monitor.tick(NOW)
    end_of_list = NOW + 8 * HOUR
    for tick in [
        *range(NOW + QUARTER, NOW + 3 * HOUR, QUARTER),
        *range(NOW + 3 * HOUR, NOW + 71 * HOUR, 5 * HOUR),
    ]:
        monitor.local.ses().points = points(tick, bad_from=NOW, good_from=end_of_list)
        assert monitor.tick(tick).ok
    sent = [(a["kind"], a["reason"], a["severity"], a["number"]) for a in monitor.notifications()]
    assert sent[:2] == [("firing", "opened", "warning", 1), ("firing", "escalated", "critical", 2)]
    assert sent[-1] == ("resolved", "resolved", "critical", len(sent))
    assert {reason for _, reason, _, _ in sent[2:-1]} <= {"reminder"}
    assert len({a["alert"] for a in monitor.notifications()}) == 1


def test_people_read_words_and_programs_read_json(monitor: Deployment) -> None:
    local = monitor.local
    queue = local.client("sqs").create_queue(QueueName="subscriber")["QueueUrl"]
    local.client("sns").subscribe(
        TopicArn=monitor.outputs["PeopleTopicArn"],
        Protocol="sqs",
        Endpoint="arn:aws:sqs:eu-west-1:123456789012:subscriber",
        Attributes={"RawMessageDelivery": "true"},
    )
    monitor.tick(NOW)
    local.ses().points = points(NOW + HOUR, bad_from=NOW)
    monitor.tick(NOW + HOUR)
    [message] = local.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    [notification] = json.loads(message["Body"])["notifications"]
    assert notification["metric"] == "bounce" and notification["numbers"]["emails"] > 0
    [email] = local.sent(monitor.outputs["PeopleTopicArn"])
    assert email.subject.isascii() and len(email.subject) < 100 and "bounce" in email.subject
    text = email.body("email")
    assert f"{notification['numbers']['events']:,} of the last {notification['numbers']['emails']:,} emails" in text
    assert json.loads(email.attributes["check"]["Value"]) == ["bounce"]


def test_the_same_event_delivered_twice_and_a_late_one_say_nothing_new(monitor: Deployment) -> None:
    monitor.tick(NOW)
    monitor.local.ses().points = points(NOW + HOUR, bad_from=NOW)
    for tick in (NOW + HOUR, NOW + HOUR, NOW + QUARTER):
        assert monitor.tick(tick).ok
    assert monitor.sent() == [("bounce", "opened")]


def test_a_function_that_is_killed_loses_no_alert(monitor: Deployment) -> None:
    monitor.tick(NOW)
    monitor.local.ses().points = points(NOW + HOUR, bad_from=NOW)
    monitor.function.kill()
    assert monitor.tick(NOW + HOUR).ok
    assert monitor.sent() == [("bounce", "opened")]


@contextmanager
def without(monitor: Deployment, action: str) -> Iterator[None]:
    """The deployed role with one permission taken away."""
    role = monitor.function.configuration["Role"].rsplit("/", 1)[1]
    denied = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
    iam = monitor.local.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName="without", PolicyDocument=json.dumps(denied))
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="without")
        monitor.function.stop()  # it still knows what it could not note


def test_without_the_right_to_read_statistics_the_target_is_unknown_at_once(
    monitor: Deployment,
) -> None:
    monitor.tick(NOW)
    with without(monitor, "ses:GetSendStatistics"):
        assert monitor.tick(NOW + QUARTER).payload == {"123456789012/eu-west-1": "UNKNOWN"}
    assert monitor.sent() == [("unreadable", "opened")]
    assert monitor.metric("Verdict", NOW + QUARTER) == [-2]
    for tick in range(NOW + 2 * QUARTER, NOW + 8 * QUARTER, QUARTER):
        monitor.local.ses().points = points(tick)
        monitor.tick(tick)
    assert monitor.sent() == [("unreadable", "opened"), ("unreadable", "resolved")]


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("cloudwatch:PutMetricData", "the metrics could not be published"),
        ("dynamodb:GetItem", "the state could not be read"),
        ("dynamodb:PutItem", "the state could not be written"),
        ("sns:Publish", "a notification could not be sent"),
    ],
)
def test_without_another_right_the_run_fails_and_the_alert_still_comes(
    monitor: Deployment, action: str, error: str
) -> None:
    monitor.tick(NOW)
    start = NOW + QUARTER
    with without(monitor, action):
        failed = []
        for tick in range(start, start + 6 * QUARTER, QUARTER):
            monitor.local.ses().points = points(tick, bad_from=NOW)
            [first, *_] = monitor.schedule.fire(tick)
            failed.append(first)
    assert any(error in str(result.payload) for result in failed)
    assert all(result.payload["errorType"] == "RunFailed" for result in failed if not result.ok)
    if action == "sns:Publish":
        monitor.tick(start + 6 * QUARTER)
    assert ("bounce", "opened") in monitor.sent()


def test_an_event_that_fails_for_good_is_kept(monitor: Deployment) -> None:
    attempts = monitor.schedule.fire(NOW + 400 * 86_400)
    assert [attempt.payload["errorType"] for attempt in attempts] == ["BadEvent"] * 3
    queues = monitor.local.client("sqs")
    [queue] = queues.list_queues(QueueNamePrefix="SesReputation-FailedRuns")["QueueUrls"]
    [message] = queues.receive_message(QueueUrl=queue)["Messages"]
    assert "in the future" in message["Body"]


@pytest.mark.parametrize(
    "event",
    [{}, [], "now", 7, None, {"now": 5}, {"now": "yesterday"}, {"now": "2025-02-04T10:30:00"}],
    ids=repr,
)
def test_an_event_that_is_no_tick_gets_a_clear_error_and_has_no_effect(monitor: Deployment, event: object) -> None:
    monitor.local.faults.calls.clear()
    result = monitor.function.invoke(event)
    assert not result.ok and result.payload["errorType"] == "BadEvent"
    assert "nothing was done" in result.payload["errorMessage"]
    assert [call for call in monitor.local.faults.calls if call[0]] == []


def test_one_throttled_answer_is_asked_again_without_an_alert(monitor: Deployment) -> None:
    monitor.local.faults.plant("ses", "GetSendStatistics", status=400, code="Throttling", times=1)
    assert monitor.tick(NOW).payload == {"123456789012/eu-west-1": "OK"}


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        ({"status": 400, "code": "Throttling"}, "throttled"),
        ({"body": b"<html><body>We are sorry</body></html>"}, "bad answer"),
        ({"body": b"<GetSendStatisticsResponse><GetSendStat"}, "bad answer"),
        ({"status": 503, "code": "ServiceUnavailable"}, "failed"),
        ({"status": 403, "code": "ExpiredToken"}, "access denied"),
    ],
    ids=["throttled", "a web page", "cut off", "unavailable", "expired credentials"],
)
def test_an_unreadable_target_is_an_alert_with_the_reason_and_never_healthy(
    monitor: Deployment, fault: dict[str, object], trouble: str
) -> None:
    monitor.tick(NOW)
    monitor.local.faults.plant("ses", "GetSendStatistics", **fault)
    for tick in (NOW + QUARTER, NOW + 2 * QUARTER, NOW + 3 * QUARTER):
        assert monitor.tick(tick).payload == {"123456789012/eu-west-1": "UNKNOWN"}
    [notification] = monitor.notifications()
    assert notification["check"] == "unreadable" and trouble in notification["summary"][0]


def test_an_empty_answer_beside_a_used_quota_is_unknown_and_resolves_nothing(monitor: Deployment) -> None:
    monitor.tick(NOW)
    critical = NOW + 8 * HOUR
    monitor.local.ses().points = points(critical, bad_from=NOW)
    assert monitor.tick(critical).payload == {"123456789012/eu-west-1": "CRITICAL"}
    monitor.local.ses().points = []
    first, *later = (
        critical + QUARTER,
        critical + 2 * QUARTER,
        *range(critical + 6 * HOUR, critical + 42 * HOUR, 6 * HOUR),
    )
    assert monitor.tick(first).payload == {"123456789012/eu-west-1": "UNKNOWN"}
    assert ("unreadable", "opened") not in monitor.sent()
    for tick in later:
        assert monitor.tick(tick).payload == {"123456789012/eu-west-1": "UNKNOWN"}
    sent = monitor.sent()
    assert sent.count(("bounce", "opened")) == sent.count(("unreadable", "opened")) == 1
    assert "resolved" not in {reason for _, reason in sent}
    [unreadable] = [a for a in monitor.notifications() if a["check"] == "unreadable" and a["reason"] == "opened"]
    assert "cannot be true" in unreadable["summary"][0] and unreadable["status"] == "UNKNOWN"


def test_the_message_names_who_causes_it(monitor: Deployment) -> None:
    monitor.tick(NOW)
    ses, tick = monitor.local.ses(), NOW + HOUR
    ses.points, ses.suppression = points(tick, bad_from=NOW), Suppression(gap=0)
    for number in range(240):
        ses.suppression.event(f"user{number}@acme.example", NOW + 14 * number, f"{number}")
    monitor.tick(tick)
    [notification] = monitor.notifications()
    assert "acme.example" in notification["cause"]
    [email] = monitor.local.sent(monitor.outputs["PeopleTopicArn"])
    text = email.body("email")
    assert "acme.example" in text and "@" not in notification["cause"]


def test_what_is_watched_goes_into_the_log_with_what_could_not_be_read(monitor: Deployment) -> None:
    monitor.local.faults.plant("ses", "GetSendStatistics", status=403, code="AccessDenied")
    lines = [json.loads(line) for line in monitor.tick(NOW).log.splitlines() if line.startswith("{")]
    [watched] = [line for line in lines if line.get("message") == "watched"]
    assert watched["target"] == "123456789012/eu-west-1" and watched["verdict"] == "UNKNOWN"
    assert watched["unreadable"] == "GetSendStatistics: AccessDenied"
    assert len(watched["sent"]) == 1 and watched["sent"][0].startswith("UNKNOWN: SES statistics of eu-west-1")


def test_every_metric_that_the_dashboard_names_is_published_by_the_function_and_the_other_way_round(
    monitor: Deployment,
) -> None:
    monitor.tick(NOW)
    monitor.forget_metrics()
    monitor.local.ses().points = points(NOW + QUARTER)
    assert monitor.tick(NOW + QUARTER).ok
    cloudwatch = monitor.local.client("cloudwatch")
    body = json.loads(cloudwatch.get_dashboard(DashboardName="SesReputation-eu-west-1")["DashboardBody"])
    rows = [row for widget in body["widgets"] for row in widget["properties"].get("metrics", [])]
    named = {(row[1], *row[2:6]) for row in rows if row[0] == "SesReputation"}
    listed = cloudwatch.get_paginator("list_metrics").paginate(Namespace="SesReputation")
    published = {
        (metric["MetricName"], *(part for pair in metric["Dimensions"] for part in (pair["Name"], pair["Value"])))
        for page in listed
        for metric in page["Metrics"]
    }
    assert named == published


def test_no_email_address_is_in_the_log_or_an_error(monitor: Deployment) -> None:
    monitor.tick(NOW)
    monitor.local.ses().points = points(NOW + HOUR, bad_from=NOW)
    monitor.local.faults.plant("sns", "Publish", status=400, code="InvalidParameter")
    attempts = monitor.schedule.fire(NOW + HOUR)
    assert not any("@" in attempt.log or "@" in str(attempt.payload) for attempt in attempts)
