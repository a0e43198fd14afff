"""Fires the deployed schedule: its own input with the scheduled time filled in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from . import asynchronous, iam
from .runtime import DeployedFunction, Result
from .server import LocalAws

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"


class NotInvoked(Exception):
    """The schedule's role may not invoke the function."""


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
        """Fire one tick; return every attempt of the function. Raise `NotInvoked` if the schedule's role may not invoke it."""
        if not iam.allowed(self.target["RoleArn"], "lambda:InvokeFunction", self.target["Arn"]):
            dead_letters = self.target["DeadLetterConfig"]["Arn"]
            asynchronous.send(self.local, self.target["RoleArn"], dead_letters, self.event(at))
            raise NotInvoked(self.target["RoleArn"])
        return asynchronous.invoke(self.local, self.function, self.event(at))
