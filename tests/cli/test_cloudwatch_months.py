"""The account's own months from CloudWatch: the requests, and what any answer becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from ses_reputation.core.history import BUCKET, DAY, HOUR, Point
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import AwsRate, Trouble, Unreadable

from cli.cloudwatch_months import Months, read_months, stretches
from cli.main import main

NOW = 1_771_000_000 // DAY * DAY + 5 * HOUR + 600
NAMES = ("attempts", "bounces", "complaints", "rejects", "bounce", "complaint")


class CloudWatch:
    """Answers with the values of `held` in the requested time, two to a page."""

    def __init__(self, held: Mapping[str, Sequence[tuple[int, float]]]) -> None:
        self.held = held
        self.asked: list[dict[str, Any]] = []

    def get_metric_data(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        start, end = asked["StartTime"].timestamp(), asked["EndTime"].timestamp()
        skip = int(asked.get("NextToken", "0"))
        results, more = [], False
        for query in asked["MetricDataQueries"]:
            values = [value for value in self.held.get(query["Id"], ()) if start <= value[0] < end]
            page = values[skip : skip + 2]
            rest = len(values) > skip + 2
            more = more or rest
            results.append(
                {
                    "Id": query["Id"],
                    "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in page],
                    "Values": [value for _, value in page],
                    "StatusCode": "PartialData" if rest else "Complete",
                }
            )
        return {"MetricDataResults": results} | ({"NextToken": str(skip + 2)} if more else {})


def read(client: Any, days: float = 30, now: int = NOW) -> Months | Unreadable:
    return read_months(client, now - int(days * DAY), now)


@pytest.mark.parametrize("days", [0.1, 1, 62.9, 63, 63.1, 90, 454, 455, 600])
def test_each_request_has_a_period_that_cloudwatch_keeps(days: float) -> None:
    parts = list(stretches(NOW - int(days * DAY), NOW))
    assert parts[-1][1] == NOW // HOUR * HOUR + HOUR
    assert parts[0][0] <= max(NOW - int(days * DAY), NOW - 455 * DAY)
    assert all(one[1] == other[0] for one, other in pairwise(parts))
    for start, end, period in parts:
        assert start < end and start % HOUR == end % HOUR == 0
        assert period == (BUCKET if NOW - start <= 63 * DAY else HOUR)
    assert sum((end - start) // period for start, end, period in parts) * 6 < 100_800


def test_counts_are_read_by_quarter_hour_and_page_by_page() -> None:
    start = NOW // HOUR * HOUR - 3 * DAY
    held = {
        "attempts": [(start + BUCKET * number, 100.0 + number) for number in range(5)],
        "bounces": [(start + BUCKET, 7.0)],
        "complaints": [(start + 9 * BUCKET, 1.0)],
        "complaint": [(start, 0.0004), (start + HOUR, 0.0005)],
    }
    client = CloudWatch(held)
    found = read(client, days=4)
    assert isinstance(found, Months)
    assert found.points == (
        Point(start, 100),
        Point(start + BUCKET, 101, 7),
        *(Point(start + BUCKET * number, 100 + number) for number in (2, 3, 4)),
        Point(start + 9 * BUCKET, 0, 0, 1),
    )
    assert found.rates == {
        Metric.BOUNCE: (),
        Metric.COMPLAINT: (AwsRate(0.0004, start), AwsRate(0.0005, start + HOUR)),
    }
    assert len(client.asked) == 3
    metrics = [query["MetricStat"]["Metric"]["MetricName"] for query in client.asked[0]["MetricDataQueries"]]
    assert metrics == ["Send", "Bounce", "Complaint", "Reject", "Reputation.BounceRate", "Reputation.ComplaintRate"]


def test_an_old_hour_is_known_only_at_its_end() -> None:
    old = NOW // HOUR * HOUR - 100 * DAY
    found = read(CloudWatch({"attempts": [(old, 4_000.0)]}), days=120)
    assert isinstance(found, Months) and found.points == (Point(old + HOUR - BUCKET, 4_000),)


def test_a_bucket_that_is_still_filling_is_left_out() -> None:
    now = NOW // BUCKET * BUCKET
    held = {"attempts": [(now - 2 * BUCKET, 100.0), (now - BUCKET, 100.0), (now, 20.0)]}
    found = read(CloudWatch(held), days=1, now=now + 60)
    assert isinstance(found, Months) and [point.at for point in found.points] == [now - 2 * BUCKET, now - BUCKET]


def answer(**changes: Any) -> dict[str, Any]:
    results: list[dict[str, Any]] = [
        {"Id": name, "Timestamps": [], "Values": [], "StatusCode": "Complete"} for name in NAMES
    ]
    results[0] |= {"Timestamps": [datetime.fromtimestamp(NOW - DAY, UTC)], "Values": [5.0]} | changes
    return {"MetricDataResults": results}


class FixedAnswer:
    """Gives every call the same answer."""

    def __init__(self, answer_given: Any) -> None:
        self.answer_given = answer_given

    def get_metric_data(self, **asked: Any) -> Any:
        if isinstance(self.answer_given, Exception):
            raise self.answer_given
        return self.answer_given


@pytest.mark.parametrize(
    ("answer_given", "detail"),
    [
        (answer(Values=[1.5]), "Send is 1.5, not a count"),
        (answer(Values=[-1.0]), "Send is -1.0, not a count"),
        (answer(Values=[float("nan")]), "Send is nan, not a count"),
        (answer(Values=[float("inf")]), "Send is inf, not a count"),
        (answer(Values=["5"]), "Send is '5', not a count"),
        (answer(Values=[1.0, 2.0]), "1 times for 2 values"),
        (answer(Timestamps=["yesterday"]), "a time that was not asked for"),
        (answer(Timestamps=[datetime.fromtimestamp(NOW + DAY, UTC)]), "a time that was not asked for"),
        (answer(StatusCode="Forbidden"), "Forbidden instead of values"),
        (answer(StatusCode="InternalError"), "InternalError instead of values"),
        (answer(StatusCode="PartialData"), "not wholly"),
        (answer(Id="else"), "nobody asked for"),
        ({"MetricDataResults": answer()["MetricDataResults"][1:]}, "not, or not wholly"),
        ({}, "not, or not wholly"),
        (answer(Id="bounce", Values=[1.5]), "the bounce rate is 1.5"),
        (answer() | {"NextToken": "again"}, "it does not end"),
    ],
)
def test_an_unusable_answer_is_unreadable_with_a_reason(answer_given: dict[str, Any], detail: str) -> None:
    found = read(FixedAnswer(answer_given))
    assert isinstance(found, Unreadable) and found.trouble is Trouble.BAD_ANSWER and detail in found.detail


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ClientError({"Error": {"Code": "AccessDenied"}}, "GetMetricData"), Trouble.DENIED),
        (ClientError({"Error": {"Code": "Throttling"}}, "GetMetricData"), Trouble.THROTTLED),
        (EndpointConnectionError(endpoint_url="https://x.test"), Trouble.FAILED),
        (TypeError("a proxy's page"), Trouble.BAD_ANSWER),
    ],
)
def test_a_refused_call_is_unreadable(error: Exception, trouble: Trouble) -> None:
    found = read(FixedAnswer(error))
    assert isinstance(found, Unreadable) and found.trouble is trouble


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "one of the two"),
        (("stats.json", "--cloudwatch"), "one of the two"),
        (("stats.json", "--since", "2d"), "--since is for --cloudwatch"),
        (("--cloudwatch", "--since", "soon"), "--since soon: not a time"),
        (("--cloudwatch", "--since", "2099-01-01T00:00Z"), "must be in the past"),
    ],
)
def test_an_impossible_period_is_refused(
    capsys: pytest.CaptureFixture[str], keys: None, arguments: tuple[str, ...], says: str
) -> None:
    assert main(["replay", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_future_values_are_ignored() -> None:
    late = datetime.fromtimestamp(NOW, UTC) + timedelta(hours=2)
    assert isinstance(read(FixedAnswer(answer(Timestamps=[late]))), Unreadable)
