"""The rules of the default event bus, as EventBridge plays them: moto invokes no function."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.events.models import EventPattern

from . import asynchronous
from .runtime import DeployedFunction, Result
from .server import LocalAws


class DeployedRules:
    """The rules whose target is a deployed function."""

    def __init__(self, local: LocalAws, function: DeployedFunction) -> None:
        self.local = local
        self.function = function

    def fire(self, event: Mapping[str, Any]) -> list[Result]:
        """Deliver an event to the function by every rule that matches and may invoke it. Return every attempt."""
        events = self.local.client("events")
        attempts: list[Result] = []
        for rule in events.list_rules()["Rules"]:
            pattern: Any = EventPattern.load(rule["EventPattern"])
            if not pattern.matches_event(event) or not self._may_invoke(rule["Arn"]):
                continue
            for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                if target["Arn"] == self.function.configuration["FunctionArn"]:
                    transformed = _transformed(target["InputTransformer"], event)
                    attempts += asynchronous.invoke(self.local, self.function, transformed)
        return attempts

    def _may_invoke(self, rule: str) -> bool:
        """Say if the function's policy lets EventBridge invoke it for a rule."""
        name = self.function.configuration["FunctionName"]
        policy = json.loads(self.local.client("lambda").get_policy(FunctionName=name)["Policy"])
        return any(
            statement["Principal"] == {"Service": "events.amazonaws.com"}
            and statement["Condition"] == {"ArnLike": {"AWS:SourceArn": rule}}
            for statement in policy["Statement"]
        )


def _transformed(transformer: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """Input that a transformer makes of an event: each variable becomes the JSON of a top-level field."""
    values = {name: event[path.removeprefix("$.")] for name, path in transformer["InputPathsMap"].items()}
    return json.loads(re.sub(r"<(\w+)>", lambda name: json.dumps(values[name[1]]), transformer["InputTemplate"]))
