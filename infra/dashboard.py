"""The dashboard: verdict first, then the latest notifications, the rates with every threshold, headroom, volume, AWS's decision, and
the monitor's own health.

What costs nothing extra is drawn from where it is: AWS's own metrics, and the function's log, which is read when somebody
looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct
from ses_reputation import log_fields as fields
from ses_reputation.core.metrics import ESTIMATES, HEADROOM, RATES, REPUTATION, VERDICT
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.rules import MetricPolicy
from ses_reputation.settings import Settings

RED, ORANGE, BLUE, GREY, PURPLE = "#d13212", "#ff9900", "#1f77b4", "#7f7f7f", "#9467bd"

TICK = Duration.minutes(15)

CHOSEN = "CHOSEN-REGION"
"""Stands in the body of a dashboard with several targets for the region that its reader chooses."""

CHOSEN_ACCOUNT = "CHOSEN-ACCOUNT"
"""Stands likewise for the account, where accounts are watched."""

MOST_ROWS = 10
"""Rows of the grid for the table of all targets; the reader scrolls to further ones."""

VERDICTS = "0 ok, 1 warning, 2 critical, below 0 unknown"

Row = list[cloudwatch.IWidget]


class MonitorDashboard(Construct):
    """With several targets: all of them side by side, and one at a time, to be chosen. Attribute: `dashboard`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        settings: Settings,
        function: lambda_.Function,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        regions = settings.targets.regions if settings.targets.regions else (stack.region,)
        self.dashboard = cloudwatch.Dashboard(self, "Default", dashboard_name=name, default_interval=Duration.days(14))
        if settings.fleet.on:
            self._add_fleet(settings, regions, function, alarms)
            return
        if len(regions) > 1:
            self.dashboard.add_variable(_choice("region", CHOSEN, {region: region for region in regions}))
        metrics = _Metrics(settings.metric_namespace, stack.account)
        for row in _rows(metrics, settings, regions, function, alarms):
            self.dashboard.add_widgets(*row)

    def _add_fleet(
        self,
        settings: Settings,
        regions: Sequence[str],
        function: lambda_.Function,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        """Add the fleet, worst first, and one target of it: chosen from a list if the settings have all, else written."""
        fleet, discover = settings.fleet, settings.targets.discover
        accounts = {account: f"{name} ({account})" for account, name in fleet.accounts}
        own = {Stack.of(self).account: "the own account"}
        names = accounts if accounts else own
        self.dashboard.add_variable(_choice("account", CHOSEN_ACCOUNT, names, written=bool(fleet.units)))
        self.dashboard.add_variable(_choice("region", CHOSEN, {region: region for region in regions}, written=discover))
        for row in _fleet_rows(_Metrics(settings.metric_namespace, CHOSEN_ACCOUNT), settings, function, alarms):
            self.dashboard.add_widgets(*row)


def _choice(
    name: str, pattern: str, values: Mapping[str, str], *, written: bool = False
) -> cloudwatch.DashboardVariable:
    """A variable that its reader chooses from `values`, with their labels, or writes."""
    inputs = cloudwatch.VariableInputType
    listed = [cloudwatch.VariableValue(value=value, label=label) for value, label in values.items()]
    return cloudwatch.DashboardVariable(
        id=name,
        label=name.capitalize(),
        type=cloudwatch.VariableType.PATTERN,
        value=pattern,
        input_type=inputs.INPUT if written else inputs.SELECT,
        values=None if written else cloudwatch.Values.from_values(*listed),
        default_value=cloudwatch.DefaultValue.value(next(iter(values))),
    )


def _rows(
    metrics: _Metrics,
    settings: Settings,
    regions: Sequence[str],
    function: lambda_.Function,
    alarms: Sequence[cloudwatch.IAlarm],
) -> Iterator[Row]:
    several = len(regions) > 1
    if several:
        yield _overview(metrics, regions)
    region = CHOSEN if several else regions[0]
    log = _log(function)
    here = f'{_WATCHED} and target = "{metrics.account}/{region}"'
    yield [_now(metrics, region), _alarms(alarms)]
    yield [log(_SENT, "Latest notifications", 24)]
    policies = (settings.policy.bounce, settings.policy.complaint)
    yield [_rates(metrics, policy, region, beside_awss=not several) for policy in policies]
    yield [_headroom(metrics, region), _verdict(metrics, region)]
    if several:
        yield [_awss_rates(metrics, policy, regions) for policy in policies]
        yield _volumes(metrics, regions)
    else:
        yield _volume(metrics, region)
    rows = min(3 + len(regions) // 2, MOST_ROWS)
    yield [log(_STATE, "AWS's decision and open alerts, most alerts first", 24, height=rows)]
    yield [
        cloudwatch.TextWidget(markdown=_explanation(), width=16, height=6),
        log([here, _QUOTA], f"Part of the daily quota used in {region}, %", 8, "threshold"),
    ]
    yield [
        _runs(settings, function),
        log([here, _AGE], f"Minutes since the newest email in {region}", 8, "threshold"),
        log(_FAILED, "What a run could not do", 8),
    ]


def _fleet_rows(
    metrics: _Metrics, settings: Settings, function: lambda_.Function, alarms: Sequence[cloudwatch.IAlarm]
) -> Iterator[Row]:
    log, region, target = _log(function), CHOSEN, f"{CHOSEN_ACCOUNT}/{CHOSEN}"
    here = f'{_WATCHED} and target = "{target}"'
    yield [_counts(metrics, settings.shards), _alarms(alarms)]
    yield [log(_SENT, "Latest notifications", 24)]
    yield [log(_WORST, "Every target, worst first", 24, height=MOST_ROWS)]
    yield [log(_FAILED, "What a run could not do", 16), _runs(settings, function)]
    yield [
        cloudwatch.TextWidget(markdown=_fleet_explanation(settings, target), width=6, height=4),
        _now(metrics, region),
    ]
    yield [_rates(metrics, policy, region, beside_awss=False) for policy in settings.policy.metrics]
    yield [_headroom(metrics, region), _verdict(metrics, region)]
    yield [
        log([here, _AWS_RATES], f"AWS's own rates of {target}, %", 8, "threshold"),
        log([here, _QUOTA], f"Part of the daily quota used in {target}, %", 8, "threshold"),
        log([here, _AGE], f"Minutes since the newest email in {target}", 8, "threshold"),
    ]
    yield [cloudwatch.TextWidget(markdown=_explanation(), width=24, height=6)]


def _counts(metrics: _Metrics, shards: int) -> cloudwatch.SingleValueWidget:
    """How many targets are how, over all shards."""
    named = (("Critical", RED), ("Warning", ORANGE), ("Unreadable", PURPLE), ("Watched", BLUE))
    return cloudwatch.SingleValueWidget(
        title="Targets",
        width=18,
        height=4,
        sparkline=True,
        metrics=[metrics.count(f"Targets{name}", shards, name.lower(), color) for name, color in named],
    )


def _fleet_explanation(settings: Settings, target: str) -> str:
    return f"""\
**{target}**, chosen above.

Graphs of metrics are empty for a target that publishes none: `metrics_up_to` is {settings.targets.metrics_up_to}."""


def percent(rate: float) -> str:
    """A rate as people write it: 0.0008 is `0.08%`."""
    return f"{100 * rate:g}%"


def _explanation() -> str:
    bounce, complaint = AWS_THRESHOLDS[Metric.BOUNCE], AWS_THRESHOLDS[Metric.COMPLAINT]
    return f"""\
**Verdict**: {VERDICTS}. **Headroom**: what is left of the way to AWS's nearer review threshold, over our estimate of the email \
that AWS counts (the last 10,000 emails or one day): 100% is all of it.

**Why AWS's rates differ from ours**: AWS counts only email to domains that you have not verified, over a period that it does not \
publish, and complaints only against email to providers that report them. AWS's rates move later than ours.

AWS reviews accounts at **{percent(bounce.review)}** bounces and **{percent(complaint.review)}** complaints, and may pause them at \
**{percent(bounce.pause)}** and **{percent(complaint.pause)}**."""


class _Metrics:
    """The metrics that can be drawn."""

    def __init__(self, namespace: str, account: str) -> None:
        self.account = account
        self._namespace = namespace

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

    def count(self, name: str, shards: int, label: str, color: str) -> cloudwatch.MathExpression:
        """A gauge of the fleet, summed over its shards."""
        prefix = name.removeprefix("Targets").lower()
        parts = {
            f"{prefix}{shard}": cloudwatch.Metric(
                namespace=self._namespace,
                metric_name=name,
                dimensions_map={"Shard": str(shard)},
                statistic="Maximum",
                period=TICK,
            )
            for shard in range(shards)
        }
        return cloudwatch.MathExpression(
            expression=" + ".join(parts), using_metrics=parts, label=label, color=color, period=TICK
        )

    def aws(
        self, name: str, region: str, label: str, color: str | None = None, statistic: str = "Maximum"
    ) -> cloudwatch.Metric:
        """A metric that Amazon SES itself publishes of a region."""
        return cloudwatch.Metric(
            namespace="AWS/SES",
            metric_name=name,
            statistic=statistic,
            period=Duration.hours(1),
            label=label,
            color=color,
            region=region,
        )


def _in_percent(*fractions: cloudwatch.Metric) -> list[cloudwatch.IMetric]:
    """The same metrics times 100: CloudWatch has no unit that scales a fraction."""
    return [
        cloudwatch.MathExpression(
            expression=f"100 * m{number}",
            using_metrics={f"m{number}": fraction},
            label=fraction.label,
            color=fraction.color,
            period=fraction.period,
        )
        for number, fraction in enumerate(fractions)
    ]


def _graph(
    title: str,
    lines: Sequence[cloudwatch.IMetric],
    *,
    width: int = 12,
    height: int = 6,
    low: float = 0,
    high: float | None = None,
    unit: str | None = None,
    thresholds: Sequence[cloudwatch.HorizontalAnnotation] = (),
) -> cloudwatch.GraphWidget:
    """One axis only, so that there is one zero."""
    return cloudwatch.GraphWidget(
        title=title,
        width=width,
        height=height,
        left=[*lines],
        left_y_axis=cloudwatch.YAxisProps(min=low, max=high, label=unit, show_units=False),
        left_annotations=[*thresholds],
    )


def _overview(metrics: _Metrics, regions: Sequence[str]) -> Row:
    verdicts = [metrics.ours(VERDICT, region, region, statistic="Maximum") for region in regions]
    headrooms = [metrics.ours(HEADROOM, region, region) for region in regions]
    return [
        _graph(f"Verdict of every region ({VERDICTS})", verdicts, low=-2, high=2),
        _graph("Headroom of every region", _in_percent(*headrooms), high=100, unit="%"),
    ]


def _now(metrics: _Metrics, region: str) -> cloudwatch.SingleValueWidget:
    return cloudwatch.SingleValueWidget(
        title=f"Verdict, headroom and rates in {region}",
        width=18,
        height=4,
        sparkline=True,
        metrics=[
            metrics.ours(VERDICT, region, f"Verdict ({VERDICTS})", RED, "Maximum"),
            *_in_percent(
                metrics.ours(HEADROOM, region, "Headroom, %", BLUE),
                metrics.ours(RATES[Metric.BOUNCE], region, "Bounce rate, %", BLUE),
                metrics.ours(RATES[Metric.COMPLAINT], region, "Complaint rate, %", PURPLE),
            ),
        ],
    )


def _alarms(alarms: Sequence[cloudwatch.IAlarm]) -> cloudwatch.AlarmStatusWidget:
    """Beside the verdict, which is old if the monitor does not run."""
    return cloudwatch.AlarmStatusWidget(title="Does the monitor run?", width=6, height=4, alarms=list(alarms))


def _rates(metrics: _Metrics, policy: MetricPolicy, region: str, *, beside_awss: bool) -> cloudwatch.GraphWidget:
    metric = policy.metric
    ours = [
        metrics.ours(RATES[metric], region, "now", BLUE),
        metrics.ours(ESTIMATES[metric], region, "over the email AWS counts (our estimate)", PURPLE),
    ]
    awss = [metrics.aws(REPUTATION[metric], region, "AWS's own", GREY)] if beside_awss else []
    return _rate_graph(policy, f"{metric.capitalize()} rate in {region}", [*ours, *awss])


def _awss_rates(metrics: _Metrics, policy: MetricPolicy, regions: Sequence[str]) -> cloudwatch.GraphWidget:
    """On its own, since it cannot be chosen from which region to read."""
    awss = [metrics.aws(REPUTATION[policy.metric], region, region) for region in regions]
    return _rate_graph(policy, f"AWS's own {policy.metric} rate of every region", awss)


def _rate_graph(policy: MetricPolicy, title: str, rates: Sequence[cloudwatch.Metric]) -> cloudwatch.GraphWidget:
    return _graph(title, _in_percent(*rates), height=8, unit="%", thresholds=_thresholds(policy))


def _thresholds(policy: MetricPolicy) -> list[cloudwatch.HorizontalAnnotation]:
    """Ours and AWS's by name; what falls together shares one line."""
    aws = AWS_THRESHOLDS[policy.metric]
    named = (
        (policy.warning, "warning", ORANGE),
        (policy.critical, "critical", RED),
        (aws.review, "AWS reviews", RED),
        (aws.pause, "AWS may pause", RED),
    )
    names: dict[float, list[str]] = {}
    for rate, name, _ in named:
        names.setdefault(rate, []).append(name)
    colors = {rate: color for rate, _, color in named}
    return [
        cloudwatch.HorizontalAnnotation(
            value=round(100 * rate, 9), label=f"{', '.join(same)}: {percent(rate)}", color=colors[rate]
        )
        for rate, same in names.items()
    ]


def _headroom(metrics: _Metrics, region: str) -> cloudwatch.GraphWidget:
    headroom = metrics.ours(HEADROOM, region, "headroom", BLUE)
    return _graph(f"Headroom in {region}", _in_percent(headroom), high=100, unit="%")


def _verdict(metrics: _Metrics, region: str) -> cloudwatch.GraphWidget:
    verdict = metrics.ours(VERDICT, region, "verdict", RED, "Maximum")
    return _graph(f"Verdict in {region} ({VERDICTS})", [verdict], low=-2, high=2)


def _volume(metrics: _Metrics, region: str) -> Row:
    def count(name: str, label: str, color: str) -> cloudwatch.Metric:
        return metrics.aws(name, region, label, color, "Sum")

    return [
        _graph(
            "Emails an hour, as SES counts them", [count("Send", "sent", BLUE), count("Delivery", "delivered", PURPLE)]
        ),
        _graph(
            "Bounces, complaints and rejects an hour",
            [
                count("Bounce", "bounces", ORANGE),
                count("Complaint", "complaints", RED),
                count("Reject", "rejects", GREY),
            ],
        ),
    ]


def _volumes(metrics: _Metrics, regions: Sequence[str]) -> Row:
    def every(name: str) -> list[cloudwatch.IMetric]:
        return [metrics.aws(name, region, region, statistic="Sum") for region in regions]

    return [
        _graph("Emails an hour in every region, as SES counts them", every("Send")),
        _graph("Bounces an hour in every region", every("Bounce")),
    ]


_WATCHED = f'filter message = "{fields.MESSAGE}"'
"""The line that the function logs of each target at each tick."""

_SENT = (
    f"{_WATCHED} and ispresent({fields.SENT}.0)",
    f"fields {fields.TICK}, {fields.SENT}.0 as what, {fields.SENT}.1 as and_what, {fields.SENT}.2 as and_more",
    "sort @timestamp desc",
    "limit 20",
)
_STATE = (
    _WATCHED,
    (
        f"stats latest({fields.TICK}) as as_of, latest({fields.VERDICT}) as our_verdict, "
        f"latest({fields.ACCOUNT_STATE}) as aws_says, latest({fields.OPEN_ALERTS}) as open_alerts, "
        f"latest({fields.MUTED}) as muted, latest({fields.PAUSE}) as pause, "
        f"latest({fields.QUOTA_USED}) * 100 as quota_percent, latest({fields.AWS_BOUNCE_RATE}) * 100 as aws_bounces_percent, "
        f"latest({fields.AWS_COMPLAINT_RATE}) * 100 as aws_complaints_percent by {fields.TARGET}"
    ),
    "sort open_alerts desc",
)
_WORST = (
    _WATCHED,
    (
        f"fields 3 * strcontains({fields.VERDICT}, 'CRITICAL') + 2 * strcontains({fields.VERDICT}, 'WARNING') "
        f"+ strcontains({fields.VERDICT}, 'UNKNOWN') as badness"
    ),
    (
        f"stats latest(badness) as worst, latest({fields.VERDICT}) as our_verdict, latest({fields.OPEN_ALERTS}) as open_alerts, "
        f"latest({fields.ACCOUNT_STATE}) as aws_says, latest({fields.QUOTA_USED}) * 100 as quota_percent, "
        f"latest({fields.AWS_BOUNCE_RATE}) * 100 as aws_bounces_percent, "
        f"latest({fields.AWS_COMPLAINT_RATE}) * 100 as aws_complaints_percent, "
        f"latest({fields.UNREADABLE}) as not_readable, latest({fields.TICK}) as as_of by {fields.TARGET}"
    ),
    "sort worst desc",
    "limit 1000",
)
_FAILED = (
    f"{_WATCHED} and ispresent({fields.FAILURES}.0)",
    f"fields {fields.TICK}, {fields.FAILURES}.0 as what, {fields.TARGET}, {fields.FAILURES}.1 as and_what",
    "sort @timestamp desc",
    "limit 20",
)
_AWS_RATES = (
    f"stats max({fields.AWS_BOUNCE_RATE}) * 100 as bounces_percent, "
    f"max({fields.AWS_COMPLAINT_RATE}) * 100 as complaints_percent by bin(1h)"
)
_QUOTA = f"stats max({fields.QUOTA_USED}) * 100 as percent by bin(1h)"
_AGE = f"stats max({fields.NEWEST_EMAIL_MINUTES}) as minutes by bin(1h)"

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
    runs = function.metric_invocations(period=every, label="runs", color=BLUE)
    failed = function.metric_errors(period=every, label="failed runs", color=RED)
    return _graph("Runs, and those that failed", [runs, failed], width=8)
