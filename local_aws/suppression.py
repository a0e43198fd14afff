"""Parts of Amazon SES that moto lacks and that show a cause: suppression list, recommendations, tenants, and the metrics and
messages of the Virtual Deliverability Manager. As documented: seconds, pages of at most 1,000 in no order, one request a second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

import botocore.session
from botocore.validate import ParamValidator
from moto.sesv2.responses import SESV2Response
from moto.sesv2.urls import url_paths

LARGEST_PAGE = 1_000


class Refused(Exception):
    """An error of the API: its code and HTTP status."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


@dataclass(frozen=True)
class Suppressed:
    """One address on a list."""

    address: str
    reason: str
    at: int
    message_id: str = ""  # an import has neither id
    feedback_id: str = ""


@dataclass
class Suppression:
    """One account in one region as SES knows it; change it in place."""

    reasons: list[str] = field(default_factory=lambda: ["BOUNCE", "COMPLAINT"])  # of the account-level list; [] is off
    set_reasons: dict[str, list[str]] = field(default_factory=dict)  # of configuration sets with a setting of their own
    lists: dict[str, dict[str, Suppressed]] = field(default_factory=lambda: {"": {}})  # by tenant; "" is the account's
    vdm: bool = False
    plan: str = "NONE"
    recommendations: list[dict[str, Any]] = field(default_factory=list)
    entities: list[dict[str, Any]] = field(default_factory=list)
    volumes: dict[tuple[str, str, str], dict[datetime, int]] = field(default_factory=dict)  # metric, dimension, value
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id
    gap: float = 1.0  # seconds between two requests of one operation
    expiring: int = 0  # number of tokens to refuse
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # requests answered: operation and parameters
    _served: dict[str, float] = field(default_factory=dict)

    def event(
        self,
        address: str,
        at: int,
        message_id: str,
        *,
        reason: str = "BOUNCE",
        configuration_set: str = "",
        tenant: str = "",
    ) -> bool:
        """Note a hard bounce or a complaint; True if it counts, which it does not if the email was never sent."""
        home = self.lists.get(tenant, self.lists[""])
        if address.lower() in home:
            return False
        if reason in self.set_reasons.get(configuration_set, self.reasons):
            home[address.lower()] = Suppressed(address, reason, at, message_id, f"f-{message_id}")
        return True

    def import_list(self, addresses: Iterable[str], at: int, *, reason: str = "BOUNCE") -> None:
        """Put addresses on the account's list by hand."""
        self.lists[""] |= {address.lower(): Suppressed(address, reason, at) for address in addresses}

    def serve(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request. Raises `Refused`."""
        now = time.monotonic()
        if now - self._served.get(operation, -self.gap) < self.gap:
            raise Refused("TooManyRequestsException", 429)
        self._served[operation] = now
        self.asked.append((operation, dict(given)))
        return _OPERATIONS[operation](self, given)


def account_attributes(known: Suppression) -> dict[str, Any]:
    """Return what GetAccount reports about suppression, of the Virtual Deliverability Manager and of the plan."""
    return {
        "SuppressionAttributes": {"SuppressedReasons": known.reasons},
        "VdmAttributes": {"VdmEnabled": "ENABLED" if known.vdm else "DISABLED"},
        "PricingAttributes": {"CurrentPlan": known.plan},
    }


def _list(known: Suppression, given: Mapping[str, Any]) -> dict[str, Any]:
    first, last = given.get("StartDate"), given.get("EndDate")
    found = [
        member
        for member in _home(known, given).values()
        if member.reason in given.get("Reasons", [member.reason])
        and (first is None or member.at >= first.timestamp())
        and (last is None or member.at <= last.timestamp())
    ]
    found.sort(key=lambda member: sha256(member.address.encode()).digest())  # random order, but the same at each call
    summaries, token = _page(known, found, given, LARGEST_PAGE)
    shown = [
        {
            "EmailAddress": member.address,
            "Reason": member.reason,
            "LastUpdateTime": datetime.fromtimestamp(member.at, UTC),
        }
        for member in summaries
    ]
    return {"SuppressedDestinationSummaries": shown, **token}


def _home(known: Suppression, given: Mapping[str, Any]) -> dict[str, Suppressed]:
    tenant = given.get("TenantName", "")
    if tenant not in known.lists:
        raise Refused("NotFoundException", 404)
    return known.lists[tenant]


def _page(
    known: Suppression, members: list[Any], given: Mapping[str, Any], most: int
) -> tuple[list[Any], dict[str, Any]]:
    size, token = given.get("PageSize", most), given.get("NextToken", "token-0")
    if not 1 <= size <= most:
        raise Refused("BadRequestException")
    if known.expiring and "NextToken" in given:
        known.expiring -= 1
        raise Refused("InvalidNextTokenException")
    start = int(token.removeprefix("token-"))
    more = {"NextToken": f"token-{start + size}"} if start + size < len(members) else {}
    return members[start : start + size], more


def _get(known: Suppression, given: Mapping[str, Any]) -> dict[str, Any]:
    member = _home(known, given).get(given["EmailAddress"].lower())
    if member is None:
        raise Refused("NotFoundException", 404)
    ids = {name: text for name, text in (("MessageId", member.message_id), ("FeedbackId", member.feedback_id)) if text}
    found = {
        "EmailAddress": member.address,
        "Reason": member.reason,
        "LastUpdateTime": datetime.fromtimestamp(member.at, UTC),
    }
    return {"SuppressedDestination": {**found, **({"Attributes": ids} if ids else {})}}


def _recommendations(known: Suppression, given: Mapping[str, Any]) -> dict[str, Any]:
    filters = given.get("Filter", {})
    if len(filters) == 2 and ("STATUS" not in filters or "RESOURCE_ARN" in filters):
        raise Refused("BadRequestException")
    keys = {"TYPE": "Type", "IMPACT": "Impact", "STATUS": "Status", "RESOURCE_ARN": "ResourceArn"}
    found = [
        one for one in known.recommendations if all(one.get(keys[name]) == value for name, value in filters.items())
    ]
    page, token = _page(known, found, given, 100)
    return {"Recommendations": page, **token}


def _entities(known: Suppression, given: Mapping[str, Any]) -> dict[str, Any]:
    keys = {
        "REPUTATION_IMPACT": "ReputationImpact",
        "SENDING_STATUS": "SendingStatusAggregate",
        "ENTITY_TYPE": "ReputationEntityType",
    }
    wanted = given.get("Filter", {})
    found = [one for one in known.entities if all(one.get(keys[name]) == value for name, value in wanted.items())]
    page, token = _page(known, found, given, 100)
    return {"ReputationEntities": page, **token}


def _metrics(known: Suppression, given: Mapping[str, Any]) -> dict[str, Any]:
    if not known.vdm:
        raise Refused("NotFoundException", 404)
    results = []
    for query in given["Queries"]:
        [(dimension, value)] = query.get("Dimensions", {"": ""}).items()
        by_day = known.volumes.get((query["Metric"], dimension, value), {})
        days = sorted(day for day in by_day if query["StartDate"] <= day < query["EndDate"])
        results.append({"Id": query["Id"], "Timestamps": days, "Values": [by_day[day] for day in days]})
    return {"Results": results, "Errors": []}


def _insights(known: Suppression, given: Mapping[str, Any]) -> dict[str, Any]:
    if not known.vdm or given["MessageId"] not in known.messages:
        raise Refused("NotFoundException", 404)
    return {"MessageId": given["MessageId"], **known.messages[given["MessageId"]]}


_OPERATIONS: dict[str, Callable[[Suppression, Mapping[str, Any]], dict[str, Any]]] = {
    "ListSuppressedDestinations": _list,
    "GetSuppressedDestination": _get,
    "ListRecommendations": _recommendations,
    "ListReputationEntities": _entities,
    "BatchGetMetricData": _metrics,
    "GetMessageInsights": _insights,
}


_PATHS = (
    "suppression/addresses",
    "suppression/addresses/(?P<EmailAddress>.+)",
    "vdm/recommendations",
    "reputation/entities",
    "metrics/batch",
    "insights/(?P<MessageId>[^/]+)/",
)


def install(find: Callable[[Any], Suppression]) -> None:
    """Add the operations to moto; `find` returns what a request's account and region have."""
    for path in _PATHS:
        url_paths[f"{{0}}/v2/email/{path}$"] = SESV2Response.dispatch
    response: Any = SESV2Response
    for operation in _OPERATIONS:
        method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
        setattr(response, method, _serving(operation, find))


def _serving(operation: str, find: Callable[[Any], Suppression]) -> Callable[[Any], Any]:
    def serve(self: Any) -> Any:
        try:
            return _encoded(operation, find(self).serve(operation, _decoded(operation, self)))
        except Refused as refused:
            body = json.dumps({"message": "refused by the local AWS"})
            return body, {"status": refused.status, "x-amzn-errortype": refused.code}

    return serve


@cache
def _model(operation: str) -> Any:
    return botocore.session.get_session().get_service_model("sesv2").operation_model(operation)


def _decoded(operation: str, response: Any) -> dict[str, Any]:
    """Read the parameters of a request by the model: path, query and body."""
    shape = _model(operation).input_shape
    body = json.loads(response.body) if response.body else {}
    given: dict[str, Any] = {}
    for name, member in shape.members.items():
        place, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri":
            given[name] = response.uri_match[wire]
        elif place == "querystring" and wire in response.querystring:
            values = response.querystring[wire]
            given[name] = values if member.type_name == "list" else _value(member, values[0])
        elif place is None and name in body:
            given[name] = _value(member, body[name])
    return given


def _value(shape: Any, given: Any) -> Any:
    match shape.type_name:
        case "integer":
            return int(given)
        case "timestamp":
            at = datetime.fromisoformat(given) if isinstance(given, str) else datetime.fromtimestamp(given, UTC)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        case "list":
            return [_value(shape.member, one) for one in given]
        case "structure":
            return {name: _value(shape.members[name], one) for name, one in given.items()}
        case _:
            return given


def _encoded(operation: str, answer: Mapping[str, Any]) -> str:
    """Write an answer, which must have the form that the model says."""
    report = ParamValidator().validate(answer, _model(operation).output_shape)
    if report.has_errors():
        raise AssertionError(f"{operation}: {report.generate_report()}")
    return json.dumps(answer, default=lambda at: int(at.timestamp()))
