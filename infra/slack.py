"""The forwarder to an incoming webhook of Slack: a function on the people's topic, and what becomes of what Slack was not
told."""

from __future__ import annotations

import re
from typing import cast

from aws_cdk import Acknowledgment, Annotations, CfnOutput, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from ses_reputation.settings import Settings, Slack

from .watchdog import alarm_on_queue, ring

TIMEOUT = Duration.seconds(60)
"""Room for the pause that Slack asks for when a channel gets more than a message a second; its pauses are below a minute."""


def slack(stack: Stack, settings: Settings, *, code: lambda_.Code, people: sns.Topic) -> cloudwatch.Alarm:
    """The forwarder, and the alarm that tells everybody else when Slack is not told."""
    name = f"{settings.stack_name}-Slack"
    untold = sqs.Queue(
        stack,
        "NotToldSlack",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
    log_group = logs.LogGroup(
        stack, "SlackLog", log_group_name=f"/aws/lambda/{name}", removal_policy=RemovalPolicy.DESTROY
    )
    cast(logs.CfnLogGroup, log_group.node.default_child).retention_in_days = settings.deployment.log_retention_days
    role = iam.Role(stack, "SlackRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    for statement in (*_read_address(stack, settings.slack), _log(log_group)):
        role.add_to_policy(statement)
    Validations.of(role).acknowledge(
        Acknowledgment(
            id=f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:{_region(settings.slack, '<AWS::Region>')}:<AWS::AccountId>:key/*]",
            reason="Which key encrypts the webhook's address is not known here; the condition on the encryption context holds "
            "the right to that one parameter or secret.",
        )
    )
    function = lambda_.Function(
        stack,
        "SlackFunction",
        function_name=name,
        description="Passes what people are told on to an incoming webhook of Slack.",
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        handler="ses_reputation.slack.handler",
        code=code,
        role=role,
        memory_size=256,
        timeout=TIMEOUT,
        log_group=log_group,
        retry_attempts=2,  # after one minute and two more: what Slack cannot take by then is in the queue
        on_failure=destinations.SqsDestination(untold),
        environment={"POWERTOOLS_SERVICE_NAME": name},
    )
    people.add_subscription(subscriptions.LambdaSubscription(function, dead_letter_queue=untold))
    CfnOutput(stack, "SlackFunctionName", value=function.function_name)
    if not settings.alerts.emails and not settings.chat.on:
        Annotations.of(stack).add_warning_v2(
            "ses-reputation:slack-alone",
            "Only Slack's webhook is told: when it fails, nobody hears of that either. Name a mail address in [alerts] emails.",
        )
    alarm = alarm_on_queue(
        stack,
        "SlackNotTold",
        name=f"{settings.stack_name}-slack-not-told",
        description=(
            "Something could not be passed on to Slack, though it was tried three times; it is in the queue NotToldSlack, and "
            "everybody else has it. The log of the function says why and what to do; then empty the queue."
        ),
        queue=untold,
    )
    ring([alarm], people)
    return alarm


def _read_address(stack: Stack, slack: Slack) -> tuple[iam.PolicyStatement, ...]:
    """The right to read the webhook's address and nothing beside it, under whatever key of this account it is encrypted: KMS
    is told of what it decrypts, and by whom."""
    region = _region(slack, stack.region)
    if slack.webhook_parameter:
        action, context = "ssm:GetParameter", "PARAMETER_ARN"
        arn = f"arn:{stack.partition}:ssm:{region}:{stack.account}:parameter{slack.webhook_parameter}"
    else:
        action, context = "secretsmanager:GetSecretValue", "SecretARN"
        arn = slack.webhook_secret
        if not arn.startswith("arn:"):
            arn = f"arn:{stack.partition}:secretsmanager:{region}:{stack.account}:secret:{arn}"
        if not re.fullmatch(_WHOLE, arn):
            arn += "-??????"  # what Secrets Manager adds to a name
    return (
        iam.PolicyStatement(sid="ReadWebhook", actions=[action], resources=[arn]),
        iam.PolicyStatement(
            sid="DecryptWebhook",
            actions=["kms:Decrypt"],
            resources=[f"arn:{stack.partition}:kms:{region}:{stack.account}:key/*"],
            conditions={"StringLike": {f"kms:EncryptionContext:{context}": arn}},
        ),
    )


def _region(slack: Slack, here: str) -> str:
    """Where the address is stored: in the region of a secret's ARN, else `here`."""
    return slack.webhook_secret.split(":")[3] if slack.webhook_secret.startswith("arn:") else here


_WHOLE = r"arn:.*-[A-Za-z0-9]{6}"
"""The ARN of a secret with the six signs that Secrets Manager has added to its name."""


def _log(log_group: logs.LogGroup) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
    )
