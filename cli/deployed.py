"""The deployed monitor as commands find it: its stack, its account and its table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import boto3
from botocore.exceptions import ClientError
from ses_reputation.aws.errors import AWS_ERRORS, code_of
from ses_reputation.aws.session import CONFIG
from ses_reputation.aws.store import Item, Overtaken, Store
from ses_reputation.core import roster
from ses_reputation.core.fleet import WHOLE
from ses_reputation.core.roster import Roster
from ses_reputation.core.state import BadState, State, from_text, record_from
from ses_reputation.core.target import Target
from ses_reputation.fleet_accounts import ROSTER
from ses_reputation.settings import Settings

from .arguments import check_account
from .aws import described, open_session, region_of
from .aws_errors import Call, explain
from .exit_codes import Unusable

NEEDS = "cloudformation:DescribeStacks, and dynamodb:GetItem and dynamodb:PutItem on the table of the stack"
"""IAM actions of the commands that write beside the states."""

TRIES = 5
"""Most times that a change is made again because somebody else has written meanwhile."""

T = TypeVar("T")


@dataclass(frozen=True)
class Deployed:
    """One installation."""

    name: str  # of the stack
    account: str
    region: str  # of the stack
    targets: tuple[Target, ...]  # of several accounts those of the stack's own
    several: bool  # it watches several accounts
    session: boto3.Session
    store: Store

    def asked(self, call: Callable[[], T]) -> T:
        """Result of a call of the store. Raises `Unusable` with what to do about a failure."""
        try:
            return call()
        except AWS_ERRORS as error:
            raise Unusable(f"The table of {self.name} could not be used. {explain(error, self.call)}") from None

    @property
    def call(self) -> Call:
        return _call(self.session, self.region, f"There is no table of {self.name} in {self.region}.")

    def state_of(self, target: Target) -> State | None:
        """Load what is stored of `target`, by default of the stack's own account; None if it has not run yet.

        Raises `AWS_ERRORS` or `BadState`.
        """
        item = self.store.load(replace(target, account=target.account or self.account).id)
        return None if item is None else from_text(item.text, schema=item.schema)

    def roster(self) -> Roster | None:
        """Load the list of accounts; None if the monitor has not made it yet. Raises `Unusable` for one that cannot be read."""
        item = self.asked(lambda: self.store.load(ROSTER))
        self.check_version(item, roster.SCHEMA)
        try:
            return None if item is None else record_from(Roster, item.text)
        except BadState as bad:
            raise Unusable(f"The list of accounts of {self.name} cannot be read: {bad}.") from None

    def check_version(self, item: Item | None, schema: int) -> None:
        """Raises `Unusable` for an item that a newer version has written."""
        if item is not None and item.schema > schema:
            raise Unusable(f"{self.name} is of a newer version than this command (schema {item.schema}): update it.")

    def change(self, key: str, schema: int, changed: Callable[[Item | None], str]) -> None:
        """Store what `changed` makes of an item, over the version that it was made of. Raises `Unusable`."""
        for _ in range(TRIES):
            item = self.asked(lambda: self.store.load(key))
            self.check_version(item, schema)
            new = Item(1 if item is None else item.version + 1, schema, changed(item))
            try:
                self.asked(lambda new=new: self.store.save(key, new))  # type: ignore[misc]
            except Overtaken:
                continue
            return
        raise Unusable("Nothing was changed: others write to it all the time. Try again.")


def find(session: boto3.Session, settings: Settings | None, region: str) -> Deployed:
    """Find the stack of the settings in `region`. Raises `AWS_ERRORS`; LookupError or ValueError for another stack."""
    name = "SesReputation" if settings is None else settings.stack_name
    account, outputs = described(session, name, region)
    watched = settings.targets.regions if settings is not None and settings.targets.regions else (region,)
    targets = tuple(Target(account, each) for each in watched)
    several = settings is not None and settings.fleet.on
    client: Any = session.client("dynamodb", region_name=region, config=CONFIG)
    store = Store(client, outputs["StateTableName"])
    return Deployed(name, account, region, targets, several, session, store)


def find_unless_missing(session: boto3.Session, settings: Settings | None, region: str) -> Deployed | None:
    """Find the stack in `region`; None if there is none. Raises `Unusable` with what to do if it could not be looked up."""
    try:
        return find(session, settings, region)
    except (*AWS_ERRORS, LookupError, ValueError) as error:
        if _is_missing(error):
            return None
        raise Unusable(_problem(error, session, settings, region)) from None


def find_if_any(session: boto3.Session, settings: Settings | None) -> Deployed | None:
    """Find the stack in the session's region; None if it is not there, or the user may not see it."""
    try:
        return find(session, settings, region_of(session))
    except (*AWS_ERRORS, LookupError, ValueError):
        return None


def the_deployed(settings: Settings | None, profile: str | None, region: str | None) -> Deployed:
    """Find the installation where the AWS configuration points to, else in `region`. Raises `Unusable`.

    A command's `--region` names a watched region, which is often, but not always, that of the stack.
    """
    session = open_session(profile, None)
    homes = dict.fromkeys(name for name in (session.region_name, region) if name)
    problems = [region_of(session)] if not homes else []
    for home in homes:
        try:
            return find(session, settings, home)
        except (*AWS_ERRORS, LookupError, ValueError) as error:
            problems.append(_problem(error, session, settings, home))
    raise Unusable("\n".join(dict.fromkeys(problems)))


def _problem(error: Exception, session: boto3.Session, settings: Settings | None, home: str) -> str:
    name = "SesReputation" if settings is None else settings.stack_name
    missing = f"There is no stack {name} in {home}."
    if _is_missing(error):
        return f"{missing}\nDeploy it, or name what you deployed: --settings FILE, --profile NAME, AWS_REGION"
    if isinstance(error, AWS_ERRORS):
        return f"{name} could not be looked up. {explain(error, _call(session, home, missing))}"
    if isinstance(error, LookupError):
        return f"The stack {name} in {home} is not of this project, or not deployed to its end."
    return f'"{home}" is not the name of an AWS region. Write it like eu-west-1.'


def _is_missing(error: Exception) -> bool:
    """Tell if CloudFormation says that there is no such stack."""
    return isinstance(error, ClientError) and code_of(error) == "ValidationError"


def _call(session: boto3.Session, region: str, missing: str) -> Call:
    return Call(session._session, region, NEEDS, missing)  # noqa: SLF001  boto3 has no name for it


def watched(deployed: Deployed, region: str | None, account: str | None = None) -> tuple[Target, ...]:
    """The targets in `region` and `account`, or all. Raises `Unusable` if none is watched there."""
    check_account(account)
    if deployed.several:  # which account is watched where is known at run time only
        regions = [region] if region else [target.region for target in deployed.targets]
        return tuple(Target(account if account else deployed.account, each) for each in regions)
    found = tuple(target for target in deployed.targets if region in (None, target.region))
    if not found or account not in (None, deployed.account):
        where = ", ".join(dict.fromkeys(target.region for target in deployed.targets))
        raise Unusable(f"{deployed.name} does not watch {account or region}. It watches: {where} of {deployed.account}")
    return found


def unwatched(deployed: Deployed, settings: Settings | None, region: str | None, account: str | None) -> str:
    """Say that of many accounts none is watched in `region` and `account`; nothing if that is not certain."""
    if not deployed.several or settings is None or (region is None and account is None):
        return ""
    try:
        roster = deployed.roster()
    except Unusable:
        roster = None
    if roster is None and (settings.fleet.units or settings.targets.discover):
        return ""
    regions = tuple(target.region for target in deployed.targets)
    targets = {(each, where) for each, _ in settings.fleet.accounts for where in regions}
    targets |= {(target.account, target.region) for target in (() if roster is None else roster.targets(WHOLE))}
    targets.add((deployed.account, deployed.region))  # of alerts about the fleet as a whole
    if any(account in (None, each) and region in (None, where) for each, where in targets):
        return ""
    return f"WARNING: {deployed.name} does not watch {' in '.join(filter(None, (account, region)))} now."
