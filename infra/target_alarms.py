"""Alarms on each target's verdict, for teams that already route CloudWatch alarms (opt-in, $0.10 a month each)."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct
from ses_reputation.core.metrics import VERDICT, VERDICT_VALUES
from ses_reputation.core.rules import Verdict
from ses_reputation.settings import Settings

UNKNOWN = VERDICT_VALUES[Verdict.UNKNOWN]

LEVELS = {"warning": VERDICT_VALUES[Verdict.WARNING], "critical": VERDICT_VALUES[Verdict.CRITICAL]}
"""Value of the metric `Verdict` from which on the alarm rings."""


class TargetAlarms(Construct):
    """One alarm for each target and one composite over all. Attributes: `alarms`, `composite`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, account: str, region: str, links: str
    ) -> None:
        super().__init__(scope, construct_id)
        level = settings.alarms.per_target
        every = Duration.minutes(max(15, settings.deployment.schedule_minutes))
        regions = settings.targets.regions if settings.targets.regions else (region,)
        self.alarms = [
            cloudwatch.Alarm(
                self,
                target if settings.targets.regions else "Own",  # the region of the stack is known at deployment only
                alarm_name=f"{settings.stack_name}-verdict-{target}",
                alarm_description=(
                    f"The SES reputation of {target} is {level} or worse, or cannot be evaluated.{links}"
                ),
                metric=cloudwatch.MathExpression(
                    expression=f"IF(verdict >= {LEVELS[level]} || verdict <= {UNKNOWN}, 1, 0)",
                    using_metrics={
                        "verdict": cloudwatch.Metric(
                            namespace=settings.metric_namespace,
                            metric_name=VERDICT,
                            dimensions_map={"Account": account, "Region": target},
                            statistic="Maximum",
                            period=every,
                        )
                    },
                    label="reputation at risk or unknown",
                    period=every,
                ),
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                threshold=1,
                evaluation_periods=3,
                datapoints_to_alarm=2,
                treat_missing_data=cloudwatch.TreatMissingData.BREACHING,  # unknown is never healthy
            )
            for target in regions
        ]
        self.composite = cloudwatch.CompositeAlarm(
            self,
            "Any",
            composite_alarm_name=f"{settings.stack_name}-verdict",
            alarm_description=f"The SES reputation of at least one target is {level} or worse, or cannot be evaluated.{links}",
            alarm_rule=cloudwatch.AlarmRule.any_of(*self.alarms),
        )
