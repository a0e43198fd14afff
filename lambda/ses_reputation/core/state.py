"""State of a target between runs, as JSON text, and strictly back: the text may be of another version."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .alert import Sent, Track
from .checks import BY_NAME, FACTS
from .checks.base import Failures
from .daily_totals import DayTotal
from .history import DAY, Instant, iso
from .late_events import Learned
from .notification import Document, problem_of
from .plausibility import Witness
from .rules import Severity

T = TypeVar("T")

SCHEMA = 3
"""Number of the stored form. It grows with every change of the stored fields (tests/core/golden has their list)."""

LARGEST = 253_402_300_799
"""End of the year 9999 in seconds, after which no time can be shown; no window holds this many emails either."""

LONGEST_PLAIN = 100_000
"""Longest text of a record that is stored as it is, in characters."""

LONGEST_RECORD = 20_000_000
"""Longest text of a record that is unpacked, in bytes: a hundred thousand accounts have less."""

MOST_REMINDERS = 10_000
"""Two hundred years of weekly ones."""


class BadState(ValueError):
    """Stored state that cannot be read; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification that has not reached every channel yet."""

    document: Document
    delivered: tuple[str, ...] = ()  # channels that have it
    claimed_by: Instant = 0  # tick of the run that is to send it
    claimed_until: Instant = 0  # wall clock at which that run has surely ended
    unsure: int = 0  # attempts that got no answer, so that it may have arrived
    tried_at: Instant = 0  # tick of the last of these


@dataclass(frozen=True, slots=True)
class State:
    """Everything that is stored of a target."""

    tick: Instant  # last tick that was handled
    evaluated: Instant | None = None  # last tick whose statistics were read and evaluated
    published: Instant | None = None  # last tick whose metrics CloudWatch has acknowledged
    first: Instant | None = None  # start of the oldest bucket ever seen
    rearmed: Instant | None = None  # when a person resumed last: our rates do not count emails before it
    failures: Failures = Failures()
    totals: tuple[DayTotal, ...] = ()  # beyond what SES keeps, oldest first
    witness: Witness | None = None  # what the last believed answer held
    learned: Learned = Learned()  # how SES counts late events
    tracks: Mapping[str, Track] = field(default_factory=dict)
    sent: Mapping[str, Sent] = field(default_factory=dict)  # by check
    outbox: tuple[Delivery, ...] = ()


def to_text(record: Any) -> str:
    """Encode a state, or another record, as JSON."""
    return json.dumps(asdict(record), separators=(",", ":"), allow_nan=False)


def from_text(text: str, latest: Instant | None = None, schema: int = SCHEMA) -> State:
    """Decode what this version or the one before wrote, of no tick later than `latest`. Raise `BadState` for anything else."""
    plain = _object(text)
    if schema < SCHEMA:
        plain = _upgraded(plain)
    state: State = _value(State, plain, "state")
    if latest is not None and state.tick > latest:
        raise BadState(f"state.tick is {iso(state.tick)}, which is in the future")
    problem = next(_impossible(state), None)
    if problem is not None:
        raise BadState(problem)
    return state


def record_text(record: Any) -> str:
    """Encode another record than a state; a long one is compressed, because an item holds 400 KB."""
    text = to_text(record)
    return text if len(text) <= LONGEST_PLAIN else b64encode(zlib.compress(text.encode())).decode()


def record_from(kind: type[T], text: str) -> T:
    """Decode what `record_text` has made of a `kind`, as strictly as a state. Raise `BadState`."""
    record: T = _value(kind, _object(text if text.startswith("{") else _unpacked(text)), kind.__name__.lower())
    return record


def _unpacked(text: str) -> str:
    try:
        return zlib.decompressobj().decompress(b64decode(text, validate=True), LONGEST_RECORD).decode()
    except (ValueError, zlib.error) as error:
        raise BadState(f"the stored record cannot be unpacked ({type(error).__name__})") from None


def _object(text: str) -> dict[str, Any]:
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadState(f"the stored state is not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise BadState("the stored state is not a JSON object")
    return plain


def _upgraded(old: dict[str, Any]) -> dict[str, Any]:
    from .state_upgrade import upgraded  # noqa: PLC0415  needed once, after an upgrade

    try:
        return upgraded(old)
    except (AttributeError, KeyError, TypeError) as error:
        raise BadState(f"the stored state of an older version cannot be read ({type(error).__name__})") from None


def _impossible(state: State) -> Iterator[str]:  # noqa: PLR0912  one branch for each thing that can be wrong
    """Find what no run can have left behind, though every part of it reads well."""
    if any(at is not None and at > state.tick for at in (state.evaluated, state.published, state.first, state.rearmed)):
        yield "state has an evaluated, published, first or rearmed later than its tick"
    for name, track in state.tracks.items():
        if name not in FACTS:
            yield f"state has a track {name[:40]!r}, which this version does not know"
        if track.severity is Severity.NONE or (track.worst is not None and track.worst.severity is Severity.NONE):
            yield f"state has a track {name} without a severity"
        if not re.fullmatch(r"[!-~]+", track.id):  # signs of what was sent are split at spaces
            yield f"state has a track {name} with the id {track.id[:40]!r}"
        if not track.opened_at <= track.held_at <= state.tick >= track.severe_at:
            yield f"state has times of the track {name} that are out of order"
    if state.witness is not None and any(day.start > state.tick + DAY for day in state.witness.days):
        yield "state has counts of a day later than its tick"
    for check, sent in state.sent.items():
        if check not in BY_NAME:
            yield f"state has notifications of a check {check[:40]!r}, which this version does not know"
        if sent.severity is Severity.NONE:
            yield f"state has notifications of {check} without a severity"
        if sent.number < 1 or sent.reminders > MOST_REMINDERS or max(sent.at, sent.counted_from) > state.tick:
            yield f"state has impossible numbers of the notifications of {check}"
    for delivery in state.outbox:
        problem = problem_of(delivery.document)
        if max(delivery.claimed_by, delivery.tried_at) > state.tick:
            yield "the outbox has a claim or an attempt of a later tick"
        if problem is not None:
            yield f"the outbox cannot be used: {problem}"
        elif delivery.document["check"] not in BY_NAME:
            yield f"the outbox has a check {delivery.document['check'][:40]!r}, which this version does not know"


def _value(kind: Any, plain: Any, where: str) -> Any:  # noqa: PLR0912  one branch for each kind of type
    """Decode `plain` as a value of type `kind`."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):  # the only unions are with None
        inner = next(argument for argument in get_args(kind) if argument is not type(None))
        return None if plain is None else _value(inner, plain, where)
    if origin is tuple:
        if isinstance(plain, list):
            return tuple(_value(get_args(kind)[0], member, f"{where}[{i}]") for i, member in enumerate(plain))
    elif kind == Document:
        if isinstance(plain, dict):
            return plain
    elif origin is not None:  # a mapping by text
        if isinstance(plain, dict):
            inner = get_args(kind)[1]
            return {key: _named(inner, key, member, f"{where}.{key[:40]}") for key, member in plain.items()}
    elif is_dataclass(kind):
        if isinstance(plain, dict):
            return _record(kind, plain, where)
    elif issubclass(kind, tuple):  # a NamedTuple
        hints = _hints(kind)
        if isinstance(plain, list) and len(plain) == len(hints):
            members = zip(hints.items(), plain, strict=True)
            return kind(*(_value(hint, member, f"{where}.{name}") for (name, hint), member in members))
    elif issubclass(kind, Enum):
        if isinstance(plain, int | str) and type(plain) is not bool and plain in [m.value for m in kind]:
            return kind(plain)
    elif kind is float:
        if isinstance(plain, int | float) and not isinstance(plain, bool) and abs(plain) <= LARGEST:  # no NaN is
            return float(plain)
    elif type(plain) is kind and (kind is not int or 0 <= plain <= LARGEST):
        return plain
    shown = repr(plain)
    raise BadState(f"{where} is {shown if len(shown) <= 60 else shown[:57] + '...'}, which no version has written")


def _named(kind: Any, name: str, plain: Any, where: str) -> Any:
    """A member of a mapping: what a track found has the type that its check gives it."""
    if kind is not Track:
        return _value(kind, plain, where)
    facts = FACTS.get(name)
    if facts is None or not isinstance(plain, dict):
        raise BadState(f"{where} is no track that this version knows")
    worst = plain.get("worst")
    found = None if worst is None else _value(facts, worst, f"{where}.worst")
    return _record(Track, plain | {"worst": None}, where, worst=found)


def _record(kind: Any, plain: dict[str, Any], where: str, **known: Any) -> Any:
    hints = _hints(kind)
    unknown = sorted(set(plain) - set(hints))
    if unknown:
        raise BadState(f"{where} has {unknown[0][:40]!r}, which no version has written")
    values = {}
    for each in fields(kind):
        if each.name in known:
            values[each.name] = known[each.name]
        elif each.name in plain:
            values[each.name] = _value(hints[each.name], plain[each.name], f"{where}.{each.name}")
        elif each.default is MISSING and each.default_factory is MISSING:
            raise BadState(f"{where} has no {each.name}")
    return kind(**values)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
