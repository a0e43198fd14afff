"""One run: gather, decide and apply for each target, then announce what is pending, channel by channel.

The order makes that nothing is lost: metrics, then the memory with the announcements pending in it, then the messages, then
the memory without them. A run that dies anywhere leaves what is pending to the next; at worst a message is repeated, and
its episode and sequence number say so. What fails is noted and stops nothing else: a channel that is down repeats nothing on
another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

from .aws.failure import AWS_ERRORS, code_of
from .aws.memory import Item, Overtaken
from .core import stored
from .core.account import AwsView
from .core.decide import Announcement, Gauge, Plan, State, decide, recalled
from .core.history import Instant
from .core.reading import Statistics
from .core.rules import Policy
from .core.target import Target

THREADS = 8
"""Targets looked at side by side; more threads than this only cost memory."""


SET_ASIDE = 100_000
"""So much of a state that makes no sense is kept beside the new one: an item holds 400 KB at most."""


class Remembers(Protocol):
    """A memory of states; see aws/memory.py."""

    def load(self, target_id: str) -> Item | None: ...
    def save(self, target_id: str, new: Item, *, rejected: str = "") -> None: ...


@dataclass(frozen=True)
class Channel:
    """A way to tell: people, or a chat."""

    name: str
    batch: int  # announcements in one message
    send: Callable[[Sequence[Announcement]], None]


@dataclass(frozen=True)
class Edges:
    """The ways out: what the world is read from and told by. Each raises `AWS_ERRORS` but `read` and `ask`, which answer."""

    read: Callable[[Target], Statistics]
    ask: Callable[[Target, Instant], AwsView]
    put_gauges: Callable[[Target, Sequence[Gauge]], None]
    memory: Remembers
    channels: Sequence[Channel]


@dataclass
class Outcome:
    """How far a run got with one target."""

    plan: Plan
    item: Item | None = None  # what is in the memory now; None where it cannot be used
    failures: list[str] = field(default_factory=list)

    @property
    def pending(self) -> tuple[Announcement, ...]:
        """What is to be announced; without a memory, only what is new at this tick."""
        return self.plan.announcements if self.item is None else self.plan.state.pending


def watch_all(targets: Sequence[Target], now: Instant, policy: Policy, edges: Edges) -> list[Outcome]:
    """Every target on its own, and then everything there is to say, together."""
    if len(targets) == 1:
        outcomes = [watch(targets[0], now, policy, edges)]
    else:
        with ThreadPoolExecutor(min(THREADS, len(targets))) as pool:
            outcomes = list(pool.map(lambda target: watch(target, now, policy, edges), targets))
    announce(outcomes, edges)
    return outcomes


def watch(target: Target, now: Instant, policy: Policy, edges: Edges) -> Outcome:
    """Gathers, decides and applies for one target, up to and without the telling."""
    failures: list[str] = []
    item, remembered, rejected = _recall(target, edges.memory, failures)
    statistics, aws = edges.read(target), edges.ask(target, now)
    if item is None or rejected:
        remembered = recalled(target, statistics, policy, now, aws)
    plan = decide(target, statistics, remembered, policy, now, aws)
    if plan.gauges:
        try:
            edges.put_gauges(target, plan.gauges)
            plan = replace(plan, state=replace(plan.state, published=now))
        except AWS_ERRORS as error:
            failures.append(f"the metrics could not be published ({code_of(error)})")
    if item is not None and plan.state != remembered:
        try:
            item = _save(target, edges.memory, item, plan.state, rejected)
        except Overtaken as overtaken:
            if _reached(overtaken.item, now):  # by the same event delivered twice, or a later one: that run tells
                return Outcome(replace(plan, announcements=()), None, failures)
            item = None
            failures.append("the memory is written by something else")
        except AWS_ERRORS as error:
            item = None
            failures.append(f"the memory could not be written ({code_of(error)})")
        if item is None:
            plan = decide(target, statistics, recalled(target, statistics, policy, now, aws), policy, now, aws)
    return Outcome(plan, item, failures)


def _recall(target: Target, memory: Remembers, failures: list[str]) -> tuple[Item | None, State | None, str]:
    """The stored item, or None where it must not be written over; the state in it; and its text if that makes no sense."""
    try:
        item = memory.load(target.id)
    except AWS_ERRORS as error:
        failures.append(f"the memory could not be read ({code_of(error)})")
        return None, None, ""
    if item is None:
        return Item(0, stored.SCHEMA, ""), None, ""
    if item.schema > stored.SCHEMA:
        failures.append(f"the memory was written by a newer version (schema {item.schema})")
        return None, None, ""
    try:
        return item, stored.from_text(item.text), ""
    except stored.BadState as error:
        failures.append(f"the memory made no sense and was set aside ({error})")
        return item, None, item.text[:SET_ASIDE] + "…"


def _save(target: Target, memory: Remembers, item: Item, state: State, rejected: str = "") -> Item:
    new = Item(item.version + 1, stored.SCHEMA, stored.to_text(state))
    memory.save(target.id, new, rejected=rejected)
    return new


def _reached(item: Item | None, now: Instant) -> bool:
    """Whether the run that wrote `item` has handled the tick `now` or a later one."""
    try:
        return item is not None and stored.from_text(item.text).tick >= now
    except stored.BadState:
        return False


def announce(outcomes: Sequence[Outcome], edges: Edges) -> None:
    """Tells what is pending of all targets on every channel, worst first, and notes what was told."""
    pending = [(outcome, announcement) for outcome in outcomes for announcement in outcome.pending]
    pending.sort(key=lambda pair: (-pair[1].severity, pair[1].at))
    names = [channel.name for channel in edges.channels]
    for channel in edges.channels:
        due = [(outcome, a) for outcome, a in pending if a in outcome.pending and not _told(channel.name, a, outcome)]
        for start in range(0, len(due), channel.batch):
            batch = due[start : start + channel.batch]
            try:
                channel.send([announcement for _, announcement in batch])
            except AWS_ERRORS as error:
                for outcome in _outcomes(batch):
                    outcome.failures.append(f"an announcement could not be sent to {channel.name} ({code_of(error)})")
            else:
                _note_told(batch, channel.name, names, edges.memory)


Due = Sequence[tuple[Outcome, Announcement]]


def _outcomes(batch: Due) -> Iterable[Outcome]:
    return {id(outcome): outcome for outcome, _ in batch}.values()


def _told(channel: str, announcement: Announcement, outcome: Outcome) -> bool:
    return _mark(channel, announcement) in outcome.plan.state.told


def _mark(channel: str, announcement: Announcement) -> str:
    return f"{channel} {announcement.episode} {announcement.seq}"


def _note_told(batch: Due, channel: str, channels: Sequence[str], memory: Remembers) -> None:
    """What every channel has told is no longer pending; what only some have is marked."""
    for outcome in _outcomes(batch):
        if outcome.item is None:
            continue
        state = outcome.plan.state
        marks = {*state.told, *(_mark(channel, a) for o, a in batch if o is outcome)}
        left = tuple(a for a in state.pending if any(_mark(name, a) not in marks for name in channels))
        told = tuple(_mark(name, a) for a in left for name in channels if _mark(name, a) in marks)
        state = replace(state, pending=left, told=told)
        try:
            outcome.item = _save(outcome.plan.target, memory, outcome.item, state)
            outcome.plan = replace(outcome.plan, state=state)
        except Overtaken:
            pass  # a later run has read what was pending, and repeats it: a receiver knows it by episode and number
        except AWS_ERRORS as error:
            outcome.failures.append(f"an announcement was sent but could not be noted ({code_of(error)})")
