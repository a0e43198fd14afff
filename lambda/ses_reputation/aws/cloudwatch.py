"""CloudWatch: the metrics of a target, and AWS's own reputation rates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..core.decide import Gauge
from ..core.history import HOUR, Instant
from ..core.rates import Metric
from ..core.readings import AwsRate, AwsRates, Trouble, Unreadable
from ..core.target import Target
from .errors import AWS_ERRORS, answered, code_of, trouble_of

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef, MetricDatumTypeDef

PER_REQUEST = 1_000
"""PutMetricData takes at most so many values at a time."""

REPUTATION = {Metric.BOUNCE: "Reputation.BounceRate", Metric.COMPLAINT: "Reputation.ComplaintRate"}
"""What Amazon SES publishes in AWS/SES, without dimensions; a metric is there from its first event on."""

RECENT = 6 * HOUR
"""How old the latest value may be: how often SES publishes them is not documented."""


def put_gauges(client: CloudWatchClient, namespace: str, target: Target, gauges: Sequence[Gauge]) -> None:
    """Publishes `gauges` stamped with their ticks, oldest first. Returns when CloudWatch has acknowledged all of them.

    Raises what botocore raises. CloudWatch adds samples and never overwrites: read these metrics with Average or Maximum.
    """
    dimensions: list[DimensionTypeDef] = [
        {"Name": "Account", "Value": target.account},
        {"Name": "Region", "Value": target.region},
    ]
    data: list[MetricDatumTypeDef] = [
        {
            "MetricName": gauge.name,
            "Dimensions": dimensions,
            "Timestamp": datetime.fromtimestamp(gauge.at, UTC),
            "Value": gauge.value,
        }
        for gauge in gauges
    ]
    for start in range(0, len(data), PER_REQUEST):
        with answered():
            client.put_metric_data(Namespace=namespace, MetricData=data[start : start + PER_REQUEST])


def reputation_rates(client: CloudWatchClient, now: Instant) -> AwsRates | Unreadable:
    """The latest of AWS's own rates as of `now`, or why they could not be read; one that has no recent value is left out."""
    queries: list[MetricDataQueryTypeDef] = [
        {
            "Id": metric.value,
            "MetricStat": {"Metric": {"Namespace": "AWS/SES", "MetricName": name}, "Period": 300, "Stat": "Maximum"},
        }
        for metric, name in REPUTATION.items()
    ]
    try:
        with answered():
            results = client.get_metric_data(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(now - RECENT, UTC),
                EndTime=datetime.fromtimestamp(now, UTC),
                ScanBy="TimestampDescending",
            )["MetricDataResults"]
            rates = {}
            for result in results:
                if result.get("StatusCode") in ("Forbidden", "InternalError"):
                    return Unreadable(Trouble.FAILED, f"GetMetricData: {result.get('StatusCode')}")
                latest = sorted(zip(result["Timestamps"], result["Values"], strict=True))[-1:]
                for at, rate in latest:
                    if not 0 <= rate <= 1:
                        return Unreadable(Trouble.BAD_ANSWER, f"GetMetricData: a rate of {rate:.6g}")
                    rates[Metric(result["Id"])] = AwsRate(rate, int(at.timestamp()))
            return rates
    except AWS_ERRORS as error:
        return Unreadable(trouble_of(error), f"GetMetricData: {code_of(error)}")
