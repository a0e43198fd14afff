"""Runs with random faults: every stored decision reaches every channel, and readers end up with the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ses_reputation.core.history import BUCKET, Point
from ses_reputation.core.notification import Document
from ses_reputation.core.readings import Account

from tests.test_run import IRELAND, START, World

WAYS = ("load", "save", "put_gauges", "people", "chat")
SICK, WELL = 3, 3
"""Ticks in a row with faults, then as many without: AWS's status is known only while it can be stored."""

TICKS = 24
ENFORCED = ("HEALTHY",) * 6 + ("PROBATION",) * 6 + ("SHUTDOWN",) * 6 + ("HEALTHY",) * 6


def points(until: int) -> tuple[Point, ...]:
    """Two days of 400 emails every quarter of an hour, 4 of them bouncing, and 60 from `START` on."""
    return tuple(Point(at, 400, 60 if at >= START else 4) for at in range(START - 2 * 86_400, until, BUCKET))


def believed(batches: Sequence[Sequence[Document]]) -> dict[str, str]:
    """Open alerts as somebody sees them who reads every message and ignores repeats."""
    once = {(a["alert"], a["number"]): a for batch in reversed(batches) for a in reversed(batch)}
    open_now: dict[str, str] = {}
    for notification in sorted(once.values(), key=lambda a: (a["at"], a["number"])):
        open_now[notification["check"]] = notification["severity"]
        if notification["kind"] == "resolved":
            del open_now[notification["check"]]
    return open_now


def documents(world: World) -> list[Document]:
    return [delivery.document for delivery in world.state().outbox]


def live(world: World, faults: Sequence[frozenset[str]]) -> set[tuple[str, int]]:
    """Play six hours; return everything that was ever stored to be sent."""
    waited = set()
    for number, word in enumerate(ENFORCED):
        now = START + number * BUCKET
        sick = number // SICK % 2 and number < TICKS - WELL
        world.faults = set(faults[number]) if sick else set()
        world.statistics[IRELAND.id] = points(now)
        world.accounts[IRELAND.id] = Account(word, True, True, 50_000, 0)
        for _ in range(3 if sick else 1):  # Lambda tries a failed run again
            world.run(now)
            if IRELAND.id in world.items:
                waited |= {(a["alert"], a["number"]) for a in documents(world)}
    return waited


@pytest.mark.parametrize("warm", [True, False], ids=["in one process", "in a new process for every run"])
@settings(max_examples=10)
@given(faults=st.lists(st.frozensets(st.sampled_from(WAYS), max_size=3), min_size=TICKS, max_size=TICKS))
def test_random_faults_lose_nothing_and_the_messages_show_the_truth(warm: bool, faults: list[frozenset[str]]) -> None:
    world = World()
    world.warm = warm
    world.open_chat()
    waited = live(world, faults)
    for sent in (world.sent, world.chatted):
        copies = Counter((a["alert"], a["number"]) for batch in sent for a in batch)
        assert waited <= set(copies)
        assert believed(sent) == {"bounce": "critical"}
        if warm:
            assert set(copies.values()) == {1}
    assert world.state().outbox == ()
