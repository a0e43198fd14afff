"""Orders of the team: mutes and acknowledgements, as JSON text, and back: whoever may write to the table may have written anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any, TypeVar

from .history import DAY, YEAR_2100, Instant
from .recipients import without_addresses
from .target import Target

T = TypeVar("T")

SCHEMA = 1
"""Number of the stored form."""

LONGEST_MUTE = 30 * DAY
"""No mute lasts longer: muted alerts get overlooked."""

LONGEST_REASON = 200
"""Characters kept of a reason."""

MOST_MUTES = 50
MOST_ACKS = 200
"""Stored orders that are read, the newest."""


@dataclass(frozen=True, slots=True)
class Mute:
    """Notifications that nobody wants for a while."""

    start: Instant
    until: Instant
    check: str = ""  # empty: every check
    region: str = ""  # empty: every region
    reason: str = ""
    critical: bool = False  # critical ones are held back too
    account: str = ""  # empty: every account

    def covers(self, check: str, target: Target, now: Instant) -> bool:
        """Tell if it is in force for a check of a target."""
        return self.fits(check, target) and self.start <= now < self.until

    def fits(self, check: str, target: Target) -> bool:
        """Tell if it is about a check of a target, at whatever time."""
        if (
            target.is_installation and not self.check
        ):  # it is in no account or region: what is wrong there may be anywhere
            return not self.account and not self.region
        here = self.region in ("", target.region) and self.account in ("", target.account)
        return here and self.check in ("", check)


@dataclass(frozen=True, slots=True)
class Ack:
    """Somebody works on an alert: no reminders until it gets worse."""

    target: str  # id of the target
    alert: str  # id of the alert
    at: Instant  # when the alert had opened or last got worse, as the notification of that says


@dataclass(frozen=True, slots=True)
class Window:
    """A mute of every week: wall-clock times, the end on the day after if it is not later than the start."""

    weekday: int  # 0 is Monday
    start: int  # minutes after midnight
    end: int
    check: str = ""
    regions: tuple[str, ...] = ()  # empty: every region
    reason: str = ""
    critical: bool = False

    @property
    def minutes(self) -> int:
        """Length on a day without a change of the clocks."""
        return (self.end - self.start - 1) % (24 * 60) + 1

    def mutes_at(self, now: Instant, zone: tzinfo) -> Iterator[Mute]:
        """Yield the mutes in force at `now`: one for each region."""
        today = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0)
        for day in (today, today - timedelta(days=1)):
            start, until = self._on(day, self.start), self._on(day, self.start + self.minutes)
            if day.weekday() == self.weekday and start <= now < until:
                for region in self.regions if self.regions else ("",):
                    yield Mute(start, until, self.check, region, self.reason, self.critical)

    @staticmethod
    def _on(day: datetime, minute: int) -> Instant:
        there = day + timedelta(days=minute // (24 * 60))
        return int(there.replace(hour=minute // 60 % 24, minute=minute % 60).timestamp())


@dataclass(frozen=True, slots=True)
class Orders:
    """Everything that the team has ordered."""

    mutes: tuple[Mute, ...] = ()
    acks: tuple[Ack, ...] = ()
    known: bool = True  # False: some could not be read

    def mute_of(self, check: str, target: Target, now: Instant) -> Mute | None:
        """Return the mute in force for a check of a target that holds back most, of these the longest."""
        own = (mute for mute in self.mutes if mute.covers(check, target, now))
        return max(own, key=lambda mute: (mute.critical, mute.until), default=None)

    def speak_against(self, check: str, target: Target, now: Instant) -> bool:
        """Tell if a mute of a check has not ended, even one that was ordered after the tick `now`."""
        return any(mute.fits(check, target) and now < mute.until for mute in self.mutes)

    def mutes_in(self, target: Target, now: Instant) -> tuple[Mute, ...]:
        """Return the mutes in force for any check of a target."""
        return tuple(mute for mute in self.mutes if mute.covers(mute.check, target, now))

    def acknowledged(self, target: str, alert: str, at: Instant | None = None) -> bool:
        """Tell if somebody has acknowledged an alert: at all, or as bad as it is since `at`."""
        return any(ack.target == target and ack.alert == alert and at in (None, ack.at) for ack in self.acks)


def to_text(orders: Orders) -> str:
    """Encode `orders` as JSON."""
    plain = {"mutes": [asdict(mute) for mute in orders.mutes], "acks": [asdict(ack) for ack in orders.acks]}
    return json.dumps(plain, separators=(",", ":"))


def from_text(text: str, checks: Sequence[str]) -> tuple[Orders, tuple[str, ...]]:
    """Decode stored orders: those that can be used, and a sentence for each that cannot, which is ignored."""
    try:
        plain: Any = json.loads(text)
        mutes, acks = list(plain["mutes"]), list(plain["acks"])
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        return Orders(), (f"the stored orders cannot be read ({type(error).__name__}); they are ignored",)
    ignored: list[str] = []

    def usable(what: str, members: list[Any], read: Callable[[Any], T]) -> Iterator[T]:
        for number, member in enumerate(members):
            try:
                yield read(member)
            except ValueError as bad:
                ignored.append(f"stored {what} {number} is ignored: {bad}")

    orders = Orders(
        tuple(usable("mute", mutes[-MOST_MUTES:], partial(mute_from, checks=checks))),
        tuple(usable("acknowledgement", acks[-MOST_ACKS:], ack_from)),
    )
    return orders, tuple(ignored)


def mute_from(plain: Any, checks: Sequence[str]) -> Mute:
    """Read one mute. Raise `ValueError` for one that no command has written."""
    given = _record(plain)
    start, until = _instant(given, "start"), _instant(given, "until")
    check, region, reason, account = (_text(given, name) for name in ("check", "region", "reason", "account"))
    if not start < until <= start + LONGEST_MUTE:
        raise ValueError("it ends before it starts, or lasts longer than 30 days")
    if check and check not in checks:
        raise ValueError("it names an unknown check")
    if type(given.get("critical")) is not bool:
        raise ValueError("critical is neither true nor false")
    return Mute(start, until, check, region, reason, given["critical"], account)


def ack_from(plain: Any) -> Ack:
    """Read one acknowledgement. Raise `ValueError` for one that no command has written."""
    given = _record(plain)
    return Ack(_text(given, "target"), _text(given, "alert"), _instant(given, "at"))


def _record(plain: object) -> Mapping[str, Any]:
    if not isinstance(plain, dict):
        raise ValueError("it is no object")
    return plain


def _instant(given: Mapping[str, Any], name: str) -> Instant:
    at = given.get(name)
    if type(at) is not int or not 0 <= at < YEAR_2100:
        raise ValueError(f"{name} is not a time")
    return at


def _text(given: Mapping[str, Any], name: str) -> str:
    text = given.get(name)
    if not isinstance(text, str):
        raise ValueError(f"{name} is not a text")
    return clean(text)


def clean(text: str) -> str:
    """Text of a person on one short line, without control characters and addresses."""
    return without_addresses(text[: 2 * LONGEST_REASON])[:LONGEST_REASON]
