"""Other accounts, read through the monitor's role in each with the user's own credentials."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

import boto3
from ses_reputation.aws.errors import AWS_ERRORS
from ses_reputation.aws.members import Caller, Members
from ses_reputation.aws.session import CONFIG
from ses_reputation.core.fleet import deploy_role_command
from ses_reputation.core.readings import Unreadable
from ses_reputation.settings import Settings

from .aws import Witness, region_of, stack_output
from .aws_errors import Call, explain
from .exit_codes import Unusable

NEEDS = "sts:AssumeRole"

TRUST = "The role must be there and trust you: name your own role in its parameter TrustedRoles, after the monitor's."


class Fleet:
    """Roles that the user may assume, and who the user is."""

    def __init__(self, session: boto3.Session, settings: Settings) -> None:
        """Ask who the user is. Raise `Unusable` if AWS does not say."""
        self.session, self.region, self._stack = session, region_of(session), settings.stack_name
        self.call = Call(session._session, self.region, NEEDS)  # noqa: SLF001  boto3 has no name for it
        try:
            clients: Any = session.client
            self._sts = Witness(clients("sts", region_name=self.region, config=CONFIG))
            self.own: str = self._sts.get_caller_identity()["Account"]
        except AWS_ERRORS as error:
            raise Unusable(str(explain(error, self.call))) from None
        self.members = Members(
            cast("Any", self._sts),
            Caller(self.own, cast("Any", session.get_credentials()).get_frozen_credentials()),
            partition=session.get_partition_for_region(self.region),
            role_name=settings.fleet.role_name,
            external_id=settings.fleet.external_id,
            session_name="ses-reputation",
        )

    def command(self, *, missing: bool) -> str:
        """Write the command that makes a missing role, as far as a deployed monitor says whom to trust; or updates an old one."""
        return deploy_role_command(self.region, self._trusted if missing else "")

    @cached_property
    def _trusted(self) -> str:
        """ARN of the deployed monitor's role; nothing if it is not known. CloudFormation is asked once."""
        try:
            return stack_output(self.session, self._stack, "MonitorRoleArn")
        except Unusable:
            return ""

    def session_in(self, account: str) -> boto3.Session:
        """A session in an account, through its role unless it is the user's own. Raise `Unusable`."""
        if account == self.own:
            return self.session
        caller = self.members.caller(account)
        if isinstance(caller, Unreadable):
            error = self._sts.error
            why = str(explain(error, self.call)) if isinstance(error, AWS_ERRORS) else caller.detail
            do = f"{TRUST}\nWith the credentials of that account: {self.command(missing=True)}"
            raise Unusable(f"The role of account {account} cannot be assumed. {why}\n{do}")
        key, secret, token = caller.credentials[:3]
        return boto3.Session(key, secret, token, self.region)
