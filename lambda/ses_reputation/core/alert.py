"""Alerts: truth moves by ticks (`advance`); speech is the difference between truth and the last notification (`news`).

One trouble is one alert with one id, from its opening to its resolution. An alert may have several sources, each a `Track`:
a bounce alert has our own rate and AWS's. `advance` moves one track and knows nothing of messages. `news` compares all open
tracks with what was sent last and answers with reasons, so that a run after an outage needs nothing but the present truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from .history import DAY, HOUR, Instant, stamp
from .rules import Severity

QUIET = 24 * HOUR
"""No resolution before nothing was found for so long: it costs no lead time and removes nearly all flapping."""

REMINDERS = (24 * HOUR, 48 * HOUR, 96 * HOUR)
"""When a reminder is due, counted from the opening or the last escalation; from then on every week."""

WEEK = 7 * DAY

PAUSE_BETWEEN = HOUR
"""No second notification on the same alert within this time, unless a higher threshold is crossed."""


class Kind(StrEnum):
    """Purpose of a notification: ask for action, remind, or release."""

    FIRING = "firing"
    REMINDER = "reminder"
    RESOLVED = "resolved"


class Reason(StrEnum):
    """Why a notification is sent now."""

    OPENED = "opened"
    ESCALATED = "escalated"
    CHANGED = "changed"
    REMINDER = "reminder"
    RESOLVED = "resolved"

    @property
    def kind(self) -> Kind:
        return Kind(self.value) if self in (Reason.REMINDER, Reason.RESOLVED) else Kind.FIRING


class Found(Protocol):
    """Something that a check finds: facts of the check's own type, with a severity."""

    @property
    def severity(self) -> Severity: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Result of one check for one track now, and how its alert behaves."""

    found: tuple[Found, ...]  # worst first
    quiet: int = QUIET  # seconds without a finding before the track may end
    calm: Callable[[], bool] = lambda: True  # further condition of the end, asked only when it is quiet
    mark: str | None = ""  # another mark is news even at the same severity; None: never news by itself
    urgent: bool = False  # a change of mark does not wait for `PAUSE_BETWEEN`
    eases: bool = False  # drops to a lesser severity, silently, after `quiet` seconds of it


@dataclass(frozen=True, slots=True)
class Track:
    """One source of an alert while it is open."""

    id: str
    opened_at: Instant
    severity: Severity  # worst so far, or since it changed or eased
    held_at: Instant  # last tick at which something was found
    severe_at: Instant  # last tick at which it was, as far as is known, as bad as `severity`
    worst: Found | None  # what opened it, or last made it worse or changed it; None if an older version stored it
    mark: str | None = ""
    urgent: bool = False
    turns: int = 1  # opening, escalations and changes so far: what it says next has at least this number
    started: Instant | None = None  # estimated beginning of the trouble, never after `opened_at`


Tracks = Mapping[str, Track]
"""Open tracks of a target by name; the first part of a name, before "/", is the check's."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Last notification of an open alert, as it was decided."""

    alert: str  # id of the alert, never renamed
    severity: Severity
    signs: tuple[str, ...]  # what it showed: ids of open tracks, with their marks
    number: int  # notifications so far
    opened_at: Instant
    at: Instant  # last notification
    counted_from: Instant  # opening, last escalation or change: reminders count from here
    reminders: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Reason for one notification, and the record of it."""

    reason: Reason
    sent: Sent
    unsent: tuple[str, ...] = ()  # names of the tracks that are new, or have a new mark, since the last notification


def advance(known: Track | None, standing: Standing, now: Instant, name: str, *, unsaved: Instant) -> Track | None:
    """Move a track to the tick `now`. Truth only: the same standings give the same track, whatever was sent.

    `unsaved` is the first tick that no stored state covers. A track that opens now is named after it, so that runs whose
    state could not be saved all use one id.
    """
    worst = standing.found[0] if standing.found else None
    if known is None:
        if worst is None:
            return None
        opened = Track(f"{name}-{stamp(unsaved)}", now, worst.severity, now, now, worst)
        return replace(opened, mark=standing.mark, urgent=standing.urgent)
    if worst is None:
        over = now - known.held_at >= standing.quiet and standing.calm()
        return None if over else known
    held = replace(known, held_at=now)
    if worst.severity > known.severity or standing.mark != known.mark:
        return replace(
            held,
            severity=worst.severity,
            severe_at=now,
            worst=worst,
            mark=standing.mark,
            urgent=standing.urgent,
            turns=known.turns + 1,
        )
    if worst.severity == known.severity:
        return replace(held, severe_at=now)
    if standing.eases and now - known.severe_at >= standing.quiet:
        return replace(held, severity=worst.severity, severe_at=now, worst=worst)
    return held


def news(
    check: str, sent: Sent | None, tracks: Tracks, now: Instant, *, ahead: int = 0
) -> tuple[Sent | None, tuple[Change, ...]]:
    """Compare the open `tracks` of a check with what was sent last: the record after this tick, and why to notify now.

    `ahead` lets reminders go out this many seconds before they are due, to join another one of the same target.
    """
    if sent is not None and not any(_continues(sent, track) for track in tracks.values()):
        return _ended(check, sent, tracks, now)
    if not tracks:
        return None, ()
    severity = max(track.severity for track in tracks.values())
    turns = max(track.turns for track in tracks.values())
    signs = tuple(_sign(track) for track in tracks.values() if track.mark is not None)
    if sent is None:
        opened = min(track.opened_at for track in tracks.values())
        record = Sent(_alert_id(check, tracks), severity, _shown_signs(signs, tracks), turns, opened, now, now)
        return record, (Change(Reason.OPENED, record),)
    unsent = tuple(name for name, track in tracks.items() if track.mark is not None and _sign(track) not in sent.signs)
    waits = now - sent.at < PAUSE_BETWEEN
    if severity > sent.severity or (unsent and (not waits or any(tracks[name].urgent for name in unsent))):
        reason = Reason.ESCALATED if severity > sent.severity else Reason.CHANGED
        number = max(sent.number + 1, turns)
        record = Sent(sent.alert, severity, _shown_signs(signs, tracks), number, sent.opened_at, now, now)
        return record, (Change(reason, record, unsent),)
    if not unsent and severity < sent.severity:
        sent = replace(sent, severity=severity)
    if not waits and now + ahead >= reminder_due(sent) and not _recovering(tracks, now):
        record = replace(sent, number=sent.number + 1, at=now, reminders=_reminders(sent, now + ahead))
        return record, (Change(Reason.REMINDER, record),)
    joined = tuple(track.id for track in tracks.values() if track.mark is None)
    return replace(sent, signs=_known_signs((*sent.signs, *joined), tracks)), ()


def _ended(check: str, sent: Sent, tracks: Tracks, now: Instant) -> tuple[Sent | None, tuple[Change, ...]]:
    """The alert that was sent is over; another of the same check may be open already."""
    worse = any(track.severity > sent.severity or track.urgent for track in tracks.values())
    if now - sent.at < PAUSE_BETWEEN and not worse:
        return sent, ()
    last = Change(Reason.RESOLVED, replace(sent, number=sent.number + 1, at=now))
    after, changes = news(check, None, tracks, now)
    return after, (last, *changes)


def only_wanted(
    before: Sent | None, after: Sent | None, changes: tuple[Change, ...], wanted: Callable[[Change], bool]
) -> tuple[Sent | None, tuple[Change, ...]]:
    """Leave out the changes that nobody wants to be notified of now: the record and the changes that `news` would have found without.

    What is left out stays a difference between truth and record, so that it is sent once when it is wanted again.
    """
    kept = tuple(change for change in changes if wanted(change))
    if kept == changes:
        return after, changes
    if not kept:
        return before, ()
    return (None if kept[-1].reason is Reason.RESOLVED else kept[-1].sent), kept


def reminder_due(sent: Sent) -> Instant:
    """When the next reminder is due if nothing changes."""
    if sent.reminders < len(REMINDERS):
        return sent.counted_from + REMINDERS[sent.reminders]
    return sent.counted_from + REMINDERS[-1] + (sent.reminders - len(REMINDERS) + 1) * WEEK


def _reminders(sent: Sent, now: Instant) -> int:
    """Number of reminders after one that stands for all that were due by `now`."""
    reminders = sent.reminders + 1
    while reminder_due(replace(sent, reminders=reminders)) <= now:
        reminders += 1
    return reminders


def _recovering(tracks: Tracks, now: Instant) -> bool:
    """Tell if the resolution may be on its way, which a reminder would only confuse."""
    return 0 < now - max(track.held_at for track in tracks.values()) < QUIET


def _alert_id(check: str, tracks: Tracks) -> str:
    """Name of a new alert: the earliest tick that one of its tracks is named after."""
    return f"{check}-{min(track.id.rpartition('-')[2] for track in tracks.values())}"


def _sign(track: Track) -> str:
    return f"{track.id} {track.mark}" if track.mark else track.id


def _shown_signs(signs: tuple[str, ...], tracks: Tracks) -> tuple[str, ...]:
    """Record of a notification that shows all open tracks, as they are now."""
    return _known_signs((*signs, *(track.id for track in tracks.values())), tracks)


def _known_signs(signs: tuple[str, ...], tracks: Tracks) -> tuple[str, ...]:
    """`signs` of open tracks, each once."""
    open_ids = {track.id for track in tracks.values()}
    return tuple(dict.fromkeys(sign for sign in signs if sign.partition(" ")[0] in open_ids))


def _continues(sent: Sent, track: Track) -> bool:
    return any(sign.partition(" ")[0] == track.id for sign in sent.signs)
