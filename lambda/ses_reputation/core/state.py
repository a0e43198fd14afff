"""A target's state as JSON text, and back: strict, because what comes back may be of another version or not ours at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from math import isfinite
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .account import AWS_UNREADABLE
from .history import Instant, iso
from .plan import CHECKS, State
from .readings import UNREADABLE, Trouble
from .rules import Finding, Severity

SCHEMA = 2
"""Raised when a state can no longer be read by the code before it."""

LARGEST = 253_402_300_799
"""The end of the year 9999 in seconds, after which no time can be shown; no window holds so many emails either."""

MOST_REMINDERS = 10_000
"""Two hundred years of weekly ones."""


class BadState(ValueError):
    """Stored state that cannot be read; the text is one line for a person."""


def to_text(state: State) -> str:
    """`state` as JSON."""
    return json.dumps(asdict(state), separators=(",", ":"), allow_nan=False)


def from_text(text: str, latest: Instant | None = None) -> State:
    """The state that `to_text` wrote, of no tick later than `latest`. Raises `BadState` for anything else."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadState(f"the remembered state is not JSON: {error}") from None
    state: State = _value(State, plain, "state")
    if latest is not None and state.tick > latest:
        raise BadState(f"state.tick is {iso(state.tick)}, which is yet to come")
    problem = next(_impossible(state), None)
    if problem is not None:
        raise BadState(problem)
    return state


def _impossible(state: State) -> Iterator[str]:
    """What no run can have left behind, though every part of it reads well."""
    if any(at is not None and at > state.tick for at in (state.judged, state.published, state.first)):
        yield "state has a judged, published or first later than its tick"
    if len({alert.check for alert in state.alerts}) < len(state.alerts):
        yield "state has two alerts of one check"
    for alert in state.alerts:
        yield from _senseless(alert.check, alert.severity, (alert.worst,))
        held, told, severe = alert.last_held, alert.told_at, alert.severe_at
        if not (alert.opened_at <= held <= state.tick and alert.opened_at <= told <= state.tick >= severe):
            yield f"state has times of {alert.check} that are out of order"
        if alert.seq < 1 or alert.reminders > MOST_REMINDERS:
            yield f"state has {alert.seq} messages and {alert.reminders} reminders of {alert.check}"
    for notification in state.pending:
        yield from _senseless(notification.check, notification.severity, (notification.worst, *notification.found))


def _senseless(check: str, severity: Severity, found: Sequence[Finding]) -> Iterator[str]:
    """What cannot be put into words."""
    if check not in CHECKS:
        yield f"state speaks of {check[:40]!r}, which this version does not know"
    if Severity.NONE in (severity, *(finding.severity for finding in found)):
        yield f"state speaks of {check} without a severity"
    if check in (UNREADABLE, AWS_UNREADABLE) and any(finding.rule not in list(Trouble) for finding in found):
        yield f"state speaks of {check} without the reason"


def _value(kind: Any, plain: Any, where: str) -> Any:
    """`plain` as a value of type `kind`."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):  # the only unions are with None
        inner = next(argument for argument in get_args(kind) if argument is not type(None))
        return None if plain is None else _value(inner, plain, where)
    if origin is tuple:
        if isinstance(plain, list):
            return tuple(_value(get_args(kind)[0], member, f"{where}[{i}]") for i, member in enumerate(plain))
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
        if isinstance(plain, int | float) and not isinstance(plain, bool) and isfinite(plain):
            return float(plain)
    elif type(plain) is kind and (kind is not int or 0 <= plain <= LARGEST):
        return plain
    shown = repr(plain)
    raise BadState(f"{where} is {shown if len(shown) <= 60 else shown[:57] + '...'}, which no version has written")


def _record(kind: Any, plain: dict[str, Any], where: str) -> Any:
    hints = _hints(kind)
    unknown = sorted(set(plain) - set(hints))
    if unknown:
        raise BadState(f"{where} has {unknown[0]!r}, which no version has written")
    values = {}
    for field in fields(kind):
        if field.name in plain:
            values[field.name] = _value(hints[field.name], plain[field.name], f"{where}.{field.name}")
        elif field.default is MISSING:
            raise BadState(f"{where} has no {field.name}")
    return kind(**values)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
