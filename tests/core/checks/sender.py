"""Senders with habits, and what the checks of their volume find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ses_reputation.core.alert import Track
from ses_reputation.core.checks.base import Seen
from ses_reputation.core.checks.rejects import REJECTS
from ses_reputation.core.checks.silence import SILENCE
from ses_reputation.core.checks.spike import SPIKE
from ses_reputation.core.history import BUCKET, DAY, HOUR, History, Point, history_from
from ses_reputation.core.readings import Account, Readings
from ses_reputation.core.rules import VolumePolicy, default_policy
from ses_reputation.core.target import Target

START = 1_738_540_800  # Monday 2025-02-03T00:00Z
END = START + 14 * DAY
TARGET = Target("123456789012", "eu-west-1")


def sender(per_bucket: Callable[[int], int], *, days: float = 14, until: int = START + 14 * DAY) -> History:
    """This many emails in the bucket at each time."""
    times = range(until - int(days * DAY), until, BUCKET)
    history = history_from([Point(at, per_bucket(at)) for at in times if per_bucket(at)], until=until)
    assert history is not None
    return history


def seen(
    history: History | None,
    now: int,
    *,
    account: Account | None = None,
    policy: VolumePolicy = VolumePolicy(),  # noqa: B008  frozen
    silence: Track | None = None,
) -> Seen:
    """Everything that a volume check reads."""
    tracks = {} if silence is None else {"silence": silence}
    whole = replace(default_policy(), volume=policy)
    return Seen(TARGET, now, whole, Readings((), account), history, tracks=tracks)


def found(
    history: History | None,
    now: int,
    *,
    account: Account | None = None,
    policy: VolumePolicy = VolumePolicy(),  # noqa: B008
) -> list[str]:
    """Checks that find something at `now`."""
    what = seen(history, now, account=account, policy=policy)
    standings = {name: s for check in (SILENCE, SPIKE, REJECTS) for name, s in check.standings(what).items()}
    return [name for name, standing in standings.items() if standing.found]


def steady(at: int) -> int:
    return 100


def stopped(hours: float, before: Callable[[int], int] = steady) -> History:
    """A sender who stopped this long before the end."""
    return sender(lambda at: before(at) if at < END - hours * HOUR else 0)
