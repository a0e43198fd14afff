"""SNS: messages out."""

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
