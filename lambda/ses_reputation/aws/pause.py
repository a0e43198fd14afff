"""Amazon SES: switch sending of a configuration set, a tenant or the account off and on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.findings import tenant_from
from ..core.pause_level import Part
from .errors import answered

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client


def switch(client: SESV2Client, part: Part, name: str, reference: str, *, on: bool) -> None:
    """Switch sending on or off; once more changes nothing. Raise what botocore raises."""
    with answered():
        match part:
            case Part.SET:
                client.put_configuration_set_sending_options(ConfigurationSetName=name, SendingEnabled=on)
            case Part.TENANT:
                client.update_reputation_entity_customer_managed_status(
                    ReputationEntityType="RESOURCE",
                    ReputationEntityReference=reference,
                    SendingStatus="ENABLED" if on else "DISABLED",
                )
            case Part.ACCOUNT:
                client.put_account_sending_attributes(SendingEnabled=on)


def reference_of(client: SESV2Client, tenant: str) -> str:
    """Look up the ARN of a tenant that SES finds fault with; empty if there is none. Raise what botocore raises, or `BadData`."""
    with answered():
        members = client.list_reputation_entities(Filter={"REPUTATION_IMPACT": "HIGH"}).get("ReputationEntities", [])
    for member in members:
        if tenant_from(member).name == tenant:
            return str(member.get("ReputationEntityReference", ""))
    return ""
