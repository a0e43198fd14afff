"""A made-up sender: what SES would count, quarter-hour by quarter-hour. Seeded, so that the story is the same every time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat, starmap
from math import pi, sin
from typing import Any

BUCKET = 900
DAY = 86_400


@dataclass(frozen=True)
class Campaign:
    """Extra email to people who should not have been written to."""

    start: int
    end: int
    emails_per_bucket: int
    bounce_rate: float
    complaint_rate: float


def send_data_points(
    start: int,
    end: int,
    *,
    emails_per_day: int = 40_000,
    bounce_rate: float = 0.008,
    complaint_rate: float = 0.00015,
    campaigns: Sequence[Campaign] = (),
    seed: int = 7,
) -> list[dict[str, Any]]:
    """`SendDataPoints` as the API answers them, for buckets from `start` up to `end` (seconds since the epoch).

    Nights are quiet, week-ends quieter, bounces come at once and complaints within a day; counters that are zero and
    buckets without email are left out, as Amazon SES leaves them out.
    """
    dice = random.Random(seed)
    late = [0] * (DAY // BUCKET)  # complaints that are still on their way, by how long they still take
    points: list[dict[str, Any]] = []
    for at in range(start, end, BUCKET):
        moment = datetime.fromtimestamp(at, UTC)
        day = 1 + 0.8 * sin(2 * pi * (moment.hour * 60 + moment.minute - 480) / 1440)
        week = 0.35 if moment.weekday() >= 5 else 1.2
        usual = round(emails_per_day * BUCKET / DAY * day * week * dice.uniform(0.8, 1.2))
        emails, bounces = usual, _some(dice, usual, bounce_rate)
        complaints = _some(dice, usual, complaint_rate)
        for campaign in campaigns:
            if campaign.start <= at < campaign.end:
                emails += campaign.emails_per_bucket
                bounces += _some(dice, campaign.emails_per_bucket, campaign.bounce_rate)
                complaints += _some(dice, campaign.emails_per_bucket, campaign.complaint_rate)
        for _ in range(complaints):
            late[int(len(late) * dice.random() ** 2)] += 1
        arrived, late = late[0], [*late[1:], 0]
        counters = {"DeliveryAttempts": emails, "Bounces": bounces, "Complaints": arrived, "Rejects": 0}
        if emails or bounces or arrived:
            points.append({"Timestamp": moment} | {name: count for name, count in counters.items() if count})
    return points


def _some(dice: random.Random, emails: int, rate: float) -> int:
    """How many of `emails` meet with something that befalls one at `rate`."""
    mean, spread = emails * rate, (emails * rate * (1 - rate)) ** 0.5
    if mean > 30 or emails > 100_000:
        return max(0, min(emails, round(dice.gauss(mean, spread))))
    return sum(
        map(float(rate).__gt__, starmap(dice.random, repeat((), emails)))
    )  # no loop of Python's: a month has millions
