"""A deployed function's subscription to a topic: what was published arrives as SNS delivers it to Lambda."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from . import asynchronous
from .runtime import DeployedFunction, Result
from .server import LocalAws, Sent


class DeployedSubscription:
    """The subscription of a function to `topic`, both deployed."""

    def __init__(self, local: LocalAws, topic: str, function: DeployedFunction) -> None:
        self.local = local
        self.topic = topic
        self.function = function
        listed = local.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        [self.arn] = [
            subscription["SubscriptionArn"]
            for subscription in listed
            if subscription["Endpoint"] == function.configuration["FunctionArn"]
        ]

    def deliver(self, sent: Sent, message_id: str = "") -> list[Result]:
        """Deliver a message, again under the same `message_id` if one is given. Return every attempt of the function."""
        return asynchronous.invoke(self.local, self.function, self.event(sent, message_id or str(uuid.uuid4())))

    def event(self, sent: Sent, message_id: str) -> dict[str, Any]:
        """The event that Lambda hands to the function (docs.aws.amazon.com/lambda/latest/dg/with-sns.html)."""
        notification: dict[str, Any] = {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": self.topic,
            "Subject": sent.subject if sent.subject else None,
            "Message": sent.body("lambda"),
            "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "MessageAttributes": {},
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": self.arn,
            "Sns": notification,
        }
        return {"Records": [record]}
