"""Channels of Slack and Teams that Amazon Q Developer in chat applications writes to: the function's custom notifications and
the watchdog's alarms, which it shows with their graphs."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from ses_reputation.settings.channels import Chat, Teams

from .role import ServiceRole
from .topic import AlertTopic

GRAPHS = (
    "cloudwatch:DescribeAlarms",
    "cloudwatch:DescribeAlarmHistory",
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:GetMetricWidgetImage",
    "cloudwatch:ListMetrics",
)
"""Everything that anybody can do from the channel: look at alarms and what they measure."""


class ChatChannels(Construct):
    """The channels and their own topic, since they drop whatever is neither a custom notification nor an alarm. Attribute: `topic`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        chat: Chat,
        teams: Teams,
        key: kms.IKey | None,
        role_path: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = AlertTopic(self, "Topic", name=f"{name}-Chat", display_name="SES reputation in chat", key=key)
        if not chat.new and not teams.on:
            return
        rights = iam.ManagedPolicy(
            self,
            "Rights",
            description="Lets Amazon Q Developer draw graphs of alarms for the SES reputation monitor's channel.",
            path=role_path,
            statements=[iam.PolicyStatement(sid="DrawGraphs", actions=[*GRAPHS], resources=["*"])],
        )
        role = ServiceRole(self, "Role", service="chatbot.amazonaws.com", path=role_path, managed_policies=[rights])
        where = f"{name}-{Stack.of(self).region}"  # unique in the whole account
        if chat.new:
            chatbot.SlackChannelConfiguration(
                self,
                "Channel",
                slack_channel_configuration_name=where,
                slack_workspace_id=chat.workspace_id,
                slack_channel_id=chat.channel_id,
                notification_topics=[self.topic],
                role=role,
                guardrail_policies=[rights],  # without one AWS takes AdministratorAccess
                logging_level=chatbot.LoggingLevel.ERROR,  # what could not be posted, in us-east-1
            )
        if teams.on:
            chatbot.CfnMicrosoftTeamsChannelConfiguration(
                self,
                "Teams",
                configuration_name=f"{where}-Teams",
                teams_tenant_id=teams.tenant_id,
                team_id=teams.team_id,
                teams_channel_id=teams.channel_id,
                sns_topic_arns=[self.topic.topic_arn],
                iam_role_arn=role.role_arn,
                guardrail_policies=[rights.managed_policy_arn],
                logging_level="ERROR",
            )
