"""Errors of botocore, in the project's words."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from ..core.readings import Trouble

AWS_ERRORS = (BotoCoreError, ClientError, ResponseParserError)
"""Everything that a call of a client raises when AWS, or the way to it, fails."""

_DENIED = frozenset(
    {
        "403",  # botocore's word for an error whose body it does not understand
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "AuthorizationError",
        "ExpiredToken",
        "ExpiredTokenException",
        "NotAuthorized",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
    }
)
_NOT_ENABLED = frozenset(
    {"InvalidClientTokenId", "OptInRequired", "SubscriptionRequiredException", "UnrecognizedClientException"}
)
"""Codes with which a region that the account has not enabled answers credentials that are good everywhere else."""

_THROTTLED = frozenset(
    {
        "429",
        "LimitExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


@contextmanager
def answered() -> Iterator[None]:
    """Wrap a client call and nothing else. A reply that is not from AWS, such as a proxy's web page, trips botocore's parsers
    in many ways; it raises `ResponseParserError`. Our own code stays outside: its faults are no bad answer of AWS."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, AWS_ERRORS):
            raise
        raise ResponseParserError(f"not an answer of AWS ({type(error).__name__})") from error


def code_of(error: Exception) -> str:
    """AWS's error code, or the name of the exception: never its text, which may hold names and addresses."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        return code if re.fullmatch(r"[\w.:-]{1,80}", code) else "an unreadable error code"
    return type(error).__name__


def place_of(error: BaseException) -> str:
    """Name an error of our own and where it is raised: never its text, which may hold addresses."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def is_refusal(error: Exception) -> bool:
    """Tell if AWS would refuse the same call again: the call itself is at fault."""
    if not isinstance(error, ClientError) or trouble_of(error) is not Trouble.FAILED:
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return 400 <= status < 500


def trouble_of(error: Exception) -> Trouble:
    """Why a call failed."""
    code = code_of(error)
    if code in _NOT_ENABLED:
        return Trouble.NOT_ENABLED
    if code in _DENIED or isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Trouble.DENIED
    if code in _THROTTLED:
        return Trouble.THROTTLED
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return Trouble.TIMED_OUT
    if isinstance(error, ResponseParserError):
        return Trouble.BAD_ANSWER
    return Trouble.FAILED


def may_be_done(error: Exception) -> bool:
    """Tell if AWS may have carried out a call though it failed: also what it answers as an error of its own."""
    answer = error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}
    return may_have_arrived(error) or answer.get("HTTPStatusCode", 0) >= 500


def may_have_arrived(error: Exception) -> bool:
    """Tell if a call got no usable answer though AWS may have carried it out."""
    return isinstance(error, ReadTimeoutError | ConnectionClosedError | ResponseParserError)
