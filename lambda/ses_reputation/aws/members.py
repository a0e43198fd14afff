"""Member accounts: one session of a role for each account and run, and clients that sign each call with that of its caller.

A session and a client for every account would cost six times the time and five times the memory of clients that all share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError

from ..core.fleet import ROLE_TAG, role_version_in
from ..core.readings import Trouble, Unreadable
from .errors import AWS_ERRORS, answered, code_of, trouble_of

if TYPE_CHECKING:
    from mypy_boto3_sts.client import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

SESSION_SECONDS = 3_600
"""Longer than any run. Each run opens its own session, so that none expires in use."""

STATISTICS_PAUSE = 1.0
"""Least seconds between two calls of GetSendStatistics for one target: SES allows one a second."""


class Caller(NamedTuple):
    """An account with the credentials that its calls are signed with."""

    account: str
    credentials: ReadOnlyCredentials


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


@contextmanager
def calling_as(caller: Caller) -> Iterator[None]:
    """Sign the calls of this thread as `caller`."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def own_caller(account: str, session: Any) -> Caller:
    """The monitor's own account, whose calls a session of botocore has the credentials for."""
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return Caller(account, credentials.get_frozen_credentials())


class _CallersOwn(Credentials):
    """Credentials of whoever makes the call. Outside of `calling_as` there are none, rather than those of somebody else."""

    def __init__(self) -> None:
        super().__init__("", "", method="member-role")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        caller = _caller.get()
        if caller is None:
            raise NoCredentialsError
        return caller.credentials


class _Provider:
    """Give a session of botocore credentials when it asks: those of the caller."""

    def load_credentials(self) -> Credentials:
        return _CallersOwn()


def for_members(session: Any) -> Any:
    """Make all clients that a session of botocore creates from now on sign each call as its caller; return the session."""
    session.register_component("credential_provider", _Provider())
    session.register("before-sign.ses.GetSendStatistics", _Pace())
    return session


class _Pace:
    """Waits before a call that would follow another of the same target too fast: a retry."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._last: dict[tuple[str, str], float] = {}

    def __call__(self, region_name: str, **_: Any) -> None:
        caller = _caller.get()
        target = ("" if caller is None else caller.account, region_name)
        wait = self._last.get(target, -STATISTICS_PAUSE) + STATISTICS_PAUSE - self._clock()
        if wait > 0:
            self._sleep(wait)
        self._last[target] = self._clock()


class Members:
    """Sessions of one run: the first call for an account opens its session, and all threads share it."""

    def __init__(
        self, client: STSClient, own: Caller, *, partition: str, role_name: str, external_id: str, session_name: str
    ) -> None:
        self._client, self._own = client, own
        self._arn = f"arn:{partition}:iam::{{}}:role/{role_name}"
        self._external_id, self._session_name = external_id, session_name
        self._known: dict[str, Caller | Unreadable] = {}
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    def caller(self, account: str) -> Caller | Unreadable:
        """Return who reads an account, or why nobody can. The own account needs no role."""
        if account == self._own.account:
            return self._own
        with self._lock:
            lock = self._locks.setdefault(account, Lock())
        with lock:
            if account not in self._known:
                self._known[account] = self._assumed(account)
            return self._known[account]

    def refused(self) -> set[str]:
        """Accounts tried so far whose role does not let the monitor in."""
        known = list(self._known.items())
        return {account for account, each in known if isinstance(each, Unreadable) and each.trouble is Trouble.ROLE}

    def _assumed(self, account: str) -> Caller | Unreadable:
        request: AssumeRoleRequestTypeDef = {
            "RoleArn": self._arn.format(account),
            "RoleSessionName": self._session_name,
            "DurationSeconds": SESSION_SECONDS,
        }
        if self._external_id:
            request["ExternalId"] = self._external_id
        try:
            with answered():
                answer = self._client.assume_role(**request)["Credentials"]
                parts = (answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        except AWS_ERRORS as error:
            refused = code_of(error) == "AccessDenied"
            return Unreadable(Trouble.ROLE if refused else trouble_of(error), f"AssumeRole: {code_of(error)}")
        return Caller(account, ReadOnlyCredentials(*parts))


def role_version(client: Any, role_name: str, look: str) -> int | None:
    """Read the version of the caller's own role; 0 if it does not say, may not be read or is for another `look` (core/fleet.py),
    None if that is not known now."""
    try:
        with answered():
            tags = client.get_role(RoleName=role_name)["Role"].get("Tags", [])
            texts = [tag["Value"] for tag in tags if tag["Key"] == ROLE_TAG]
    except AWS_ERRORS as error:
        return 0 if trouble_of(error) is Trouble.DENIED else None
    return role_version_in(texts[0], look) if texts else 0
