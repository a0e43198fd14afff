"""Accounts, an organization, a store and recipients, for the tests of a monitor of many accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any

from botocore.exceptions import ClientError
from ses_reputation.aws.store import Item, Overtaken
from ses_reputation.core import state as stored
from ses_reputation.core.checks.base import Context
from ses_reputation.core.decide import Gauge, Plan
from ses_reputation.core.fleet import ROLE_VERSION, WHOLE, Installation, Shard
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant, Point
from ses_reputation.core.notification import Document
from ses_reputation.core.readings import Audience, Readings, Trouble, Unreadable
from ses_reputation.core.roster import Roster
from ses_reputation.core.target import Target
from ses_reputation.fleet import FleetMonitor
from ses_reputation.fleet_accounts import FleetAccounts
from ses_reputation.run import Channel, Edges, Explained
from ses_reputation.settings import parse

NOON = 1_738_411_200  # 2025-02-01T12:00:00Z
HOME, SHOP, BLOG, NEWS = "000000000000", "111111111111", "222222222222", "333333333333"
NO_ROLE = Unreadable(Trouble.ROLE, "AssumeRole: AccessDenied")
BASE = """
[volume]
silence = false
spike = 0
[alerts]
emails = ["oncall@mail.test"]
[member_role]
external_id = "ours"
"""
SETTINGS = f"""{BASE}
[[accounts]]
id = "{SHOP}"
name = "shop"
[[accounts]]
id = "{BLOG}"
"""
UNITS = f"""{BASE}
[organization]
units = ["r-ab12"]
"""
DISCOVER = '[targets]\nregions = "discover"\n'
REGIONS = ("eu-west-1", "us-east-1")


class World:
    """Accounts, an organization, a store and recipients; faults are planted by name."""

    def __init__(self, settings: str = SETTINGS, regions: Sequence[str] = REGIONS[:1]) -> None:
        self.text, self.regions = settings, regions
        self.organization: list[tuple[str, str]] | Exception = []
        self.no_role: set[str] = set()
        self.versions: dict[str, int | None] = {}
        self.senders: set[str] | None = None  # ids of targets that send; None: all
        self.bad: set[str] = set()  # ids of targets with a bad list
        self.broken: set[str] = set()  # ids of targets at which the monitor itself breaks
        self.items: dict[str, Item] = {}
        self.faults: set[str] = set()
        self.sent: list[list[Document]] = []
        self.read_of: list[str] = []
        self.tried: set[str] = set()
        self.hanging: set[str] = set()  # ids of targets that do not answer before `released`
        self.released = Event()
        self.asked: list[str] = []
        self.unanswered: dict[str, Unreadable] = {}  # accounts of which no region says what was sent
        self.gauged: set[str] = set()
        self.counts: list[tuple[int, Mapping[str, int]]] = []
        self.channels = [Channel("people", 12, self.send)]
        self.summaries: list[list[Document]] = []
        self.when_saving: Callable[[str], None] = lambda _: None

    @property
    def monitor(self) -> FleetMonitor:
        settings = parse(self.text)
        return FleetMonitor(
            settings,
            (Installation(HOME, "eu-west-1"),),
            Edges(self.never, self.put_gauges, self, self.channels),
            Context(home="eu-west-1"),
            lambda: Audience(1, 0, 1),
            fleet_accounts=FleetAccounts(settings, self.list_accounts, self.regions, str(hash(self.text))),
            open_accounts=lambda: self,
            put_counts=lambda shard, at, counts: self.counts.append((shard.number, counts)),
        )

    def run(self, now: Instant, shard: Shard = WHOLE, milliseconds: int = 600_000) -> dict[str, Any]:
        self.read_of.clear()
        self.tried.clear()
        return self.monitor.run(now, lambda: milliseconds, shard)

    # -- what the monitor calls

    def list_accounts(self) -> Sequence[tuple[str, str]]:
        if isinstance(self.organization, Exception):
            raise self.organization
        return self.organization

    def never(self, target: Target, now: Instant) -> Readings:
        raise AssertionError("read outside of the accounts")

    def read(self, target: Target, now: Instant) -> Readings:
        self.read_of.append(target.id)
        if target.id in self.hanging:
            self.released.wait(30)
        if target.id in self.broken:
            raise RuntimeError("planted")
        if target.account in self.no_role:
            return Readings(NO_ROLE)
        if self.senders is not None and target.id not in self.senders:
            return Readings(())
        bad = target.id in self.bad
        sparse = range(NOON - 16 * DAY, NOON - HOUR, 6 * HOUR)  # quick to evaluate
        dense = range(NOON - HOUR, NOON + 2 * HOUR, BUCKET)
        late = range(NOON + 2 * HOUR, now, 6 * HOUR)
        made = (Point(at, 400, 60 if bad and at >= NOON else 4) for at in (*sparse, *dense, *late))
        return Readings(tuple(point for point in made if now - 14 * DAY <= point.at < now))

    def explained(self, explain: Callable[[Plan], Explained], plan: Plan) -> Explained:
        return explain(plan)

    def refuses(self, account: str) -> bool:
        self.tried.add(account)
        return account in self.no_role

    def refused(self) -> set[str]:
        return self.tried & self.no_role

    def sends(self, target: Target) -> bool | Unreadable:
        self.asked.append(target.id)
        if target.account in self.unanswered:
            return self.unanswered[target.account]
        return self.senders is None or target.id in self.senders

    def role_version(self, account: str) -> int | None:
        return self.versions.get(account, ROLE_VERSION)

    def put_gauges(self, target: Target, gauges: Sequence[Gauge]) -> None:
        self.gauged.add(target.id)

    def load(self, key: str) -> Item | None:
        if f"load {key}" in self.faults:
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "GetItem")
        return self.items.get(key)

    def save(self, key: str, new: Item) -> None:
        if f"save {key}" in self.faults:
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "PutItem")
        self.when_saving(key)
        there = self.items.get(key)
        if (0 if there is None else there.version) != new.version - 1:
            raise Overtaken(there)
        self.items[key] = new

    def send(self, documents: Sequence[Document]) -> None:
        self.sent.append(list(documents))

    # -- what is asserted

    @property
    def notifications(self) -> list[str]:
        """Notifications since the last look."""
        notifications = [
            f"{d['check']} {d['reason']} {d['account'][:3]} {d['region']}" for batch in self.sent for d in batch
        ]
        self.sent.clear()
        return notifications

    @property
    def roster(self) -> Roster:
        return stored.record_from(Roster, self.items["fleet"].text)


def shards(world: World, now: Instant, of: int) -> None:
    """One run of each shard."""
    for number in range(of):
        world.run(now, Shard(number, of))
