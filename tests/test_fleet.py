"""A monitor of many accounts: which are watched, what is reported about the rest, and no account or shard disturbs another."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Event
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from ses_reputation.aws.store import Item, Overtaken
from ses_reputation.channels import for_every_route
from ses_reputation.core import state as stored
from ses_reputation.core.checks.base import Context
from ses_reputation.core.decide import Gauge, Plan
from ses_reputation.core.fleet import ROLE_VERSION, WHOLE, Installation, Shard, is_turn
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant, Point
from ses_reputation.core.notification import LONGEST_TEXT, Document, summary_of
from ses_reputation.core.notification import test_notification as a_test_alert
from ses_reputation.core.pause_record import PauseReading
from ses_reputation.core.readings import Audience, Readings, Trouble, Unreadable
from ses_reputation.core.roster import SCHEMA, Report, Roster
from ses_reputation.core.rules import default_policy
from ses_reputation.core.target import Target
from ses_reputation.fleet import FleetMonitor
from ses_reputation.fleet_accounts import FleetAccounts
from ses_reputation.monitor import BadEvent, RunFailed, shard_of
from ses_reputation.run import Channel, Edges, Explained, Tick, look_at_all
from ses_reputation.settings import parse

NOON = 1_738_411_200  # 2025-02-01T12:00:00Z
HOME, SHOP, BLOG, NEWS = "000000000000", "111111111111", "222222222222", "333333333333"
NO_ROLE = Unreadable(Trouble.ROLE, "AssumeRole: AccessDenied")
BASE = """
[volume]
silence = false
spike = 0
[alerts]
emails = ["oncall@mail.test"]
[member_role]
external_id = "ours"
"""
SETTINGS = f"""{BASE}
[[accounts]]
id = "{SHOP}"
name = "shop"
[[accounts]]
id = "{BLOG}"
"""
UNITS = f"""{BASE}
[organization]
units = ["r-ab12"]
"""
DISCOVER = '[targets]\nregions = "discover"\n'
REGIONS = ("eu-west-1", "us-east-1")


class World:
    """Accounts, an organization, a store and recipients; faults are planted by name."""

    def __init__(self, settings: str = SETTINGS, regions: Sequence[str] = REGIONS[:1]) -> None:
        self.text, self.regions = settings, regions
        self.organization: list[tuple[str, str]] | Exception = []
        self.no_role: set[str] = set()
        self.versions: dict[str, int | None] = {}
        self.senders: set[str] | None = None  # ids of targets that send; None: all
        self.bad: set[str] = set()  # ids of targets with a bad list
        self.broken: set[str] = set()  # ids of targets at which the monitor itself breaks
        self.items: dict[str, Item] = {}
        self.faults: set[str] = set()
        self.sent: list[list[Document]] = []
        self.read_of: list[str] = []
        self.tried: set[str] = set()
        self.hanging: set[str] = set()  # ids of targets that do not answer before `released`
        self.released = Event()
        self.asked: list[str] = []
        self.unanswered: dict[str, Unreadable] = {}  # accounts of which no region says what was sent
        self.gauged: set[str] = set()
        self.counts: list[tuple[int, Mapping[str, int]]] = []
        self.channels = [Channel("people", 12, self.send)]
        self.summaries: list[list[Document]] = []
        self.when_saving: Callable[[str], None] = lambda _: None

    @property
    def monitor(self) -> FleetMonitor:
        settings = parse(self.text)
        return FleetMonitor(
            settings,
            (Installation(HOME, "eu-west-1"),),
            Edges(self.never, self.put_gauges, self, self.channels),
            Context(home="eu-west-1"),
            lambda: Audience(1, 0, 1),
            fleet_accounts=FleetAccounts(settings, self.list_accounts, self.regions, str(hash(self.text))),
            open_accounts=lambda: self,
            put_counts=lambda shard, at, counts: self.counts.append((shard.number, counts)),
        )

    def run(self, now: Instant, shard: Shard = WHOLE, milliseconds: int = 600_000) -> dict[str, Any]:
        self.read_of.clear()
        self.tried.clear()
        return self.monitor.run(now, lambda: milliseconds, shard)

    # -- what the monitor calls

    def list_accounts(self) -> Sequence[tuple[str, str]]:
        if isinstance(self.organization, Exception):
            raise self.organization
        return self.organization

    def never(self, target: Target, now: Instant) -> Readings:
        raise AssertionError("read outside of the accounts")

    def read(self, target: Target, now: Instant) -> Readings:
        self.read_of.append(target.id)
        if target.id in self.hanging:
            self.released.wait(30)
        if target.id in self.broken:
            raise RuntimeError("planted")
        if target.account in self.no_role:
            return Readings(NO_ROLE)
        if self.senders is not None and target.id not in self.senders:
            return Readings(())
        bad = target.id in self.bad
        sparse = range(NOON - 16 * DAY, NOON - HOUR, 6 * HOUR)  # quick to evaluate
        dense = range(NOON - HOUR, NOON + 2 * HOUR, BUCKET)
        late = range(NOON + 2 * HOUR, now, 6 * HOUR)
        made = (Point(at, 400, 60 if bad and at >= NOON else 4) for at in (*sparse, *dense, *late))
        return Readings(tuple(point for point in made if now - 14 * DAY <= point.at < now))

    def explained(self, explain: Callable[[Plan], Explained], plan: Plan) -> Explained:
        return explain(plan)

    def refuses(self, account: str) -> bool:
        self.tried.add(account)
        return account in self.no_role

    def refused(self) -> set[str]:
        return self.tried & self.no_role

    def sends(self, target: Target) -> bool | Unreadable:
        self.asked.append(target.id)
        if target.account in self.unanswered:
            return self.unanswered[target.account]
        return self.senders is None or target.id in self.senders

    def role_version(self, account: str) -> int | None:
        return self.versions.get(account, ROLE_VERSION)

    def put_gauges(self, target: Target, gauges: Sequence[Gauge]) -> None:
        self.gauged.add(target.id)

    def load(self, key: str) -> Item | None:
        if f"load {key}" in self.faults:
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "GetItem")
        return self.items.get(key)

    def save(self, key: str, new: Item) -> None:
        if f"save {key}" in self.faults:
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "PutItem")
        self.when_saving(key)
        there = self.items.get(key)
        if (0 if there is None else there.version) != new.version - 1:
            raise Overtaken(there)
        self.items[key] = new

    def send(self, documents: Sequence[Document]) -> None:
        self.sent.append(list(documents))

    # -- what is asserted

    @property
    def notifications(self) -> list[str]:
        """Notifications since the last look."""
        notifications = [
            f"{d['check']} {d['reason']} {d['account'][:3]} {d['region']}" for batch in self.sent for d in batch
        ]
        self.sent.clear()
        return notifications

    @property
    def roster(self) -> Roster:
        return stored.record_from(Roster, self.items["fleet"].text)


def test_every_account_is_watched_in_every_region_and_counted() -> None:
    world = World(regions=REGIONS)
    verdicts = world.run(NOON)
    assert verdicts == {
        f"{SHOP}/eu-west-1": "OK",
        f"{SHOP}/us-east-1": "OK",
        f"{BLOG}/eu-west-1": "OK",
        f"{BLOG}/us-east-1": "OK",
        "fleet/installation": "NO_DATA",
    }
    counts = {"TargetsWatched": 4, "TargetsUnreadable": 0, "TargetsWarning": 0, "TargetsCritical": 0}
    assert world.counts == [(0, counts)] and world.notifications == []


def test_an_alert_names_its_account_and_a_bug_stays_local() -> None:
    world = World()
    world.run(NOON)
    world.bad, world.broken = {f"{SHOP}/eu-west-1"}, {f"{BLOG}/eu-west-1"}
    with pytest.raises(RunFailed, match=rf"^{BLOG}/eu-west-1: the monitor itself failed \(RuntimeError\)$"):
        world.run(NOON + 4 * BUCKET)
    [[document]] = world.sent
    assert document["title"].endswith("(shop)") and document["account_name"] == "shop"
    assert {"name": "Account", "text": f"shop, {SHOP}, eu-west-1"} in document["facts"]
    assert f"--account {SHOP} --region eu-west-1" in document["command"]["text"]


def test_accounts_without_a_working_role_yet_share_one_alert() -> None:
    world = World(regions=REGIONS)
    world.no_role = {SHOP, BLOG}
    assert set(world.run(NOON).values()) == {"UNKNOWN", "WARNING"}
    assert world.notifications == ["fleet opened 000 eu-west-1"]
    assert world.counts[0][1]["TargetsUnreadable"] == 4
    assert not any(key.startswith(SHOP) for key in world.items)  # no state, hence no alert of its own
    world.no_role = {BLOG}
    assert world.run(NOON + BUCKET)[f"{SHOP}/eu-west-1"] == "OK"  # tried again at each run
    assert world.notifications == []
    world.no_role = set()
    for tick in range(2, 8):
        world.run(NOON + tick * BUCKET)
    assert world.notifications == ["fleet resolved 000 eu-west-1"]


def test_a_role_that_stops_working_is_an_alert_of_each_target() -> None:
    world = World(regions=REGIONS)
    world.run(NOON)
    world.no_role = {SHOP}
    world.run(NOON + BUCKET)
    commands = [document["command"]["text"] for batch in world.sent for document in batch]
    assert all(command.endswith("--region eu-west-1") for command in commands)  # the stack of the role stands there
    assert sorted(world.notifications) == ["unreadable opened 111 eu-west-1", "unreadable opened 111 us-east-1"]
    world.no_role = set()
    for tick in range(2, 8):
        world.run(NOON + tick * BUCKET)
    assert sorted(world.notifications) == ["unreadable resolved 111 eu-west-1", "unreadable resolved 111 us-east-1"]


def test_without_the_store_an_unknown_role_fails_the_run() -> None:
    world = World()
    world.no_role = {SHOP}
    world.faults = {f"load {SHOP}/eu-west-1"}
    with pytest.raises(RunFailed, match=rf"{SHOP}/eu-west-1: the state could not be read"):
        world.run(NOON)
    assert world.notifications == ["fleet opened 000 eu-west-1"]


def test_an_old_role_is_reported_until_it_is_updated() -> None:
    world = World()
    world.versions = {SHOP: 0, BLOG: None}
    for tick in range(96):  # once a day
        world.run(NOON + tick * BUCKET)
    [[document]] = world.sent
    assert document["summary"] == [
        f"The role is of an older version or for other settings, so that a right may be missing: shop ({SHOP})."
    ]
    assert [member.role for member in world.roster.members] == [0, None]
    world.sent.clear()
    world.versions = {}
    world.run(NOON + 96 * BUCKET)
    assert world.roster.members[0].role == ROLE_VERSION


# -- the list of accounts


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


# -- removed targets


def test_a_removed_account_closes_its_open_alert_once() -> None:
    world = World()
    world.run(NOON)
    world.bad = {f"{SHOP}/eu-west-1"}
    world.run(NOON + 4 * BUCKET)
    assert world.notifications == ["bounce opened 111 eu-west-1"]
    world.text = SETTINGS.replace(f'[[accounts]]\nid = "{SHOP}"\nname = "shop"\n', "")
    verdicts = world.run(NOON + 5 * BUCKET)
    [[document]] = world.sent
    assert document["title"] == "UNKNOWN: SES in eu-west-1 is no longer watched (shop)"
    assert document["kind"] == "resolved" and document["what_is_new"].startswith("Closed after")
    assert document["first_steps"] == [] and document["command"] is None
    assert verdicts[f"{BLOG}/eu-west-1"] == "OK"
    world.sent.clear()
    world.run(NOON + 6 * BUCKET)
    world.run(NOON + 7 * BUCKET)
    assert world.sent == [] and world.roster.leaving == ()
    assert f"{SHOP}/eu-west-1" not in world.read_of


def test_a_closing_message_that_cannot_be_sent_waits_for_the_next_run() -> None:
    world = World()
    world.run(NOON)
    world.bad = {f"{SHOP}/eu-west-1"}
    world.run(NOON + 4 * BUCKET)
    world.sent.clear()
    world.text = SETTINGS.replace(f'[[accounts]]\nid = "{SHOP}"\nname = "shop"\n', "")
    whole, world.channels = world.channels, [Channel("people", 12, refuse)]
    with pytest.raises(RunFailed, match="could not be sent"):
        world.run(NOON + 5 * BUCKET)
    world.channels = whole
    world.run(NOON + 6 * BUCKET)
    assert world.notifications == ["bounce resolved 111 eu-west-1"]


@pytest.mark.parametrize(
    ("schema", "text", "why"),
    [
        (stored.SCHEMA + 1, None, r"written by a newer version \(schema 4\)"),
        (stored.SCHEMA, '{"tick": "now"}', "if nobody needs it, delete it from the table"),
    ],
    ids=["newer", "damaged"],
)
def test_an_alert_that_cannot_be_closed_fails_every_run(schema: int, text: str | None, why: str) -> None:
    world, shop = World(), f"{SHOP}/eu-west-1"
    world.run(NOON)
    world.bad = {shop}
    world.run(NOON + 4 * BUCKET)
    there = world.items[shop]
    world.items[shop] = unusable = replace(there, schema=schema, text=there.text if text is None else text)
    world.text = SETTINGS.replace(f'[[accounts]]\nid = "{SHOP}"\nname = "shop"\n', "")
    world.sent.clear()
    for tick in (5, 6, 7):
        with pytest.raises(RunFailed, match=rf"the alerts of {shop}, no longer watched, could not be closed: .*{why}"):
            world.run(NOON + tick * BUCKET)
    assert world.items[shop] == unusable and len(world.roster.leaving) == 1 and world.sent == []
    world.items[shop] = there
    world.run(NOON + 8 * BUCKET)
    assert world.notifications == ["bounce resolved 111 eu-west-1"]


def refuse(documents: Sequence[Document]) -> None:
    raise ClientError({"Error": {"Code": "InternalFailure"}}, "Publish")


def test_an_account_that_returns_continues() -> None:
    world = World()
    world.run(NOON)
    whole = world.text
    world.text = SETTINGS.replace(f'[[accounts]]\nid = "{SHOP}"\nname = "shop"\n', "")
    world.run(NOON + BUCKET)
    world.text = whole
    assert world.run(NOON + 2 * BUCKET)[f"{SHOP}/eu-west-1"] == "OK"
    assert world.notifications == []


def test_an_account_that_returns_while_it_is_closed_is_only_watched() -> None:
    world = World(DISCOVER + SETTINGS)
    world.run(NOON)
    world.run(NOON + BUCKET)
    world.bad = {f"{SHOP}/eu-west-1"}
    world.run(NOON + 4 * BUCKET)
    assert world.notifications == ["bounce opened 111 eu-west-1"]
    whole, channels = world.text, world.channels
    world.text = whole.replace(f'[[accounts]]\nid = "{SHOP}"\nname = "shop"\n', "")
    world.channels = [Channel("people", 12, refuse)]
    with pytest.raises(RunFailed, match="could not be sent"):
        world.run(NOON + 5 * BUCKET)
    world.text, world.channels = whole, channels
    for tick in range(6, 12):
        world.run(NOON + tick * BUCKET)
    assert world.notifications == ["bounce opened 111 eu-west-1", "bounce resolved 111 eu-west-1"]  # each once
    assert world.roster.leaving == ()


def test_a_run_that_learns_brings_no_region_back_that_the_settings_took() -> None:
    world = World(SETTINGS, REGIONS)
    shards(world, NOON, 2)
    [number] = [number for number in range(2) if Shard(number, 2).has(SHOP)]
    turn = next(tick for tick in range(1, 97) if is_turn(SHOP, NOON + tick * BUCKET, BUCKET))

    def version(account: str) -> int:
        world.role_version = lambda account: ROLE_VERSION  # type: ignore[method-assign]
        world.regions, world.text = REGIONS[:1], SETTINGS + "\n"  # a deployment meanwhile
        world.run(NOON + turn * BUCKET, Shard(0, 2))
        return 0

    world.role_version = version  # type: ignore[method-assign]
    world.run(NOON + turn * BUCKET, Shard(number, 2))
    assert [member.regions for member in world.roster.members] == [REGIONS[:1]] * 2
    assert {target.id for target in world.roster.closing(WHOLE)} <= {f"{SHOP}/us-east-1", f"{BLOG}/us-east-1"}


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
    with pytest.raises(RunFailed, match=r"an account could not be looked into \(ZeroDivisionError in test_fleet.py"):
        for tick in range(2, 99):
            world.run(NOON + tick * BUCKET)
    assert world.notifications == ["bounce opened 111 eu-west-1"]


# -- shards


def shards(world: World, now: Instant, of: int) -> None:
    for number in range(of):
        world.run(now, Shard(number, of))


def test_changing_the_number_of_shards_keeps_every_state() -> None:
    listed = "".join(f'[[accounts]]\nid = "{number:012}"\n' for number in range(1, 9))
    world = World(UNITS.replace('[organization]\nunits = ["r-ab12"]\n', listed), REGIONS)
    for tick, of in enumerate((1, 4, 3, 1)):
        watched: list[str] = []
        for number in range(of):
            world.run(NOON + tick * BUCKET, Shard(number, of))
            watched += world.read_of
        assert len(watched) == len(set(watched)) == 16
    assert sum(not key.startswith("fleet") for key in world.items) == 16
    assert world.notifications == []


def test_both_regions_of_an_account_are_in_one_shard() -> None:
    assert all(sum(Shard(number, 4).has(account) for number in range(4)) == 1 for account in (SHOP, BLOG, NEWS))


def test_a_silent_shard_is_reported_by_the_first_until_it_returns() -> None:
    world = World()
    for tick in range(4):
        shards(world, NOON + tick * BUCKET, 2)
    for tick in range(4, 9):
        world.run(NOON + tick * BUCKET, Shard(0, 2))
    assert world.notifications == ["fleet opened 000 eu-west-1"]
    for tick in range(9, 16):
        shards(world, NOON + tick * BUCKET, 2)
    assert world.notifications == ["fleet resolved 000 eu-west-1"]


def test_a_shard_that_never_ran_is_reported_too() -> None:
    world = World()
    for tick in range(5):
        world.run(NOON + tick * BUCKET, Shard(0, 2))
    assert world.notifications == ["fleet opened 000 eu-west-1"]


def test_an_earlier_number_of_shards_leaves_no_silent_one() -> None:
    world = World()
    world.no_role = {SHOP, BLOG}
    for tick in range(3):
        shards(world, NOON + tick * BUCKET, 4)
    world.no_role = set()
    for tick in range(3, 40):
        shards(world, NOON + tick * BUCKET, 2)
    assert world.notifications == ["fleet opened 000 eu-west-1", "fleet resolved 000 eu-west-1"]
    for tick in range(40, 50):
        shards(world, NOON + tick * BUCKET, 4)
    assert world.notifications == []
    for tick in range(50, 55):
        world.run(NOON + tick * BUCKET, Shard(0, 2))  # now the second one is missing
    assert world.notifications == ["fleet opened 000 eu-west-1"]


def test_a_shard_without_a_list_of_accounts_fails_and_reports_nothing() -> None:
    world = World()
    with pytest.raises(RunFailed, match="there is no list of accounts to use: the first shard makes it"):
        world.run(NOON, Shard(1, 2))
    assert world.items == {} and world.counts == []


def test_two_shards_that_learn_at_the_same_time_lose_nothing() -> None:
    world = World(DISCOVER + SETTINGS, REGIONS)
    world.senders = set()
    shards(world, NOON, 2)
    text = world.roster

    def other(key: str) -> None:
        if key == "fleet":
            world.when_saving = lambda _: None
            item = world.items["fleet"]
            world.items["fleet"] = Item(item.version + 1, 1, item.text)

    world.senders = None
    world.when_saving = other
    for tick in range(1, 97):
        shards(world, NOON + tick * BUCKET, 2)
    assert text.size == 0 and world.roster.size == 4


def test_a_shard_that_overlaps_itself_sends_nothing_twice() -> None:
    world = World()
    world.run(NOON)
    world.bad = {f"{SHOP}/eu-west-1"}

    def meanwhile(key: str) -> None:
        if key == "fleet/0/1":  # the same event once more, while this run stores its report
            world.when_saving = lambda _: None
            world.run(NOON + 4 * BUCKET)

    world.when_saving = meanwhile
    world.run(NOON + 4 * BUCKET)
    world.run(NOON + 4 * BUCKET)
    assert world.notifications == ["bounce opened 111 eu-west-1"]
    world.run(NOON + 5 * BUCKET)
    assert world.notifications == []


@pytest.mark.parametrize(
    "event",
    [
        {"shard": 4, "of": 4},
        {"shard": -1, "of": 4},
        {"shard": 0, "of": 0},
        {"shard": 0},
        {"of": 4},
        {"shard": "0", "of": 4},
        {"shard": True, "of": 4},
        {"shard": 0, "of": 101},
        {"shard": 0.0, "of": 1},
    ],
)
def test_a_shard_out_of_range_is_a_bad_event(event: dict[str, Any]) -> None:
    with pytest.raises(BadEvent, match="nothing was done"):
        shard_of(event)


def test_an_event_without_a_shard_covers_all() -> None:
    assert shard_of({"now": "2025-02-04T10:30:00Z"}) == Shard(0, 1)
    assert shard_of({"shard": 3, "of": 4}) == Shard(3, 4)


# -- time


def test_targets_not_reached_are_reported_and_come_first_next_time() -> None:
    listed = "".join(f'[[accounts]]\nid = "{number:012}"\n' for number in range(1, 13))
    world = World(UNITS.replace('[organization]\nunits = ["r-ab12"]\n', listed))
    world.run(NOON)
    world.hanging = {f"{12:012}/eu-west-1"}
    with pytest.raises(RunFailed, match="could not be looked at in time"):
        world.run(NOON + BUCKET, milliseconds=62_000)  # two seconds more than the delivery takes
    world.released.set()
    assert "fleet opened 000 eu-west-1" in world.notifications
    report = stored.record_from(Report, world.items["fleet/0/1"].text)
    assert report.not_reached == (f"{12:012}/eu-west-1",)
    world.run(NOON + 2 * BUCKET)
    assert world.read_of[0] == f"{12:012}/eu-west-1"


def test_single_targets_have_metrics_up_to_the_limit_only() -> None:
    world = World("[targets]\nmetrics_up_to = 3\n" + SETTINGS, REGIONS)
    world.run(NOON)
    assert world.gauged == set()
    world.text += f'[[overrides]]\naccounts = ["{SHOP}"]\nregions = ["us-east-1"]\nmetrics = true\n'
    world.run(NOON + BUCKET)
    assert world.gauged == {f"{SHOP}/us-east-1"}


def test_a_target_is_evaluated_by_its_own_policy() -> None:
    lax = "{ warning = 0.08, critical = 0.09, rules = [{ hours = 24, above = 0.08 }, "
    lax += '{ hours = 24, above = 0.09, severity = "critical" }] }'
    world = World(SETTINGS + f'[[overrides]]\naccounts = ["{BLOG}"]\nbounce = {lax}\n')
    world.run(NOON)
    world.bad = {f"{SHOP}/eu-west-1", f"{BLOG}/eu-west-1"}
    world.run(NOON + HOUR)
    assert world.notifications == ["bounce opened 111 eu-west-1"]


def test_subscriptions_are_read_once_a_day_for_the_installation() -> None:
    world = World()
    monitor = world.monitor
    asked: list[int] = []

    def audience() -> Audience:
        asked.append(1)
        return Audience(1, 1, 1)

    object.__setattr__(monitor, "audience", audience)
    for tick in range(96):
        monitor.run(NOON + tick * BUCKET, lambda: 600_000)
    assert len(asked) == 1 and world.notifications == ["subscribers opened 000 eu-west-1"]


def test_a_test_alert_belongs_to_the_installation() -> None:
    world = World()
    assert world.monitor.handle({"test_alert": True}, lambda: 600_000)["sent"] == ["people"]
    assert world.notifications == ["test opened 000 eu-west-1"]


def test_a_test_alert_of_an_account_reaches_its_recipients() -> None:
    world = World()
    world.monitor.handle({"test_alert": True, "account": SHOP}, lambda: 600_000)
    [[document]] = world.sent
    assert (document["account"], document["account_name"]) == (SHOP, "shop")


def test_a_test_alert_of_an_account_reaches_no_other_accounts_route() -> None:
    routes = parse(
        f'{SETTINGS}[[routes]]\naccounts = ["{SHOP}"]\nregions = ["us-east-1"]\nemails = ["shop@mail.test"]\n'
        f'[[routes]]\naccounts = ["{BLOG}"]\nemails = ["blog@mail.test"]\n'
    ).routes
    world = World()
    for event in ({"account": SHOP}, {}):
        world.monitor.handle({"test_alert": True, **event}, lambda: 600_000)
    shop, anybody = (for_every_route(batch, routes) for batch in world.sent)
    assert shop["account"] == [SHOP] and shop["region"] == ["eu-west-1", "us-east-1"]
    assert anybody["account"] == [HOME, SHOP, BLOG]


@pytest.mark.parametrize("event", [{"account": "shop"}, {"account": 1}, {"account": SHOP, "region": "eu-west-1"}])
def test_a_test_alert_of_an_unknown_account_is_a_bad_event(event: dict[str, Any]) -> None:
    with pytest.raises(BadEvent):
        World().monitor.handle({"test_alert": True, **event}, lambda: 600_000)


# -- very many at once


BAD_REQUEST: Any = {"HTTPStatusCode": 400}


def many(world: World, accounts: int, refused: Callable[[Sequence[Document]], None] | None = None) -> World:
    """A world in which every account has a bad list, with a summary for people and everything for programs."""
    listed = "".join(f'[[accounts]]\nid = "{number:012}"\n' for number in range(1, accounts + 1))
    world.text = UNITS.replace('[organization]\nunits = ["r-ab12"]\n', listed)
    summarise = refused or (lambda documents: world.summaries.append(list(documents)))
    world.channels = [Channel("people", 12, world.send, summarise=summarise), Channel("programs", 12, world.send)]
    world.run(NOON)
    world.bad = {f"{number:012}/eu-west-1" for number in range(1, accounts + 1)}
    world.run(NOON + 4 * BUCKET)
    return world


def test_up_to_ten_notifications_are_listed_in_one_message() -> None:
    world = many(World(), 10)
    assert [len(batch) for batch in world.sent] == [10, 10] and world.summaries == []


def test_more_than_ten_are_a_summary_for_people() -> None:
    world = many(World(), 14)
    assert [len(batch) for batch in world.sent] == [12, 2]
    assert [len(batch) for batch in world.summaries] == [14]
    assert all(stored.from_text(item.text).outbox == () for key, item in world.items.items() if key[0] == "0")
    world.sent.clear()
    world.run(NOON + 5 * BUCKET)
    assert world.sent == [] and len(world.summaries) == 1


def summarised(accounts: int, name: str = "") -> Document:
    document = a_test_alert(Target(SHOP, "eu-west-1", ""), NOON, default_policy(), Context())
    each = [
        document | {"account": f"{n:012}", "account_name": f"{name}{n}" if name else "", "title": "T"}
        for n in range(accounts)
    ]
    return summary_of(each, "eu-west-1")


@pytest.mark.parametrize("name", ["", "team-of-the-shop-"])
@pytest.mark.parametrize("accounts", [14, 1_000, 2_000])
def test_a_summary_names_every_account_within_the_limits_of_sns(accounts: int, name: str) -> None:
    made = summarised(accounts, name)
    text = " ".join(made["summary"])
    assert all(f"{n:012}" in text for n in range(accounts))
    assert max(map(len, made["summary"])) <= LONGEST_TEXT and len(json.dumps(made)) < 60_000


def test_the_summaries_of_two_shards_have_different_ids() -> None:
    world = World()
    listed = "".join(f'[[accounts]]\nid = "{number:012}"\n' for number in range(1, 41))
    world.text = UNITS.replace('[organization]\nunits = ["r-ab12"]\n', listed)
    world.channels = [Channel("people", 12, world.send, summarise=lambda each: world.summaries.append(list(each)))]
    world.no_role = {f"{number:012}" for number in range(1, 41)}
    world.items = {f"{account}/eu-west-1": Item(1, stored.SCHEMA, "") for account in world.no_role}
    with contextlib.suppress(RunFailed):
        world.run(NOON, Shard(0, 2))
    with contextlib.suppress(RunFailed):
        world.run(NOON, Shard(1, 2))
    first, second = (summary_of(each, "eu-west-1") for each in world.summaries)
    assert first["id"] != second["id"] and first["at"] == second["at"]


def test_a_refused_summary_is_sent_one_by_one() -> None:
    def refused(documents: Sequence[Document]) -> None:
        raise ClientError({"Error": {"Code": "InvalidParameter"}, "ResponseMetadata": BAD_REQUEST}, "Publish")

    world = many(World(), 11, refused)
    assert [len(batch) for batch in world.sent] == [1] * 11 + [11]


# -- at once


def test_a_change_of_the_own_account_is_evaluated_at_once_alone() -> None:
    world = World(SETTINGS + f'[[accounts]]\nid = "{HOME}"\n')
    world.run(NOON)
    before = world.items["fleet/0/1"]
    world.read_of.clear()
    event = {"now": "2025-02-01T12:03:21Z", "at_once": True}
    assert set(world.monitor.handle(event, lambda: 600_000)) == {f"{HOME}/eu-west-1"}
    assert world.read_of == [f"{HOME}/eu-west-1"] and world.items["fleet/0/1"] == before


def test_without_the_list_a_run_at_once_fails() -> None:
    world = World(SETTINGS + f'[[accounts]]\nid = "{HOME}"\n')
    world.run(NOON)
    world.faults = {"load fleet"}
    with pytest.raises(RunFailed, match="fleet could not be loaded"):
        world.monitor.handle({"now": "2025-02-01T12:03:21Z", "at_once": True}, lambda: 600_000)


def test_evaluated_targets_keep_no_history_in_memory() -> None:
    world = World()
    pause = PauseReading()
    edges = replace(world.monitor.edges, read=world.read, attend=lambda *_: (pause, ()))
    [outcome] = look_at_all([Target(SHOP, "eu-west-1")], Tick(NOON), world.monitor.policy_of, edges)
    seen = outcome.plan.seen
    assert seen.history is None and not seen.evaluations and len(cast("Any", seen.readings.statistics)) == 1
    assert seen.pause is pause
    assert outcome.item is not None and outcome.item.text == "" != world.items[f"{SHOP}/eu-west-1"].text
