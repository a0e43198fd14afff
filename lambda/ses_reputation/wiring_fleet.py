"""The wiring of a monitor of many accounts. It is imported only if accounts are configured."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .aws import cloudwatch, members, organization, ses
from .aws.members import Members, calling_as
from .aws.session import CONFIG, open_session
from .core.cause_level import CauseLevel
from .core.decide import Plan
from .core.fleet import ROLE_VERSION, Installation, Shard, is_turn
from .core.history import HOUR, Instant
from .core.readings import Audience, Readings, Trouble, Unreadable
from .core.target import Target, partition_of
from .fleet import FleetMonitor
from .fleet_accounts import FleetAccounts
from .run import Edges, Explained
from .settings import Settings
from .settings.regions import SES_REGIONS
from .team_orders import TeamOrders
from .wiring import Create, client_maker, explaining, read_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .core.checks.base import Context
    from .core.findings import Findings
    from .wiring import Environment


def wire_fleet(
    settings: Settings,
    environment: Environment,
    *,
    session: Any,
    edges: Edges,
    context: Context,
    audience: Callable[[], Audience | Unreadable],
    findings: Callable[[str], Findings | None],
    metrics: Any,
    team_orders: Callable[[Instant], TeamOrders],
) -> FleetMonitor:
    """Make the monitor of many accounts out of the parts of that of one."""
    fleet, home = settings.fleet, environment.region
    create = client_maker(members.for_members(open_session()))
    own = client_maker(session)
    own("sts", home, CONFIG)  # at start, when Lambda does not ration the CPU yet; so below
    for region in settings.targets.regions:
        for service in ("ses", "sesv2", "cloudwatch"):
            create(service, region, CONFIG)
    regions = settings.targets.regions if settings.targets.regions else (home,)
    if settings.targets.discover:
        regions = SES_REGIONS[partition_of(home)]

    def list_accounts() -> tuple[tuple[str, str], ...]:
        return organization.accounts_in(own("organizations", home, CONFIG), fleet.units, fleet.exclude)

    def open_accounts() -> _Accounts:
        roles = Members(
            own("sts", home, CONFIG),
            members.own_caller(environment.account, session),
            partition=environment.partition,
            role_name=fleet.role_name,
            external_id=fleet.external_id,
            session_name=settings.stack_name,
        )
        return _Accounts(create, roles, settings, environment)

    def put_counts(shard: Shard, at: Instant, counts: Mapping[str, int]) -> None:
        cloudwatch.put_counts(metrics, settings.metric_namespace, shard.number, at, counts)

    return FleetMonitor(
        settings,
        (Installation(environment.account, home),),
        edges,
        replace(context, home=home),
        audience,
        findings,
        partial(explaining, create, settings.look),
        team_orders,
        fleet_accounts=FleetAccounts(settings, list_accounts, regions, _fingerprint(settings, regions)),
        open_accounts=open_accounts,
        put_counts=put_counts,
    )


def _fingerprint(settings: Settings, regions: tuple[str, ...]) -> str:
    """Text that changes with the settings of who is watched."""
    text = repr((settings.fleet, settings.targets.discover, regions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Accounts:
    """Ways into the accounts during one run (see fleet_accounts.py): all clients are shared, each call is signed for its account."""

    create: Create
    roles: Members
    settings: Settings
    environment: Environment

    def read(self, target: Target, now: Instant) -> Readings:
        caller = self.roles.caller(target.account)
        if isinstance(caller, Unreadable):
            return Readings(caller)
        every = self.settings.deployment.every
        hourly = is_turn(target.id, now, every, HOUR)
        with calling_as(caller):
            return read_target(
                self.create, target, now, with_findings=hourly and self.settings.look is not CauseLevel.OFF, hasty=True
            )

    def explained(self, explain: Callable[[Plan], Explained], plan: Plan) -> Explained:
        caller = self.roles.caller(plan.target.account)
        if isinstance(caller, Unreadable):
            return Explained(plan)
        with calling_as(caller):
            return explain(plan)

    def refuses(self, account: str) -> bool:
        caller = self.roles.caller(account)
        return isinstance(caller, Unreadable) and caller.trouble is Trouble.ROLE

    def refused(self) -> set[str]:
        return self.roles.refused()

    def sends(self, target: Target) -> bool | Unreadable:
        caller = self.roles.caller(target.account)
        if isinstance(caller, Unreadable):
            return caller
        with calling_as(caller):
            points = ses.send_statistics(self.create("ses", target.region, CONFIG))
        return points if isinstance(points, Unreadable) else any(point.attempts for point in points)

    def role_version(self, account: str) -> int | None:
        caller = self.roles.caller(account)
        if account == self.environment.account:
            return ROLE_VERSION
        if isinstance(caller, Unreadable):
            return None
        with calling_as(caller):
            return members.role_version(
                self.create("iam", self.environment.region, CONFIG),
                self.settings.fleet.role_name,
                self.settings.look,
            )
