"""Every message there is, each decided by the real core about a made-up sender: for `preview`, and for the tests of the words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ses_reputation.core.account import NOT_ASKED, Account, AwsRate, AwsView
from ses_reputation.core.decide import decide, replay
from ses_reputation.core.history import BUCKET, DAY, HOUR, Point, point_from
from ses_reputation.core.plan import Notification, State
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Trouble, Unreadable
from ses_reputation.core.rules import Policy
from ses_reputation.core.target import Target
from ses_reputation.core.trial import trial

from .sender import Campaign, send_data_points

START = 1_738_540_800  # Monday 2025-02-03T00:00:00Z
STOPPED = START + 10 * DAY + 6 * HOUR
"""Three hours before the last tick of `Stories.seen`."""

HEALTHY = Account("HEALTHY", sending=True, production=True, quota=50_000, used=38_400)
NO_ACCOUNT = Unreadable(Trouble.DENIED, "GetAccount: AccessDeniedException")
NO_RATES = Unreadable(Trouble.DENIED, "GetMetricData: AccessDenied")

Said = list[Notification]


@dataclass(frozen=True)
class Stories:
    """What a monitor with `policy` says of `target` as one thing or another befalls it."""

    policy: Policy
    target: Target

    def bad_list(
        self, emails_per_day: int = 40_000, per_bucket: int = 250, complaint_rate: float = 0.004, hours: int = 20
    ) -> tuple[Notification, ...]:
        """Everything said of a sender who sends to a bad list for so many hours, two weeks after the start."""
        return _bad_list(self.policy, self.target, emails_per_day, per_bucket, complaint_rate, hours)

    def first(self, check: str, reason: str, said: Sequence[Notification] | None = None) -> Said:
        """The first notification of a kind; none where the policy has it not happen."""
        said = self.bad_list() if said is None else said
        return [a for a in said if (a.check, a.reason.value) == (check, reason)][:1]

    def unreadable(self, trouble: Trouble, ticks: int = 2, readable: int = 0, aws: AwsView = NOT_ASKED) -> Said:
        """What is said last of a target that could not be read for `ticks` ticks and could for `readable` after that."""
        points = tuple(Point(START + i * BUCKET, 400, 3) for i in range(96))
        state: State | None = None
        said: Said = []
        for tick in range(ticks + readable):
            reading = Unreadable(trouble, "GetSendStatistics: Code") if tick < ticks else points
            plan = decide(self.target, reading, state, self.policy, START + DAY + tick * BUCKET, aws)
            state, said = plan.state, [*said, *plan.notifications]
        return said[-1:]

    def seen(self, views: Sequence[AwsView], points: Callable[[int], Point] | None = None, every: int = BUCKET) -> Said:
        """What the last of so many ticks says, at each of which AWS says one of `views` of a sender of ten days."""
        state: State | None = None
        said: Said = []
        made = points if points is not None else lambda at: Point(at, 400, 3)
        for tick, view in enumerate(views):
            now = START + 10 * DAY + 9 * HOUR + tick * every
            record = tuple(made(at) for at in range(START, now, BUCKET))
            plan = decide(self.target, record, state, self.policy, now, view)
            state, said = plan.state, list(plan.notifications)
        return said


@cache
def _bad_list(
    policy: Policy, target: Target, emails_per_day: int, per_bucket: int, complaint_rate: float, hours: int
) -> tuple[Notification, ...]:
    bad = START + 14 * DAY + 9 * HOUR
    campaign = Campaign(bad, bad + hours * HOUR, per_bucket, 0.16, complaint_rate)
    points = send_data_points(START, START + 24 * DAY, emails_per_day=emails_per_day, campaigns=[campaign])
    played = replay(target, [point_from(point) for point in points], policy)
    return tuple(notification for _, said, _ in played for notification in said)


def account(**changes: Any) -> AwsView:
    """AWS calls the account healthy, but for `changes`."""
    return AwsView(replace(HEALTHY, **changes), {})


def rated(**rates: float) -> AwsView:
    """AWS's own rates of a healthy account, an hour before the last tick."""
    at = START + 10 * DAY + 8 * HOUR
    return AwsView(HEALTHY, {Metric(name): AwsRate(rate, at) for name, rate in rates.items()})


def _complaining(at: int) -> Point:
    """400 emails a quarter of an hour, to which a complaint comes every hour, and five of them in the last hours."""
    late = at >= START + 10 * DAY + 2 * HOUR
    return Point(at, 400, 3, 5 if late else int(at % HOUR == 0))


def _several(stories: Stories) -> Said:
    return [
        *stories.first("complaint", "opened"),
        *stories.first("bounce", "escalated"),
        *stories.unreadable(Trouble.DENIED),
    ]


SAMPLES: Mapping[str, Callable[[Stories], Said]] = {
    "bounce-opened": lambda of: of.first("bounce", "opened"),
    "bounce-escalated": lambda of: of.first("bounce", "escalated"),
    "bounce-reminder": lambda of: of.first("bounce", "still", of.bad_list(hours=40)),
    "bounce-resolved": lambda of: of.first("bounce", "recovered"),
    "complaint-opened": lambda of: of.first("complaint", "opened"),
    "complaint-escalated": lambda of: of.first("complaint", "escalated", of.bad_list(40_000, 400, 0.008)),
    "complaint-reminder": lambda of: of.first("complaint", "still"),
    "complaint-resolved": lambda of: of.first("complaint", "recovered"),
    "small-sender": lambda of: of.first("bounce", "opened", of.bad_list(150, 4)),
    "huge-sender": lambda of: of.first("bounce", "escalated", of.bad_list(20_000_000, 200_000)),
    "several-at-once": _several,
    "unreadable-denied": lambda of: of.unreadable(Trouble.DENIED, 1),
    "unreadable-throttled": lambda of: of.unreadable(Trouble.THROTTLED),
    "unreadable-bad-answer": lambda of: of.unreadable(Trouble.BAD_ANSWER),
    "readable-again": lambda of: of.unreadable(Trouble.TIMED_OUT, 3, 6),
    "under-review": lambda of: of.seen([account(enforcement="PROBATION")]),
    "paused-by-aws": lambda of: of.seen([account(enforcement="PROBATION"), account(enforcement="SHUTDOWN")]),
    "sends-under-review": lambda of: of.seen([account(enforcement="SHUTDOWN"), account(enforcement="PROBATION")]),
    "healthy-again": lambda of: of.seen([account(enforcement="SHUTDOWN"), account()]),
    "under-review-switched-off": lambda of: of.seen([account(enforcement="PROBATION", sending=False)])[:1],
    "unknown-status": lambda of: of.seen([account(enforcement="PENDING_<b>REVIEW</b>")]),
    "paused-by-ourselves": lambda of: of.seen([account(sending=False)]),
    "sending-again": lambda of: of.seen([account(sending=False), account()]),
    "quota-warning": lambda of: of.seen(
        [account(used=41_000)], lambda at: Point(at, 400 if at < STOPPED else 1_000, 3)
    ),
    "quota-used-up": lambda of: of.seen([account(used=50_000)]),
    "quota-unknown": lambda of: of.unreadable(Trouble.THROTTLED, 1, aws=account(used=41_000)),
    "aws-bounce-rate": lambda of: of.seen([rated(bounce=0.0512, complaint=0.0002)]),
    "aws-complaint-rate": lambda of: of.seen([rated(complaint=0.00093)], lambda at: Point(at, 400, 3, at % HOUR == 0)),
    "aws-complaint-rate-higher": lambda of: of.seen([rated(complaint=0.0012), rated(complaint=0.0061)]),
    "aws-bounce-rate-gone": lambda of: of.seen([rated(bounce=0.0512), account()], every=7 * DAY),
    "aws-bounce-rate-closed": lambda of: of.seen([rated(bounce=0.0512), *[account()] * 2], every=7 * DAY),
    "complaint-beside-aws": lambda of: of.seen([rated(bounce=0.008, complaint=0.0016)], _complaining),
    "aws-unreadable": lambda of: of.seen([AwsView(NO_ACCOUNT, {})]),
    "aws-rates-unreadable": lambda of: of.seen([AwsView(HEALTHY, NO_RATES)]),
    "aws-readable-again": lambda of: of.seen([AwsView(NO_ACCOUNT, {}), *[account()] * 4]),
    "silence": lambda of: of.seen([account()], lambda at: Point(at, 400 if at < STOPPED else 0)),
    "silence-over": lambda of: of.seen(
        [account()] * 5, lambda at: Point(at, 0 if STOPPED <= at < STOPPED + 3 * HOUR else 400)
    ),
    "spike": lambda of: of.seen([account()], lambda at: Point(at, 400 if at < STOPPED else 2_500)),
    "rejects": lambda of: of.seen([account()], lambda at: Point(at, 400, rejects=0 if at < STOPPED else 4)),
    "test-alert": lambda of: [trial(of.target, START + 9 * HOUR)],
}
"""Every message by name, the way it comes about."""
