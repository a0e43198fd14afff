"""A second installation in the same account, watching two regions, beside the first; and what stays when it goes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local_aws import stack
from local_aws.dashboard import Reader
from local_aws.server import LocalAws
from tests.e2e.conftest import HOUR, NOW, QUARTER, Deployment, points, within_a_day

TWO = """
[alerts]
emails = ["oncall@mail.test"]
[targets]
regions = ["eu-west-1", "us-east-2"]
[deployment]
stage = "two"
customer_managed_key = true
tags = { team = "email" }
"""


THREE = """
[alerts]
emails = ["oncall@mail.test"]
[deployment]
stage = "three"
log_retention_days = 30
"""


def names(local: LocalAws, stage: str) -> set[str]:
    """Resources of an installation, by the names that a person finds them under."""
    cloudwatch, logs, iam = local.client("cloudwatch"), local.client("logs"), local.client("iam")
    found = {
        "alarm": [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]],
        "dashboard": [board["DashboardName"] for board in cloudwatch.list_dashboards()["DashboardEntries"]],
        "function": [f["FunctionName"] for f in local.client("lambda").list_functions()["Functions"]],
        "log": [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]],
        "queue": local.client("sqs").list_queues().get("QueueUrls", []),
        "role": [role["RoleName"] for role in iam.list_roles()["Roles"]],
        "schedule": [schedule["Name"] for schedule in local.client("scheduler").list_schedules()["Schedules"]],
        "table": local.client("dynamodb").list_tables()["TableNames"],
        "topic": [topic["TopicArn"] for topic in local.client("sns").list_topics()["Topics"]],
    }
    return {
        f"{kind} {name}" for kind, all_names in found.items() for name in all_names if f"SesReputation-{stage}" in name
    }


@pytest.fixture(scope="module")
def two(local: LocalAws, deployed: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    settings = tmp_path_factory.mktemp("settings") / "two.toml"
    settings.write_text(TWO)
    monitor = Deployment.of(local, stack.deploy(local, settings))
    yield monitor
    monitor.function.close()
    stack.destroy(local, settings)
    names = [s["StackName"] for s in local.client("cloudformation").list_stacks()["StackSummaries"]]
    assert names.count("SesReputation") == 1  # the first installation is still there


def test_each_region_is_read_and_evaluated_on_its_own(two: Deployment) -> None:
    two.forget()
    local = two.local
    local.ses("us-east-2").points = points(NOW)
    local.ses("eu-west-1").points = points(NOW)
    assert set(two.tick(NOW).payload.values()) == {"OK"}
    local.faults.plant("ses", "GetSendStatistics", region="eu-west-1", status=403, code="AccessDenied")
    tick = NOW + 4 * QUARTER
    local.ses("us-east-2").points = points(tick, bad_from=NOW)
    payload = two.tick(tick).payload
    assert payload == {"123456789012/eu-west-1": "UNKNOWN", "123456789012/us-east-2": "WARNING"}
    assert [(a["region"], a["check"]) for a in two.notifications()] == [
        ("us-east-2", "bounce"),
        ("eu-west-1", "unreadable"),
    ]
    [email] = local.sent(two.outputs["PeopleTopicArn"])
    assert email.subject == "WARNING [two]: SES bounce rate is high in us-east-2 (+1 more)"
    local.faults.clear()


def test_its_dashboard_shows_every_region_and_opens_with_the_first(
    two: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in two.local.environment().items():
        monkeypatch.setenv(name, value)
    two.forget()
    two.local.ses("us-east-2").points = two.local.ses("eu-west-1").points = points(NOW)
    assert two.tick(NOW).ok
    widgets = {w.title: w for w in Reader(boto3.Session(), int(time.time())).widgets("SesReputation-two-eu-west-1")}
    assert not any(widget.trouble for widget in widgets.values())
    assert all(line.values for line in widgets["Verdict, headroom and rates in eu-west-1"].lines)
    assert all(line.values for line in widgets["Headroom of every region"].lines)
    [quota] = widgets["Part of the daily quota used in eu-west-1, %"].lines
    assert quota.values[-1] == 4


def test_every_metric_that_its_dashboard_names_is_published_and_the_other_way_round(two: Deployment) -> None:
    two.forget_metrics()
    tick = NOW + QUARTER
    two.local.ses("us-east-2").points = two.local.ses("eu-west-1").points = points(tick)
    assert two.tick(tick).ok
    cloudwatch = two.local.client("cloudwatch")
    body = cloudwatch.get_dashboard(DashboardName="SesReputation-two-eu-west-1")["DashboardBody"]
    rows = [
        row
        for region in ("eu-west-1", "us-east-2")  # each can be chosen
        for widget in json.loads(body.replace("CHOSEN-REGION", region))["widgets"]
        for row in widget["properties"].get("metrics", [])
    ]
    listed = cloudwatch.get_paginator("list_metrics").paginate(Namespace="SesReputation/two")
    published = {
        (metric["MetricName"], *(part for pair in metric["Dimensions"] for part in (pair["Name"], pair["Value"])))
        for page in listed
        for metric in page["Metrics"]
    }
    assert {(row[1], *row[2:6]) for row in rows if row[0] == "SesReputation/two"} == published


def test_alarms_may_use_the_key_of_its_topic(two: Deployment) -> None:
    topic = two.local.client("sns").get_topic_attributes(TopicArn=two.outputs["PeopleTopicArn"])["Attributes"]
    keys = two.local.client("kms")
    policy = json.loads(keys.get_key_policy(KeyId=topic["KmsMasterKeyId"], PolicyName="default")["Policy"])
    [alarms] = [s for s in policy["Statement"] if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]
    assert alarms["Effect"] == "Allow" and alarms["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_its_tags_are_on_the_stack(two: Deployment) -> None:
    [stack] = two.local.client("cloudformation").describe_stacks(StackName="SesReputation-two")["Stacks"]
    assert {"Key": "team", "Value": "email"} in stack["Tags"]


def test_each_region_is_asked_once_in_a_run(two: Deployment) -> None:
    tick = within_a_day(NOW + 6 * QUARTER)
    for region in ("us-east-2", "eu-west-1"):
        two.local.ses(region).points = points(tick)
    two.tick(tick - QUARTER)
    two.local.faults.calls.clear()
    two.tick(tick)
    calls = two.local.faults.calls
    orders = 1  # of the team, read once for all regions
    assert calls.count(("ses", "GetSendStatistics")) == calls.count(("dynamodb", "PutItem")) == 2
    assert calls.count(("dynamodb", "GetItem")) == 2 + orders


def test_a_region_that_hangs_holds_up_no_other_and_the_run_ends_in_time(two: Deployment) -> None:
    local, tick = two.local, NOW + 8 * QUARTER
    two.forget()
    for region in ("eu-west-1", "us-east-2"):
        local.ses(region).points = points(tick)
    two.tick(tick)
    local.faults.plant("ses", "GetSendStatistics", region="eu-west-1", hang=5.5)
    local.ses("us-east-2").points = points(tick + HOUR, bad_from=tick)
    result = two.tick(tick + HOUR)
    assert result.payload == {"123456789012/eu-west-1": "UNKNOWN", "123456789012/us-east-2": "WARNING"}
    assert "GetSendStatistics: ReadTimeoutError" in result.log
    assert [(a["region"], a["check"]) for a in two.notifications()] == [("us-east-2", "bounce")]
    local.faults.clear()


def test_two_installations_share_nothing(two: Deployment, deployed: Deployment) -> None:
    for name in ("FunctionName", "StateTableName", "PeopleTopicArn", "ScheduleName", "DashboardUrl"):
        assert two.outputs[name] != deployed.outputs[name]


def test_new_settings_keep_the_table_and_it_outlives_the_installation(
    local: LocalAws, deployed: Deployment, tmp_path: Path
) -> None:
    settings = tmp_path / "three.toml"
    settings.write_text(THREE)
    three = Deployment.of(local, outputs := stack.deploy(local, settings))
    local.ses().points = points(NOW + HOUR, bad_from=NOW)
    assert three.tick(NOW + HOUR).ok and three.sent() == [("bounce", "opened")]
    three.function.close()

    settings.write_text(THREE.replace("log_retention_days = 30", "log_retention_days = 60\n[bounce]\nwarning = 0.025"))
    assert stack.deploy(local, settings) == outputs
    after = Deployment.of(local, outputs)
    assert "warning = 0.025" in (after.function.root / "settings.toml").read_text()
    [log] = local.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/SesReputation-three")["logGroups"]
    assert log["retentionInDays"] == 60 and log["storedBytes"] > 0
    local.ses().points = points(NOW + HOUR + QUARTER, bad_from=NOW)
    assert after.tick(NOW + HOUR + QUARTER).ok
    assert after.sent().count(("bounce", "opened")) == 1
    after.function.close()

    assert len(there := names(local, "three")) > 10
    stack.destroy(local, settings)
    assert names(local, "three") == {f"table {outputs['StateTableName']}"} < there
