"""How early, how quiet and how accurate the alerts of the default policy are, for many simulated senders.

    .venv/bin/python -m bench.score --seeds 10
    .venv/bin/python -m bench.score --seeds 40 --worlds complaints --sizes 150 3000 --json

Every situation and size is played once per seed. "All" leaves nothing out; the goals are about it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from math import log
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from ses_reputation.core.decide import replay
from ses_reputation.core.evaluation import Evaluator
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant, Point, history_from, iso
from ses_reputation.core.rates import Metric
from ses_reputation.core.rules import default_policy
from ses_reputation.core.target import Target

from .worlds import (
    END,
    NEWSLETTERS,
    SITUATIONS,
    SIZES,
    START,
    AwsWindow,
    Booking,
    Delay,
    Incident,
    World,
    newsletters,
    world,
)

COMMAND = Path(sys.executable).with_name("ses-reputation")

TARGET = Target("000000000000", "simulated")

YOUNG = START + 14 * DAY
"""False alarms before this are shown apart too: the history is younger than the longest windows."""

FLAP = 2 * DAY
"""An alert that opens again so soon after it resolved, or within the same incident, is a flap."""

ORACLE_SURE = log(10_000)
"""The oracle alerts when its data is ten thousand times as likely with the incident as without."""


@dataclass(frozen=True)
class Sent:
    """A notification, as far as it matters here."""

    at: Instant
    metric: str
    severity: str
    kind: str
    alert: str


@dataclass
class Score:
    """Score of one world or of many; `add` puts them together."""

    incidents: int = 0  # that reach AWS's review threshold
    in_time: int = 0  # of them, with an alert before that
    used: list[float] = field(default_factory=list)  # share of the head start, one per incident
    oracle: list[float] = field(default_factory=list)  # the same for an oracle that knows the true rates
    leads: list[float] = field(default_factory=list)  # hours
    healthy_days: float = 0.0
    false_alarms: int = 0
    young_days: float = 0.0  # of the healthy days
    young_alarms: int = 0  # of the false alarms
    false_criticals: int = 0
    pauses: int = 0  # incidents that reach AWS's pause threshold
    critical_in_time: int = 0
    noticed: int = 0  # incidents with at least one notification
    notices: int = 0
    flaps: int = 0
    resolutions: int = 0
    unsafe: int = 0
    watched_hours: float = 0.0  # in worlds in which nothing goes wrong
    empty_hours: float = 0.0  # of them, with a headroom of zero

    def add(self, other: Score) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def sent_from(document: Mapping[str, Any]) -> Sent:
    """A notification from one line of `ses-reputation replay --json`."""
    at = int(np.datetime64(document["at"].removesuffix("+00:00"), "s").astype(int))
    return Sent(at, document["metric"], document["severity"], document["kind"], document["alert"])


def sent_by_core(points: Sequence[Point]) -> list[Sent]:
    """Notifications of the product for a history, in process."""
    return [
        sent_from(document)
        for _, documents, _ in replay(TARGET, points, default_policy(), until=END)
        for document in documents
    ]


def empty_hours(case: World) -> float:
    """Hours in which a healthy sender was shown a headroom of zero, sampled every two hours."""
    history = history_from(case.points, until=END)
    if history is None:
        return 0.0
    evaluators = [Evaluator(history, policy) for policy in default_policy().metrics]
    step = 2 * HOUR
    return sum(
        step / HOUR
        for now in range(START + step, END, step)
        if any(evaluator.at(now).share_left == 0 for evaluator in evaluators)
    )


def score(case: World, sent: Sequence[Sent]) -> Score:
    """Score of one world: its notifications against the truth about it. `sent` is in order of time."""
    result = Score()
    bounds = [*(incident.onset for incident in case.incidents[1:]), END + BUCKET]
    for incident, until in zip(case.incidents, bounds, strict=True) if case.incidents else ():
        _score_incident(result, case, incident, sent, until)
    _score_peace(result, case, sent)
    return result


def _score_incident(result: Score, case: World, incident: Incident, sent: Sequence[Sent], until: Instant) -> None:
    mine = [s for s in sent if s.metric == incident.metric]
    during = [s for s in mine if incident.onset < s.at < until]
    before = [s for s in mine if s.at <= incident.onset]
    standing = before[-1:] if before and before[-1].kind != "resolved" else []
    alerts = [incident.onset for _ in standing] + [s.at for s in during if s.kind == "firing"]
    if incident.review is not None:
        head = incident.review - incident.onset
        first = alerts[0] if alerts else END
        in_time = bool(alerts) and first <= incident.review
        result.incidents += 1
        result.in_time += in_time
        if head > BUCKET:  # over the threshold after one bucket: there is no head start
            result.used.append((incident.review - first) / head if in_time else 0.0)
            result.oracle.append(_oracle(case, incident))
        result.leads.append((incident.review - first) / HOUR if alerts else 0.0)
    if incident.pause is not None:
        critical = [s for s in standing + during if s.kind != "resolved" and s.severity == "critical"]
        result.pauses += 1
        result.critical_in_time += bool(critical) and critical[0].at <= incident.pause
    if case.situation.borderline:
        result.false_criticals += sum(s.kind == "firing" and s.severity == "critical" for s in during)
        return
    of_it = [s for s in during if s.at <= incident.settled or _running(s, during, incident.settled)]
    if of_it:
        result.noticed += 1
        result.notices += len(of_it)
        result.flaps += max(0, len({s.alert for s in of_it + standing}) - 1)
    for clear in (s for s in of_it if s.kind == "resolved"):
        going_on = clear.at < incident.over and incident.review is not None
        result.resolutions += 1
        result.unsafe += case.over_review(incident.metric, clear.at) or going_on


def _running(s: Sent, sent: Sequence[Sent], by: Instant) -> bool:
    """Tell if the alert of `s` was open at `by`, or opened so soon after a resolution that it is the same trouble."""
    opened = next(other.at for other in sent if other.alert == s.alert)
    return opened <= by or any(other.kind == "resolved" and other.at <= opened <= other.at + FLAP for other in sent)


def _score_peace(result: Score, case: World, sent: Sequence[Sent]) -> None:
    """Count the false alarms. While one metric is bad, the other still counts for half a healthy day."""
    troubled = [(i.onset, END if case.situation.borderline else i.settled, i.metric.value) for i in case.incidents]
    lost = sum(end - start for start, end, _ in troubled)
    result.healthy_days = (END - START - lost / 2) / DAY
    result.young_days = (
        YOUNG - START - sum(max(0, min(end, YOUNG) - min(start, YOUNG)) for start, end, _ in troubled) / 2
    ) / DAY
    opened: set[str] = set()
    false: set[str] = set()
    for s in sent:
        if s.alert not in opened:
            opened.add(s.alert)
            trouble = any(start < s.at <= end + FLAP and s.metric == metric for start, end, metric in troubled)
            if not trouble:
                false.add(s.alert)
                result.false_alarms += 1
                result.young_alarms += s.at < YOUNG
        still_false = s.alert in false and not any(
            start < s.at <= end and s.metric == metric for start, end, metric in troubled
        )
        by_chance = still_false and case.over_review(Metric(s.metric), s.at)  # AWS acts on its own count
        if s.kind == "firing" and s.severity == "critical" and still_false and not by_chance:
            result.false_criticals += 1


def _oracle(case: World, incident: Incident) -> float:
    """Share of the head start that an oracle uses, which knows the onset and every rate and only waits to be sure."""
    assert incident.review is not None
    onset, end = ((at - START) // BUCKET for at in (incident.onset, incident.review))
    counts = np.zeros(len(case.expected))
    for point in case.points:
        events = point.bounces if incident.metric is Metric.BOUNCE else point.complaints
        counts[(point.at - START) // BUCKET] = events
    likely = counts * np.log(case.expected / case.healthy) - (case.expected - case.healthy)
    sure = np.flatnonzero(np.cumsum(likely[onset:end]) >= ORACLE_SURE)
    return 1 - (int(sure[0]) + 1) / (end - onset) if len(sure) else 0.0


@dataclass(frozen=True)
class Task:
    """One world to play; with a `booking`, one of newsletters."""

    situation: int
    size: int
    seed: int
    window: AwsWindow = AwsWindow()
    delay: Delay | None = None
    booking: Booking | None = None

    def world(self) -> World:
        if self.booking is not None:
            return newsletters(self.size, self.seed, self.booking)
        return world(SITUATIONS[self.situation], self.size, self.seed, window=self.window, delay=self.delay)


def play(task: Task, notify: Callable[[Sequence[Point]], list[Sent]] = sent_by_core) -> tuple[Task, str, Score]:
    """One world through the product: task, rhythm, score."""
    case = task.world()
    result = score(case, notify(case.points))
    if not case.incidents and case.situation.metric is None:
        result.watched_hours = (END - START) / HOUR
        result.empty_hours = empty_hours(case)
    return task, case.rhythm.value, result


def play_all(
    tasks: Iterable[Task], notify: Callable[[Sequence[Point]], list[Sent]] = sent_by_core, processes: int = 2
) -> dict[str, Score]:
    """Scores by name: of each situation, size and rhythm, and of all."""
    tasks = list(tasks)
    scores: dict[str, Score] = {}
    with ProcessPoolExecutor(processes) as pool:
        for task, rhythm, result in pool.map(partial(play, notify=notify), tasks, chunksize=8):
            for name in _groups(task, rhythm):
                scores.setdefault(name, Score()).add(result)
    situations = [situation.name for situation in SITUATIONS]
    sizes = [f"{size:,} a day" for size in sorted({task.size for task in tasks})]
    rest = sorted(name for name in scores if name.startswith(NEWSLETTERS.name))
    order = [*situations, *sizes, *sorted(set(scores) - {*situations, *sizes, *rest, "all"}), "all", *rest]
    return {name: scores[name] for name in order if name in scores}


def _groups(task: Task, rhythm: str) -> tuple[str, ...]:
    """Names under which a world is counted; newsletters apart."""
    if task.booking is not None:
        return (f"{NEWSLETTERS.name}: {task.booking}", NEWSLETTERS.name)
    return (SITUATIONS[task.situation].name, f"{task.size:,} a day", rhythm, "all")


def figures(s: Score) -> dict[str, float | None]:
    """Figures that the goals are about; None if there was nothing to measure."""

    def per(part: float, whole: float) -> float | None:
        return part / whole if whole else None

    return {
        "incidents": s.incidents,
        "alert before review": per(s.in_time, s.incidents),
        "head start used": fmean(s.used) if s.used else None,
        "oracle": fmean(s.oracle) if s.oracle else None,
        "median lead, h": median(s.leads) if s.leads else None,
        "false alarms per 30 days": per(30 * s.false_alarms, s.healthy_days),
        "of them after day 14": per(30 * (s.false_alarms - s.young_alarms), s.healthy_days - s.young_days),
        "false criticals": s.false_criticals,
        "critical before pause": per(s.critical_in_time, s.pauses),
        "notices per incident": per(s.notices, s.noticed),
        "flaps per incident": per(s.flaps, s.noticed),
        "unsafe resolutions": per(s.unsafe, s.resolutions),
        "hours without headroom": per(s.empty_hours, 1.0 if s.watched_hours else 0.0),
    }


COLUMNS = {
    "incidents": "{:5d}",
    "alert before review": "{:7.1%}",
    "head start used": "{:7.1%}",
    "oracle": "{:7.1%}",
    "median lead, h": "{:7.1f}",
    "false alarms per 30 days": "{:7.3f}",
    "of them after day 14": "{:7.3f}",
    "false criticals": "{:5d}",
    "critical before pause": "{:7.1%}",
    "notices per incident": "{:6.2f}",
    "flaps per incident": "{:6.2f}",
    "unsafe resolutions": "{:7.1%}",
    "hours without headroom": "{:6.0f}",
}
HEAD = "    n  early   used oracle   lead  false settld crit  pause notic flaps unsafe  none"


def table(scores: Mapping[str, Score]) -> str:
    rows = [f"{'':<50}{HEAD}"]
    for name, s in scores.items():
        cells = []
        for column, value in figures(s).items():
            cell = COLUMNS[column]
            width = len(cell.format(0))
            cells.append(f"{'-' if value is None else cell.format(value):>{width}}")
        rows.append(f"{name:<50}{''.join(cells)}")
    return "\n".join(rows)


def goals(scores: Mapping[str, Score]) -> list[tuple[str, float | None, str, bool]]:
    """Each goal with what was measured."""
    got = figures(scores.get("all", Score()))
    news = figures(scores.get(NEWSLETTERS.name, Score()))
    alarms = "false alarms per 30 days"
    worst = max((figures(s)[alarms] or 0.0 for name, s in scores.items() if name.endswith(" a day")), default=None)
    empty = [hours for each in (got, news) if (hours := each["hours without headroom"]) is not None]
    wanted: list[tuple[str, float | None, str, float]] = [
        ("alert before the review threshold", got["alert before review"], ">=", 0.98),
        ("head start used", got["head start used"], ">=", 0.73),
        ("false alarms per 30 healthy days", got[alarms], "<=", 0.06),
        ("the same, worst size", worst, "<=", 0.15),
        ("the same, newsletters", news[alarms], "<=", 0.10),
        ("hours without headroom, healthy", sum(empty) if empty else None, "<=", 0.0),
        ("false criticals", got["false criticals"], "<=", 0.0),
        ("critical before the pause threshold", got["critical before pause"], ">=", 0.99),
        ("notices per incident", got["notices per incident"], "<=", 6.5),
        ("flaps per incident", got["flaps per incident"], "<=", 0.05),
        ("resolutions while unsafe", got["unsafe resolutions"], "<=", 0.01),
    ]
    return [
        (name, value, f"{sign} {goal:g}", value is None or (value >= goal if sign == ">=" else value <= goal))
        for name, value, sign, goal in wanted
    ]


def looked_ahead(cuts: int, seed: int) -> int:
    """Number of cut histories, of `cuts`, for which `replay` reports something else than for the whole history."""
    dice = np.random.default_rng(seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(cuts):
            case = world(SITUATIONS[number % len(SITUATIONS)], SIZES[number % len(SIZES)], seed + number)
            cut = case.points[: int(dice.uniform(0.2, 0.98) * len(case.points))]
            end = iso(cut[-1].at + BUCKET)
            whole = replayed(case.points, Path(folder) / "whole.json")
            part = replayed(cut, Path(folder) / "part.json")
            wrong += part != [line for line in whole if line["at"] <= end]
    return wrong


def replayed(points: Sequence[Point], file: Path) -> list[dict[str, Any]]:
    """Write `points` to `file` and return what `ses-reputation replay --json` prints for it."""
    file.write_text(json.dumps(answer(points)))
    command = [str(COMMAND), "replay", str(file), "--json"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()  # noqa: S603
    return [json.loads(line) for line in lines]


def answer(points: Sequence[Point]) -> dict[str, list[dict[str, object]]]:
    """`points` as `aws ses get-send-statistics` prints them."""
    return {
        "SendDataPoints": [
            {
                "Timestamp": iso(point.at),
                "DeliveryAttempts": point.attempts,
                "Bounces": point.bounces,
                "Complaints": point.complaints,
                "Rejects": point.rejects,
            }
            for point in points
        ]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="worlds of each situation and size")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--worlds", default="all", help="only situations whose name has this in it")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="emails a day")
    parser.add_argument("--aws-emails", type=int, default=10_000, help="the fewest emails that AWS looks at")
    parser.add_argument("--aws-days", type=float, default=1.0, help="or so many normal days, if more")
    parser.add_argument("--delay", type=Delay, choices=list(Delay), help="of complaints; else one by one")
    parser.add_argument("--cuts", type=int, default=0, help="cut histories to look for look-ahead in")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    window = AwsWindow(given.aws_emails, given.aws_days)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    tasks = [
        Task(number, size, seed, window, given.delay)
        for number, situation in enumerate(SITUATIONS)
        if given.worlds == "all" or given.worlds in situation.name
        for size in given.sizes
        for seed in seeds
    ]
    if given.worlds == "all" or given.worlds in NEWSLETTERS.name:
        tasks += [
            Task(0, size, seed, window, given.delay, booking)
            for booking in Booking
            for size in given.sizes
            for seed in seeds
        ]
    scores = play_all(tasks)
    if not scores:
        parser.error(f"no situation has {given.worlds!r} in its name: {', '.join(s.name for s in SITUATIONS)}")
    ahead = looked_ahead(given.cuts, given.first_seed) if given.cuts else None
    if given.json:
        print(json.dumps({name: figures(s) for name, s in scores.items()} | {"looked ahead": ahead}, indent=1))
        return
    print(table(scores))
    print()
    for name, value, goal, met in goals(scores):
        print(f"{name:<36}{'-' if value is None else f'{value:.4g}':>9}   goal {goal:<8}{'met' if met else 'MISSED'}")
    if ahead is not None:
        print(f"{'cut histories with look-ahead':<36}{ahead:>9}   goal <= 0    {'MISSED' if ahead else 'met'}")


if __name__ == "__main__":
    main()
