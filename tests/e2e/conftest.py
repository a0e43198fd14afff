"""The stack, deployed once into a local AWS; the tests fire the deployed function."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest
from moto.cloudwatch.models import cloudwatch_backends
from moto.logs.models import logs_backends

from local_aws import stack
from local_aws.runtime import DeployedFunction, Result
from local_aws.schedule import DeployedSchedule
from local_aws.server import ACCOUNT, LocalAws
from local_aws.subscription import DeployedSubscription

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "local_aws" / "settings.toml"

QUARTER, HOUR = 900, 3_600
NOW = int(time.time()) // HOUR * HOUR + QUARTER - 4 * 86_400
"""A tick four days ago: the function refuses times in the future, and some tests play nearly as long. A quarter past an hour:
the ticks of full hours also read findings, slowly."""


def points(
    until: int, *, bad_from: int | None = None, good_from: int | None = None, days: int = 14
) -> list[dict[str, Any]]:
    """400 emails every quarter of an hour, 3 of them bouncing; 60 from `bad_from` to `good_from`."""
    answer: list[dict[str, Any]] = []
    for at in range(until - days * 86_400, until, QUARTER):
        bad = bad_from is not None and at >= bad_from and (good_from is None or at < good_from)
        answer.append(
            {
                "Timestamp": datetime.fromtimestamp(at, UTC),
                "DeliveryAttempts": 400,
                "Bounces": 60 if bad else 3,
                "Rejects": 0,
            }
        )
    return answer[::2] + answer[1::2]


def within_a_day(at: int) -> int:
    """`at`, or the tick after it if that is an hour's first, which also reads findings, and a day's first the subscriptions."""
    return at if at % HOUR else at + QUARTER


@dataclass
class Deployment:
    """A deployed stack and the way to play time through it."""

    local: LocalAws
    outputs: dict[str, str]
    function: DeployedFunction
    schedule: DeployedSchedule

    @classmethod
    def of(cls, local: LocalAws, outputs: dict[str, str]) -> Self:
        """Find a deployed stack's function and schedule by its outputs."""
        function = DeployedFunction(local, outputs["FunctionName"])
        return cls(local, outputs, function, DeployedSchedule(local, outputs["ScheduleName"], function))

    def tick(self, at: int) -> Result:
        """Fires the schedule; the last attempt."""
        return self.schedule.fire(at)[-1]

    def notifications(self) -> list[dict[str, Any]]:
        """Everything sent to programs so far, oldest first."""
        sent = self.local.sent(self.outputs["PeopleTopicArn"])
        return [a for message in sent for a in json.loads(message.body("sqs"))["notifications"]]

    def sent(self) -> list[tuple[str, str]]:
        """(check, reason) of every notification so far."""
        return [(a["check"], a["reason"]) for a in self.notifications()]

    def metric(self, name: str, at: int, region: str = "") -> list[float]:
        """Values of one metric of a target as CloudWatch answers them for the tick `at`."""
        target = [
            {"Name": "Account", "Value": ACCOUNT},
            {"Name": "Region", "Value": region or self.local.region},
        ]
        query = {"Namespace": "SesReputation", "MetricName": name, "Dimensions": target}
        [result] = self.local.client("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": query, "Period": QUARTER, "Stat": "Maximum"}}],
            StartTime=datetime.fromtimestamp(at, UTC),
            EndTime=datetime.fromtimestamp(at + QUARTER, UTC),
        )["MetricDataResults"]
        values: list[float] = result["Values"]
        return values

    def forget_metrics(self) -> None:
        """Empties CloudWatch: two weeks of values take it long to list."""
        cloudwatch_backends[ACCOUNT][self.local.region].metric_data.clear()

    def forget(self) -> None:
        """Makes the deployment new: nothing stored, sent, measured, logged or planted."""
        self.local.faults.clear()
        table = self.outputs["StateTableName"]
        database = self.local.client("dynamodb")
        for item in database.scan(TableName=table)["Items"]:
            database.delete_item(TableName=table, Key={"pk": item["pk"]})
        self.forget_metrics()
        for group in logs_backends[ACCOUNT][self.local.region].groups.values():
            group.streams.clear()
        queues = self.local.client("sqs")
        for queue in queues.list_queues().get("QueueUrls", []):
            while messages := queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
                for message in messages:
                    queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        self.local.sent_forget(self.outputs["PeopleTopicArn"])


@dataclass(kw_only=True)
class Forwarding:
    """An installation with a forwarder, to which this hands the messages of the people's topic as SNS would."""

    monitor: Deployment
    forwarder: DeployedSubscription
    undelivered_queue: str  # beginning of its name
    delivered: int = 0  # messages of the people's topic that SNS has handed to the forwarder

    @property
    def local(self) -> LocalAws:
        return self.monitor.local

    def deliver(self) -> list[list[Result]]:
        """Hand what is new on the people's topic to the forwarder; every attempt for every message."""
        new = self.local.sent(self.forwarder.topic)[self.delivered :]
        self.delivered += len(new)
        return [self.forwarder.deliver(sent) for sent in new]

    def undelivered(self) -> list[str]:
        """Events in the queue of what the service did not take."""
        queues = self.local.client("sqs")
        [queue] = queues.list_queues(QueueNamePrefix=self.undelivered_queue)["QueueUrls"]
        messages = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in messages]


@pytest.fixture(scope="module")
def deployed(local: LocalAws) -> Iterator[Deployment]:
    monitor = Deployment.of(local, stack.deploy(local, SETTINGS))
    yield monitor
    monitor.function.close()


@pytest.fixture
def monitor(deployed: Deployment) -> Deployment:
    """The deployment with a clean slate and a healthy sender."""
    deployed.forget()
    deployed.local.ses().points = points(NOW)
    return deployed
