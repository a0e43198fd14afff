"""Other accounts of the local AWS: an organisation with a unit, and the monitor's role in its accounts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from infra.member_role import STACK

from .server import LocalAws


class Organization:
    """An organisation of the local AWS's own account, with one unit."""

    def __init__(self, local: LocalAws) -> None:
        self.local, self._client = local, local.client("organizations")
        self.id: str = self._client.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        [root] = self._client.list_roots()["Roots"]
        self._root = root["Id"]
        made = self._client.create_organizational_unit(ParentId=self._root, Name="senders")
        self.unit: str = made["OrganizationalUnit"]["Id"]

    def add(self, name: str) -> str:
        """Make an account in the unit; return its id."""
        made = self._client.create_account(Email=f"{name}@mail.test", AccountName=name)["CreateAccountStatus"]
        account: str = made["AccountId"]
        self._client.move_account(AccountId=account, SourceParentId=self._root, DestinationParentId=self.unit)
        return account

    def remove(self, account: str) -> None:
        """Take an account out of the unit."""
        self._client.move_account(AccountId=account, SourceParentId=self.unit, DestinationParentId=self._root)

    def deploy_role(self, account: str, template: Mapping[str, Any], trusted: Sequence[str]) -> None:
        """Deploy the template of the monitor's role into an account, as a stack set does."""
        given = {"TrustedRoles": ",".join(trusted), "OrganizationId": self.id}
        self.local.client("cloudformation", account=account).create_stack(
            StackName=STACK,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )

    def delete_role(self, account: str) -> None:
        """Delete the monitor's role in an account."""
        self.local.client("cloudformation", account=account).delete_stack(StackName=STACK)
