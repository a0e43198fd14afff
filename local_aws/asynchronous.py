"""Asynchronous invocation as Lambda does it, which moto lacks."""

from __future__ import annotations

import json
from typing import Any

from . import iam
from .runtime import DeployedFunction, FunctionDied, Result
from .server import LocalAws


def invoke(local: LocalAws, function: DeployedFunction, event: Any) -> list[Result]:
    """Invoke until it succeeds, as often as configured, and return every attempt. An event that fails for good goes to the
    failure destination."""
    configured = local.client("lambda").get_function_event_invoke_config(
        FunctionName=function.configuration["FunctionName"]
    )
    attempts: list[Result] = []
    for _ in range(1 + configured["MaximumRetryAttempts"]):
        try:
            attempts.append(function.invoke(event))
        except FunctionDied as died:
            attempts.append(Result(False, {"errorType": "FunctionDied"}, str(died)))
        if attempts[-1].ok:
            return attempts
    record = {"requestPayload": event, "responsePayload": attempts[-1].payload}
    send(local, function.configuration["Role"], configured["DestinationConfig"]["OnFailure"]["Destination"], record)
    return attempts


def send(local: LocalAws, role: str, queue_arn: str, record: object) -> None:
    """Send a record to a queue, if `role` may; otherwise it is lost, as in AWS."""
    queues = local.client("sqs")
    url = queues.get_queue_url(QueueName=queue_arn.rsplit(":", 1)[1])["QueueUrl"]
    if iam.may_send(role, queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]):
        queues.send_message(QueueUrl=url, MessageBody=json.dumps(record))
