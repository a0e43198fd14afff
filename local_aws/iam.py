"""Calls judged by the policies of the role that makes them.

moto has the check, but gives most services the resource "*" (so that a statement on one ARN never matches), refuses every
statement with a condition, takes the signing name for the IAM prefix, and finds the signature of a compressed body, and of none, wrong.
"""

from __future__ import annotations

import threading
from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse
from moto.dynamodb.responses import DynamoHandler
from moto.iam.access_control import IAMPolicyStatement, IAMRequest
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sns.responses import SNSResponse
from moto.ssm.responses import SimpleSystemManagerResponse

PREFIXES = {"monitoring": "cloudwatch", "email": "ses"}
"""Signing names that are not the prefix of the service's IAM actions."""

_request = threading.local()  # the server judges each request in the thread that serves it


def install() -> None:
    """Makes moto judge as IAM does, as far as the project's policies go."""

    def topic(self: Any) -> str:
        arn = self._get_param("TopicArn")
        return arn if isinstance(arn, str) else "*"

    def table(self: Any) -> str:
        name = self.body.get("TableName", "*")
        return (
            name if name.startswith("arn:") else f"arn:aws:dynamodb:{self.region}:{self.current_account}:table/{name}"
        )

    def any_metric(self: Any) -> str:
        _request.namespace = self._get_param("Namespace")
        return "*"

    def parameter(self: Any) -> str:
        return f"arn:aws:ssm:{self.region}:{self.current_account}:parameter{self._get_param('Name')}"

    def secret(self: Any) -> str:
        name = self._get_param("SecretId")
        return self.backend.secrets[name].arn if name in self.backend.secrets else "*"

    resources: dict[Any, Any] = {
        SNSResponse: topic,
        DynamoHandler: table,
        CloudWatchResponse: any_metric,
        SimpleSystemManagerResponse: parameter,
        SecretsManagerResponse: secret,
    }
    for response, resource in resources.items():
        response._determine_resource = resource

    statement: Any = IAMPolicyStatement
    is_permitted, check = statement.is_action_permitted, statement._check_conditions

    def is_action_permitted(self: Any, action: str, *rest: Any, **named: Any) -> Any:
        prefix, name = action.split(":", 1)
        return is_permitted(self, f"{PREFIXES.get(prefix, prefix)}:{name}", *rest, **named)

    def check_conditions(self: Any, values: Any) -> Any:
        condition = dict(self._statement.get("Condition", {}))
        if set(condition) == {"StringEquals"} and set(condition["StringEquals"]) == {"cloudwatch:namespace"}:
            return getattr(_request, "namespace", None) == condition["StringEquals"]["cloudwatch:namespace"]
        return check(self, values)

    request: Any = IAMRequest
    check_signature = request.check_signature

    def check_what_was_signed(self: Any) -> None:
        unpacked = self._headers.get("Content-Encoding") == "gzip"  # moto has unpacked what the client has signed
        empty = not self._body  # and takes the headers for the body of a request that has none
        if not unpacked and not empty:
            check_signature(self)

    request.check_signature = check_what_was_signed
    statement.is_action_permitted = is_action_permitted
    statement._check_conditions = check_conditions
