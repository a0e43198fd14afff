"""CloudWatch: the metrics of a target."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..core.decide import Gauge
from ..core.target import Target
from .failure import answered

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef

PER_REQUEST = 1_000
"""PutMetricData takes at most so many values at a time."""


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
