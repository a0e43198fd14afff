"""Every kind of notification in every scene that is more than one fault: other answers, other order, other environments.

`make reliability` prints the table; docs/reliability.md explains it; the end-to-end tests run a part of the same cases. Every case begins in
fresh processes. It fails if anything is lost, has two names, or comes more than twice.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from local_aws.runtime import DeployedFunction
from local_aws.server import LocalAws

from .reliability import (
    DAY,
    HOUR,
    NOW,
    QUARTER,
    SHARES,
    STORIES,
    Played,
    Stage,
    Tally,
    believed,
    compared,
    play,
    stage,
)

SLOW = 2.0
"""Seconds that one call of the first of two environments takes, while the second does all of its work."""

AFTERWARDS = 2
"""Ticks without any fault that a story has in every scene, beyond those by which it must be sent."""

LONG_AGO = NOW - 7 * DAY
"""A tick before all that a story has."""

Scene = Callable[[Stage, Played], None]
"""Plays the tick of the notification in a story, and whatever else belongs to the scene."""

Points = list[dict[str, Any]]


def _answered(change: Callable[[Points], Points]) -> Scene:
    """A scene in which the answer at the tick of the notification cannot be true beside the one before."""

    def scene(there: Stage, played: Played) -> None:
        story = played.story
        there.show(story.world, NOW)
        there.local.ses().points = change(story.world.points(NOW))
        there.run(NOW)

    return scene


def _without_the_newest_day(points: Points) -> Points:
    return points[: -DAY // QUARTER]


def _halved(points: Points) -> Points:
    return [point | {"DeliveryAttempts": point["DeliveryAttempts"] // 2} for point in points]


def _two_environments(service: str, operation: str) -> Scene:
    """A scene in which the same event comes twice, to two processes, of which the first is slow at one call."""

    def scene(there: Stage, played: Played) -> None:
        other = DeployedFunction(there.local, there.outputs["FunctionName"])
        try:
            there.show(played.story.world, NOW)
            for function in (there.function, other):
                function.invoke(there.schedule.event(LONG_AGO))  # starts the process, and changes nothing
            there.local.faults.plant(
                service, operation, times=1, strike=lambda: time.sleep(SLOW), status=400, code="ThrottlingException"
            )
            event = there.schedule.event(NOW)
            first = threading.Thread(target=there.function.invoke, args=(event,))
            first.start()
            time.sleep(SLOW / 4)
            other.invoke(event)
            first.join()
        finally:
            other.close()

    return scene


def _newer_tick_first(there: Stage, played: Played) -> None:
    there.tick(played.story.world, NOW + QUARTER)
    there.tick(played.story.world, NOW)


def _three_hours_late(there: Stage, played: Played) -> None:
    """Each event comes when AWS already knows of the three hours after it."""
    for now in range(NOW, NOW + (played.story.late + AFTERWARDS) * QUARTER + 1, QUARTER):
        for known in (now, now + 3 * HOUR):
            there.show(played.story.world, known)
        there.run(now)


def _refused_writes(code: str, *, ticks: int, times: int) -> Scene:
    """A scene in which so many writes of the state fail at each of so many ticks."""

    def scene(there: Stage, played: Played) -> None:
        for tick in range(ticks):
            there.show(played.story.world, NOW + tick * QUARTER)
            there.local.faults.plant("dynamodb", "PutItem", status=400, code=code, times=times)
            there.run(NOW + tick * QUARTER)

    return scene


SCENES: dict[str, Scene] = {
    "empty answer": _answered(lambda _: []),
    "answer without the newest day": _answered(_without_the_newest_day),
    "answer with half of the emails": _answered(_halved),
    "two at once, slow to read": _two_environments("ses", "GetSendStatistics"),
    "two at once, slow to store": _two_environments("dynamodb", "PutItem"),
    "two at once, slow to send": _two_environments("sns", "Publish"),
    "newer tick first": _newer_tick_first,
    "three hours late": _three_hours_late,
    "two conditional failures": _refused_writes("ConditionalCheckFailedException", ticks=1, times=2),
    "conditional failures all through": _refused_writes("ConditionalCheckFailedException", ticks=1, times=1_000),
    "no write at three ticks": _refused_writes("AccessDeniedException", ticks=3, times=1_000),
}


def case(there: Stage, played: Played, name: str) -> Tally:
    """One scene of one story, and then some ticks without any fault, each process a fresh one at the start."""
    there.reset(played.state)
    there.function.stop()
    runs = there.runs
    SCENES[name](there, played)
    for late in range(1, played.story.late + AFTERWARDS + 1):
        there.tick(played.story.world, NOW + late * QUARTER)
    received, where = there.received(), f"{played.story.name}, {name}"
    tally = compared(where, played.due, received, Tally(cases=1, runs=there.runs - runs))
    if "answer" in name:  # unreadable, silence or a reminder may be sent too: only what a reader believes counts
        tally.strange = [text for text in tally.strange if text.endswith((" under two names", " times"))]
        for channel, got in received.items():
            if believed(got) != believed(played.due[channel]):
                tally.lost.append(f"{where}: {channel} believes {believed(got)}")
    return tally


def share(number: int, only: str) -> list[tuple[str, Tally]]:
    """One share of the stories in every scene."""
    tallies = []
    with LocalAws() as local, stage(local) as there:
        for story in STORIES[number::SHARES]:
            played = play(there, story)
            tallies += [(name, case(there, played, name)) for name in SCENES if only in name]
    return tallies


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scenes", description=__doc__)
    parser.add_argument("--only", default="", help="scenes whose name holds this")
    chosen = parser.parse_args(arguments)
    found = {name: Tally() for name in SCENES if chosen.only in name}
    with ProcessPoolExecutor(SHARES, mp_context=get_context("spawn")) as pool:
        for tallies in pool.map(share, range(SHARES), [chosen.only] * SHARES):
            for name, tally in tallies:
                found[name].add(tally)
    whole = Tally()
    print(f"{'scene':<34}" + "".join(f"{word:>9}" for word in ("cases", "runs", "due", "lost", "repeated", "strange")))
    for name, tally in found.items():
        whole.add(tally)
        print(_line(name, tally))
    print(_line("together", whole))
    for problem in (*whole.lost, *whole.strange):
        print(problem)
    return bool(whole.lost or whole.strange)


def _line(name: str, tally: Tally) -> str:
    counts = (tally.cases, tally.runs, tally.due, len(tally.lost), tally.repeated, len(tally.strange))
    return f"{name:<34}" + "".join(f"{count:>9}" for count in counts)


if __name__ == "__main__":
    sys.exit(main())
