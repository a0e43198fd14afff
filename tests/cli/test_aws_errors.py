"""Every error of AWS and its SDK says what to do, case by case."""

from __future__ import annotations

import sys
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import botocore.credentials
import botocore.session
import pytest
from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber
from ses_reputation.aws.errors import AWS_ERRORS

from cli import aws_errors
from cli.aws import open_session
from cli.aws_errors import Call, clock_offset, explain
from cli.exit_codes import Unusable

CONFIG = """\
[profile sso]
sso_session = corp
[profile login]
login_session = arn:aws:iam::123456789012:user/me
[profile chained]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = sso
[profile plain]
region = eu-west-1
[profile helped]
credential_process = helper
[profile circle]
source_profile = circle
"""


def call(elsewhere: Path, profile: str | None = None, region: str | None = "eu-west-1") -> Call:
    (elsewhere / "config").write_text(CONFIG)
    core: Any = botocore.session.Session(profile=profile)
    return Call(core, region, "ses:GetSendStatistics", "There is no function X in eu-west-1.")


def refusal(code: str, message: str = "", status: int = 400, minutes_ahead: float | None = 0) -> Exception:
    """A ClientError as botocore raises it, with the Date header of AWS's clock."""
    client: Any = botocore.session.get_session().create_client("ses", region_name="eu-west-1")
    headers = {} if minutes_ahead is None else {"Date": formatdate(time.time() + 60 * minutes_ahead, usegmt=True)}
    with Stubber(client) as stub:
        stub.add_client_error("get_send_statistics", code, message, status, response_meta={"HTTPHeaders": headers})
        with pytest.raises(sdk.ClientError) as caught:
            client.get_send_statistics()
    return caught.value


BY_CODE = [
    ("ExpiredToken", "", 0, "sso", "have expired", "Run: aws sso login --profile sso"),
    ("ExpiredTokenException", "", 0, "chained", "have expired", "Run: aws sso login --profile sso"),
    ("ExpiredToken", "", 0, "login", "have expired", "Run: aws login --profile login"),
    ("RequestExpired", "", 9, None, "clock is 9 min behind", "Set the clock"),
    ("RequestTimeTooSkewed", "", -12, None, "clock is 12 min ahead", "Set the clock"),
    ("InvalidSignatureException", "Signature expired: …", 17, None, "clock is 17 min behind", "Set the clock"),
    ("SignatureDoesNotMatch", "Signature not yet current: …", None, None, "clock is off", "Set the clock"),
    ("SignatureDoesNotMatch", "", 0, "plain", "secret access key is wrong", "aws configure --profile plain"),
    ("IncompleteSignature", "", 0, None, "secret access key is wrong", "aws configure"),
    ("RequestExpired", "", 0, None, "too old", "Check the clock and the network"),
    ("InvalidClientTokenId", "", 0, "plain", "does not accept the credentials", "deleted, inactive or mistyped"),
    ("UnrecognizedClientException", "", 0, None, "does not accept the credentials", "deleted, inactive or mistyped"),
    (
        "SubscriptionRequiredException",
        "",
        0,
        None,
        "not signed up for Amazon SES in eu-west-1",
        "finish its registration",
    ),
    ("OptInRequired", "", 0, None, "not signed up for Amazon SES in eu-west-1", "finish its registration"),
    ("AccessDenied", "", 0, None, "may not call GetSendStatistics", "They need: ses:GetSendStatistics"),
    ("403", "", 0, None, "may not call GetSendStatistics", "They need: ses:GetSendStatistics"),
    ("Throttling", "", 0, None, "throttling", "try again in a moment"),
    ("ResourceNotFoundException", "", 0, None, "There is no function X", "Is the stack deployed in eu-west-1"),
    ("InternalFailure", "", 0, None, "AWS failed in eu-west-1", "Try again"),
    ("NewCode", "Turn it off and on.", 0, None, "NewCode. Turn it off and on", "aws sts get-caller-identity"),
]


@pytest.mark.parametrize(
    ("code", "message", "minutes", "profile", "problem", "fix"), BY_CODE, ids=lambda v: str(v)[:30]
)
def test_a_refusal_by_aws_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    elsewhere: Path,
    code: str,
    message: str,
    minutes: float | None,
    profile: str | None,
    problem: str,
    fix: str,
) -> None:
    monkeypatch.setattr(aws_errors, "_valid_elsewhere", lambda _: False)
    explained = explain(refusal(code, message, minutes_ahead=minutes), call(elsewhere, profile))
    assert problem in explained.problem and fix in explained.fix


@pytest.mark.parametrize(
    "code", ["InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "OptInRequired"]
)
def test_keys_that_work_elsewhere_mean_the_region_is_disabled(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path, code: str
) -> None:
    monkeypatch.setattr(aws_errors, "_valid_elsewhere", lambda _: True)
    explained = explain(refusal(code), call(elsewhere, region="eu-south-2"))
    assert (
        explained.problem == "The region eu-south-2 is not enabled for this account." and "Enable it" in explained.fix
    )


@pytest.mark.parametrize(
    ("region", "home"),
    [("eu-south-2", "us-east-1"), ("cn-northwest-1", "cn-north-1"), ("us-gov-east-1", "us-gov-west-1")],
)
def test_keys_are_tested_elsewhere_in_the_same_partition(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path, region: str, home: str
) -> None:
    asked = []

    class Sts:
        def get_caller_identity(self) -> None: ...

    circumstances = call(elsewhere, region=region)

    def create_client(service: str, region_name: str, config: object) -> Sts:
        asked.append(region_name)
        return Sts()

    monkeypatch.setattr(circumstances.session, "create_client", create_client)
    assert aws_errors._valid_elsewhere(circumstances) and asked == [home]
    assert not aws_errors._valid_elsewhere(call(elsewhere, region=home))


BY_KIND: list[tuple[Exception, str | None, str, str]] = [
    (
        sdk.NoCredentialsError(),
        None,
        "No AWS credentials were found",
        "--profile: chained, circle, helped, login, plain, sso",
    ),
    (sdk.NoCredentialsError(), "sso", 'Profile "sso" has no credentials', "aws sso login --profile sso"),
    (sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), None, "Only half", "Set both"),
    (
        sdk.ProfileNotFound(profile="nobody"),
        None,
        'no AWS profile "nobody"',
        "Your profiles are: chained, circle, helped, login, plain, sso",
    ),
    (sdk.UnauthorizedSSOTokenError(), "sso", "has expired", "Run: aws sso login --profile sso"),
    (sdk.SSOTokenLoadError(error_msg="x"), "chained", "has expired", "Run: aws sso login --profile sso"),
    (sdk.TokenRetrievalError(provider="sso", error_msg="x"), "sso", "has expired", "Run: aws sso login --profile sso"),
    (sdk.LoginRefreshRequired(), "login", "has expired", "Run: aws login --profile login"),
    (sdk.LoginTokenLoadError(error_msg="x"), "login", "has expired", "Run: aws login --profile login"),
    (sdk.LoginInsufficientPermissions(), "login", "may not refresh", "signin:CreateOAuth2Token"),
    (sdk.MissingDependencyException(msg="x"), "login", "needs the library awscrt", 'pip install "botocore[crt]"'),
    (
        sdk.CredentialRetrievalError(provider="custom-process", error_msg="vault is sealed"),
        "helped",
        'The credential_process of profile "helped" failed: vault is sealed',
        "aws sts get-caller-identity --profile helped",
    ),
    (sdk.CredentialRetrievalError(provider="iam-role", error_msg="x"), None, "cannot be loaded", "aws configure"),
    (sdk.ConfigParseError(path="config", error="x"), None, "cannot be used", "Correct ~/.aws/config"),
    (sdk.InfiniteLoopConfigError(source_profile="a", visited_profiles="b"), None, "cannot be used", "Correct"),
    (sdk.NoRegionError(), None, "No AWS region", "--region"),
    (sdk.InvalidRegionError(region_name="not a region"), None, "is not the name of an AWS region", "like eu-west-1"),
    (sdk.ConnectTimeoutError(endpoint_url="https://x"), None, "did not answer in time", "network"),
    (sdk.ReadTimeoutError(endpoint_url="https://x"), None, "did not answer in time", "network"),
    (sdk.EndpointConnectionError(endpoint_url="https://x"), None, "cannot be reached in eu-west-1", "set HTTPS_PROXY"),
    (sdk.ConnectionClosedError(endpoint_url="https://x"), None, "cannot be reached in eu-west-1", "network"),
    (sdk.ProxyConnectionError(proxy_url="http://u:secret@proxy"), None, "The proxy cannot be reached", "NO_PROXY"),
    (sdk.SSLError(endpoint_url="https://x", error=OSError("x")), None, "not one of AWS's", "AWS_CA_BUNDLE"),
    (ResponseParserError("x"), None, "does not come from AWS", "proxy"),
    (
        sdk.UnknownServiceError(service_name="x", known_service_names="y"),
        None,
        "The AWS SDK failed",
        "aws configure list",
    ),
    (ValueError("broken cache"), "circle", "cannot be loaded: broken cache", "aws configure --profile circle"),
    (FileNotFoundError(2, "No such file", "helper"), "helped", "credential_process", "Run its command by hand"),
    (EOFError(), "plain", "MFA code", "terminal"),
]


@pytest.mark.parametrize(("error", "profile", "problem", "fix"), BY_KIND, ids=lambda v: type(v).__name__)
def test_an_sdk_error_says_what_to_do(
    elsewhere: Path, error: Exception, profile: str | None, problem: str, fix: str
) -> None:
    explained = explain(error, call(elsewhere, profile))
    assert problem in explained.problem and fix in explained.fix
    assert "secret@" not in str(explained)


def test_a_refused_role_is_distinguished_from_a_missing_permission(elsewhere: Path) -> None:
    error = sdk.ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized: sts"}}, "AssumeRole")
    assert (
        'Profile "chained" may not assume its role: not authorized: sts'
        in explain(error, call(elsewhere, "chained")).problem
    )


def test_a_region_without_ses_is_distinguished_from_a_broken_network(elsewhere: Path) -> None:
    error = sdk.EndpointConnectionError(endpoint_url="https://email.eu-west-9.amazonaws.com")
    assert "no Amazon SES in the region eu-west-9" in explain(error, call(elsewhere, region="eu-west-9")).problem


def test_your_own_proxy_or_endpoint_is_named(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = sdk.EndpointConnectionError(endpoint_url="https://email.eu-west-1.amazonaws.com")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy")
    explained = explain(error, call(elsewhere))
    assert "HTTPS_PROXY is set" in explained.fix and "secret" not in explained.fix
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    assert "AWS_ENDPOINT_URL is set" in explain(error, call(elsewhere)).problem


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 2026 00:00:00 GMT"])
def test_an_invalid_date_says_nothing_about_the_clock(date: str) -> None:
    response: Any = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
    error = sdk.ClientError(response, "X")
    assert clock_offset(error) is None


def test_every_error_of_the_sdk_has_an_explanation_without_a_traceback(elsewhere: Path) -> None:
    circumstances = call(elsewhere)
    kinds = [kind for kind in vars(sdk).values() if isinstance(kind, type) and issubclass(kind, AWS_ERRORS)]
    assert len(kinds) > 90
    for kind in kinds:
        error = kind.__new__(kind)
        Exception.__init__(error, "explained")
        if isinstance(error, sdk.ClientError):
            error.response, error.operation_name = {}, "X"
        explained = explain(error, circumstances)
        assert explained.problem and explained.fix


@pytest.mark.parametrize(
    ("process", "problem"),
    [
        (f"{sys.executable} -c 'import sys; sys.exit(\"vault is sealed\")'", "vault is sealed"),
        (f"{sys.executable} -c 'print(7)'", "credential_process"),
        (f"{sys.executable} -c 'print()'", "credential_process"),
        ("/no/such/helper", "No such file"),
        ("'", "No closing quotation"),
    ],
)
def test_a_broken_credential_process_is_one_clear_error(elsewhere: Path, process: str, problem: str) -> None:
    (elsewhere / "config").write_text(f"[profile broken]\ncredential_process = {process}\n")
    with pytest.raises(Unusable) as caught:
        open_session("broken", "eu-west-1")
    assert problem in str(caught.value) and 'credential_process of profile "broken" failed' in str(caught.value)


@pytest.mark.parametrize(
    ("config", "explained"),
    [
        (
            "[profile p]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n[sso-session corp]\nsso_start_url = https://x.test\nsso_region = eu-west-1\n",
            "Run: aws sso login --profile p",
        ),
        ("[profile p]\nlogin_session = arn:aws:iam::1:user/me\n", "Run: aws login --profile p"),
        ("[profile p]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = p2\n", "Correct ~/.aws/config"),
        ("[profile p\n", "Correct ~/.aws/config"),
        ("", 'There is no AWS profile "p"'),
    ],
)
def test_a_profile_that_does_not_work_is_one_clear_error(elsewhere: Path, config: str, explained: str) -> None:
    (elsewhere / "config").write_text(config)
    with pytest.raises(Unusable) as caught:
        open_session("p", "eu-west-1")
    assert explained in str(caught.value)


def test_aws_login_without_its_library_names_the_library(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "config").write_text("[profile p]\nlogin_session = arn:aws:iam::1:user/me\n")
    monkeypatch.setattr(botocore.credentials, "EC", None)
    with pytest.raises(Unusable, match=r'pip install "botocore\[crt\]"'):
        open_session("p", "eu-west-1")


def test_the_profile_of_the_environment_is_named(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "config").write_text("[profile prod]\nlogin_session = arn:aws:iam::1:user/me\n")
    monkeypatch.setenv("AWS_PROFILE", "prod")
    with pytest.raises(Unusable, match=r"Run: aws login --profile prod"):
        open_session(None, "eu-west-1")
