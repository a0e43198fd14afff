"""Cost of `ses-reputation replay` of eight weeks over the start of the interpreter, measured side by side.

    .venv/bin/python -m bench.replay_speed

Each round runs an empty interpreter and the command, so that a slow moment of the machine strikes both. CPU is user and
system time of the whole process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from .score import COMMAND, answer
from .worlds import SITUATIONS, world


def cpu(command: Sequence[str]) -> float:
    """Seconds of CPU that `command` takes, its start and end included."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'medians, CPU ms':<46}{'points':>8}{'start':>8}{'replay':>8}{'over it':>8}")
        for situation, size in ((SITUATIONS[0], 1_000_000), (SITUATIONS[9], 50_000), (SITUATIONS[14], 20_000_000)):
            points = world(situation, size, seed=1).points
            file = Path(folder) / "stats.json"
            file.write_text(json.dumps(answer(points)))
            starts, replays = [], []
            for _ in range(rounds):
                starts.append(cpu([sys.executable, "-c", "pass"]))
                replays.append(cpu([str(COMMAND), "replay", str(file), "--json"]))
            over = median(replay - start for start, replay in zip(starts, replays, strict=True))
            print(
                f"{f'{situation.name}, {size:,} a day':<46}{len(points):>8,}{1000 * median(starts):>8.0f}"
                f"{1000 * median(replays):>8.0f}{1000 * over:>8.0f}"
            )


if __name__ == "__main__":
    main()
