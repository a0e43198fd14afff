"""SNS: messages out, and who would not get them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .failure import answered

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

MACHINES = ("sqs", "lambda", "http", "https")
"""The protocols whose readers are programs."""


def publish(
    client: SNSClient,
    topic: str,
    *,
    subject: str,
    text: str,
    document: str,
    attributes: Mapping[str, Sequence[str]],
) -> None:
    """Sends `text` to people and `document` to machines, in one message. Raises what botocore raises.

    Every attribute is a list of words that a subscription's filter policy may ask for.
    """
    bodies = {"default": text} | dict.fromkeys(MACHINES, document)
    typed: dict[str, MessageAttributeValueTypeDef] = {
        name: {"DataType": "String.Array", "StringValue": json.dumps(list(values))}
        for name, values in attributes.items()
    }
    with answered():
        client.publish(
            TopicArn=topic,
            Subject=subject,
            Message=json.dumps(bodies),
            MessageStructure="json",
            MessageAttributes=typed,
        )


def unconfirmed(client: SNSClient, topic: str) -> int:
    """How many subscriptions of `topic` nobody has confirmed yet, so that nothing reaches them. Raises what botocore raises."""
    waiting = 0
    for page in client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic):
        waiting += sum(s.get("SubscriptionArn") == "PendingConfirmation" for s in page.get("Subscriptions", []))
    return waiting
