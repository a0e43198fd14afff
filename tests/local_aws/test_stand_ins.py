"""The stand-ins: no larger than they must be, and no more lenient than what they stand for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.core.common_models import CloudFormationModel
from moto.sesv2.responses import SESV2Response

from local_aws import logs
from local_aws.cloudformation import RESOURCES
from local_aws.server import LocalAws


def every(kind: Any) -> list[Any]:
    """All classes that are made of `kind`."""
    return [made for direct in kind.__subclasses__() for made in (direct, *every(direct))]


def test_moto_still_lacks_every_resource_type_that_is_added() -> None:
    of_moto = [model for model in every(CloudFormationModel) if model.__module__.startswith("moto.")]
    named = {model.cloudformation_type() for model in of_moto if "cloudformation_type" in vars(model)}
    assert "AWS::SNS::Topic" in named
    assert named.isdisjoint(resource.TYPE for resource in RESOURCES), "moto has it now: remove ours"


def test_moto_still_lacks_the_account_of_ses() -> None:
    responses: Any = SESV2Response
    assert "get_account" not in vars(responses) or responses.get_account.__module__ == "local_aws.ses"


def rows(query: str, *lines: dict[str, Any]) -> list[dict[str, str]]:
    """What a query finds in lines that were logged a minute apart."""
    with LocalAws() as local:
        client = local.client("logs")
        client.create_log_group(logGroupName="g")
        for minute, line in enumerate(lines):
            local.keep_log("g", 1_738_540_800 + 60 * minute, json.dumps(line))
        started = client.start_query(
            logGroupName="g", startTime=1_738_540_800, endTime=1_738_550_000, queryString=query
        )
        answer = client.get_query_results(queryId=started["queryId"])["results"]
    return [{part["field"]: part["value"] for part in row} for row in answer]


def test_a_query_filters_chooses_sorts_and_limits() -> None:
    lines: list[dict[str, Any]] = [
        {"message": "watched", "told": ["a"]},
        {"message": "watched", "told": []},
        {"message": "other"},
    ]
    query = 'filter message = "watched" and ispresent(told.0) | fields told.0 as what | sort @timestamp desc | limit 5'
    assert rows(query, *lines) == [{"what": "a"}]


def test_a_query_takes_the_latest_and_the_largest_by_target() -> None:
    lines = [{"target": "a", "n": 5, "word": "old"}, {"target": "a", "n": 3, "word": "new"}, {"target": "b", "n": 1}]
    assert rows("stats latest(word) as word, max(n) as n by target | sort target asc", *lines) == [
        {"target": "a", "word": "new", "n": "5"},
        {"target": "b", "n": "1"},
    ]


@pytest.mark.parametrize("query", ["parse @message '*'", "filter a > 5", "stats avg(n) as n by target"])
def test_a_query_that_is_not_understood_is_refused(query: str) -> None:
    with pytest.raises(Exception, match=r"not a .* that is known here"):
        rows(query, {"a": 1, "target": "a", "n": 1})


def test_a_log_line_that_is_no_json_has_no_fields() -> None:
    assert logs._fields("START RequestId: 1") == {} and logs._fields("[1]") == {}
