"""A whole organisation from one deployment: three accounts in two regions, through roles whose permissions are enforced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from ses_reputation.core.fleet import deploy_role_command, is_turn
from ses_reputation.settings import load

from infra import member_role
from local_aws import ses, stack
from local_aws.dashboard import Reader
from local_aws.members import Organization
from local_aws.server import ACCOUNT, LocalAws
from tests.e2e.conftest import HOUR, NOW, QUARTER, Deployment, points, within_a_day

DAY = 96 * QUARTER
START = within_a_day(NOW - DAY)
FIRST = START - QUARTER
"""The first tick lists the accounts and finds their regions, and so does the one a day later."""
REGIONS = ("eu-west-1", "us-east-1")
SETTINGS = """
[alerts]
emails = ["oncall@mail.test"]
[targets]
regions = "discover"
[[accounts]]
id = "{own}"
name = "hub"
[organization]
units = ["{unit}"]
[member_role]
external_id = "ours"
[cause]
look = "off"
"""


class Fleet(Deployment):
    """The deployment, its organisation, and what is played through them."""

    organization: Organization
    template: dict[str, Any]
    senders: dict[tuple[str, str], int | None]  # account and region: when its bad list began
    shop: str  # ids of the accounts that are there from the start, besides the own one
    news: str

    def add(self, name: str, *, role: bool = True) -> str:
        """A new account of the unit, which sends in both regions."""
        account = self.organization.add(name)
        self.senders |= {(account, region): None for region in REGIONS}
        if role:
            self.let_in(account)
        return account

    def let_in(self, account: str) -> None:
        self.organization.deploy_role(account, self.template, [self.outputs["MonitorRoleArn"]])

    def at(self, tick: int) -> dict[str, str]:
        """Play one tick: the watched targets and their verdicts, from the log."""
        for (account, region), bad_from in self.senders.items():
            self.local.ses(region, account).points = points(tick, bad_from=bad_from)
        self.result = self.tick(tick)
        lines = [json.loads(line) for line in self.result.log.splitlines() if line.startswith("{")]
        watched = {line["target"]: line["verdict"] for line in lines if line["message"] == "watched"}
        return {target: verdict for target, verdict in watched.items() if not target.startswith("fleet/")}

    def texts(self) -> str:
        """All emails so far."""
        return "\n".join(sent.body("email") for sent in self.local.sent(self.outputs["PeopleTopicArn"]))


@pytest.fixture(scope="module")
def deployed(local: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    organization = Organization(local)
    file: Path = tmp_path_factory.mktemp("settings") / "settings.toml"
    file.write_text(SETTINGS.format(own=ACCOUNT, unit=organization.unit))
    fleet = Fleet.of(local, stack.deploy(local, file))
    fleet.organization, fleet.template = organization, member_role.template(load(file))
    yield fleet
    fleet.function.close()


@pytest.fixture
def fleet(deployed: Fleet) -> Iterator[Fleet]:
    """A new deployment. Three accounts send, and their regions are found."""
    deployed.forget()
    ses.forget()
    deployed.senders = {(ACCOUNT, region): None for region in REGIONS}
    deployed.shop, deployed.news = deployed.add("shop"), deployed.add("news")
    deployed.at(FIRST)
    yield deployed
    for account in {account for account, _ in deployed.senders} - {ACCOUNT}:
        deployed.organization.remove(account)


def test_every_account_is_watched_in_every_region_it_sends_from_and_each_alert_names_its_account(fleet: Fleet) -> None:
    assert fleet.at(START) == {
        f"{each}/{region}": "OK" for each in (ACCOUNT, fleet.shop, fleet.news) for region in REGIONS
    }
    assert fleet.result.ok and fleet.sent() == []
    fleet.senders[fleet.news, "us-east-1"] = START
    verdicts = fleet.at(START + HOUR)
    assert [target for target, verdict in verdicts.items() if verdict != "OK"] == [f"{fleet.news}/us-east-1"]
    [alert] = fleet.notifications()
    assert (alert["check"], alert["reason"]) == ("bounce", "opened")
    assert (alert["account"], alert["account_name"], alert["region"]) == (fleet.news, "news", "us-east-1")
    assert "news" in fleet.texts() and fleet.news in fleet.texts()


def test_a_role_that_is_lost_is_news_of_its_account_alone_and_its_repair_shows_at_the_next_run(fleet: Fleet) -> None:
    fleet.at(START)
    fleet.organization.delete_role(fleet.news)
    lost = {f"{fleet.news}/{region}" for region in REGIONS}
    verdicts = fleet.at(START + QUARTER)
    assert {target for target, verdict in verdicts.items() if verdict == "UNKNOWN"} == lost
    assert {target for target, verdict in verdicts.items() if verdict == "OK"} == {
        f"{account}/{region}" for account in (ACCOUNT, fleet.shop) for region in REGIONS
    }
    fleet.at(START + 2 * HOUR)
    opened = [(a["check"], a["account"]) for a in fleet.notifications() if a["reason"] == "opened"]
    assert (
        opened == [("unreadable", fleet.news)] * 2
        and deploy_role_command(fleet.local.region, fleet.outputs["MonitorRoleArn"]) in fleet.texts()
    )
    fleet.let_in(fleet.news)
    assert set(fleet.at(START + 2 * HOUR + QUARTER).values()) == {"OK"}
    fleet.at(START + 4 * HOUR)
    assert fleet.sent().count(("unreadable", "resolved")) == 2


def test_a_new_account_is_an_alert_until_it_has_its_role(fleet: Fleet) -> None:
    fleet.at(START)
    site = fleet.add("site", role=False)
    verdicts = fleet.at(FIRST + DAY)
    assert {target: v for target, v in verdicts.items() if target.startswith(site)} == {f"{site}/no region": "UNKNOWN"}
    [alert] = fleet.notifications()
    assert (alert["check"], alert["severity"]) == ("fleet", "warning") and site in fleet.texts()
    fleet.let_in(site)
    fleet.at(FIRST + DAY + QUARTER)
    assert {f"{site}/{region}" for region in REGIONS} <= set(fleet.at(FIRST + DAY + 2 * QUARTER))


def test_an_account_that_leaves_takes_its_open_alert_with_it(fleet: Fleet) -> None:
    fleet.senders[fleet.shop, "us-east-1"] = START
    fleet.at(START + HOUR)
    assert fleet.sent() == [("bounce", "opened")]
    fleet.organization.remove(fleet.shop)
    fleet.at(FIRST + DAY)
    assert fleet.sent() == [("bounce", "opened"), ("bounce", "resolved")] and "no longer watched" in fleet.texts()
    assert not any(target.startswith(fleet.shop) for target in fleet.at(FIRST + DAY + QUARTER))


def test_a_region_that_begins_to_send_is_found_within_a_day(fleet: Fleet) -> None:
    fleet.senders[ACCOUNT, "eu-central-1"] = None
    new = f"{ACCOUNT}/eu-central-1"
    asked = next(tick for tick in range(START, START + DAY, QUARTER) if is_turn(new, tick, QUARTER))
    fleet.at(asked)
    assert fleet.at(asked + QUARTER)[new] == "OK"


def test_an_account_that_hangs_for_ever_delays_no_other(fleet: Fleet) -> None:
    fleet.at(START)
    fleet.senders[ACCOUNT, "us-east-1"] = START
    fleet.local.faults.plant("ses", "GetSendStatistics", account=fleet.news, hang=7)  # given up after 5 seconds
    verdicts = fleet.at(START + HOUR)
    lost = {f"{fleet.news}/{region}" for region in REGIONS}
    assert {target for target, verdict in verdicts.items() if verdict == "UNKNOWN"} == lost
    assert ("bounce", "opened") in fleet.sent()
    fleet.local.faults.clear()
    assert fleet.at(START + HOUR + QUARTER)[f"{fleet.news}/eu-west-1"] == "OK"


def test_the_dashboard_has_the_worst_target_first(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.at(START)
    fleet.senders[fleet.news, "us-east-1"] = START
    fleet.at(START + HOUR)
    for name, value in fleet.local.environment().items():
        monkeypatch.setenv(name, value)
    reader = Reader(boto3.Session(region_name=fleet.local.region), START + 2 * HOUR)
    widgets = {widget.title: widget for widget in reader.widgets("SesReputation-eu-west-1")}
    assert [(widget.title, widget.trouble) for widget in widgets.values() if widget.trouble] == []
    rows = widgets["Every target, worst first"].rows
    assert rows[0]["target"] == f"{fleet.news}/us-east-1" and len(rows) == 7
    counts = {line.label: line.values[-1] for line in widgets["Targets"].lines}
    assert counts["watched"] == 6 and counts["warning"] + counts["critical"] == 1 and counts["unreadable"] == 0
