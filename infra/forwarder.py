"""A forwarder to an incoming webhook of Slack or to PagerDuty: a function subscribed to the people's topic, and a queue for what
the service did not take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct
from ses_reputation.settings.channels import Stored
from ses_reputation.settings.deployment import Deployment

from .dead_letters import DeadLetters
from .function import ReputationFunction
from .nag_suppressions import acknowledge

TIMEOUT = Duration.seconds(60)
"""Room for the pause that Slack asks for when a channel gets more than one message a second; it is shorter than a minute."""


class Forwarder(Construct):
    """Forwards notifications of `people` to a service. Attributes: `function`, `role`, `alarm`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        service: str,
        handler: str,
        code: lambda_.Code,
        people: sns.ITopic,
        stored: Stored,
        only: Mapping[str, Sequence[str]],
        environment: Mapping[str, str],
        deployment: Deployment,
        key: kms.IKey | None,
        subnet_ids: Sequence[str],
        security_group_ids: Sequence[str],
        links: str,
    ) -> None:
        super().__init__(scope, construct_id)
        undelivered = DeadLetters(
            self,
            "Undelivered",
            alarm_name=f"{name}-{service.lower()}-undelivered",
            alarm_description=(
                f"{service} did not take a notification in three attempts; it is in the queue {construct_id}Undelivered. Email and "
                "chat have it. The log of the forwarder says why. Empty the queue afterwards: this alarm does not ring again before "
                f"that.{links}"
            ),
            key=key if deployment.encrypts("queues") else None,
        )
        part = ReputationFunction(
            self,
            "Function",
            name=f"{name}-{service}",
            description=f"Forwards notifications to {service}.",
            handler=f"ses_reputation.entry.{handler}",
            code=code,
            timeout=TIMEOUT,
            environment=environment,
            statements=_read(Stack.of(self), stored),
            failed=undelivered.queue,
            deployment=deployment,
            key=key,
            subnet_ids=subnet_ids,
            security_group_ids=security_group_ids,
        )
        region, account = _place(stored, "<AWS::Region>", "<AWS::AccountId>")
        acknowledge(
            part,
            {
                f"IAM5[Resource::arn:<AWS::Partition>:kms:{region}:{account}:key/*]": "The key that "
                "encrypts the stored address or key is not known here; a condition on the encryption context limits the right to "
                "that one parameter or secret."
            },
        )
        people.add_subscription(
            subscriptions.LambdaSubscription(
                part.function, dead_letter_queue=undelivered.queue, filter_policy=filter_policy(only) if only else None
            )
        )
        self.function, self.role, self.alarm = part.function, part.role, undelivered.alarm


def filter_policy(only: Mapping[str, Sequence[str]]) -> dict[str, sns.SubscriptionFilter]:
    """Filter of a subscription: attribute → the words of which one must occur."""
    return {name: sns.SubscriptionFilter.string_filter(allowlist=[*words]) for name, words in only.items()}


def _read(stack: Stack, stored: Stored) -> tuple[iam.PolicyStatement, ...]:
    """Allow reading the stored address or key and nothing else, whatever key of its account encrypts it."""
    region, account = _place(stored, stack.region, stack.account)
    if stored.parameter:
        action, context = "ssm:GetParameter", "PARAMETER_ARN"
        where = [f"arn:{stack.partition}:ssm:{region}:{account}:parameter{stored.parameter}"]
    else:
        action, context = "secretsmanager:GetSecretValue", "SecretARN"
        where = _secret(stored.secret, f"arn:{stack.partition}:secretsmanager:{region}:{account}:secret:")
    return (
        iam.PolicyStatement(sid="ReadWebhook", actions=[action], resources=where),
        iam.PolicyStatement(
            sid="DecryptWebhook",
            actions=["kms:Decrypt"],
            resources=[f"arn:{stack.partition}:kms:{region}:{account}:key/*"],
            conditions={"StringLike": {f"kms:EncryptionContext:{context}": where}},
        ),
    )


def _place(stored: Stored, region: str, account: str) -> tuple[str, str]:
    """Region and account that store the address: those of a secret's ARN, else those given."""
    if not stored.secret.startswith("arn:"):
        return region, account
    _, _, _, region, account, *_ = stored.secret.split(":")
    return region, account


def _secret(name: str, before: str) -> list[str]:
    """Patterns of a secret's whole ARN, from its name or ARN. Secrets Manager appends a hyphen and six characters to a name; an
    ARN that ends in such may be whole or not."""
    if not name.startswith("arn:"):
        return [f"{before}{name}-??????"]
    return [name, f"{name}-??????"] if re.fullmatch(r".*-[A-Za-z0-9]{6}", name) else [f"{name}-??????"]
