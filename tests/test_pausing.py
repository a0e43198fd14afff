"""A pause from its message to its resume, while each call of a run fails in turn: done once, noted, and never lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from ses_reputation.aws.store import Item, Overtaken
from ses_reputation.core import pause_record as stored
from ses_reputation.core.cause import CauseReading, Question
from ses_reputation.core.cause import Part as CausePart
from ses_reputation.core.decide import Gauge
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant, Point
from ses_reputation.core.notification import Document
from ses_reputation.core.orders import Mute, Orders
from ses_reputation.core.pause_level import Level, Part
from ses_reputation.core.pause_record import Pause, Stage
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, AwsRate, Readings
from ses_reputation.core.rules import default_policy
from ses_reputation.core.state import from_text
from ses_reputation.core.target import Target
from ses_reputation.outbox import deliver
from ses_reputation.pausing import Pausing
from ses_reputation.run import Channel, Edges, Outcome, Tick, look_at_all

NOW = 1_738_368_000
TARGET = Target("123456789012", "eu-west-1")
KEY = stored.key_of(TARGET.id)
POLICY = default_policy()
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "PutAccountSendingAttributes")
TIMED_OUT = ReadTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com")


class Killed(BaseException):
    """The process ends here."""


class World:
    """A sender that is bad from eight hours before `NOW`, and everything that a run calls."""

    def __init__(self, level: Level = Level.ACCOUNT) -> None:
        self.level = level
        self.cause: CauseReading | None = None
        self.items: dict[str, Item] = {}
        self.sent: list[Document] = []
        self.off: list[Pause] = []  # calls that pause
        self.sending = True
        self.rate = 0.031
        self.orders = Orders()
        self.fails: dict[str, BaseException] = {}
        self.last_email = NOW + DAY
        self.clock: Instant | None = None  # wall clock; None: the tick

    def run(self, now: Instant) -> Outcome:
        pausing = Pausing(
            self.level,
            self,
            lambda *_: self.cause,
            self.switch_off,
            self.reference_of,
            clock=lambda: now if self.clock is None else self.clock,
        )
        edges = Edges(
            self.read,
            self.put_gauges,
            self,
            [Channel("people", 12, self.send)],
            orders=self.orders,
            attend=pausing.attend,
        )
        [outcome] = look_at_all((TARGET,), Tick(now), lambda _: POLICY, edges)
        deliver([outcome], Tick(now), edges)
        return outcome

    def read(self, target: Target, now: Instant) -> Readings:
        points = tuple(
            Point(at, 400, 90 if at >= NOW - 8 * HOUR else 3)
            for at in range(now - 14 * DAY, now, BUCKET)
            if at < self.last_email
        )
        account = Account("HEALTHY", self.sending, production=True, quota=1e6, used=0)
        return Readings(points, account, {Metric.BOUNCE: AwsRate(self.rate, now)})

    def put_gauges(self, target: Target, gauges: Sequence[Gauge]) -> None:
        """Receive them."""

    def load(self, target_id: str) -> Item | None:
        self._fail(f"load {target_id == KEY}")
        return self.items.get(target_id)

    def save(self, target_id: str, new: Item) -> None:
        stage = stored.from_text(new.text)[-1].stage.value if target_id == KEY else "state"
        self._fail(f"save {stage}")
        there = self.items.get(target_id)
        if (0 if there is None else there.version) != new.version - 1:
            raise Overtaken(there)
        self.items[target_id] = new
        self._fail(f"saved {stage}")

    def switch_off(self, target: Target, pause: Pause) -> None:
        self._fail("switch")
        self.off.append(pause)
        if pause.part is Part.ACCOUNT:
            self.sending = False
        self._fail("switched")

    def reference_of(self, target: Target, name: str) -> str:
        self._fail("lookup")
        return f"arn:aws:ses:eu-west-1:123456789012:tenant/{name}/tn-1"

    def send(self, documents: Sequence[Document]) -> None:
        self._fail("send")
        self.sent += documents

    def _fail(self, place: str) -> None:
        if place in self.fails:
            raise self.fails[place]

    def messages(self) -> list[tuple[str, str]]:
        """Return reason and title of each message about a pause."""
        return [(d["reason"], d["title"]) for d in self.sent if d["check"] == "pause"]

    def pauses(self) -> tuple[Pause, ...]:
        return stored.from_text(self.items[KEY].text) if KEY in self.items else ()

    def resume(self, at: Instant) -> None:
        """Resume as the command does."""
        item = self.items[KEY]
        *others, last = stored.from_text(item.text)
        ended = replace(last, stage=Stage.PAUSED, resumed_at=at, resumed_by="somebody")
        self.items[KEY] = Item(item.version + 1, 1, stored.to_text([*others, ended]))
        self.sending = True


WILL = ("opened", "CRITICAL: The monitor will pause the account in eu-west-1")
HAS = ("changed", "CRITICAL: The monitor has paused the account in eu-west-1")
FAILED = ("changed", "CRITICAL: The monitor could not pause the account in eu-west-1")


def named(*parts: CausePart, tenants: tuple[tuple[str, int, bool], ...] = ()) -> CauseReading:
    question = Question(Metric.BOUNCE, "eu-west-1", NOW - HOUR, NOW, {NOW - HOUR: 100})
    return CauseReading(question, parts=parts, on_tenant_lists=tenants)


NEWSLETTER = named(CausePart("configuration set", "newsletter", 90))
ACME = named(tenants=(("acme", 90, True),))


def test_a_pause_is_sent_then_done_at_the_next_tick_once() -> None:
    world = World()
    world.run(NOW)
    assert world.messages() == [WILL] and world.off == [] and world.pauses() == ()
    world.run(NOW + BUCKET)
    assert world.messages() == [WILL, HAS] and len(world.off) == 1
    [pause] = world.pauses()
    assert pause.in_force and "(rules aws-estimate and quarter-day)" in pause.why
    for tick in range(2, 12):
        assert world.run(NOW + tick * BUCKET).failures == []
    assert world.messages() == [WILL, HAS] and len(world.off) == 1


@pytest.mark.parametrize(
    ("level", "cause", "part", "name"),
    [
        (Level.SETS, NEWSLETTER, Part.SET, "newsletter"),
        (Level.TENANTS, ACME, Part.TENANT, "acme"),
        (Level.ACCOUNT, NEWSLETTER, Part.SET, "newsletter"),
        (Level.ACCOUNT, ACME, Part.TENANT, "acme"),
        (Level.ACCOUNT, named(), Part.ACCOUNT, ""),
        (Level.ACCOUNT, None, Part.ACCOUNT, ""),
    ],
)
def test_the_smallest_part_is_paused(level: Level, cause: CauseReading | None, part: Part, name: str) -> None:
    world = World(level)
    world.cause = cause
    world.run(NOW)
    world.run(NOW + BUCKET)
    [pause] = world.off
    assert (pause.part, pause.name) == (part, name)
    assert pause.reference == ("arn:aws:ses:eu-west-1:123456789012:tenant/acme/tn-1" if part is Part.TENANT else "")


@pytest.mark.parametrize("level", [Level.SETS, Level.TENANTS])
def test_without_a_name_nothing_is_paused_and_the_reason_is_given(level: Level) -> None:
    world = World(level)
    for tick in (NOW, NOW + BUCKET):
        outcome = world.run(tick)
    assert world.messages() == [] and world.off == []
    assert outcome.plan.seen.pause is not None
    assert outcome.plan.seen.pause.refusal == "bounce: the cause names no part of the email that may be paused"


def test_a_dry_run_sends_one_message_and_pauses_nothing() -> None:
    world = World(Level.DRY_RUN)
    world.cause = NEWSLETTER
    for tick in range(6):
        world.run(NOW + tick * BUCKET)
    assert world.messages() == [("opened", "WARNING: Dry run: a pause of a configuration set in eu-west-1")]
    assert world.off == [] and world.pauses() == ()


def test_with_pauses_switched_off_nothing_is_paused() -> None:
    world = World(Level.OFF)
    outcome = world.run(NOW)
    assert outcome.plan.seen.pause is not None and outcome.plan.seen.pause.refusal == "bounce: pauses are off"
    assert world.messages() == [] and world.off == []


def test_a_new_doubt_between_the_ticks_cancels_the_pause() -> None:
    world = World()
    world.run(NOW)
    world.orders = Orders((Mute(NOW, NOW + 2 * HOUR, "pause"),))
    for tick in range(1, 6):
        world.run(NOW + tick * BUCKET)
    assert world.off == [] and world.messages() == [
        WILL,
        ("resolved", "OK: The monitor pauses nothing in eu-west-1 now"),
    ]


def test_nothing_is_paused_before_the_message_is_delivered() -> None:
    world, deaf = World(), 3
    world.fails["send"] = DENIED
    for tick in range(deaf):
        world.run(NOW + tick * BUCKET)
    assert world.off == [] and world.sent == []
    world.fails.clear()
    world.run(NOW + deaf * BUCKET)
    assert world.off == [] and world.messages() == [WILL]
    world.run(NOW + (deaf + 1) * BUCKET)
    assert len(world.off) == 1 and world.messages() == [WILL, HAS]


def test_a_refused_pause_is_reported_and_retried() -> None:
    world = World()
    world.run(NOW)
    world.fails["switch"] = DENIED
    outcome = world.run(NOW + BUCKET)
    assert outcome.failures == ["all sending could not be paused (AccessDeniedException)"]
    assert world.messages() == [WILL, FAILED] and world.pauses()[-1].stage is Stage.FAILED
    assert world.run(NOW + 2 * BUCKET).failures and world.messages() == [WILL, FAILED]
    world.fails.clear()
    assert world.run(NOW + 3 * BUCKET).failures == []
    assert world.messages() == [WILL, FAILED, HAS] and len(world.off) == 1 and world.pauses()[-1].in_force


def test_a_call_without_an_answer_is_repeated() -> None:
    world = World()
    world.run(NOW)
    world.fails["switched"] = TIMED_OUT
    world.run(NOW + BUCKET)
    assert world.messages() == [WILL, FAILED] and world.sending is False and world.pauses()[-1].stage is Stage.DUE
    world.fails.clear()
    world.last_email = NOW + BUCKET
    world.run(NOW + 8 * BUCKET)
    assert world.messages() == [WILL, FAILED, HAS] and world.pauses()[-1].in_force


@pytest.mark.parametrize(
    "place", ["save due", "saved due", "switch", "switched", "save paused", "saved paused", "save state"]
)
def test_a_run_that_dies_is_completed_by_the_next(place: str) -> None:
    world = World()
    world.run(NOW)
    world.fails[place] = Killed()
    outcome = world.run(NOW + BUCKET)  # a thread of its own dies here
    assert isinstance(outcome.bug, Killed) and world.messages() == [WILL]
    world.fails.clear()
    world.run(NOW + 2 * BUCKET)
    world.run(NOW + 3 * BUCKET)
    assert world.messages() == [WILL, HAS] and world.pauses()[-1].in_force and len(world.pauses()) == 1
    assert {pause.part for pause in world.off} == {Part.ACCOUNT}


def begun_world(level: Level = Level.ACCOUNT, cause: CauseReading | None = None) -> World:
    """A world whose run dies after noting a pause as due, before the call."""
    world = World(level)
    world.cause = cause
    world.run(NOW)
    world.fails["saved due"] = Killed()
    world.run(NOW + BUCKET)
    world.fails.clear()
    return world


MUTED = Orders((Mute(NOW + BUCKET + 3, NOW + DAY, "pause"),))
BEGUN: dict[str, tuple[dict[str, object], CauseReading | None, int]] = {
    "muted": ({"orders": MUTED}, None, 2),
    "muted set": ({"orders": MUTED}, NEWSLETTER, 2),
    "orders unreadable": ({"orders": Orders(known=False)}, NEWSLETTER, 2),
    "off": ({"level": Level.OFF}, None, 2),
    "dry run": ({"level": Level.DRY_RUN}, NEWSLETTER, 2),
    "less allowed": ({"level": Level.SETS}, None, 2),
    "AWS contradicts": ({"rate": 0.001}, None, 2),
    "an hour later": ({}, NEWSLETTER, 6),
}


@pytest.mark.parametrize("case", BEGUN)
def test_a_started_pause_is_cancelled_by_a_doubt(case: str) -> None:
    changes, cause, tick = BEGUN[case]
    world = begun_world(cause=cause)
    vars(world).update(changes)
    outcome = world.run(NOW + tick * BUCKET)
    assert world.off == [] and outcome.plan.seen.pause is not None
    assert ("may be paused all the same" in outcome.plan.seen.pause.refusal) is (cause is not None)
    assert [(p.stage, p.trouble) for p in world.pauses()] == [(Stage.FAILED, "called off")]


def test_a_note_without_an_alert_pauses_nothing() -> None:
    world = World()
    forged = Pause(Stage.DUE, Part.ACCOUNT, "", "", "bounce-x", "", NOW)
    world.items[KEY] = Item(1, 1, stored.to_text([forged]))
    world.run(NOW)
    assert world.off == [] and world.pauses()[-1].stage is Stage.FAILED


@pytest.mark.parametrize("text", ["{", '{"pauses": [{"stage": "paused"}]}'])
def test_an_unreadable_record_pauses_nothing_and_fails_the_run(text: str) -> None:
    world = World()
    world.items[KEY] = Item(3, 1, text)
    for tick in (NOW, NOW + BUCKET):
        outcome = world.run(tick)
    assert "so nothing is paused" in outcome.failures[0] and world.off == [] and world.messages() == []
    assert "bounce" in {d["check"] for d in world.sent}


def test_a_store_that_fails_or_is_newer_pauses_nothing() -> None:
    world = World()
    world.run(NOW)
    world.items[KEY] = Item(1, 2, "{}")
    assert "newer version" in world.run(NOW + BUCKET).failures[0]
    del world.items[KEY]
    for tick, place in enumerate(("load True", "save due"), 2):
        world.fails = {place: DENIED}
        assert world.run(NOW + tick * BUCKET).failures
    assert world.off == []


def test_a_bug_in_the_pause_delays_no_alert() -> None:
    world = World()
    world.fails["load True"] = ZeroDivisionError()
    outcome = world.run(NOW)
    assert outcome.failures[0].startswith("the pause could not be attended to (ZeroDivisionError")
    assert [d["check"] for d in world.sent] == ["bounce"]


def test_a_tenant_that_cannot_be_looked_up_is_not_paused() -> None:
    world = World(Level.TENANTS)
    world.cause, world.fails["lookup"] = ACME, DENIED
    outcome = world.run(NOW)
    assert outcome.failures == ["tenant acme could not be looked up (AccessDeniedException)"] and world.messages() == []


def paused_world() -> World:
    world = World()
    world.run(NOW)
    world.run(NOW + BUCKET)
    world.last_email = NOW + BUCKET
    return world


def test_only_a_new_outbreak_pauses_again_after_a_resume() -> None:
    world = paused_world()
    world.run(NOW + 4 * HOUR)
    world.resume(NOW + 5 * HOUR)
    world.run(NOW + 5 * HOUR)
    assert world.messages()[2:] == [("resolved", "OK: The pause of the account in eu-west-1 is over")]
    assert "OK: SES bounce rate is counted anew in eu-west-1" in {d["title"] for d in world.sent}
    assert from_text(world.items[TARGET.id].text).rearmed == NOW + 5 * HOUR
    world.last_email = NOW + 9 * DAY
    for tick in range(NOW + 5 * HOUR + BUCKET, NOW + 14 * HOUR, BUCKET):
        world.run(tick)
    assert world.messages()[3:] == [WILL, HAS] and len(world.off) == 2 and len(world.pauses()) == 2


@pytest.mark.parametrize("skew", [-6 * HOUR, -5 * HOUR, 30 * 60, 20 * DAY])
def test_a_resume_with_a_wrong_clock_re_arms_once(skew: int) -> None:
    world = paused_world()
    world.run(NOW + 4 * HOUR)
    world.resume(NOW + 5 * HOUR + skew)
    armed = set()
    for tick in range(NOW + 5 * HOUR, NOW + 8 * HOUR, BUCKET):
        world.run(tick)
        armed.add(from_text(world.items[TARGET.id].text).rearmed)
    assert armed == {NOW + BUCKET if skew < 0 else NOW + 5 * HOUR}
    assert [d["title"] for d in world.sent].count("OK: SES bounce rate is counted anew in eu-west-1") == 1


@pytest.mark.parametrize("level", [Level.DRY_RUN, Level.SETS, Level.TENANTS])
def test_a_level_lowered_meanwhile_is_respected(level: Level) -> None:
    world = World()
    world.run(NOW)
    world.level = level
    world.run(NOW + BUCKET)
    assert world.off == []


def test_people_have_one_interval_between_message_and_pause() -> None:
    world = World()
    world.run(NOW)
    world.run(NOW + 10)  # an immediate run
    world.clock = NOW + 20
    world.run(NOW + BUCKET)  # from a fast clock or a manual event
    assert world.off == [] and world.messages() == [WILL]
    world.clock = NOW + 2 * BUCKET
    world.run(NOW + 2 * BUCKET)
    assert len(world.off) == 1


def test_a_server_error_may_have_paused_and_is_not_reported_as_failed() -> None:
    world = World()
    world.run(NOW)
    answer = {"Error": {"Code": "InternalFailure"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
    world.fails["switched"] = ClientError(answer, "PutAccountSendingAttributes")  # type: ignore[arg-type]
    world.run(NOW + BUCKET)
    assert world.pauses()[-1].stage is Stage.DUE
    world.fails.clear()
    world.run(NOW + 2 * BUCKET)
    assert world.pauses()[-1].in_force and world.messages() == [WILL, FAILED, HAS]


def test_a_failed_pause_is_dropped_when_the_cause_changes() -> None:
    world = World()
    world.cause, world.fails["switch"] = NEWSLETTER, DENIED
    for tick in range(3):
        world.run(NOW + tick * BUCKET)
    world.fails.clear()
    world.cause = named(CausePart("configuration set", "other", 95))
    world.run(NOW + 3 * BUCKET)
    assert world.off == []
    world.run(NOW + 4 * BUCKET)
    assert [pause.name for pause in world.off] == ["other"]


def test_an_old_pause_message_is_sent_again_when_the_cause_changes() -> None:
    world = World()
    world.cause = NEWSLETTER
    world.run(NOW)
    world.cause = named(CausePart("configuration set", "other", 95))
    world.run(NOW + 6 * BUCKET)
    assert world.off == [] and len(world.messages()) == 2
    world.run(NOW + 7 * BUCKET)
    assert [pause.name for pause in world.off] == ["other"]


def test_a_resume_between_the_call_and_its_note_is_kept() -> None:
    world = World()
    world.run(NOW)
    real = world.switch_off

    def switch_off(target: Target, pause: Pause) -> None:
        real(target, pause)
        world.resume(NOW + BUCKET + 1)

    world.switch_off = switch_off  # type: ignore[method-assign]
    for tick in range(1, 4):
        world.run(NOW + tick * BUCKET)
    assert len(world.off) == 1 and world.sending
    assert [pause.resumed_at is not None for pause in world.pauses()] == [True]


def test_a_part_resumed_before_the_call_is_not_paused() -> None:
    world = begun_world()
    real, loads = world.load, []

    def load(target_id: str) -> Item | None:
        loads.append(target_id)
        if target_id == KEY and loads.count(KEY) == 2:  # the first was for the reading
            world.resume(NOW + 2 * BUCKET)
        return real(target_id)

    world.load = load  # type: ignore[method-assign]
    world.run(NOW + 2 * BUCKET)
    assert world.off == [] and world.pauses()[-1].resumed_at == NOW + 2 * BUCKET


def test_an_account_resumed_by_hand_ends_the_alert_and_stays_on() -> None:
    world = paused_world()
    world.run(NOW + 2 * HOUR)
    world.sending, world.last_email = True, NOW + 9 * DAY
    for tick in range(NOW + 3 * HOUR, NOW + 5 * HOUR, BUCKET):
        world.run(tick)
    assert world.messages()[2:] == [("resolved", "OK: The pause of the account in eu-west-1 is over")]
    assert len(world.off) == 1


def test_a_pause_has_reminders_until_somebody_resumes() -> None:
    world = paused_world()
    world.level = Level.OFF
    for tick in range(NOW + 2 * HOUR, NOW + 26 * HOUR, HOUR):
        world.run(tick)
    assert world.messages()[2:] == [("reminder", "CRITICAL: The monitor has paused the account in eu-west-1")]


def test_two_runs_of_one_tick_leave_one_record() -> None:
    world = World()
    world.run(NOW)
    real = world.save

    def overtaken(target_id: str, new: Item) -> None:
        if target_id == KEY and not world.pauses():
            world.items[KEY] = Item(1, 1, new.text)  # the other run's note
        real(target_id, new)

    world.save = overtaken  # type: ignore[method-assign]
    world.run(NOW + BUCKET)
    assert len(world.pauses()) == 1 and world.pauses()[0].in_force
