"""Recommendations and tenants as SES gives them."""

from __future__ import annotations

from typing import Any

import pytest
from ses_reputation.core.findings import Recommendation, Tenant, recommendation_from, tenant_from
from ses_reputation.core.history import BadData

ARN = "arn:aws:ses:eu-west-1:123456789012:"


@pytest.mark.parametrize(
    ("member", "found"),
    [
        (
            {"Type": "DKIM", "ResourceArn": f"{ARN}identity/shop.example", "Description": "No DKIM.", "Impact": "HIGH"},
            Recommendation("DKIM", "shop.example", "No DKIM."),
        ),
        (
            {"Type": "A_NEW_KIND", "ResourceArn": f"{ARN}identity/jane@shop.example"},
            Recommendation("A_NEW_KIND", "…@shop.example", ""),
        ),
        (
            {"Type": "IP_LISTING", "ResourceArn": "192.0.2.1", "Description": 7},
            Recommendation("IP_LISTING", "192.0.2.1", ""),
        ),
    ],
)
def test_a_recommendation_names_its_resource(member: dict[str, Any], found: Recommendation) -> None:
    assert recommendation_from(member) == found


def test_a_long_text_is_cut() -> None:
    member = {"Type": "BOUNCE", "ResourceArn": "x", "Description": "y" * 5_000}
    assert len(recommendation_from(member).text) == 200


@pytest.mark.parametrize(
    "member", [{}, {"Type": "DKIM"}, {"Type": "", "ResourceArn": "x"}, {"Type": 7, "ResourceArn": "x"}]
)
def test_an_empty_recommendation_is_refused(member: dict[str, Any]) -> None:
    with pytest.raises(BadData, match="is missing"):
        recommendation_from(member)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"ReputationImpact": "HIGH"}, Tenant("acme", True, "")),
        ({"AwsSesManagedStatus": {"Status": "DISABLED", "Cause": "bounces"}}, Tenant("acme", False, "AWS", "bounces")),
        (
            {"AwsSesManagedStatus": {"Status": "ENABLED"}, "CustomerManagedStatus": {"Status": "DISABLED"}},
            Tenant("acme", False, "the account"),
        ),
        ({"SendingStatusAggregate": "DISABLED"}, Tenant("acme", False, "the account")),
        ({"AwsSesManagedStatus": {"Status": "REINSTATED"}, "CustomerManagedStatus": None}, Tenant("acme", False, "")),
    ],
)
def test_a_tenant_says_who_paused_it(more: dict[str, Any], found: Tenant) -> None:
    assert tenant_from({"ReputationEntityReference": f"{ARN}tenant/acme/tn-1", **more}) == found
