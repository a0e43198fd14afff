"""How early, how quiet, how honest: the default policy against many simulated senders.

.venv/bin/python -m bench.score --seeds 10
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from statistics import median

from ses_reputation.core.decide import Announcement, replay
from ses_reputation.core.episode import Kind, Reason
from ses_reputation.core.history import BUCKET, DAY, HOUR
from ses_reputation.core.rates import AWS_LINES, Metric
from ses_reputation.core.rules import Severity, default_policy
from ses_reputation.core.target import Target

from .worlds import DAYS, SITUATIONS, SIZES, START, World, world

TARGET = Target("000000000000", "simulated")
SETTLED = START + 14 * DAY
"""Before this the sender is younger than the windows; what is said then is counted apart."""


@dataclass
class Score:
    """What one or many worlds gave; `add` puts them together."""

    incidents: int = 0
    told: int = 0
    used: list[float] = field(default_factory=list)  # share of the head start
    leads: list[float] = field(default_factory=list)  # hours
    healthy_days: float = 0.0
    false_alarms: int = 0
    false_criticals: int = 0
    young_alarms: int = 0
    pauses: int = 0
    critical_in_time: int = 0
    notices: int = 0
    troubled: int = 0  # worlds with an incident that was told at all
    flaps: int = 0
    all_clears: int = 0
    unsafe: int = 0

    def add(self, other: Score) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def score(case: World, announcements: Sequence[Announcement]) -> Score:
    """What the announcements about one world are worth."""
    result = Score()
    about = case.situation.metric
    onset = START + DAYS * DAY if case.onset is None else case.onset
    firing = [a for a in announcements if a.kind is Kind.FIRING]
    false = [a for a in firing if a.at <= onset or (about is not None and a.concern != about.value)]
    opened = [a for a in false if a.reason is Reason.OPENED]
    result.young_alarms = sum(a.at < SETTLED for a in opened)
    result.false_alarms = len(opened) - result.young_alarms
    result.false_criticals = sum(a.severity is Severity.CRITICAL for a in false if a.at >= SETTLED)
    result.healthy_days = (onset - SETTLED) / DAY
    if about is None or case.onset is None:
        return result
    mine = [a for a in announcements if a.concern == about.value and a.at > onset]
    first = next((a.at for a in mine if a.kind is Kind.FIRING), None)
    if case.review is not None:
        result.incidents = 1
        in_time = first is not None and first <= case.review
        result.told = int(in_time)
        head = case.review - onset
        result.used = [(case.review - first) / head if in_time and first is not None and head else 0.0]
        result.leads = [(case.review - first) / HOUR if first is not None else 0.0]
        result.troubled = int(bool(mine))
        result.notices = len(mine)
        result.flaps = max(0, sum(a.reason is Reason.OPENED for a in mine) - 1)
    if case.pause is not None:
        critical = next((a.at for a in mine if a.severity is Severity.CRITICAL), None)
        result.pauses = 1
        result.critical_in_time = int(critical is not None and critical <= case.pause)
    for end in (a.at for a in mine if a.kind is Kind.RESOLVED):
        slot = min((end - START) // BUCKET - 1, len(case.aws_rate) - 1)
        going_on = case.over is not None and end < case.over and case.review is not None
        result.all_clears += 1
        result.unsafe += int(bool(case.aws_rate[slot] >= AWS_LINES[about].review) or going_on)
    return result


def run(task: tuple[int, int, int, float]) -> tuple[int, int, Score]:
    """One world through the policy."""
    situation, size, seed, aws_window = task
    case = world(SITUATIONS[situation], size, seed, aws_window=aws_window)
    said = [
        a
        for _, told, _ in replay(TARGET, case.points, default_policy(), until=START + DAYS * DAY)
        for a in told
    ]
    return situation, size, score(case, said)


def line(name: str, s: Score) -> str:
    """One row of the table."""

    def share(part: float, whole: float) -> str:
        return f"{100 * part / whole:6.1f}%" if whole else "      -"

    return (
        f"{name:<44}{s.incidents:>5}{share(s.told, s.incidents)}{share(sum(s.used), len(s.used))}"
        f"{f'{median(s.leads):7.1f}' if s.leads else '      -'}"
        f"{f'{s.false_alarms / s.healthy_days * 30:8.3f}' if s.healthy_days else '       -'}{s.false_criticals:>5}"
        f"{s.young_alarms:>6}{share(s.critical_in_time, s.pauses)}"
        f"{f'{s.notices / s.troubled:7.2f}' if s.troubled else '      -'}"
        f"{f'{s.flaps / s.troubled:6.2f}' if s.troubled else '     -'}{share(s.unsafe, s.all_clears)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="worlds of each situation and size")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument(
        "--aws-window", type=float, default=1.0, help="AWS's window against our estimate of it"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    tasks = [
        (i, size, seed, given.aws_window) for i in range(len(SITUATIONS)) for size in SIZES for seed in seeds
    ]
    by_situation = {i: Score() for i in range(len(SITUATIONS))}
    by_size = {size: Score() for size in SIZES}
    total = Score()
    with ProcessPoolExecutor(2) as pool:
        for situation, size, result in pool.map(run, tasks, chunksize=4):
            for score_of in (by_situation[situation], by_size[size], total):
                score_of.add(result)
    if given.json:
        print(
            json.dumps({"total": vars(total), "sizes": {str(size): vars(s) for size, s in by_size.items()}})
        )
        return
    print(f"{'':<44}    n   told   used   lead   false crit young  pause notices flaps unsafe")
    for i, s in by_situation.items():
        print(line(SITUATIONS[i].name, s))
    for size, s in by_size.items():
        print(line(f"{size:,} a day", s))
    print(line("all", total))


if __name__ == "__main__":
    main()
