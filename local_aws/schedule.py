"""Fires the deployed schedule: its own input with the scheduled time filled in, and Lambda's retries, which moto lacks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from .runtime import DeployedFunction, FunctionDied, Result
from .server import LocalAws

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"


class DeployedSchedule:
    """A deployed EventBridge schedule and the function that is its target."""

    def __init__(self, local: LocalAws, name: str, function: DeployedFunction) -> None:
        self.local = local
        self.function = function
        self.target = local.client("scheduler").get_schedule(Name=name)["Target"]
        if self.target["Arn"] != function.configuration["FunctionArn"]:
            raise ValueError(f"the schedule's target is {self.target['Arn']}, not the function")

    def event(self, at: int) -> Any:
        """The input that the schedule hands over at `at`, in seconds since the epoch."""
        time = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.loads(self.target["Input"].replace(SCHEDULED_TIME, time))

    def fire(self, at: int) -> list[Result]:
        """One tick as Lambda plays it: tried again as often as configured while it fails; an event that fails for good goes to the failure destination. Returns every attempt."""
        event = self.event(at)
        configured = self.local.client("lambda").get_function_event_invoke_config(
            FunctionName=self.function.configuration["FunctionName"]
        )
        attempts: list[Result] = []
        for _ in range(1 + configured["MaximumRetryAttempts"]):
            try:
                attempts.append(self.function.invoke(event))
            except FunctionDied as died:
                attempts.append(Result(False, {"errorType": "FunctionDied"}, str(died)))
            if attempts[-1].ok:
                return attempts
        queue_arn = configured["DestinationConfig"]["OnFailure"]["Destination"]
        queue_url = self.local.client("sqs").get_queue_url(QueueName=queue_arn.rsplit(":", 1)[1])["QueueUrl"]
        record = {"requestPayload": event, "responsePayload": attempts[-1].payload}
        self.local.client("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(record))
        return attempts
