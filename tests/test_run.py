"""One run over one or several targets: a failure stops nothing else, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ses_reputation.aws.store import Item, Overtaken
from ses_reputation.core import state as stored
from ses_reputation.core.decide import LARGEST_OUTBOX, Gauge
from ses_reputation.core.history import BUCKET, Instant, Point, iso
from ses_reputation.core.notification import Document
from ses_reputation.core.readings import Account, Readings, Trouble, Unreadable
from ses_reputation.core.rules import Verdict, default_policy
from ses_reputation.core.state import State
from ses_reputation.core.target import Target
from ses_reputation.outbox import deliver
from ses_reputation.run import Channel, Edges, Outcome, Tick, look_at_all

START = 1_738_368_000  # 2025-02-01T00:00:00Z
IRELAND = Target("123456789012", "eu-west-1")
OHIO = Target("123456789012", "us-east-2")
POLICY = default_policy()


def points(until: Instant, *, bad_from: Instant | None = None) -> tuple[Point, ...]:
    """400 emails every quarter of an hour, 4 of them bouncing, and 60 from `bad_from` on."""
    return tuple(
        Point(at, 400, 60 if bad_from is not None and at >= bad_from else 4)
        for at in range(START - 4 * 86_400, until, BUCKET)
    )


class World:
    """Everything that a run calls; each call named in `faults` fails."""

    def __init__(self) -> None:
        self.statistics: dict[str, tuple[Point, ...] | Unreadable] = {}
        self.accounts: dict[str, Account] = {}
        self.items: dict[str, Item] = {}
        self.gauges: list[tuple[Target, Gauge]] = []
        self.sent: list[list[Document]] = []
        self.chatted: list[list[Document]] = []
        self.channels = [Channel("people", 20, self.people)]
        self.faults: set[str] = set()
        self.refused = ""  # the region whose notifications are refused
        self.unnoted: dict[tuple[str, str, str], None] = {}
        self.warm = False  # the process stays alive between runs
        self.calls: list[str] = []

    @property
    def edges(self) -> Edges:
        unnoted = self.unnoted if self.warm else {}
        return Edges(self.read, self.put_gauges, self, self.channels, unnoted=unnoted)

    def run(self, now: Instant, *targets: Target, **time: Any) -> list[Outcome]:
        tick, edges = Tick(now, **time), self.edges
        outcomes = look_at_all(targets if targets else (IRELAND,), tick, lambda _: POLICY, edges)
        deliver(outcomes, tick, edges)
        return outcomes

    def state(self, target: Target = IRELAND) -> State:
        return stored.from_text(self.items[target.id].text)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.faults:
            raise ClientError({"Error": {"Code": "InternalFailure", "Message": "planted"}}, name)

    def read(self, target: Target, now: Instant) -> Readings:
        self.calls.append("read")
        return Readings(self.statistics[target.id], self.accounts.get(target.id))

    def put_gauges(self, target: Target, gauges: Sequence[Gauge]) -> None:
        self._call("put_gauges")
        self.gauges += [(target, gauge) for gauge in gauges]

    def load(self, target_id: str) -> Item | None:
        self._call("load")
        return self.items.get(target_id)

    def save(self, target_id: str, new: Item) -> None:
        self._call("save")
        there = self.items.get(target_id)
        if there is not None and there.version != new.version - 1:
            raise Overtaken(there)
        self.items[target_id] = new

    def people(self, notifications: Sequence[Document]) -> None:
        self._call("people")
        if any(notification["region"] == self.refused for notification in notifications):
            refusal = {"Error": {"Code": "InvalidParameter"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(refusal, "Publish")  # type: ignore[arg-type]
        self.sent.append(list(notifications))

    def chat(self, notifications: Sequence[Document]) -> None:
        self._call("chat")
        self.chatted.append(list(notifications))

    def open_chat(self) -> None:
        """A second channel, which takes one notification at a time."""
        self.channels.append(Channel("chat", 1, self.chat))


@pytest.fixture
def world() -> World:
    return World()


def ruined(world: World, now: Instant = START) -> Instant:
    """A world with a healthy first run at `now`, then a bad list: the returned tick is the first to alert."""
    world.statistics[IRELAND.id] = points(now)
    world.run(now)
    assert world.sent == []
    tick = now + BUCKET
    world.statistics[IRELAND.id] = points(tick, bad_from=now)
    world.calls.clear()
    return tick


def test_a_quiet_run_reads_and_writes_each_thing_once(world: World) -> None:
    world.statistics[IRELAND.id] = points(START)
    world.run(START)
    world.calls.clear()
    world.statistics[IRELAND.id] = points(START + BUCKET)
    [outcome] = world.run(START + BUCKET)
    assert sorted(world.calls) == ["load", "put_gauges", "read", "save"]
    assert outcome.plan.verdict is Verdict.OK and not outcome.failures


def test_a_target_without_metrics_of_its_own_publishes_none(world: World) -> None:
    world.statistics[IRELAND.id] = points(START)
    look_at_all((IRELAND,), Tick(START), lambda _: POLICY, replace(world.edges, has_metrics=lambda _: False))
    assert "put_gauges" not in world.calls


def test_the_first_run_back_fills_metrics_and_later_ones_add_a_tick(
    world: World,
) -> None:
    world.statistics[IRELAND.id] = points(START)
    world.run(START)
    assert len({gauge.at for _, gauge in world.gauges}) == 4 * 96
    world.gauges.clear()
    world.run(START + BUCKET)
    assert {gauge.at for _, gauge in world.gauges} == {START + BUCKET}


def test_an_alert_is_sent_once_and_stored_as_sent(world: World) -> None:
    tick = ruined(world)
    world.run(tick)
    assert [[(a["check"], a["number"]) for a in batch] for batch in world.sent] == [[("bounce", 1)]]
    assert world.state().outbox == ()
    world.run(tick)  # the same event delivered twice
    world.run(tick - BUCKET)  # a late run
    world.statistics[IRELAND.id] = points(tick + BUCKET, bad_from=START)
    world.run(tick + BUCKET)
    sent = [(a["alert"], a["number"]) for batch in world.sent for a in batch]
    assert len(sent) == len(set(sent))


def test_an_undelivered_notification_is_sent_by_the_next_run(world: World) -> None:
    tick = ruined(world)
    world.faults = {"people"}
    [outcome] = world.run(tick)
    assert outcome.failures == ["a notification could not be sent to people (InternalFailure)"]
    world.faults.clear()
    world.run(tick)  # Lambda's own retry of the same event
    assert [[a["number"] for a in batch] for batch in world.sent] == [[1]]


def test_undelivered_notifications_wait_beside_new_ones(world: World) -> None:
    tick = ruined(world)
    world.faults = {"people"}
    while len(world.state().outbox) < 2:
        world.statistics[IRELAND.id] = points(tick, bad_from=START)
        world.run(tick)
        tick += BUCKET
    world.faults.clear()
    world.statistics[IRELAND.id] = points(tick, bad_from=START)
    world.run(tick)
    assert sorted(a["reason"] for batch in world.sent for a in batch) == ["escalated", "opened"]


def test_a_failed_delivery_is_claimed_by_nobody_afterwards(world: World) -> None:
    tick = ruined(world)
    world.faults = {"people"}
    world.run(tick)
    assert [(delivery.claimed_by, delivery.claimed_until) for delivery in world.state().outbox] == [(0, 0)]


def test_a_failed_delivery_is_kept_behind_one_that_waits(world: World) -> None:
    tick = ruined(world)
    world.faults = {"people"}
    world.run(tick)
    state, item = world.state(), world.items[IRELAND.id]
    waiting = tuple(replace(delivery, unsure=2, tried_at=tick) for delivery in state.outbox)  # for an hour
    world.items[IRELAND.id] = replace(item, text=stored.to_text(replace(state, outbox=waiting)))
    world.accounts[IRELAND.id] = Account("PROBATION", True, True, 50_000, 0)
    world.run(tick + BUCKET)
    assert [delivery.document["check"] for delivery in world.state().outbox] == ["bounce", "enforcement"]


def test_a_delivery_without_a_note_is_repeated_with_the_same_id(world: World) -> None:
    tick = ruined(world)
    written = world.save

    def save_once(target_id: str, new: Item) -> None:
        written(target_id, new)
        world.faults = {"save"}

    world.save = save_once  # type: ignore[method-assign]
    [outcome] = world.run(tick)
    assert outcome.failures == ["a notification was sent but could not be noted (InternalFailure)"]
    world.save = written  # type: ignore[method-assign]
    world.faults.clear()
    world.run(tick)  # Lambda's own retry: the claim of the first attempt holds
    assert len(world.sent) == 1
    world.run(tick + BUCKET)
    first, second = (batch[0] for batch in world.sent)
    assert (first["alert"], first["number"]) == (second["alert"], second["number"])


def test_failed_metrics_delay_no_alert_and_are_filled_in_later(world: World) -> None:
    tick = ruined(world)
    world.faults = {"put_gauges"}
    [outcome] = world.run(tick)
    assert len(world.sent) == 1
    assert outcome.failures == ["the metrics could not be published (InternalFailure)"]
    world.faults.clear()
    world.gauges.clear()
    world.run(tick + BUCKET)
    assert {gauge.at for _, gauge in world.gauges} == {tick, tick + BUCKET}


@pytest.mark.parametrize("fault", ["load", "save"])
def test_without_the_store_an_alert_is_sent_at_its_tick_only(world: World, fault: str) -> None:
    world.faults = {fault}
    reasons = []
    for tick in range(START, START + 12 * BUCKET, BUCKET):
        world.statistics[IRELAND.id] = points(tick, bad_from=START)
        before = len(world.sent)
        [outcome] = world.run(tick)
        assert outcome.failures
        reasons += [a["reason"] for batch in world.sent[before:] for a in batch]
    assert reasons == ["opened", "escalated"]


def test_an_invalid_state_is_set_aside_not_silently_reset(world: World) -> None:
    world.items[IRELAND.id] = Item(7, stored.SCHEMA, '{"tick": "yesterday"}')
    world.statistics[IRELAND.id] = points(START)
    [outcome] = world.run(START)
    assert "was unreadable" in outcome.failures[0]
    assert world.items[IRELAND.id].version == 8
    assert world.items[IRELAND.id].rejected.startswith('{"tick": "yesterday"}')
    assert world.state().tick == START


def test_a_state_of_a_newer_version_is_kept_and_the_alert_sent(world: World) -> None:
    newer = Item(7, stored.SCHEMA + 1, '{"moon": "full"}')
    world.items[IRELAND.id] = newer
    tick = START + 2 * BUCKET
    for now in (START, START + BUCKET, tick):
        world.statistics[IRELAND.id] = points(now, bad_from=START)
        [outcome] = world.run(now)
        assert outcome.failures == [f"the state was written by a newer version (schema {stored.SCHEMA + 1})"]
    assert world.items[IRELAND.id] == newer
    assert [a["reason"] for batch in world.sent for a in batch][:1] == ["opened"]


def test_of_two_overlapping_runs_the_first_to_write_sends(world: World) -> None:
    tick = ruined(world)
    read = world.read

    def other_run_first(target: Target, now: Instant) -> Readings:
        world.read = read  # type: ignore[method-assign]
        world.run(tick)
        return read(target, now)

    world.read = other_run_first  # type: ignore[method-assign]
    [outcome] = world.run(tick)
    assert len(world.sent) == 1 and not outcome.failures


def test_endless_write_conflicts_are_a_failure_and_the_alert_is_sent(world: World) -> None:
    tick = ruined(world)
    stale = replace(world.items[IRELAND.id], version=99)

    def overtaken(target_id: str, new: Item) -> None:
        raise Overtaken(stale)

    world.save = overtaken  # type: ignore[method-assign]
    world.statistics[IRELAND.id] = points(tick, bad_from=START)
    sent = []
    for now in (START + BUCKET, tick):
        world.statistics[IRELAND.id] = points(now, bad_from=START)
        [outcome] = world.run(now)
        assert outcome.failures == ["the state is written by something else"]
        sent += [a["reason"] for a in outcome.plan.documents]
    assert sent[0] == "opened"


def test_an_unreadable_target_hides_nothing_of_another(world: World) -> None:
    tick = START + 2 * BUCKET
    for now in (START, START + BUCKET, tick):
        world.statistics[IRELAND.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
        world.statistics[OHIO.id] = points(now, bad_from=START)
        outcomes = world.run(now, IRELAND, OHIO)
    assert [outcome.plan.verdict for outcome in outcomes] == [Verdict.UNKNOWN, Verdict.WARNING]
    assert {(a["region"], a["check"]) for batch in world.sent for a in batch} == {
        ("eu-west-1", "unreadable"),
        ("us-east-2", "bounce"),
    }


def test_only_a_target_whose_role_never_let_the_monitor_in_is_not_set_up(world: World) -> None:
    world.statistics[IRELAND.id] = Unreadable(Trouble.ROLE, "AssumeRole: AccessDenied")
    world.statistics[OHIO.id] = points(START)
    assert [outcome.not_set_up for outcome in world.run(START, IRELAND, OHIO)] == [True, False]


def test_several_targets_share_one_message_worst_first(world: World) -> None:
    targets = [Target("123456789012", f"eu-test-{n}") for n in range(1, 31)]
    for target in targets:
        world.statistics[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    world.statistics[targets[-1].id] = points(START, bad_from=START - 86_400)
    world.run(START, *targets)
    assert [len(batch) for batch in world.sent] == [20, 10]
    assert world.sent[0][0]["severity"] == "critical"


def bad_run(world: World, now: Instant) -> Outcome:
    """A run at `now` of a sender whose list is bad from the start."""
    world.statistics[IRELAND.id] = points(now, bad_from=START)
    [outcome] = world.run(now)
    return outcome


def reasons(batches: Sequence[Sequence[Document]]) -> list[str]:
    return [notification["reason"] for batch in batches for notification in batch]


@pytest.mark.parametrize("down", ["people", "chat"])
def test_each_channel_gets_each_notification_once_while_another_is_down(world: World, down: str) -> None:
    world.open_chat()
    tick = ruined(world)
    up, missed = (world.chatted, world.sent) if down == "people" else (world.sent, world.chatted)
    world.faults = {down}
    while len(reasons(up)) < 2:
        outcome = bad_run(world, tick)
        tick += BUCKET
    assert any("a notification could not be sent to" in failure for failure in outcome.failures)
    assert reasons(missed) == [] and len(world.state().outbox) == 2
    world.faults.clear()
    for late in range(3):
        assert not bad_run(world, tick + late * BUCKET).failures
    assert sorted(reasons(up)) == sorted(reasons(missed)) == ["escalated", "opened"]
    assert world.state().outbox == ()


def test_a_channel_that_takes_one_at_a_time_gets_the_worst_first(world: World) -> None:
    world.open_chat()
    targets = [Target("123456789012", f"eu-test-{n}") for n in range(1, 4)]
    for target in targets:
        world.statistics[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    world.statistics[targets[-1].id] = points(START, bad_from=START - 86_400)
    world.run(START, *targets)
    assert [len(batch) for batch in world.chatted] == [1, 1, 1]
    assert world.chatted[0][0]["severity"] == "critical"


def test_a_channel_that_failed_half_way_continues_there(world: World) -> None:
    world.open_chat()
    for target in (IRELAND, OHIO):
        world.statistics[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    chat = world.chat

    def only_one(notifications: Sequence[Document]) -> None:
        chat(notifications)
        world.faults = {"chat"}

    world.channels[1] = replace(world.channels[1], send=only_one)
    world.run(START, IRELAND, OHIO)
    world.channels[1] = replace(world.channels[1], send=chat)
    world.faults.clear()
    world.run(START + BUCKET, IRELAND, OHIO)
    assert sorted(a["region"] for batch in world.chatted for a in batch) == ["eu-west-1", "us-east-2"]
    assert [len(batch) for batch in world.sent] == [2]


def test_a_new_channel_gets_new_notifications_only(world: World) -> None:
    tick = ruined(world)
    bad_run(world, tick)
    world.open_chat()
    while len(reasons(world.sent)) < 2:
        tick += BUCKET
        bad_run(world, tick)
    assert reasons(world.chatted) == ["escalated"]


def test_deliveries_for_a_removed_channel_are_dropped(world: World) -> None:
    world.open_chat()
    tick = ruined(world)
    world.faults = {"chat"}
    bad_run(world, tick)
    assert len(world.state().outbox) == 1
    world.channels.pop()
    while len(reasons(world.sent)) < 2:
        tick += BUCKET
        bad_run(world, tick)
    assert reasons(world.sent) == ["opened", "escalated"]
    assert world.state().outbox == ()


@pytest.mark.parametrize("fault", ["load", "save"])
def test_a_warm_process_repeats_nothing_when_the_store_failed(world: World, fault: str) -> None:
    world.warm = True
    tick = ruined(world)
    world.faults = {fault}
    for _ in range(3):  # Lambda tries a failed run again
        world.run(tick)
    world.faults.clear()
    world.statistics[IRELAND.id] = points(tick + BUCKET, bad_from=START)
    world.run(tick + BUCKET)
    assert reasons(world.sent)[:1] == ["opened"] and reasons(world.sent).count("opened") == 1
    assert world.state().outbox == ()


@pytest.mark.parametrize("fault", ["load", "save"])
def test_notifications_have_the_same_number_without_the_store(world: World, fault: str) -> None:
    tick = ruined(world)
    world.faults = {fault}
    while len(reasons(world.sent)) < 2:
        bad_run(world, tick)
        tick += BUCKET
    world.faults.clear()
    bad_run(world, tick)
    first, second, again = (batch[0] for batch in world.sent)
    assert [first["number"], second["number"]] == [1, 2]
    assert (again["alert"], again["number"], again["severity"]) == (second["alert"], second["number"], "critical")


@pytest.mark.parametrize("phase", [0, 1, 2, 3])
def test_awss_status_has_the_same_alert_name_without_the_store(world: World, phase: int) -> None:
    start = START + phase * BUCKET
    world.statistics[IRELAND.id] = points(start)
    world.run(start)
    world.accounts[IRELAND.id] = Account("SHUTDOWN", True, True, 50_000, 0)
    world.faults = {"load"}
    world.run(start + BUCKET)
    world.faults.clear()
    world.run(start + 2 * BUCKET)
    sent = [(a["check"], a["number"]) for batch in world.sent for a in batch]
    assert set(sent) == {("enforcement", 1)}
    assert len({a["alert"] for batch in world.sent for a in batch}) == 1


@pytest.mark.parametrize("minutes", [5, 60])
def test_without_the_store_a_change_is_sent_once_at_any_schedule(world: World, minutes: int) -> None:
    world.faults = {"load"}
    bad_from = START + 2 * BUCKET
    for now in range(START, START + 12 * BUCKET, minutes * 60):
        world.statistics[IRELAND.id] = points(now // BUCKET * BUCKET, bad_from=bad_from)
        world.run(now, IRELAND, every=minutes * 60)
    assert reasons(world.sent) == (["opened", "escalated"] if minutes == 5 else ["opened"])


def test_a_state_from_the_future_is_set_aside(world: World) -> None:
    tick = ruined(world)
    known = world.items[IRELAND.id]
    world.items[IRELAND.id] = replace(known, text=stored.to_text(State(tick=tick + 86_400)))
    [outcome] = world.run(tick, IRELAND, wall=tick, ahead=BUCKET)
    assert "was unreadable and was set aside" in outcome.failures[0] and "in the future" in outcome.failures[0]
    assert world.state().tick == tick and reasons(world.sent) == ["opened"]


def test_a_refused_notification_delays_no_other(world: World) -> None:
    for target in (IRELAND, OHIO):
        world.statistics[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    world.refused = "us-east-2"
    outcomes = world.run(START, IRELAND, OHIO)
    assert [[a["region"] for a in batch] for batch in world.sent] == [["eu-west-1"]]
    assert [outcome.failures for outcome in outcomes] == [
        [],
        ["a notification could not be sent to people (InvalidParameter)"],
    ]
    assert (len(world.state().outbox), len(world.state(OHIO).outbox)) == (0, 1)


def test_a_bug_at_one_target_delays_nothing_of_another(world: World) -> None:
    world.statistics[OHIO.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    broken, sent = world.run(START, IRELAND, OHIO)  # reading the first raises a KeyError
    assert broken.plan.verdict is Verdict.UNKNOWN and isinstance(broken.bug, KeyError)
    assert broken.failures == ["the monitor itself failed (KeyError)"] and not sent.failures
    assert [a["region"] for batch in world.sent for a in batch] == [OHIO.region]


def test_a_notification_that_cannot_be_worded_delays_no_other(world: World) -> None:
    for target in (IRELAND, OHIO):
        world.statistics[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    people = world.channels[0].send

    def speechless(notifications: Sequence[Document]) -> None:
        if any(notification["region"] == IRELAND.region for notification in notifications):
            raise KeyError("no words")
        people(notifications)

    world.channels[0] = replace(world.channels[0], send=speechless)
    silent, sent = world.run(START, IRELAND, OHIO)
    assert silent.failures == ["a notification could not be sent to people (KeyError)"]
    assert isinstance(silent.bug, KeyError) and not sent.failures
    assert [a["region"] for batch in world.sent for a in batch] == [OHIO.region]


def test_a_hanging_target_is_reported_and_the_others_are_sent(world: World) -> None:
    world.statistics[OHIO.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    world.statistics[IRELAND.id] = points(START)
    read, over = world.read, Event()

    def hanging(target: Target, now: Instant) -> Readings:
        if target == IRELAND:
            over.wait()
        return read(target, now)

    world.read = hanging  # type: ignore[method-assign]
    hung, sent = world.run(START, IRELAND, OHIO, patience=0.2)
    assert hung.failures == ["it could not be looked at in time"] and hung.plan.verdict is Verdict.UNKNOWN
    assert sent.failures == [] and [a["region"] for batch in world.sent for a in batch] == [OHIO.region]
    over.set()


def test_the_outbox_of_a_failing_channel_is_bounded_to_the_newest(world: World) -> None:
    world.faults = {"people"}
    world.statistics[IRELAND.id] = points(START)[-8:]
    ticks = 3 * LARGEST_OUTBOX
    for number in range(ticks):
        word = f"PENDING_{number}"
        world.accounts[IRELAND.id] = Account(word, True, True, 50_000, 0)
        world.run(START + number * BUCKET)
    pending = [delivery.document for delivery in world.state().outbox]
    assert len(pending) <= LARGEST_OUTBOX and pending[-1]["at"] == iso(START + (ticks - 1) * BUCKET)
    assert len(world.items[IRELAND.id].text) < 200_000
    world.faults.clear()
    world.run(START + ticks * BUCKET)
    assert world.state().outbox == () and len(reasons(world.sent)) == len(pending)


def test_alerts_of_an_invalid_state_are_sent_as_they_are_now(world: World) -> None:
    tick = ruined(world)
    world.faults = {"people"}
    bad_run(world, tick)
    [waiting] = [delivery.document for delivery in world.state().outbox]
    world.items[IRELAND.id] = replace(world.items[IRELAND.id], text=world.items[IRELAND.id].text[:-9])
    world.faults.clear()
    outcome = bad_run(world, tick + BUCKET)
    assert "set aside" in outcome.failures[0] and waiting["alert"] in world.items[IRELAND.id].rejected
    assert [(a["alert"], a["reason"]) for batch in world.sent for a in batch] == [(waiting["alert"], "opened")]


def test_without_the_store_unevaluated_checks_are_unknown(world: World) -> None:
    world.statistics[IRELAND.id] = points(START)
    world.accounts[IRELAND.id] = Account("SHUTDOWN", True, True, 50_000, 0)
    world.faults = {"load"}
    [outcome] = world.run(START)
    assert outcome.plan.verdict is Verdict.UNKNOWN and outcome.failures
    assert outcome.plan.seen.readings.known_account == world.accounts[IRELAND.id]


def test_a_broken_cause_search_delays_no_alert(world: World) -> None:
    tick = ruined(world)

    def broken(plan: Any) -> Any:
        raise ModuleNotFoundError("explain")

    edges = replace(world.edges, explain=broken)
    outcomes = look_at_all((IRELAND,), Tick(tick), lambda _: POLICY, edges)
    deliver(outcomes, Tick(tick), edges)
    assert reasons(world.sent) == ["opened"]
    assert "the search for the cause failed (ModuleNotFoundError" in outcomes[0].failures[0]


def test_a_note_over_a_state_of_a_newer_version_is_not_written(world: World) -> None:
    tick = ruined(world)
    outcomes = look_at_all((IRELAND,), Tick(tick), lambda _: POLICY, world.edges)
    newer = replace(world.items[IRELAND.id], version=9, schema=stored.SCHEMA + 1)
    world.items[IRELAND.id] = newer
    deliver(outcomes, Tick(tick), world.edges)
    assert world.items[IRELAND.id] == newer
    assert outcomes[0].failures == ["a notification was sent but could not be noted (something else has written)"]


def test_a_bucket_in_the_far_future_makes_statistics_unreadable(world: World) -> None:
    world.statistics[IRELAND.id] = (*points(START), Point(START + 30 * 86_400, 10**6))
    [outcome] = world.run(START)
    assert outcome.plan.verdict is Verdict.UNKNOWN and outcome.plan.unreadable is not None
    assert "in the future" in outcome.plan.unreadable.detail


@pytest.mark.parametrize(
    "damage",
    [{"claimed_by": 253_402_300_799}, {"tried_at": 253_402_300_799, "unsure": 2}],
    ids=["a claim of the future", "an attempt of the future"],
)
def test_a_delivery_claimed_in_the_future_is_invalid_and_its_alert_sent(world: World, damage: dict[str, int]) -> None:
    tick = ruined(world)
    world.faults = {"people"}
    bad_run(world, tick)
    state = world.state()
    outbox = tuple(replace(delivery, **damage) for delivery in state.outbox)  # type: ignore[arg-type]
    text = stored.to_text(replace(state, outbox=outbox))
    world.items[IRELAND.id] = replace(world.items[IRELAND.id], text=text)
    world.faults.clear()
    bad_run(world, tick + BUCKET)
    assert reasons(world.sent) == ["opened"]
