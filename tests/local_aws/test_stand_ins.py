"""The stand-ins: as small as possible, and no more lenient than the real services."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto.core.common_models import CloudFormationModel
from moto.kms.models import Key
from moto.logs.models import LogGroup
from moto.sesv2.responses import SESV2Response

from local_aws import logs, server, suppression
from local_aws.cloudformation import LACKING_IN_MOTO, WRONG_IN_MOTO
from local_aws.server import LocalAws
from local_aws.suppression import Refused, Suppression


def every(kind: Any) -> list[Any]:
    """All subclasses of `kind`."""
    return [made for direct in kind.__subclasses__() for made in (direct, *every(direct))]


def test_moto_still_lacks_every_added_resource_type() -> None:
    of_moto = [model for model in every(CloudFormationModel) if model.__module__.startswith("moto.")]
    named = {model.cloudformation_type() for model in of_moto if "cloudformation_type" in vars(model)}
    assert "AWS::SNS::Topic" in named
    assert named.isdisjoint(resource.TYPE for resource in LACKING_IN_MOTO), "moto has it now: remove ours"


def test_moto_still_gets_every_replaced_resource_type_wrong() -> None:
    assert {resource.TYPE for resource in WRONG_IN_MOTO} == {"AWS::KMS::Key", "AWS::Logs::LogGroup"}
    assert hasattr(LogGroup.update_from_cloudformation_json, "__isabstractmethod__"), (
        "it can be updated now: remove ours"
    )
    properties = {"KeyPolicy": {}, "Tags": [{"Key": "team", "Value": "email"}]}
    with pytest.raises(KeyError, match="TagKey"):
        Key.create_from_cloudformation_json("Key", {"Properties": properties}, "123456789012", "eu-west-1")


def test_moto_still_lacks_the_account_of_ses() -> None:
    responses: Any = SESV2Response
    assert "get_account" not in vars(responses) or responses.get_account.__module__ == "local_aws.ses"


@pytest.mark.parametrize("operation", sorted(suppression._OPERATIONS))
def test_moto_still_lacks_the_suppression_list(operation: str) -> None:
    method = getattr(SESV2Response, xform_name(operation), None)
    assert method is None or method.__module__ == "local_aws.suppression", "moto has it now: remove ours"


def test_the_suppression_list_answers_one_request_a_second() -> None:
    known = Suppression()
    assert known.serve("ListSuppressedDestinations", {}) == {"SuppressedDestinationSummaries": []}
    with pytest.raises(Refused, match="TooManyRequestsException"):
        known.serve("ListSuppressedDestinations", {})
    known.serve("ListRecommendations", {})


@pytest.mark.parametrize(
    ("operation", "given", "code"),
    [
        ("ListSuppressedDestinations", {"PageSize": 1_001}, "BadRequestException"),
        ("ListSuppressedDestinations", {"TenantName": "nobody"}, "NotFoundException"),
        ("ListSuppressedDestinations", {"NextToken": "token-1000"}, "InvalidNextTokenException"),
        ("GetSuppressedDestination", {"EmailAddress": "a@example.org"}, "NotFoundException"),
        ("ListRecommendations", {"Filter": {"TYPE": "BOUNCE", "IMPACT": "HIGH"}}, "BadRequestException"),
        ("BatchGetMetricData", {"Queries": []}, "NotFoundException"),
        ("GetMessageInsights", {"MessageId": "m"}, "NotFoundException"),
    ],
)
def test_the_suppression_list_refuses_what_ses_refuses(operation: str, given: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused, match=code):
        Suppression(gap=0, expiring=1).serve(operation, given)


def test_a_suppressed_address_does_not_count() -> None:
    known = Suppression(set_reasons={"newsletter": []})
    assert known.event("Jane@example.org", 7, "m-1") and not known.event("jane@example.org", 8, "m-2")
    assert all(known.event("bob@example.org", at, "m-3", configuration_set="newsletter") for at in (7, 8))
    assert list(known.lists[""]) == ["jane@example.org"]


def test_an_answer_outside_the_model_is_an_error_of_the_stand_in() -> None:
    with pytest.raises(AssertionError, match="Unknown parameter"):
        suppression._encoded("ListRecommendations", {"Recommendation": []})


def rows(query: str, *lines: dict[str, Any]) -> list[dict[str, str]]:
    """Rows that a query finds in lines that were logged a minute apart."""
    start = 1_738_540_800
    events = [
        SimpleNamespace(timestamp=(start + 60 * minute) * 1_000, message=json.dumps(line))
        for minute, line in enumerate(lines)
    ]
    group = SimpleNamespace(streams={"local": SimpleNamespace(events=events)})
    return logs._execute([group], query, start, start + 3_600)


def test_a_query_filters_chooses_sorts_and_limits() -> None:
    lines: list[dict[str, Any]] = [
        {"message": "watched", "sent": ["a"]},
        {"message": "watched", "sent": []},
        {"message": "other"},
    ]
    query = 'filter message = "watched" and ispresent(sent.0) | fields sent.0 as what | sort @timestamp desc | limit 5'
    assert rows(query, *lines) == [{"what": "a"}]


def test_a_query_takes_the_latest_and_the_largest_by_target() -> None:
    lines = [{"target": "a", "n": 5, "word": "old"}, {"target": "a", "n": 3, "word": "new"}, {"target": "b", "n": 1}]
    assert rows("stats latest(word) as word, max(n) as n by target | sort target asc", *lines) == [
        {"target": "a", "word": "new", "n": "5"},
        {"target": "b", "n": "1"},
    ]


@pytest.mark.parametrize("query", ["parse @message '*'", "filter a > 5", "stats avg(n) as n by target"])
def test_an_unknown_query_is_refused(query: str) -> None:
    with pytest.raises(Exception, match=r"not a .* that is known here"):
        rows(query, {"a": 1, "target": "a", "n": 1})


def test_a_log_line_that_is_no_json_has_no_fields() -> None:
    assert logs._fields("START RequestId: 1") == {} and logs._fields("[1]") == {}


def test_a_second_local_aws_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    second = LocalAws()
    monkeypatch.setattr(server, "_current", [second])
    with pytest.raises(RuntimeError, match="one local AWS at a time"), second:
        pass


TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "people"}}
READER = {"TopicArn": {"Ref": "People"}, "Protocol": "email", "Endpoint": "a@mail.test"}


def updated(local: LocalAws, *templates: dict[str, Any]) -> list[str]:
    """The ARNs of all subscriptions after deploying each template over the one before."""
    stacks, arns = local.client("cloudformation"), []
    for number, resources in enumerate(templates):
        deploy = stacks.update_stack if number else stacks.create_stack
        deploy(StackName="stack", TemplateBody=json.dumps({"Resources": resources}))
        arns += [each["SubscriptionArn"] for each in local.client("sns").list_subscriptions()["Subscriptions"]]
    return arns


def test_a_name_under_a_new_logical_id_is_refused() -> None:
    with LocalAws() as local, pytest.raises(ClientError, match="already exists"):
        updated(local, {"People": TOPIC}, {"Renamed": TOPIC})


def test_a_subscription_survives_metadata_and_filter_changes() -> None:
    reader = {"Type": "AWS::SNS::Subscription", "Properties": READER}
    filtered = {**reader, "Properties": {**READER, "FilterPolicy": {"severity": ["critical"]}}}
    other = {**reader, "Properties": {**READER, "Endpoint": "b@mail.test"}}
    moved = {**TOPIC, "Metadata": {"aws:cdk:path": "elsewhere"}}
    with LocalAws() as local:
        first, second, third = updated(
            local,
            {"People": TOPIC, "Reader": reader},
            {"People": moved, "Reader": filtered},
            {"People": moved, "Reader": other},
        )
    assert first == second != third
