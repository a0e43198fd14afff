"""The account's own months, from the metrics that Amazon SES keeps in CloudWatch: 63 days by quarter hour, 455 days by hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.exceptions import InvalidRegionError
from ses_reputation.aws.cloudwatch import REFUSED
from ses_reputation.aws.errors import AWS_ERRORS, answered, code_of, trouble_of
from ses_reputation.aws.session import CONFIG
from ses_reputation.core.history import BUCKET, DAY, HOUR, LARGEST_COUNT, BadData, Instant, Point
from ses_reputation.core.metrics import REPUTATION
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import AwsRate, Trouble, Unreadable

from .aws import Witness, open_session, region_of, session_for
from .aws_errors import Call, explain
from .cause import instant
from .exit_codes import Unusable

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef
    from ses_reputation.settings import Settings

NEEDS = "cloudwatch:GetMetricData"
"""IAM action that the months ask for."""

FINE_DAYS, COARSE_DAYS = 63, 455
"""How long CloudWatch keeps values of five minutes and of an hour (CloudWatch user guide, metrics retention)."""

COUNTS = {"attempts": "Send", "bounces": "Bounce", "complaints": "Complaint", "rejects": "Reject"}
"""Metrics of the account, without dimensions; each exists from its first event on."""

SOFT_BOUNCES = (
    "CloudWatch's bounces also count soft bounces that SES gave up on; AWS's rate and GetSendStatistics do not."
)

MOST_PAGES = 50
"""A page holds 100,800 values, more than all that is asked for: an answer of more pages does not end."""


@dataclass(frozen=True, slots=True)
class Months:
    """Counts of the account, and AWS's own rates, oldest first."""

    points: tuple[Point, ...]
    rates: Mapping[Metric, tuple[AwsRate, ...]]  # the highest of each hour


def read_months(client: CloudWatchClient, since: Instant, now: Instant) -> Months | Unreadable:
    """Read what CloudWatch has from `since` to `now`, or say why it cannot be read.

    An hour's counts are put into its last quarter, so that a replay knows nothing before it happened.
    """
    counts: dict[Instant, dict[str, int]] = defaultdict(dict)
    rates: dict[Metric, list[AwsRate]] = {metric: [] for metric in REPUTATION}
    try:
        for start, end, period in stretches(since, now):
            for name, at, value in _values(client, start, end, period):
                if name in COUNTS:
                    counts[at + period - BUCKET][name] = _count(name, value)
                else:
                    rates[Metric(name)].append(AwsRate(_rate(name, value), at))
    except BadData as bad:
        return Unreadable(Trouble.BAD_ANSWER, f"GetMetricData: {bad}")
    except AWS_ERRORS as error:
        return Unreadable(trouble_of(error), f"GetMetricData: {code_of(error)}")
    points = tuple(
        _point(at, counts[at]) for at in sorted(counts) if at + BUCKET <= now
    )  # the last one is still filling
    return Months(points, {metric: tuple(sorted(found, key=lambda r: r.at)) for metric, found in rates.items()})


def asked(
    settings: Settings | None,
    profile: str | None,
    region: str | None,
    since: str,
    now: Instant,
    account: str | None,
) -> tuple[boto3.Session, Months]:
    """Read the months with the user's credentials, or through the monitor's role in another account. Raises `Unusable`."""
    start = instant(since, now, "--since")
    if not start < now:
        raise Unusable(f"--since {since}: must be in the past.")
    session = session_for(open_session(profile, region), settings, account)
    where = region_of(session)
    witness = Witness(None)
    call = Call(session._session, where, NEEDS)  # noqa: SLF001  boto3 has no name for it
    try:
        witness.client = session.client("cloudwatch", region_name=where, config=CONFIG)
        months: Any = read_months(cast("CloudWatchClient", witness), start, now)
    except AWS_ERRORS as error:
        raise Unusable(str(explain(error, call))) from None
    except ValueError:  # botocore's answer to a region that cannot be part of an address
        raise Unusable(str(explain(InvalidRegionError(region_name=where), call))) from None
    if isinstance(months, Unreadable):
        raise Unusable(months.detail if witness.error is None else str(explain(witness.error, call)))
    return session, months


def stretches(since: Instant, now: Instant) -> Iterator[tuple[Instant, Instant, int]]:
    """Cut the time into parts that CloudWatch keeps with one period, at full hours: from, up to, period in seconds."""
    end = -(-now // HOUR) * HOUR
    oldest = max(since, now - COARSE_DAYS * DAY) // HOUR * HOUR
    fine = max(oldest, (now - FINE_DAYS * DAY) // HOUR * HOUR + HOUR)
    if oldest < fine:
        yield oldest, fine, HOUR
    if fine < end:
        yield fine, end, BUCKET


def _values(
    client: CloudWatchClient, start: Instant, end: Instant, period: int
) -> Iterator[tuple[str, Instant, float]]:
    """Yield each value with the name of its query and the start of its period. Raise `BadData`, and what botocore raises."""
    queries = [_query(name, metric, "Sum", period) for name, metric in COUNTS.items()]
    queries += [_query(metric.value, name, "Maximum", HOUR) for metric, name in REPUTATION.items()]
    asked: dict[str, Any] = {
        "MetricDataQueries": queries,
        "StartTime": datetime.fromtimestamp(start, UTC),
        "EndTime": datetime.fromtimestamp(end, UTC),
        "ScanBy": "TimestampAscending",
    }
    known = {query["Id"] for query in queries}
    missing = set(known)
    for _ in range(MOST_PAGES):
        with answered():
            answer = client.get_metric_data(**asked)
        for result in answer.get("MetricDataResults", []):
            name, status = result.get("Id", ""), result.get("StatusCode", "Complete")
            if name not in known:
                raise BadData("a metric that nobody asked for is in the answer")
            if status in REFUSED:
                raise BadData(f"{status} instead of values")
            times, values = result.get("Timestamps", []), result.get("Values", [])
            if len(times) != len(values):
                raise BadData(f"{len(times)} times for {len(values)} values")
            if status == "Complete":
                missing.discard(name)
            for moment, value in zip(times, values, strict=True):
                yield name, _instant(moment, start, end), value
        if not answer.get("NextToken"):
            break
        asked["NextToken"] = answer["NextToken"]
    else:
        raise BadData("it does not end")
    if missing:
        raise BadData("a metric that was asked for is not, or not wholly, in the answer")


def _point(at: Instant, counts: Mapping[str, int]) -> Point:
    attempts, bounces, complaints, rejects = (counts.get(name, 0) for name in COUNTS)
    return Point(at, attempts, bounces, complaints, rejects)


def _query(name: str, metric: str, stat: str, period: int) -> MetricDataQueryTypeDef:
    return {
        "Id": name,
        "MetricStat": {"Metric": {"Namespace": "AWS/SES", "MetricName": metric}, "Period": period, "Stat": stat},
    }


def _instant(moment: object, start: Instant, end: Instant) -> Instant:
    if not isinstance(moment, datetime) or moment.tzinfo is None or not start <= moment.timestamp() < end:
        raise BadData("a value has a time that was not asked for")
    return int(moment.timestamp())


def _count(name: str, value: object) -> int:
    if not isinstance(value, float | int) or not 0 <= value <= LARGEST_COUNT or value != int(value):
        raise BadData(f"{COUNTS[name]} is {value!r:.40}, not a count")
    return int(value)


def _rate(name: str, value: object) -> float:
    if not isinstance(value, float | int) or not 0 <= value <= 1:
        raise BadData(f"the {name} rate is {value!r:.40}")
    return float(value)
