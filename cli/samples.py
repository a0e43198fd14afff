"""Every message there is, each decided by the real core about a made-up sender: for `preview`, docs and the tests of the words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

from ses_reputation.core.checks.base import Context
from ses_reputation.core.decide import decide, replay
from ses_reputation.core.findings import Findings, Recommendation, Tenant
from ses_reputation.core.fleet import FleetFacts
from ses_reputation.core.history import DAY, HOUR, Point, point_from
from ses_reputation.core.notification import Document, drill_notification, summary_of
from ses_reputation.core.pause_guard import reason
from ses_reputation.core.pause_level import Part
from ses_reputation.core.pause_record import Pause, PauseReading, Stage
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, Audience, AwsRate, AwsRates, Readings, Trouble, Unreadable
from ses_reputation.core.rules import Policy
from ses_reputation.core.state import State
from ses_reputation.core.target import Target

from .sender import Campaign, send_data_points

START = 1_738_540_800  # Monday 2025-02-03T00:00:00Z
INCIDENT = START + 14 * DAY + 9 * HOUR
"""When things go wrong, with two weeks of healthy email before. Hours below are counted from here."""

HEALTHY = Account("HEALTHY", sending=True, production=True, quota=200_000, used=0)
USUAL_RATES = {"bounce": 0.0079, "complaint": 0.00021}
NO_ACCOUNT = Unreadable(Trouble.DENIED, "GetAccount: AccessDeniedException")
NO_RATES = Unreadable(Trouble.DENIED, "GetMetricData: AccessDenied")


@dataclass(frozen=True)
class World:
    """A made-up sender, and AWS's answers about it. Each table maps an hour to the value from then on."""

    campaigns: tuple[Campaign, ...] = ()
    emails_per_day: int = 40_000
    shape: Callable[[Point, float], Point] = lambda point, _: point  # changes a bucket, given its hour
    account: Mapping[float, Mapping[str, Any] | Unreadable] = field(default_factory=dict)  # what differs from HEALTHY
    rates: Mapping[float, Mapping[str, float] | Unreadable] = field(default_factory=dict)  # AWS's own
    missing: Mapping[float, tuple[int, int]] = field(default_factory=dict)  # addresses missing, and listeners
    findings: Mapping[float, Findings] = field(default_factory=dict)  # what SES itself finds; not asked before
    trouble: Mapping[float, Unreadable | None] = field(default_factory=dict)  # with the send statistics
    pause: Mapping[float, PauseReading] = field(default_factory=dict)  # by the monitor itself
    fleet: Mapping[float, FleetFacts] = field(default_factory=dict)  # not a fleet before

    def readings(self, now: int) -> Readings:
        """Make the readings of a run at `now`."""
        hours = (now - INCIDENT) / HOUR
        points = tuple(self._points(now - 14 * DAY, now))
        trouble = _at(self.trouble, hours, None)
        missing, listeners = _at(self.missing, hours, (0, 3))
        return Readings(
            points if trouble is None else trouble,
            self._account(points, hours, now),
            self._rates(hours, now),
            Audience(3, missing, listeners),
            _at(self.findings, hours, None),
            _at(self.fleet, hours, None),
        )

    def _points(self, start: int, end: int) -> Iterator[Point]:
        for point in _points(self.emails_per_day, self.campaigns):
            if start <= point.at < end:
                yield self.shape(point, (point.at - INCIDENT) / HOUR)

    def _account(self, points: Sequence[Point], hours: float, now: int) -> Account | Unreadable:
        changes = _at(self.account, hours, {})
        if isinstance(changes, Unreadable):
            return changes
        used = sum(point.attempts for point in points if point.at >= now - DAY)
        quota = max(HEALTHY.quota, 5 * self.emails_per_day)
        return replace(replace(HEALTHY, used=used, quota=quota), **changes)

    def _rates(self, hours: float, now: int) -> AwsRates | Unreadable:
        rates = _at(self.rates, hours, USUAL_RATES)
        if isinstance(rates, Unreadable):
            return rates
        return {Metric(name): AwsRate(rate, now - HOUR) for name, rate in rates.items()}


def _at(table: Mapping[float, Any], hours: float, before: Any) -> Any:
    """Value of `table` at an hour; `before` until its first."""
    reached = [hour for hour in table if hour <= hours]
    return table[max(reached)] if reached else before


@cache
def _points(emails_per_day: int, campaigns: tuple[Campaign, ...]) -> tuple[Point, ...]:
    made = send_data_points(START, START + 34 * DAY, emails_per_day=emails_per_day, campaigns=campaigns)
    return tuple(point_from(point) for point in made)


def bad_list(hours: float = 20, per_bucket: int = 250, complaint_rate: float = 0.004, start: float = 0) -> Campaign:
    """A campaign to addresses of which one in six does not exist."""
    begin = INCIDENT + int(start * HOUR)
    return Campaign(begin, begin + int(hours * HOUR), per_bucket, 0.16, complaint_rate)


@dataclass(frozen=True)
class Stories:
    """Notifications that a monitor with `policy` sends about `target`."""

    policy: Policy
    target: Target
    context: Context = Context()

    def at(self, world: World, *hours: float) -> list[Document]:
        """Notifications of the last of the runs at `hours`, after one an hour before the incident."""
        state: State | None = None
        documents: tuple[Document, ...] = ()
        for hour in (-1, *hours):
            now = INCIDENT + int(hour * HOUR)
            pause = self._explained(world, _at(world.pause, hour, None))
            plan = decide(self.target, world.readings(now), state, self.policy, now, self.context, pause)
            state, documents = replace(plan.state, outbox=(), published=now), plan.documents
        return list(documents)

    def _explained(self, world: World, reading: PauseReading | None) -> PauseReading | None:
        """Give a pause the reason that the guard gives at its tick."""
        if reading is None or reading.pause is None:
            return reading
        now = reading.pause.at
        readings = world.readings(now)
        seen = decide(self.target, readings, None, self.policy, now).seen
        why = reason(Metric.BOUNCE, seen.evaluations.get(Metric.BOUNCE), readings)
        return replace(reading, pause=replace(reading.pause, why=why))

    def incident(self, check: str, reason: str, world: World, *, nth: int = 1) -> list[Document]:
        """`first` of our own rates, with a run at each tick at which `replay` has something to send."""
        return [
            document
            for document in _incident(self, world.campaigns, world.emails_per_day)
            if (document["check"], document["reason"]) == (check, reason)
        ][nth - 1 : nth]


@lru_cache(maxsize=16)
def _ticks(policy: Policy, campaigns: tuple[Campaign, ...], emails_per_day: int) -> tuple[int, ...]:
    """Ticks of an incident at which a notification is sent, whatever the target is."""
    end = INCIDENT + 9 * DAY
    points = [point for point in _points(emails_per_day, campaigns) if point.at < end]
    played = replay(Target("000000000000", "eu-west-1"), points, policy, until=end)
    return tuple(now for now, sent, _ in played if sent and now >= INCIDENT)


@lru_cache(maxsize=16)
def _incident(stories: Stories, campaigns: tuple[Campaign, ...], emails_per_day: int) -> tuple[Document, ...]:
    world = World(campaigns, emails_per_day)
    documents: list[Document] = []
    state: State | None = None
    for now in (INCIDENT - HOUR, *_ticks(stories.policy, campaigns, emails_per_day)):
        plan = decide(stories.target, world.readings(now), state, stories.policy, now, stories.context)
        state = replace(plan.state, outbox=(), published=now)
        documents += plan.documents
    return tuple(documents)


BAD = World((bad_list(),))
LONG = World((bad_list(hours=40),))
LINGERING = World((bad_list(8), Campaign(INCIDENT + 8 * HOUR, INCIDENT + 150 * HOUR, 400, 0.02, 0.0)))
NOTHING = {"times": 0, "complaints": 0}
COMPLAINTS = World((Campaign(INCIDENT, INCIDENT + 6 * HOUR, 400, 0.01, 0.02),))


def _aws(**from_hour: float) -> World:
    """AWS's own bounce rate; 0: it publishes none."""
    return World(
        rates={
            float(hour[1:]): {"complaint": 0.0003} | ({"bounce": rate} if rate else {})
            for hour, rate in from_hour.items()
        }
    )


def _aws_complaints(**from_hour: float) -> World:
    return World(rates={float(hour[1:]): {"bounce": 0.008, "complaint": rate} for hour, rate in from_hour.items()})


def _status(**from_hour: str) -> World:
    return World(account={float(hour[1:]): {"enforcement": word} for hour, word in from_hour.items()})


def _off(*hours: float) -> World:
    """The account's own switch, off and on in turn."""
    return World(account={hour: {"sending": bool(number % 2)} for number, hour in enumerate(hours)})


def _used(**from_hour: int) -> World:
    """Use of a quota of 50,000."""
    table = {"h_9": 30_000, **from_hour}
    return World(
        account={float(hour[1:].replace("_", "-")): {"quota": 50_000, "used": used} for hour, used in table.items()}
    )


def _buckets(*changes: tuple[float, Mapping[str, int]]) -> World:
    """Buckets with other counts from an hour on; emails and bounces `times` as many."""
    table = dict(changes)

    def shape(point: Point, hours: float) -> Point:
        counts = dict(_at(table, hours, {}))
        times = counts.pop("times", 1)
        return replace(point, attempts=times * point.attempts, bounces=times * point.bounces, **counts)

    return World(shape=shape, account={-99: {"quota": 20_000_000}})


def _unreadable(trouble: Trouble, until: float = 999, detail: str = "") -> World:
    """Send statistics that cannot be read until an hour."""
    call = "AssumeRole" if trouble is Trouble.ROLE else "GetSendStatistics"
    return World(trouble={0: Unreadable(trouble, detail if detail else f"{call}: {_CODES[trouble]}"), until: None})


_CODES = {
    Trouble.DENIED: "AccessDenied",
    Trouble.ROLE: "AccessDenied",
    Trouble.NOT_ENABLED: "InvalidClientTokenId",
    Trouble.THROTTLED: "Throttling",
    Trouble.TIMED_OUT: "ReadTimeoutError",
    Trouble.BAD_ANSWER: "a member has no Timestamp",
    Trouble.FAILED: "InternalFailure",
}
_GAP = "41,210 emails were counted from 2025-02-07T09:00:00Z to 2025-02-17T09:00:00Z before, now only 3,871 are"


def _tenants(*tenants: Tenant) -> Findings:
    return Findings((), tenants)


NO_DKIM = Findings((Recommendation("DKIM", "shop.example", "DKIM verification has failed."),), ())
TROUBLES = Findings((*(NO_DKIM.recommendations or ()), Recommendation("IP_LISTING", "192.0.2.17", "")), ())
ACME = Tenant("acme", high_impact=True, paused_by="")
PAUSED = Tenant("acme", high_impact=True, paused_by="AWS", cause="The bounce rate is too high.")


NOT_SET_UP = FleetFacts(not_set_up=("shop (111111111111)", "222222222222"))
OLD_ROLES = tuple(f"blog-{number} ({number:012})" for number in range(1, 31))
LATE = FleetFacts(silent_shards=("shard 2 (numbered 0 to 3)",), not_reached=("333333333333/eu-west-1",))


def _pause(stage: Stage, part: Part = Part.SET, name: str = "newsletter", trouble: str = "") -> PauseReading:
    reference = f"arn:aws:ses:eu-west-1:123456789012:tenant/{name}/tn-1" if part is Part.TENANT else ""
    return PauseReading(Pause(stage, part, name, reference, "bounce-20250217T0515Z", "", INCIDENT, trouble))


DUE, DONE = _pause(Stage.DUE), _pause(Stage.PAUSED)
ALL_OFF = _pause(Stage.PAUSED, Part.ACCOUNT, "")
REFUSED = PauseReading(refusal="bounce: AWS's own rate is only 0.8%")
RESUMED = PauseReading(rearmed=INCIDENT + 5 * HOUR)


def _paused(**from_hour: PauseReading) -> World:
    """Pauses in the ninth hour of a bad list, which ends with them."""
    pauses = {float(hour[1:]): reading for hour, reading in from_hour.items()}
    return World((bad_list(10, 400, start=-9),), rates={-99: {"bounce": 0.031, "complaint": 0.0003}}, pause=pauses)


def _of_pause(stories: Stories, world: World, *hours: float) -> list[Document]:
    """Notifications about the pause, without those of the bad list itself."""
    return [document for document in stories.at(world, *hours) if document["check"] == "pause"]


def _several(stories: Stories) -> list[Document]:
    """An email about three things at once."""
    return [
        *stories.incident("complaint", "opened", BAD),
        *stories.incident("bounce", "escalated", BAD),
        *stories.at(World(account={0: NO_ACCOUNT}), 0),
    ]


def _many(stories: Stories) -> list[Document]:
    """A summary of the alerts of many accounts at once."""
    names = ("shop", "blog", "news", "billing", "support")
    accounts = [replace(stories, target=Target(f"{n:012}", stories.target.region, names[n % 5])) for n in range(1, 15)]
    made = [one.incident("bounce", "opened" if n % 3 else "resolved", BAD)[0] for n, one in enumerate(accounts)]
    return [summary_of(made, stories.target.region)]


SAMPLES: Mapping[str, Callable[[Stories], list[Document]]] = {
    "bounce-opened": lambda of: of.incident("bounce", "opened", BAD),
    "bounce-escalated": lambda of: of.incident("bounce", "escalated", BAD),
    "bounce-new-outbreak": lambda of: of.at(replace(_aws(h0=0.052), campaigns=(bad_list(8, 700, start=80),)), 0, 84),
    "bounce-aws-passes-review": lambda of: of.at(replace(_aws(h20=0.052), campaigns=BAD.campaigns), 4, 19, 20),
    "bounce-reminder": lambda of: of.incident("bounce", "reminder", LONG),
    "bounce-recovering": lambda of: of.incident("bounce", "reminder", LINGERING),
    "bounce-resolved": lambda of: of.incident("bounce", "resolved", BAD),
    "bounce-small-sender": lambda of: of.incident("bounce", "opened", World((bad_list(per_bucket=4),), 150)),
    "bounce-huge-sender": lambda of: of.incident(
        "bounce", "escalated", World((bad_list(per_bucket=200_000),), 20_000_000)
    ),
    "bounce-by-aws-near-review": lambda of: of.at(_aws(h0=0.0463), 0),
    "bounce-by-aws": lambda of: of.at(_aws(h0=0.0512), 0),
    "bounce-by-aws-over-pause": lambda of: of.at(_aws(h0=0.0512, h6=0.104), 0, 6),
    "bounce-by-aws-unknown": lambda of: of.at(_aws(h0=0.0512, h24=0), 0, 24, 48),
    "bounce-by-aws-resolved": lambda of: of.at(_aws(h0=0.0512, h5=0.041), 0, 4, 28),
    "bounce-by-aws-closed": lambda of: of.at(_aws(h0=0.0512, h5=0), 0, 4, 4 + 14 * 24),
    "complaint-opened": lambda of: of.incident("complaint", "opened", BAD),
    "complaint-escalated": lambda of: of.incident("complaint", "escalated", COMPLAINTS),
    "complaint-aws-passes-pause": lambda of: of.at(_aws_complaints(h0=0.0012, h6=0.0061), 0, 6),
    "complaint-reminder": lambda of: of.incident("complaint", "reminder", BAD),
    "complaint-resolved": lambda of: of.incident("complaint", "resolved", BAD),
    "complaint-by-aws": lambda of: of.at(_aws_complaints(h0=0.00093), 0),
    "several-at-once": _several,
    "many-at-once": _many,
    "enforcement-under-review": lambda of: of.at(_status(h0="PROBATION"), 0),
    "enforcement-paused": lambda of: of.at(_status(h0="PROBATION", h6="SHUTDOWN"), 0, 6),
    "enforcement-sends-again": lambda of: of.at(_status(h0="SHUTDOWN", h6="PROBATION"), 0, 6),
    "enforcement-unknown-status": lambda of: of.at(_status(h0="PENDING_<b>REVIEW</b>"), 0),
    "enforcement-became-review": lambda of: of.at(_status(h0="WARNED", h6="PROBATION"), 0, 6),
    "enforcement-and-switched-off": lambda of: of.at(
        World(account={0: {"enforcement": "PROBATION", "sending": False}}), 0
    )[:1],
    "enforcement-reminder": lambda of: of.at(_status(h0="PROBATION"), 0, 24),
    "enforcement-resolved": lambda of: of.at(_status(h0="PROBATION", h30="HEALTHY"), 0, 30),
    "sending-off": lambda of: of.at(_off(0), 0),
    "sending-reminder": lambda of: of.at(_off(0), 0, 24),
    "sending-on-again": lambda of: of.at(_off(0, 5), 0, 5),
    "pause-due": lambda of: _of_pause(of, _paused(h0=DUE), 0),
    "pause-called-off": lambda of: _of_pause(of, _paused(h0=DUE, h1=REFUSED), 0, 1),
    "pause-called-off-at-once": lambda of: _of_pause(
        of, replace(_paused(h0=DUE), pause={0: DUE, 0.25: REFUSED}), 0, 0.25, 1
    ),
    "pause-done": lambda of: _of_pause(of, _paused(h0=DUE, h1=DONE), 0, 1),
    "pause-of-the-account": lambda of: _of_pause(of, _paused(h0=ALL_OFF), 0),
    "pause-of-a-tenant-failed": lambda of: _of_pause(
        of, _paused(h0=DUE, h1=_pause(Stage.FAILED, Part.TENANT, "acme", "AccessDeniedException")), 0, 1
    ),
    "pause-of-a-set-failed": lambda of: _of_pause(
        of, _paused(h0=_pause(Stage.FAILED, trouble="TooManyRequestsException")), 0
    ),
    "pause-reminder": lambda of: _of_pause(of, _paused(h0=DONE), 0, 24),
    "pause-resumed": lambda of: _of_pause(of, _paused(h0=DONE, h5=RESUMED), 0, 5),
    "pause-switched-on-by-hand": lambda of: _of_pause(of, _paused(h0=ALL_OFF, h5=PauseReading()), 0, 5),
    "pause-dry-run": lambda of: _of_pause(of, _paused(h0=_pause(Stage.DRY_RUN)), 0),
    "pause-becomes-real": lambda of: _of_pause(of, _paused(h0=_pause(Stage.DRY_RUN), h1=DUE), 0, 1),
    "bounce-rearmed": lambda of: of.at(World(BAD.campaigns, pause={4: RESUMED}), 3, 4)[-1:],
    "unreadable-denied": lambda of: of.at(_unreadable(Trouble.DENIED), 0),
    "unreadable-role": lambda of: of.at(_unreadable(Trouble.ROLE), 0),
    "unreadable-not-enabled": lambda of: of.at(_unreadable(Trouble.NOT_ENABLED), 0),
    "unreadable-throttled": lambda of: of.at(_unreadable(Trouble.THROTTLED), 0, 0.25),
    "unreadable-timed-out": lambda of: of.at(_unreadable(Trouble.TIMED_OUT), 0, 0.25),
    "unreadable-bad-answer": lambda of: of.at(_unreadable(Trouble.BAD_ANSWER), 0, 0.25),
    "unreadable-contradiction": lambda of: of.at(_unreadable(Trouble.CONTRADICTION, detail=_GAP), 0, 0.25),
    "unreadable-failed": lambda of: of.at(_unreadable(Trouble.FAILED), 0, 0.25),
    "unreadable-reminder": lambda of: of.at(_unreadable(Trouble.DENIED), 0, 24),
    "unreadable-resolved": lambda of: of.at(_unreadable(Trouble.DENIED, 6), 0, 5, 6),
    "aws-unreadable-account": lambda of: of.at(World(account={0: NO_ACCOUNT}), 0),
    "aws-unreadable-rates": lambda of: of.at(World(rates={0: NO_RATES}), 0),
    "aws-unreadable-reminder": lambda of: of.at(World(account={0: NO_ACCOUNT}), 0, 24),
    "aws-unreadable-resolved": lambda of: of.at(World(account={0: NO_ACCOUNT, 6: {}}), 0, 5, 6),
    "quota-warning": lambda of: of.at(_used(h0=41_200), 0),
    "quota-critical": lambda of: of.at(_used(h0=41_200, h3=48_100), 0, 3),
    "quota-used-up": lambda of: of.at(_used(h0=50_000), 0),
    "quota-pace-unknown": lambda of: of.at(
        replace(_used(h0=41_200), trouble=_unreadable(Trouble.THROTTLED).trouble), 0
    ),
    "quota-reminder": lambda of: of.at(_used(h0=41_200), 0, 24),
    "quota-resolved": lambda of: of.at(_used(h0=41_200, h5=30_000), 0, 4, 28),
    "silence": lambda of: of.at(_buckets((0, NOTHING)), 2.25),
    "silence-reminder": lambda of: of.at(_buckets((0, NOTHING)), 2.25, 26.25),
    "silence-over": lambda of: of.at(_buckets((0, NOTHING), (5, {})), 2.25, 5, 6.25),
    "spike": lambda of: of.at(_buckets((0, {"times": 8})), 3),
    "spike-reminder": lambda of: of.at(_buckets((0, {"times": 8}), (21, {"times": 90})), 3, 27),
    "spike-over": lambda of: of.at(_buckets((0, {"times": 8}), (8, {})), 3, 8, 34),
    "rejects": lambda of: of.at(_buckets((0, {"rejects": 9})), 3),
    "rejects-reminder": lambda of: of.at(_buckets((0, {"rejects": 9})), 3, 27),
    "rejects-over": lambda of: of.at(_buckets((0, {"rejects": 9}), (6, {})), 3, 20, 44),
    "findings": lambda of: of.at(World(findings={0: NO_DKIM}), 0),
    "findings-more": lambda of: of.at(World(findings={0: NO_DKIM, 5: TROUBLES}), 0, 5),
    "findings-tenant": lambda of: of.at(World(findings={0: _tenants(ACME)}), 0),
    "findings-tenant-paused": lambda of: of.at(World(findings={0: _tenants(ACME), 5: _tenants(PAUSED)}), 0, 5),
    "findings-many-tenants": lambda of: of.at(
        World(findings={0: _tenants(*(Tenant(f"shop-{n}", True, "") for n in range(30)))}), 0
    ),
    "findings-reminder": lambda of: of.at(World(findings={0: NO_DKIM}), 0, 24),
    "findings-resolved": lambda of: of.at(World(findings={0: NO_DKIM, 5: Findings((), ())}), 0, 4, 6),
    "subscribers-missing": lambda of: of.at(World(missing={0: (1, 2)}), 0),
    "subscribers-nobody": lambda of: of.at(World(missing={0: (1, 2), 6: (3, 0)}), 0, 6),
    "subscribers-reminder": lambda of: of.at(World(missing={0: (1, 2)}), 0, 24),
    "subscribers-resolved": lambda of: of.at(World(missing={0: (1, 2), 6: (0, 3)}), 0, 6),
    "fleet-not-set-up": lambda of: of.at(World(fleet={0: NOT_SET_UP}), 0),
    "fleet-more": lambda of: of.at(World(fleet={0: NOT_SET_UP, 5: replace(NOT_SET_UP, old_roles=OLD_ROLES)}), 0, 5),
    "fleet-unread": lambda of: of.at(World(fleet={0: FleetFacts(unread=("news (333333333333)",))}), 0),
    "fleet-list": lambda of: of.at(World(fleet={0: FleetFacts(list_trouble=("AccessDeniedException",))}), 0),
    "fleet-late": lambda of: of.at(World(fleet={0: LATE}), 0),
    "fleet-reminder": lambda of: of.at(World(fleet={0: NOT_SET_UP}), 0, 24),
    "fleet-resolved": lambda of: of.at(World(fleet={0: NOT_SET_UP, 5: FleetFacts()}), 0, 4, 6),
    "test-alert": lambda of: [drill_notification(of.target, INCIDENT, of.policy, of.context)],
}
"""Every message by name, the way it comes about."""
