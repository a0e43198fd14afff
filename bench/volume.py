"""How often healthy senders get a silence or spike alert, and how soon a real stop is found: `python -m bench.volume`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from ses_reputation.core.alert import Track, advance
from ses_reputation.core.checks.base import Seen
from ses_reputation.core.checks.silence import SILENCE
from ses_reputation.core.checks.spike import SPIKE
from ses_reputation.core.history import BUCKET, DAY, HOUR, History, Point, history_from
from ses_reputation.core.readings import Readings
from ses_reputation.core.rules import default_policy
from ses_reputation.core.target import Target

from .worlds import DAYS, END, SITUATIONS, SIZES, START, Rhythm, world

TARGET, POLICY = Target("123456789012", "eu-west-1"), default_policy()
MONTH = 30 * DAY
STOP = START + 30 * DAY + 11 * HOUR
"""When the stopped senders stop: a Friday, late in the morning."""


@dataclass
class Tally:
    """Alerts sent of some senders."""

    months: float = 0.0
    silence: int = 0
    spike: int = 0
    stopped: int = 0
    detected_after: list[float] = field(default_factory=list)  # hours

    def add(self, other: Tally) -> None:
        self.months += other.months
        self.silence += other.silence
        self.spike += other.spike
        self.stopped += other.stopped
        self.detected_after += other.detected_after


def opened(points: list[Point]) -> Iterator[tuple[str, int]]:
    """Check and time of every volume alert that a monitor would open for these points, seeing fourteen days at a time."""
    history = history_from(points, until=END)
    tracks: dict[str, Track] = {}
    if history is None:
        return
    for now in range(START + 7 * DAY, END, BUCKET):
        seen = Seen(TARGET, now, POLICY, Readings(()), _last(history, now), tracks=tracks)
        after: dict[str, Track] = {}
        for check in (SILENCE, SPIKE):
            track = advance(tracks.get(check.name), check.standings(seen)[check.name], now, check.name, unsaved=now)
            if track is not None:
                after[check.name] = track
                if check.name not in tracks:
                    yield check.name, now
        tracks = after


class _Window(History):
    """The last fourteen days of a history, as Amazon SES would answer them."""

    __slots__ = ()

    def __init__(self, whole: History, start: int) -> None:  # the sums are cut, never made again
        self.origin = whole.time(start)
        self.first = whole.first
        self.sends = whole.sends[start:]
        self.attempts = whole.attempts[start:]
        self.rejects = whole.rejects[start:]


def _last(history: History, now: int) -> History:
    return _Window(history, max(0, history.closed(now) - 14 * DAY // BUCKET))


def tally(size: int, seed: int, stops: bool) -> tuple[Rhythm, Tally]:
    """One sender, healthy all the time or stopping for good."""
    case = world(SITUATIONS[0], size, seed)
    result = Tally()
    if not stops:
        result.months = (DAYS - 7) * DAY / MONTH
        for check, _ in opened(case.points):
            result.silence += check == SILENCE.name
            result.spike += check == SPIKE.name
        return case.rhythm, result
    result.stopped = 1
    points = [point for point in case.points if point.at < STOP]
    last = max(point.at for point in points if point.attempts) + BUCKET
    detected = next((now for check, now in opened(points) if check == SILENCE.name and now >= last), None)
    result.detected_after = [] if detected is None else [(detected - last) / HOUR]
    return case.rhythm, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=7, help="each rhythm of a sender once in seven")
    arguments = parser.parse_args()
    rows: dict[str, Tally] = {}
    for size in SIZES:
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            for stops in (False, True):
                rhythm, result = tally(size, seed, stops)
                for name in (f"{size:,} a day", rhythm.value, "all"):
                    rows.setdefault(name, Tally()).add(result)
    rows["all"] = rows.pop("all")
    print(f"{'':<24}{'false silence':>14}{'false spike':>12}   {'stops found':<12}{'median after'}")
    for name, row in rows.items():
        share = f"{len(row.detected_after)} of {row.stopped}"
        after = f"{median(row.detected_after):.1f} h" if row.detected_after else "-"
        print(f"{name:<24}{row.silence / row.months:>14.3f}{row.spike / row.months:>12.3f}   {share:<12}{after}")
    print("False ones are per sender and month.")


if __name__ == "__main__":
    main()
