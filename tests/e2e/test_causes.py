"""Who causes an alert, named by the deployed function with the deployed role: every case in a region of its own, all in one run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_aws import stack
from local_aws.runtime import DeployedFunction
from local_aws.schedule import DeployedSchedule
from local_aws.server import LocalAws
from local_aws.suppression import Suppression
from tests.e2e.conftest import HOUR, NOW, points

TICK = NOW // HOUR * HOUR + HOUR  # a full hour, at which SES's own findings are read
BAD_FROM = TICK - 2 * HOUR
BOUNCES = 8 * 60

SETTINGS = """
[alerts]
emails = ["oncall@mail.test"]
[targets]
regions = {regions}
[cause]
look = "samples"
[deployment]
stage = "causes"
"""

Plant = Callable[[Suppression], None]


def message_id(sent: int) -> str:
    return f"01020{sent * 1000:011x}-0000-4000-8000-000000000000-000000"


def bounce(known: Suppression, recipients: list[str], **how: Any) -> None:
    for number, address in enumerate(recipients):
        at = BAD_FROM + number * 2 * HOUR // len(recipients)
        known.event(address, at, message_id(at - 5), **how)


def dead_list(known: Suppression) -> None:
    bounce(known, [f"secret.person{n}@dead-{n // 2}.example" for n in range(BOUNCES)])


def one_domain(known: Suppression) -> None:
    bounce(known, [f"secret.person{n}@Acme.Example" for n in range(BOUNCES)])


def bots(known: Suppression) -> None:
    bounce(known, [f"xq{n}zk{n}vw@gmail.com" for n in range(BOUNCES)])


def imported(known: Suppression) -> None:
    known.import_list([f"secret.person{n}@customer.example" for n in range(1_900)], BAD_FROM + HOUR)


def off_for_the_account(known: Suppression) -> None:
    known.reasons = ["COMPLAINT"]
    dead_list(known)


def off_for_one_set(known: Suppression) -> None:
    known.set_reasons = {"newsletter": []}
    bounce(known, [f"secret.person{n}@dead-{n}.example" for n in range(BOUNCES - 60)], configuration_set="newsletter")
    bounce(known, [f"secret.other{n}@acme-{n}.example" for n in range(60)])


def many_thousand(known: Suppression) -> None:
    known.import_list([f"secret.person{n}@customer-{n % 700}.example" for n in range(25_000)], BAD_FROM + HOUR)


def expiring_token(known: Suppression) -> None:
    known.expiring = 1
    known.import_list([f"secret.old{n}@before.example" for n in range(1_500)], BAD_FROM - 3 * HOUR)
    bounce(known, [f"secret.person{n}@acme.example" for n in range(BOUNCES)])


def throttled(known: Suppression) -> None:
    known.gap = 1_000_000.0
    dead_list(known)
    known._served = dict.fromkeys(
        ("ListSuppressedDestinations", "ListReputationEntities", "ListRecommendations"), time.monotonic()
    )


def hostile(known: Suppression) -> None:
    names = ["ÄÖ.Müller+secret", "o'hara/secret", "JANE.SECRET", "用户secret", "secret\n\tline"]
    bounce(known, [f"{names[n % 5]}{n}@MÜNCHEN.example" for n in range(BOUNCES)])


def complaints(known: Suppression) -> None:
    for n in range(90):
        at = BAD_FROM + n * 80
        known.event(f"secret.person{n}@yahoo.com", at, message_id(BAD_FROM - HOUR + n), reason="COMPLAINT")


def tenants(known: Suppression) -> None:
    arn = "arn:aws:ses:ca-central-1:123456789012:tenant/acme/tn-1"
    known.entities = [
        {
            "ReputationEntityReference": arn,
            "ReputationEntityType": "RESOURCE",
            "ReputationImpact": "HIGH",
            "SendingStatusAggregate": "DISABLED",
            "AwsSesManagedStatus": {"Status": "DISABLED", "Cause": "bounces of secret.person@corp.example"},
        }
    ]
    known.lists["acme"] = {}
    bounce(known, [f"secret.person{n}@dead-{n}.example" for n in range(BOUNCES)], tenant="acme")


CASES: dict[str, tuple[str, Plant, str]] = {
    "dead list": ("us-east-1", dead_list, "Likely an old or bought list. 480 of the 504 bounces of this window"),
    "one domain": ("us-east-2", one_domain, "Likely refused by acme.example"),
    "bots": ("us-west-1", bots, "Likely a sign-up form abused by bots"),
    "import": ("us-west-2", imported, "The suppression list was imported into"),
    "off for the account": ("eu-west-1", off_for_the_account, "Suppression is off"),
    "off for one set": ("eu-west-2", off_for_one_set, "Suppression is off"),
    "25,000 entries": ("eu-west-3", many_thousand, "so it does not show who causes this. At least 3,000 new addresses"),
    "expiring token": (
        "eu-north-1",
        expiring_token,
        "Likely refused by acme.example. 480 of the 504 bounces of this window",
    ),
    "denied": (
        "eu-south-1",
        dead_list,
        "The cause is not clear. Not visible: the role may not list suppressed addresses",
    ),
    "throttled": ("eu-central-1", throttled, "The cause is not clear. Not visible: suppressed addresses (throttled)"),
    "hostile addresses": ("sa-east-1", hostile, "Likely refused by xn--mnchen-3ya.example"),
    "complaints": ("ap-south-1", complaints, "Likely one job or campaign. 90 of the"),
    "tenants": ("ca-central-1", tenants, "Most come through tenant acme"),
}
"""Region of each case, what SES knows there, and what the notification must say."""


class Played:
    """Results of one run of the deployed function."""

    def __init__(self, local: LocalAws, outputs: dict[str, str], seconds: float) -> None:
        self.seconds = seconds
        sent = local.sent(outputs["PeopleTopicArn"])
        self.bodies = [message.body(protocol) for message in sent for protocol in ("sqs", "email")]
        self.documents = [d for m in sent for d in json.loads(m.body("sqs"))["notifications"]]
        table = local.client("dynamodb").scan(TableName=outputs["StateTableName"])["Items"]
        self.state = json.dumps(table, default=str, ensure_ascii=False)
        logs = local.client("logs")
        self.log = ""
        for group in logs.describe_log_groups()["logGroups"]:
            events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
            self.log += "\n".join(event["message"] for event in events)
        self.metrics = json.dumps(local.client("cloudwatch").list_metrics()["Metrics"], default=str)

    def of(self, case: str) -> dict[str, Any]:
        check = "complaint" if case == "complaints" else "bounce"
        [found] = [d for d in self.documents if (d["region"], d["check"]) == (CASES[case][0], check)]
        return dict(found)


@pytest.fixture(scope="module")
def played(local: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    settings = Path(tmp_path_factory.mktemp("causes")) / "settings.toml"
    settings.write_text(SETTINGS.format(regions=json.dumps([region for region, _, _ in CASES.values()])))
    outputs = stack.deploy(local, settings)
    function = DeployedFunction(local, outputs["FunctionName"])
    before = {region: vars(local.ses(region)).copy() for region, _, _ in CASES.values()}
    for case, (region, plant, _) in CASES.items():
        account = local.ses(region)
        account.suppression = Suppression(gap=0.0)
        plant(account.suppression)
        account.points = points(
            TICK, bad_from=None if case == "complaints" else BAD_FROM, days=2
        )  # metrics of more take moto minutes
        for point in account.points if case == "complaints" else ():
            point["Complaints"] = 12 if point["Timestamp"] >= datetime.fromtimestamp(BAD_FROM, UTC) else 0
    how = {"region": CASES["denied"][0], "status": 403, "code": "AccessDeniedException"}
    local.faults.plant("ses", "ListSuppressedDestinations", **how)
    started = time.monotonic()
    result = DeployedSchedule(local, outputs["ScheduleName"], function).fire(TICK)[-1]
    seconds = time.monotonic() - started
    assert result.ok, result.log + str(result.payload)
    yield Played(local, outputs, seconds)
    function.close()
    local.faults.clear()
    for region, known in before.items():
        vars(local.ses(region)).update(known)


@pytest.mark.parametrize("case", CASES)
def test_the_notification_names_who_causes_it(played: Played, case: str) -> None:
    assert CASES[case][2] in played.of(case)["cause"]


def test_all_targets_are_done_within_the_bounds_of_two_rounds(played: Played) -> None:
    assert played.seconds < 2 * (15 + 15) + 10


def test_a_tenant_that_aws_paused_is_an_alert_of_its_own(played: Played) -> None:
    [found] = [d for d in played.documents if d["check"] == "findings"]
    assert (found["region"], found["severity"]) == ("ca-central-1", "critical")
    assert found["summary"] == ['Tenant acme: paused by AWS ("bounces of …@corp.example").']


@pytest.mark.parametrize("place", ["bodies", "state", "log", "metrics"])
def test_no_address_is_anywhere(played: Played, place: str) -> None:
    text = str(getattr(played, place)).replace("…@", "").replace("\\u2026@", "")
    assert "@" not in text and "secret" not in text.lower().replace("secretsmanager", "")
