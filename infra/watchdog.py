"""Who watches the watcher: CloudWatch alarms on metrics that AWS gives free, told to the same people by paths that the
function is not on."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from ses_reputation.settings import Settings


def watchdog(
    stack: Stack, settings: Settings, *, function: lambda_.Function, failed_runs: sqs.Queue, people: sns.Topic
) -> tuple[cloudwatch.Alarm, ...]:
    """Alarms when runs stop, fail, or end in the dead-letter queue; each says so again when it is over."""
    name = settings.stack_name
    every = Duration.minutes(settings.deployment.schedule_minutes)
    missed = settings.deployment.missed_runs_before_alarm
    runs = cloudwatch.MathExpression(
        expression="runs - errors",  # arithmetic takes a missing value for 0; without both there is no result
        using_metrics={
            "runs": function.metric_invocations(period=every, statistic="Sum"),
            "errors": function.metric_errors(period=every, statistic="Sum"),
        },
        label="runs that did their work",
        period=every,
    )
    alarms = (
        cloudwatch.Alarm(
            stack,
            "NotRunning",
            alarm_name=f"{name}-not-running",
            alarm_description=(
                f"No run of the SES reputation monitor has succeeded for {missed * settings.deployment.schedule_minutes} "
                "minutes: nobody may be told of bounces or complaints. Look at the schedule and the function's log."
            ),
            metric=runs,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold=1,
            evaluation_periods=missed,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,  # Lambda publishes nothing where nothing runs
        ),
        cloudwatch.Alarm(
            stack,
            "Failing",
            alarm_name=f"{name}-failing",
            alarm_description=(
                f"{missed} runs of the SES reputation monitor in a row had errors: what it tells may be late or "
                "incomplete. The function's log names what failed."
            ),
            metric=function.metric_errors(period=every, statistic="Sum"),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            threshold=1,
            evaluation_periods=missed,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,  # no runs at all are the other alarm's
        ),
        alarm_on_queue(
            stack,
            "RunLost",
            name=f"{name}-run-lost",
            description=(
                "A run of the SES reputation monitor failed for good, retries included; its event is in the queue of "
                "failed runs. The next run makes up for it; look at the function's log for the reason, then empty the queue: until "
                "then this alarm does not ring for another."
            ),
            queue=failed_runs,
        ),
    )
    ring(alarms, people)
    return alarms


def alarm_on_queue(
    stack: Stack, construct_id: str, *, name: str, description: str, queue: sqs.Queue
) -> cloudwatch.Alarm:
    """Rings while there is anything in a queue that should be empty."""
    return cloudwatch.Alarm(
        stack,
        construct_id,
        alarm_name=name,
        alarm_description=description,
        metric=queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(5), statistic="Maximum"),
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        threshold=1,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,  # SQS stops counting an idle empty queue
    )


def ring(alarms: Iterable[cloudwatch.Alarm], topic: sns.Topic) -> None:
    """Tells `topic` when an alarm begins and when it is over."""
    for alarm in alarms:
        alarm.add_alarm_action(actions.SnsAction(topic))
        alarm.add_ok_action(actions.SnsAction(topic))
