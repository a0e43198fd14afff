"""Errors of AWS and of its SDK in plain words, each with what to do. Every command uses this one translation."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.session
from botocore import exceptions as sdk
from botocore.config import Config
from botocore.parsers import ResponseParserError
from ses_reputation.aws.errors import AWS_ERRORS
from ses_reputation.core.readings import one_line

LONGEST = 400
"""Characters of AWS's own sentence that are shown."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One problem and its fix, each in a sentence or two."""

    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.problem}\n{self.fix}"


@dataclass(frozen=True, slots=True)
class Call:
    """Circumstances of a call that failed."""

    session: botocore.session.Session
    region: str | None = None
    needs: str = ""  # IAM actions that the command asks for
    missing: str = ""  # meaning of "not found" here

    @property
    def profile(self) -> str | None:
        """The profile chosen by option or environment."""
        return self.session.profile

    @property
    def named(self) -> str:
        return f'profile "{self.profile}"' if self.profile else "the default profile"

    @property
    def option(self) -> str:
        return f" --profile {self.profile}" if self.profile else ""


def explain(error: Exception, call: Call) -> Explanation:
    """Translate `error`. An unknown one keeps its code and its own sentence: that sentence often says what to do."""
    if isinstance(error, sdk.ClientError):
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        for codes, answer in _BY_CODE:
            if code in codes:
                return answer(error, call)
        return _other_code(error, call)
    for kinds, by_kind in _BY_KIND:
        if isinstance(error, kinds):
            return by_kind(error, call)
    if isinstance(error, AWS_ERRORS):
        return Explanation(
            f"The AWS SDK failed: {_short(str(error))}", "Check your AWS configuration: aws configure list"
        )
    return _process(error, call)


# --- Credentials -------------------------------------------------------------------------------------------------


def _no_credentials(_: Exception, call: Call) -> Explanation:
    profiles = sorted(_profiles(call))
    if call.profile:
        return Explanation(f"{_capital(call.named)} has no credentials.", f"Run: {_login(call)}")
    if profiles:
        return Explanation(
            "No AWS credentials were found.", f"Choose one of your profiles with --profile: {', '.join(profiles)}"
        )
    return Explanation("No AWS credentials were found.", "Run: aws configure sso   (or: aws login, or: aws configure)")


def _half(error: Exception, _: Call) -> Explanation:
    return Explanation(
        f"Only half of the AWS credentials is there: {_short(str(error))}",
        "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither and use a profile.",
    )


def _no_profile(error: Exception, call: Call) -> Explanation:
    profiles = sorted(_profiles(call))
    name = getattr(error, "kwargs", {}).get("profile", call.profile)
    known = f"Your profiles are: {', '.join(profiles)}" if profiles else "There is no profile: run aws configure"
    return Explanation(f'There is no AWS profile "{name}".', f"{known}. Choose with --profile or AWS_PROFILE.")


def _sign_in_again(_: Exception, call: Call) -> Explanation:
    return Explanation(f"The sign-in session of {call.named} has expired or is missing.", f"Run: {_login(call)}")


def _login_needed(_: Exception, call: Call) -> Explanation:
    return Explanation(
        f"The sign-in session of {call.named} has expired or is missing.", f"Run: aws login{call.option}"
    )


def _login_denied(_: Exception, call: Call) -> Explanation:
    return Explanation(
        f"{_capital(call.named)} may not refresh its sign-in session.",
        "Its user needs the permission signin:CreateOAuth2Token (AWS managed policy SignInLocalDevelopmentAccess).",
    )


def _needs_library(_: Exception, call: Call) -> Explanation:
    return Explanation(
        f"{_capital(call.named)} signs in with `aws login`, which needs the library awscrt.",
        'Run: pip install "botocore[crt]"   in the environment of this program.',
    )


def _process(error: Exception, call: Call) -> Explanation:
    if isinstance(error, EOFError):
        return Explanation(
            f"{_capital(call.named)} asks for an MFA code, and there is no terminal.", "Run it in a terminal."
        )
    runs_process = any("credential_process" in profile for _, profile in _chain(call))
    if not runs_process:
        return Explanation(
            f"The credentials of {call.named} cannot be loaded: {_short(str(error)) or type(error).__name__}",
            f"Run: {_login(call)}",
        )
    said = re.sub(r"^Error when retrieving credentials from custom-process: ", "", str(error))
    return Explanation(
        f"The credential_process of {call.named} failed: {_short(said) or type(error).__name__}",
        f"Run its command by hand and mend it, then try: aws sts get-caller-identity{call.option}",
    )


def _bad_config(error: Exception, _: Call) -> Explanation:
    return Explanation(
        f"Your AWS configuration cannot be used: {_short(str(error))}", "Correct ~/.aws/config or ~/.aws/credentials."
    )


def _expired(_: Exception, call: Call) -> Explanation:
    return Explanation(f"The temporary credentials of {call.named} have expired.", f"Run: {_login(call)}")


def _login(call: Call) -> str:
    """Return the command that renews the credentials of the profile, or of the profile that it builds on."""
    for name, profile in _chain(call):
        option = f" --profile {name}" if name != "default" else ""
        if "sso_session" in profile or "sso_start_url" in profile:
            return f"aws sso login{option}"
        if "login_session" in profile:
            return f"aws login{option}"
    if any(os.environ.get(variable) for variable in ("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")) and not call.profile:
        return "the command that set AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN here, again"
    return f"aws configure{call.option}   (or get new credentials where these came from)"


def _chain(call: Call) -> list[tuple[str, dict[str, Any]]]:
    """Return the chosen profile and those that it builds on."""
    profiles, name, chain = (
        _profiles(call),
        call.profile if call.profile else "default",
        list[tuple[str, dict[str, Any]]](),
    )
    while name in profiles and name not in dict(chain):  # source_profile may go round in circles
        chain.append((name, profiles[name]))
        name = profiles[name].get("source_profile", name)
    return chain


def _profiles(call: Call) -> dict[str, Any]:
    try:
        profiles: dict[str, Any] = call.session.full_config.get("profiles", {})
    except sdk.BotoCoreError:
        return {}
    return profiles


# --- What AWS refuses --------------------------------------------------------------------------------------------


def _denied(error: Exception, call: Call) -> Explanation:
    operation = str(getattr(error, "operation_name", ""))
    if operation.startswith("AssumeRole"):
        return Explanation(
            f"{_capital(call.named)} may not assume its role: {_sentence(error)}",
            "Check role_arn in ~/.aws/config and the trust policy of that role.",
        )
    needs = f"They need: {call.needs}. " if call.needs else ""
    return Explanation(
        f"These credentials may not call {operation or 'this'} ({_code(error)}).",
        f"{needs}Ask whoever grants permissions, or take another profile with --profile.",
    )


def _bad_keys(error: Exception, call: Call) -> Explanation:
    """Tell keys that AWS does not know from a region that the account has not enabled: both get the same code."""
    if call.region and _valid_elsewhere(call):
        return Explanation(
            f"The region {call.region} is not enabled for this account.",
            f"Enable it in the AWS console under Account, AWS Regions, or choose another with --region. ({_code(error)})",
        )
    return Explanation(
        f"AWS does not accept the credentials of {call.named} ({_code(error)}).",
        f"The keys are deleted, inactive or mistyped. Run: {_login(call)}",
    )


def _clock(error: Exception, call: Call) -> Explanation:
    off = clock_offset(error)
    if off is not None and abs(off) >= 60:
        way = "behind" if off > 0 else "ahead"
        return Explanation(
            f"This machine's clock is {max(1, round(abs(off) / 60)):,} min {way}, so AWS refuses its requests.",
            "Set the clock, for instance: sudo timedatectl set-ntp true",
        )
    if _code(error) in ("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"):
        if off is None and re.search(r"expired|not yet current", _sentence(error), re.IGNORECASE):
            return Explanation(
                "AWS refuses the time in the signature: this machine's clock is off by 5 min or more.",
                "Set the clock, for instance: sudo timedatectl set-ntp true",
            )
        return Explanation(
            f"AWS does not accept the signature ({_code(error)}): the secret access key is wrong, or a proxy changes requests.",
            f"Enter the keys again: aws configure{call.option}",
        )
    return Explanation(
        f"The request was too old when it reached AWS ({_code(error)}).",
        "Check the clock and the network, then try again.",
    )


def clock_offset(error: Exception) -> float | None:
    """Return by how many seconds this machine's clock is behind AWS's, by the Date header of the answer."""
    response = getattr(error, "response", {})
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    stated = next((value for name, value in headers.items() if name.lower() == "date"), None)
    try:
        return parsedate_to_datetime(str(stated)).timestamp() - time.time() if stated else None
    except ValueError:
        return None


def _not_signed_up(error: Exception, call: Call) -> Explanation:
    if call.region and _code(error) == "OptInRequired" and _valid_elsewhere(call):
        return _bad_keys(error, call)
    return Explanation(
        f"This AWS account is not signed up for Amazon SES{_in(call)} ({_code(error)}).",
        "Open the SES console of this region once; a new account must first finish its registration (payment, phone).",
    )


def _throttled(error: Exception, _: Call) -> Explanation:
    return Explanation(
        f"AWS is throttling this call ({_code(error)}).", "Amazon SES allows it once a second: try again in a moment."
    )


def _not_found(error: Exception, call: Call) -> Explanation:
    found = call.missing if call.missing else _sentence(error)
    return Explanation(found, f"Is the stack deployed{_in(call)}, with these settings and in this account?")


def _aws_failed(error: Exception, call: Call) -> Explanation:
    return Explanation(
        f"AWS failed{_in(call)} ({_code(error)}).", "Try again; if it lasts, look at https://health.aws.amazon.com/"
    )


def _other_code(error: sdk.ClientError, call: Call) -> Explanation:
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return _aws_failed(error, call)
    if _code(error) == "403":
        return _denied(error, call)
    return Explanation(
        f"AWS refuses {error.operation_name}: {_code(error)}. {_sentence(error)}".rstrip(" ."),
        f"Check who you are and where: aws sts get-caller-identity{call.option}; the region is {call.region}.",
    )


def _valid_elsewhere(call: Call) -> bool:
    """Ask AWS, in a region that every account has, whether it knows these credentials. That needs no permission."""
    region = str(call.region)
    home = (
        "cn-north-1" if region.startswith("cn-") else "us-gov-west-1" if region.startswith("us-gov-") else "us-east-1"
    )
    if region == home:
        return False
    patience = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1})
    try:
        client: Any = call.session.create_client("sts", region_name=home, config=patience)
        client.get_caller_identity()
    except AWS_ERRORS:
        return False
    return True


# --- The way to AWS ----------------------------------------------------------------------------------------------


def _no_region(_: Exception, __: Call) -> Explanation:
    return Explanation("No AWS region was found.", "Name it: --region eu-west-1, or set AWS_REGION.")


def _bad_region(_: Exception, call: Call) -> Explanation:
    return Explanation(f'"{call.region}" is not the name of an AWS region.', "Write it like eu-west-1.")


def _unreachable(error: Exception, call: Call) -> Explanation:
    from .aws import unknown_regions

    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return Explanation(
            f"AWS_ENDPOINT_URL is set, and nothing answers there{_in(call)}.", "Unset it to reach AWS itself."
        )
    if call.region and unknown_regions([call.region]):
        return Explanation(
            f"There is no Amazon SES in the region {call.region}, or AWS has opened it lately.",
            "Check the name of the region (--region, AWS_REGION, [targets] regions).",
        )
    proxy = next(
        (name for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy") if os.environ.get(name)), None
    )
    behind = f" {proxy} is set: is that proxy right?" if proxy else " A firewall may need a proxy: set HTTPS_PROXY."
    return Explanation(f"AWS cannot be reached{_in(call)} ({type(error).__name__}).", f"Check the network.{behind}")


def _proxy(_: Exception, __: Call) -> Explanation:
    return Explanation(
        "The proxy cannot be reached.",
        "Check HTTPS_PROXY and HTTP_PROXY, or unset them; NO_PROXY names what goes past it.",
    )


def _certificate(_: Exception, __: Call) -> Explanation:
    return Explanation(
        "The certificate of the answer is not one of AWS's: a proxy opens encrypted connections.",
        "Set AWS_CA_BUNDLE to the file with that proxy's certificate.",
    )


def _too_slow(_: Exception, call: Call) -> Explanation:
    return Explanation(f"AWS did not answer in time{_in(call)}.", "Check the network, then try again.")


def _not_aws(_: Exception, call: Call) -> Explanation:
    return Explanation(
        f"The answer{_in(call)} does not come from AWS.", "Is a proxy or a sign-in page of the network in the way?"
    )


Answer = Callable[[Any, Call], Explanation]

_BY_KIND: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Answer], ...] = (
    (sdk.NoCredentialsError, _no_credentials),
    (sdk.PartialCredentialsError, _half),
    (sdk.ProfileNotFound, _no_profile),
    (sdk.MissingDependencyException, _needs_library),
    ((sdk.SSOError, sdk.TokenRetrievalError, sdk.NoAuthTokenError), _sign_in_again),
    (sdk.LoginInsufficientPermissions, _login_denied),
    (sdk.LoginError, _login_needed),
    (sdk.CredentialRetrievalError, _process),
    ((sdk.ConfigParseError, sdk.ConfigNotFound, sdk.InvalidConfigError, sdk.UnknownCredentialError), _bad_config),
    (sdk.NoRegionError, _no_region),
    ((sdk.InvalidRegionError, sdk.UnknownRegionError), _bad_region),
    ((sdk.ProxyConnectionError, sdk.InvalidProxiesConfigError), _proxy),
    (sdk.SSLError, _certificate),
    ((sdk.ConnectTimeoutError, sdk.ReadTimeoutError), _too_slow),
    (ResponseParserError, _not_aws),
    ((sdk.ConnectionError, sdk.HTTPClientError, sdk.EndpointProviderError, sdk.UnknownEndpointError), _unreachable),
)
"""By the class of what the SDK raises; the first that fits."""

_BY_CODE: tuple[tuple[frozenset[str], Answer], ...] = (
    (frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "UnauthorizedException"}), _expired),
    (
        frozenset(
            {
                "InvalidSignatureException",
                "IncompleteSignature",
                "RequestExpired",
                "RequestTimeTooSkewed",
                "SignatureDoesNotMatch",
            }
        ),
        _clock,
    ),
    (frozenset({"AuthFailure", "InvalidClientTokenId", "InvalidToken", "UnrecognizedClientException"}), _bad_keys),
    (frozenset({"OptInRequired", "SubscriptionRequiredException", "NotSignedUp"}), _not_signed_up),
    (
        frozenset(
            {
                "AccessDenied",
                "AccessDeniedException",
                "AuthorizationError",
                "ForbiddenException",
                "NotAuthorized",
                "UnauthorizedOperation",
            }
        ),
        _denied,
    ),
    (
        frozenset(
            {
                "429",
                "RequestLimitExceeded",
                "SlowDown",
                "Throttling",
                "ThrottlingException",
                "TooManyRequestsException",
            }
        ),
        _throttled,
    ),
    (frozenset({"DashboardNotFoundError", "NotFound", "ResourceNotFound", "ResourceNotFoundException"}), _not_found),
    (frozenset({"InternalError", "InternalFailure", "ServiceException", "ServiceUnavailable"}), _aws_failed),
)
"""By the code of AWS's answer."""


def _code(error: Exception) -> str:
    return _short(str(getattr(error, "response", {}).get("Error", {}).get("Code", "Unknown")))


def _sentence(error: Exception) -> str:
    return _short(str(getattr(error, "response", {}).get("Error", {}).get("Message", "")))


def _short(text: str) -> str:
    """Return `text` on one line, without passwords in addresses, and not endless."""
    line = re.sub(r"//[^/@\s]+@", "//***@", " ".join(one_line(text, 2 * LONGEST).split()))
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _in(call: Call) -> str:
    return f" in {call.region}" if call.region else ""
