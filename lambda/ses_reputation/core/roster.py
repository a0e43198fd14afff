"""The list of all targets as it is stored, and what a run of one shard has to report.

Accounts come from the settings and from the organization; regions from the settings, or from what was discovered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .alert import Change, Reason
from .checks import ALL, BY_NAME
from .checks.base import Context, News, Seen
from .checks.dismissed import Dismissed
from .decide import Plan
from .fleet import ROLE_VERSION, SILENT_TICKS, FleetFacts, Shard
from .history import Instant
from .notification import notification
from .readings import Readings, Unreadable
from .rules import Policy, Verdict
from .state import Delivery, State
from .target import Target

SCHEMA, REPORT_SCHEMA = 1, 2
"""Numbers of the stored forms of a roster and of a report. A report of schema 1 has no accounts without an answer."""


@dataclass(frozen=True, slots=True)
class Member:
    """One account, and the regions of it that are watched at every run."""

    account: str
    name: str
    regions: tuple[str, ...] = ()
    swept: bool = False  # every region was asked once for what it has sent, and one has answered
    role: int | None = None  # version of its role; 0: older than any that says so; None: not known

    @property
    def words(self) -> str:
        """The account in a message."""
        return self.account if self.name == self.account else f"{self.name} ({self.account})"

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(self.account, region, self.name) for region in self.regions)


@dataclass(frozen=True, slots=True)
class Roster:
    """All accounts."""

    members: tuple[Member, ...] = ()
    wanted: str = ""  # fingerprint of the settings that it was made for
    read_at: Instant = 0  # tick at which the accounts were last listed in full
    trouble: str = ""  # why they could not be listed since; empty: they could
    leaving: tuple[Member, ...] = ()  # no longer watched; their open alerts are being closed

    def targets(self, shard: Shard) -> tuple[Target, ...]:
        return tuple(target for member in self.members if shard.has(member.account) for target in member.targets)

    def closing(self, shard: Shard) -> tuple[Target, ...]:
        """Targets of a shard whose open alerts are to be closed; never one that is watched."""
        watched = {target.id for target in self.targets(shard)}
        left = (target for member in self.leaving if shard.has(member.account) for target in member.targets)
        return tuple(target for target in left if target.id not in watched)

    @property
    def size(self) -> int:
        """Number of targets of all shards."""
        return sum(len(member.regions) for member in self.members)


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome of the last run of one shard, for the run that speaks for the fleet."""

    first: Instant  # first tick of a run with this number of shards, or after a longer time without one
    tick: Instant
    not_set_up: tuple[str, ...] = ()  # accounts
    not_reached: tuple[str, ...] = ()  # ids of targets
    unanswered: tuple[str, ...] = ()  # accounts of which nothing is watched and no region has answered
    unread: tuple[str, ...] = ()  # those that were so in the run before as well


@dataclass(frozen=True, slots=True)
class Learnt:
    """New knowledge of one account, which one run has and another may add to."""

    role: int | None = None  # None: not asked, or not known
    swept: bool | None = None
    found: tuple[str, ...] = ()  # regions that have begun to send
    idle: tuple[str, ...] = ()  # regions that are watched no more
    unread: Unreadable | None = None  # why none of all regions has answered

    def of(self, member: Member, *, regions: bool) -> Member:
        """The member with this knowledge; without that of `regions` if the settings of these have changed meanwhile."""
        kept = (region for region in member.regions if region not in self.idle)
        return replace(
            member,
            role=member.role if self.role is None else self.role,
            swept=member.swept if self.swept is None or not regions else self.swept,
            regions=tuple(dict.fromkeys((*kept, *self.found))) if regions else member.regions,
        )


def relisted(
    old: Roster, accounts: Sequence[tuple[str, str]], regions: Collection[str] | None, wanted: str, now: Instant
) -> Roster:
    """The roster with these accounts, each an id and a name, and these regions; None: those that were discovered."""
    known = {member.account: replace(member, swept=False) for member in old.leaving}  # it may be back
    known |= {member.account: member for member in old.members}
    members = []
    for account, name in accounts:
        member = known.get(account, Member(account, name))
        members.append(replace(member, name=name, regions=member.regions if regions is None else tuple(regions)))
    new = replace(old, members=tuple(members), wanted=wanted, read_at=now, trouble="")
    return replace(new, leaving=tuple(_leaving(old, new)))


def _leaving(old: Roster, new: Roster) -> Iterable[Member]:
    """Accounts with the regions that are watched no more, those that were leaving before included."""
    watched = {member.account: set(member.regions) for member in new.members}
    gone: dict[str, Member] = {}
    for member in (*old.leaving, *old.members):
        before = gone[member.account].regions if member.account in gone else ()
        left = [r for r in dict.fromkeys((*before, *member.regions)) if r not in watched.get(member.account, ())]
        if left:
            gone[member.account] = replace(member, regions=tuple(left))
    return gone.values()


def changed(roster: Roster, learnt: Mapping[str, Learnt], gone: Collection[str], wanted: str) -> Roster:
    """The roster with what a run has learnt of some accounts; targets whose ids are `gone` have left for good.

    The run knew the roster that was made for the settings `wanted`. It may have been made anew since.
    """
    same = roster.wanted == wanted
    members = tuple(learnt.get(member.account, Learnt()).of(member, regions=same) for member in roster.members)
    watched = {target.id for member in members for target in member.targets}
    leaving = (
        replace(member, regions=tuple(t.region for t in member.targets if t.id not in watched and t.id not in gone))
        for member in roster.leaving
    )
    return replace(roster, members=members, leaving=tuple(member for member in leaving if member.regions))


def began(last: Report | None, now: Instant, every: int) -> Report:
    """Begin the report of the run at `now` after the shard's last one with the same number of shards: it says the same, so far.

    That one may be older than some time with another number of shards.
    """
    goes_on = last is not None and last.tick >= now - SILENT_TICKS * every
    return replace(last, tick=now) if last is not None and goes_on else Report(now, now)


def facts(roster: Roster | None, own: Report, others: Sequence[Report | None], now: Instant, every: int) -> FleetFacts:
    """Gather from the list, the report of the first shard and the last ones of the others all that keeps parts of the fleet from
    being watched. Without the list only silence is known.

    A report from before the first shard began is of an earlier time with this number of shards. That nothing is wrong is known
    only if each shard has reported.
    """
    heard = [None if report is None or report.tick < own.first else report for report in others]
    reports = [own, *(report for report in heard if report is not None)]
    complete = len(reports) == 1 + len(others)
    ticks = [own.first if report is None else report.tick for report in heard]
    long_ago = now - SILENT_TICKS * every
    silent = tuple(f"shard {n} (numbered 0 to {len(others)})" for n, tick in enumerate(ticks, 1) if tick < long_ago)
    silence = silent if silent or complete else None
    if roster is None:
        return FleetFacts(None, None, None, None, silence, None)
    words = {member.account: member.words for member in roster.members}

    def named(names: Iterable[str]) -> tuple[str, ...] | None:
        found = tuple(words.get(name, name) for name in names)
        return found if found or complete else None

    return FleetFacts(
        not_set_up=named(account for report in reports for account in report.not_set_up),
        unread=named(account for report in reports for account in report.unread),
        old_roles=tuple(m.words for m in roster.members if m.role is not None and m.role < ROLE_VERSION),
        list_trouble=(roster.trouble,) if roster.trouble else (),
        silent_shards=silence,
        not_reached=named(target for report in reports for target in report.not_reached),
    )


def urgent_first(targets: Iterable[Target], report: Report | None) -> list[Target]:
    """Targets in the order of a run: first those that the last one did not reach."""
    late = set() if report is None else set(report.not_reached)
    return sorted(targets, key=lambda target: target.id not in late)


# -- a target that is watched no more


def dismissed(target: Target, state: State, policy: Policy, now: Instant, context: Context) -> Plan:
    """Close every open alert of a target that is watched no more."""
    seen = Seen(target, now, policy, Readings(()))
    documents = []
    for check in ALL:
        if check.name in state.sent:
            sent = state.sent[check.name]
            change = Change(Reason.RESOLVED, replace(sent, number=sent.number + 1, at=now))
            documents.append(notification(Dismissed(BY_NAME[check.name]), News(seen, change, None, False, {}, context)))
    after = replace(
        state,
        tick=max(now, state.tick),
        tracks={},
        sent={},
        outbox=(*state.outbox, *(Delivery(document) for document in documents)),
    )
    return Plan(target, Verdict.NO_DATA, {}, tuple(documents), after, seen)
