"""The wiring: a bad environment fails at start with every problem; a good one makes what the settings ask for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ses_reputation.channels import for_every_route
from ses_reputation.forwarder import AddressUnknown
from ses_reputation.settings.channels import Route
from ses_reputation.settings.channels import Stored as Place
from ses_reputation.wiring import BadEnvironment, read_environment, wire_monitor
from ses_reputation.wiring_forwarders import stored_text, wire_forwarder, wire_pagerduty

PEOPLE = "arn:aws:sns:eu-west-1:123456789012:SesReputation"
SETTINGS = '[alerts]\nemails = ["oncall@mail.test"]\n'
CHAT = SETTINGS + '[chat]\nworkspace_id = "T0123ABCD"\nchannel_id = "C0123ABCD"\n'
WEBHOOK = "https://hooks.slack.com/services/T0/B0/secret"


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):  # the SDK reads its own variables
        monkeypatch.setenv(name, "testing")
    (tmp_path / "settings.toml").write_text(SETTINGS)
    return {
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "ACCOUNT_ID": "123456789012",
        "PEOPLE_TOPIC_ARN": PEOPLE,
        "STATE_TABLE": "SesReputation-State",
        "DASHBOARD_URL": "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/d",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/SesReputation",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCOUNT_ID", None),
        ("ACCOUNT_ID", "12345678901"),
        ("PEOPLE_TOPIC_ARN", None),
        ("PEOPLE_TOPIC_ARN", ""),
        ("PEOPLE_TOPIC_ARN", "SesReputation"),
        ("PEOPLE_TOPIC_ARN", "arn:aws:sqs:eu-west-1:123456789012:SesReputation"),
        ("PEOPLE_TOPIC_ARN", "arn:aws:sns:eu-west-1::SesReputation"),
        ("PEOPLE_TOPIC_ARN", f"{PEOPLE}:0f1e2d3c"),
        ("STATE_TABLE", None),
        ("STATE_TABLE", "${Token[TOKEN.12]}"),
        ("DASHBOARD_URL", None),
        ("DASHBOARD_URL", "http://console"),
    ],
)
def test_a_missing_or_malformed_variable_fails_the_start(environ: dict[str, str], name: str, value: str | None) -> None:
    environ.pop(name)
    if value is not None:
        environ[name] = value
    with pytest.raises(BadEnvironment, match=rf"missing or invalid: {name}\. Deploy the stack again"):
        wire_monitor(environ)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(
        BadEnvironment,
        match="LAMBDA_TASK_ROOT, ACCOUNT_ID, PEOPLE_TOPIC_ARN, CHAT_TOPIC_ARN, STATE_TABLE, DASHBOARD_URL",
    ):
        read_environment({}, chat=True)


@pytest.mark.parametrize("chat", ["", "SesReputation-Chat"])
def test_with_chat_its_topic_is_needed_at_start(environ: dict[str, str], chat: str) -> None:
    Path(environ["LAMBDA_TASK_ROOT"], "settings.toml").write_text(CHAT)
    with pytest.raises(BadEnvironment, match=r"invalid: CHAT_TOPIC_ARN\."):
        wire_monitor(environ | {"CHAT_TOPIC_ARN": chat})
    made = wire_monitor(environ | {"CHAT_TOPIC_ARN": f"{PEOPLE}-Chat"})
    assert [channel.name for channel in made.edges.channels] == ["people", "chat"]


def test_without_chat_its_topic_is_ignored(environ: dict[str, str]) -> None:
    made = wire_monitor(environ | {"CHAT_TOPIC_ARN": "left over"})
    assert [channel.name for channel in made.edges.channels] == ["people"]


def test_a_bus_is_one_more_channel(environ: dict[str, str]) -> None:
    Path(environ["LAMBDA_TASK_ROOT"], "settings.toml").write_text(SETTINGS + '[events]\nbus = "default"\n')
    assert [channel.name for channel in wire_monitor(environ).edges.channels] == ["people", "events"]


def test_a_missing_asset_is_named_too() -> None:
    for wire in (wire_monitor, wire_forwarder, wire_pagerduty):
        with pytest.raises(BadEnvironment, match="LAMBDA_TASK_ROOT"):
            wire({})


def test_the_targets_are_in_the_monitors_account_whoever_has_the_topic(environ: dict[str, str]) -> None:
    environ["PEOPLE_TOPIC_ARN"] = PEOPLE.replace("123456789012", "999999999999")
    assert [target.id for target in wire_monitor(environ).targets] == ["123456789012/eu-west-1"]


def test_the_targets_are_in_the_region_of_the_stack_or_those_of_the_settings(environ: dict[str, str]) -> None:
    made = wire_monitor(environ)
    assert [target.id for target in made.targets] == ["123456789012/eu-west-1"]
    assert made.context.log_url == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
        "#logsV2:log-groups/log-group/$252Faws$252Flambda$252FSesReputation"
    )
    Path(environ["LAMBDA_TASK_ROOT"], "settings.toml").write_text(
        SETTINGS + '[targets]\nregions = ["us-east-2", "eu-west-1"]\n'
    )
    assert [target.region for target in wire_monitor(environ).targets] == ["us-east-2", "eu-west-1"]


ROUTES = (
    Route("critical", (), (), Place()),
    Route("warning", ("us-east-2", "eu-west-1"), (), Place()),
)


def a_document(check: str) -> dict[str, str]:
    return {"check": check, "severity": "warning", "kind": "firing", "account": "1", "region": "eu-west-1"}


def test_a_test_alert_reaches_every_route() -> None:
    real, test = (for_every_route([a_document(check)], ROUTES) for check in ("bounce", "test"))
    assert (real["severity"], real["region"]) == (["warning"], ["eu-west-1"])
    assert (test["severity"], test["region"]) == (["critical", "warning"], ["eu-west-1", "us-east-2"])
    for route in ROUTES:
        assert all(set(words) & set(test[name]) for name, words in route.attributes.items())


class Session:
    """A session whose clients answer with a webhook's address, or fail."""

    def __init__(self, code: str = "") -> None:
        self.code = code
        self.made: list[tuple[str, str | None]] = []
        self.asked: list[dict[str, Any]] = []

    def create_client(self, service_name: str, region_name: str | None = None, *, config: object) -> Any:
        self.made.append((service_name, region_name))
        return self

    def get_parameter(self, **asked: Any) -> dict[str, Any]:
        self._ask(asked)
        return {"Parameter": {"Value": WEBHOOK}}

    def get_secret_value(self, **asked: Any) -> dict[str, Any]:
        self._ask(asked)
        return {"SecretString": WEBHOOK}

    def _ask(self, asked: dict[str, Any]) -> None:
        self.asked.append(asked)
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": WEBHOOK}}, "Get")


SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:slack-AbCdEf"


@pytest.mark.parametrize(
    ("place", "made", "asked"),
    [
        (Place("/slack", ""), ("ssm", None), {"Name": "/slack", "WithDecryption": True}),
        (Place("", "slack"), ("secretsmanager", None), {"SecretId": "slack"}),
        (Place("", SECRET), ("secretsmanager", "us-east-1"), {"SecretId": SECRET}),
    ],
    ids=["a parameter", "a secret by name", "a secret by ARN, in its own region"],
)
def test_the_address_is_read_in_its_own_region(
    place: Place, made: tuple[str, str | None], asked: dict[str, Any]
) -> None:
    session = Session()
    assert stored_text(place, session) == WEBHOOK
    assert (session.made, session.asked) == ([made], [asked])


def test_an_unreadable_address_is_a_clear_error_without_a_secret() -> None:
    with pytest.raises(AddressUnknown) as raised:
        stored_text(Place("/slack", ""), Session("AccessDeniedException"))
    assert str(raised.value) == (
        "the stored address or key cannot be read from /slack: access denied (AccessDeniedException)"
    )
    assert raised.value.__cause__ is None


def test_modules_for_alerts_are_not_loaded_at_start() -> None:
    script = "import sys, ses_reputation.wiring; print(*(m for m in sys.modules if m.startswith('ses_reputation')))"
    path = os.pathsep.join([str(Path(__file__).parents[1] / "lambda"), *sys.path])
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    ).stdout.split()
    lazy = {
        "core.cause",
        "core.cause_words",
        "core.pause_guard",
        "aws.bounded",
        "aws.cause",
        "aws.findings",
        "aws.pause",
        "cause_search",
        "pausing",
        "layout.email",
    }
    assert {f"ses_reputation.{name}" for name in lazy} & set(loaded) == set()
