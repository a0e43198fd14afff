"""`ses-reputation subscribe`: missing people are subscribed, pending ones counted, and a second run changes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cli.main import main

TOPIC = "arn:aws:sns:eu-west-1:123456789012:SesReputation"
PEOPLE = ("ann@mail.test", "bob@mail.test", "Cem@mail.test")

Capsys = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _settings(keys: None, elsewhere: Path) -> None:
    (elsewhere / "settings.toml").write_text(f"[alerts]\nemails = {json.dumps(PEOPLE)}\n")


class Sns:
    """Amazon SNS, with the answers that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: dict[str, Any] = {name: boto3.Session().client(name, region_name="eu-west-1") for name in ("sns", "sts")}
        monkeypatch.setattr(boto3.Session, "client", lambda self, name, **options: made[name])
        self.stub, identity = Stubber(made["sns"]), Stubber(made["sts"])
        who = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/x"}
        for _ in range(2):
            identity.add_response("get_caller_identity", who)
        self.stub.activate()
        identity.activate()

    def lists(self, arns: Mapping[str, str]) -> None:
        members = [
            {"Protocol": "email", "Endpoint": endpoint, "SubscriptionArn": arn} for endpoint, arn in arns.items()
        ]
        self.stub.add_response("list_subscriptions_by_topic", {"Subscriptions": members}, {"TopicArn": TOPIC})

    def takes(self, endpoint: str) -> None:
        asked = {"TopicArn": TOPIC, "Protocol": "email", "Endpoint": endpoint, "Attributes": {}}
        self.stub.add_response("subscribe", {"SubscriptionArn": "pending confirmation"}, asked)


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sns]:
    answers = Sns(monkeypatch)
    yield answers
    answers.stub.assert_no_pending_responses()


def test_missing_addresses_are_subscribed_and_pending_ones_left(sns: Sns, capsys: Capsys) -> None:
    sns.lists({"ann@mail.test": "Deleted", "cem@mail.test": "PendingConfirmation", "old@mail.test": f"{TOPIC}:1"})
    sns.takes("ann@mail.test")
    sns.takes("bob@mail.test")
    assert main(["subscribe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "topic": TOPIC,
        "expected": 3,
        "confirmed": 0,
        "pending": 1,
        "subscribed_now": 2,
        "refused": 0,
    }


def test_a_confirmed_subscription_counts_in_any_case_or_format(sns: Sns, capsys: Capsys) -> None:
    sns.lists({person.upper(): f"{TOPIC}:{person[0]}" for person in PEOPLE})
    assert main(["subscribe"]) == 0
    assert capsys.readouterr().out == "3 of 3 email addresses in the settings have a confirmed subscription.\n"


def test_addresses_are_shown_on_a_terminal_only(sns: Sns, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {"ann@mail.test": f"{TOPIC}:1", "bob@mail.test": f"{TOPIC}:2", "cem@mail.test": "PendingConfirmation"}
    sns.lists(listed)
    assert main(["subscribe"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 must follow the link in the confirmation email" in printed and "@" not in printed
    sns.lists(listed)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["subscribe"]) == 0
    printed = capsys.readouterr().out
    assert "Cem@mail.test" in printed and "ann@mail.test" not in printed


def test_one_refusal_stops_no_other_subscription(sns: Sns, capsys: Capsys) -> None:
    sns.lists({})
    sns.stub.add_client_error("subscribe", "InvalidParameter", "Invalid parameter: Email address")
    sns.takes("bob@mail.test")
    sns.takes("Cem@mail.test")
    assert main(["subscribe"]) == 2
    printed = capsys.readouterr()
    assert "1 of 3 addresses could not be subscribed" in printed.err and "InvalidParameter" in printed.err
    assert "2 must follow the link" in printed.out and "Traceback" not in printed.err


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("NotFound", "There is no topic SesReputation in eu-west-1. Is the stack deployed"),
        ("AuthorizationError", "sns:Subscribe on SesReputation"),
        ("Throttling", "throttling this call"),
    ],
)
def test_a_refusal_says_what_to_do(sns: Sns, capsys: Capsys, code: str, expected: str) -> None:
    sns.stub.add_client_error("list_subscriptions_by_topic", code)
    assert main(["subscribe"]) == 2
    assert expected in " ".join(capsys.readouterr().err.split())


def test_without_settings_or_with_example_addresses_nobody_is_subscribed(capsys: Capsys, elsewhere: Path) -> None:
    (elsewhere / "settings.toml").write_text('[alerts]\nemails = ["oncall@example.org"]\n')
    assert main(["subscribe"]) == 2
    assert "nobody reads" in capsys.readouterr().err
    (elsewhere / "settings.toml").unlink()
    assert main(["subscribe"]) == 2
    assert "--settings FILE" in capsys.readouterr().err


@mock_aws
def test_a_second_run_adds_nothing(capsys: Capsys, elsewhere: Path) -> None:
    client: Any = boto3.client("sns", region_name="eu-west-1")
    topic = client.create_topic(Name="SesReputation-prod")["TopicArn"]
    (elsewhere / "prod.toml").write_text(f'[alerts]\nemails = {json.dumps(PEOPLE)}\n[deployment]\nstage = "prod"\n')
    assert main(["subscribe", "--settings", "prod.toml"]) == main(["subscribe", "--settings", "prod.toml"]) == 0
    listed = client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert sorted(member["Endpoint"] for member in listed) == sorted(PEOPLE)


@mock_aws
def test_recipients_of_a_route_get_its_filter(elsewhere: Path) -> None:
    client: Any = boto3.client("sns", region_name="eu-west-1")
    topic = client.create_topic(Name="SesReputation")["TopicArn"]
    route = '[[routes]]\nseverity = "critical"\nemails = ["boss@mail.test"]\n'
    (elsewhere / "settings.toml").write_text(f'[alerts]\nemails = ["ann@mail.test"]\n{route}')
    assert main(["subscribe"]) == 0
    listed = client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    policies = {
        member["Endpoint"]: client.get_subscription_attributes(SubscriptionArn=member["SubscriptionArn"])[
            "Attributes"
        ].get("FilterPolicy")
        for member in listed
    }
    assert policies == {"ann@mail.test": None, "boss@mail.test": '{"severity": ["critical"]}'}


@mock_aws
def test_a_topic_of_your_own_is_used_in_its_own_region(capsys: Capsys, elsewhere: Path) -> None:
    client: Any = boto3.client("sns", region_name="us-east-1")
    topic = client.create_topic(Name="alerts")["TopicArn"]
    (elsewhere / "settings.toml").write_text(
        f'[alerts]\nemails = {json.dumps(PEOPLE)}\n[deployment]\ntopic_arn = "{topic}"\n'
    )
    assert main(["subscribe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["topic"] == topic
    assert len(client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 3


UNNAMED = """
[alerts]
emails = ["ann@mail.test"]
[deployment]
fixed_names = false
"""


@mock_aws
def test_a_topic_without_a_fixed_name_is_found_in_the_outputs(elsewhere: Path, capsys: Capsys) -> None:
    (elsewhere / "settings.toml").write_text(UNNAMED)
    assert main(["subscribe"]) == 2
    assert "Stack with id SesReputation does not exist" in capsys.readouterr().err
    outputs = {"PeopleTopicArn": {"Value": {"Ref": "Topic"}}}
    body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    stacks: Any = boto3.client("cloudformation", region_name="eu-west-1")
    stacks.create_stack(StackName="SesReputation", TemplateBody=json.dumps(body))
    assert main(["subscribe"]) == 0
    [topic] = boto3.client("sns", region_name="eu-west-1").list_topics()["Topics"]
    listed: Any = boto3.client("sns", region_name="eu-west-1")
    subscriptions = listed.list_subscriptions_by_topic(TopicArn=topic["TopicArn"])["Subscriptions"]
    assert [member["Endpoint"] for member in subscriptions] == ["ann@mail.test"]
    assert main(["test-alert"]) == 2
    assert (
        "The stack SesReputation in eu-west-1 has no output FunctionName. Deploy it again." in capsys.readouterr().err
    )
