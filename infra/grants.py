"""Rights of the monitor's function. Each action stands for one call in lambda/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from ses_reputation.core.pause_level import Part
from ses_reputation.settings import Settings
from ses_reputation.settings.cause import ACTIONS as CAUSE_ACTIONS
from ses_reputation.settings.fleet import Fleet
from ses_reputation.settings.pause import actions as pause_actions

Grant = tuple[str, list[str], list[str], dict[str, object] | None]
"""Statement id, actions, resources, conditions."""

READ_TARGET = {
    "ReadStatistics": "ses:GetSendStatistics",
    "ReadAccount": "ses:GetAccount",
    "ReadReputation": "cloudwatch:GetMetricData",
}
"""Rights to read a target at each run: SES has resources only for sending, CloudWatch none for reading."""

MOST_NAMED = 50
"""Accounts that the function's role names one by one: its policies hold 10,240 characters in all. Of more only the role is named."""

OWN_ORGANIZATION: dict[str, object] = {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
"""Condition of a resource in the organization of who asks, whatever its id is."""


def grants(
    settings: Settings,
    *,
    table: dynamodb.ITable,
    people: sns.ITopic,
    others: Sequence[sns.ITopic],
    key: kms.IKey | None,
) -> list[iam.PolicyStatement]:
    """Statements of the role of the monitor's function."""
    topics = [topic.topic_arn for topic in (people, *others)]
    namespace: dict[str, object] = {"StringEquals": {"cloudwatch:namespace": settings.metric_namespace}}
    statements: list[Grant] = [
        *((sid, [action], ["*"], None) for sid, action in READ_TARGET.items()),
        ("PublishMetrics", ["cloudwatch:PutMetricData"], ["*"], namespace),
        ("KeepState", ["dynamodb:GetItem", "dynamodb:PutItem"], [table.table_arn], None),
        ("Notify", ["sns:Publish"], topics, None),
        ("ListSubscriptions", ["sns:ListSubscriptionsByTopic"], [people.topic_arn], None),
    ]
    if settings.events.bus:
        statements.append(("PutEvents", ["events:PutEvents"], [_bus(Stack.of(table), settings.events.bus)], None))
    statements += _of_fleet(settings.fleet, Stack.of(table).partition)
    granted = {action for _, actions, _, _ in statements for action in actions}
    looked_at = [action for action in CAUSE_ACTIONS[settings.look] if action not in granted]
    if looked_at:
        statements.append(("FindCause", looked_at, ["*"], None))  # SES has resources only for sending
    sets = f"arn:{Stack.of(table).partition}:ses:*:{Stack.of(table).account}:configuration-set/*"
    for part, action in pause_actions(settings.pause).items():
        sid = "Pause" + part.value.title().replace(" ", "")
        statements.append((sid, [action], [sets if part is Part.SET else "*"], None))
    if key is not None:
        statements.append(("UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn], None))
    return [
        iam.PolicyStatement(sid=sid, actions=actions, resources=resources, conditions=conditions)
        for sid, actions, resources, conditions in statements
    ]


def _of_fleet(fleet: Fleet, partition: str) -> Iterator[Grant]:
    """Rights to read other accounts by their role, and with units to list the accounts."""
    if fleet.accounts:
        accounts = ["*"] if len(fleet.accounts) > MOST_NAMED else [account for account, _ in fleet.accounts]
        roles = [f"arn:{partition}:iam::{account}:role/{fleet.role_name}" for account in accounts]
        yield "ReadMembers", ["sts:AssumeRole"], roles, None
    if fleet.units:
        role = f"arn:{partition}:iam::*:role/{fleet.role_name}"
        yield "ReadOrganization", ["sts:AssumeRole"], [role], OWN_ORGANIZATION
        listed = ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"]
        yield "ListAccounts", listed, ["*"], None  # the units may be anywhere in the organization


def _bus(stack: Stack, name: str) -> str:
    """ARN of an event bus, given by name or ARN."""
    if name.startswith("arn:"):
        return name
    return f"arn:{stack.partition}:events:{stack.region}:{stack.account}:event-bus/{name}"
