"""Every fault at every call of a run, for every kind of notification, on the deployed function: what is lost or repeated.

`make reliability` prints the table; docs/reliability.md explains it; the end-to-end tests run a part of the same cases.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from local_aws import stack
from local_aws.faults import Application
from local_aws.runtime import DeployedFunction
from local_aws.schedule import DeployedSchedule
from local_aws.server import ACCOUNT, LocalAws

QUARTER, HOUR, DAY = 900, 3_600, 86_400

NOW = int(time.time()) // DAY * DAY - 3 * DAY + 10 * HOUR + QUARTER
"""The tick that is ruined: a quarter past ten, three days ago, since the function refuses times in the future."""

SETTINGS = """
[alerts]
emails = ["oncall@mail.test"]
[chat]
workspace_id = "T0123ABCD"
channel_id = "C0123ABCD"
[deployment]
stage = "faults"
"""


@dataclass(frozen=True)
class Received:
    """One notification as it arrived."""

    check: str
    alert: str
    seq: int
    severity: str
    resolved: bool

    @property
    def key(self) -> tuple[str, int]:
        """Key by which a receiver knows a repeat."""
        return self.alert, self.seq


def _received(document: dict[str, Any]) -> Received:
    resolved = document["kind"] == "resolved"
    return Received(document["check"], document["alert"], int(document["number"]), document["severity"], resolved)


@dataclass(frozen=True)
class World:
    """A sender and what AWS reports of it: 400 emails every 15 minutes, 3 of them bouncing, except for what the fields change."""

    bounces: tuple[tuple[int, int], ...] = ()  # (seconds after `NOW`, bounces of 400 from then on)
    complaints_from: int = DAY
    rejects_from: int = DAY
    emails: tuple[tuple[int, int], ...] = ()  # (seconds after `NOW`, emails instead of 400 from then on)
    enforcement: str = "HEALTHY"
    sending: bool = True
    used: float = 40_000
    aws_rate: float = 0.0
    denied: str = ""  # the operation of SES that may not be called

    def points(self, until: int) -> list[dict[str, Any]]:
        answer = []
        for after in range(-9 * DAY, until - NOW, QUARTER):
            emails = _at(self.emails, after, 400)
            point = {
                "Timestamp": datetime.fromtimestamp(NOW + after, UTC),
                "DeliveryAttempts": emails,
                "Bounces": min(emails, _at(self.bounces, after, 3)),
                "Complaints": 2 if after >= self.complaints_from else 0,
                "Rejects": 5 if after >= self.rejects_from else 0,
            }
            if emails:
                answer.append(point)
        return answer


def _at(steps: Sequence[tuple[int, int]], after: int, otherwise: int) -> int:
    return next((value for start, value in reversed(steps) if after >= start), otherwise)


@dataclass(frozen=True)
class Story:
    """Events that lead to a notification at the tick `NOW`."""

    name: str
    lead: tuple[tuple[int, World], ...]  # the ticks before, in seconds from `NOW`
    world: World  # from `NOW` on
    late: int = 2  # ticks after it by which it must be sent, whatever happened


GOOD = World()
BAD = World(bounces=((-4 * QUARTER, 60),))
STORIES = (
    Story("bounce opened", ((-4 * QUARTER, GOOD),), BAD),
    Story(
        "bounce escalated",
        ((-40 * QUARTER, GOOD), (-8 * QUARTER, World(bounces=((-40 * QUARTER, 16),)))),
        World(bounces=((-40 * QUARTER, 16), (-8 * QUARTER, 80))),
    ),
    Story(
        "bounce reminder",
        ((-28 * HOUR, GOOD), (-25 * HOUR, World(bounces=((-28 * HOUR, 60),)))),
        World(bounces=((-28 * HOUR, 60),)),
    ),
    Story(
        "bounce resolved",
        ((-80 * HOUR, GOOD), (-78 * HOUR, World(bounces=((-80 * HOUR, 60),)))),
        World(bounces=((-80 * HOUR, 60), (-78 * HOUR, 3))),
    ),
    Story("complaint opened", ((-16 * QUARTER, GOOD),), World(complaints_from=-16 * QUARTER)),
    Story("unreadable opened", ((-QUARTER, GOOD),), World(denied="GetSendStatistics")),
    Story(
        "unreadable resolved", ((-9 * QUARTER, GOOD), (-8 * QUARTER, World(denied="GetSendStatistics"))), GOOD, late=5
    ),
    Story("account state opened", ((-QUARTER, GOOD),), World(enforcement="PROBATION")),
    Story("account state escalated", ((-QUARTER, World(enforcement="PROBATION")),), World(enforcement="SHUTDOWN")),
    Story("account state resolved", ((-5 * QUARTER, World(enforcement="SHUTDOWN")),), GOOD),
    Story("sending switched off", ((-QUARTER, GOOD),), World(sending=False)),
    Story("quota opened", ((-QUARTER, GOOD),), World(used=950_000)),
    Story("AWS's rate opened", ((-QUARTER, GOOD),), World(aws_rate=0.06)),
    Story("account unreadable opened", ((-QUARTER, GOOD),), World(denied="GetAccount")),
    Story("silence opened", ((-13 * QUARTER, GOOD),), World(emails=((-13 * QUARTER, 0),), used=32_000)),
    Story(
        "spike opened", ((-9 * QUARTER, GOOD),), World(emails=((-9 * QUARTER, 9_000),), bounces=((-9 * QUARTER, 70),))
    ),
    Story("rejects opened", ((-12 * QUARTER, GOOD),), World(rejects_from=-12 * QUARTER)),
)

FAULTS: dict[str, dict[str, Any]] = {
    "error before": {"times": 3},
    "error after": {"before": False, "times": 1},
    "connection cut": {"cut": True, "before": False, "times": 1},
    "throttled once": {"status": 400, "code": "ThrottlingException", "times": 1},
    "throttled always": {"status": 400, "code": "ThrottlingException"},
    "killed before": {"times": 1},
    "killed after": {"before": False, "times": 1},
}
"""Faults of a call. An error before any effect outlasts the client's own three attempts; an answer is lost once."""

HANG = {"hang": 6.0, "before": False, "times": 1}
"""Longer than the function waits for an answer."""


@dataclass
class Tally:
    """Counts of notifications due, lost and repeated."""

    cases: int = 0
    runs: int = 0
    faults: int = 0
    due: int = 0
    lost: list[str] = field(default_factory=list)
    repeated: int = 0
    strange: list[str] = field(default_factory=list)  # sent, but neither due nor recognisable as a repeat

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


class Stage:
    """A deployed installation, its function in a process of its own."""

    def __init__(self, local: LocalAws, outputs: dict[str, str]) -> None:
        self.local = local
        self.outputs = outputs
        self.function = DeployedFunction(local, outputs["FunctionName"])
        self.schedule = DeployedSchedule(local, outputs["ScheduleName"], self.function)
        self.runs = 0

    def show(self, world: World, now: int) -> None:
        """Make `world` what AWS answers at the tick `now`, without any fault."""
        self.local.faults.clear()
        if world.denied:
            self.local.faults.plant("ses", world.denied, status=403, code="AccessDenied")
        ses = self.local.ses()
        ses.points = world.points(now)
        ses.enforcement, ses.sending, ses.used = world.enforcement, world.sending, world.used
        if world.aws_rate:
            self.local.client("cloudwatch").put_metric_data(
                Namespace="AWS/SES",
                MetricData=[
                    {
                        "MetricName": "Reputation.BounceRate",
                        "Timestamp": datetime.fromtimestamp(now - 300, UTC),
                        "Value": world.aws_rate,
                    }
                ],
            )

    def tick(self, world: World, now: int, *faults: tuple[str, str, int, str]) -> int:
        """One scheduled run with Lambda's retries and `faults`; returns how many requests the faults hit."""
        self.show(world, now)
        self.local.faults.calls.clear()
        planted = [self._plant(*fault) for fault in faults]
        self.run(now)
        return sum(fault.struck for fault in planted)

    def run(self, now: int) -> None:
        """One scheduled run with Lambda's retries, in the world shown last."""
        self.runs += len(self.schedule.fire(now))

    def _plant(self, service: str, operation: str, skip: int, fault: str) -> Any:
        how = HANG if fault == "hangs" else FAULTS[fault]
        if fault.startswith("killed"):
            how = {**how, "strike": self.function.kill}
        return self.local.faults.plant(service, operation, skip=skip, **how)

    def calls(self) -> list[tuple[str, str, int]]:
        """The calls of the last tick, each numbered among those of its kind."""
        seen: Counter[tuple[str, str]] = Counter()
        numbered = []
        for call in self.local.faults.calls:
            if call[0] in ("ses", "dynamodb", "cloudwatch", "sns") and call[1] != "ListSubscriptionsByTopic":
                numbered.append((*call, seen[call]))
                seen[call] += 1
        return numbered

    def received(self) -> dict[str, list[Received]]:
        """Notifications that each channel has received so far."""
        people = [
            notification
            for message in self.local.sent(self.outputs["PeopleTopicArn"])
            for notification in json.loads(message.body("sqs"))["notifications"]
        ]
        received = {"people": [_received(document) for document in people]}
        if "ChatTopicArn" in self.outputs:
            sent = self.local.sent(self.outputs["ChatTopicArn"])
            documents = [json.loads(message.bodies)["metadata"]["additionalContext"] for message in sent]
            received["chat"] = [_received(document) for document in documents]
        return received

    def state(self) -> dict[str, Any] | None:
        """The stored state item, or None."""
        items: list[dict[str, Any]] = self.local.client("dynamodb").scan(TableName=self.outputs["StateTableName"])[
            "Items"
        ]
        return items[0] if items else None

    def reset(self, state: dict[str, Any] | None = None) -> None:
        """Start over as a new installation, with this stored state."""
        self.local.faults.clear()
        database, table = self.local.client("dynamodb"), self.outputs["StateTableName"]
        for item in database.scan(TableName=table)["Items"]:
            database.delete_item(TableName=table, Key={"pk": item["pk"]})
        if state is not None:
            database.put_item(TableName=table, Item=state)
        cloudwatch_backends[ACCOUNT][self.local.region].metric_data.clear()
        for topic in self.outputs.keys() & {"PeopleTopicArn", "ChatTopicArn"}:
            self.local.sent_forget(self.outputs[topic])
        vars(self.local.ses()).update(enforcement="HEALTHY", sending=True, used=40_000)


@contextmanager
def stage(local: LocalAws) -> Iterator[Stage]:
    """An installation in a local AWS."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "faults.toml"
        settings.write_text(SETTINGS)
        there = Stage(local, stack.deploy(local, settings))
        try:
            yield there
        finally:
            there.function.close()


@dataclass(frozen=True)
class Played:
    """A story played without faults."""

    story: Story
    state: dict[str, Any]  # before the tick `NOW`
    sites: list[tuple[str, str, int]]
    due: dict[str, list[Received]]


def play(there: Stage, story: Story) -> Played:
    """The story without faults: what is due, and by which calls."""
    there.reset()
    there.function.stop()
    for after, world in story.lead:
        there.tick(world, NOW + after)
    state = there.state()
    assert state is not None
    there.reset(state)
    there.tick(story.world, NOW)
    sites = there.calls()
    for late in range(1, story.late + 1):
        there.tick(story.world, NOW + late * QUARTER)
    due = there.received()
    assert all(due.values()), f"{story.name}: nothing is due, so nothing could be lost"
    return Played(story, state, sites, due)


def case(there: Stage, played: Played, site: tuple[str, str, int], fault: str) -> Tally:
    """Play the tick of the notification with one fault, then some ticks without."""
    there.reset(played.state)
    if fault.startswith("throttled always") or fault == "error before":
        there.function.stop()  # so that the process knows nothing of the case before
    runs = there.runs
    struck = there.tick(played.story.world, NOW, (*site, fault))
    for late in range(1, played.story.late + 1):
        there.tick(played.story.world, NOW + late * QUARTER)
    where = f"{played.story.name}: {site[0]} {site[1]} {site[2] + 1} {fault}"
    return compared(where, played.due, there.received(), Tally(cases=1, runs=there.runs - runs, faults=struck))


def compared(where: str, due: dict[str, list[Received]], received: dict[str, list[Received]], tally: Tally) -> Tally:
    """Compare what was received with what was due. A late notification may name its alert after a later tick, but its check
    and its number stay the same."""
    for channel, expected in due.items():
        copies = Counter(one.key for one in received[channel])
        awaited = {(one.check, one.seq) for one in expected}
        names = Counter((one.check, one.seq) for one in {one.key: one for one in received[channel]}.values())
        tally.due += len(expected)
        tally.repeated += copies.total() - len(copies)
        tally.lost += [f"{where}: {channel} did not receive {one}" for one in awaited - set(names)]
        tally.strange += [f"{where}: {channel} received {one}" for one in set(names) - awaited]
        tally.strange += [f"{where}: {channel} received {one} under two names" for one, n in names.items() if n > 1]
        tally.strange += [f"{where}: {channel} received {one} {n} times" for one, n in copies.items() if n > 2]
    return tally


LONG = tuple(
    World(
        bounces=((2 * HOUR, 60),) if tick >= 8 else (),
        enforcement="HEALTHY" if tick < 16 else "PROBATION" if tick < 24 else "SHUTDOWN" if tick < 32 else "HEALTHY",
        sending=not 26 <= tick < 36,
    )
    for tick in range(48)
)
"""Twelve eventful hours, for random faults; each state lasts longer than any row of faulty ticks."""

FAULTY = 3
"""Ticks in a row that may have faults, then as many without: AWS's status is unknown while it cannot be read."""


def at_random(there: Stage, seed: int, sites: Sequence[tuple[str, str, int]], due: dict[str, str]) -> Tally:
    """Play twelve hours with several faults. Everything that was ever stored to be sent must reach both channels, and somebody
    who only reads messages must end up with the truth."""
    dice = random.Random(seed)
    there.reset()
    there.function.stop()
    tally, runs = Tally(cases=1), there.runs
    decided: set[tuple[str, int]] = set()
    served = there.local.faults.application
    there.local.faults.application = _noting(served, decided)
    for number, world in enumerate(LONG):
        now = NOW + number * QUARTER - 2 * DAY
        faults = []
        if number and number < len(LONG) - FAULTY and number // FAULTY % 2:
            faults = [(*dice.choice(sites), dice.choice(list(FAULTS))) for _ in range(dice.randint(0, 3))]
        tally.faults += there.tick(_moved(world, -2 * DAY), now, *faults)
    there.local.faults.application = served
    tally.runs = there.runs - runs
    for channel, got in there.received().items():
        keys = {one.key for one in got}
        tally.due += len(decided)
        tally.repeated += len(got) - len(keys)
        tally.lost += [f"seed {seed}: {channel} did not receive {one}" for one in decided - keys]
        if believed(got) != due:
            tally.lost.append(f"seed {seed}: {channel} believes {believed(got)}, but the truth is {due}")
    return tally


def _moved(world: World, by: int) -> World:
    return World(
        tuple((start + by, value) for start, value in world.bounces),
        enforcement=world.enforcement,
        sending=world.sending,
    )


def _noting(application: Application, decided: set[tuple[str, int]]) -> Application:
    """`application`, which also notes every notification that a stored state holds to be sent."""

    def noting(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_X_AMZ_TARGET", "").endswith(".PutItem"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
            state = json.loads(json.loads(body)["Item"]["state"]["S"])
            documents = [delivery["document"] for delivery in state["outbox"]]
            decided.update((document["alert"], document["number"]) for document in documents)
        return application(environ, start_response)

    return noting


def believed(received: Sequence[Received]) -> dict[str, str]:
    """Alerts, with their severity, that somebody who reads every message and ignores repeats believes to be open."""
    once: dict[tuple[str, int], Received] = {}
    for one in received:
        once.setdefault(one.key, one)
    open_now: dict[str, str] = {}
    for one in once.values():
        open_now[one.check] = one.severity
        if one.resolved:
            del open_now[one.check]
    return open_now


def truth(there: Stage) -> tuple[dict[str, str], list[tuple[str, str, int]]]:
    """Alerts open after `LONG` without faults, and the calls of a run with something to send."""
    there.reset()
    sites: set[tuple[str, str, int]] = set()
    for number, world in enumerate(LONG):
        there.tick(_moved(world, -2 * DAY), NOW + number * QUARTER - 2 * DAY)
        sites |= set(there.calls())
    return believed(there.received()["people"]), sorted(sites)


SHARES = 6
"""Processes that play in parallel, each with a local AWS of its own: most of the time is spent waiting between attempts."""


def share(number: int, only: str, seeds: int) -> list[tuple[str, int, Tally]]:
    """One share of all cases: the name, the calls and the tally of each story, and of faults at random."""
    lines = []
    with LocalAws() as local, stage(local) as there:
        for story in [story for story in STORIES if only in story.name][number::SHARES]:
            played, tally = play(there, story), Tally()
            for site in played.sites:
                for fault in [*FAULTS, "hangs"] if story is STORIES[0] else FAULTS:
                    tally.add(case(there, played, site, fault))
            lines.append((story.name, len(played.sites), tally))
        if mine := range(number, seeds, SHARES):
            (due, sites), tally = truth(there), Tally()
            for seed in mine:
                tally.add(at_random(there, seed, sites, due))
            lines.append(("several, at random", len(sites), tally))
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.reliability", description=__doc__)
    parser.add_argument("--seeds", type=int, default=24, help="twelve hours each with several faults at random")
    parser.add_argument("--only", default="", help="stories whose name holds this")
    chosen = parser.parse_args(arguments)
    whole = Tally()
    by_story: dict[str, tuple[int, Tally]] = {}
    with ProcessPoolExecutor(SHARES, mp_context=get_context("spawn")) as pool:
        for lines in pool.map(share, range(SHARES), [chosen.only] * SHARES, [chosen.seeds] * SHARES):
            for name, sites, tally in lines:
                by_story.setdefault(name, (sites, Tally()))[1].add(tally)
                whole.add(tally)
    print(_row("notification", "calls", "cases", "runs", "faults", "due", "lost", "repeated", "strange"))
    for name in (*(story.name for story in STORIES), "several, at random"):
        if name in by_story:
            print(_line(name, *by_story[name]))
    print(_line("together", "", whole))
    for problem in (*whole.lost, *whole.strange):
        print(problem)
    return bool(whole.lost or whole.strange)


def _line(name: str, sites: object, tally: Tally) -> str:
    counts = (tally.cases, tally.runs, tally.faults, tally.due, len(tally.lost), tally.repeated, len(tally.strange))
    return _row(name, sites, *counts)


def _row(name: object, *values: object) -> str:
    return f"{name:<28}" + "".join(f"{value:>9}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
