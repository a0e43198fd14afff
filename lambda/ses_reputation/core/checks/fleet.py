"""Accounts and targets that should be watched, and are not or may soon not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from ..alert import Standing, Track
from ..fleet import SILENT_TICKS, FleetFacts
from ..history import HOUR
from ..rules import Severity
from ..wording import duration
from .base import Check, Command, News, Seen, role_command

MOST_SHOWN = 5
"""Names in one sentence; of more there is a count."""

MOST_KEPT = 20

MOST_MARKED = 500
"""Names that a track tells apart. Of more, another one is no news: the message has only their number anyway."""

OVER = HOUR
"""The alert resolves when nothing was found for so long."""


@dataclass(frozen=True, slots=True)
class FleetFound:
    """Names of what is in trouble."""

    severity: Severity
    names: tuple[str, ...]  # at most MOST_KEPT
    number: int


class _Words(NamedTuple):
    """Words for one kind of trouble; `{names}` stands for the names, `{silent}` for how long a shard may be silent."""

    noun: str
    headline: str
    sentence: str
    step: str


_SET_UP, _UNREAD, _ROLE, _LIST, _SHARDS, _LATE = (
    f"fleet/{kind}" for kind in ("set-up", "unread", "role", "list", "shards", "late")
)
_WORDS: Mapping[str, _Words] = {
    _SET_UP: _Words(
        "account",
        "not watched: the role is missing",
        "Their role has never let the monitor in: {names}.",
        "Deploy the member role there with the command below. Each run tries again.",
    ),
    _UNREAD: _Words(
        "account",
        "not watched: nothing can be read",
        "No region has answered, so that nothing is watched there: {names}.",
        "The function's log says why. If access is denied, look for an organization policy that denies ses:GetSendStatistics, "
        "and deploy the member role again. An account that must not use SES can be left out: [organization] exclude.",
    ),
    _SHARDS: _Words(
        "shard",
        "silent: accounts are not watched",
        "These have finished no run for more than {silent}: {names}.",
        "Check the schedule whose name ends in the shard's number, and the function's log for runs that end early.",
    ),
    _LATE: _Words(
        "target",
        "not reached in time",
        "There was no time left for {names}. The next run begins with them.",
        "If this goes on, raise [deployment] shards in settings.toml and deploy.",
    ),
    _LIST: _Words(
        "list",
        "of accounts cannot be read",
        "The organization's accounts cannot be listed: {names}. The last list is used; a new account is not watched.",
        "Check that this account may list accounts (delegated administrator) and that the units of the settings exist.",
    ),
    _ROLE: _Words(
        "account",
        "with an old member role",
        "The role is of an older version or for other settings, so that a right may be missing: {names}.",
        "Run make member-role, then deploy the template there with the command below.",
    ),
}


class FleetCheck(Check):
    name = "fleet"
    noun = "fleet"
    anchor = "fleet"
    finds = FleetFound

    @property
    def track_names(self) -> tuple[str, ...]:
        return tuple(_WORDS)

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        fleet = seen.readings.fleet
        if fleet is None:
            return {}
        return {
            name: _standing(names, seen.tracks.get(name))
            for name, names in _troubles(fleet).items()
            if names is not None
        }

    # -- words

    def headline(self, news: News) -> str:
        if news.resolved:
            return "The whole SES fleet is watched again"
        name, found = next(iter(self._found(news).items()))
        return f"{_counted(found.number, _WORDS[name].noun)} {_WORDS[name].headline}"

    def changed(self, news: News) -> str:
        return "More is wrong than in the last message."

    def summary(self, news: News) -> list[str]:
        silent = f"{duration(SILENT_TICKS * news.context.every)} ({SILENT_TICKS} runs)"
        found = self._found(news).items()
        return [_WORDS[name].sentence.format(names=_listed(each), silent=silent) for name, each in found]

    def resolved(self, news: News) -> list[str]:
        return ["Every account of the settings is set up, listed, read and reached."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return tuple(_WORDS[name].step for name in self._found(news))

    def command(self, news: News) -> Command | None:
        found = self._found(news)
        if {_SET_UP, _ROLE} & found.keys():
            return role_command(news, missing=_SET_UP in found)
        return Command("See every target, the worst first", f"ses-reputation check --all --region {news.region}")

    def _found(self, news: News) -> dict[str, FleetFound]:
        """Return the finding of now of each open track, or the one that it opened with."""
        now = self.standings(news.seen)
        found: dict[str, FleetFound] = {}
        for name in (name for name in _WORDS if name in news.tracks):
            known = next(iter(now[name].found), None) if name in now else None
            known = news.tracks[name].worst if known is None else known
            found[name] = known if isinstance(known, FleetFound) else FleetFound(Severity.WARNING, (), 0)
        return found


def _troubles(fleet: FleetFacts) -> dict[str, tuple[str, ...] | None]:
    return {
        _SET_UP: fleet.not_set_up,
        _UNREAD: fleet.unread,
        _SHARDS: fleet.silent_shards,
        _LATE: fleet.not_reached,
        _LIST: fleet.list_trouble,
        _ROLE: fleet.old_roles,
    }


def _standing(names: tuple[str, ...], known: Track | None) -> Standing:
    found = (FleetFound(Severity.WARNING, names[:MOST_KEPT], len(names)),) if names else ()
    return Standing(found, quiet=OVER, mark=_mark(names, known))


def _mark(names: tuple[str, ...], known: Track | None) -> str:
    """Fingerprints of all names of a track so far: another name is news, one less is not, nor is one that returns."""
    mark = "" if known is None or known.mark is None else known.mark
    before = mark.split(".") if mark else []
    if not before and known is not None and isinstance(known.worst, FleetFound):  # stored by an older version
        before = [_fingerprint(name) for name in known.worst.names]
    new = [each for each in dict.fromkeys(map(_fingerprint, names)) if each not in before]
    return ".".join((*before, *new)[:MOST_MARKED]) if new and len(before) < MOST_MARKED else mark


def _fingerprint(name: str) -> str:
    return f"{crc32(name.encode()) & 0xFFFFFF:06x}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(found: FleetFound) -> str:
    more = found.number - MOST_SHOWN
    return ", ".join(found.names[:MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


FLEET = FleetCheck()
