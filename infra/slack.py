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
    region, account = _place(settings.slack, "<AWS::Region>", "<AWS::AccountId>")
    Validations.of(role).acknowledge(
        Acknowledgment(
            id=f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:{region}:{account}:key/*]",
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
        handler="ses_reputation.entry.slack_forwarder",
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
            "Only Slack's webhook is told: when it fails, nobody hears of that either. Name an email address in [alerts] emails.",
        )
    alarm = alarm_on_queue(
        stack,
        "SlackNotTold",
        name=f"{settings.stack_name}-slack-not-told",
        description=(
            "Something could not be passed on to Slack, though it was tried three times; it is in the queue NotToldSlack, and "
            "everybody else has it. The log of the function says why and what to do; then empty the queue: until then this alarm "
            "does not ring for another."
        ),
        queue=untold,
    )
    ring([alarm], people)
    return alarm


def _read_address(stack: Stack, slack: Slack) -> tuple[iam.PolicyStatement, ...]:
    """The right to read the webhook's address and nothing beside it, under whatever key of its account it is encrypted: KMS is
    told of what it decrypts, and by whom."""
    region, account = _place(slack, stack.region, stack.account)
    if slack.webhook_parameter:
        action, context = "ssm:GetParameter", "PARAMETER_ARN"
        stored = [f"arn:{stack.partition}:ssm:{region}:{account}:parameter{slack.webhook_parameter}"]
    else:
        action, context = "secretsmanager:GetSecretValue", "SecretARN"
        stored = _secret(slack.webhook_secret, f"arn:{stack.partition}:secretsmanager:{region}:{account}:secret:")
    return (
        iam.PolicyStatement(sid="ReadWebhook", actions=[action], resources=stored),
        iam.PolicyStatement(
            sid="DecryptWebhook",
            actions=["kms:Decrypt"],
            resources=[f"arn:{stack.partition}:kms:{region}:{account}:key/*"],
            conditions={"StringLike": {f"kms:EncryptionContext:{context}": stored}},
        ),
    )


def _place(slack: Slack, region: str, account: str) -> tuple[str, str]:
    """The region and the account in which the address is stored: those of a secret's ARN, else those given."""
    if not slack.webhook_secret.startswith("arn:"):
        return region, account
    _, _, _, region, account, *_ = slack.webhook_secret.split(":")
    return region, account


def _secret(name: str, before: str) -> list[str]:
    """What the whole ARN of a secret is like, given its name or its ARN. To a name Secrets Manager adds a hyphen and six signs;
    of an ARN that ends in those nobody can tell whether they are part of the name."""
    if not name.startswith("arn:"):
        return [f"{before}{name}-??????"]
    return [name, f"{name}-??????"] if re.fullmatch(r".*-[A-Za-z0-9]{6}", name) else [f"{name}-??????"]


def _log(log_group: logs.LogGroup) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
    )
