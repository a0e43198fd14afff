"""One run: gather, decide and apply for each target, then announce what is pending.

The order makes that nothing is lost: metrics, then the memory with the announcements pending in it, then the messages, then
the memory without them. A run that dies anywhere leaves what is pending to the next; at worst a message is repeated, and
its episode and sequence number say so. What fails is noted and stops nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

from .aws.failure import AWS_ERRORS, code_of
from .aws.memory import Item, Overtaken
from .core import stored
from .core.decide import Announcement, Gauge, Plan, State, decide, recalled
from .core.history import Instant
from .core.reading import Statistics
from .core.rules import Policy
from .core.target import Target

THREADS = 8
"""Targets looked at side by side; more threads than this only cost memory."""

BATCH = 20
"""Announcements in one message: SNS takes 256 KiB at most."""

SET_ASIDE = 100_000
"""So much of a state that makes no sense is kept beside the new one: an item holds 400 KB at most."""


class Remembers(Protocol):
    """A memory of states; see aws/memory.py."""

    def load(self, target_id: str) -> Item | None: ...
    def save(self, target_id: str, new: Item, *, rejected: str = "") -> None: ...


@dataclass(frozen=True)
class Edges:
    """The ways out: what the world is read from and told by. Each raises `AWS_ERRORS` but `read`, which answers."""

    read: Callable[[Target], Statistics]
    put_gauges: Callable[[Target, Sequence[Gauge]], None]
    memory: Remembers
    tell: Callable[[Sequence[Announcement]], None]


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
    reading = edges.read(target)
    usable = item is not None and not rejected
    plan = decide(target, reading, remembered if usable else recalled(target, reading, policy, now), policy, now)
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
            plan = decide(target, reading, recalled(target, reading, policy, now), policy, now)
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
    """Tells what is pending of all targets, worst first, and notes what was told."""
    due = [(outcome, announcement) for outcome in outcomes for announcement in outcome.pending]
    due.sort(key=lambda pair: (-pair[1].severity, pair[1].at))
    for start in range(0, len(due), BATCH):
        batch = due[start : start + BATCH]
        try:
            edges.tell([announcement for _, announcement in batch])
        except AWS_ERRORS as error:
            for outcome in {id(outcome): outcome for outcome, _ in batch}.values():
                outcome.failures.append(f"an announcement could not be sent ({code_of(error)})")
        else:
            _note_told(batch, edges.memory)


def _note_told(batch: Sequence[tuple[Outcome, Announcement]], memory: Remembers) -> None:
    for outcome in {id(outcome): outcome for outcome, _ in batch}.values():
        told = {(a.episode, a.seq) for o, a in batch if o is outcome}
        if outcome.item is None:
            continue
        left = tuple(a for a in outcome.plan.state.pending if (a.episode, a.seq) not in told)
        state = replace(outcome.plan.state, pending=left)
        try:
            outcome.item = _save(outcome.plan.target, memory, outcome.item, state)
            outcome.plan = replace(outcome.plan, state=state)
        except Overtaken:
            pass  # a later run has read what was pending, and repeats it: a receiver knows it by episode and number
        except AWS_ERRORS as error:
            outcome.failures.append(f"an announcement was sent but could not be noted ({code_of(error)})")
