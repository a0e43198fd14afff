"""Authorization as IAM does it: every call needs the rights of its role, the use of keys that it implies included.

moto authorizes as well, but gives most services the resource "*" (so that a statement on one ARN never matches), refuses every
statement with a condition, takes the signing name for the IAM prefix, knows nothing of keys, and finds the signature of a
compressed body, and of none, wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse
from moto.dynamodb.responses import DynamoHandler
from moto.events.responses import EventsHandler
from moto.iam.access_control import IAMRequest
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.organizations.models import organizations_backends
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sesv2.responses import SESV2Response
from moto.sns.models import sns_backends
from moto.sns.responses import SNSResponse
from moto.ssm.models import ssm_backends
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.sts.responses import TokenResponse

PREFIXES = {"monitoring": "cloudwatch", "email": "ses"}
"""Signing names that are not the prefix of the service's IAM actions."""

USE_KEY = ("kms:GenerateDataKey", "kms:Decrypt")
"""Both are needed to publish to an encrypted topic or send to an encrypted queue."""

Context = Mapping[str, str]
"""Values of condition keys."""

Need = tuple[str, str, Context]
"""One right that a call needs: action, resource, context."""


class _Resource(str):
    """Resource of a request, as moto passes it on for authorization, with every right that the request needs."""

    __slots__ = ("needs",)
    needs: list[Need]


def allowed(role: str, action: str, resource: str, context: Context | None = None) -> bool:
    """Say if the policies of the role with the ARN `role` permit an action."""
    backend = iam_backends[role.split(":")[4]]["aws"]
    name = role.rsplit("/", 1)[1]
    inline = [backend.get_role_policy(name, policy)[1] for policy in backend.list_role_policies(name)]
    return _permitted([*inline, *backend.list_attached_role_policies(name)[0]], (action, resource, context or {}))


def may_send(role: str, queue: Mapping[str, str]) -> bool:
    """Say if a role may send to the queue with these attributes, its key included."""
    arn = queue["QueueArn"]
    key = _key_arn(queue.get("KmsMasterKeyId"), arn)
    needs = [("sqs:SendMessage", arn), *((action, key) for action in USE_KEY if key)]
    return all(allowed(role, action, resource) for action, resource in needs)


def _permitted(policies: Iterable[Any], need: Need) -> bool:
    effects = {
        statement["Effect"] for policy in policies for statement in _statements(policy) if _concerns(statement, need)
    }
    return effects == {"Allow"}


def _statements(policy: Any) -> list[Any]:
    if hasattr(policy, "versions"):  # a managed one
        [policy] = [version.document for version in policy.versions if version.is_default]
    document = json.loads(policy) if isinstance(policy, str) else policy  # CloudFormation leaves it as it is
    return _listed(document["Statement"])


def _concerns(statement: Mapping[str, Any], need: Need) -> bool:
    action, resource, context = need
    return (
        any(fnmatchcase(action.lower(), pattern.lower()) for pattern in _listed(statement["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in _listed(statement["Resource"]))
        and all(_holds(operator, keys, context) for operator, keys in statement.get("Condition", {}).items())
    )


def trusts(role: str, caller: str, context: Context) -> bool:
    """Say if the trust policy of the role with the ARN `role` lets the role `caller` assume it. False if there is no such role."""
    try:
        trust = iam_backends[role.split(":")[4]]["aws"].get_role_by_arn(role).assume_role_policy_document
    except NotFoundException:
        return False
    account = caller.split(":")[4]
    names = {"*", caller, account, f"arn:aws:iam::{account}:root"}
    full = {**context, "aws:PrincipalArn": caller, "aws:PrincipalOrgID": _organization(account)}
    effects = {
        statement["Effect"]
        for statement in _statements(trust)
        if "sts:AssumeRole" in _listed(statement["Action"])
        and names.intersection(_listed(statement["Principal"].get("AWS", [])))
        and all(_holds(operator, keys, full) for operator, keys in statement.get("Condition", {}).items())
    }
    return effects == {"Allow"}


def _arn_of(caller: Any) -> str:
    """ARN of the role whose session asks."""
    return str(caller.backend.get_role(caller._owner_role_name).arn)


def _organization(account: str) -> str:
    """Id of the organisation that an account belongs to; empty for none."""
    master, partition = organizations_backends.master_accounts.get(account, (account, "aws"))
    found = organizations_backends[master][partition].org
    return "" if found is None else str(found.id)


def _equal(value: str, pattern: str) -> bool:
    return value == pattern


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _equal,
    "StringLike": fnmatchcase,
    "ArnLike": fnmatchcase,
}


def _holds(operator: str, keys: Mapping[str, Any], context: Context) -> bool:
    match = OPERATORS[operator]
    return all(
        any(match(context.get(key, ""), _filled(value, context)) for value in _listed(values))
        for key, values in keys.items()
    )


def _filled(value: str, context: Context) -> str:
    """Value of a condition with its policy variables. One that is not in the context leaves what matches nothing."""
    return re.sub(r"\$\{([\w:]+)\}", lambda found: context.get(found[1], "") or found[0], value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _key_arn(key: str | None, near: str) -> str:
    """ARN of a key in the region and account of the ARN `near`; empty for none and for an AWS-managed key, which needs no right."""
    if not key or "alias/" in key:
        return ""
    _, partition, _, region, account, *_ = near.split(":")
    return key if key.startswith("arn:") else f"arn:{partition}:kms:{region}:{account}:key/{key}"


def _topic(response: Any) -> Iterator[Need]:
    arn = response._get_param("TopicArn")
    yield "", arn if isinstance(arn, str) else "*", {}
    topic = sns_backends[response.current_account][response.region].topics.get(arn)
    if topic is not None and response._get_action() == "Publish":
        key = _key_arn(topic.kms_master_key_id, arn)
        yield from ((action, key, {}) for action in USE_KEY if key)


def _table(response: Any) -> Iterator[Need]:
    name = response.body.get("TableName", "*")
    own = f"arn:aws:dynamodb:{response.region}:{response.current_account}:table/{name}"
    arn = name if name.startswith("arn:") else own
    yield "", arn, {}
    table = response.dynamodb_backend.tables.get(name)
    encryption = (table.sse_specification or {}) if table is not None else {}
    by_kms = encryption.get("Enabled", encryption.get("SSEEnabled")) in {
        True,
        "true",
    }  # else moto names a key all the same
    key = _key_arn(encryption.get("KMSMasterKeyId"), arn) if by_kms else ""
    if key:
        yield "kms:Decrypt", key, {}


def _metric(response: Any) -> Iterator[Need]:
    yield "", "*", {"cloudwatch:namespace": response._get_param("Namespace") or ""}


def _parameter(response: Any) -> Iterator[Need]:
    name = response._get_param("Name")
    arn = f"arn:aws:ssm:{response.region}:{response.current_account}:parameter{name}"
    yield "", arn, {}
    stored = ssm_backends[response.current_account][response.region].get_parameter(name)
    key = _key_arn(stored.keyid if stored is not None and stored.parameter_type == "SecureString" else None, arn)
    if key:
        yield "kms:Decrypt", key, {"kms:EncryptionContext:PARAMETER_ARN": arn}


def _secret(response: Any) -> Iterator[Need]:
    name = response._get_param("SecretId")
    stored = response.backend.secrets.get(name) if name else None
    yield "", "*" if stored is None else stored.arn, {}
    key = "" if stored is None else _key_arn(stored.kms_key_id, stored.arn)
    if stored is not None and key:
        yield "kms:Decrypt", key, {"kms:EncryptionContext:SecretARN": stored.arn}


def _role(response: Any) -> Iterator[Need]:
    asked = response.querystring
    role = asked.get("RoleArn", ["*"])[0]
    yield (
        "",
        role,
        {
            "sts:ExternalId": asked.get("ExternalId", [""])[0],
            "aws:PrincipalOrgID": _organization(response.current_account),
            "aws:ResourceOrgID": _organization(role.split(":")[4]) if role != "*" else "",
        },
    )


def _named_role(response: Any) -> Iterator[Need]:
    name = response._get_param("RoleName")
    roles = iam_backends[response.current_account]["aws"].roles.values()
    yield "", next((role.arn for role in roles if role.name == name), "*"), {}


def _configuration_set(response: Any) -> Iterator[Need]:
    found = re.search(r"/v2/email/configuration-sets/([^/]+)/sending", response.uri)
    own = f"arn:aws:ses:{response.region}:{response.current_account}:configuration-set"
    yield "", f"{own}/{found[1]}" if found else "*", {}


def _bus(response: Any) -> Iterator[Need]:
    entries = response._get_param("Entries") or [{}]  # other requests have none
    for name in {entry.get("EventBusName", "default") for entry in entries}:
        arn = f"arn:aws:events:{response.region}:{response.current_account}:event-bus/{name}"
        yield "", name if name.startswith("arn:") else arn, {}


NEEDS: dict[Any, Callable[[Any], Iterator[Need]]] = {
    SESV2Response: _configuration_set,
    SNSResponse: _topic,
    DynamoHandler: _table,
    CloudWatchResponse: _metric,
    EventsHandler: _bus,
    SimpleSystemManagerResponse: _parameter,
    SecretsManagerResponse: _secret,
    TokenResponse: _role,
    IamResponse: _named_role,
}
"""Rights that a request of each service needs; the first is for the requested action itself."""


def install() -> None:
    """Make moto authorize as IAM does, as far as the project's policies need it."""

    def noted(needs: Callable[[Any], Iterator[Need]]) -> Callable[[Any], str]:
        def determine(response: Any) -> str:
            found = list(needs(response))
            resource = _Resource(found[0][1])
            resource.needs = found
            return resource

        return determine

    for response, needs in NEEDS.items():
        response._determine_resource = noted(needs)

    def check_action_permitted(self: Any, resource: str) -> None:
        prefix, name = self._action.split(":", 1)
        asked = f"{PREFIXES.get(prefix, prefix)}:{name}"
        needs = resource.needs if isinstance(resource, _Resource) else [("", resource, {})]
        policies = self._access_key.collect_policies()
        for action, arn, context in needs:
            if not _permitted(policies, (action if action else asked, arn, context)):
                self._raise_access_denied()
            if asked == "sts:AssumeRole" and not trusts(arn, _arn_of(self._access_key), context):
                self._raise_access_denied()

    request: Any = IAMRequest
    check_signature = request.check_signature

    def check_what_was_signed(self: Any) -> None:
        unpacked = self._headers.get("Content-Encoding") == "gzip"  # moto has unpacked what the client has signed
        empty = not self._body  # and takes the headers for the body of a request that has none
        if not unpacked and not empty:
            check_signature(self)

    request.check_signature = check_what_was_signed
    request.check_action_permitted = check_action_permitted
