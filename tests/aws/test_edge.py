"""The edge translates: botocore's own parsers and validators on one side, core values on the other, no network."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from botocore.stub import ANY, Stubber
from ses_reputation.aws import cloudwatch, events, ses, sns
from ses_reputation.aws import secrets as stored_secrets
from ses_reputation.aws.errors import code_of, trouble_of
from ses_reputation.aws.session import CONFIG, open_session
from ses_reputation.aws.store import Item, Overtaken, Store
from ses_reputation.core.decide import Gauge
from ses_reputation.core.history import Point
from ses_reputation.core.readings import Subscription, Trouble, Unreadable
from ses_reputation.core.target import Target

IRELAND = Target("123456789012", "eu-west-1")
AT = datetime(2025, 2, 4, 10, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


def client(service: str) -> Any:
    return open_session().create_client(service, "eu-west-1", config=CONFIG)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
def test_send_data_points_become_points_in_any_time_zone(zone: timezone) -> None:
    stats = client("ses")
    member = {
        "Timestamp": AT.astimezone(zone),
        "DeliveryAttempts": 120,
        "Bounces": 3,
        "Complaints": 1,
        "Rejects": 0,
    }
    with Stubber(stats) as stub:
        stub.add_response("get_send_statistics", {"SendDataPoints": [member]}, {})
        assert ses.send_statistics(stats) == (Point(int(AT.timestamp()), 120, 3, 1, 0),)


@pytest.mark.parametrize("answer", [{}, {"SendDataPoints": []}], ids=["no key", "an empty list"])
def test_an_answer_without_points_is_an_empty_history(answer: dict[str, Any]) -> None:
    stats = client("ses")
    with Stubber(stats) as stub:
        stub.add_response("get_send_statistics", answer, {})
        assert ses.send_statistics(stats) == ()


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        ("AccessDenied", Trouble.DENIED),
        ("AccessDeniedException", Trouble.DENIED),
        ("ExpiredToken", Trouble.DENIED),
        ("Throttling", Trouble.THROTTLED),
        ("TooManyRequestsException", Trouble.THROTTLED),
        ("InternalFailure", Trouble.FAILED),
    ],
)
def test_a_refused_read_is_unknown_and_names_only_the_code(code: str, trouble: Trouble) -> None:
    stats = client("ses")
    with Stubber(stats) as stub:
        stub.add_client_error("get_send_statistics", code, "User arn:aws:iam::123456789012:user/jane@example.org is …")
        assert ses.send_statistics(stats) == Unreadable(trouble, f"GetSendStatistics: {code}")


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ({"DeliveryAttempts": 5}, "Timestamp is missing"),
        ({"Timestamp": AT, "DeliveryAttempts": -1}, "DeliveryAttempts is -1"),
        ({"Timestamp": AT, "Bounces": 10**15}, "Bounces is 1000000000000000"),
    ],
    ids=["no time", "negative", "huge"],
)
def test_an_impossible_point_is_unknown_with_the_reason(member: dict[str, Any], says: str) -> None:
    stats = client("ses")
    with Stubber(stats) as stub:
        stub.add_response("get_send_statistics", {"SendDataPoints": [member]}, {})
        reading = ses.send_statistics(stats)
    assert isinstance(reading, Unreadable) and reading.trouble is Trouble.BAD_ANSWER and says in reading.detail


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ConnectTimeoutError(endpoint_url="https://x"), Trouble.TIMED_OUT),
        (ReadTimeoutError(endpoint_url="https://x"), Trouble.TIMED_OUT),
        (NoCredentialsError(), Trouble.DENIED),
        (ResponseParserError("not XML"), Trouble.BAD_ANSWER),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_without_an_answer_have_a_name_too(error: Exception, trouble: Trouble) -> None:
    assert trouble_of(error) is trouble
    assert code_of(error) == type(error).__name__


DIMENSIONS = [{"Name": "Account", "Value": "123456789012"}, {"Name": "Region", "Value": "eu-west-1"}]


def test_gauges_are_sent_in_thousands_stamped_with_their_ticks() -> None:
    metrics = client("cloudwatch")
    gauges = [Gauge("BounceRate", int(AT.timestamp()) + n, n / 2_000) for n in range(1_500)]
    data = [
        {
            "MetricName": "BounceRate",
            "Dimensions": DIMENSIONS,
            "Timestamp": AT + timedelta(seconds=n),
            "Value": n / 2_000,
        }
        for n in range(1_500)
    ]
    with Stubber(metrics) as stub:
        for part in (data[:1_000], data[1_000:]):
            stub.add_response("put_metric_data", {}, {"Namespace": "SesReputation", "MetricData": part})
        cloudwatch.put_gauges(metrics, "SesReputation", IRELAND, gauges)
        stub.assert_no_pending_responses()


def test_a_gauge_names_its_target_and_its_tick() -> None:
    metrics = client("cloudwatch")
    datum = {
        "MetricName": "BounceRate",
        "Dimensions": DIMENSIONS,
        "Timestamp": AT,
        "Value": 0.031,
    }
    with Stubber(metrics) as stub:
        stub.add_response("put_metric_data", {}, {"Namespace": "N", "MetricData": [datum]})
        cloudwatch.put_gauges(metrics, "N", IRELAND, [Gauge("BounceRate", int(AT.timestamp()), 0.031)])
        stub.assert_no_pending_responses()


STORED = {"pk": {"S": IRELAND.id}, "version": {"N": "4"}, "schema": {"N": "1"}, "state": {"S": "{}"}}


def test_a_stored_item_is_loaded_unchanged_and_a_missing_one_is_none() -> None:
    table = client("dynamodb")
    with Stubber(table) as stub:
        asked = {"TableName": "table", "Key": {"pk": {"S": IRELAND.id}}, "ConsistentRead": True}
        stub.add_response("get_item", {}, asked)
        stub.add_response("get_item", {"Item": STORED}, asked)
        store = Store(table, "table")
        assert store.load(IRELAND.id) is None
        assert store.load(IRELAND.id) == Item(4, 1, "{}")


@pytest.mark.parametrize("attribute", ["version", "schema", "state"])
@pytest.mark.parametrize("value", [None, {"BOOL": True}, {"N": "4.5"}, {"L": []}])
def test_an_item_written_by_something_else_is_read_as_far_as_possible(attribute: str, value: Any) -> None:
    table = client("dynamodb")
    item = {name: there for name, there in (STORED | {attribute: value}).items() if there is not None}
    with Stubber(table) as stub:
        stub.add_response("get_item", {"Item": item})
        assert getattr(Store(table, "table").load(IRELAND.id), "text" if attribute == "state" else attribute) in (
            0,
            "",
        )


@pytest.mark.parametrize("ours", [True, False], ids=["our own write whose answer got lost", "another run's write"])
def test_a_refused_write_counts_as_done_only_if_ours_is_stored(ours: bool) -> None:
    table = client("dynamodb")
    new = Item(4, 1, "{}" if ours else '{"tick":1}')
    with Stubber(table) as stub:
        stub.add_client_error(
            "put_item",
            "ConditionalCheckFailedException",
            modeled_fields={"Item": STORED},
            expected_params=None,
        )
        if ours:
            Store(table, "table").save(IRELAND.id, new)
        else:
            with pytest.raises(Overtaken) as raised:
                Store(table, "table").save(IRELAND.id, new)
            assert raised.value.item == Item(4, 1, "{}")


def test_another_write_error_is_not_taken_for_overlap() -> None:
    table = client("dynamodb")
    with Stubber(table) as stub, pytest.raises(ClientError):
        stub.add_client_error("put_item", "AccessDeniedException")
        Store(table, "table").save(IRELAND.id, Item(1, 1, "{}"))


def test_a_secret_is_read_from_its_store() -> None:
    parameters, secrets = client("ssm"), client("secretsmanager")
    with Stubber(parameters) as stub:
        asked = {"Name": "/slack", "WithDecryption": True}
        stub.add_response("get_parameter", {"Parameter": {"Value": "https://hooks"}}, asked)
        assert stored_secrets.parameter(parameters, "/slack") == "https://hooks"
    with Stubber(secrets) as stub:
        stub.add_response("get_secret_value", {"SecretString": "https://hooks"}, {"SecretId": "slack"})
        stub.add_response("get_secret_value", {"SecretBinary": b"hooks"}, {"SecretId": "slack"})
        assert stored_secrets.secret(secrets, "slack") == "https://hooks"
        assert stored_secrets.secret(secrets, "slack") == ""  # not an address, and reported


def test_people_get_the_text_and_machines_the_document() -> None:
    topic = client("sns")
    bodies: dict[str, Any] = {}
    with Stubber(topic) as stub:
        stub.add_response(
            "publish",
            {"MessageId": "m"},
            {
                "TopicArn": "arn:aws:sns:eu-west-1:123456789012:people",
                "Subject": "Subject",
                "Message": ANY,
                "MessageStructure": "json",
                "MessageAttributes": {"severity": {"DataType": "String.Array", "StringValue": '["critical"]'}},
            },
        )
        topic.meta.events.register("before-parameter-build.sns.Publish", lambda params, **_: bodies.update(params))
        sns.publish(
            topic,
            "arn:aws:sns:eu-west-1:123456789012:people",
            subject="Subject",
            text="words",
            document='{"version": 1}',
            attributes={"severity": ["critical"]},
        )
    sent = json.loads(bodies["Message"])
    assert sent == {"default": '{"version": 1}', "email": "words", "email-json": "words", "sms": "Subject"}


ARN = "arn:aws:sns:eu-west-1:123456789012:people:0f1e2d3c-1111-2222-3333-444455556666"


@pytest.mark.parametrize(
    ("arn", "confirmed"),
    [(ARN, True), ("PendingConfirmation", False), ("Deleted", False), ("", False)],
    ids=["confirmed", "pending", "deleted", "no ARN"],
)
def test_a_subscription_counts_as_confirmed_by_its_arn_alone(arn: str, confirmed: bool) -> None:
    topic = client("sns")
    member = {"SubscriptionArn": arn, "Protocol": "email", "Endpoint": "oncall@mail.test"}
    with Stubber(topic) as stub:
        asked = {"TopicArn": ARN}
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": [member], "NextToken": "more"}, asked)
        stub.add_response(
            "list_subscriptions_by_topic",
            {"Subscriptions": [{"Protocol": "lambda"}]},
            {"TopicArn": ARN, "NextToken": "more"},
        )
        found = sns.subscriptions(topic, ARN)
    assert found == (Subscription("email", "oncall@mail.test", confirmed), Subscription("lambda", "", False))


@pytest.mark.parametrize(
    "code", ["UnrecognizedClientException", "InvalidClientTokenId", "SubscriptionRequiredException"]
)
def test_valid_credentials_refused_by_a_region_mean_it_is_not_enabled(code: str) -> None:
    assert trouble_of(ClientError({"Error": {"Code": code}}, "GetAccount")) is Trouble.NOT_ENABLED


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"ErrorCode": "ThrottlingException", "ErrorMessage": "to jane@example.org"}, "ThrottlingException"),
        ({"ErrorCode": "AccessDeniedException"}, "AccessDeniedException"),
        ({}, "Unknown"),
    ],
)
def test_an_event_refused_in_a_successful_answer_is_a_failure(entry: dict[str, str], code: str) -> None:
    bus = client("events")
    with Stubber(bus) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [entry]})
        with pytest.raises(ClientError) as failed:
            events.put_event(bus, "default", {"Source": "s", "DetailType": "t", "Detail": "{}"})
    assert code_of(failed.value) == code


@pytest.mark.parametrize("answer", [{}, {"Entries": []}], ids=["no entries", "none for ours"])
def test_an_answer_without_entries_is_a_failure(answer: dict[str, Any]) -> None:
    bus = client("events")
    with Stubber(bus) as stub:
        stub.add_response("put_events", answer)
        with pytest.raises(ResponseParserError):
            events.put_event(bus, "default", {"Source": "s", "DetailType": "t", "Detail": "{}"})


def test_an_event_goes_to_the_bus_of_the_settings() -> None:
    bus = client("events")
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}", "EventBusName": "ops"}
    with Stubber(bus) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}, {"Entries": [entry]})
        events.put_event(bus, "ops", {"Source": "s", "DetailType": "t", "Detail": "{}"})
