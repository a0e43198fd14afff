"""One run over one or several targets: what fails stops nothing else, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Event

import pytest
from botocore.exceptions import ClientError
from ses_reputation.aws.store import Item, Overtaken
from ses_reputation.core import state as stored
from ses_reputation.core.account import NOT_ASKED, Account, AwsView
from ses_reputation.core.decide import MOST_PENDING
from ses_reputation.core.history import BUCKET, Instant, Point
from ses_reputation.core.plan import Gauge, Notification, State
from ses_reputation.core.readings import Statistics, Trouble, Unreadable
from ses_reputation.core.rules import Severity, Verdict, default_policy
from ses_reputation.core.target import Target
from ses_reputation.run import Channel, Edges, Outcome, Tick, Unnoted, watch_all

START = 1_738_368_000  # 2025-02-01T00:00:00Z
IRELAND = Target("123456789012", "eu-west-1")
OHIO = Target("123456789012", "us-east-2")
POLICY = default_policy()


def points(until: Instant, *, bad_from: Instant | None = None) -> tuple[Point, ...]:
    """400 emails every quarter of an hour, 4 of them bouncing, and 60 from `bad_from` on."""
    return tuple(
        Point(at, 400, 60 if bad_from is not None and at >= bad_from else 4)
        for at in range(until - 10 * 86_400, until, BUCKET)
    )


class World:
    """What a run can reach, with faults by name: each fails that way out as long as it stands."""

    def __init__(self) -> None:
        self.readings: dict[str, Statistics] = {}
        self.views: dict[str, AwsView] = {}
        self.items: dict[str, Item] = {}
        self.gauges: list[tuple[Target, Gauge]] = []
        self.told: list[list[Notification]] = []
        self.chatted: list[list[Notification]] = []
        self.channels = [Channel("people", 20, self.tell)]
        self.faults: set[str] = set()
        self.refused = ""  # the region of which nothing can be told
        self.unnoted = Unnoted()
        self.warm = False  # whether the process lives on from run to run
        self.calls: list[str] = []

    @property
    def edges(self) -> Edges:
        unnoted = self.unnoted if self.warm else Unnoted()
        return Edges(self.read, self.ask, self.put_gauges, self, self.channels, unnoted)

    def run(self, now: Instant, *targets: Target) -> list[Outcome]:
        return watch_all(targets if targets else (IRELAND,), Tick(now), POLICY, self.edges)

    def state(self, target: Target = IRELAND) -> State:
        return stored.from_text(self.items[target.id].text)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.faults:
            raise ClientError({"Error": {"Code": "InternalFailure", "Message": "planted"}}, name)

    def read(self, target: Target) -> Statistics:
        self.calls.append("read")
        return self.readings[target.id]

    def ask(self, target: Target, now: Instant) -> AwsView:
        self.calls.append("ask")
        return self.views.get(target.id, NOT_ASKED)

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

    def tell(self, notifications: Sequence[Notification]) -> None:
        self._call("tell")
        if any(notification.target.region == self.refused for notification in notifications):
            refusal = {"Error": {"Code": "InvalidParameter"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(refusal, "Publish")  # type: ignore[arg-type]
        self.told.append(list(notifications))

    def chat(self, notifications: Sequence[Notification]) -> None:
        self._call("chat")
        self.chatted.append(list(notifications))

    def open_chat(self) -> None:
        """A second channel, which takes one notification at a time."""
        self.channels.append(Channel("chat", 1, self.chat))


@pytest.fixture
def world() -> World:
    return World()


def ruined(world: World, now: Instant = START) -> Instant:
    """A world with a healthy first run at `now`, and a bad list since: the returned tick is the first to tell it."""
    world.readings[IRELAND.id] = points(now)
    world.run(now)
    assert world.told == []
    tick = now + 2 * BUCKET
    world.readings[IRELAND.id] = points(tick, bad_from=now)
    world.calls.clear()
    return tick


def test_a_quiet_run_reads_and_writes_each_thing_once(world: World) -> None:
    world.readings[IRELAND.id] = points(START)
    world.run(START)
    world.calls.clear()
    world.readings[IRELAND.id] = points(START + BUCKET)
    [outcome] = world.run(START + BUCKET)
    assert sorted(world.calls) == ["ask", "load", "put_gauges", "read", "save"]
    assert outcome.plan.verdict is Verdict.OK and not outcome.failures


def test_the_first_run_fills_in_the_metrics_of_the_whole_history_and_the_next_adds_one_tick(
    world: World,
) -> None:
    world.readings[IRELAND.id] = points(START)
    world.run(START)
    assert len({gauge.at for _, gauge in world.gauges}) == 10 * 96
    world.gauges.clear()
    world.run(START + BUCKET)
    assert {gauge.at for _, gauge in world.gauges} == {START + BUCKET}


def test_an_alert_is_told_once_and_remembered_as_told(world: World) -> None:
    tick = ruined(world)
    world.run(tick)
    assert [[(a.check, a.seq) for a in batch] for batch in world.told] == [[("bounce", 1)]]
    assert world.state().pending == ()
    world.run(tick)  # the same event delivered twice
    world.run(tick - BUCKET)  # a late run
    world.readings[IRELAND.id] = points(tick + BUCKET, bad_from=START)
    world.run(tick + BUCKET)
    told = [(a.alert, a.seq) for batch in world.told for a in batch]
    assert len(told) == len(set(told))


def test_a_notification_that_could_not_be_sent_is_sent_by_the_next_run(world: World) -> None:
    tick = ruined(world)
    world.faults = {"tell"}
    [outcome] = world.run(tick)
    assert outcome.failures == ["a notification could not be sent to people (InternalFailure)"]
    world.faults.clear()
    world.run(tick)  # Lambda's own retry of the same event
    assert [[a.seq for a in batch] for batch in world.told] == [[1]]


def test_what_could_not_be_sent_waits_beside_what_is_new(world: World) -> None:
    tick = ruined(world)
    world.faults = {"tell"}
    while len(world.state().pending) < 2:
        world.readings[IRELAND.id] = points(tick, bad_from=START)
        world.run(tick)
        tick += BUCKET
    world.faults.clear()
    world.readings[IRELAND.id] = points(tick, bad_from=START)
    world.run(tick)
    assert sorted(a.reason.value for batch in world.told for a in batch) == ["escalated", "opened"]


def test_a_notification_that_could_not_be_noted_is_repeated_recognisably(world: World) -> None:
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
    world.run(tick)
    first, second = (batch[0] for batch in world.told)
    assert (first.alert, first.seq) == (second.alert, second.seq)


def test_failing_metrics_keep_no_alert_back_and_are_filled_in_later(world: World) -> None:
    tick = ruined(world)
    world.faults = {"put_gauges"}
    [outcome] = world.run(tick)
    assert len(world.told) == 1
    assert outcome.failures == ["the metrics could not be published (InternalFailure)"]
    world.faults.clear()
    world.gauges.clear()
    world.run(tick + BUCKET)
    assert {gauge.at for _, gauge in world.gauges} == {START + BUCKET, tick, tick + BUCKET}


@pytest.mark.parametrize("fault", ["load", "save"])
def test_without_a_memory_an_alert_is_still_told_at_its_tick_and_not_again(world: World, fault: str) -> None:
    world.faults = {fault}
    told_at = []
    for tick in range(START, START + 12 * BUCKET, BUCKET):
        world.readings[IRELAND.id] = points(tick, bad_from=START)
        before = len(world.told)
        [outcome] = world.run(tick)
        assert outcome.failures
        told_at += [a.reason.value for batch in world.told[before:] for a in batch]
    assert told_at == ["opened", "escalated"]


def test_a_memory_that_makes_no_sense_is_set_aside_not_silently_reset(world: World) -> None:
    world.items[IRELAND.id] = Item(7, stored.SCHEMA, '{"tick": "yesterday"}')
    world.readings[IRELAND.id] = points(START)
    [outcome] = world.run(START)
    assert "made no sense" in outcome.failures[0]
    assert world.items[IRELAND.id].version == 8
    assert world.items[IRELAND.id].rejected.startswith('{"tick": "yesterday"}')
    assert world.state().tick == START


def test_a_memory_of_a_newer_version_is_left_alone_and_the_alert_told(world: World) -> None:
    newer = Item(7, stored.SCHEMA + 1, '{"moon": "full"}')
    world.items[IRELAND.id] = newer
    tick = START + 2 * BUCKET
    for now in (START, START + BUCKET, tick):
        world.readings[IRELAND.id] = points(now, bad_from=START)
        [outcome] = world.run(now)
        assert outcome.failures == [f"the memory was written by a newer version (schema {stored.SCHEMA + 1})"]
    assert world.items[IRELAND.id] == newer
    assert [a.reason.value for batch in world.told for a in batch][:1] == ["opened"]


def test_of_two_overlapping_runs_the_one_that_wrote_first_tells(world: World) -> None:
    tick = ruined(world)
    read = world.read

    def other_run_first(target: Target) -> Statistics:
        world.read = read  # type: ignore[method-assign]
        world.run(tick)
        return read(target)

    world.read = other_run_first  # type: ignore[method-assign]
    [outcome] = world.run(tick)
    assert len(world.told) == 1 and not outcome.failures


def test_a_memory_that_something_else_keeps_writing_is_a_failure_and_the_alert_is_told(world: World) -> None:
    tick = ruined(world)
    stale = replace(world.items[IRELAND.id], version=99)

    def overtaken(target_id: str, new: Item) -> None:
        raise Overtaken(stale)

    world.save = overtaken  # type: ignore[method-assign]
    world.readings[IRELAND.id] = points(tick, bad_from=START)
    told = []
    for now in (START + BUCKET, tick):
        world.readings[IRELAND.id] = points(now, bad_from=START)
        [outcome] = world.run(now)
        assert outcome.failures == ["the memory is written by something else"]
        told += [a.reason.value for a in outcome.plan.notifications]
    assert told[0] == "opened"


def test_one_target_that_cannot_be_read_hides_nothing_of_another(world: World) -> None:
    tick = START + 2 * BUCKET
    for now in (START, START + BUCKET, tick):
        world.readings[IRELAND.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
        world.readings[OHIO.id] = points(now, bad_from=START)
        outcomes = world.run(now, IRELAND, OHIO)
    assert [outcome.plan.verdict for outcome in outcomes] == [Verdict.UNKNOWN, Verdict.WARNING]
    assert {(a.target.region, a.check) for batch in world.told for a in batch} == {
        ("eu-west-1", "unreadable"),
        ("us-east-2", "bounce"),
    }


def test_what_several_targets_have_to_say_goes_out_together_worst_first(world: World) -> None:
    targets = [Target("123456789012", f"eu-test-{n}") for n in range(1, 31)]
    for target in targets:
        world.readings[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    world.readings[targets[-1].id] = points(START, bad_from=START - 86_400)
    world.run(START, *targets)
    assert [len(batch) for batch in world.told] == [20, 10]
    assert world.told[0][0].severity is Severity.CRITICAL


def bad_run(world: World, now: Instant) -> Outcome:
    """A run at `now` of a sender whose list is bad since the start."""
    world.readings[IRELAND.id] = points(now, bad_from=START)
    [outcome] = world.run(now)
    return outcome


def reasons(batches: Sequence[Sequence[Notification]]) -> list[str]:
    return [notification.reason.value for batch in batches for notification in batch]


@pytest.mark.parametrize("down", ["tell", "chat"])
def test_each_channel_gets_each_notification_once_though_another_is_down_for_a_while(world: World, down: str) -> None:
    world.open_chat()
    tick = ruined(world)
    up, missed = (world.chatted, world.told) if down == "tell" else (world.told, world.chatted)
    world.faults = {down}
    while len(reasons(up)) < 2:
        outcome = bad_run(world, tick)
        tick += BUCKET
    assert any("a notification could not be sent to" in failure for failure in outcome.failures)
    assert reasons(missed) == [] and len(world.state().pending) == 2
    world.faults.clear()
    for late in range(3):
        assert not bad_run(world, tick + late * BUCKET).failures
    assert sorted(reasons(up)) == sorted(reasons(missed)) == ["escalated", "opened"]
    assert world.state().pending == () and world.state().told == ()


def test_a_channel_that_takes_one_at_a_time_gets_the_worst_first(world: World) -> None:
    world.open_chat()
    targets = [Target("123456789012", f"eu-test-{n}") for n in range(1, 4)]
    for target in targets:
        world.readings[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    world.readings[targets[-1].id] = points(START, bad_from=START - 86_400)
    world.run(START, *targets)
    assert [len(batch) for batch in world.chatted] == [1, 1, 1]
    assert world.chatted[0][0].severity is Severity.CRITICAL


def test_what_failed_half_way_through_a_channel_goes_on_from_there(world: World) -> None:
    world.open_chat()
    for target in (IRELAND, OHIO):
        world.readings[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    chat = world.chat

    def only_one(notifications: Sequence[Notification]) -> None:
        chat(notifications)
        world.faults = {"chat"}

    world.channels[1] = replace(world.channels[1], send=only_one)
    world.run(START, IRELAND, OHIO)
    world.channels[1] = replace(world.channels[1], send=chat)
    world.faults.clear()
    world.run(START + BUCKET, IRELAND, OHIO)
    assert sorted(a.target.region for batch in world.chatted for a in batch) == ["eu-west-1", "us-east-2"]
    assert [len(batch) for batch in world.told] == [2]


def test_a_channel_that_is_new_hears_of_what_is_new_only(world: World) -> None:
    tick = ruined(world)
    bad_run(world, tick)
    world.open_chat()
    while len(reasons(world.told)) < 2:
        tick += BUCKET
        bad_run(world, tick)
    assert reasons(world.chatted) == ["escalated"]


def test_what_waits_for_a_channel_that_is_gone_goes_with_the_next_notification(world: World) -> None:
    world.open_chat()
    tick = ruined(world)
    world.faults = {"chat"}
    bad_run(world, tick)
    assert len(world.state().pending) == 1
    world.channels.pop()
    while len(reasons(world.told)) < 2:
        tick += BUCKET
        bad_run(world, tick)
    assert reasons(world.told) == ["opened", "escalated"]
    assert world.state().pending == () and world.state().told == ()


@pytest.mark.parametrize("fault", ["load", "save"])
def test_a_process_that_lives_on_repeats_nothing_though_its_memory_failed(world: World, fault: str) -> None:
    world.warm = True
    tick = ruined(world)
    world.faults = {fault}
    for _ in range(3):  # Lambda tries a failed run again
        world.run(tick)
    world.faults.clear()
    world.readings[IRELAND.id] = points(tick + BUCKET, bad_from=START)
    world.run(tick + BUCKET)
    assert reasons(world.told)[:1] == ["opened"] and reasons(world.told).count("opened") == 1
    assert world.state().pending == () and "opened" not in [a.reason.value for a in world.state().pending]


@pytest.mark.parametrize("fault", ["load", "save"])
def test_what_was_told_without_a_memory_has_the_number_that_it_has_with_one(world: World, fault: str) -> None:
    tick = ruined(world)
    world.faults = {fault}
    while len(reasons(world.told)) < 2:
        bad_run(world, tick)
        tick += BUCKET
    world.faults.clear()
    bad_run(world, tick)
    first, second, again = (batch[0] for batch in world.told)
    assert [first.seq, second.seq] == [1, 2]
    assert (again.alert, again.seq, again.severity) == (second.alert, second.seq, Severity.CRITICAL)


@pytest.mark.parametrize("phase", [0, 1, 2, 3])
def test_what_aws_says_is_told_without_a_memory_under_the_name_that_it_gets_with_one(world: World, phase: int) -> None:
    start = START + phase * BUCKET
    world.readings[IRELAND.id] = points(start)
    world.run(start)
    world.views[IRELAND.id] = AwsView(account=Account("SHUTDOWN", True, True, 50_000, 0))
    world.faults = {"load"}
    world.run(start + BUCKET)
    world.faults.clear()
    world.run(start + 2 * BUCKET)
    told = [(a.check, a.seq) for batch in world.told for a in batch]
    assert set(told) == {("enforcement", 1)}
    assert len({a.alert for batch in world.told for a in batch}) == 1


@pytest.mark.parametrize("minutes", [5, 60])
def test_without_a_memory_a_change_is_told_once_whatever_the_schedule(world: World, minutes: int) -> None:
    world.faults = {"load"}
    bad_from = START + 2 * BUCKET
    for now in range(START, START + 12 * BUCKET, minutes * 60):
        world.readings[IRELAND.id] = points(now // BUCKET * BUCKET, bad_from=bad_from)
        watch_all((IRELAND,), Tick(now, every=minutes * 60), POLICY, world.edges)
    assert reasons(world.told) == (["opened", "escalated"] if minutes == 5 else ["opened"])


def test_a_memory_of_the_future_is_set_aside_since_it_would_silence_every_tick(world: World) -> None:
    tick = ruined(world)
    known = world.items[IRELAND.id]
    world.items[IRELAND.id] = replace(known, text=stored.to_text(State(tick=tick + 86_400)))
    [outcome] = watch_all((IRELAND,), Tick(tick, latest=tick + BUCKET), POLICY, world.edges)
    assert "made no sense and was set aside" in outcome.failures[0] and "yet to come" in outcome.failures[0]
    assert world.state().tick == tick and reasons(world.told) == ["opened"]


def test_one_notification_that_is_refused_keeps_no_other_back(world: World) -> None:
    for target in (IRELAND, OHIO):
        world.readings[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    world.refused = "us-east-2"
    outcomes = world.run(START, IRELAND, OHIO)
    assert [[a.target.region for a in batch] for batch in world.told] == [["eu-west-1"]]
    assert [outcome.failures for outcome in outcomes] == [
        [],
        ["a notification could not be sent to people (InvalidParameter)"],
    ]
    assert (len(world.state().pending), len(world.state(OHIO).pending)) == (0, 1)


def test_a_fault_of_the_monitors_own_at_one_target_keeps_nothing_of_another_back(world: World) -> None:
    world.readings[OHIO.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    broken, told = world.run(START, IRELAND, OHIO)  # nothing can be read of the first: a KeyError
    assert broken.plan.verdict is Verdict.UNKNOWN and isinstance(broken.bug, KeyError)
    assert broken.failures == ["the monitor itself broke (KeyError)"] and not told.failures
    assert [a.target for batch in world.told for a in batch] == [OHIO]


def test_a_notification_that_cannot_be_worded_keeps_no_other_back(world: World) -> None:
    for target in (IRELAND, OHIO):
        world.readings[target.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    tell = world.channels[0].send

    def speechless(notifications: Sequence[Notification]) -> None:
        if any(notification.target == IRELAND for notification in notifications):
            raise KeyError("no words")
        tell(notifications)

    world.channels[0] = replace(world.channels[0], send=speechless)
    silent, told = world.run(START, IRELAND, OHIO)
    assert silent.failures == ["a notification could not be sent to people (KeyError)"]
    assert isinstance(silent.bug, KeyError) and not told.failures
    assert [a.target for batch in world.told for a in batch] == [OHIO]


def test_a_target_that_hangs_is_left_behind_and_reported_and_the_others_are_told(world: World) -> None:
    world.readings[OHIO.id] = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    world.readings[IRELAND.id] = points(START)
    read, over = world.read, Event()

    def hanging(target: Target) -> Statistics:
        if target == IRELAND:
            over.wait()
        return read(target)

    world.read = hanging  # type: ignore[method-assign]
    hung, told = watch_all((IRELAND, OHIO), Tick(START, patience=0.2), POLICY, world.edges)
    assert hung.failures == ["it could not be looked at in time"] and hung.plan.verdict is Verdict.UNKNOWN
    assert told.failures == [] and [a.target for batch in world.told for a in batch] == [OHIO]
    over.set()


def test_what_waits_for_a_channel_that_stays_down_is_bounded_and_says_the_newest(world: World) -> None:
    world.faults = {"tell"}
    world.readings[IRELAND.id] = points(START)[-8:]
    ticks = 3 * MOST_PENDING
    for number in range(ticks):
        word = "HEALTHY" if number % 2 else "PROBATION"
        world.views[IRELAND.id] = AwsView(account=Account(word, True, True, 50_000, 0))
        world.run(START + number * BUCKET)
    pending = world.state().pending
    assert len(pending) <= MOST_PENDING and pending[-1].at == START + (ticks - 1) * BUCKET
    assert len(world.items[IRELAND.id].text) < 200_000
    world.faults.clear()
    world.run(START + ticks * BUCKET)
    assert world.state().pending == () and len(reasons(world.told)) == len(pending)


def test_what_waited_in_a_memory_that_makes_no_sense_is_told_as_it_is_now(world: World) -> None:
    tick = ruined(world)
    world.faults = {"tell"}
    bad_run(world, tick)
    [waiting] = world.state().pending
    world.items[IRELAND.id] = replace(world.items[IRELAND.id], text=world.items[IRELAND.id].text[:-9])
    world.faults.clear()
    outcome = bad_run(world, tick + BUCKET)
    assert "set aside" in outcome.failures[0] and waiting.alert in world.items[IRELAND.id].rejected
    assert [(a.alert, a.reason.value) for batch in world.told for a in batch] == [(waiting.alert, "opened")]
