"""Calls for member accounts: one session of a role for each account and run, and nothing is signed for another account."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock, local
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError
from ses_reputation.aws import ses
from ses_reputation.aws.members import Caller, Members, _Pace, calling_as, for_members, own_caller, role_version
from ses_reputation.aws.session import CONFIG
from ses_reputation.core.readings import Trouble, Unreadable

OWN = Caller("000000000000", ReadOnlyCredentials("AKIDOWN", "secret", None))
EMPTY = (
    b'<GetSendStatisticsResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><GetSendStatisticsResult><SendDataPoints/>'
    b"</GetSendStatisticsResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetSendStatisticsResponse>"
)
EXPIRED = (
    b'<ErrorResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><Error><Type>Sender</Type><Code>ExpiredToken</Code>'
    b"<Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>"
)


class Raw:
    """Body of an answer, as urllib3 gives it."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.body


class Wire:
    """A stand-in for the network: records who signed what, and sets how each first attempt ends."""

    def __init__(self, session: Any, first: int = 200, body: bytes = EMPTY) -> None:
        self.first, self.body = first, body
        self.signed: list[tuple[str, str]] = []  # the account of the thread, and the account whose key signed
        self.meant = local()
        self._tried: set[str] = set()
        self._lock = Lock()
        session.register("before-send", self.send)

    def send(self, request: Any, **_: Any) -> AWSResponse:
        meant = self.meant.account  # of this thread
        assert request.headers["X-Amz-Security-Token"].decode() == f"token-{meant}"
        key = re.search(r"Credential=(\w+)/", request.headers["Authorization"].decode())
        assert key is not None
        with self._lock:
            self.signed.append((meant, key[1]))
            again = meant in self._tried
            self._tried.add(meant)
        status = 200 if again else self.first
        return AWSResponse(
            request.url, status, HTTPHeaders(), Raw(self.body if status == 200 or self.first != 503 else b"")
        )


def member(number: int) -> Caller:
    account = f"{number:012}"
    return Caller(account, ReadOnlyCredentials(f"AKID{account}", "secret", f"token-{account}"))


@pytest.mark.parametrize("first", [200, 503], ids=["at once", "after a retry"])
def test_threads_and_retries_never_sign_for_another_account(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ses_reputation.aws.members.STATISTICS_PAUSE", 0.0)
    session = for_members(botocore.session.Session())
    wire = Wire(session, first)
    client = session.create_client("ses", "eu-west-1", config=CONFIG)
    threads, rounds = 16, 3
    together = Barrier(threads)

    def calls(number: int) -> None:
        together.wait(10)
        for turn in range(rounds):
            caller = member(number + turn * threads)
            wire.meant.account = caller.account
            with calling_as(caller):
                assert ses.send_statistics(client) == ()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(calls, range(threads)))
    assert len(wire.signed) == threads * rounds * (1 if first == 200 else 2)
    assert all(key == f"AKID{meant}" for meant, key in wire.signed)


def test_an_expired_session_is_an_error_of_its_account() -> None:
    session = for_members(botocore.session.Session())
    wire = Wire(session, 403, EXPIRED)
    client = session.create_client("ses", "eu-west-1", config=CONFIG)
    wire.meant.account = member(1).account
    with calling_as(member(1)):
        assert ses.send_statistics(client) == Unreadable(Trouble.DENIED, "GetSendStatistics: ExpiredToken")
    assert wire.signed == [("000000000001", "AKID000000000001")]


def test_outside_an_account_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOWN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    session = for_members(botocore.session.Session())
    wire = Wire(session)
    client = session.create_client("ses", "eu-west-1", config=CONFIG)
    wire.meant.account = "nobody"
    with calling_as(member(1)):
        pass
    assert ses.send_statistics(client) == Unreadable(Trouble.DENIED, "GetSendStatistics: NoCredentialsError")
    assert wire.signed == []


def test_statistics_of_a_target_are_requested_at_most_once_a_second() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = _Pace(lambda: now[0], sleep)
    with calling_as(member(1)):
        pace("eu-west-1")
        pace("us-east-1")  # another target
    with calling_as(member(2)):
        pace("eu-west-1")
    now[0] += 0.25
    with calling_as(member(1)):
        pace("eu-west-1")
    assert slept == [0.75]


class Sts:
    """An STS that counts its calls and refuses planted accounts."""

    def __init__(self, **refused: Exception) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refused = refused
        self.answer: Any = None

    def assume_role(self, **request: Any) -> Any:
        self.asked.append(request)
        account = request["RoleArn"].split(":")[4]
        if f"a{account}" in self.refused:
            raise self.refused[f"a{account}"]
        parts = {"AccessKeyId": f"AKID{account}", "SecretAccessKey": "secret", "SessionToken": f"token-{account}"}
        return {"Credentials": parts} if self.answer is None else self.answer


def roles(sts: Sts, external_id: str = "ours") -> Members:
    return Members(
        sts,  # type: ignore[arg-type]
        OWN,
        partition="aws",
        role_name="SesReputationMember",
        external_id=external_id,
        session_name="SesReputation",
    )


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "to oncall@mail.test"}}, "AssumeRole")


def test_each_account_gets_one_session_for_all_threads() -> None:
    sts = Sts()
    made = roles(sts)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(made.caller, [f"{number:012}" for number in range(1, 5)] * 16))
    assert len(sts.asked) == 4
    assert found[:4] == [member(number) for number in range(1, 5)]
    assert sts.asked[0] | {"RoleArn": ""} == {
        "RoleArn": "",
        "RoleSessionName": "SesReputation",
        "DurationSeconds": 3600,
        "ExternalId": "ours",
    }
    assert {request["RoleArn"] for request in sts.asked} == {
        f"arn:aws:iam::{number:012}:role/SesReputationMember" for number in range(1, 5)
    }


def test_the_own_account_needs_no_role() -> None:
    sts = Sts()
    assert roles(sts).caller(OWN.account) is OWN and sts.asked == []
    roles(sts, "").caller("000000000001")
    assert "ExternalId" not in sts.asked[0]


@pytest.mark.parametrize(
    ("failure", "trouble", "code"),
    [
        (error("AccessDenied"), Trouble.ROLE, "AccessDenied"),
        (error("Throttling"), Trouble.THROTTLED, "Throttling"),
        (error("ExpiredToken"), Trouble.DENIED, "ExpiredToken"),  # the monitor's own credentials
        (error("RegionDisabledException"), Trouble.FAILED, "RegionDisabledException"),
        (ConnectTimeoutError(endpoint_url="https://sts"), Trouble.TIMED_OUT, "ConnectTimeoutError"),
    ],
)
def test_a_refused_role_gives_its_reason_and_blocks_no_other_account(
    failure: Exception, trouble: Trouble, code: str
) -> None:
    sts = Sts(a000000000001=failure)
    made = roles(sts)
    assert made.caller("000000000001") == Unreadable(trouble, f"AssumeRole: {code}")
    assert made.caller("000000000001") == made.caller("000000000001") and len(sts.asked) == 1
    assert made.caller("000000000002") == member(2)
    assert made.refused() == ({"000000000001"} if trouble is Trouble.ROLE else set())


@pytest.mark.parametrize("answer", [{}, {"Credentials": {"AccessKeyId": "AKID"}}, "<html>", {"Credentials": None}])
def test_an_incomplete_answer_opens_no_session(answer: Any) -> None:
    sts = Sts()
    sts.answer = answer
    assert roles(sts).caller("000000000001") == Unreadable(Trouble.BAD_ANSWER, "AssumeRole: ResponseParserError")


def test_each_run_opens_its_own_sessions() -> None:
    sts = Sts()
    roles(sts).caller("000000000001")
    roles(sts).caller("000000000001")
    assert len(sts.asked) == 2


class Iam:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get_role(self, **_: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ({"Role": {"Tags": [{"Key": "team", "Value": "email"}]}}, 0),
        ({"Role": {"Tags": [{"Key": "ses-reputation-version", "Value": "2-domains"}]}}, 2),
        ({"Role": {}}, 0),
        ({"Role": {"Tags": [{"Key": "ses-reputation-version", "Value": "new"}]}}, 0),
        ({"Role": {"Tags": [{"Key": "ses-reputation-version", "Value": "9" * 50 + "-domains"}]}}, 0),
        (error("AccessDenied"), 0),
        (error("Throttling"), None),
        ({}, None),
        ("<html>", None),
    ],
)
def test_the_version_of_a_role_is_read_from_its_tag(answer: Any, version: int | None) -> None:
    assert role_version(Iam(answer), "SesReputationMember", "domains") == version


@pytest.mark.parametrize(
    ("tag", "version"), [("1-domains", 1), ("1-off", 0), ("1-samples", 0), ("1", 0), ("2-domains", 2)]
)
def test_a_role_for_other_settings_is_an_old_one(tag: str, version: int) -> None:
    answer = {"Role": {"Tags": [{"Key": "ses-reputation-version", "Value": tag}]}}
    assert role_version(Iam(answer), "SesReputationMember", "domains") == version


def test_own_calls_use_the_credentials_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOWN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert own_caller("000000000000", botocore.session.get_session()).credentials.access_key == "AKIDOWN"

    class Without:
        def get_credentials(self) -> None:
            return None

    with pytest.raises(NoCredentialsError):
        own_caller("000000000000", Without())
