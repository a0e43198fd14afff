"""Error of the estimated start of a trouble, over simulated senders: `python -m bench.onset`.

Each incident is looked at when its first alert opens. Goal: within one bucket in at least 80% of the steps of bounces of
senders of 50,000 a day and more, and never after the detection.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from ses_reputation.core.evaluation import Evaluator
from ses_reputation.core.history import BUCKET, HOUR, history_from
from ses_reputation.core.onset import onset
from ses_reputation.core.rates import Metric
from ses_reputation.core.rules import default_policy

from .worlds import END, SITUATIONS, Situation, world

SIZES = (50_000, 1_000_000)
STEPS = [s for s in SITUATIONS if s.name.split(": ")[-1].startswith(("step", "bad list", "half a day", "bought list"))]


@dataclass(frozen=True)
class Found:
    """The start as it was estimated of one incident."""

    late: float | None  # hours after the truth; None: not found
    covered: bool  # the truth lies within the estimate's limits


def found(situation: Situation, size: int, seed: int) -> Iterator[Found]:
    """The first incident of one world, once it is detected."""
    case = world(situation, size, seed)
    history = history_from(case.points, until=END)
    if history is None or not case.incidents:
        return
    incident = case.incidents[0]
    policy = default_policy().bounce if incident.metric is Metric.BOUNCE else default_policy().complaint
    evaluator = Evaluator(history, policy)
    for now in range(incident.onset + BUCKET, incident.settled, BUCKET):
        if evaluator.at(now).found:
            start = onset(history, incident.metric, now)
            if start is None:
                yield Found(None, covered=False)
            else:
                assert start.latest < now
                covered = start.earliest <= incident.onset <= start.latest
                yield Found((start.at - incident.onset) / HOUR, covered)
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    given = parser.parse_args()
    print(f"{'':<50}{'n':>5}{'within a bucket':>17}{'within limits':>15}{'median, h':>11}")
    for situation in STEPS:
        seeds = range(given.first_seed, given.first_seed + given.seeds)
        every = [each for size in SIZES for seed in seeds for each in found(situation, size, seed)]
        hours = [each.late for each in every if each.late is not None]
        near = sum(abs(late) <= BUCKET / HOUR for late in hours) / max(1, len(every))
        covered = sum(each.covered for each in every) / max(1, len(every))
        late = median(hours) if hours else 0.0
        print(f"{situation.name:<50}{len(every):>5}{near:>17.0%}{covered:>15.0%}{late:>11.2f}")


if __name__ == "__main__":
    main()
