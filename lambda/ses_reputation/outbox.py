"""Deliver what is due, channel by channel, and note it: delivered everywhere is forgotten, the rest waits for the next run.

A delivery that could not be noted is kept in this process, so that a retry need not repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from .aws.errors import AWS_ERRORS, code_of, is_refusal, may_have_arrived
from .aws.store import Overtaken
from .core import state as stored
from .core.notification import MOST_SINGLE, Document, key_of, worst_first
from .core.state import Delivery
from .run import Channel, Edges, Outcome, Tick, save

UNNOTED = 1_000
"""Most deliveries that could not be noted and are kept in the process: far more than any outage of the store brings."""

TRIES = 3


@dataclass
class _Parcel:
    """One delivery of one target, and what became of it in this run."""

    outcome: Outcome
    delivery: Delivery
    done: set[str] = field(default_factory=set)  # channels that have it now
    unsure: bool = False

    @property
    def document(self) -> Document:
        return self.delivery.document

    def unnoted_key(self, channel: str) -> tuple[str, str, str]:
        return channel, self.outcome.plan.target.id, key_of(self.document)


def deliver(outcomes: Sequence[Outcome], tick: Tick, edges: Edges) -> None:
    """Deliver everything that is due of all targets on every channel, the worst first, and note what was delivered."""
    parcels = [_Parcel(outcome, delivery, set(delivery.delivered)) for outcome in outcomes for delivery in outcome.mine]
    order = {id(document): place for place, document in enumerate(worst_first([p.document for p in parcels]))}
    parcels.sort(key=lambda parcel: order[id(parcel.document)])
    for channel in edges.channels:
        due = []
        for parcel in parcels:
            if parcel.unnoted_key(channel.name) in edges.unnoted:
                parcel.done.add(channel.name)
            elif channel.name not in parcel.done:
                due.append(parcel)
        if channel.summarise is not None and len(due) > MOST_SINGLE:
            _send(due, channel, edges, channel.summarise)
        else:
            for start in range(0, len(due), channel.batch):
                _send(due[start : start + channel.batch], channel, edges, channel.send)
    for outcome in outcomes:
        own = [parcel for parcel in parcels if parcel.outcome is outcome]
        if own and outcome.item is not None:
            _note(outcome, own, tick, edges)


def _send(batch: Sequence[_Parcel], channel: Channel, edges: Edges, send: Callable[[Sequence[Document]], None]) -> None:
    """Send `batch` in one message; what is refused goes one by one, so that none can keep the others back."""
    try:
        send([parcel.document for parcel in batch])
    except Exception as error:  # noqa: BLE001 - the monitor's own fault in the layout of one must not silence the rest
        own = not isinstance(error, AWS_ERRORS)
        if len(batch) > 1 and (own or is_refusal(error)):
            for parcel in batch:
                _send([parcel], channel, edges, channel.send)
            return
        for parcel in batch:
            parcel.unsure = parcel.unsure or may_have_arrived(error)
        for outcome in _outcomes(batch):
            outcome.failures.append(f"a notification could not be sent to {channel.name} ({code_of(error)})")
            if own:
                outcome.bug = error
    else:
        for parcel in batch:
            parcel.done.add(channel.name)
            edges.unnoted[parcel.unnoted_key(channel.name)] = None
        while len(edges.unnoted) > UNNOTED:
            del edges.unnoted[next(iter(edges.unnoted))]


def _outcomes(batch: Sequence[_Parcel]) -> Iterable[Outcome]:
    return {id(parcel.outcome): parcel.outcome for parcel in batch}.values()


def _note(outcome: Outcome, parcels: Sequence[_Parcel], tick: Tick, edges: Edges) -> None:
    """Store what was delivered, also over what another run has written meanwhile."""
    results = {key_of(parcel.document): parcel for parcel in parcels}
    state, target = outcome.plan.state, outcome.plan.target
    for _ in range(TRIES):
        noted = replace(state, outbox=tuple(_left(state.outbox, results, tick, edges.channels)))
        if outcome.item is None:
            return
        try:
            outcome.item = save(target, edges.store, outcome.item, noted)
        except Overtaken as overtaken:
            there = overtaken.item
            try:
                if there is None or there.schema > stored.SCHEMA:
                    break
                state = stored.from_text(there.text, schema=there.schema)
            except stored.BadState:
                break
            outcome.item = there
        except AWS_ERRORS as error:
            outcome.failures.append(f"a notification was sent but could not be noted ({code_of(error)})")
            return
        else:
            outcome.plan = replace(outcome.plan, state=noted)
            for parcel in parcels:
                for channel in parcel.done:
                    edges.unnoted.pop(parcel.unnoted_key(channel), None)
            return
    outcome.failures.append("a notification was sent but could not be noted (something else has written)")


def _left(
    outbox: Sequence[Delivery], results: dict[str, _Parcel], tick: Tick, channels: Sequence[Channel]
) -> Iterable[Delivery]:
    """The outbox without what every channel has, and without this run's claims."""
    for delivery in outbox:
        parcel = results.get(key_of(delivery.document))
        if parcel is None:
            yield delivery
            continue
        names = [channel.name for channel in channels]
        done = tuple(name for name in names if name in parcel.done or name in delivery.delivered)
        if len(done) < len(names):
            yield replace(
                delivery,
                delivered=done,
                claimed_by=0,
                claimed_until=0,
                unsure=delivery.unsure + parcel.unsure,
                tried_at=tick.at if parcel.unsure else delivery.tried_at,
            )
