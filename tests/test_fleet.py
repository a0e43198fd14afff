"""A monitor of many accounts: which are watched, what is reported about the rest, and no account or shard disturbs another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from ses_reputation.aws.store import Item
from ses_reputation.channels import for_every_route
from ses_reputation.core import state as stored
from ses_reputation.core.fleet import ROLE_VERSION, WHOLE, Shard, is_turn
from ses_reputation.core.history import BUCKET, HOUR
from ses_reputation.core.notification import Document
from ses_reputation.core.pause_record import PauseReading
from ses_reputation.core.readings import Audience
from ses_reputation.core.roster import Report
from ses_reputation.core.target import Target
from ses_reputation.monitor import BadEvent, RunFailed, shard_of
from ses_reputation.run import Channel, Tick, look_at_all
from ses_reputation.settings import parse

from tests.fleet_world import BLOG, DISCOVER, HOME, NEWS, NOON, REGIONS, SETTINGS, SHOP, UNITS, World, shards


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


# -- shards


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
