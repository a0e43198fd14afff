"""Many accounts: the run of one shard over its targets, and what the first shard says of all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from .aws.errors import AWS_ERRORS, code_of
from .aws.store import Item, Overtaken
from .core import state as stored
from .core.fleet import FleetFacts, Shard
from .core.history import DAY, Instant
from .core.readings import Readings, Trouble, Unreadable
from .core.roster import Report, Roster, began, dismissed, facts, urgent_first
from .core.rules import Verdict
from .core.target import Target
from .fleet_accounts import Accounts, FleetAccounts
from .fleet_store import FleetStore
from .monitor import Monitor
from .run import Edges, Outcome, Tick, claimed, look_at, look_at_all, save, unknown


@dataclass(frozen=True)
class FleetMonitor(Monitor):
    """A monitor of many accounts. The one target of `targets` is the installation itself."""

    fleet_accounts: FleetAccounts = field(kw_only=True)
    open_accounts: Callable[[], Accounts] = field(kw_only=True)  # for one run
    put_counts: Callable[[Shard, Instant, Mapping[str, int]], None] = field(kw_only=True)  # raises `AWS_ERRORS`

    def look(self, tick: Tick, edges: Edges, shard: Shard, *, at_once: bool) -> list[Outcome]:
        """Look at every target of the shard, and from the first shard at the fleet as a whole.

        `at_once` only the own account asks for, and only it is looked at.
        """
        end = time.monotonic() + (tick.longest if tick.patience is None else tick.patience)
        records = FleetStore(edges.store)
        roster, known = self.fleet_accounts.roster(records, tick, shard)
        last = records.load(shard.key, Report)
        accounts = self.open_accounts()
        inside = replace(
            edges,
            read=accounts.read,
            explain=lambda plan: accounts.explained(edges.explain, plan),
            has_metrics=partial(self._has_metrics, roster.size),
        )
        if at_once:
            own = [target for target in roster.targets(shard) if target.account == self.targets[0].account]
            outcomes = look_at_all(own, tick, self.policy_of, self.with_findings(inside), self.context)
            return [*outcomes, *self._failed(records, tick)]
        outcomes = look_at_all(urgent_first(roster.targets(shard), last), tick, self.policy_of, inside, self.context)
        closing: list[Outcome] = []
        report = began(last, tick.at, tick.every)
        if known:  # without a list nothing is known of the shard, which is silent then
            closing, gone = self._close(roster, tick, edges, shard, records.failures, end)
            unread = self.fleet_accounts.learn(records, roster, outcomes, accounts, tick, shard, gone, end)
            not_set_up = _not_set_up(roster, outcomes, accounts, shard, last)
            unread = {account: why for account, why in unread.items() if account not in not_set_up}
            report = replace(
                report,
                not_set_up=tuple(sorted(not_set_up)),
                not_reached=tuple(outcome.plan.target.id for outcome in outcomes if outcome.not_reached),
                unanswered=tuple(sorted(unread)),
                unread=tuple(account for account in sorted(unread) if account in report.unanswered),
            )
            outcomes += self._unwatched(roster, dict.fromkeys(not_set_up, _NOT_SET_UP) | unread, tick)
            self._count(outcomes, shard, tick, records.failures)
        if known or shard.number == 0:
            records.save(shard.key, report)
        if shard.number:
            return [*outcomes, *closing, *self._failed(records, tick)]
        others = [records.load(Shard(number, shard.of).key, Report) for number in range(1, shard.of)]
        home = self._at_home(facts(roster if known else None, report, others, tick.at, tick.every), tick, edges)
        home.failures += records.failures
        return [*outcomes, *closing, home]

    def _failed(self, records: FleetStore, tick: Tick) -> list[Outcome]:
        """Outcome of the installation with what has failed, if anything has, from a run that does not look at it."""
        if not records.failures:
            return []
        outcome = unknown(self.targets[0], tick, self.policy_of(self.targets[0]), _ELSEWHERE)
        outcome.failures += records.failures
        return [outcome]

    def _unwatched(self, roster: Roster, why: Mapping[str, Unreadable], tick: Tick) -> list[Outcome]:
        """An unknown outcome for each account of which nothing is watched, for the counts and the log."""
        targets = (Target(m.account, NO_REGION, m.name) for m in roster.members if m.account in why and not m.regions)
        return [unknown(target, tick, self.policy_of(target), why[target.account]) for target in targets]

    def _has_metrics(self, targets: int, target: Target) -> bool:
        return self.settings.has_metrics(target.account, target.region, targets)

    def _at_home(self, facts: FleetFacts, tick: Tick, edges: Edges) -> Outcome:
        """Look at the installation: the fleet as a whole, and once a day who hears of alerts."""
        audience = self.audience() if tick.at % DAY < tick.every else None
        readings = Readings((), audience=audience, fleet=facts)
        home = replace(edges, read=lambda *_: readings, has_metrics=lambda _: False)
        return look_at(self.targets[0], tick, self.policy_of(self.targets[0]), home, self.context)

    def _close(
        self, roster: Roster, tick: Tick, edges: Edges, shard: Shard, failures: list[str], end: float
    ) -> tuple[list[Outcome], set[str]]:
        """Close the open alerts of targets that are watched no more; also the ids of those of which nothing is left to do."""
        closing: list[Outcome] = []
        gone: set[str] = set()
        for target in roster.closing(shard):
            if time.monotonic() > end:
                break
            try:
                outcome = self._closed(target, edges.store.load(target.id), tick, edges)
            except Overtaken:
                continue  # a run from before still looks at it
            except AWS_ERRORS as error:
                failures.append(f"the alerts of {target.id}, no longer watched, could not be closed ({code_of(error)})")
                continue
            except stored.BadState as error:
                why = f"{error}; if nobody needs it, delete it from the table"
                failures.append(f"the alerts of {target.id}, no longer watched, could not be closed: {why}")
                continue
            if outcome is None:
                gone.add(target.id)
            else:
                closing.append(outcome)
        return closing, gone

    def _closed(self, target: Target, item: Item | None, tick: Tick, edges: Edges) -> Outcome | None:
        """Close the open alerts of one target; None if nothing is open and nothing waits for delivery. Raise `BadState`."""
        if item is None:
            return None
        if item.schema > stored.SCHEMA:
            raise stored.BadState(f"the state was written by a newer version (schema {item.schema})")
        state = stored.from_text(item.text, schema=item.schema)
        if not (state.sent or state.outbox):
            return None
        plan = dismissed(target, state, self.policy_of(target), tick.at, self.context)
        after, mine = claimed(plan.state, tick)
        return Outcome(replace(plan, state=after), save(target, edges.store, item, after), mine)

    def _count(self, outcomes: Sequence[Outcome], shard: Shard, tick: Tick, failures: list[str]) -> None:
        """Publish how many targets the shard watches, and how many are in trouble."""
        verdicts = [outcome.plan.verdict for outcome in outcomes]
        counts = {
            "TargetsWatched": len(verdicts),
            "TargetsUnreadable": verdicts.count(Verdict.UNKNOWN),
            "TargetsWarning": verdicts.count(Verdict.WARNING),
            "TargetsCritical": verdicts.count(Verdict.CRITICAL),
        }
        try:
            self.put_counts(shard, tick.at, counts)
        except AWS_ERRORS as error:
            failures.append(f"the fleet's metrics could not be published ({code_of(error)})")


NO_REGION = "no region"
"""Stands in the log for the region of an account of which none is watched."""

_NOT_SET_UP = Unreadable(Trouble.ROLE, "the role has never let the monitor in")
_ELSEWHERE = Unreadable(Trouble.FAILED, "the first shard looks at it")


def _not_set_up(
    roster: Roster, outcomes: Iterable[Outcome], accounts: Accounts, shard: Shard, last: Report | None
) -> set[str]:
    """Accounts whose role does not let the monitor in, and of which nothing is watched. They are tried again at each run."""
    before = () if last is None else last.not_set_up
    idle = [member for member in roster.members if shard.has(member.account) and not member.regions]
    for member in idle:
        if not member.swept or member.account in before:
            accounts.refuses(member.account)
    refused = accounts.refused()
    without = {outcome.plan.target.account for outcome in outcomes if outcome.not_set_up}
    return without | {member.account for member in idle if member.account in refused}
