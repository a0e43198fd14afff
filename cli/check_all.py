"""How are all accounts now? Every target of the fleet in one table, the worst first; one that cannot be read is a row."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from threading import Lock
from typing import Any

from ses_reputation.aws import ses
from ses_reputation.aws.members import calling_as, for_members, role_version
from ses_reputation.aws.session import CONFIG, open_session
from ses_reputation.core.decide import overall
from ses_reputation.core.fleet import ROLE_VERSION
from ses_reputation.core.history import Instant, iso
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.readings import Trouble, Unreadable
from ses_reputation.core.roster import Member
from ses_reputation.core.rules import Verdict
from ses_reputation.core.target import Target, partition_of
from ses_reputation.core.wording import percent, plural, when
from ses_reputation.run import THREADS
from ses_reputation.settings import Settings
from ses_reputation.settings.patterns import REGION
from ses_reputation.settings.regions import SES_REGIONS

from . import aws
from .aws_errors import Explanation
from .check import STATISTICS, Reader, Report, Unknown, evaluate, exit_code, plugin_line, policy_of, region_document
from .deployed import NEEDS, find_unless_missing
from .exit_codes import UNKNOWN, USABLE, Unusable
from .members import TRUST, Fleet

LIST = "list of accounts"
"""Name of the list where it is said that it is not complete."""

WORST_FIRST = (Verdict.CRITICAL, Verdict.WARNING, Verdict.UNKNOWN, Verdict.NO_DATA, Verdict.TOO_FEW_EMAILS, Verdict.OK)


@dataclass(frozen=True, slots=True)
class Role:
    """An account whose role cannot be used, is old, or could not be looked at."""

    account: str
    name: str
    problem: str
    missing: bool = False  # or it does not let the user in
    old: bool = False

    @property
    def to_mend(self) -> bool:
        """Tell if the role is to be deployed."""
        return self.missing or self.old


def check_all(
    settings: Settings | None, profile: str | None, region: str | None, *, as_json: bool, as_plugin: bool
) -> int:
    """Print every target, the worst first, and every role to mend. Raise `Unusable`."""
    if settings is None or not settings.fleet.on:
        raise Unusable("--all reads the accounts of the settings: list them under [[accounts]] or [organization].")
    fleet, now = Fleet(aws.open_session(profile, region), settings), int(time.time())
    members, doubt = _listed(fleet, settings)
    if not members:
        raise Unusable(f"No account is known. {doubt}")
    targets = [target for member in members for target in member.targets]
    without = [member for member in members if not member.regions]
    ask = _Asking(fleet, settings, now)
    from .output import progress

    with progress("Reading", len(targets)) as step, ThreadPoolExecutor(THREADS) as pool:

        def report(target: Target) -> Report:
            try:
                return ask.report(target)
            finally:
                step()

        found = [*pool.map(report, targets), *pool.map(ask.without_regions, without), *_doubtful(doubt)]
        roles = sorted(filter(None, pool.map(ask.role, members)), key=lambda role: (role.name, role.account))
    idle = [report for report in found if report.verdict is Verdict.NO_DATA and not report.target.region]
    reports = sorted((report for report in found if report not in idle or len(idle) == len(found)), key=_badness)
    command = fleet.command(missing=any(role.missing for role in roles))
    if as_json:
        from .output import as_json as print_json

        print_json(_document(reports, idle, roles, command, now))
    else:
        if as_plugin:
            print(plugin_line(reports))
        _print(reports, idle, roles, command, settings, now)
    if as_plugin:
        return exit_code(reports, as_plugin=True)
    return UNKNOWN if roles or any(report.unknown for report in reports) else USABLE


def _listed(fleet: Fleet, settings: Settings) -> tuple[tuple[Member, ...], str]:
    """Return the accounts that the deployed monitor and the settings name, and why these may not be all; nothing if they are.

    The settings alone cannot know the accounts of units, nor the regions that are discovered.
    """
    home, wanted = fleet.region, settings.targets
    roster, doubts = None, []
    try:
        deployed = find_unless_missing(fleet.session, settings, home)
        roster = None if deployed is None else deployed.roster()
        if roster is None and (settings.fleet.units or wanted.discover):
            missing = (
                "has no list yet: it is made at the first run"
                if deployed
                else f"is not in {home}: name its region with --region"
            )
            doubts.append(f"{settings.stack_name} {missing}.")
    except Unusable as error:
        doubts.append(" ".join(str(error).split()))
    if roster is None and settings.fleet.units:
        doubts.append("The accounts of the units are not known.")
    if roster is None and wanted.discover:
        doubts.append(f"Of each account only {home} is read.")
    if roster is not None and roster.trouble:
        doubts.append(f"The monitor cannot list the accounts ({roster.trouble}): this is its last list.")
    regions = wanted.regions
    if not regions and (roster is None or not wanted.discover):
        regions = (home,)
    known = {member.account: member for member in (() if roster is None else roster.members)}
    for account, name in settings.fleet.accounts:
        known.setdefault(account, Member(account, name))
    members = (replace(each, regions=tuple(dict.fromkeys((*each.regions, *regions)))) for each in known.values())
    return tuple(members), " ".join(doubts)


def _doubtful(doubt: str) -> Iterator[Report]:
    """The row that says why there may be more accounts or regions than the others."""
    if doubt:
        yield _unknown(Target("", "", LIST), LIST, Explanation(doubt, f"Needed: {NEEDS}."))


def _without_role(target: Target, caller: Unreadable) -> Report:
    fix = TRUST if caller.trouble is Trouble.ROLE else "Try again."
    return _unknown(target, "role", Explanation(_refusal(caller), fix))


def _refusal(caller: Unreadable) -> str:
    """Why a role could not be assumed: only a refusal says that the role is missing."""
    if caller.trouble is Trouble.ROLE:
        return f"{caller.trouble.value} ({caller.detail})"
    return f"could not be assumed ({caller.detail.removeprefix('AssumeRole: ')})"


def _idle(target: Target) -> Report:
    return Report(target, Verdict.NO_DATA, None, (), (), ("the monitor has found no email of two weeks",))


def _unknown(target: Target, what: str, explanation: Explanation) -> Report:
    return Report(target, Verdict.UNKNOWN, None, (), (Unknown(what, explanation),), ())


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
            return _without_role(target, caller)
        if not re.fullmatch(REGION, target.region):  # the SDK fails in many ways
            return _unknown(
                target,
                "region",
                Explanation(f"{target.region!r} is not the name of one", "The monitor's list is wrong."),
            )
        with calling_as(caller):
            return evaluate(target, self._reader(target.region), policy_of(self.settings, target), tune=False)

    def without_regions(self, member: Member) -> Report:
        """Say of an account of which no region is watched why that is: it has sent nothing, or it cannot be read."""
        target, home = Target(member.account, "", member.name), self.fleet.region
        caller = self.fleet.members.caller(member.account)
        if isinstance(caller, Unreadable):
            return _without_role(target, caller)
        if not member.swept:
            explanation = Explanation("they have not been searched yet", "The monitor searches them at its next runs.")
            return _unknown(target, "regions", explanation)
        unknown: list[Unknown] = []
        with calling_as(caller):
            for region in dict.fromkeys((home, *SES_REGIONS[partition_of(home)])):
                reader = self._reader(region)
                answer = reader.ask(f"{STATISTICS} in {region}", "ses", ses.send_statistics)
                if not isinstance(answer, Unreadable):  # so are the others that the monitor has searched
                    sends = any(point.attempts for point in answer)
                    return self.report(replace(target, region=region)) if sends else _idle(target)
                unknown += reader.unknown
                if answer.trouble not in (Trouble.DENIED, Trouble.NOT_ENABLED):
                    break
        return Report(target, Verdict.UNKNOWN, None, (), (unknown[0],), ())

    def _reader(self, region: str) -> Reader:
        return Reader(self.fleet.session, region, self.now, client=lambda service: self._create(service, region))

    def role(self, member: Member) -> Role | None:
        """Say what is wrong with the role of an account, if anything is."""
        caller = self.fleet.members.caller(member.account)
        if isinstance(caller, Unreadable):
            return Role(member.account, member.name, _refusal(caller), missing=caller.trouble is Trouble.ROLE)
        if member.account == self.fleet.own:
            return None
        with calling_as(caller):
            version = role_version(
                self._create("iam", self.fleet.region), self.settings.fleet.role_name, self.settings.look
            )
        if version is None:
            return Role(member.account, member.name, "its version cannot be read now")
        old = version < ROLE_VERSION
        return Role(member.account, member.name, "old, or made for another [cause] look", old=True) if old else None


def _badness(report: Report) -> tuple[int, float, str, str]:
    """Order of the rows: verdict, then how near AWS's thresholds it is, then name."""
    near = [(state.evaluation.estimate.rate or 0) / AWS_THRESHOLDS[state.metric].review for state in report.metrics]
    return WORST_FIRST.index(report.verdict), -max(near, default=0.0), report.target.alias, report.target.id


_COLUMNS = ("Account", "Region", "Verdict", "Bounces", "Complaints", "What")


def _print(
    reports: Sequence[Report],
    idle: Sequence[Report],
    roles: Sequence[Role],
    command: str,
    settings: Settings,
    now: Instant,
) -> None:
    from .output import say, table

    targets = sum(1 for report in reports if report.target.region)
    say(f"As of {when(now, settings.alerts.zone)}: {plural(targets, 'target')}")
    table(_COLUMNS, map(_row, reports), right=("Bounces", "Complaints"))
    if idle:
        say()
        say(f"The monitor has found no email of two weeks in {', '.join(_words(report.target) for report in idle)}.")
    if to_mend := [role for role in roles if role.to_mend]:
        say()
        say(f"Roles to mend, each with the credentials of its account: {command}")
        for role in to_mend:
            say(f"{role.name} ({role.account}): {role.problem}", indent=2)
    if others := [role for role in roles if not role.to_mend]:
        say()
        say("Roles that could not be looked at; try again:")
        for role in others:
            say(f"{role.name} ({role.account}): {role.problem}", indent=2)


def _row(report: Report) -> tuple[str, ...]:
    rates = {state.metric: state.evaluation.shown.rate for state in report.metrics}
    shown = (
        "-" if (rate := rates.get(metric)) is None else percent(rate, AWS_THRESHOLDS[metric].review)
        for metric in Metric
    )
    what = [*(f"{u.what}: {u.explanation.problem}" for u in report.unknown), *report.headlines]
    target = report.target
    return (_words(target), target.region or "-", report.verdict.value, *shown, "; ".join(what))


def _words(target: Target) -> str:
    return f"{target.alias} ({target.account})" if target.account else target.alias


def _document(
    reports: Sequence[Report], idle: Sequence[Report], roles: Sequence[Role], command: str, now: Instant
) -> dict[str, Any]:
    return {
        "at": iso(now),
        "verdict": overall(report.verdict for report in reports).value,
        "list": [each.explanation.problem for report in reports for each in report.unknown if each.what == LIST],
        "targets": [
            {"account_id": report.target.account, "account_name": report.target.alias, **region_document(report)}
            for report in reports
            if report.target.account
        ],
        "idle": [report.target.account for report in idle],
        "roles": [asdict(role) for role in roles],
        "mend": command if any(role.to_mend for role in roles) else None,
    }
