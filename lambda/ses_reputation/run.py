"""One run: gather, decide and apply for each target, then announce what is pending, channel by channel.

The order makes that nothing is lost: metrics, then the memory with the notifications pending in it, then the messages, then
the memory without them. A run that dies anywhere leaves what is pending to the next; at worst a message is repeated, and
its alert and sequence number say so. What fails is noted and stops nothing else: a channel that is down repeats nothing on
another. What the memory could not be told is kept in this process, so that a retry need not repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Protocol

from .aws.errors import AWS_ERRORS, code_of, is_refusal
from .aws.store import Item, Overtaken
from .core import state as stored
from .core.account import NOT_ASKED, AwsView
from .core.decide import decide, recalled
from .core.history import BUCKET, Instant
from .core.plan import Gauge, Notification, Plan, State
from .core.readings import Statistics
from .core.rules import Policy, Verdict
from .core.target import Target

THREADS = 8
"""Targets looked at side by side; more threads than this only cost memory."""

UNNOTED = 1_000
"""So much of what was told but could not be noted is kept in the process: far more than any outage of the memory brings."""

SET_ASIDE = 100_000
"""So much of a state that makes no sense is kept beside the new one: an item holds 400 KB at most."""


class Remembers(Protocol):
    """A memory of states; see aws/memory.py."""

    def load(self, target_id: str) -> Item | None: ...
    def save(self, target_id: str, new: Item) -> None: ...


@dataclass(frozen=True)
class Tick:
    """The scheduled time of a run, and what else a run must know of time."""

    at: Instant
    every: int = BUCKET  # seconds from one to the next
    latest: Instant | None = None  # a memory of a later tick than this is damaged; None where nobody knows
    patience: float | None = None  # seconds for looking at the targets; None without end


@dataclass(frozen=True)
class Channel:
    """A way to tell: people, or a chat."""

    name: str
    batch: int  # notifications in one message
    send: Callable[[Sequence[Notification]], None]


class Unnoted:
    """What this process has told and could not note: told again it would be repeated, forgotten it would be told again."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], None] = {}

    def __contains__(self, said: tuple[str, Notification]) -> bool:
        return self._key(*said) in self._known

    def add(self, channel: str, notification: Notification) -> None:
        self._known[self._key(channel, notification)] = None
        while len(self._known) > UNNOTED:
            del self._known[next(iter(self._known))]

    def noted(self, channel: str, notification: Notification) -> None:
        self._known.pop(self._key(channel, notification), None)

    @staticmethod
    def _key(channel: str, notification: Notification) -> tuple[object, ...]:
        return channel, notification.target, notification.alert, notification.seq, notification.reason


@dataclass(frozen=True)
class Edges:
    """The ways out: what the world is read from and told by. Each raises `AWS_ERRORS` but `read` and `ask`, which answer."""

    read: Callable[[Target], Statistics]
    ask: Callable[[Target, Instant], AwsView]
    put_gauges: Callable[[Target, Sequence[Gauge]], None]
    memory: Remembers
    channels: Sequence[Channel]
    unnoted: Unnoted = field(default_factory=Unnoted)


@dataclass
class Outcome:
    """How far a run got with one target."""

    plan: Plan
    item: Item | None = None  # what is in the memory now; None where it cannot be used
    failures: list[str] = field(default_factory=list)
    bug: BaseException | None = None  # what the monitor itself did wrong

    @property
    def pending(self) -> tuple[Notification, ...]:
        """What is to be announced; without a memory, only what is new at this tick."""
        return self.plan.notifications if self.item is None else self.plan.state.pending


def watch_all(targets: Sequence[Target], tick: Tick, policy: Policy, edges: Edges) -> list[Outcome]:
    """Every target on its own, and then everything there is to say, together.

    A target that does not answer in time, or at which the monitor itself breaks, is a failure of its own and keeps nothing
    of the others back.
    """
    pool = ThreadPoolExecutor(min(THREADS, len(targets)))
    looks = [pool.submit(watch, target, tick, policy, edges) for target in targets]
    wait(looks, tick.patience)
    pool.shutdown(wait=False, cancel_futures=True)
    outcomes = [_outcome(target, look, tick.at) for target, look in zip(targets, looks, strict=True)]
    announce(outcomes, edges)
    return outcomes


def _outcome(target: Target, look: Future[Outcome], now: Instant) -> Outcome:
    unknown = Outcome(Plan(target, Verdict.UNKNOWN, (), (), State(tick=now), NOT_ASKED))
    if look.cancelled() or not look.done():
        unknown.failures.append("it could not be looked at in time")
        return unknown
    unknown.bug = look.exception()
    if unknown.bug is not None:
        unknown.failures.append(f"the monitor itself broke ({type(unknown.bug).__name__})")
        return unknown
    return look.result()


def watch(target: Target, tick: Tick, policy: Policy, edges: Edges) -> Outcome:
    """Gathers, decides and applies for one target, up to and without the telling."""
    failures: list[str] = []
    now = tick.at
    item, remembered = _recall(target, tick, edges.memory, failures)
    statistics, aws = edges.read(target), edges.ask(target, now)
    if item is None:
        remembered = recalled(target, statistics, policy, now, aws, tick.every)
    elif remembered is None and item.version:
        # What waited in it to be told is not known: what is open is told once more rather than never.
        before = recalled(target, statistics, policy, now, aws, tick.every)
        remembered = replace(before, judged=None, alerts=())
    plan = decide(target, statistics, remembered, policy, now, aws)
    if plan.gauges:
        try:
            edges.put_gauges(target, plan.gauges)
            plan = replace(plan, state=replace(plan.state, published=now))
        except AWS_ERRORS as error:
            failures.append(f"the metrics could not be published ({code_of(error)})")
    if item is not None and plan.state != remembered:
        try:
            item = _save(target, edges.memory, item, plan.state)
        except Overtaken as overtaken:
            if _reached(overtaken.item, now):  # by the same event delivered twice, or a later one: that run tells
                return Outcome(replace(plan, notifications=()), None, failures)
            item = None
            failures.append("the memory is written by something else")
        except AWS_ERRORS as error:
            item = None
            failures.append(f"the memory could not be written ({code_of(error)})")
        if item is None:
            remembered = recalled(target, statistics, policy, now, aws, tick.every)
            plan = decide(target, statistics, remembered, policy, now, aws)
    return Outcome(plan, item, failures)


def _recall(target: Target, tick: Tick, memory: Remembers, failures: list[str]) -> tuple[Item | None, State | None]:
    """The stored item, or None where it must not be written over, and the state in it, or None where there is none that makes
    sense."""
    try:
        item = memory.load(target.id)
    except AWS_ERRORS as error:
        failures.append(f"the memory could not be read ({code_of(error)})")
        return None, None
    if item is None:
        return Item(0, stored.SCHEMA, ""), None
    if item.schema > stored.SCHEMA:
        failures.append(f"the memory was written by a newer version (schema {item.schema})")
        return None, None
    try:
        return item, stored.from_text(item.text, tick.latest)
    except stored.BadState as error:
        failures.append(f"the memory made no sense and was set aside ({error})")
        return replace(item, rejected=item.text[:SET_ASIDE] + "…"), None


def _save(target: Target, memory: Remembers, item: Item, state: State) -> Item:
    new = Item(item.version + 1, stored.SCHEMA, stored.to_text(state), item.rejected)
    memory.save(target.id, new)
    return new


def _reached(item: Item | None, now: Instant) -> bool:
    """Whether the run that wrote `item` has handled the tick `now` or a later one."""
    try:
        return item is not None and stored.from_text(item.text).tick >= now
    except stored.BadState:
        return False


def announce(outcomes: Sequence[Outcome], edges: Edges) -> None:
    """Tells what is pending of all targets on every channel, worst first, and notes what was told."""
    pending = [(outcome, notification) for outcome in outcomes for notification in outcome.pending]
    pending.sort(key=lambda pair: (-pair[1].severity, pair[1].at))
    for channel in edges.channels:
        due = [(outcome, a) for outcome, a in pending if a in outcome.pending and not _told(channel.name, a, outcome)]
        known = [(channel.name, notification) in edges.unnoted for _, notification in due]
        _note_told(list(compress(due, known)), channel.name, edges)
        new = [pair for pair, told in zip(due, known, strict=True) if not told]
        for start in range(0, len(new), channel.batch):
            _tell(new[start : start + channel.batch], channel, edges)


def _tell(batch: Due, channel: Channel, edges: Edges) -> None:
    """Tells `batch` in one message; what is refused one by one, so that none can keep the others back."""
    try:
        channel.send([notification for _, notification in batch])
    except Exception as error:  # noqa: BLE001 - the monitor's own fault in wording one must not silence the rest
        own = not isinstance(error, AWS_ERRORS)
        if len(batch) > 1 and (own or is_refusal(error)):
            for pair in batch:
                _tell([pair], channel, edges)
            return
        for outcome in _outcomes(batch):
            outcome.failures.append(f"a notification could not be sent to {channel.name} ({code_of(error)})")
            if own:
                outcome.bug = error
    else:
        _note_told(batch, channel.name, edges)


Due = Sequence[tuple[Outcome, Notification]]


def _outcomes(batch: Due) -> Iterable[Outcome]:
    return {id(outcome): outcome for outcome, _ in batch}.values()


def _told(channel: str, notification: Notification, outcome: Outcome) -> bool:
    return _mark(channel, notification) in outcome.plan.state.told


def _mark(channel: str, notification: Notification) -> str:
    return f"{channel} {notification.alert} {notification.seq}"


def _note_told(batch: Due, channel: str, edges: Edges) -> None:
    """What every channel has told is no longer pending; what only some have is marked."""
    for outcome in _outcomes(batch):
        said = [notification for whose, notification in batch if whose is outcome]
        for notification in said:
            edges.unnoted.add(channel, notification)
        if outcome.item is None:
            continue
        state = outcome.plan.state
        marks = {*state.told, *(_mark(channel, notification) for notification in said)}
        names = [known.name for known in edges.channels]
        left = tuple(a for a in state.pending if any(_mark(name, a) not in marks for name in names))
        told = tuple(_mark(name, a) for a in left for name in names if _mark(name, a) in marks)
        state = replace(state, pending=left, told=told)
        try:
            outcome.item = _save(outcome.plan.target, edges.memory, outcome.item, state)
        except Overtaken:
            pass  # a later run has read what was pending, and repeats it: a receiver knows it by alert and number
        except AWS_ERRORS as error:
            outcome.failures.append(f"a notification was sent but could not be noted ({code_of(error)})")
        else:
            outcome.plan = replace(outcome.plan, state=state)
            for notification in said:
                edges.unnoted.noted(channel, notification)
