"""An asynchronous invocation as Lambda plays it, which moto lacks."""

from __future__ import annotations

import json
from typing import Any

from .runtime import DeployedFunction, FunctionDied, Result
from .server import LocalAws


def invoke(local: LocalAws, function: DeployedFunction, event: Any) -> list[Result]:
    """Every attempt: tried again as often as configured while it fails; an event that fails for good goes to the failure
    destination."""
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
    queue_arn = configured["DestinationConfig"]["OnFailure"]["Destination"]
    queue_url = local.client("sqs").get_queue_url(QueueName=queue_arn.rsplit(":", 1)[1])["QueueUrl"]
    record = {"requestPayload": event, "responsePayload": attempts[-1].payload}
    local.client("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(record))
    return attempts
