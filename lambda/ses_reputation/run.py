"""Look at each target: gather, decide, and store the state with its outbox, which outbox.py then delivers.

The order keeps every alert: metrics, then the state with its outbox, then the notifications, then the state without them. A run
that dies anywhere leaves the rest to the next one. What fails is noted and stops nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, TypeGuard

from .aws.errors import AWS_ERRORS, code_of, place_of
from .aws.store import Item, Overtaken
from .core import state as stored
from .core.checks.base import Context, Seen
from .core.decide import Gauge, Plan, assumed, decide, overall
from .core.history import BUCKET, Instant
from .core.notification import Document
from .core.orders import Orders
from .core.pause_record import PauseReading
from .core.readings import Readings, Trouble, Unreadable
from .core.rules import Policy, Verdict
from .core.state import Delivery, State
from .core.target import Target

THREADS = 16
"""Targets looked at side by side: each waits most of the time. More threads only cost memory."""

SET_ASIDE = 100_000
"""Most of an unreadable state that is kept beside the new one, in characters: an item holds 400 KB at most."""

TRIES = 3
"""Most times that a state is decided again when another run has written meanwhile."""


class Store(Protocol):
    """A store of states; see aws/store.py."""

    def load(self, target_id: str) -> Item | None: ...
    def save(self, target_id: str, new: Item) -> None: ...


@dataclass(frozen=True)
class Tick:
    """Scheduled time of a run, and what else a run must know of time."""

    at: Instant
    every: int = BUCKET  # seconds from one to the next
    wall: Instant | None = None  # what a clock on the wall says; None: the scheduled time
    ahead: int = 0  # a stored tick may be this many seconds later than the clock; a later one is damaged
    patience: float | None = None  # seconds for looking at the targets; None: no limit
    longest: int = 300  # seconds after which this run has surely ended

    @property
    def clock(self) -> Instant:
        """The present, as far as it is known."""
        return self.at if self.wall is None else self.wall

    @property
    def latest(self) -> Instant | None:
        """Latest tick that a stored state can have; None if nobody knows."""
        return None if self.wall is None else self.wall + self.ahead


@dataclass(frozen=True)
class Channel:
    """One way for notifications to people or a chat."""

    name: str
    batch: int  # notifications in one message
    send: Callable[[Sequence[Document]], None]
    summarise: Callable[[Sequence[Document]], None] | None = None  # sends very many as one message


class Explained(NamedTuple):
    """A plan whose notifications say the cause, and the monitor's own faults on the way to it."""

    plan: Plan
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edges:
    """Ways out of a run. Each raises `AWS_ERRORS`, except `read`, `explain` and `attend` (to pauses), which answer."""

    read: Callable[[Target, Instant], Readings]
    put_gauges: Callable[[Target, Sequence[Gauge]], None]
    store: Store
    channels: Sequence[Channel]
    explain: Callable[[Plan], Explained] = Explained
    orders: Orders = Orders()  # of the team
    attend: Callable[[Plan, State | None], tuple[PauseReading | None, tuple[str, ...]]] = lambda *_: (None, ())
    has_metrics: Callable[[Target], bool] = lambda _: True  # metrics of its own
    unnoted: dict[tuple[str, str, str], None] = field(
        default_factory=dict
    )  # sent by this process, not noted: see outbox.py


@dataclass
class Outcome:
    """How far a run got with one target."""

    plan: Plan
    item: Item | None = None  # what is stored now; None if the store cannot be used
    mine: tuple[Delivery, ...] = ()  # deliveries that this run has to make
    failures: list[str] = field(default_factory=list)
    bug: BaseException | None = None  # the monitor's own fault
    not_set_up: bool = False  # the role has never let the monitor in: the fleet's alert says so
    not_reached: bool = False  # there was no time


def look_at_all(
    targets: Sequence[Target],
    tick: Tick,
    policy_of: Callable[[Target], Policy],
    edges: Edges,
    context: Context = Context(),
) -> list[Outcome]:
    """Look at every target on its own, in this order.

    One that does not answer in time, or at which the monitor itself breaks, is a failure of its own and keeps nothing of the
    others back.
    """
    pool = ThreadPoolExecutor(min(THREADS, max(1, len(targets))))
    looks = [pool.submit(_look_at, target, tick, policy_of(target), edges, context) for target in targets]
    wait(looks, tick.patience)
    pool.shutdown(wait=False, cancel_futures=True)
    return [_outcome(target, look, policy_of(target), tick) for target, look in zip(targets, looks, strict=True)]


def _look_at(target: Target, tick: Tick, policy: Policy, edges: Edges, context: Context) -> Outcome:
    """Look at one target, and keep no more of it than the rest of the run needs: a thousand histories would fill the memory."""
    outcome = look_at(target, tick, policy, edges, context)
    plan, seen, statistics = outcome.plan, outcome.plan.seen, outcome.plan.seen.readings.statistics
    short = statistics if isinstance(statistics, Unreadable) else statistics[:1]
    light = replace(seen, readings=replace(seen.readings, statistics=short), history=None, evaluations={})
    state = plan.state if outcome.mine else replace(plan.state, totals=(), witness=None)  # it is stored
    outcome.plan = replace(plan, state=state, seen=light, make_gauges=tuple)
    if outcome.item is not None:
        outcome.item = replace(outcome.item, text="")  # a save needs its version alone
    return outcome


def _outcome(target: Target, look: Future[Outcome], policy: Policy, tick: Tick) -> Outcome:
    if look.done() and not look.cancelled() and look.exception() is None:
        return look.result()
    late = look.cancelled() or not look.done()
    outcome = unknown(
        target, tick, policy, Unreadable(Trouble.TIMED_OUT if late else Trouble.FAILED, "it was not looked at")
    )
    if late:
        outcome.not_reached = True
        outcome.failures.append("it could not be looked at in time")
    else:
        outcome.bug = look.exception()
        outcome.failures.append(f"the monitor itself failed ({type(outcome.bug).__name__})")
    return outcome


def unknown(target: Target, tick: Tick, policy: Policy, why: Unreadable) -> Outcome:
    """A target of which nothing is known, and nothing changes."""
    seen = Seen(target, tick.at, policy, Readings(why))
    return Outcome(Plan(target, Verdict.UNKNOWN, {}, (), State(tick=tick.at), seen))


def look_at(target: Target, tick: Tick, policy: Policy, edges: Edges, context: Context = Context()) -> Outcome:
    """Gather, decide and apply for one target, all but the delivery."""
    failures: list[str] = []
    item, before = _load(target, tick, edges.store, failures)
    readings = replace(edges.read(target, tick.at), orders=edges.orders)
    statistics = readings.statistics
    if before is None and not (item is not None and item.version) and _has_no_role(statistics):
        return replace(unknown(target, tick, policy, statistics), failures=failures, not_set_up=True)
    return _Look(target, tick, policy, edges, context, readings, failures).outcome(item, before)


def _has_no_role(statistics: object) -> TypeGuard[Unreadable]:
    return isinstance(statistics, Unreadable) and statistics.trouble is Trouble.ROLE


@dataclass(frozen=True)
class _Look:
    """One target at one tick, as it was read."""

    target: Target
    tick: Tick
    policy: Policy
    edges: Edges
    context: Context
    readings: Readings
    failures: list[str]  # so far

    def outcome(self, item: Item | None, before: State | None) -> Outcome:
        """Decide and store, over what another run has written meanwhile too. No item: it cannot be used."""
        target, tick = self.target, self.tick
        if item is None:
            return self._unsaved(before)
        if before is None and item.version:  # unreadable: what is open is notified once more rather than never
            known = assumed(target, self.readings, None, self.policy, tick.at, tick.every)
            before = replace(known, evaluated=None, tracks={}, sent={})
        plan = self._decided(before, self.failures)
        for _ in range(TRIES):
            state, mine = claimed(plan.state, tick)
            if state == before:
                return Outcome(plan, item, mine, self.failures)
            try:
                item = save(target, self.edges.store, item, state)
            except Overtaken as overtaken:
                there = _decoded(overtaken.item, tick)
                if overtaken.item is None or there is None:
                    break
                if there.tick >= tick.at:  # the same event delivered twice, or a later run: that one delivers
                    return Outcome(replace(plan, documents=()), None, (), self.failures)
                item, before = overtaken.item, there
                plan = self._decided(before, [])
            except AWS_ERRORS as error:
                self.failures.append(f"the state could not be written ({code_of(error)})")
                return self._unsaved(before)
            else:
                return Outcome(replace(plan, state=state), item, mine, self.failures)
        self.failures.append("the state is written by something else")
        return self._unsaved(before)

    def _decided(self, before: State | None, failures: list[str]) -> Plan:
        """Decide, attend to pauses, publish the metrics, and say who causes it."""
        plan = self._plan(self.readings, before)
        pause = _attended(plan, before, self.edges, failures)
        if pause is not None:
            plan = self._plan(self.readings, before, pause)
        if self.edges.has_metrics(self.target) and plan.gauges:
            try:
                self.edges.put_gauges(self.target, plan.gauges)
                plan = replace(plan, state=replace(plan.state, published=self.tick.at))
            except AWS_ERRORS as error:
                failures.append(f"the metrics could not be published ({code_of(error)})")
        return _explained(plan, self.edges, failures)

    def _plan(self, readings: Readings, before: State | None, pause: PauseReading | None = None) -> Plan:
        return decide(self.target, readings, before, self.policy, self.tick.at, self.context, pause)

    def _unsaved(self, before: State | None) -> Outcome:
        """A run whose state cannot be stored delivers what is new at this tick, once, and fails loudly."""
        usable = self.readings
        if before is None:  # AWS's view has no past to tell apart: the failing run is what speaks of it
            usable = usable.without_aws
        known = assumed(self.target, usable, before, self.policy, self.tick.at, self.tick.every)
        plan = _explained(self._plan(usable, known), self.edges, self.failures)
        if before is None:  # and what was not evaluated is not healthy
            seen = replace(plan.seen, readings=self.readings)
            plan = replace(plan, verdict=overall((plan.verdict, Verdict.UNKNOWN)), seen=seen)
        new = {id(document) for document in plan.documents}
        mine = tuple(delivery for delivery in plan.state.outbox if id(delivery.document) in new)
        return Outcome(plan, None, mine, self.failures)


def _attended(plan: Plan, before: State | None, edges: Edges, failures: list[str]) -> PauseReading | None:
    try:
        pause, broken = edges.attend(plan, before)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a pause must not keep the alert back
        pause, broken = None, (f"the pause could not be attended to ({place_of(error)})",)
    failures.extend(broken)
    return pause


def _explained(plan: Plan, edges: Edges, failures: list[str]) -> Plan:
    try:
        plan, broken = edges.explain(plan)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the search for a cause must not keep the alert back
        broken = (f"the search for the cause failed ({place_of(error)})",)
    failures.extend(broken)
    return plan


def claimed(state: State, tick: Tick) -> tuple[State, tuple[Delivery, ...]]:
    """Claim every delivery that is due and that no other run is making: the state with the claims, and those deliveries.

    A claim ends when its run has surely ended, and at the next tick at the latest: a run that is killed loses nothing.
    """
    outbox = tuple(
        replace(delivery, claimed_by=tick.at, claimed_until=tick.clock + tick.longest)
        if _is_free(delivery, tick) and _is_due(delivery, tick)
        else delivery
        for delivery in state.outbox
    )
    mine = tuple(new for old, new in zip(state.outbox, outbox, strict=True) if new is not old)
    return (replace(state, outbox=outbox) if mine else state), mine


def _is_free(delivery: Delivery, tick: Tick) -> bool:
    return delivery.claimed_until <= tick.clock or delivery.claimed_by + tick.every <= tick.at


RARELY = 3_600
"""Seconds between attempts of a delivery that got no answer twice: it may have arrived each time."""


def _is_due(delivery: Delivery, tick: Tick) -> bool:
    return delivery.unsure < 2 or tick.at - delivery.tried_at >= RARELY


def _load(target: Target, tick: Tick, store: Store, failures: list[str]) -> tuple[Item | None, State | None]:
    """Load a target's item and decode it. The item is None if it must not be overwritten."""
    try:
        item = store.load(target.id)
    except AWS_ERRORS as error:
        failures.append(f"the state could not be read ({code_of(error)})")
        return None, None
    if item is None:
        return Item(0, stored.SCHEMA, ""), None
    if item.schema > stored.SCHEMA:
        failures.append(f"the state was written by a newer version (schema {item.schema})")
        return None, None
    try:
        return item, stored.from_text(item.text, tick.latest, item.schema)
    except stored.BadState as error:
        failures.append(f"the state was unreadable and was set aside ({error})")
        return replace(item, rejected=item.text[:SET_ASIDE] + "…"), None


def _decoded(item: Item | None, tick: Tick) -> State | None:
    try:
        if item is None or item.schema > stored.SCHEMA:
            return None
        return stored.from_text(item.text, tick.latest, item.schema)
    except stored.BadState:
        return None


def save(target: Target, store: Store, item: Item, state: State) -> Item:
    """Store `state` over `item`. Raise `Overtaken` or what botocore raises."""
    new = Item(item.version + 1, stored.SCHEMA, stored.to_text(state), item.rejected)
    store.save(target.id, new)
    return new
