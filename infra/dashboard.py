"""The dashboard: verdict and headroom first, then the rates with every line drawn, what was told, volume, AWS's decision, and
the monitor's own health.

What costs nothing extra is drawn from where it is: AWS's own metrics, and the function's log, which is read when somebody
looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.rules import MetricPolicy
from ses_reputation.settings import Settings

RED, ORANGE, BLUE, GREY, PURPLE = "#d13212", "#ff9900", "#1f77b4", "#7f7f7f", "#9467bd"

TICK = Duration.minutes(15)

CHOSEN = "CHOSEN-REGION"
"""Stands in the body of a dashboard with several targets for the region that its reader chooses."""

MOST_ROWS = 10
"""Of the grid, for the table of all targets; more of them are to be scrolled to."""

Row = list[cloudwatch.IWidget]


def dashboard(
    stack: Stack, settings: Settings, *, function: lambda_.Function, alarms: Sequence[cloudwatch.Alarm]
) -> cloudwatch.Dashboard:
    """With several targets: all of them side by side, and one at a time, to be chosen."""
    regions = settings.targets.regions if settings.targets.regions else (stack.region,)
    board = cloudwatch.Dashboard(
        stack, "Dashboard", dashboard_name=settings.dashboard_name(stack.region), default_interval=Duration.days(14)
    )
    if len(regions) > 1:
        board.add_variable(_choice(regions))
    for row in _rows(_Metrics(stack, settings), settings, regions, function, alarms):
        board.add_widgets(*row)
    return board


def _choice(regions: Sequence[str]) -> cloudwatch.DashboardVariable:
    return cloudwatch.DashboardVariable(
        id="region",
        label="Region",
        type=cloudwatch.VariableType.PATTERN,
        value=CHOSEN,
        input_type=cloudwatch.VariableInputType.SELECT,
        values=cloudwatch.Values.from_values(*(cloudwatch.VariableValue(value=region) for region in regions)),
        default_value=cloudwatch.DefaultValue.value(regions[0]),
    )


def _rows(
    metrics: _Metrics,
    settings: Settings,
    regions: Sequence[str],
    function: lambda_.Function,
    alarms: Sequence[cloudwatch.Alarm],
) -> Iterator[Row]:
    several = len(regions) > 1
    if several:
        yield _overview(metrics, regions)
    region = CHOSEN if several else regions[0]
    yield [_now(metrics, region), _alarms(alarms)]
    policies = (settings.policy.bounce, settings.policy.complaint)
    yield [_rates(metrics, policy, region, beside_awss=not several) for policy in policies]
    log = _log(function)
    here = f'{_WATCHED} and target = "{metrics.account}/{region}"'
    yield [_headroom(metrics, region), log(_TOLD, "What was told", 12)]
    if several:
        yield [_awss_rates(metrics, policy, regions) for policy in policies]
        yield _volumes(metrics, regions)
    else:
        yield _volume(metrics, region)
    rows = min(3 + len(regions) // 2, MOST_ROWS)
    yield [log(_STATE, "What AWS has decided, and how many alerts are open", 24, height=rows)]
    yield [
        cloudwatch.TextWidget(markdown=_EXPLANATION, width=16, height=6),
        log([here, _QUOTA], f"Part of the 24-hour quota in use in {region}", 8, "threshold"),
    ]
    yield [
        _runs(settings, function),
        log([here, _AGE], f"Minutes since the newest email known of in {region}", 8, "threshold"),
        log(_FAILED, "What a run could not do", 8),
    ]


_EXPLANATION = """\
**Verdict**: 0 fine, 1 warning, 2 critical, below 0 not known. **Headroom**: the part that is left of the way to AWS's nearer review \
line, over our estimate of the email that AWS counts (the last 10,000 emails or one day): 1 all of it, 0 none.

**Why AWS's numbers differ from ours**: AWS counts only email to domains that you have not verified, over a span of email that it does not \
publish, and complaints only against email to providers that report them. Its rates move later; ours move first. Rates are fractions: 0.05 is 5 %.

AWS reviews accounts at **5 %** bounces and **0.1 %** complaints, and may pause them at **10 %** and **0.5 %**."""


class _Metrics:
    """The metrics that there are to draw."""

    def __init__(self, stack: Stack, settings: Settings) -> None:
        self.account = stack.account
        self._namespace = settings.metric_namespace

    def ours(
        self, name: str, region: str, label: str, color: str | None = None, statistic: str = "Average"
    ) -> cloudwatch.Metric:
        """A gauge of the function: read with Average or Maximum, since a value may have been put twice."""
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=name,
            dimensions_map={"Account": self.account, "Region": region},
            statistic=statistic,
            period=TICK,
            label=label,
            color=color,
        )

    def aws(
        self, name: str, region: str, label: str, color: str | None = None, statistic: str = "Maximum"
    ) -> cloudwatch.Metric:
        """What Amazon SES itself publishes of a region."""
        return cloudwatch.Metric(
            namespace="AWS/SES",
            metric_name=name,
            statistic=statistic,
            period=Duration.hours(1),
            label=label,
            color=color,
            region=region,
        )


def _overview(metrics: _Metrics, regions: Sequence[str]) -> Row:
    def graph(name: str, title: str, statistic: str, limits: tuple[float, float]) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title=title,
            width=12,
            height=6,
            left=[metrics.ours(name, region, region, statistic=statistic) for region in regions],
            left_y_axis=cloudwatch.YAxisProps(min=limits[0], max=limits[1], show_units=False),
        )

    words = "(0 fine, 1 warning, 2 critical, below 0 not known)"
    return [
        graph("Verdict", f"Verdict of every region {words}", "Maximum", (-1, 2)),
        graph("Headroom", "Headroom of every region (1 all, 0 none)", "Average", (0, 1)),
    ]


def _now(metrics: _Metrics, region: str) -> cloudwatch.SingleValueWidget:
    return cloudwatch.SingleValueWidget(
        title=f"Verdict and headroom in {region}",
        width=18,
        height=4,
        sparkline=True,
        metrics=[
            metrics.ours("Verdict", region, "Verdict (0 fine, 1 warning, 2 critical)", RED, "Maximum"),
            metrics.ours("Headroom", region, "Headroom (1 all, 0 none)", BLUE),
            metrics.ours("BounceRate", region, "Bounce rate (0.05 is 5 %)", BLUE),
            metrics.ours("ComplaintRate", region, "Complaint rate (0.001 is 0.1 %)", PURPLE),
        ],
    )


def _alarms(alarms: Sequence[cloudwatch.Alarm]) -> cloudwatch.AlarmStatusWidget:
    """Beside the verdict: of a monitor that does not run it is an old one."""
    return cloudwatch.AlarmStatusWidget(title="Does the monitor run?", width=6, height=4, alarms=list(alarms))


_PREFIXES = {Metric.BOUNCE: "Bounce", Metric.COMPLAINT: "Complaint"}
"""What the names of a metric's rates begin with, ours as AWS's."""


def _rates(metrics: _Metrics, policy: MetricPolicy, region: str, *, beside_awss: bool) -> cloudwatch.GraphWidget:
    prefix = _PREFIXES[policy.metric]
    ours = [
        metrics.ours(f"{prefix}Rate", region, "now", BLUE),
        metrics.ours(f"EstimatedAws{prefix}Rate", region, "over the email AWS counts (our estimate)", PURPLE),
    ]
    awss = [metrics.aws(f"Reputation.{prefix}Rate", region, "AWS's own", GREY)] if beside_awss else []
    return _rate_graph(policy, f"{prefix} rate in {region}", [*ours, *awss])


def _awss_rates(metrics: _Metrics, policy: MetricPolicy, regions: Sequence[str]) -> cloudwatch.GraphWidget:
    """On its own, since it cannot be chosen from which region to read."""
    prefix = _PREFIXES[policy.metric]
    awss = [metrics.aws(f"Reputation.{prefix}Rate", region, region) for region in regions]
    return _rate_graph(policy, f"AWS's own {prefix.lower()} rate of every region", awss)


def _rate_graph(policy: MetricPolicy, title: str, rates: Sequence[cloudwatch.Metric]) -> cloudwatch.GraphWidget:
    lines = AWS_THRESHOLDS[policy.metric]
    return cloudwatch.GraphWidget(
        title=title,
        width=12,
        height=8,
        left=list(rates),
        left_y_axis=cloudwatch.YAxisProps(min=0, label="fraction", show_units=False),
        left_annotations=[
            cloudwatch.HorizontalAnnotation(value=policy.warning, label="warning", color=ORANGE),
            cloudwatch.HorizontalAnnotation(value=policy.critical, label="critical", color=RED),
            cloudwatch.HorizontalAnnotation(value=lines.review, label="AWS reviews", color=RED),
            cloudwatch.HorizontalAnnotation(value=lines.pause, label="AWS may pause", color=RED),
        ],
    )


def _headroom(metrics: _Metrics, region: str) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=f"Headroom and verdict in {region}",
        width=12,
        height=6,
        left=[metrics.ours("Headroom", region, "headroom (1 all, 0 none)", BLUE)],
        right=[metrics.ours("Verdict", region, "verdict (0 fine, 1 warning, 2 critical)", RED, "Maximum")],
        left_y_axis=cloudwatch.YAxisProps(min=0, max=1, show_units=False),
        right_y_axis=cloudwatch.YAxisProps(min=-1, max=2, show_units=False),
    )


def _volume(metrics: _Metrics, region: str) -> Row:
    def count(name: str, label: str, color: str) -> cloudwatch.Metric:
        return metrics.aws(name, region, label, color, "Sum")

    return [
        _counts(
            "Emails an hour, as SES counts them", count("Send", "sent", BLUE), count("Delivery", "delivered", PURPLE)
        ),
        _counts(
            "Bounces, complaints and rejects an hour",
            count("Bounce", "bounces", ORANGE),
            count("Complaint", "complaints", RED),
            count("Reject", "rejects", GREY),
        ),
    ]


def _volumes(metrics: _Metrics, regions: Sequence[str]) -> Row:
    def every(name: str) -> Iterator[cloudwatch.Metric]:
        return (metrics.aws(name, region, region, statistic="Sum") for region in regions)

    return [
        _counts("Emails an hour in every region, as SES counts them", *every("Send")),
        _counts("Bounces an hour in every region", *every("Bounce")),
    ]


def _counts(title: str, *counts: cloudwatch.Metric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        width=12,
        height=6,
        left=list(counts),
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
    )


_WATCHED = 'filter message = "watched"'
"""The line that the function logs of each target at each tick."""

_TOLD = (
    f"{_WATCHED} and ispresent(sent.0)",
    "fields tick, sent.0 as what, sent.1 as and_what, sent.2 as and_more",
    "sort @timestamp desc",
    "limit 20",
)
_STATE = (
    _WATCHED,
    (
        "stats latest(tick) as as_of, latest(verdict) as our_verdict, latest(account_state) as aws_says, "
        "latest(open_alerts) as open_alerts, latest(quota_used) as quota, latest(aws_bounce_rate) as aws_bounces, "
        "latest(aws_complaint_rate) as aws_complaints by target"
    ),
    "sort target asc",
)
_FAILED = (
    f"{_WATCHED} and ispresent(failures.0)",
    "fields tick, failures.0 as what, target, failures.1 as and_what",
    "sort @timestamp desc",
    "limit 20",
)
_QUOTA = "stats max(quota_used) as quota by bin(1h)"
_AGE = "stats max(newest_mail_minutes) as minutes by bin(1h)"

Log = Callable[..., cloudwatch.LogQueryWidget]


def _log(function: lambda_.Function) -> Log:
    views = {
        "table": cloudwatch.LogQueryVisualizationType.TABLE,
        "threshold": cloudwatch.LogQueryVisualizationType.LINE,
    }

    def widget(
        lines: Sequence[str], title: str, width: int, view: str = "table", height: int = 6
    ) -> cloudwatch.LogQueryWidget:
        return cloudwatch.LogQueryWidget(
            title=title,
            width=width,
            height=height,
            log_group_names=[function.log_group.log_group_name],
            query_lines=list(lines),
            view=views[view],
        )

    return widget


def _runs(settings: Settings, function: lambda_.Function) -> cloudwatch.GraphWidget:
    every = Duration.minutes(settings.deployment.schedule_minutes)
    return cloudwatch.GraphWidget(
        title="Runs, and those that failed",
        width=8,
        height=6,
        left=[
            function.metric_invocations(period=every, label="runs", color=BLUE),
            function.metric_errors(period=every, label="failed runs", color=RED),
        ],
    )
