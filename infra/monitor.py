"""The whole monitor as one construct: schedule → function → topics, with its state, its watchdog and its dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import (
    Annotations,
    CfnMapping,
    CfnOutput,
    Duration,
    RemovalPolicy,
    Stack,
    Tags,
    Token,
)
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk.region_info import RegionInfo
from constructs import Construct
from ses_reputation.core.level import Level, Part
from ses_reputation.core.look import Look
from ses_reputation.settings import Settings, from_tables, load
from ses_reputation.settings.cause import ACTIONS as CAUSE_ACTIONS
from ses_reputation.settings.channels import Stored
from ses_reputation.settings.deployment import OWN_TAG
from ses_reputation.settings.pause import actions as pause_actions

from . import bundle
from .answers import ANSWERS, PACKS, REGULATED, acknowledge
from .chat import ChatChannels
from .dashboard import MonitorDashboard
from .forwarder import Forwarder, filter_policy
from .function import ReputationFunction
from .queue import DeadLetters
from .role import ServiceRole
from .target_alarms import TargetAlarms
from .topic import AlertTopic
from .watchdog import Watchdog, notify

CALL_SECONDS = 27
"""A call that hangs is given up after so long: three attempts and the pauses between them (lambda/, `CONFIG`)."""

TARGET_CALLS = 6
"""Calls for one target, one after another: GetItem, GetSendStatistics, GetAccount, GetMetricData, PutMetricData, PutItem."""

CHANNEL_CALLS = 2
"""Calls for one message on one channel: Publish and PutItem."""

RUN_CALLS = 2
"""Calls for all targets: GetItem of the team's orders, and once a day ListSubscriptionsByTopic."""

LONGEST_TIMEOUT = 900
"""Lambda's own limit, in seconds."""

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""Host of the console in each partition of AWS."""


LOOKING_SECONDS = 2 * 15
"""Reading what SES itself finds of one target, and looking for the causes of its alerts (lambda/, `BUDGET`)."""


PAUSE_CALLS = 6
"""Calls of a pause: GetItem, and the same with PutItem for two notes, and the pause itself."""


def longest_run(channels: int, *, looks: bool, pauses: bool = False) -> int:
    """Seconds that a run takes if every call in it hangs. Targets are read side by side and sent together."""
    calls = TARGET_CALLS + CHANNEL_CALLS * channels + RUN_CALLS + (PAUSE_CALLS if pauses else 0)
    return min(LONGEST_TIMEOUT, CALL_SECONDS * calls + (LOOKING_SECONDS if looks else 0))


class SesReputationMonitor(Construct):
    """The monitor of one account and region, in a stack of your own.

    Give `settings` as the tables of settings.toml (`{"alerts": {"emails": ["oncall@example.org"]}}`) or the path of such a file
    as `settings_file`. Raises `SettingsError` with every problem, or `BundleError` if the function's code cannot be built.

    `topic`, `key`, `subnet_ids` and `security_group_ids` are resources of the same app to use instead of those that the settings
    name or of new ones. You grant what they need yourself: the topic lets cloudwatch.amazonaws.com publish; the key lets
    cloudwatch.amazonaws.com (topics), logs.<region>.amazonaws.com (logs) and the account's roles use it.

    Attributes: `settings`, `topic` (people), `chat_topic` (or None), `function`, `role`, `table`, `schedule`, `alarms`,
    `dashboard`, `slack` (or None).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Mapping[str, Any] | None = None,
        settings_file: str | Path | None = None,
        code: lambda_.Code | None = None,
        environment: Mapping[str, str] | None = None,
        topic: sns.ITopic | None = None,
        key: kms.IKey | None = None,
        subnet_ids: Sequence[str] | None = None,
        security_group_ids: Sequence[str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.settings = read_settings(settings, settings_file)
        if code is None:
            file = settings_file if settings_file is not None else bundle.write_settings(settings or {})
            code = lambda_.Code.from_asset(str(bundle.build(Path(file))))
        self._refuse_what_the_partition_lacks()
        deployment, name = self.settings.deployment, self.settings.stack_name
        stack = Stack.of(self)
        network = {
            "subnet_ids": deployment.subnet_ids if subnet_ids is None else tuple(subnet_ids),
            "security_group_ids": deployment.security_group_ids
            if security_group_ids is None
            else tuple(security_group_ids),
        }
        self.key = self._key() if key is None else key
        self.topic = self._people(topic)
        self.chat_topic = (
            ChatChannels(
                self,
                "Chat",
                name=name,
                chat=self.settings.chat,
                teams=self.settings.teams,
                key=self._key_for("topics"),
                role_path=deployment.role_path,
            ).topic
            if self.settings.amazon_q_on
            else None
        )
        self.table = self._table()
        dashboard_url = self._dashboard_url()
        links = f"\nDashboard: {dashboard_url}\nRunbook: {self._runbook()}"
        failed = DeadLetters(
            self,
            "FailedRuns",
            alarm_name=f"{name}-run-lost",
            alarm_description=(
                "A run of the SES reputation monitor failed for good, retries included; its event is in the queue FailedRuns. The "
                "next run makes up for it. The function's log has the reason. Empty the queue afterwards: this alarm does not ring "
                f"again before that.{links}"
            ),
            key=self._key_for("queues"),
        )
        shared = dict(environment or {})
        part = ReputationFunction(
            self,
            "Function",
            name=name,
            description="Reads SES send statistics, evaluates them and notifies people.",
            handler="ses_reputation.entry.monitor",
            code=code,
            timeout=Duration.seconds(
                longest_run(
                    2 if self.settings.amazon_q_on else 1,
                    looks=self.settings.look is not Look.OFF,
                    pauses=self.settings.pause is not Level.OFF,
                )
            ),
            environment={
                "STATE_TABLE": self.table.table_name,
                "PEOPLE_TOPIC_ARN": self.topic.topic_arn,
                **({"CHAT_TOPIC_ARN": self.chat_topic.topic_arn} if self.chat_topic else {}),
                "DASHBOARD_URL": dashboard_url,
                **shared,
            },
            statements=self._grants(),
            failed=failed.queue,
            max_event_age=Duration.minutes(15),  # the next tick does it all again
            deployment=deployment,
            key=self.key,
            **network,
        )
        self.function, self.role = part.function, part.role
        self.schedule = self._schedule(failed.queue)
        self.watchdog = Watchdog(
            self,
            "Watchdog",
            name=name,
            function=self.function,
            schedule_minutes=deployment.schedule_minutes,
            missed_runs=deployment.missed_runs_before_alarm,
            links=links,
        )
        self.alarms: tuple[cloudwatch.Alarm, ...] = (*self.watchdog.alarms, failed.alarm)

        def forwarder(construct_id: str, stored: Stored, service: str = "Slack", **changes: Any) -> Forwarder:
            given = {
                "name": name,
                "handler": "slack_forwarder",
                "code": code,
                "people": self.topic,
                "only": {},
                "environment": shared,
                "deployment": deployment,
                "key": self.key,
                "links": links,
            }
            return Forwarder(self, construct_id, service=service, stored=stored, **{**given, **network, **changes})

        slack, pagerduty = self.settings.slack, self.settings.pagerduty
        self.slack = forwarder("Slack", slack.webhook) if slack.on else None
        self.forwarders: list[Forwarder] = [] if self.slack is None else [self.slack]
        if pagerduty.on:
            self.forwarders.append(
                forwarder("PagerDuty", pagerduty.routing_key, "PagerDuty", handler="pagerduty_forwarder")
            )
        for number, route in enumerate(self.settings.routes):
            if route.webhook.on:
                self.forwarders.append(
                    forwarder(
                        f"Route{number}Slack",
                        route.webhook,
                        name=f"{name}-Route{number}",
                        only=route.attributes,
                        environment={**shared, "ROUTE": str(number)},
                    )
                )
        for channel in filter(None, (self.topic, self.chat_topic)):
            notify(self.alarms, channel)
        undelivered = [each.alarm for each in self.forwarders]
        notify(undelivered, self.topic)  # the service itself cannot say so; people can
        self.alarms = (*self.alarms, *undelivered)
        if self.settings.alarms.per_target != "off":
            TargetAlarms(
                self, "Targets", settings=self.settings, account=stack.account, region=stack.region, links=links
            )
        self.dashboard = MonitorDashboard(
            self, "Dashboard", settings=self.settings, function=self.function, alarms=self.alarms
        ).dashboard
        if deployment.permissions_boundary:
            iam.PermissionsBoundary.of(self).apply(self._boundary(deployment.permissions_boundary))
        if OWN_TAG not in (tag.lower() for tag, _ in deployment.tags):  # to IAM they are the same
            Tags.of(self).add(OWN_TAG, name)
        for tag, value in deployment.tags:
            Tags.of(self).add(tag, value)
        self._outputs(dashboard_url)
        self._warn()
        self._acknowledge(part)

    def _key(self) -> kms.IKey | None:
        deployment = self.settings.deployment
        if deployment.kms_key_arn:
            return kms.Key.from_key_arn(self, "GivenKey", deployment.kms_key_arn)
        if not deployment.customer_managed_key:
            return None
        stack = Stack.of(self)
        key = kms.Key(
            self,
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
        if "logs" in deployment.encrypt:
            key.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="LogsMayEncrypt",
                    principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                    actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                    resources=["*"],
                    conditions={
                        "ArnLike": {
                            "kms:EncryptionContext:aws:logs:arn": f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:*"
                        }
                    },
                )
            )
        return key

    def _key_for(self, what: str) -> kms.IKey | None:
        return self.key if what in self.settings.deployment.encrypt else None

    def _people(self, given: sns.ITopic | None) -> sns.ITopic:
        """The topic that people read by email, and programs as JSON."""
        arn = self.settings.deployment.topic_arn
        if given is not None:
            topic = given
        elif arn:
            topic = sns.Topic.from_topic_arn(self, "GivenTopic", arn)
        else:
            topic = AlertTopic(
                self,
                "People",
                name=self.settings.stack_name,
                display_name="SES reputation",
                key=self._key_for("topics"),
            )
        for address in self.settings.alerts.emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        for route in self.settings.routes:
            policy = filter_policy(route.attributes)
            for address in route.emails:
                topic.add_subscription(
                    subscriptions.EmailSubscription(address, filter_policy=policy if policy else None)
                )
        return topic

    def _table(self) -> dynamodb.Table:
        key, keep = self._key_for("table"), self.settings.deployment.keep_state
        return dynamodb.Table(
            self,
            "Memory",  # the id of the first edition: under another one an upgrade would start with an empty table
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if key else dynamodb.TableEncryption.DEFAULT,
            encryption_key=key,  # without one: a key that AWS owns, free and always on
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True  # billed by size, which is kilobytes
            ),
            deletion_protection=keep,  # so a first deployment that fails leaves an empty table behind
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )

    def _dashboard_url(self) -> str:
        region = Stack.of(self).region
        hosts = CfnMapping(self, "Console", mapping={part: {"Host": host} for part, host in CONSOLES.items()})
        host = hosts.find_in_map(Stack.of(self).partition, "Host")
        name = self.settings.dashboard_name(region)
        return f"https://{host}/cloudwatch/home?region={region}#dashboards/dashboard/{name}"

    def _runbook(self) -> str:
        own = self.settings.alerts.runbook_url
        return own if own else 'docs/runbook.md, section "The monitor itself"'

    def _grants(self) -> list[iam.PolicyStatement]:
        """Each action stands for one call in lambda/."""
        topics = [topic.topic_arn for topic in (self.topic, self.chat_topic) if topic is not None]
        grants: list[tuple[str, list[str], list[str], dict[str, object] | None]] = [
            ("ReadStatistics", ["ses:GetSendStatistics"], ["*"], None),  # SES has resources only for sending
            ("ReadAccount", ["ses:GetAccount"], ["*"], None),
            ("ReadReputation", ["cloudwatch:GetMetricData"], ["*"], None),  # CloudWatch has none for reading
            (
                "PublishMetrics",
                ["cloudwatch:PutMetricData"],
                ["*"],
                {"StringEquals": {"cloudwatch:namespace": self.settings.metric_namespace}},
            ),
            ("KeepState", ["dynamodb:GetItem", "dynamodb:PutItem"], [self.table.table_arn], None),
            ("Notify", ["sns:Publish"], topics, None),
            ("ListSubscriptions", ["sns:ListSubscriptionsByTopic"], [self.topic.topic_arn], None),
        ]
        granted = {action for _, actions, _, _ in grants for action in actions}
        looked_at = [action for action in CAUSE_ACTIONS[self.settings.look] if action not in granted]
        if looked_at:
            grants.append(("FindCause", looked_at, ["*"], None))  # SES has resources only for sending
        sets = f"arn:{Stack.of(self).partition}:ses:*:{Stack.of(self).account}:configuration-set/*"
        for part, action in pause_actions(self.settings.pause).items():
            sid = "Pause" + part.value.title().replace(" ", "")
            grants.append((sid, [action], [sets if part is Part.SET else "*"], None))
        if self.key is not None:
            grants.append(("UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], [self.key.key_arn], None))
        return [
            iam.PolicyStatement(sid=sid, actions=actions, resources=resources, conditions=conditions)
            for sid, actions, resources, conditions in grants
        ]

    def _schedule(self, failed: sqs.IQueue) -> scheduler.Schedule:
        deployment = self.settings.deployment
        role = ServiceRole(self, "ScheduleRole", service="scheduler.amazonaws.com", path=deployment.role_path)
        key = self._key_for("queues")
        if key is not None:  # the CDK allows the schedule to send to the queue, but not to use its key
            role.add_to_policy(
                iam.PolicyStatement(
                    sid="UseKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn]
                )
            )
        return scheduler.Schedule(
            self,
            "Schedule",
            schedule_name=self.settings.stack_name,
            description="One tick. The scheduled time is the time the run evaluates.",
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(deployment.schedule_minutes)),
            target=targets.LambdaInvoke(
                self.function,
                input=scheduler.ScheduleTargetInput.from_object({"now": scheduler.ContextAttribute.scheduled_time}),
                dead_letter_queue=failed,
                max_event_age=Duration.minutes(15),
                retry_attempts=10,
                role=role,
            ),
        )

    def _boundary(self, policy: str) -> iam.IManagedPolicy:
        if policy.startswith("arn:"):
            return iam.ManagedPolicy.from_managed_policy_arn(self, "Boundary", policy)
        return iam.ManagedPolicy.from_managed_policy_name(self, "Boundary", policy)

    def _refuse_what_the_partition_lacks(self) -> None:
        if not self.settings.amazon_q_on:
            return
        for region in self.settings.targets.regions:
            if RegionInfo.get(region).partition not in ("aws", None):
                Annotations.of(self).add_error(
                    "[chat] or [teams] in settings.toml: Amazon Q Developer in chat applications does not exist in the partition of "
                    f"{region}. Remove their ids; [slack] works there."
                )

    def _warn(self) -> None:
        alerts = self.settings.alerts
        if alerts.example_recipients:
            Annotations.of(self).add_warning_v2(
                "ses-reputation:example-recipients",
                f"Nobody reads {', '.join(alerts.example_recipients)}: name your own recipients in [alerts] emails.",
            )
        if self.forwarders and not alerts.emails and not self.settings.amazon_q_on:
            Annotations.of(self).add_warning_v2(
                "ses-reputation:slack-alone",
                "Only a forwarder gets notifications: if it fails, nobody hears of that either. Add an address to [alerts] "
                "emails.",
            )

    def _outputs(self, dashboard_url: str) -> None:
        outputs = {
            "FunctionName": (self.function.function_name, "The monitor. Its log says what it found and why."),
            "ScheduleName": (self.schedule.schedule_name, "Disable it to stop the monitor; the watchdog then rings."),
            "PeopleTopicArn": (
                self.topic.topic_arn,
                "Subscribe people by email, and programs by SQS, Lambda or HTTPS.",
            ),
            "StateTableName": (
                self.table.table_name,
                "The open alerts. By default it stays when the stack is deleted.",
            ),
            "DashboardUrl": (dashboard_url, "Open this first."),
        }
        if self.chat_topic is not None:
            outputs["ChatTopicArn"] = (self.chat_topic.topic_arn, "What Amazon Q Developer posts in the channel.")
        if self.slack is not None:
            outputs["SlackFunctionName"] = (self.slack.function.function_name, "The forwarder to Slack's webhook.")
        for name, (value, description) in outputs.items():
            CfnOutput(self, name, value=value, description=description)

    def _acknowledge(self, part: ReputationFunction) -> None:
        """Answer the rules of cdk-nag about this construct."""
        invoke = f"IAM5[Resource::<{part.logical_id}.Arn>:*]"
        answers = {
            **ANSWERS,
            invoke: "EventBridge Scheduler may invoke any version of this one function, as the CDK's target has it.",
        }
        if Part.SET in pause_actions(self.settings.pause):
            partition, account = (
                f"<AWS::{name}>" if Token.is_unresolved(value) else value
                for name, value in (("Partition", Stack.of(self).partition), ("AccountId", Stack.of(self).account))
            )
            answers[f"IAM5[Resource::arn:{partition}:ses:*:{account}:configuration-set/*]"] = (
                "Which configuration set causes an alert is known only then; the settings let the monitor pause it."
            )
        acknowledge(self, answers)
        for pack in PACKS:
            acknowledge(self, REGULATED, pack)


def read_settings(settings: Mapping[str, Any] | None, settings_file: str | Path | None) -> Settings:
    """Settings from exactly one of both sources. Raises `SettingsError`, or `ValueError` if there is not exactly one."""
    if (settings is None) == (settings_file is None):
        raise ValueError("give SesReputationMonitor either settings or settings_file")
    return load(Path(settings_file)) if settings_file is not None else from_tables(settings or {}, "settings")
