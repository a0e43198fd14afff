"""The whole monitor as one construct: schedule → function → topics, with its state, its watchdog and its dashboard."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
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
from ses_reputation.core.cause_level import CauseLevel
from ses_reputation.core.pause_level import Level, Part
from ses_reputation.core.target import CONSOLES
from ses_reputation.settings import Settings, from_tables, load
from ses_reputation.settings import fleet as fleet_settings
from ses_reputation.settings.channels import Stored
from ses_reputation.settings.deployment import OWN_TAG
from ses_reputation.settings.pause import actions as pause_actions
from ses_reputation.settings.warnings import warnings_of

from . import bundle
from .amazon_q import ChatChannels
from .dashboard import MonitorDashboard
from .dead_letters import DeadLetters
from .forwarder import Forwarder, filter_policy
from .function import MEMORY_MB, ReputationFunction
from .grants import grants
from .key import key_for
from .nag_suppressions import ANSWERS, PACKS, REGULATED, acknowledge
from .names import made_up_name, remove_names
from .role import ServiceRole
from .run_at_once import RunAtOnce
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

LOOKING_SECONDS = 2 * 15
"""Reading what SES itself finds of one target, and looking for the causes of its alerts (lambda/, `BUDGET`)."""


PAUSE_CALLS = 8
"""Calls of a pause: GetItem, the tenant's ARN, two notes of GetItem and PutItem each, the pause; and as long for the look."""


def longest_run(settings: Settings) -> int:
    """Seconds that a run takes if every call in it hangs. Targets are read side by side and sent together.

    The run of a fleet may take all the time until the next one.
    """
    if settings.fleet.on:
        return min(LONGEST_TIMEOUT, settings.deployment.every)
    channels = 1 + settings.amazon_q_on + bool(settings.events.bus)
    pausing = 0 if settings.pause is Level.OFF else PAUSE_CALLS
    looking = 0 if settings.look is CauseLevel.OFF else LOOKING_SECONDS
    calls = TARGET_CALLS + CHANNEL_CALLS * channels + RUN_CALLS + pausing
    return min(LONGEST_TIMEOUT, CALL_SECONDS * calls + looking)


class SesReputationMonitor(Construct):
    """The monitor of one account and region, in a stack of your own.

    Give `settings` as the tables of settings.toml (`{"alerts": {"emails": ["oncall@example.org"]}}`) or the path of such a file
    as `settings_file`. Raises `SettingsError` with every problem, or `BundleError` if the function's code cannot be built.

    `topic`, `key`, `subnet_ids` and `security_group_ids` are resources of the same app to use instead of those that the settings
    name or of new ones. You grant what they need yourself: the topic lets cloudwatch.amazonaws.com publish; the key lets
    cloudwatch.amazonaws.com (topics), logs.<region>.amazonaws.com (logs) and the account's roles use it.

    Attributes: `settings`, `topic` (people), `chat_topic` (or None), `programs` (a topic; None without accounts), `function`,
    `role`, `table`, `schedule`, `alarms`, `dashboard`, `slack` (or None).
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
        self._refuse_what_the_place_lacks()
        deployment, stack = self.settings.deployment, Stack.of(self)
        name = self.settings.stack_name if deployment.fixed_names else made_up_name(self)
        dashboard_name = f"{name}-{stack.region}"  # an account has its dashboards in common for all regions
        dashboard_url = self._dashboard_url(dashboard_name)
        links = f"\nDashboard: {dashboard_url}\nRunbook: {self._runbook()}"
        self.key = key_for(self, deployment) if key is None else key
        self.topic = self._people(topic)
        self.chat_topic = self._chat(name)
        self.programs = self._programs(name)
        self.table = self._table()
        shared: dict[str, Any] = {
            "code": self._code(settings, settings_file) if code is None else code,
            "deployment": deployment,
            "key": self.key,
            "subnet_ids": tuple(deployment.subnet_ids if subnet_ids is None else subnet_ids),
            "security_group_ids": tuple(
                deployment.security_group_ids if security_group_ids is None else security_group_ids
            ),
        }
        failed = self._failed_runs(name, links)
        part = self._function(name, dashboard_url, environment or {}, failed.queue, **shared)
        self.function, self.role = part.function, part.role
        if self.settings.fleet.on:
            self.function.add_environment("MONITOR_ROLE_ARN", self.role.role_arn)
        self.schedules = self._schedules(failed.queue)
        self.schedule = self.schedules[0]
        if self.settings.events.run_at_once:
            RunAtOnce(self, "AtOnce", function=self.function)
        self.watchdog = Watchdog(
            self,
            "Watchdog",
            name=name,
            function=self.function,
            schedule_minutes=deployment.schedule_minutes,
            missed_runs=deployment.missed_runs_before_alarm,
            shards=self.settings.shards,
            links=links,
        )
        self.slack: Forwarder | None = None
        self.forwarders = self._forwarders(name, environment or {}, links=links, **shared)
        self.alarms = self._alarms(failed.alarm)
        if self.settings.alarms.per_target != "off":
            TargetAlarms(
                self, "Targets", settings=self.settings, account=stack.account, region=stack.region, links=links
            )
        self.dashboard = MonitorDashboard(
            self,
            "Dashboard",
            name=dashboard_name,
            settings=self.settings,
            function=self.function,
            alarms=self.alarms,
        ).dashboard
        self._follow_rules()
        self._outputs(dashboard_url)
        self._warn()
        self._acknowledge(part)

    @staticmethod
    def _code(settings: Mapping[str, Any] | None, settings_file: str | Path | None) -> lambda_.Code:
        """The function's asset, with the settings in it."""
        file = settings_file if settings_file is not None else bundle.write_settings(settings or {})
        return lambda_.Code.from_asset(str(bundle.build(Path(file))))

    def _failed_runs(self, name: str, links: str) -> DeadLetters:
        """The queue of what failed for good, with its alarm."""
        return DeadLetters(
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

    def _function(
        self, name: str, dashboard_url: str, environment: Mapping[str, str], failed: sqs.IQueue, **shared: Any
    ) -> ReputationFunction:
        others = {"CHAT_TOPIC_ARN": self.chat_topic, "PROGRAMS_TOPIC_ARN": self.programs}
        topics = {variable: topic for variable, topic in others.items() if topic is not None}
        return ReputationFunction(
            self,
            "Function",
            name=name,
            description="Reads SES send statistics, evaluates them and notifies people.",
            handler="ses_reputation.entry.monitor",
            timeout=Duration.seconds(longest_run(self.settings)),
            environment={
                "ACCOUNT_ID": Stack.of(self).account,
                "STATE_TABLE": self.table.table_name,
                "PEOPLE_TOPIC_ARN": self.topic.topic_arn,
                **{variable: topic.topic_arn for variable, topic in topics.items()},
                "DASHBOARD_URL": dashboard_url,
                **environment,
            },
            statements=grants(
                self.settings, table=self.table, people=self.topic, others=[*topics.values()], key=self.key
            ),
            failed=failed,
            max_event_age=Duration.minutes(15),  # the next tick does it all again
            memory=fleet_settings.MEMORY_MB if self.settings.fleet.on else MEMORY_MB,
            **shared,
        )

    def _alarms(self, lost: cloudwatch.Alarm) -> tuple[cloudwatch.Alarm, ...]:
        """Every alarm on the monitor itself, each with somebody who hears of it."""
        own = (*self.watchdog.alarms, lost)
        for channel in filter(None, (self.topic, self.chat_topic, self.programs)):
            notify(own, channel)
        undelivered = [each.alarm for each in self.forwarders]
        notify(undelivered, self.topic)  # the service itself cannot say so; people can
        return (*own, *undelivered)

    def _chat(self, name: str) -> sns.ITopic | None:
        """The topic that Amazon Q Developer posts in chats."""
        if not self.settings.amazon_q_on:
            return None
        return ChatChannels(
            self,
            "Chat",
            name=name,
            chat=self.settings.chat,
            teams=self.settings.teams,
            key=self._key_for("topics"),
            role_path=self.settings.deployment.role_path,
        ).topic

    def _programs(self, name: str) -> sns.ITopic | None:
        """The topic of a fleet that gets each notification; the people's gets a summary of very many."""
        if not self.settings.fleet.on:
            return None
        shown, key = "SES reputation", self._key_for("topics")
        return AlertTopic(self, "Programs", name=f"{name}-Programs", display_name=shown, key=key)

    def _forwarders(self, name: str, environment: Mapping[str, str], **shared: Any) -> list[Forwarder]:
        """A forwarder for each service that the settings name, and for each webhook of a route."""

        def forwarder(construct_id: str, stored: Stored, **changes: Any) -> Forwarder:
            given = {"name": name, "service": "Slack", "handler": "slack_forwarder", "only": {}, **shared, **changes}
            given["environment"] = {**environment, **changes.get("environment", {})}
            return Forwarder(self, construct_id, **{"people": self.topic, **given}, stored=stored)

        slack, pagerduty = self.settings.slack, self.settings.pagerduty
        made = []
        if slack.on:
            self.slack = forwarder("Slack", slack.webhook)
            made.append(self.slack)
        if pagerduty.on:
            handler = "pagerduty_forwarder"
            each = {} if self.programs is None else {"people": self.programs}
            made.append(forwarder("PagerDuty", pagerduty.routing_key, service="PagerDuty", handler=handler, **each))
        for number, route in enumerate(self.settings.routes):
            if route.webhook.on:
                own = {"name": f"{name}-Route{number}", "environment": {"ROUTE": str(number)}}
                made.append(forwarder(f"Route{number}Slack", route.webhook, only=route.attributes, **own))
        return made

    def _follow_rules(self) -> None:
        """Names, tags and the permissions boundary as the organisation demands them."""
        deployment = self.settings.deployment
        if not deployment.fixed_names:
            remove_names(self)
        if deployment.permissions_boundary:
            iam.PermissionsBoundary.of(self).apply(self._boundary(deployment.permissions_boundary))
        if OWN_TAG not in (tag.lower() for tag, _ in deployment.tags):  # to IAM they are the same
            Tags.of(self).add(OWN_TAG, self.settings.stack_name)
        for tag, value in deployment.tags:
            Tags.of(self).add(tag, value)

    def _key_for(self, what: str) -> kms.IKey | None:
        return self.key if self.settings.deployment.encrypts(what) else None

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

    def _dashboard_url(self, name: str) -> str:
        region = Stack.of(self).region
        hosts = CfnMapping(self, "Console", mapping={part: {"Host": host} for part, host in CONSOLES.items()})
        host = hosts.find_in_map(Stack.of(self).partition, "Host")
        return f"https://{host}/cloudwatch/home?region={region}#dashboards/dashboard/{name}"

    def _runbook(self) -> str:
        own = self.settings.alerts.runbook_url
        return own if own else 'docs/runbook.md, section "The monitor itself"'

    def _schedules(self, failed: sqs.IQueue) -> list[scheduler.Schedule]:
        """One schedule for each shard. All share a role, and the first has the name of the only one."""
        deployment, shards = self.settings.deployment, self.settings.shards
        role = ServiceRole(self, "ScheduleRole", service="scheduler.amazonaws.com", path=deployment.role_path)
        key = self._key_for("queues")
        if key is not None:  # the CDK allows the schedule to send to the queue, but not to use its key
            role.add_to_policy(
                iam.PolicyStatement(
                    sid="UseKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn]
                )
            )

        def schedule(number: int) -> scheduler.Schedule:
            event: dict[str, Any] = {"now": scheduler.ContextAttribute.scheduled_time}
            if self.settings.fleet.on:
                event |= {"shard": number, "of": shards}
            return scheduler.Schedule(
                self,
                f"Schedule{number or ''}",
                schedule_name=f"{self.settings.stack_name}-{number}" if number else self.settings.stack_name,
                description="One tick. The scheduled time is the time the run evaluates.",
                schedule=scheduler.ScheduleExpression.rate(Duration.minutes(deployment.schedule_minutes)),
                target=targets.LambdaInvoke(
                    self.function,
                    input=scheduler.ScheduleTargetInput.from_object(event),
                    dead_letter_queue=failed,
                    max_event_age=Duration.minutes(15),
                    retry_attempts=10,
                    role=role,
                ),
            )

        return [schedule(number) for number in range(shards)]

    def _boundary(self, policy: str) -> iam.IManagedPolicy:
        if policy.startswith("arn:"):
            return iam.ManagedPolicy.from_managed_policy_arn(self, "Boundary", policy)
        return iam.ManagedPolicy.from_managed_policy_name(self, "Boundary", policy)

    def _refuse_what_the_place_lacks(self) -> None:
        """Add an error for each setting that does not work in the region of the stack.

        A region that only the CDK's command names is warned of: the template may be deployed elsewhere.
        """
        notes, region = Annotations.of(self), Stack.of(self).region
        known = not Token.is_unresolved(region)
        here = region if known else os.environ.get("CDK_DEFAULT_REGION", "")
        deployment = self.settings.deployment
        for name, arn in (
            ("[deployment] topic_arn", deployment.topic_arn),
            ("[deployment] kms_key_arn", deployment.kms_key_arn),
            ("[events] bus", self.settings.events.bus),
        ):
            if here and arn.startswith("arn:") and arn.split(":")[3] != here:
                text = f"{name} in settings.toml: {arn} is not in {here}, the region of the stack. Name one of that region."
                if known:
                    notes.add_error(text)
                else:
                    notes.add_warning_v2("ses-reputation:region", text)
        own = (region,) if known else ()
        for where in dict.fromkeys((*own, *self.settings.targets.regions)) if self.settings.amazon_q_on else ():
            if RegionInfo.get(where).partition not in ("aws", None):
                notes.add_error(
                    "[chat] or [teams] in settings.toml: Amazon Q Developer in chat applications does not exist in the partition of "
                    f"{where}. Remove their ids; [slack] works there."
                )

    def _warn(self) -> None:
        for name, text in warnings_of(self.settings, _unknown_regions, key_given=self.key is not None):
            Annotations.of(self).add_warning_v2(f"ses-reputation:{name}", text)

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
        if self.settings.fleet.on:
            outputs["MonitorRoleArn"] = (self.role.role_arn, "What the role in each other account must trust.")
        if self.programs is not None:
            outputs["ProgramsTopicArn"] = (self.programs.topic_arn, "Each notification, for SQS, Lambda or HTTPS.")
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
            f"IAM5[Resource::arn:<AWS::Partition>:iam::*:role/{self.settings.fleet.role_name}]": "The accounts of the organizational "
            "units are not known here. The role of that name decides in each account whom it lets in.",
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


def _unknown_regions(regions: Iterable[str]) -> list[str]:
    return [
        f'Region "{region}": the installed aws-cdk-lib knows none of that name. '
        "Check the name; if AWS has opened it since, update aws-cdk-lib."
        for region in regions
        if RegionInfo.get(region).partition is None
    ]
