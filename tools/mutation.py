"""Plant small faults in the deciding modules, one at a time, and count those that their tests notice.

    python -m tools.mutation           a sample: the same mutants at every run, as many in each module
    ALL=1 python -m tools.mutation     every mutant (days)
    SAMPLE=60, MODULE=core/rates.py    fewer mutants, or one module

Cosmic Ray (https://cosmic-ray.readthedocs.io) makes the mutants, in a copy of the working tree. A run that was
interrupted continues there; a run after a finished one tries the survivors again with the current tests.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.testing import run_tests
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkItem, WorkResult

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".cache" / "mutation"
PACKAGE = "lambda/ses_reputation"
SEED = 1

CHECKS = "core/checks/"
WORDS = "layout/test_messages.py"  # every message of every check, word for word
PLAUSIBLE = "core/test_plausibility.py"
ACCOUNT = " ".join(
    f"{CHECKS}test_{name}.py" for name in ("enforcement", "sending", "sending_facts", "quota", "unreadable")
)
VOLUME = " ".join(f"{CHECKS}test_{name}.py" for name in ("silence", "spike", "rejects"))
RATE = f"{CHECKS}test_rate.py"
PAUSE = f"core/test_pause_guard.py {CHECKS}test_pause.py test_pausing.py"
FLEET = "test_fleet.py test_fleet_accounts.py"
RUN = "test_run.py test_overlap.py test_run_faults.py"
EDGE = "aws/test_edge.py aws/test_bad_replies.py aws/test_bad_statistics.py"
TESTS_OF = {  # tests that should notice, those of the module itself first
    "core/rules.py": "core/test_rules.py core/test_evaluation.py",
    "core/evaluation.py": "core/test_evaluation.py core/test_rates.py core/test_rules.py core/test_headroom.py",
    "core/rates.py": "core/test_rates.py core/test_evaluation.py",
    "core/headroom.py": "core/test_headroom.py core/test_evaluation.py",
    "core/onset.py": "core/test_onset.py",
    "core/history.py": "core/test_history.py core/test_daily_totals.py",
    "core/daily_totals.py": "core/test_daily_totals.py core/test_history.py",
    "core/plausibility.py": f"{PLAUSIBLE} {ACCOUNT}",
    "core/readings.py": f"core/test_readings.py {ACCOUNT} {PLAUSIBLE}",
    "core/recipients.py": "core/test_recipients.py",
    "core/late_events.py": f"core/test_late_events.py {VOLUME}",
    "core/alert.py": "core/test_alert.py core/test_alert_model.py",
    "core/decide.py": f"core/test_decide.py core/test_alert.py {ACCOUNT} {RATE}",
    "core/state.py": "core/test_state.py",
    "core/state_upgrade.py": "core/test_state.py",
    "core/cause.py": "core/test_cause.py",
    "core/orders.py": "core/test_orders.py test_team_orders.py",
    "core/pause_guard.py": PAUSE,
    "core/pause_record.py": PAUSE,
    "core/fleet.py": f"core/test_fleet.py core/test_orders.py {FLEET}",
    "core/roster.py": f"core/test_roster.py {CHECKS}test_dismissed.py {FLEET}",
    "core/checks/base.py": f"core/test_alert.py core/test_state.py {ACCOUNT} {RATE} {WORDS}",
    "core/checks/sending_facts.py": f"{CHECKS}test_sending_facts.py {VOLUME} {WORDS}",
    "core/checks/rate.py": f"{RATE} core/test_alert.py core/test_evaluation.py {CHECKS}test_sending_facts.py {WORDS}",
    "core/checks/enforcement.py": f"{CHECKS}test_enforcement.py {WORDS}",
    "core/checks/sending.py": f"{CHECKS}test_sending.py {CHECKS}test_unreadable.py {PAUSE} {WORDS}",
    "core/checks/pause.py": f"{PAUSE} {WORDS}",
    "core/checks/quota.py": f"{CHECKS}test_quota.py {CHECKS}test_unreadable.py {WORDS}",
    "core/checks/subscribers.py": f"{CHECKS}test_subscribers.py {WORDS} test_monitor.py",
    "core/checks/unreadable.py": f"{CHECKS}test_unreadable.py core/test_decide.py {PLAUSIBLE} {WORDS}",
    "core/checks/silence.py": f"{CHECKS}test_silence.py {WORDS}",
    "core/checks/spike.py": f"{CHECKS}test_spike.py {WORDS}",
    "core/checks/rejects.py": f"{CHECKS}test_rejects.py {WORDS}",
    "core/checks/findings.py": f"{CHECKS}test_findings.py {WORDS}",
    "core/checks/fleet.py": f"{CHECKS}test_fleet.py {WORDS} {FLEET}",
    "core/checks/dismissed.py": f"{CHECKS}test_dismissed.py {FLEET}",
    "run.py": RUN,
    "outbox.py": RUN,
    "aws/ses.py": EDGE,
    "aws/cloudwatch.py": EDGE,
    "aws/store.py": EDGE,
    "aws/sns.py": EDGE,
}

# Mutants that are the same program: `is None` as `== None`, annotations (`X | None`), `slots=False`, imports for mypy.
SAME_LINES = ("@dataclass", "TYPE_CHECKING")
EQUIVALENT = ("BitOr", "Is_Eq", "IsNot_NotEq", "Eq_Is", "NotEq_IsNot", "RemoveDecorator")


def main() -> int:
    """Plant the faults and print what was noticed; 1 if the tests fail without any fault."""
    modules = [os.environ["MODULE"]] if os.environ.get("MODULE") else list(TESTS_OF)
    copy_tree()
    os.chdir(WORK / "tree")
    began = time.monotonic()
    outcome, output = run_tests(command(modules), None)
    if outcome != TestOutcome.SURVIVED:
        print(f"{output[-2000:]}\nThe tests fail before any fault is planted: run make test first.")
        return 1
    timeout = 2 * (time.monotonic() - began) + 30  # a mutant may loop for ever; one module takes less than all
    with use_db(str(session_file(modules)), WorkDB.Mode.create) as session:
        if not session.num_work_items:
            start(session, modules)
        try_what_is_open(session, timeout)
        report(session)
    return 0


def copy_tree() -> None:
    """Copy all files that Git knows or would add, so that no mutant is ever in the working tree."""
    tree = WORK / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)


def command(modules: list[str]) -> str:
    files = dict.fromkeys(name for module in modules for name in TESTS_OF[module].split())
    return f"{sys.executable} -m pytest -x -q {' '.join(f'tests/{name}' for name in files)}"


def session_file(modules: list[str]) -> Path:
    """Name the file after the sources: a mutant is a place in one version of a file."""
    said = repr((os.environ.get("ALL"), os.environ.get("SAMPLE"), modules)).encode()
    sources = b"".join(Path(PACKAGE, module).read_bytes() for module in modules)
    return WORK / f"{hashlib.sha256(said + sources).hexdigest()[:12]}.sqlite"


def start(session: WorkDB, modules: list[str]) -> None:
    init([Path(PACKAGE, module) for module in modules], session, {})
    if os.environ.get("ALL"):
        return
    chosen = sample(list(session.work_items), int(os.environ.get("SAMPLE") or 120))
    session.clear()
    session.add_work_items(chosen)


def sample(items: list[WorkItem], number: int) -> list[WorkItem]:
    """Choose mutants at random, in turn from each module, and one at a place at most."""
    chance = random.Random(SEED)  # noqa: S311
    places: dict[Path, dict[tuple[int, int], list[WorkItem]]] = {}
    for item in sorted(
        items, key=lambda item: (place(item).module_path, place(item).start_pos, place(item).operator_name)
    ):
        if not is_equivalent(place(item)):
            places.setdefault(place(item).module_path, {}).setdefault(place(item).start_pos, []).append(item)
    shuffled = [iter(chance.sample(list(found.values()), len(found))) for found in places.values()]
    return [chance.choice(choice) for choice in islice(in_turn(shuffled), number)]


def is_equivalent(mutation: MutationSpec) -> bool:
    line = mutation.module_path.read_text(encoding="utf-8").splitlines()[mutation.start_pos[0] - 1]
    return any(part in line for part in SAME_LINES) or any(part in mutation.operator_name for part in EQUIVALENT)


def in_turn(lists: list[Iterator[list[WorkItem]]]) -> Iterator[list[WorkItem]]:
    while lists:
        for one in list(lists):
            try:
                yield next(one)
            except StopIteration:
                lists.remove(one)


def place(item: WorkItem) -> MutationSpec:
    return item.mutations[0]


def module_of(item: WorkItem) -> str:
    return str(place(item).module_path.relative_to(PACKAGE).as_posix())


def try_what_is_open(session: WorkDB, timeout: float) -> None:
    killed = {job for job, result in session.results if result.is_killed}
    todo = [item for item in session.work_items if item.job_id not in killed]
    todo.sort(key=lambda item: (place(item).module_path, place(item).start_pos, place(item).occurrence))
    random.Random(SEED).shuffle(todo)  # noqa: S311  what an interrupted run has seen is a sample too
    for number, item in enumerate(todo, 1):
        began = time.monotonic()
        result = mutate_and_test(item.mutations, command([module_of(item)]), timeout)
        session.set_result(item.job_id, result)
        word = "noticed" if result.is_killed else "SURVIVED"
        where = f"{module_of(item)}:{place(item).start_pos[0]}"
        print(f"{number:4} of {len(todo)}  {word:8}  {time.monotonic() - began:5.1f} s  {where}", flush=True)


def report(session: WorkDB) -> None:
    """Print the survivors as changes, then the numbers of each module."""
    results: dict[str, list[WorkResult]] = {}
    for item, result in session.completed_work_items:
        results.setdefault(module_of(item), []).append(result)
    for found in results.values():
        for result in found:
            if not result.is_killed:
                print(f"\n{result.diff}")
    together = [result for found in results.values() for result in found]
    print(f"\n{'module':28}{'mutants':>8}{'noticed':>9}{'survived':>10}")
    for name, counted in [*sorted(results.items()), ("together", together)]:
        noticed = sum(result.is_killed for result in counted)
        print(f"{name:28}{len(counted):8}{noticed:9}{len(counted) - noticed:10}")


if __name__ == "__main__":
    sys.exit(main())
