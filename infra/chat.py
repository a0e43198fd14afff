"""A Slack channel that Amazon Q Developer in chat applications writes to: custom notifications of the function, and the
watchdog's alarms, which it shows with their graphs."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Annotations, CfnOutput, Stack
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk.region_info import RegionInfo
from ses_reputation.settings import Settings

from .topic import alert_topic
from .watchdog import ring

GRAPHS = (
    "cloudwatch:DescribeAlarms",
    "cloudwatch:DescribeAlarmHistory",
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:GetMetricWidgetImage",
    "cloudwatch:ListMetrics",
)
"""Everything that can be done from the channel, whoever asks there: looking at alarms and what they measure."""


def chat(
    stack: Stack,
    settings: Settings,
    *,
    key: kms.Key | None,
    function: lambda_.Function,
    alarms: Sequence[cloudwatch.Alarm],
) -> None:
    """The channel and its own topic: what is no custom notification and no alarm would be dropped without a word."""
    _refuse_other_partitions(stack, settings)
    topic = alert_topic(
        stack, "Chat", name=f"{settings.stack_name}-Chat", display_name="SES reputation in chat", key=key
    )
    rights = iam.ManagedPolicy(
        stack,
        "ChatRights",
        description="What Amazon Q Developer may do for the channel of the SES reputation monitor: draw graphs of alarms.",
        statements=[iam.PolicyStatement(sid="DrawGraphs", actions=[*GRAPHS], resources=["*"])],
    )
    chatbot.SlackChannelConfiguration(
        stack,
        "ChatChannel",
        slack_channel_configuration_name=f"{settings.stack_name}-{stack.region}",  # unique in the whole account
        slack_workspace_id=settings.chat.workspace_id,
        slack_channel_id=settings.chat.channel_id,
        notification_topics=[topic],
        role=iam.Role(
            stack,
            "ChatRole",
            assumed_by=iam.ServicePrincipal("chatbot.amazonaws.com"),
            managed_policies=[rights],
        ),
        guardrail_policies=[rights],  # without one AWS takes AdministratorAccess
        logging_level=chatbot.LoggingLevel.ERROR,  # what could not be posted, in us-east-1
    )
    ring(alarms, topic)
    function.add_environment("CHAT_TOPIC_ARN", topic.topic_arn)
    function.add_to_role_policy(
        iam.PolicyStatement(sid="TellChat", actions=["sns:Publish"], resources=[topic.topic_arn])
    )
    CfnOutput(stack, "ChatTopicArn", value=topic.topic_arn)


def _refuse_other_partitions(stack: Stack, settings: Settings) -> None:
    """Where the regions say the partition; elsewhere CloudFormation itself does not know the channel's resource type."""
    for region in settings.targets.regions:
        if RegionInfo.get(region).partition not in ("aws", None):
            Annotations.of(stack).add_error(
                f"[chat] in settings.toml: Amazon Q Developer in chat applications does not exist in the partition of {region}. "
                "Remove workspace_id and channel_id; [slack] works there."
            )
