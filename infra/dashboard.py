"""The dashboard: verdict and headroom first, then the rates with every line drawn, volume, and the monitor's own health."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from ses_reputation.core.rates import AWS_LINES
from ses_reputation.core.rules import MetricPolicy
from ses_reputation.settings import Settings

RED, ORANGE, BLUE, GREY, PURPLE = "#d13212", "#ff9900", "#1f77b4", "#7f7f7f", "#9467bd"

TICK = Duration.minutes(15)


def dashboard(
    stack: Stack, settings: Settings, *, function: lambda_.Function, alarms: Sequence[cloudwatch.Alarm]
) -> cloudwatch.Dashboard:
    """One row of widgets after another for each target; the monitor's own alarms and health last."""
    regions = settings.targets.regions if settings.targets.regions else (stack.region,)
    board = cloudwatch.Dashboard(
        stack, "Dashboard", dashboard_name=settings.stack_name, default_interval=Duration.days(14)
    )
    board.add_widgets(cloudwatch.TextWidget(markdown=_EXPLANATION, width=24, height=4))
    for region in regions:
        _target(board, stack, settings, region)
    board.add_widgets(cloudwatch.TextWidget(markdown="## The monitor itself", width=24, height=1))
    board.add_widgets(
        cloudwatch.AlarmStatusWidget(
            title="Does it run? Red: people were told", width=24, height=3, alarms=list(alarms)
        )
    )
    board.add_widgets(*_health(settings, function))
    return board


_EXPLANATION = """\
**Verdict**: 0 fine, 1 warning, 2 critical, below 0 not known. **Headroom**: how much of the way to AWS's review line is left, \
over our estimate of the mail that AWS counts (the last 10,000 mails or one day).
**Why AWS's numbers differ**: AWS counts only mail to domains you have not verified, over a span of mail it does not publish, and \
complaints only against mail to providers that report them. Its rates move later; ours move first.
AWS reviews accounts at **5 %** bounces and **0.1 %** complaints, and may pause them at **10 %** and **0.5 %**."""


def _target(board: cloudwatch.Dashboard, stack: Stack, settings: Settings, region: str) -> None:
    def ours(name: str, label: str, color: str, statistic: str = "Average") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=settings.metric_namespace,
            metric_name=name,
            dimensions_map={"Account": stack.account, "Region": region},
            statistic=statistic,
            period=TICK,
            label=label,
            color=color,
        )

    def aws(name: str, label: str, color: str, statistic: str = "Maximum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SES",
            metric_name=name,
            statistic=statistic,
            period=Duration.hours(1),
            label=label,
            color=color,
            region=region,
        )

    def rates(policy: MetricPolicy, prefix: str, title: str) -> cloudwatch.GraphWidget:
        lines = AWS_LINES[policy.metric]
        return cloudwatch.GraphWidget(
            title=title,
            width=12,
            height=8,
            left=[
                ours(f"{prefix}Rate", "now", BLUE),
                ours(f"EstimatedAws{prefix}Rate", "over the mail AWS counts (our estimate)", PURPLE),
                aws(f"Reputation.{prefix}Rate", "AWS's own", GREY),
            ],
            left_y_axis=cloudwatch.YAxisProps(min=0, label="fraction", show_units=False),
            left_annotations=[
                cloudwatch.HorizontalAnnotation(value=policy.warning, label="warning", color=ORANGE),
                cloudwatch.HorizontalAnnotation(value=policy.critical, label="critical", color=RED),
                cloudwatch.HorizontalAnnotation(value=lines.review, label="AWS reviews", color=RED),
                cloudwatch.HorizontalAnnotation(value=lines.pause, label="AWS may pause", color=RED),
            ],
        )

    board.add_widgets(cloudwatch.TextWidget(markdown=f"## {region}", width=24, height=1))
    board.add_widgets(
        cloudwatch.SingleValueWidget(
            title="Verdict and headroom",
            width=24,
            height=4,
            sparkline=True,
            metrics=[
                ours("Verdict", "Verdict (0 fine, 1 warning, 2 critical)", RED, "Maximum"),
                ours("Headroom", "Headroom (1 all, 0 none)", BLUE),
                ours("BounceRate", "Bounce rate", BLUE),
                ours("ComplaintRate", "Complaint rate", PURPLE),
            ],
        )
    )
    board.add_widgets(
        rates(settings.policy.bounce, "Bounce", "Bounce rate"),
        rates(settings.policy.complaint, "Complaint", "Complaint rate"),
    )
    board.add_widgets(
        cloudwatch.GraphWidget(
            title="Mails an hour, as SES counts them",
            width=12,
            height=6,
            left=[aws("Send", "sent", BLUE, "Sum"), aws("Delivery", "delivered", PURPLE, "Sum")],
        ),
        cloudwatch.GraphWidget(
            title="Bounces, complaints and rejects an hour",
            width=12,
            height=6,
            left=[
                aws("Bounce", "bounces", ORANGE, "Sum"),
                aws("Complaint", "complaints", RED, "Sum"),
                aws("Reject", "rejects", GREY, "Sum"),
            ],
        ),
    )


def _health(settings: Settings, function: lambda_.Function) -> list[cloudwatch.IWidget]:
    every = Duration.minutes(settings.deployment.schedule_minutes)

    def monitor(name: str, label: str, color: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=f"{settings.metric_namespace}/Monitor",
            metric_name=name,
            dimensions_map={"service": settings.stack_name},
            statistic="Maximum",
            period=every,
            label=label,
            color=color,
        )

    return [
        cloudwatch.GraphWidget(
            title="Runs and failures",
            width=12,
            height=6,
            left=[
                function.metric_invocations(period=every, label="runs", color=BLUE),
                function.metric_errors(period=every, label="failed runs", color=RED),
                monitor("FailedTargets", "targets that could not be read", ORANGE),
            ],
        ),
        cloudwatch.GraphWidget(
            title="Minutes since the newest mail it knows of",
            width=12,
            height=6,
            left=[monitor("NewestBucketAgeMinutes", "minutes", BLUE)],
            left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        ),
    ]
