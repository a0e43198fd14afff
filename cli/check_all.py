"""How are all accounts now? Every target of the fleet in one table, the worst first; one that cannot be read is a row."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from threading import Lock
from typing import Any

from ses_reputation.aws.errors import AWS_ERRORS
from ses_reputation.aws.members import calling_as, for_members, role_version
from ses_reputation.aws.session import CONFIG, open_session
from ses_reputation.core.decide import overall
from ses_reputation.core.fleet import ROLE_VERSION
from ses_reputation.core.history import Instant, iso
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.readings import Unreadable
from ses_reputation.core.roster import Member, Roster
from ses_reputation.core.rules import Verdict
from ses_reputation.core.state import BadState, record_from
from ses_reputation.core.target import Target
from ses_reputation.core.wording import percent, plural, when
from ses_reputation.fleet_accounts import ROSTER
from ses_reputation.run import THREADS
from ses_reputation.settings import Settings

from . import aws
from .aws_errors import Explanation
from .check import Reader, Report, Unknown, evaluate, exit_code, plugin_line, policy_of, region_document
from .deployed import find
from .exit_codes import UNKNOWN, USABLE, Unusable
from .members import TRUST, Fleet

WORST_FIRST = (Verdict.CRITICAL, Verdict.WARNING, Verdict.UNKNOWN, Verdict.NO_DATA, Verdict.TOO_FEW_EMAILS, Verdict.OK)


@dataclass(frozen=True, slots=True)
class Role:
    """An account whose role needs a person."""

    account: str
    name: str
    problem: str
    missing: bool = False  # or it does not let the user in


def check_all(
    settings: Settings | None, profile: str | None, region: str | None, *, as_json: bool, as_plugin: bool
) -> int:
    """Print every target, the worst first, and every role to mend. Raise `Unusable`."""
    if settings is None or not settings.fleet.on:
        raise Unusable("--all reads the accounts of the settings: list them under [[accounts]] or [organization].")
    fleet, now = Fleet(aws.open_session(profile, region), settings), int(time.time())
    members = _members(fleet, settings)
    if not members:
        raise Unusable("No account is known yet: the deployed monitor lists those of the units at its first run.")
    targets = [target for member in members for target in member.targets]
    ask = _Asking(fleet, settings, now)
    from .output import progress

    with progress("Reading", len(targets)) as step, ThreadPoolExecutor(THREADS) as pool:

        def report(target: Target) -> Report:
            try:
                return ask.report(target)
            finally:
                step()

        reports = sorted(pool.map(report, targets), key=_badness)
        roles = sorted(filter(None, pool.map(ask.role, members)), key=lambda role: (role.name, role.account))
    command = fleet.command(missing=any(role.missing for role in roles))
    if as_json:
        from .output import as_json as print_json

        print_json(_document(reports, roles, command, now))
    else:
        if as_plugin:
            print(plugin_line(reports))
        _print(reports, roles, command, settings, now)
    return max(exit_code(reports, as_plugin=as_plugin), UNKNOWN if roles and not as_plugin else USABLE)


def _members(fleet: Fleet, settings: Settings) -> Sequence[Member]:
    """Accounts and regions as the deployed monitor knows them; without one, as the settings list them."""
    try:
        item = find(fleet.session, settings, fleet.region).store.load(ROSTER)
        if item is not None:
            return record_from(Roster, item.text).members
    except (*AWS_ERRORS, BadState, LookupError, ValueError):
        pass
    regions = settings.targets.regions if settings.targets.regions else (fleet.region,)
    return [Member(account, name, regions) for account, name in settings.fleet.accounts]


class _Asking:
    """Reads of many targets: one client for each service and region, one role session for each account."""

    def __init__(self, fleet: Fleet, settings: Settings, now: Instant) -> None:
        self.fleet, self.settings, self.now = fleet, settings, now
        session, lock = for_members(open_session()), Lock()

        @cache
        def create(service: str, region: str) -> Any:
            with lock:
                return session.create_client(service, region, config=CONFIG)

        self._create = create

    def report(self, target: Target) -> Report:
        """Read and evaluate a target; without its role it is unknown."""
        caller = self.fleet.members.caller(target.account)
        if isinstance(caller, Unreadable):
            unknown = Unknown("role", Explanation(f"{caller.trouble.value} ({caller.detail})", TRUST))
            return Report(target, Verdict.UNKNOWN, None, (), (unknown,), ())
        reader = Reader(
            self.fleet.session, target.region, self.now, client=lambda service: self._create(service, target.region)
        )
        with calling_as(caller):
            return evaluate(target, reader, policy_of(self.settings, target), tune=False)

    def role(self, member: Member) -> Role | None:
        """Say what is wrong with the role of an account, if anything is."""
        caller = self.fleet.members.caller(member.account)
        if isinstance(caller, Unreadable):
            return Role(member.account, member.name, f"{caller.trouble.value} ({caller.detail})", missing=True)
        if member.account == self.fleet.own:
            return None
        with calling_as(caller):
            version = role_version(self._create("iam", self.fleet.region), self.settings.fleet.role_name)
        if version is None:
            return Role(member.account, member.name, "its version cannot be read now")
        old = version < ROLE_VERSION
        return Role(member.account, member.name, f"version {version}, not {ROLE_VERSION}") if old else None


def _badness(report: Report) -> tuple[int, float, str, str]:
    """Order of the rows: verdict, then how near AWS's thresholds it is, then name."""
    near = [(state.evaluation.estimate.rate or 0) / AWS_THRESHOLDS[state.metric].review for state in report.metrics]
    return WORST_FIRST.index(report.verdict), -max(near, default=0.0), report.target.alias, report.target.id


_COLUMNS = ("Account", "Region", "Verdict", "Bounces", "Complaints", "What")


def _print(reports: Sequence[Report], roles: Sequence[Role], command: str, settings: Settings, now: Instant) -> None:
    from .output import say, table

    say(f"As of {when(now, settings.alerts.zone)}: {plural(len(reports), 'target')}")
    table(_COLUMNS, map(_row, reports), right=("Bounces", "Complaints"))
    if roles:
        say()
        say(f"Roles to mend, each with the credentials of its account: {command}")
        for role in roles:
            say(f"{role.name} ({role.account}): {role.problem}", indent=2)


def _row(report: Report) -> tuple[str, ...]:
    rates = {state.metric: state.evaluation.shown.rate for state in report.metrics}
    shown = (
        "-" if (rate := rates.get(metric)) is None else percent(rate, AWS_THRESHOLDS[metric].review)
        for metric in Metric
    )
    what = [*(f"{u.what}: {u.explanation.problem}" for u in report.unknown), *report.headlines]
    target = report.target
    return (f"{target.alias} ({target.account})", target.region, report.verdict.value, *shown, "; ".join(what))


def _document(reports: Sequence[Report], roles: Sequence[Role], command: str, now: Instant) -> dict[str, Any]:
    return {
        "at": iso(now),
        "verdict": overall(report.verdict for report in reports).value,
        "targets": [
            {"account_id": report.target.account, "account_name": report.target.alias, **region_document(report)}
            for report in reports
        ],
        "roles": [asdict(role) for role in roles],
        "mend": command if roles else None,
    }
