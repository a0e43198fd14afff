"""docs/cost.md, computed from the synthesised template: `python -m bench.cost` writes it."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from aws_cdk import App
from aws_cdk.assertions import Template as Synthesised
from aws_cdk.aws_lambda import Code
from ses_reputation.core.metrics import GAUGES
from ses_reputation.core.rates import Metric
from ses_reputation.settings import Settings, parse

from infra.stack import MonitorStack

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "cost.md"

PRICES = {
    "a custom metric": 0.30,
    "an alarm, for each metric it reads": 0.10,
    "a composite alarm": 0.50,
    "1,000 metrics asked for by GetMetricData": 0.01,
    "1,000 requests of PutMetricData": 0.01,
    "a GB-second of Lambda on arm64": 0.0000133334,
    "a million requests of Lambda": 0.20,
    "a million schedules of EventBridge Scheduler": 1.00,
    "a GB of log taken in": 0.50,
    "a million read units of DynamoDB": 0.125,
    "a million write units of DynamoDB": 0.625,
    "a dashboard of more than 50 metrics": 3.00,
    "a key of KMS": 1.00,
    "a secret of Secrets Manager": 0.40,
}
"""US dollars, us-east-1, November 2026, as secondary pages give them: an assumption, to be checked against AWS's own list. No free
tier is deducted, but for the first three dashboards of an account, which are free up to 50 metrics each."""

FREE_BOARD = 50
"""Most metrics of a free dashboard."""

HOURS = 730.5
"""Hours of an average month."""

SECONDS, LOG_BYTES, STATE_KB = 1.2, 3_000, 8
"""Assumed of a run: a cold start and the work after it; its log, Lambda's own lines included; and the state it reads and writes
(one read unit is 4 KB, one write unit 1 KB)."""

VARIANTS = {
    "as shipped, one region": "",
    "with Slack by a webhook": '[slack]\nwebhook_parameter = "/ses-reputation/slack"\n',
    "with Slack by Amazon Q Developer": '[chat]\nworkspace_id = "T0123ABCD"\nchannel_id = "C0123ABCD"\n',
    "with a key of your own": "[deployment]\ncustomer_managed_key = true\n",
    "with an alarm on the verdict": '[alarms]\nper_target = "critical"\n',
    "two regions": '[targets]\nregions = ["eu-west-1", "us-east-2"]\n',
    "ten regions": f"[targets]\nregions = {json.dumps([f'eu-west-{number}' for number in range(1, 11)])}\n",
    "every five minutes": "[deployment]\nschedule_minutes = 5\n",
    "every hour": "[deployment]\nschedule_minutes = 60\n",
}


@dataclass(frozen=True)
class Item:
    """A line of the bill."""

    what: str
    amount: float
    price: str  # its name in `PRICES`

    @property
    def dollars(self) -> float:
        return self.amount * PRICES[self.price]


def bill(toml: str) -> list[Item]:
    """Monthly cost of an installation with these settings and a recipient."""
    toml = '[alerts]\nemails = ["oncall@mail.test"]\n' + toml
    return list(_items(parse(toml), _resources(toml)))


def _items(settings: Settings, resources: Mapping[str, Any]) -> Iterator[Item]:
    targets = max(1, len(settings.targets.regions))
    [schedule] = _of_type(resources, "AWS::Scheduler::Schedule")
    rate = re.fullmatch(r"rate\((\d+) (minute|hour)s?\)", schedule["ScheduleExpression"])
    assert rate is not None
    runs = HOURS * {"minute": 60, "hour": 1}[rate[2]] / int(rate[1])
    [memory] = [
        function["MemorySize"]
        for function in _of_type(resources, "AWS::Lambda::Function")
        if function["FunctionName"] == settings.stack_name
    ]
    yield Item(f"{len(GAUGES)} metrics of each target", len(GAUGES) * targets, "a custom metric")
    read = sum(_metrics_of(alarm) for alarm in _of_type(resources, "AWS::CloudWatch::Alarm"))
    yield Item("alarms, by the metrics they read", read, "an alarm, for each metric it reads")
    composites = len(_of_type(resources, "AWS::CloudWatch::CompositeAlarm"))
    if composites:
        yield Item("the alarm over all targets", composites, "a composite alarm")
    asked = len(Metric) * targets * runs / 1_000
    yield Item("AWS's own rates, asked for at each run", asked, "1,000 metrics asked for by GetMetricData")
    yield Item("metrics put at each run", targets * runs / 1_000, "1,000 requests of PutMetricData")
    yield Item("the function's time", runs * SECONDS * memory / 1_024, "a GB-second of Lambda on arm64")
    yield Item("the function's requests", runs / 1e6, "a million requests of Lambda")
    yield Item("the schedule", runs / 1e6, "a million schedules of EventBridge Scheduler")
    yield Item("the log", runs * targets * LOG_BYTES / 1e9, "a GB of log taken in")
    yield Item("the state read", runs * targets * STATE_KB / 4 / 1e6, "a million read units of DynamoDB")
    yield Item("the state written", runs * targets * STATE_KB / 1e6, "a million write units of DynamoDB")
    if _drawn(resources) > FREE_BOARD:
        yield Item("the dashboard", 1, "a dashboard of more than 50 metrics")
    keys = len(_of_type(resources, "AWS::KMS::Key"))
    if keys:
        yield Item("the key", keys, "a key of KMS")


def _resources(toml: str) -> dict[str, Any]:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    with tempfile.TemporaryDirectory() as asset:
        app = App(context=context, builtin_cloud_formation_validation=False)
        stack = MonitorStack(app, "Stack", settings=tomllib.loads(toml), code=Code.from_asset(asset))
        resources: dict[str, Any] = Synthesised.from_stack(stack).to_json()["Resources"]
    return resources


def _of_type(resources: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def _drawn(resources: Mapping[str, Any]) -> int:
    """Number of metrics that the dashboard draws."""
    [board] = _of_type(resources, "AWS::CloudWatch::Dashboard")
    parts = board["DashboardBody"]["Fn::Join"][1]
    body = json.loads("".join(part if isinstance(part, str) else "known at deployment" for part in parts))
    rows = [row for widget in body["widgets"] for row in widget["properties"].get("metrics", [])]
    return sum(isinstance(row[0], str) for row in rows)  # an expression is a row of options only


def _metrics_of(alarm: Mapping[str, Any]) -> int:
    """Number of metrics that an alarm reads: each is billed."""
    return sum("MetricStat" in query for query in alarm["Metrics"]) if "Metrics" in alarm else 1


TEXT = Template("""\
<!-- Made by `python -m bench.cost`; a test fails when it is stale. -->
[Index](index.md)

# What it costs

Computed from the template that `cdk synth` makes, for a month of $hours hours. The custom metrics are the bill; everything that runs
costs a few cents.

| As shipped, one region | Amount | Price | Dollars |
| --- | --- | --- | --- |
$items
| **total** | | | **$total** |

| Variant | Dollars a month |
| --- | --- |
$variants

## Assumptions

Prices in us-east-1, November 2026, as secondary pages give them; to be checked against AWS's own list. No free tier is deducted but that of
dashboards.

| Price of | Dollars |
| --- | --- |
$prices

* A run takes $seconds s (a cold start, and the work after it), logs $log kB, and reads and writes a state of $state KB.
* A dashboard of up to six regions draws at most $free metrics: one of the three that AWS gives free in an account. A fourth, or one of more
  regions, costs $$$board.
* Its tables are queries of the log, which cost when somebody opens it: a few megabytes of log, far below a cent.
* AWS's own metrics of SES, Lambda and SQS, emails by SNS (a thousand a month) and standard parameters of SSM cost nothing. A secret of Secrets Manager for
  Slack's address instead of a parameter costs $$$secret.
* A key of your own is changed for a new one every year, which adds $$1 a month the first two times.
* Restoring the table to a point in time costs by its size, which is kilobytes.

## Why so few metrics

Each metric costs $$0.30 for each target and month, and a window more would be three of them. So there are $count: `$names`. What they leave out
is in the log, in AWS's own metrics, and in every message.
""")


def page() -> str:
    """The whole of docs/cost.md."""
    shipped = bill("")
    return TEXT.substitute(
        hours=f"{HOURS:g}",
        items="\n".join(f"| {i.what} | {_amount(i.amount)} | {i.price} | {i.dollars:.3f} |" for i in shipped),
        total=f"{_total(shipped):.2f}",
        variants="\n".join(f"| {name} | {_total(bill(toml)):.2f} |" for name, toml in VARIANTS.items()),
        prices="\n".join(f"| {name} | {_price(price)} |" for name, price in PRICES.items()),
        seconds=f"{SECONDS:g}",
        log=f"{LOG_BYTES / 1_000:g}",
        state=STATE_KB,
        free=FREE_BOARD,
        board=f"{PRICES['a dashboard of more than 50 metrics']:g}",
        secret=f"{PRICES['a secret of Secrets Manager']:.2f}",
        count=len(GAUGES),
        names="`, `".join(GAUGES),
    )


def _total(items: list[Item]) -> float:
    return sum(item.dollars for item in items)


def _amount(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.3g}"


def _price(price: float) -> str:
    whole, _, cents = f"{price:.10f}".rstrip("0").partition(".")
    return f"{whole}.{cents:<02}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
