"""A topic for alerts, to which the watchdog's alarms may publish too."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns


def alert_topic(stack: Stack, construct_id: str, *, name: str, display_name: str, key: kms.Key | None) -> sns.Topic:
    """Takes nothing over plain HTTP; encrypted with `key` where there is one."""
    topic = sns.Topic(stack, construct_id, topic_name=name, display_name=display_name, master_key=key, enforce_ssl=True)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AlarmsMayPublish",  # an explicit policy replaces the default one, which let them
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
    )
    return topic
