"""Session, profile and region of a command, found where the AWS CDK finds them, so that `check` looks where `make deploy` went."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import boto3
import botocore
import botocore.session
from botocore.exceptions import NoCredentialsError
from botocore.utils import InstanceMetadataRegionFetcher
from ses_reputation.aws.errors import AWS_ERRORS
from ses_reputation.aws.session import CONFIG

from .arguments import check_account
from .aws_errors import Call, explain
from .exit_codes import Unusable

if TYPE_CHECKING:
    from ses_reputation.settings import Settings

REGION_VARIABLES = ("AWS_REGION", "AMAZON_REGION", "AWS_DEFAULT_REGION", "AMAZON_DEFAULT_REGION")
PROFILE_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
"""In the order of the AWS CDK; an empty variable counts as absent."""


def open_session(profile: str | None, region: str | None) -> boto3.Session:
    """Return a session with credentials that could be loaded; its region may be unknown.

    Raises `Unusable` with what to do about a profile, a configuration file or credentials that do not work.
    """
    given = [name for name in PROFILE_VARIABLES if os.environ.get(name)]
    names = {"profile": (None, given if given else None, None, None)}
    core = botocore.session.Session(session_vars=names)
    try:
        session = boto3.Session(botocore_session=core, profile_name=profile if profile else None)
        found = region if region else _region(core)
        if found:
            core.set_config_variable("region", found)
        credentials = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()
    except Exception as error:  # noqa: BLE001  a credential_process may fail in any way; `explain` names what it was
        raise Unusable(str(explain(error, Call(core)))) from None
    if credentials is None:
        raise Unusable(str(explain(NoCredentialsError(), Call(core))))
    return session


def _region(core: botocore.session.Session) -> str | None:
    """Look for a region in the environment, the profile, the default profile, and on an EC2 instance in its metadata."""
    for name in REGION_VARIABLES:
        if os.environ.get(name):
            return os.environ[name]
    own = core.get_scoped_config().get("region")
    default = core.full_config.get("profiles", {}).get("default", {}).get("region")
    for region in (own, default):
        if isinstance(region, str) and region:
            return region
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "false").lower() == "true":
        return None
    found: str | None = InstanceMetadataRegionFetcher(timeout=1, num_attempts=1).retrieve_region()
    return found


def region_of(session: boto3.Session) -> str:
    """Return the session's region. Raises `Unusable` if none was found: a guess would look at the wrong account state."""
    if session.region_name is None:
        raise Unusable(
            "No AWS region was found.\n"
            "Name it: --region eu-west-1, or set AWS_REGION, or run: aws configure set region eu-west-1"
        )
    if not re.fullmatch(r"[a-z]{2,5}(-[a-z]+)+-[1-9][0-9]?", session.region_name):
        raise Unusable(f'"{session.region_name}" is not the name of an AWS region. Write it like eu-west-1.')
    return session.region_name


def session_for(session: boto3.Session, settings: Settings | None, account: str | None) -> boto3.Session:
    """Return the user's session, or one in the account that was named. Raises `Unusable`."""
    if account is None:
        return session
    check_account(account)
    if settings is None:
        raise Unusable("--account needs the settings that name the monitor's role: --settings prod.toml")
    from .members import Fleet

    return Fleet(session, settings).session_in(account)


def account_of(session: boto3.Session) -> str:
    """Return the account's number, or nothing if AWS does not say; nobody needs a permission to ask."""
    try:
        answer = session.client("sts", region_name=session.region_name, config=CONFIG).get_caller_identity()
        return str(answer["Account"])
    except (*AWS_ERRORS, LookupError, ValueError):
        return ""


def stack_output(session: boto3.Session, stack: str, key: str) -> str:
    """Return an output of the deployed `stack`. Raises `Unusable` if there is none, or AWS does not say."""
    region = region_of(session)
    missing = f"There is no stack {stack} in {region}."
    call = Call(session._session, region, f"cloudformation:DescribeStacks on {stack}", missing)  # noqa: SLF001
    try:
        _, outputs = described(session, stack, region)
    except AWS_ERRORS as error:
        raise Unusable(str(explain(error, call))) from None
    if key not in outputs:
        raise Unusable(f"The stack {stack} in {region} has no output {key}. Deploy it again.")
    return outputs[key]


def described(session: boto3.Session, stack: str, region: str) -> tuple[str, dict[str, str]]:
    """Return a deployed stack's account and its outputs by their names.

    Raises `AWS_ERRORS`, or LookupError or ValueError for an invalid answer.
    """
    client: Any = session.client("cloudformation", region_name=region, config=CONFIG)
    [found] = client.describe_stacks(StackName=stack)["Stacks"]
    return found["StackId"].split(":")[4], {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}


def unknown_regions(regions: Iterable[str]) -> list[str]:
    """Return a warning for each region without Amazon SES in the data of the pinned AWS SDK."""
    core = botocore.session.get_session()
    known = {
        region
        for partition in core.get_available_partitions()
        for region in core.get_available_regions("ses", partition_name=partition)
    }
    return [
        f'Region "{region}": botocore {botocore.__version__} knows no Amazon SES there. '
        "Check the name; if AWS has opened it since, update botocore."
        for region in regions
        if region not in known
    ]


class Witness:
    """A client that keeps the error of its last call."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.client, name)

        def witnessed(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except Exception as error:
                self.error = error
                raise

        return witnessed
