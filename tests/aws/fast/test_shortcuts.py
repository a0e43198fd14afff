"""Every shortcut through botocore sends, signs and returns the same as plain botocore."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore import httpsession
from ses_reputation.aws.fast import loader, parsers
from ses_reputation.aws.session import CONFIG, open_session

from cli.sender import send_data_points
from local_aws.ses import statistics_xml

CALLS: dict[str, Callable[[Any], object]] = {
    "cloudwatch": lambda client: client.get_metric_data(
        MetricDataQueries=[], StartTime=datetime(2025, 2, 4, tzinfo=UTC), EndTime=datetime(2025, 2, 5, tzinfo=UTC)
    ),
    "dynamodb": lambda client: client.get_item(TableName="state", Key={"pk": {"S": "a"}}, ConsistentRead=True),
    "events": lambda client: client.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}]),
    "iam": lambda client: client.get_role(RoleName="SesReputationMember"),
    "organizations": lambda client: client.list_accounts_for_parent(ParentId="ou-ab12-12345678"),
    "secretsmanager": lambda client: client.get_secret_value(SecretId="slack"),
    "ses": lambda client: client.get_send_statistics(),
    "sesv2": lambda client: client.get_account(),
    "sns": lambda client: client.publish(TopicArn="arn:aws:sns:eu-west-1:123456789012:people", Message="m"),
    "sts": lambda client: client.assume_role(
        RoleArn="arn:aws:iam::111111111111:role/SesReputationMember", RoleSessionName="SesReputation", ExternalId="ours"
    ),
    "ssm": lambda client: client.get_parameter(Name="/slack", WithDecryption=True),
}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


class Sent(Exception):
    """A request about to be sent: its address, its headers and its body."""

    def __init__(self, request: Any) -> None:
        headers = {name: value for name, value in request.headers.items() if name != "amz-sdk-invocation-id"}
        self.what = (request.method, request.url, headers, request.body)
        self.at = request.headers["X-Amz-Date"]


def sent(session: Any, service: str, region: str) -> Sent:
    client = session.create_client(service, region, config=CONFIG)

    def stop(request: Any, **_: Any) -> None:
        raise Sent(request)

    client.meta.events.register_first("before-send", stop)
    with pytest.raises(Sent) as caught:
        CALLS[service](client)
    return caught.value


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1", "ap-southeast-5"])
@pytest.mark.parametrize("service", json.loads(loader.SERVICES.read_bytes()))
def test_each_request_is_the_one_that_plain_botocore_sends(service: str, region: str) -> None:
    for _ in range(20):  # until both are signed within the same second
        ours, plain = sent(open_session(), service, region), sent(botocore.session.get_session(), service, region)
        if ours.at == plain.at:
            break
    assert ours.what == plain.what


def parsed(session: Any, body: bytes, status: int = 200) -> Any:
    """Parse an answer to GetSendStatistics; the result, or the error it ends in."""
    shape = session.get_service_model("ses").operation_model("GetSendStatistics").output_shape
    parser = session.get_component("response_parser_factory").create_parser("query")
    try:
        return parser.parse({"body": body, "headers": {"X-Amzn-RequestId": "r"}, "status_code": status}, shape)
    except Exception as error:  # noqa: BLE001  whatever plain botocore raises
        return type(error), str(error)


POINTS = send_data_points(1_738_540_800, 1_738_540_800 + 14 * 86_400)
random.Random(3).shuffle(POINTS)
WHOLE = statistics_xml(POINTS).encode()


def one(text: str) -> bytes:
    """An answer of one point with `text` instead of its fields."""
    start, end = WHOLE.index(b"<member>") + len(b"<member>"), WHOLE.index(b"</member>")
    return (
        WHOLE[:start] + text.encode() + WHOLE[end : end + len(b"</member>")] + WHOLE[WHOLE.rindex(b"</member>") + 9 :]
    )


ANSWERS = {
    "two weeks": WHOLE,
    "no points": WHOLE[: WHOLE.index(b"<member>")] + WHOLE[WHOLE.rindex(b"</member>") + 9 :],
    "a point without counters": one("<Timestamp>2025-02-04T10:30:00Z</Timestamp>"),
    "milliseconds": one("<Timestamp>2025-02-04T10:30:00.000Z</Timestamp><Bounces>3</Bounces>"),
    "an offset": one("<Timestamp>2025-02-04T12:30:00+02:00</Timestamp>"),
    "another way to write a time": one("<Timestamp>Tue, 04 Feb 2025 10:30:00 GMT</Timestamp>"),
    "a field that is new": one("<Timestamp>2025-02-04T10:30:00Z</Timestamp><Opens>5</Opens>"),
    "a word for a number": one("<Bounces>many</Bounces>"),
    "an empty field": one("<Bounces/>"),
    "a field twice": one("<Bounces>1</Bounces><Bounces>2</Bounces>"),
    "a web page": b"<html><body>We are sorry</body></html>",
    "no XML": b"{}",
    "nothing": b"",
    "cut off": WHOLE[: len(WHOLE) // 2],
    "no list": b'<GetSendStatisticsResponse xmlns="x"><GetSendStatisticsResult/></GetSendStatisticsResponse>',
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_each_answer_reads_as_plain_botocore_reads_it(answer: bytes) -> None:
    assert parsed(open_session(), answer) == parsed(botocore.session.get_session(), answer)


def test_an_error_reads_as_plain_botocore_reads_it() -> None:
    error = b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
    assert parsed(open_session(), error, 400) == parsed(botocore.session.get_session(), error, 400)


def test_without_a_hook_plain_botocore_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise AttributeError("there is no such hook")

    monkeypatch.setattr(botocore.session.Session, "register_component", gone)
    monkeypatch.delattr(httpsession, "get_cert_path")
    assert parsed(open_session(), WHOLE)["SendDataPoints"][0]["Timestamp"].tzinfo is not None
    assert sent(open_session(), "ses", "eu-west-1").what[1] == "https://email.eu-west-1.amazonaws.com/"


def test_the_shortcuts_are_taken() -> None:
    session: Any = open_session()
    assert isinstance(session.get_component("data_loader"), loader._Data)
    parser = session.get_component("response_parser_factory").create_parser("query")
    assert isinstance(parser, parsers._StatisticsParser)
    assert session.get_component("data_loader").load_data("endpoints")["partitions"] == []
