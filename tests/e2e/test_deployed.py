"""The deployed resources, read back through the services' own APIs."""

from __future__ import annotations

import json
from typing import Any

from ses_reputation.core.history import DAY

from infra.monitor import CALL_SECONDS
from tests.e2e.conftest import HOUR, NOW, Deployment, points


def queue(deployed: Deployment, arn: str) -> dict[str, str]:
    """The attributes of a queue."""
    queues = deployed.local.client("sqs")
    url = queues.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
    attributes: dict[str, str] = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return attributes


def denies_plain_http(policy: str) -> bool:
    statements = json.loads(policy)["Statement"]
    return any(
        s["Effect"] == "Deny" and s.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}} for s in statements
    )


def test_the_schedule_hands_its_own_time_to_the_function_and_keeps_what_it_cannot_deliver(deployed: Deployment) -> None:
    schedule = deployed.local.client("scheduler").get_schedule(Name=deployed.outputs["ScheduleName"])
    assert schedule["ScheduleExpression"] == "rate(15 minutes)" and schedule["State"] == "ENABLED"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    target = schedule["Target"]
    assert json.loads(target["Input"]) == {"now": "<aws.scheduler.scheduled-time>"}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 900, "MaximumRetryAttempts": 10}
    assert denies_plain_http(queue(deployed, target["DeadLetterConfig"]["Arn"])["Policy"])


def test_the_function_is_as_it_was_asked_for_and_an_event_that_fails_is_kept(deployed: Deployment) -> None:
    functions = deployed.local.client("lambda")
    name = deployed.outputs["FunctionName"]
    described = functions.get_function_configuration(FunctionName=name)
    assert (described["Runtime"], described["Handler"]) == ("python3.13", "ses_reputation.entry.monitor")
    assert (described["MemorySize"], described["Timeout"]) == (256, 300)
    invoked = functions.get_function_event_invoke_config(FunctionName=name)
    assert (invoked["MaximumRetryAttempts"], invoked["MaximumEventAgeInSeconds"]) == (2, 900)
    kept = queue(deployed, invoked["DestinationConfig"]["OnFailure"]["Destination"])
    assert kept["SqsManagedSseEnabled"] == "true" and kept["MessageRetentionPeriod"] == str(14 * 24 * HOUR)
    concurrency = functions.get_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in concurrency  # a new account could not deploy it


def test_the_table_has_an_item_for_each_target_and_is_paid_by_use(deployed: Deployment) -> None:
    table = deployed.local.client("dynamodb").describe_table(TableName=deployed.outputs["StateTableName"])["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]


def test_the_topic_takes_alarms_and_nothing_over_plain_http(deployed: Deployment) -> None:
    topic = deployed.outputs["PeopleTopicArn"]
    attributes = deployed.local.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert denies_plain_http(attributes["Policy"])
    [allowed] = [s for s in json.loads(attributes["Policy"])["Statement"] if s["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"} and allowed["Action"] == "sns:Publish"
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_every_alarm_rings_for_people_when_it_begins_and_ends(deployed: Deployment) -> None:
    alarms: list[dict[str, Any]] = deployed.local.client("cloudwatch").describe_alarms(
        AlarmNames=["SesReputation-not-running", "SesReputation-failing", "SesReputation-run-lost"]
    )["MetricAlarms"]
    assert len(alarms) == 3
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [deployed.outputs["PeopleTopicArn"]]
    missing = {alarm["AlarmName"].removeprefix("SesReputation-"): alarm["TreatMissingData"] for alarm in alarms}
    assert missing == {"not-running": "breaching", "failing": "notBreaching", "run-lost": "notBreaching"}


def test_the_log_is_kept_for_a_month(deployed: Deployment) -> None:
    groups = deployed.local.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/SesReputation")
    kept = {group["logGroupName"]: group["retentionInDays"] for group in groups["logGroups"]}
    assert kept["/aws/lambda/SesReputation"] == 30


def test_the_timeout_has_room_for_the_longest_run_even_if_every_call_hangs(monitor: Deployment) -> None:
    midnight = NOW // DAY * DAY  # lists the subscriptions too
    monitor.local.ses().points = points(midnight - HOUR)
    assert monitor.tick(midnight - HOUR).ok  # publishes two weeks of metrics; if that hangs, its first call is the last
    monitor.local.ses().points = points(midnight, bad_from=midnight - HOUR)
    monitor.local.faults.calls.clear()
    assert monitor.tick(midnight).ok
    services = {"cloudwatch", "dynamodb", "ses", "sesv2", "sns"}  # the others are calls of the local Lambda
    calls = [call for call in monitor.local.faults.calls if call[0] in services]
    assert ("sns", "Publish") in calls and ("sns", "ListSubscriptionsByTopic") in calls
    described = monitor.local.client("lambda").get_function_configuration(FunctionName=monitor.outputs["FunctionName"])
    looking = {"ListSuppressedDestinations", "ListRecommendations", "ListReputationEntities", "ListMetrics"}
    patient = set(calls) - {call for call in calls if call[1] in looking}  # those have a limit of their own
    assert len(patient) * CALL_SECONDS <= described["Timeout"]
