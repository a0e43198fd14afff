"""Findings of Amazon SES itself: open recommendations, and tenants with a bad reputation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .history import BadData
from .recipients import without_addresses

LONGEST = 200
"""Characters kept of a text of AWS."""

DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One open recommendation of the Virtual Deliverability Manager (sesv2 ListRecommendations)."""

    kind: str  # BOUNCE, COMPLAINT, FEEDBACK_3P, IP_LISTING, DKIM, SPF, DMARC, BIMI, or a kind nobody knows yet
    resource: str  # the identity, configuration set or IP address, without the local part of an address
    text: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant with high reputation impact, or one that may not send (sesv2 ListReputationEntities)."""

    name: str
    high_impact: bool
    paused_by: str  # "AWS", "the account", or "" if it may send
    cause: str = ""  # why it was paused, as AWS says


@dataclass(frozen=True, slots=True)
class Findings:
    """Facts that a check of findings evaluates; `unseen` has a sentence for each part that could not be read."""

    recommendations: tuple[Recommendation, ...] | None  # None: unknown
    tenants: tuple[Tenant, ...] | None
    unseen: tuple[str, ...] = ()
    broke: str = ""  # the monitor's own fault that ended the reading


def recommendation_from(member: Mapping[str, object]) -> Recommendation:
    """Read one member of `Recommendations`. Raises `BadData`."""
    return Recommendation(
        _text(member, "Type"), _name_in(_text(member, "ResourceArn")), _optional(member, "Description")
    )


def tenant_from(member: Mapping[str, object]) -> Tenant:
    """Read one member of `ReputationEntities`. Raises `BadData`."""
    by_aws, by_us = (_status(member, key) for key in ("AwsSesManagedStatus", "CustomerManagedStatus"))
    paused_by, cause = "", ""
    if by_aws[0] == DISABLED:
        paused_by, cause = "AWS", by_aws[1]
    elif by_us[0] == DISABLED or member.get("SendingStatusAggregate") == DISABLED:
        paused_by, cause = "the account", by_us[1]
    name = _name_in(_text(member, "ReputationEntityReference"))
    return Tenant(name, member.get("ReputationImpact") == "HIGH", paused_by, cause)


def _status(member: Mapping[str, object], key: str) -> tuple[object, str]:
    status = member.get(key, {})
    return (status.get("Status"), _optional(status, "Cause")) if isinstance(status, Mapping) else (None, "")


def _text(member: Mapping[str, object], key: str) -> str:
    text = _optional(member, key)
    if not text:
        raise BadData(f"{key} is missing")
    return text


def _optional(member: Mapping[str, object], key: str) -> str:
    text = member.get(key, "")
    return without_addresses(text)[:LONGEST] if isinstance(text, str) else ""


def _name_in(arn: str) -> str:
    """Return the resource's own name: arn:aws:ses:eu-west-1:123456789012:tenant/acme/tn-1 → acme."""
    found = re.fullmatch(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:[^/]+/([^/]+)(?:/.*)?", arn)
    return found[1] if found else arn
