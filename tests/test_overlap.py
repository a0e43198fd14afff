"""Two environments at once, late and unordered ticks, many failed writes: nothing is lost, one name, no
more than two copies."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

import pytest
from botocore.exceptions import ReadTimeoutError
from ses_reputation.aws.store import Item, Overtaken
from ses_reputation.core.history import BUCKET, Instant
from ses_reputation.core.notification import Document
from ses_reputation.core.readings import Account, Trouble, Unreadable
from ses_reputation.core.target import Target
from ses_reputation.outbox import deliver
from ses_reputation.run import Outcome, Tick, look_at_all

from tests.test_run import IRELAND, OHIO, POLICY, START, World, bad_run, points, ruined
from tests.test_run_faults import points as two_days


@pytest.fixture
def world() -> World:
    return World()


def look(world: World, tick: Tick, *targets: Target) -> list[Outcome]:
    return look_at_all(targets if targets else (IRELAND,), tick, lambda _: POLICY, world.edges)


def copies(world: World) -> Counter[tuple[str, str, int]]:
    return Counter((d["region"], d["alert"], d["number"]) for batch in world.sent for d in batch)


def test_a_repeated_event_is_sent_once_while_a_region_hangs(world: World) -> None:
    for target in (IRELAND, OHIO):
        world.statistics[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    first, second = Tick(START, wall=START + 5), Tick(START, wall=START + 15)
    outcomes = look(world, first, IRELAND, OHIO)
    deliver(look(world, second, IRELAND, OHIO), second, world.edges)
    deliver(outcomes, first, world.edges)
    assert set(copies(world).values()) == {1} and len(copies(world)) == 2


def test_claims_of_a_killed_run_are_sent_by_the_next_tick(world: World) -> None:
    tick = ruined(world)
    look(world, Tick(tick, wall=tick + 5))  # then it is killed
    retry = Tick(tick, wall=tick + 65)
    deliver(look(world, retry), retry, world.edges)
    assert world.sent == []
    bad_run(world, tick + BUCKET)
    assert [d["reason"] for batch in world.sent for d in batch] == ["opened"]


@pytest.mark.parametrize("ticks", [1, 2, 5])
def test_a_claim_ends_with_its_tick_however_long_it_was_to_hold(world: World, ticks: int) -> None:
    tick = ruined(world)
    look(world, Tick(tick, wall=tick + 5, longest=10_000))
    later = Tick(tick + ticks * BUCKET, wall=tick + ticks * BUCKET + 5)
    deliver(look(world, later), later, world.edges)
    assert [d["reason"] for batch in world.sent for d in batch] == ["opened"]


def test_claims_of_a_killed_run_are_sent_by_a_later_retry(world: World) -> None:
    tick = ruined(world)
    look(world, Tick(tick, wall=tick + 5, longest=240))
    retry = Tick(tick, wall=tick + 300)
    deliver(look(world, retry), retry, world.edges)
    assert [d["reason"] for batch in world.sent for d in batch] == ["opened"]


def test_a_note_is_merged_into_the_state_of_an_overtaking_run(world: World) -> None:
    tick = ruined(world)
    outcomes = look(world, Tick(tick))
    [there] = world.items.values()
    state = world.state()
    world.save(IRELAND.id, Item(there.version + 1, there.schema, there.text))
    deliver(outcomes, Tick(tick), world.edges)
    assert state.outbox and world.state().outbox == ()


def test_a_channel_that_never_answers_gets_two_copies_then_one_an_hour(world: World) -> None:
    tick = ruined(world)
    accept = world.channels[0].send

    def mute(documents: list[Document]) -> None:
        accept(documents)
        raise ReadTimeoutError(endpoint_url="https://sns.test")

    world.channels[0] = replace(world.channels[0], send=mute)  # type: ignore[arg-type]
    for late in range(4):
        world.statistics[IRELAND.id] = points(tick, bad_from=START)
        world.run(tick + late * BUCKET)
    assert max(copies(world).values()) == 2


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_an_alert_keeps_its_name_when_writes_fail(world: World, written: int) -> None:
    """AWS's status has no history: a run that could not store it gives the alert the same name as the next run."""
    world.statistics[IRELAND.id] = points(START)
    world.run(START)
    world.accounts[IRELAND.id] = Account("SHUTDOWN", True, True, 50_000, 0)
    for late in range(1, 6):
        world.faults = set() if late > written else {"save"}
        world.run(START + late * BUCKET)
    assert len({d["alert"] for batch in world.sent for d in batch}) == 1
    assert world.state().outbox == () and set(world.state().sent) == {"enforcement"}


@dataclass
class Weather:
    """Random faults, and the notifications that were due."""

    dice: random.Random
    ways: tuple[str, ...]
    due: set[tuple[str, str, int]] = field(default_factory=set)

    def faults(self) -> set[str]:
        return {fault for fault in self.ways if self.dice.random() < 0.15}


STORE = ("load", "save")
OTHERS = ("people", "put_gauges")


def play(seed: int, ways: tuple[str, ...]) -> tuple[World, Weather]:
    """A day of ticks by two environments that overlap, come late and out of order, with failing calls."""
    weather = Weather(random.Random(seed), ways)
    worlds = [World(), World()]
    worlds[1].items, worlds[1].sent = worlds[0].items, worlds[0].sent
    worlds[1].statistics, worlds[1].accounts = worlds[0].statistics, worlds[0].accounts
    for world in worlds:
        world.warm = weather.dice.random() < 0.5
        world.channels = [replace(world.channels[0], send=world.people)]
    ticks = list(range(START, START + 96 * BUCKET, BUCKET))
    for number, now in enumerate(ticks):
        sick = number // 4 % 2 == 1 and number < 88
        _show(worlds[0], number, now)
        late = weather.dice.choice(ticks[max(0, number - 12) : number + 1]) if weather.dice.random() < 0.2 else now
        events: list[Instant] = [now] if weather.dice.random() < 0.6 else [now, late]
        running = []
        for environment, at in zip(weather.dice.sample(worlds, len(events)), events, strict=True):
            environment.faults = weather.faults() if sick else set()
            tick = Tick(at, wall=now + weather.dice.randint(0, 60), ahead=BUCKET)
            running.append((environment, tick, look(environment, tick)))
            _note_due(weather, worlds[0])
        for environment, tick, outcomes in weather.dice.sample(running, len(running)):
            deliver(outcomes, tick, environment.edges)
    return worlds[0], weather


def _show(world: World, number: int, now: Instant) -> None:
    word = ("HEALTHY", "PROBATION", "SHUTDOWN", "HEALTHY")[number // 24]
    world.accounts[IRELAND.id] = Account(word, not 40 <= number < 56, True, 50_000, 0)
    world.statistics[IRELAND.id] = two_days(now)


def _note_due(weather: Weather, world: World) -> None:
    if IRELAND.id in world.items:
        for delivery in world.state().outbox:
            d = delivery.document
            weather.due.add((d["region"], d["alert"], d["number"]))


@pytest.mark.parametrize(
    ("ways", "most"),
    [(OTHERS, 1), ((*STORE, *OTHERS), 3)],
    ids=["with its store", "with a store that fails"],
)
@pytest.mark.parametrize("seed", range(4))
def test_overlapping_late_and_failing_runs_lose_nothing(seed: int, ways: tuple[str, ...], most: int) -> None:
    """Without its store a run cannot know what was sent: AWS's view is then repeated every hour rather than never."""
    world, weather = play(seed, ways)
    sent = copies(world)
    assert weather.due <= set(sent)
    assert max(sent.values()) <= most
    names = defaultdict(set)
    for batch in world.sent:
        for d in batch:
            names[d["check"], d["opened_at"]].add(d["alert"])
    assert all(len(ids) == 1 for ids in names.values())
    assert believed(world) == {check: alert.alert for check, alert in world.state().sent.items()}


def believed(world: World) -> dict[str, str]:
    """Open alert of each check, as a reader of every message sees it."""
    once = {d["id"]: d for batch in world.sent for d in batch}
    is_open: dict[str, str] = {}
    for d in sorted(once.values(), key=lambda d: (d["at"], d["kind"] != "resolved", d["number"])):
        if d["kind"] == "resolved":
            is_open.pop(d["check"], None)
        else:
            is_open[d["check"]] = d["alert"]
    return is_open


def test_repeated_write_conflicts_fail_the_run_but_the_alert_is_sent(world: World) -> None:
    tick = ruined(world)
    save, storms = world.save, [0]

    def overtaken(target_id: str, new: Item) -> None:
        storms[0] += 1
        there = world.items[target_id]
        world.items[target_id] = replace(there, version=there.version + 1)
        raise Overtaken(world.items[target_id])

    world.save = overtaken  # type: ignore[method-assign]
    outcome = bad_run(world, tick)
    assert outcome.failures == ["the state is written by something else"] and storms[0] == 3
    assert [d["reason"] for batch in world.sent for d in batch] == ["opened"]
    world.save = save  # type: ignore[method-assign]
