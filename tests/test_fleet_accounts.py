"""Who is watched: the organization is listed once a day, and each region that sends is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ses_reputation.aws.store import Item
from ses_reputation.core import state as stored
from ses_reputation.core.fleet import Shard
from ses_reputation.core.history import BUCKET, DAY
from ses_reputation.core.readings import Trouble, Unreadable
from ses_reputation.core.roster import SCHEMA, Report
from ses_reputation.monitor import RunFailed

from tests.fleet_world import BLOG, DISCOVER, HOME, NEWS, NOON, REGIONS, SETTINGS, SHOP, UNITS, World, shards


def test_the_organization_is_listed_daily_and_a_new_account_is_watched() -> None:
    world = World(UNITS)
    world.organization = [(SHOP, "shop")]
    world.run(NOON)
    world.organization = [(SHOP, "shop"), (NEWS, "news")]
    assert f"{NEWS}/eu-west-1" not in world.run(NOON + DAY - BUCKET)
    assert world.run(NOON + DAY)[f"{NEWS}/eu-west-1"] == "OK"
    assert world.notifications == []


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "List"), "AccessDeniedException"),
        (ClientError({"Error": {"Code": "TooManyRequestsException"}}, "List"), "TooManyRequestsException"),
        ([], "no active account in the units"),
    ],
)
def test_an_unreadable_list_keeps_the_last_one_and_is_reported(failure: Any, word: str) -> None:
    world = World(UNITS)
    world.organization = [(SHOP, "shop")]
    world.run(NOON)
    world.organization = failure
    assert world.run(NOON + DAY)[f"{SHOP}/eu-west-1"] == "OK"
    [[document]] = world.sent
    assert document["check"] == "fleet" and word in document["summary"][0]
    world.organization = [(SHOP, "shop"), (NEWS, "news")]
    assert f"{NEWS}/eu-west-1" in world.run(NOON + DAY + BUCKET)  # it does not wait for a day


def test_an_unreadable_first_list_is_reported() -> None:
    world = World(UNITS)
    world.organization = ClientError({"Error": {"Code": "AccessDeniedException"}}, "List")
    world.run(NOON)
    assert world.notifications == ["fleet opened 000 eu-west-1"]


def test_settings_accounts_join_the_organizations() -> None:
    world = World(UNITS + f'[[accounts]]\nid = "{SHOP}"\nname = "our shop"\n')
    world.organization = [(SHOP, "shop-prod"), (NEWS, "news")]
    world.run(NOON)
    assert [(member.account, member.name) for member in world.roster.members] == [(SHOP, "our shop"), (NEWS, "news")]


@pytest.mark.parametrize("text", ["not json", "[]", '{"members": 5}', '{"members": [{"account": 1}]}', '{"later": 1}'])
def test_a_damaged_list_is_rebuilt_and_reported(text: str) -> None:
    world = World()
    world.items["fleet"] = Item(7, 1, text)
    with pytest.raises(RunFailed, match="fleet was unreadable and is made anew"):
        world.run(NOON)
    assert world.items["fleet"].version == 8 and len(world.roster.members) == 2
    assert set(world.run(NOON + BUCKET)) == {f"{SHOP}/eu-west-1", f"{BLOG}/eu-west-1", "fleet/installation"}


def test_a_list_of_a_newer_version_is_not_overwritten() -> None:
    world = World()
    world.items["fleet"] = Item(7, SCHEMA + 1, '{"members": []}')
    with pytest.raises(RunFailed, match=r"fleet was written by a newer version \(schema 2\)"):
        world.run(NOON)
    assert world.items["fleet"].version == 7 and f"{SHOP}/eu-west-1" in world.read_of


def test_without_the_store_the_settings_accounts_are_still_watched() -> None:
    world = World()
    world.faults = {"load fleet", "save fleet"}
    with pytest.raises(RunFailed, match=r"fleet could not be loaded \(InternalFailure\)"):
        world.run(NOON)
    assert sorted(world.read_of) == [f"{SHOP}/eu-west-1", f"{BLOG}/eu-west-1"]


def test_one_failed_read_of_the_list_loses_no_region_and_no_alert() -> None:
    world = World(DISCOVER + SETTINGS)
    world.versions = {SHOP: 0, BLOG: 0}  # old roles are looked at in each run
    world.run(NOON)
    world.run(NOON + BUCKET)
    world.sent.clear()
    before, counts = world.roster, len(world.counts)
    whole, world.senders = world.load, set()

    def once(key: str) -> Item | None:
        if key == "fleet":
            world.load = whole  # type: ignore[method-assign]
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "GetItem")
        return whole(key)

    world.load = once  # type: ignore[method-assign]
    with pytest.raises(RunFailed, match="fleet could not be loaded"):
        world.run(NOON + 2 * BUCKET)
    assert world.roster == before and before.size == 2
    assert len(world.counts) == counts and world.notifications == []


def test_a_shard_that_cannot_load_the_list_is_silent() -> None:
    world = World()
    world.no_role = {SHOP, BLOG}
    for tick in range(2):
        shards(world, NOON + tick * BUCKET, 2)
    assert world.notifications == ["fleet opened 000 eu-west-1"]
    readable = world.items["fleet"]
    for tick in range(2, 12):
        world.items["fleet"] = replace(readable, schema=SCHEMA + 1)
        for each in range(2):
            with pytest.raises(RunFailed, match="fleet was written by a newer version"):
                world.run(NOON + tick * BUCKET, Shard(each, 2))
    assert len(world.counts) == 4
    report = stored.record_from(Report, world.items["fleet/1/2"].text)
    assert report.tick == NOON + BUCKET
    documents = [document for batch in world.sent for document in batch]
    assert {document["reason"] for document in documents} == {"changed"}  # nothing is well
    assert "shard 1 (numbered 0 to 1)" in documents[-1]["summary"][-1]


# -- discovery


def test_a_region_that_starts_to_send_is_found_within_a_day() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.senders = {f"{SHOP}/eu-west-1"}
    world.run(NOON)  # asks
    assert set(world.run(NOON + BUCKET)) == {f"{SHOP}/eu-west-1", "fleet/installation"}
    world.asked.clear()
    world.senders |= {f"{BLOG}/us-east-1"}
    for tick in range(2, 99):
        world.run(NOON + tick * BUCKET)
    assert f"{BLOG}/us-east-1" in world.read_of
    assert world.asked.count(f"{SHOP}/us-east-1") == 1  # each region once a day
    assert all(1 <= world.asked.count(f"{BLOG}/{region}") <= 2 for region in REGIONS)  # with the other, then alone


def test_a_region_idle_for_two_weeks_without_an_alert_is_dropped() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.run(NOON)
    world.run(NOON + BUCKET)
    assert len(world.read_of) == 4
    world.senders = {f"{SHOP}/eu-west-1"}
    for tick in range(2, 99):
        world.run(NOON + 15 * DAY + tick * BUCKET)
    watched = {target.id for target in world.roster.targets(Shard(0, 1))}
    open_alerts = {document["account"] + "/" + document["region"] for batch in world.sent for document in batch}
    assert watched == {f"{SHOP}/eu-west-1"} | (open_alerts - {HOME + "/eu-west-1"})


def test_an_account_without_a_role_is_retried_and_reported_each_run() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.no_role = {SHOP, BLOG}
    world.run(NOON)
    assert world.notifications == ["fleet opened 000 eu-west-1"]
    world.no_role = set()
    world.run(NOON + BUCKET)
    assert len(world.run(NOON + 2 * BUCKET)) == 5


def test_a_lost_role_of_an_idle_account_is_reported_within_a_day() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.senders = set()
    world.run(NOON)
    assert world.roster.members[0].swept and world.roster.size == 0
    world.run(NOON + BUCKET)
    tried_when_idle = len(world.tried)
    world.no_role = {SHOP}
    for tick in range(2, 192):
        world.run(NOON + tick * BUCKET)
    assert tried_when_idle == 0  # an idle account costs nothing but its turn
    assert world.notifications == ["fleet opened 000 eu-west-1", "fleet reminder 000 eu-west-1"]
    world.no_role = set()
    for tick in range(192, 200):
        world.run(NOON + tick * BUCKET)
    assert world.notifications == ["fleet resolved 000 eu-west-1"]


DENIED = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
THROTTLED = Unreadable(Trouble.THROTTLED, "AssumeRole: Throttling")


@pytest.mark.parametrize("why", [DENIED, THROTTLED], ids=["denied", "throttled"])
def test_an_account_of_which_nothing_can_be_read_is_reported(why: Unreadable, caplog: pytest.LogCaptureFixture) -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.unanswered = {SHOP: why}
    if why is THROTTLED:
        world.versions[SHOP] = None
    for tick in range(3):
        verdicts = world.run(NOON + tick * BUCKET)
    [[document]] = world.sent
    assert document["title"] == "WARNING: 1 account not watched: nothing can be read"
    assert document["summary"] == [f"No region has answered, so that nothing is watched there: shop ({SHOP})."]
    assert verdicts[f"{SHOP}/no region"] == "UNKNOWN" and why.detail in repr([r.__dict__ for r in caplog.records])
    counts = {"TargetsWatched": 3, "TargetsUnreadable": 1, "TargetsWarning": 0, "TargetsCritical": 0}
    assert world.counts[-1][1] == counts
    world.sent.clear()
    world.unanswered = {}
    for tick in range(3, 9):
        verdicts = world.run(NOON + tick * BUCKET)
    assert world.notifications == ["fleet resolved 000 eu-west-1"]
    assert {target for target in verdicts if target.startswith(SHOP)} == {f"{SHOP}/{region}" for region in REGIONS}


def test_one_run_without_an_answer_is_no_alert_yet() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.unanswered = {SHOP: THROTTLED}
    world.run(NOON)
    world.unanswered = {}
    world.run(NOON + BUCKET)
    assert world.notifications == [] and len(world.run(NOON + 2 * BUCKET)) == 5


def test_an_account_in_which_one_region_answers_is_not_reported() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.senders = set()
    world.sends = lambda target: DENIED if target.region == "us-east-1" else False  # type: ignore[method-assign]
    for tick in range(3):
        world.run(NOON + tick * BUCKET)
    assert world.notifications == [] and all(member.swept for member in world.roster.members)


def test_an_idle_account_that_nobody_may_read_any_more_is_reported_within_a_day() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.senders = set()
    world.run(NOON)
    world.unanswered = {SHOP: DENIED}
    for tick in range(1, 98):
        world.run(NOON + tick * BUCKET)
    assert world.notifications == ["fleet opened 000 eu-west-1"]


def test_an_account_without_a_role_is_counted_and_logged_though_its_regions_are_not_known() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.no_role = {SHOP}
    world.run(NOON)
    assert world.run(NOON + BUCKET)[f"{SHOP}/no region"] == "UNKNOWN"
    assert (world.counts[-1][1]["TargetsWatched"], world.counts[-1][1]["TargetsUnreadable"]) == (3, 1)


def test_a_bug_while_learning_about_accounts_delays_no_alert() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS[:1])
    world.run(NOON)
    world.run(NOON + BUCKET)
    world.bad = {f"{SHOP}/eu-west-1"}
    world.role_version = lambda account: 1 // 0  # type: ignore[method-assign]
    with pytest.raises(
        RunFailed, match=r"an account could not be looked into \(ZeroDivisionError in test_fleet_accounts.py"
    ):
        for tick in range(2, 99):
            world.run(NOON + tick * BUCKET)
    assert world.notifications == ["bounce opened 111 eu-west-1"]
