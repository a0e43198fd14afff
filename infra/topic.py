"""A topic for notifications, which the watchdog's alarms may publish to as well."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct


class AlertTopic(sns.Topic):
    """A topic that refuses plain HTTP and is encrypted with `key`, if there is one."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, display_name: str, key: kms.IKey | None
    ) -> None:
        super().__init__(
            scope, construct_id, topic_name=name, display_name=display_name, master_key=key, enforce_ssl=True
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayPublish",  # an explicit policy replaces the default one, which allows it
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
