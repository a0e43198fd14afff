"""Who is watched: the list of accounts, made once a day by the first shard, and what each run learns of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Protocol

from .aws.errors import AWS_ERRORS, code_of, place_of
from .core.decide import Plan
from .core.fleet import ROLE_VERSION, Shard, is_turn
from .core.history import DAY, Instant
from .core.readings import Readings, Trouble, Unreadable
from .core.roster import Learnt, Member, Roster, changed, relisted
from .core.target import Target
from .fleet_store import FleetStore
from .run import THREADS, Explained, Outcome, Tick
from .settings import Settings

ROSTER = "fleet"
"""Key of the list of accounts in the store."""

_CLOSED = (Trouble.DENIED, Trouble.NOT_ENABLED)
"""Answers of a region that the account, or its organization, has closed."""

_LATE = Unreadable(Trouble.TIMED_OUT, "it was not looked at")


class Accounts(Protocol):
    """Ways into the accounts during one run. Each answers; nothing is raised."""

    def read(self, target: Target, now: Instant) -> Readings: ...
    def explained(self, explain: Callable[[Plan], Explained], plan: Plan) -> Explained: ...
    def refuses(self, account: str) -> bool:
        """Try the account's role. Tell if it does not let the monitor in."""

    def refused(self) -> set[str]:
        """Accounts whose role was tried and does not let the monitor in."""

    def sends(self, target: Target) -> bool | Unreadable:
        """Tell if anything was sent from there in two weeks, or why that is not known."""

    def role_version(self, account: str) -> int | None:
        """Version of the account's role; None if it is not known."""


@dataclass(frozen=True)
class FleetAccounts:
    """The list of accounts and of the regions that are watched of each."""

    settings: Settings
    list_accounts: Callable[[], Sequence[tuple[str, str]]]  # of the organization: id and name; raises `AWS_ERRORS`
    regions: Sequence[str]  # to watch, or to discover
    wanted: str  # fingerprint of the settings that say what is watched

    def roster(self, records: FleetStore, tick: Tick, shard: Shard) -> tuple[Roster, bool]:
        """Load the list, and tell if it is known. The first shard makes it anew once a day, when the settings have changed, and
        after a failure. One that it makes because the stored one cannot be loaded is for this run alone: it is not known what
        the other runs have learnt.
        """
        stored = records.load(ROSTER, Roster)
        old = Roster() if stored is None else stored
        if shard.number:
            if stored is None:
                records.failures.append("there is no list of accounts to use: the first shard makes it")
            return old, stored is not None
        known = records.may_write(ROSTER)
        if old.wanted == self.wanted and not old.trouble and tick.at - old.read_at < DAY:
            return old, known
        new = self._relisted(old, tick)
        if new != old:
            records.save(ROSTER, new)
        return new, known

    def _relisted(self, old: Roster, tick: Tick) -> Roster:
        """List the accounts anew. If the organization cannot be read, the last list stays."""
        listed: Sequence[tuple[str, str]] = ()
        trouble = ""
        if self.settings.fleet.units:
            try:
                listed = self.list_accounts()
                trouble = "" if listed else "no active account in the units"
            except AWS_ERRORS as error:
                trouble = code_of(error)
        if not trouble:
            return self._with(old, listed, tick)
        last = [(member.account, member.name) for member in old.members]
        return replace(self._with(old, last, tick), wanted=old.wanted, read_at=old.read_at, trouble=trouble)

    def _with(self, old: Roster, listed: Sequence[tuple[str, str]], tick: Tick) -> Roster:
        """The list with these accounts and those of the settings, whose names count."""
        accounts = dict(listed) | dict(self.settings.fleet.accounts)
        regions = None if self.settings.targets.discover else self.regions
        return relisted(old, tuple(accounts.items()), regions, self.wanted, tick.at)

    def learn(
        self,
        records: FleetStore,
        roster: Roster,
        outcomes: Sequence[Outcome],
        accounts: Accounts,
        tick: Tick,
        shard: Shard,
        gone: Collection[str],
        end: float,
    ) -> dict[str, Unreadable]:
        """Find out what is due of the shard's accounts until `end`, a monotonic time; store it, and which targets are `gone`.

        Return the accounts of which nothing is watched because no region has answered, and why not.
        """
        own = [member for member in roster.members if shard.has(member.account)]
        by_target = {outcome.plan.target.id: outcome for outcome in outcomes}
        pool = ThreadPoolExecutor(THREADS)
        looks = [pool.submit(self._seen_anew, member, by_target, accounts, tick) for member in own]
        done, _ = wait(looks, max(0.0, end - time.monotonic()))
        pool.shutdown(wait=False, cancel_futures=True)
        broken = [error for look in done if (error := look.exception()) is not None]
        records.failures += [f"an account could not be looked into ({place_of(error)})" for error in broken]
        anew = {member.account: look.result() for member, look in zip(own, looks, strict=True) if _is_good(look, done)}
        learnt = {account: each for account, each in anew.items() if replace(each, unread=None) != Learnt()}
        if learnt or gone:
            records.change(ROSTER, Roster, lambda stored: changed(stored, learnt, gone, roster.wanted))
        discover = self.settings.targets.discover
        late = (m.account for m in own if discover and not (m.swept or m.regions) and m.account not in anew)
        return dict.fromkeys(late, _LATE) | {account: each.unread for account, each in anew.items() if each.unread}

    def _seen_anew(self, member: Member, outcomes: Mapping[str, Outcome], accounts: Accounts, tick: Tick) -> Learnt:
        """Look up the version of the member's role and its regions, if it is their turn."""
        old_role = member.role is not None and member.role < ROLE_VERSION
        role_is_due = old_role or is_turn(member.account, tick.at, tick.every)
        asked = list(self._to_ask(member, tick))
        idle = {target.region for target in member.targets if self._is_idle(outcomes.get(target.id), tick)}
        if not (role_is_due or asked or idle) or accounts.refuses(member.account):
            return Learnt()
        version = accounts.role_version(member.account) if role_is_due else None
        answers = {region: accounts.sends(Target(member.account, region)) for region in asked}
        silent = [answer for answer in answers.values() if isinstance(answer, Unreadable)]
        nothing = bool(asked) and not member.regions and len(silent) == len(asked)
        done = self.settings.targets.discover and all(answer.trouble in _CLOSED for answer in silent)
        swept = not nothing and (done or member.swept)
        return Learnt(
            role=None if version == member.role else version,
            swept=None if swept == member.swept else swept,
            found=tuple(region for region in asked if answers[region] is True),
            idle=tuple(idle),
            unread=silent[0] if nothing else None,
        )

    def _to_ask(self, member: Member, tick: Tick) -> Iterator[str]:
        """Regions to ask for what was sent, each once a day: of an account without any all together, so that it shows if none
        answers; of one that has not answered yet all in each run.
        """
        together = not member.swept or (not member.regions and is_turn(member.account, tick.at, tick.every))
        for region in self.regions if self.settings.targets.discover else ():
            alone = bool(member.regions) and is_turn(f"{member.account}/{region}", tick.at, tick.every)
            if region not in member.regions and (together or alone):
                yield region

    def _is_idle(self, outcome: Outcome | None, tick: Tick) -> bool:
        """Tell if a discovered region has sent nothing for two weeks and nothing is open there; asked once a day."""
        if outcome is None or not self.settings.targets.discover:
            return False
        plan = outcome.plan
        open_ones = plan.state.tracks or plan.state.sent or plan.state.outbox
        return plan.seen.readings.statistics == () and not open_ones and is_turn(plan.target.id, tick.at, tick.every)


def _is_good(look: Future[Learnt], done: Collection[Future[Learnt]]) -> bool:
    return look in done and look.exception() is None
