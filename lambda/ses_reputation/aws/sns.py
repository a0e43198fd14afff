"""SNS: messages out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..core.readings import Subscription
from .errors import answered

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef, PublishInputTypeDef, SubscriptionTypeDef

EMAIL = ("email", "email-json")
"""The protocols whose readers are people with a screen; the readers of all others but SMS are programs."""


def publish_chat(client: SNSClient, topic: str, document: str) -> None:
    """Send one custom notification to the topic that Amazon Q Developer reads. Raise what botocore raises.

    Nothing else may go there: what is no such document is dropped without a word.
    """
    _publish(client, {"TopicArn": topic, "Message": document})


def subscriptions(client: SNSClient, topic: str) -> tuple[Subscription, ...]:
    """All subscriptions of `topic`. Raise what botocore raises."""
    with answered():
        pages = list(client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic))
    return tuple(_subscription(member) for page in pages for member in page.get("Subscriptions", []))


def _subscription(member: SubscriptionTypeDef) -> Subscription:
    """Convert a subscription; `PendingConfirmation` and `Deleted` stand in place of an ARN, and nothing is sent to those."""
    confirmed = member.get("SubscriptionArn", "").startswith("arn:")
    return Subscription(member.get("Protocol", ""), member.get("Endpoint", ""), confirmed)


def publish(
    client: SNSClient,
    topic: str,
    *,
    subject: str,
    text: str,
    document: str,
    attributes: Mapping[str, Sequence[str]],
) -> None:
    """Send `text` to people, of which a telephone gets the `subject` alone, and `document` to programs, in one message.
    Raises what botocore raises.

    Every attribute is a list of words that a subscription's filter policy may ask for.
    """
    bodies = {"default": document, "sms": subject} | dict.fromkeys(EMAIL, text)
    typed: dict[str, MessageAttributeValueTypeDef] = {
        name: {"DataType": "String.Array", "StringValue": json.dumps(list(values))}
        for name, values in attributes.items()
    }
    message: PublishInputTypeDef = {
        "TopicArn": topic,
        "Subject": subject,
        "Message": json.dumps(bodies),
        "MessageStructure": "json",
        "MessageAttributes": typed,
    }
    _publish(client, message)


def _publish(client: SNSClient, message: PublishInputTypeDef) -> None:
    with answered():
        client.publish(**message)
