"""A year of a small sender, tick by tick, with a leap day and both changes of the clocks: `python -m bench.long_life`.

One monitor stores and reloads its state at every tick, as cold processes do; a second one keeps it in its process. Both must
send the same, and neither may grow.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET, DAY, LOOKBACK, Instant, Point
from ses_reputation.core.notification import Document
from ses_reputation.core.readings import Readings
from ses_reputation.core.rules import default_policy
from ses_reputation.core.state import State, from_text, to_text
from ses_reputation.core.target import Target

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
YEAR = 366
TARGET = Target("123456789012", "eu-west-1")
POLICY = default_policy()

BAD_WEEKS = 5
"""Weeks from one bad day to the next."""


def email(days: int, seed: int = 1) -> list[Point]:
    """40 emails every quarter of an hour by day and few by night, 1% of them bouncing, and 15% on bad days."""
    dice = random.Random(seed)
    points = []
    for slot in range(days * DAY // BUCKET):
        at = START + slot * BUCKET
        emails = 40 if 6 <= at % DAY // 3_600 < 22 else 4
        rate = 0.15 if at // DAY % (7 * BAD_WEEKS) == 20 else 0.01
        points.append(Point(at, emails, sum(dice.random() < rate for _ in range(emails))))
    return points


@dataclass(frozen=True)
class Life:
    """Outcome of one tick of both monitors."""

    now: Instant
    sent: tuple[Document, ...]
    same: bool  # the warm monitor sends and stores the same
    stored: int  # bytes


def live(days: int, every: int) -> Iterator[Life]:
    """One tick `every` so many seconds; what it decides is sent and noted at once."""
    points = email(days)
    warm: State | None = None
    text = ""
    for now in range(START + DAY, START + days * DAY, every):
        first, last = (max(0, now - LOOKBACK - START) // BUCKET, (now - START) // BUCKET)
        seen = tuple(points[first:last])
        plans = [
            decide(TARGET, Readings(seen), state, POLICY, now) for state in (warm, from_text(text) if text else None)
        ]
        warm, cold = (replace(plan.state, outbox=(), published=now) for plan in plans)
        text = to_text(cold)
        yield Life(
            now, plans[1].documents, plans[0].documents == plans[1].documents and warm == cold, len(text.encode())
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.long_life", description=__doc__)
    parser.add_argument("--days", type=int, default=YEAR)
    days = parser.parse_args(arguments).days
    ticks, sent, largest, differing, early = 0, 0, 0, 0, 0
    for life in live(days, BUCKET):
        ticks += 1
        sent += len(life.sent)
        largest = max(largest, life.stored)
        differing += not life.same
        if life.now < START + days * DAY // 10:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    late = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{ticks:,} ticks, {sent} notifications, {differing} ticks at which a cold process differs")
    print(f"largest item {largest:,} bytes; largest process {early:,} KB in the first tenth, {late:,} KB at the end")
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
