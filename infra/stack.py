"""The stack: schedule → function → topics, with its memory, its watchdog and its dashboard."""

from __future__ import annotations

from typing import cast

from aws_cdk import Acknowledgment, CfnMapping, CfnOutput, Duration, RemovalPolicy, Stack, Tags, Validations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from ses_reputation.settings import OWN_TAG, Settings

from .chat import chat
from .dashboard import dashboard
from .slack import slack
from .topic import alert_topic
from .watchdog import watchdog

TIMEOUT = Duration.seconds(240)
"""A run makes eight calls one after another; each that hangs is given up after 27 seconds (aws/session.py). So even one at
which everything hangs ends by itself, and before the next tick of the fastest schedule, five minutes."""

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""Where the consoles of AWS's partitions are."""


class MonitorStack(Stack):
    """Everything that one installation needs in one account and region."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, code: lambda_.Code) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Tells the team about its Amazon SES bounce and complaint rates before AWS acts.",
            tags=dict(settings.deployment.tags),
        )
        name = settings.stack_name
        key = self._key() if settings.deployment.customer_managed_key else None
        people = self._people(settings, key)
        memory = self._memory(settings)
        failed = sqs.Queue(
            self,
            "FailedRuns",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        dashboard_url = self._dashboard_url(settings)
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            removal_policy=RemovalPolicy.DESTROY,
        )
        cast(logs.CfnLogGroup, log_group.node.default_child).retention_in_days = settings.deployment.log_retention_days
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description="Reads SES send statistics, judges them and tells people.",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,  # a fifth cheaper, and nothing in the asset is compiled
            handler="ses_reputation.entry.monitor",
            code=code,
            role=role,
            memory_size=256,  # half of it would do; twice the processor halves the handler's time for the same money
            timeout=TIMEOUT,
            log_group=log_group,
            retry_attempts=2,
            max_event_age=Duration.minutes(15),  # the next tick does it all again
            on_failure=destinations.SqsDestination(failed),
            environment={
                "PEOPLE_TOPIC_ARN": people.topic_arn,
                "STATE_TABLE": memory.table_name,
                "DASHBOARD_URL": dashboard_url,
                "POWERTOOLS_SERVICE_NAME": name,
            },
        )
        self._grants(role, settings, people, memory, log_group, key)
        schedule = scheduler.Schedule(
            self,
            "Schedule",
            schedule_name=name,
            description="A tick: its scheduled time is what the run takes for now.",
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(settings.deployment.schedule_minutes)),
            target=targets.LambdaInvoke(
                function,
                input=scheduler.ScheduleTargetInput.from_object({"now": scheduler.ContextAttribute.scheduled_time}),
                dead_letter_queue=failed,
                max_event_age=Duration.minutes(15),
                retry_attempts=10,
            ),
        )
        alarms = watchdog(self, settings, function=function, failed_runs=failed, people=people)
        if settings.slack.on:
            alarms = (*alarms, slack(self, settings, code=code, people=people))
        dashboard(self, settings, function=function, alarms=alarms)
        if settings.chat.on:
            chat(self, settings, key=key, function=function, alarms=alarms)
        for output, value, description in (
            ("FunctionName", function.function_name, "What looks at the account; its log says what it found and why."),
            ("ScheduleName", schedule.schedule_name, "Disable it to stop looking; the watchdog rings then."),
            (
                "PeopleTopicArn",
                people.topic_arn,
                "Subscribe people by email here, and programs by SQS, Lambda or HTTPS.",
            ),
            (
                "MemoryTableName",
                memory.table_name,
                "The open alerts. It stays when the stack goes, unless told not to.",
            ),
            ("DashboardUrl", dashboard_url, "Open this first."),
        ):
            CfnOutput(self, output, value=value, description=description)
        if OWN_TAG not in (tag.lower() for tag, _ in settings.deployment.tags):  # to IAM they are the same
            Tags.of(self).add(OWN_TAG, name)
        self._acknowledge()

    def _acknowledge(self) -> None:
        """What the AwsSolutions rules ask about this stack, answered."""
        for rule, reason in _ANSWERS.items():
            Validations.of(self).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason))

    def _key(self) -> kms.Key:
        key = kms.Key(
            self,
            "TopicKey",
            description="Encrypts the alerts of the SES reputation monitor.",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayPublish",  # CDK's SnsAction does not add this, and without it alarms are lost silently
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        return key

    def _people(self, settings: Settings, key: kms.Key | None) -> sns.Topic:
        """The topic that people read: e-mail, and programs that take the same notifications as JSON."""
        topic = alert_topic(self, "People", name=settings.stack_name, display_name="SES reputation", key=key)
        for address in settings.alerts.emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        return topic

    def _memory(self, settings: Settings) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "Memory",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.DEFAULT,  # by a key that AWS owns: free, and always on
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=(
                RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE  # a first deployment that fails leaves none behind
                if settings.deployment.keep_memory
                else RemovalPolicy.DESTROY
            ),
        )

    def _dashboard_url(self, settings: Settings) -> str:
        hosts = CfnMapping(self, "Console", mapping={part: {"Host": host} for part, host in CONSOLES.items()})
        host = hosts.find_in_map(self.partition, "Host")
        name = settings.dashboard_name(self.region)
        return f"https://{host}/cloudwatch/home?region={self.region}#dashboards/dashboard/{name}"

    def _grants(
        self,
        role: iam.Role,
        settings: Settings,
        people: sns.Topic,
        memory: dynamodb.Table,
        log_group: logs.LogGroup,
        key: kms.Key | None,
    ) -> None:
        """Each action stands for one call in lambda/."""

        def allow(sid: str, actions: list[str], resource: str, conditions: dict[str, object] | None = None) -> None:
            role.add_to_policy(
                iam.PolicyStatement(sid=sid, actions=actions, resources=[resource], conditions=conditions)
            )

        allow("ReadStatistics", ["ses:GetSendStatistics"], "*")  # SES knows no resources but for sending
        allow("ReadAccount", ["ses:GetAccount"], "*")
        allow("ReadReputation", ["cloudwatch:GetMetricData"], "*")  # nor does CloudWatch for reading
        allow(
            "PublishMetrics",
            ["cloudwatch:PutMetricData"],
            "*",
            {"StringEquals": {"cloudwatch:namespace": settings.metric_namespace}},
        )
        allow("Remember", ["dynamodb:GetItem", "dynamodb:PutItem"], memory.table_arn)
        allow("Tell", ["sns:Publish"], people.topic_arn)
        allow("NoteUnconfirmed", ["sns:ListSubscriptionsByTopic"], people.topic_arn)
        allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn)
        if key is not None:
            allow("EncryptMessages", ["kms:Decrypt", "kms:GenerateDataKey"], key.key_arn)


_ANSWERS = {
    "SQS3": "The queue of failed runs is itself the dead-letter queue of the function and of the schedule.",
    "IAM5[Resource::*]": "Amazon SES and CloudWatch know no resources for reading statistics and putting metrics; the "
    "latter is held to the monitor's own namespace by a condition.",
    "IAM5[Resource::<Function76856677.Arn>:*]": "EventBridge Scheduler's role may invoke any version of this one function; "
    "the CDK's target makes that statement.",
    "L1": "Python 3.13 is supported until 2029, and the deployed asset is tested on exactly that version.",
}
"""Each finding of the AwsSolutions rules that stays, by its name, and why."""
