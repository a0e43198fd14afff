"""Cost of a run over 1 to 1,000 targets, beside a session per target and the floor: `python -m bench.fleet`.

All make the same calls over HTTPS on loopback, and each answer comes after 80 ms. Only ratios of one call of this program mean
anything. What is derived from it is in lambda/ses_reputation/settings/fleet.py.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from dataclasses import astuple
from pathlib import Path
from statistics import median

from cli.sender import send_data_points
from infra.bundle import build

from .canned import CannedAws, canned
from .speed import POINTS, ROOT, YARDSTICKS, Cost, Program, run, typical

ACCOUNTS = {1: 1, 10: 10, 100: 10, 1_000: 100}
"""Number of accounts that the targets are in."""

REGIONS = ("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1")
REGIONS += ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ap-south-1")

DELAY = 0.08
"""Seconds before each answer."""

PATIENCE = 900
"""Seconds for one run: so long a function may take."""

OURS, SESSIONS, FLOOR = "the monitor", "a session per target", "floor"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of up to 100 targets; 1,000 are measured once")
    parser.add_argument("--targets", type=int, nargs="+", default=[*ACCOUNTS], choices=[*ACCOUNTS])
    parser.add_argument("--only", nargs="+", default=[OURS, SESSIONS, FLOOR], choices=[OURS, SESSIONS, FLOOR])
    given = parser.parse_args()
    core, *others = sorted(os.sched_getaffinity(0))
    if others:
        os.sched_setaffinity(0, others)  # the server's, so that the programs have a core of their own
    noon = int(time.time()) // 86_400 * 86_400 - 43_200 + 900  # no full hour and no first run of a day, which ask more
    points = send_data_points(noon - POINTS * 900, noon)
    print(
        f"{'targets':>8} {'':<22}{'wall s':>10}{'CPU s':>10}{'after start':>12}{'peak MB':>10}   / a session per target"
    )
    with canned(points, noon - 300) as aws, tempfile.TemporaryDirectory() as folder:
        for targets in given.targets:
            programs = [p for p in _programs(Path(folder) / str(targets), targets) if p.name in given.only]
            _prepare(aws, programs, noon - 900)
            stored = dict(aws.items)
            costs: dict[str, list[Cost]] = {program.name: [] for program in programs}
            for _ in range(given.rounds if targets <= 100 else 1):
                for program in programs:
                    aws.items = dict(stored)
                    costs[program.name].append(run(aws, program, [noon], cores=[core], patience=PATIENCE))
            _print(targets, costs)


def _prepare(aws: CannedAws, programs: list[Program], tick: int) -> None:
    """One run of the monitor that leaves its states, so that the measured one is like most."""
    aws.delay, aws.items = 0, {}
    for program in programs:
        if program.name == OURS:
            run(aws, program, [tick], patience=PATIENCE)
    aws.delay = DELAY


def _print(targets: int, costs: dict[str, list[Cost]]) -> None:
    medians = {name: [median(values) for values in zip(*map(astuple, of), strict=True)] for name, of in costs.items()}
    for name, (wall, cpu, rationed, peak) in medians.items():
        shown = f"{wall / 1_000:>10.2f}{cpu / 1_000:>10.2f}{rationed / 1_000:>12.2f}{peak:>10.0f}"
        ratios = ""
        if SESSIONS in medians:
            other = medians[SESSIONS]
            ratios = f"{wall / other[0]:>10.2f}{cpu / other[1]:>8.2f}{peak / other[3]:>8.2f}"
        print(f"{targets:>8,} {name:<22}{shown}   {ratios}", flush=True)


def _programs(folder: Path, targets: int) -> list[Program]:
    accounts = {f"{number:012d}": REGIONS[: targets // ACCOUNTS[targets]] for number in range(1, ACCOUNTS[targets] + 1)}
    ours, yardsticks, sessions = folder / "ours", folder / "yardsticks", folder / "sessions"
    for made in (ours, yardsticks, sessions):
        made.mkdir(parents=True)
        (made / "targets.json").write_text(json.dumps(accounts))
    (ours / "settings.toml").write_text(_settings([*accounts], next(iter(accounts.values()))))
    for name in ("floor.py", "floor_fleet.py"):
        shutil.copy(YARDSTICKS / name, yardsticks)
    shutil.copy(YARDSTICKS / "sessions.py", sessions)
    return [
        Program(OURS, ours, "ses_reputation.entry.monitor", (build(ROOT / "settings.toml"),)),
        Program(SESSIONS, sessions, "sessions.handler", (typical(),)),
        Program(FLOOR, yardsticks, "floor_fleet.handler"),
    ]


def _settings(accounts: list[str], regions: tuple[str, ...]) -> str:
    listed = "".join(f'[[accounts]]\nid = "{account}"\n' for account in accounts)
    return (
        '[alerts]\nemails = ["oncall@mail.test"]\n'
        f"[targets]\nregions = {json.dumps(regions)}\n{listed}"
        '[member_role]\nexternal_id = "bench"\n[cause]\nlook = "off"\n[deployment]\nshards = 1\n'
    )


if __name__ == "__main__":
    main()
