"""The metrics that AWS publishes by itself and moto does not: email as Amazon SES counts it, and the runs of functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from .server import LocalAws

REPRESENTATIVE = 10_000
"""Emails that AWS's own rates cover here; two published notices of AWS mention about this number."""

PER_REQUEST = 1_000

Point = Mapping[str, Any]


def publish_email(local: LocalAws, points: Sequence[Point], after: int, until: int) -> None:
    """Publish the `AWS/SES` metrics of the buckets that closed after `after` and up to `until`; `points` is the
    whole history, oldest first."""
    data = list(_email(points, datetime.fromtimestamp(after, UTC), datetime.fromtimestamp(until, UTC)))
    _put(local, "AWS/SES", data)


def publish_run(local: LocalAws, function: str, at: int, *, ok: bool) -> None:
    """Publish the `AWS/Lambda` metrics of one run."""
    moment = datetime.fromtimestamp(at, UTC)
    dimensions = [{"Name": "FunctionName", "Value": function}]
    counts = {"Invocations": 1.0, "Errors": float(not ok)}
    data = [_datum(name, moment, value) | {"Dimensions": dimensions} for name, value in counts.items()]
    _put(local, "AWS/Lambda", data)


def _email(points: Sequence[Point], after: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    for number, point in enumerate(points):
        closed = point["Timestamp"] + timedelta(minutes=15)
        if after < closed <= until:
            sent, bounced = point.get("DeliveryAttempts", 0), point.get("Bounces", 0)
            for name, count in (("Send", sent), ("Delivery", sent - bounced)):
                yield _datum(name, point["Timestamp"], count)
            for name, key in (("Bounce", "Bounces"), ("Complaint", "Complaints"), ("Reject", "Rejects")):
                if point.get(key):  # a metric exists from its first event on
                    yield _datum(name, point["Timestamp"], point[key])
            emails, bounces, complaints = _last(points[: number + 1])
            if emails:
                yield _datum("Reputation.BounceRate", point["Timestamp"], bounces / emails)
                yield _datum("Reputation.ComplaintRate", point["Timestamp"], complaints / emails)


def _last(points: Sequence[Point]) -> tuple[int, int, int]:
    """Emails, bounces and complaints of the last emails that AWS looks at."""
    emails = bounces = complaints = 0
    for point in reversed(points):
        emails += point.get("DeliveryAttempts", 0)
        bounces += point.get("Bounces", 0)
        complaints += point.get("Complaints", 0)
        if emails >= REPRESENTATIVE:
            break
    return emails, bounces, complaints


def _datum(name: str, at: datetime, value: float) -> dict[str, Any]:
    return {"MetricName": name, "Timestamp": at, "Value": float(value)}


def _put(local: LocalAws, namespace: str, data: Sequence[dict[str, Any]]) -> None:
    client = local.client("cloudwatch")
    for start in range(0, len(data), PER_REQUEST):
        client.put_metric_data(Namespace=namespace, MetricData=data[start : start + PER_REQUEST])
