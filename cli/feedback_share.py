"""Suggest the `feedback_share` that brings our complaint rate to AWS's, if the two have differed steadily for days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

from ses_reputation.aws.errors import answered
from ses_reputation.core.history import DAY, HOUR, History, Instant
from ses_reputation.core.metrics import REPUTATION
from ses_reputation.core.rates import AWS_ESTIMATE, Metric, View

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

DAYS, EVERY = 7, 6 * HOUR
"""Span that is compared, and the distance of its samples."""

FEWEST_SAMPLES = 20
"""Least number of the 28 values that a week has: AWS may publish none for a while."""

FEWEST_COMPLAINTS = 10
"""Estimates of fewer complaints are noise."""

STEADY = 1.25
"""Largest ratio over smallest: more is not one cause but several."""


def complaint_rates(client: CloudWatchClient, now: Instant) -> list[tuple[Instant, float]]:
    """Return AWS's own complaint rate every six hours of the last week. Raises what botocore raises."""
    query: MetricDataQueryTypeDef = {
        "Id": "complaint",
        "MetricStat": {
            "Metric": {"Namespace": "AWS/SES", "MetricName": REPUTATION[Metric.COMPLAINT]},
            "Period": EVERY,
            "Stat": "Average",
        },
    }
    with answered():
        [result] = client.get_metric_data(
            MetricDataQueries=[query],
            StartTime=datetime.fromtimestamp(now - DAYS * DAY, UTC),
            EndTime=datetime.fromtimestamp(now, UTC),
            ScanBy="TimestampAscending",
        )["MetricDataResults"]
        return [
            (int(at.timestamp()) + EVERY // 2, rate)
            for at, rate in zip(result["Timestamps"], result["Values"], strict=True)
        ]


def steady_share(history: History, theirs: Sequence[tuple[Instant, float]], present: float) -> float | None:
    """Return the `feedback_share` that explains the difference, or None if it is small, unsteady or not known well enough.

    `theirs` is AWS's own complaint rate over time, `present` the share in the settings, which `history` was made with.
    """
    shares = []
    for at, rate in theirs:
        ours = View(history, Metric.COMPLAINT, history.closed(at)).count(AWS_ESTIMATE)
        if ours.rate and rate > 0 and ours.events >= FEWEST_COMPLAINTS:
            shares.append(present * ours.rate / rate)
    if len(shares) < FEWEST_SAMPLES or max(shares) > STEADY * min(shares):
        return None
    share = round(median(shares), 2)
    return share if 0.05 <= share <= 1 and abs(share - present) >= 0.1 * present else None
