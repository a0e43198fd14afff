"""A Lambda function with its role and its log group: the monitor is one, each forwarder another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from ses_reputation.settings.deployment import Deployment

from .role import ServiceRole

NETWORK = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""The actions Lambda needs to place a function in a VPC (AWSLambdaVPCAccessExecutionRole)."""


MEMORY_MB = 256
"""Half of it would do; twice the processor halves the handler's time for the same money."""


class ReputationFunction(Construct):
    """One function of the asset. Attributes: `function`, `role`, `log_group`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        handler: str,
        code: lambda_.Code,
        timeout: Duration,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        failed: sqs.IQueue,
        max_event_age: Duration | None = None,
        memory: int = MEMORY_MB,
        deployment: Deployment,
        key: kms.IKey | None = None,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            log_group_class=logs.LogGroupClass[deployment.log_class],
            encryption_key=key if deployment.encrypts("logs") else None,
            removal_policy=RemovalPolicy.DESTROY,
        )
        cast(logs.CfnLogGroup, self.log_group.node.default_child).retention_in_days = deployment.log_retention_days
        self.role = ServiceRole(self, "Role", service="lambda.amazonaws.com", path=deployment.role_path)
        for statement in (*statements, _write(self.log_group)):
            self.role.add_to_policy(statement)
        if subnet_ids:
            self.role.add_to_policy(iam.PolicyStatement(sid="JoinVpc", actions=[*NETWORK], resources=["*"]))
        self.function = lambda_.Function(
            self,
            "Default",
            function_name=name,
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,  # a fifth cheaper, and nothing in the asset is compiled
            handler=handler,
            code=code,
            role=self.role,
            memory_size=memory,
            timeout=timeout,
            log_group=self.log_group,
            retry_attempts=2,
            max_event_age=max_event_age,
            on_failure=destinations.SqsDestination(failed),
            environment={"POWERTOOLS_SERVICE_NAME": name, **environment},
            environment_encryption=key if deployment.encrypts("environment") else None,
        )
        if subnet_ids:
            cast(
                lambda_.CfnFunction, self.function.node.default_child
            ).vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=[*subnet_ids], security_group_ids=[*security_group_ids]
            )

    @property
    def logical_id(self) -> str:
        """The function's logical id in the template, which rule checkers name it by."""
        return Stack.of(self).get_logical_id(cast(lambda_.CfnFunction, self.function.node.default_child))


def _write(log_group: logs.LogGroup) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
    )
