"""Rules of EventBridge that run the monitor at once when SES or AWS Health reports a change of the account."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

PATTERNS = {
    "Ses": events.EventPattern(
        source=["aws.ses"],
        detail_type=[
            "Sending Status Enabled",
            "Sending Status Disabled",
            "Advisor Recommendation Status Open",
            "Advisor Recommendation Status Resolved",
            "Advisor Recommendation Status Closed",  # so in AWS's own examples
        ],
    ),
    "Health": events.EventPattern(source=["aws.health"], detail={"service": ["SES"]}),
}
"""Events of the stack's account and region that call for a look."""


class RunAtOnce(Construct):
    """The rules. An event says when to look and never what is found; one that comes late is useless, since ticks go on."""

    def __init__(self, scope: Construct, construct_id: str, *, function: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        tick = events.RuleTargetInput.from_object({"now": events.EventField.time, "at_once": True})
        for name, pattern in PATTERNS.items():
            target = targets.LambdaFunction(function, event=tick, max_event_age=Duration.minutes(15), retry_attempts=10)
            events.Rule(self, name, event_pattern=pattern, targets=[target])
