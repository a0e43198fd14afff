"""Parts of CloudWatch that are slow or wrong in moto: it reads all values once for every period, takes a metric without
dimensions for the sum of all metrics of its name, and lists a metric with several dimensions once for every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend, Statistics


def install() -> None:
    """Make moto answer GetMetricData in one pass over the values of each metric, and ListMetrics with each metric once."""
    backend: Any = CloudWatchBackend
    plain = backend.get_metric_data

    def get_filtered_metrics(
        self: Any, metric_name: str, namespace: str, dimensions: list[dict[str, str]]
    ) -> list[Any]:
        metrics: dict[object, Any] = {}
        for datum in self.get_all_metrics():
            named = frozenset((each.name, each.value) for each in datum.dimensions)
            metrics.setdefault((datum.namespace, datum.name, named), datum)
        return [
            metric
            for metric in metrics.values()
            if metric.filter(namespace=namespace, name=metric_name, dimensions=dimensions, already_present_metrics=[])
        ]

    def get_metric_data(
        self: Any,
        queries: Sequence[Mapping[str, Any]],
        start_time: datetime,
        end_time: datetime,
        scan_by: str = "TimestampAscending",
    ) -> Any:
        if not all("MetricStat" in query for query in queries):
            return plain(self, queries, start_time, end_time, scan_by)
        return [_answer(self, query, start_time, end_time, scan_by) for query in queries]

    backend.get_metric_data = get_metric_data
    backend.get_filtered_metrics = get_filtered_metrics


def _answer(backend: Any, query: Mapping[str, Any], start: datetime, end: datetime, scan_by: str) -> dict[str, Any]:
    stat = query["MetricStat"]
    metric, period = stat["Metric"], timedelta(seconds=int(stat["Period"]))
    wanted = sorted((each["Name"], each["Value"]) for each in metric.get("Dimensions", []))
    periods: dict[int, list[Any]] = {}
    for datum in backend.get_all_metrics():
        if (
            datum.namespace == metric["Namespace"]
            and datum.name == metric["MetricName"]
            and start <= datum.timestamp < end
            and sorted((each.name, each.value) for each in datum.dimensions) == wanted
        ):
            periods.setdefault((datum.timestamp - start) // period, []).append(datum)
    times, values = [], []
    for number in sorted(periods, reverse=scan_by == "TimestampDescending"):
        statistics = Statistics([stat["Stat"]], start + number * period)
        statistics.metric_data = periods[number]
        times.append(statistics.timestamp)
        values.append(statistics.get_statistics_for_type(stat["Stat"]))
    return {
        "id": query["Id"],
        "label": query.get("Label") or metric["MetricName"],
        "values": values,
        "timestamps": times,
        "status_code": "Complete",
    }
