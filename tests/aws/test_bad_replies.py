"""HTTP replies that AWS never gives: each reader returns an explicit unknown or raises the one error for it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber
from ses_reputation.aws import cloudwatch, secrets, ses, sns
from ses_reputation.aws.errors import answered
from ses_reputation.aws.session import CONFIG, open_session
from ses_reputation.aws.store import Item, Store
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, AwsRate, Subscription, Trouble, Unreadable

NOW = 1_738_664_100
TOPIC = "arn:aws:sns:eu-west-1:123456789012:people"

RAISING: dict[str, tuple[str, Callable[[Any], object]]] = {
    "load": ("dynamodb", lambda client: Store(client, "table").load("123456789012/eu-west-1")),
    "save": ("dynamodb", lambda client: Store(client, "table").save("123456789012/eu-west-1", Item(1, 1, "{}"))),
    "parameter": ("ssm", lambda client: secrets.parameter(client, "/slack")),
    "secret": ("secretsmanager", lambda client: secrets.secret(client, "slack")),
    "subscriptions": ("sns", lambda client: sns.subscriptions(client, TOPIC)),
}
ANSWERING: dict[str, tuple[str, Callable[[Any], object]]] = {
    "statistics": ("ses", ses.send_statistics),
    "account": ("sesv2", ses.account),
    "rates": ("cloudwatch", lambda client: cloudwatch.reputation_rates(client, NOW)),
}
BODIES = (b"[]", b"5", b'"text"', b"<html>Sign in</html>", b"\x00\xff", b'{"Item": 5, "Subscriptions": 5}')


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # botocore sends, so that a reply can be planted


def client(service: str, body: bytes = b"") -> Any:
    """A client whose every request gets `body` with status 200."""
    made = open_session().create_client(service, "eu-west-1", config=CONFIG)

    def reply(request: Any, **_: object) -> AWSResponse:
        raw: Any = io.BytesIO(body)
        raw.stream = lambda *_, **__: iter([body])
        headers: Any = {"Content-Type": "application/json"}
        return AWSResponse(request.url, 200, headers, raw)

    made.meta.events.register_first("before-send", reply)
    return made


@pytest.mark.parametrize("body", [*BODIES, b"null"], ids=repr)
@pytest.mark.parametrize("reader", RAISING)
def test_a_bad_reply_is_an_aws_error_or_no_value(reader: str, body: bytes) -> None:
    service, read = RAISING[reader]
    try:
        answer = read(client(service, body))
    except ResponseParserError:
        return
    assert answer in (None, "", ())


@pytest.mark.parametrize("body", [*BODIES, b"null", b"{}", b""], ids=repr)
@pytest.mark.parametrize("reader", ANSWERING)
def test_a_bad_reply_is_read_as_unknown(reader: str, body: bytes) -> None:
    service, read = ANSWERING[reader]
    reading = read(client(service, body))
    assert isinstance(reading, Unreadable) and reading.trouble is Trouble.BAD_ANSWER


def test_a_load_answered_with_a_list_is_an_aws_error() -> None:
    with pytest.raises(ResponseParserError, match="not an answer of AWS"):
        Store(client("dynamodb", b"[]"), "table").load("123456789012/eu-west-1")


def test_a_bug_in_our_parsing_is_not_blamed_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Account:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(ses, "account_from", broken)
    account = client("sesv2")
    with Stubber(account) as stub, pytest.raises(KeyError, match="a fault of ours"):
        stub.add_response("get_account", {})
        ses.account(account)


def test_aws_errors_pass_through_the_guard_unchanged() -> None:
    with pytest.raises(ResponseParserError, match="as it is"), answered():
        raise ResponseParserError("as it is")


def test_a_very_long_account_status_is_cut() -> None:
    account = client("sesv2")
    quota = {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 0.0}
    answer = {"SendingEnabled": True, "ProductionAccessEnabled": True, "SendQuota": quota}
    with Stubber(account) as stub:
        stub.add_response("get_account", {**answer, "EnforcementStatus": "PAUSED\n\u202e" + "\N{PILE OF POO}" * 10_000})
        read = ses.account(account)
    assert isinstance(read, Account) and len(read.enforcement) <= 60 and read.enforcement.isprintable()


@pytest.mark.parametrize("code", ["x" * 81, "a@b.de", "<!channel>", "\N{PILE OF POO}" * 10_000, ""], ids=ascii)
def test_an_invalid_error_code_is_not_shown(code: str) -> None:
    account = client("sesv2")
    with Stubber(account) as stub:
        stub.add_client_error("get_account", code)
        assert ses.account(account) == Unreadable(Trouble.FAILED, "GetAccount: an unreadable error code")


AT = datetime.fromtimestamp(NOW - 300, UTC)


def result(metric: str, *rates: float, status: str = "Complete") -> dict[str, Any]:
    return {"Id": metric, "Timestamps": [AT] * len(rates), "Values": list(rates), "StatusCode": status}


def rates_of(*results: dict[str, Any]) -> object:
    metrics = client("cloudwatch")
    with Stubber(metrics) as stub:
        stub.add_response("get_metric_data", {"MetricDataResults": results})
        return cloudwatch.reputation_rates(metrics, NOW)


def test_awss_own_rates_are_requested_for_the_last_six_hours() -> None:
    asked: dict[str, Any] = {}

    class Metrics:
        def get_metric_data(self, **request: Any) -> dict[str, Any]:
            asked.update(request)
            return {"MetricDataResults": []}

    metrics: Any = Metrics()
    cloudwatch.reputation_rates(metrics, NOW)
    assert asked["StartTime"] == datetime.fromtimestamp(NOW - 6 * 3600, UTC)
    assert asked["EndTime"] == datetime.fromtimestamp(NOW, UTC)
    assert {(query["MetricStat"]["Metric"]["MetricName"]) for query in asked["MetricDataQueries"]} == {
        "Reputation.BounceRate",
        "Reputation.ComplaintRate",
    }
    assert {(query["MetricStat"]["Period"], query["MetricStat"]["Stat"]) for query in asked["MetricDataQueries"]} == {
        (300, "Maximum")
    }


def test_an_aws_rate_without_a_value_is_left_out() -> None:
    assert rates_of(result("bounce", 0.01), result("complaint")) == {Metric.BOUNCE: AwsRate(0.01, NOW - 300)}


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_of_zero_and_one_are_accepted(rate: float) -> None:
    assert rates_of(result("bounce", rate), result("complaint")) == {Metric.BOUNCE: AwsRate(rate, NOW - 300)}


@pytest.mark.parametrize("rate", [-0.01, 1.01, 4.2, float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("metric", ["bounce", "complaint"])
def test_an_impossible_rate_is_unknown(metric: str, rate: float) -> None:
    other = result("complaint" if metric == "bounce" else "bounce", 0.01)
    read = rates_of(other, result(metric, rate))
    assert read == Unreadable(Trouble.BAD_ANSWER, f"GetMetricData: a rate of {rate:.6g}")


@pytest.mark.parametrize(
    ("status", "trouble"), [("Forbidden", Trouble.DENIED), ("InternalError", Trouble.FAILED)], ids=str
)
@pytest.mark.parametrize("metric", ["bounce", "complaint"])
def test_a_result_with_an_error_is_unknown_not_absent(metric: str, status: str, trouble: Trouble) -> None:
    results = [result(name, status=status if name == metric else "Complete") for name in ("bounce", "complaint")]
    assert rates_of(*results) == Unreadable(trouble, f"GetMetricData: {status}")


def test_a_metric_missing_from_the_answer_is_unknown_not_absent() -> None:
    read = rates_of(result("bounce", 0.01))
    assert isinstance(read, Unreadable) and read.trouble is Trouble.BAD_ANSWER


def test_times_without_values_are_unknown() -> None:
    read = rates_of(result("bounce", 0.01), {**result("complaint"), "Timestamps": [AT]})
    assert read == Unreadable(Trouble.BAD_ANSWER, "GetMetricData: 1 times for 0 values")


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "InternalServiceFault"])
def test_a_failed_call_is_unknown_not_absent(code: str) -> None:
    metrics = client("cloudwatch")
    with Stubber(metrics) as stub:
        stub.add_client_error("get_metric_data", code)
        read = cloudwatch.reputation_rates(metrics, NOW)
    assert isinstance(read, Unreadable) and read.detail == f"GetMetricData: {code}"


def test_only_a_subscription_with_an_arn_is_confirmed() -> None:
    arns = [f"{TOPIC}:1", "PendingConfirmation", "Deleted"]
    members = [
        {"SubscriptionArn": arn, "Owner": "1", "Protocol": "email", "Endpoint": f"{number}@x.test", "TopicArn": TOPIC}
        for number, arn in enumerate(arns)
    ]
    topic = client("sns")
    with Stubber(topic) as stub:
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": members[:2], "NextToken": "n"})
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": members[2:]})
        read = sns.subscriptions(topic, TOPIC)
    assert read == tuple(
        Subscription("email", f"{number}@x.test", confirmed) for number, confirmed in enumerate((True, False, False))
    )
