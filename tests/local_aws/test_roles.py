"""The local AWS enforces both sides of AssumeRole, then the rights of the assumed role for every call of the session."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from infra.grants import OWN_ORGANIZATION
from local_aws.server import ACCOUNT, LocalAws
from local_aws.ses import SesAccount

MEMBER = "222222222222"
REGION = "eu-west-1"


class World:
    """A monitor's role that may assume a role of another account in its organisation."""

    def __init__(self, local: LocalAws) -> None:
        self.local = local
        local.reset()
        organizations = local.client("organizations")
        self.organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        self.monitor = self.role(ACCOUNT, "monitor", {"Principal": {"Service": "lambda.amazonaws.com"}})
        self.member = f"arn:aws:iam::{MEMBER}:role/reader"
        self.allow(ACCOUNT, "monitor", "sts:AssumeRole", self.member)
        granted = local.client("sts").assume_role(RoleArn=self.monitor, RoleSessionName="test")["Credentials"]
        self.session = self.opened(granted)

    def trust(self, **changes: Any) -> dict[str, Any]:
        conditions = {
            "StringEquals": {"sts:ExternalId": "secret", "aws:PrincipalOrgID": self.organization},
            "ArnLike": {"aws:PrincipalArn": self.monitor},
        }
        return {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Condition": conditions, **changes}

    def role(self, account: str, name: str, trust: dict[str, Any]) -> str:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", **trust}
        made = self.local.client("iam", account=account).create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )
        return str(made["Role"]["Arn"])

    def member_role(self, **trust: Any) -> None:
        self.role(MEMBER, "reader", self.trust(**trust))
        self.allow(MEMBER, "reader", "ses:GetSendStatistics", "*")

    def allow(self, account: str, role: str, action: str, resource: str, **more: Any) -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        self.local.client("iam", account=account).put_role_policy(
            RoleName=role, PolicyName="p", PolicyDocument=json.dumps(document)
        )

    def opened(self, granted: dict[str, str]) -> boto3.Session:
        return boto3.Session(granted["AccessKeyId"], granted["SecretAccessKey"], granted["SessionToken"], REGION)

    def assumed(self, **given: Any) -> boto3.Session:
        sts = self.session.client("sts", endpoint_url=self.local.url)
        given = {"RoleArn": self.member, "RoleSessionName": "run", "ExternalId": "secret", **given}
        with self.local.iam_enforced():
            return self.opened(sts.assume_role(**given)["Credentials"])

    def read(self, session: boto3.Session, operation: str) -> Any:
        client = session.client("ses", endpoint_url=self.local.url, config=Config(retries={"total_max_attempts": 1}))
        with self.local.iam_enforced():
            return getattr(client, operation)()


def refused(call: Any) -> bool:
    try:
        call()
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "AccessDenied")
    return False


def test_a_session_has_exactly_the_rights_of_its_role(local: LocalAws) -> None:
    world = World(local)
    world.member_role()
    local.ses(account=MEMBER).points = [{"Timestamp": 1_738_368_000, "DeliveryAttempts": 7}]
    session = world.assumed()
    [point] = world.read(session, "get_send_statistics")["SendDataPoints"]
    assert point["DeliveryAttempts"] == 7
    assert local.ses() == SesAccount()
    assert refused(lambda: world.read(session, "get_send_quota"))


@pytest.mark.parametrize(
    "trust",
    [
        {"Principal": {"AWS": "arn:aws:iam::333333333333:root"}},
        {"Principal": {"Service": "lambda.amazonaws.com"}},
        {"Condition": {"StringEquals": {"sts:ExternalId": "another"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-another"}}},
        {"Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/another"}}},
    ],
    ids=["account", "service", "external id", "organisation", "role"],
)
def test_a_role_that_does_not_trust_the_caller_is_not_assumed(local: LocalAws, trust: dict[str, Any]) -> None:
    world = World(local)
    world.member_role(**trust)
    assert refused(world.assumed)


def test_the_external_id_is_the_one_that_the_role_asks_for(local: LocalAws) -> None:
    world = World(local)
    world.member_role()
    assert refused(lambda: world.assumed(ExternalId="guessed"))
    world.assumed()


def test_a_trusted_caller_still_needs_the_right_to_assume(local: LocalAws) -> None:
    world = World(local)
    world.member_role()
    world.allow(ACCOUNT, "monitor", "sts:AssumeRole", f"{world.member}-2")
    assert refused(world.assumed)


def test_a_right_for_the_own_organization_ends_where_it_ends(local: LocalAws) -> None:
    world = World(local)
    world.member_role()
    world.allow(ACCOUNT, "monitor", "sts:AssumeRole", "arn:aws:iam::*:role/reader", Condition=OWN_ORGANIZATION)
    assert refused(world.assumed)  # that account is in no organisation
    organizations = local.client("organizations")
    inside = organizations.create_account(Email="a@mail.test", AccountName="a")["CreateAccountStatus"]["AccountId"]
    world.assumed(RoleArn=world.role(inside, "reader", world.trust()))


def test_a_missing_role_is_refused_until_it_exists(local: LocalAws) -> None:
    world = World(local)
    assert refused(world.assumed)
    world.member_role()
    world.assumed()


def test_a_hang_of_one_account_affects_no_other(local: LocalAws) -> None:
    world = World(local)
    world.member_role()
    session = world.assumed()
    local.faults.plant("ses", "GetSendStatistics", account=MEMBER, hang=1.5)
    hasty = Config(read_timeout=0.5, retries={"total_max_attempts": 1})
    with pytest.raises(ReadTimeoutError):
        session.client("ses", endpoint_url=local.url, config=hasty).get_send_statistics()
    before = time.monotonic()
    local.client("ses").get_send_statistics()
    assert time.monotonic() - before < 1


def test_a_hang_of_a_role_affects_its_account_only(local: LocalAws) -> None:
    world = World(local)
    world.member_role()
    fault = local.faults.plant("sts", "AssumeRole", account="333333333333", status=403, code="AccessDenied")
    world.assumed()
    assert fault.struck == 0
    fault.account = MEMBER
    assert refused(world.assumed)


def test_an_organisation_lists_its_units_and_their_accounts(local: LocalAws) -> None:
    world = World(local)
    organizations = local.client("organizations")
    [root] = organizations.list_roots()["Roots"]
    unit = organizations.create_organizational_unit(ParentId=root["Id"], Name="senders")["OrganizationalUnit"]["Id"]
    made = organizations.create_account(Email="a@mail.test", AccountName="shop")["CreateAccountStatus"]["AccountId"]
    organizations.move_account(AccountId=made, SourceParentId=root["Id"], DestinationParentId=unit)
    granted = ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"]
    may = world.session.client("organizations", endpoint_url=local.url)
    with local.iam_enforced(), pytest.raises(ClientError):
        may.list_accounts_for_parent(ParentId=unit)
    for action in granted:
        world.allow(ACCOUNT, "monitor", action, "*")
        with local.iam_enforced():
            if action.endswith("AccountsForParent"):
                [account] = may.list_accounts_for_parent(ParentId=unit)["Accounts"]
                assert (account["Id"], account["Name"], account["Status"]) == (made, "shop", "ACTIVE")
            else:
                [found] = may.list_organizational_units_for_parent(ParentId=root["Id"])["OrganizationalUnits"]
                assert found["Id"] == unit
