"""Who watches the watcher: CloudWatch alarms on metrics that AWS gives free, sent by paths that the function is not on."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct


class Watchdog(Construct):
    """Alarms when runs stop or fail in a row. Attribute: `alarms`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        function: lambda_.Function,
        schedule_minutes: int,
        missed_runs: int,
        shards: int,
        links: str,
    ) -> None:
        super().__init__(scope, construct_id)
        every = Duration.minutes(schedule_minutes)
        some, parts = ("No run", "has") if shards == 1 else (f"Fewer than {shards} runs", "have")
        what = f"{some} of the SES reputation monitor {parts} succeeded"
        runs = cloudwatch.MathExpression(
            expression="runs - errors",  # arithmetic takes a missing value for 0; without both there is no result
            using_metrics={
                "runs": function.metric_invocations(period=every, statistic="Sum"),
                "errors": function.metric_errors(period=every, statistic="Sum"),
            },
            label="successful runs",
            period=every,
        )
        self.not_running = cloudwatch.Alarm(
            self,
            "NotRunning",
            alarm_name=f"{name}-not-running",
            alarm_description=(
                f"{what} for {missed_runs} runs of the schedule. Bounce and complaint alerts do not work. Check the schedule and "
                f"the function's log.{links}"
            ),
            metric=runs,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold=shards,
            evaluation_periods=missed_runs,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,  # Lambda publishes nothing if nothing runs
        )
        self.failing = cloudwatch.Alarm(
            self,
            "Failing",
            alarm_name=f"{name}-failing",
            alarm_description=(
                f"{missed_runs} runs of the SES reputation monitor in a row had errors. Notifications may be late or incomplete. "
                f"The function's log names what failed.{links}"
            ),
            metric=function.metric_errors(period=every, statistic="Sum"),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            threshold=1,
            evaluation_periods=missed_runs,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,  # no runs at all are the other alarm's
        )
        self.alarms = (self.not_running, self.failing)


def notify(alarms: Iterable[cloudwatch.AlarmBase], topic: sns.ITopic) -> None:
    """Publish to `topic` when one of the alarms starts and when it is over."""
    for alarm in alarms:
        alarm.add_alarm_action(actions.SnsAction(topic))
        alarm.add_ok_action(actions.SnsAction(topic))
