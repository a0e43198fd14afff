"""The sending switches of the local AWS work as those of SES."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from ses_reputation.aws.pause import reference_of, switch
from ses_reputation.core.pause_level import Part

from local_aws.server import LocalAws

ARN = "arn:aws:ses:eu-west-1:123456789012:tenant/acme/tn-1"


def test_each_part_is_switched_off_and_on_idempotently(local: LocalAws) -> None:
    client, account = local.client("sesv2"), local.ses()
    account.sets, account.suppression.gap = {"newsletter": True, "other": True}, 0
    account.suppression.entities = [
        {"ReputationEntityReference": ARN, "ReputationEntityType": "RESOURCE", "ReputationImpact": "HIGH"}
    ]
    assert (reference_of(client, "acme"), reference_of(client, "nobody")) == (ARN, "")
    for on in (False, False, True, True):
        switch(client, Part.SET, "newsletter", "", on=on)
        switch(client, Part.TENANT, "acme", ARN, on=on)
        switch(client, Part.ACCOUNT, "", "", on=on)
        assert account.sets == {"newsletter": on, "other": True} and account.sending is on
        [entity] = account.suppression.entities
        assert entity["SendingStatusAggregate"] == ("ENABLED" if on else "DISABLED")
    assert client.get_account()["SendingEnabled"] is True


@pytest.mark.parametrize("part", [Part.SET, Part.TENANT])
def test_an_unknown_part_cannot_be_switched(local: LocalAws, part: Part) -> None:
    with pytest.raises(ClientError, match="NotFoundException"):
        switch(local.client("sesv2"), part, "gone", ARN.replace("acme", "gone"), on=False)
