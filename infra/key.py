"""The KMS key for what the settings encrypt: a new one, or one of your own."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from ses_reputation.settings.deployment import Deployment


def key_for(scope: Construct, deployment: Deployment) -> kms.IKey | None:
    """The key that the settings ask for, or None."""
    if deployment.kms_key_arn:
        return kms.Key.from_key_arn(scope, "GivenKey", deployment.kms_key_arn)
    if not deployment.new_key:
        return None
    stack = Stack.of(scope)
    key = kms.Key(
        scope,
        "TopicKey",
        description="Encrypts what the SES reputation monitor sends and stores.",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AlarmsMayPublish",  # CDK's SnsAction does not add this, and without it alarms are lost silently
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
    )
    if deployment.encrypts("logs"):
        log_groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:*"
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogsMayEncrypt",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
            )
        )
    return key
