"""CloudWatch: the metrics of a target, and AWS's own reputation rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..core.decide import Gauge
from ..core.history import BadData, Instant
from ..core.metrics import RECENT, REPUTATION
from ..core.readings import AwsRate, AwsRates, Trouble, Unreadable
from ..core.target import Target
from .errors import AWS_ERRORS, answered, code_of, trouble_of

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import (
        DimensionTypeDef,
        MetricDataQueryTypeDef,
        MetricDataResultTypeDef,
        MetricDatumTypeDef,
    )

PER_REQUEST = 1_000
"""PutMetricData takes at most this many values at a time."""

REFUSED = {"Forbidden": Trouble.DENIED, "InternalError": Trouble.FAILED}
"""Status codes of a single result of GetMetricData that carries no values because of an error."""


def put_gauges(client: CloudWatchClient, namespace: str, target: Target, gauges: Sequence[Gauge]) -> None:
    """Publish `gauges` stamped with their ticks, oldest first. Return when CloudWatch has acknowledged all of them.

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
    _put(client, namespace, data)


def put_counts(client: CloudWatchClient, namespace: str, shard: int, at: Instant, counts: Mapping[str, int]) -> None:
    """Publish counts of one shard as of a tick. Raise what botocore raises."""
    data: list[MetricDatumTypeDef] = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "Shard", "Value": str(shard)}],
            "Timestamp": datetime.fromtimestamp(at, UTC),
            "Value": count,
        }
        for name, count in counts.items()
    ]
    _put(client, namespace, data)


def _put(client: CloudWatchClient, namespace: str, data: Sequence[MetricDatumTypeDef]) -> None:
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
            answer = client.get_metric_data(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(now - RECENT, UTC),
                EndTime=datetime.fromtimestamp(now, UTC),
                ScanBy="TimestampDescending",
            )
        results = {result.get("Id", ""): result for result in answer.get("MetricDataResults", [])}
        for result in results.values():
            if result.get("StatusCode") in REFUSED:
                return Unreadable(REFUSED[result["StatusCode"]], f"GetMetricData: {result['StatusCode']}")
        found = {metric: _latest(results.get(metric.value)) for metric in REPUTATION}
        return {metric: rate for metric, rate in found.items() if rate is not None}
    except BadData as bad:
        return Unreadable(Trouble.BAD_ANSWER, f"GetMetricData: {bad}")
    except AWS_ERRORS as error:
        return Unreadable(trouble_of(error), f"GetMetricData: {code_of(error)}")


def _latest(result: MetricDataResultTypeDef | None) -> AwsRate | None:
    """Read the newest value of one metric; None if it has none. Raise `BadData`."""
    if result is None:
        raise BadData("a metric that was asked for is not in the answer")
    times, rates = result.get("Timestamps", []), result.get("Values", [])
    if len(times) != len(rates):
        raise BadData(f"{len(times)} times for {len(rates)} values")
    if not times:
        return None
    at, rate = max(zip(times, rates, strict=True))
    if not 0 <= rate <= 1:
        raise BadData(f"a rate of {rate:.6g}")
    return AwsRate(rate, int(at.timestamp()))
