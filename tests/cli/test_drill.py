"""`test-alert` reports the deployed function's answer; the end-to-end suite checks that it is sent."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from cli.main import main

SENT = {"sent": ["people"], "expected": 3, "missing": 0, "listeners": 3, "alert": "test-20250217T0945Z"}


class FunctionOfAws:
    """AWS Lambda, with the answers that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        client = boto3.client("lambda", region_name="eu-west-1")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setattr(boto3.Session, "client", lambda self, name, config: client)
        self.stub = Stubber(client)
        self.stub.activate()

    def answers(self, payload: Any, event: str = '{"test_alert": true}', **more: Any) -> None:
        text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        body = StreamingBody(io.BytesIO(text), len(text))
        asked = {"FunctionName": "SesReputation", "Payload": event}
        self.stub.add_response("invoke", {"StatusCode": 200, "Payload": body, **more}, asked)

    def refuses(self, code: str) -> None:
        self.stub.add_client_error("invoke", code)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FunctionOfAws:
    return FunctionOfAws(monkeypatch, tmp_path)


def test_it_shows_where_the_alert_went(aws: FunctionOfAws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.answers(SENT)
    assert main(["test-alert"]) == 0
    printed = capsys.readouterr().out
    assert (
        "Test alert test-20250217T0945Z sent to: people" in printed
        and "All 3 email addresses in the settings have a confirmed subscription" in printed
    )


def test_it_asks_for_an_alert_of_the_account_that_is_named(
    aws: FunctionOfAws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.answers(SENT, '{"test_alert": true, "account": "111111111111"}')
    assert main(["test-alert", "--account", "111111111111"]) == 0


@pytest.mark.parametrize("elsewhere", [{"sent": ["people", "chat"]}, {"forwards": True}], ids=["chat", "a forwarder"])
def test_a_chat_or_a_forwarder_alone_is_enough(
    elsewhere: dict[str, object], aws: FunctionOfAws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.answers(SENT | {"expected": 0, "listeners": 0} | elsewhere)
    assert main(["test-alert"]) == 0
    assert "Nobody gets email; Slack, Teams or PagerDuty do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ({"missing": 2, "listeners": 1}, "2 of 3 email addresses in the settings have no confirmed subscription"),
        ({"expected": 0, "listeners": 0}, "Nobody is subscribed"),
        ({"expected": None, "missing": None, "listeners": None}, "could not be read"),
    ],
)
def test_missing_recipients_are_reported(
    aws: FunctionOfAws, capsys: pytest.CaptureFixture[str], audience: dict[str, Any], expected: str
) -> None:
    aws.answers(SENT | audience)
    assert main(["test-alert"]) == 1
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("payload", "more", "expected"),
    [
        (
            {
                "errorType": "RunFailed",
                "errorMessage": "the test alert could not be sent to people (AuthorizationError)",
            },
            {"FunctionError": "Unhandled"},
            "SesReputation failed: the test alert could not be sent to people (AuthorizationError)",
        ),
        ([1], {"FunctionError": "Unhandled"}, "SesReputation failed: see its log"),
        ({"123456789012/eu-west-1": "OK"}, {}, "is it of another version?"),
        (b"<html>", {}, "not an answer of AWS Lambda"),
    ],
)
def test_a_failing_function_is_reported_in_one_line(
    aws: FunctionOfAws, capsys: pytest.CaptureFixture[str], payload: Any, more: dict[str, Any], expected: str
) -> None:
    aws.answers(payload, **more)
    assert main(["test-alert"]) == 2
    error = capsys.readouterr().err
    assert expected in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ResourceNotFoundException", "There is no function SesReputation in eu-west-1"),
        ("AccessDeniedException", "lambda:InvokeFunction on SesReputation"),
        ("TooManyRequestsException", "throttling this call (TooManyRequestsException)"),
    ],
)
def test_a_refusal_says_what_is_missing(
    aws: FunctionOfAws, capsys: pytest.CaptureFixture[str], code: str, expected: str
) -> None:
    aws.refuses(code)
    assert main(["test-alert"]) == 2
    assert expected in capsys.readouterr().err


def test_without_credentials_or_a_region_it_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["test-alert"]) == 2
    assert "No AWS credentials were found" in capsys.readouterr().err
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert main(["test-alert"]) == 2
    assert "No AWS region was found" in capsys.readouterr().err


def test_as_json_it_is_one_object(aws: FunctionOfAws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.answers(SENT | {"missing": 1, "listeners": 2})
    assert main(["test-alert", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "alert": SENT["alert"],
        "sent_to": ["people"],
        "expected": 3,
        "missing": 1,
        "listeners": 2,
        "everybody_gets_it": False,
    }
