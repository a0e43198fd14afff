"""A shard that is killed in the middle of a run: nothing is lost, and only what it could not note is sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest
from botocore.exceptions import ClientError
from ses_reputation.aws.store import Item
from ses_reputation.core.fleet import Shard
from ses_reputation.core.history import BUCKET, HOUR, Instant, Point
from ses_reputation.core.notification import Document
from ses_reputation.core.readings import Readings
from ses_reputation.core.target import Target
from ses_reputation.monitor import RunFailed

from tests.fleet_world import BASE, NOON, World

SHARDS = 4
SETTINGS = f"{BASE}[targets]\nmetrics_up_to = 0\n"


class Mortal(World):
    """A world that a shard's process can change only while it is alive."""

    def __init__(self, accounts: int, regions: Sequence[str]) -> None:
        listed = "".join(f'[[accounts]]\nid = "{number:012d}"\n' for number in range(1, accounts + 1))
        super().__init__(SETTINGS + listed, regions)
        self.targets = [f"{number:012d}/{region}" for number in range(1, accounts + 1) for region in regions]
        self.left: int | None = None  # effects until the process dies

    def lives(self) -> None:
        """Count an effect on the world. A dead process has none, even if its threads go on."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise ClientError({"Error": {"Code": "Killed"}}, "any")

    def read(self, target: Target, now: Instant) -> Readings:
        """Two good hours, then bad ones: quick to evaluate."""
        return Readings(tuple(Point(at, 400, 60 if at >= NOON else 4) for at in range(NOON - 2 * HOUR, now, BUCKET)))

    def save(self, key: str, new: Item) -> None:
        self.lives()
        super().save(key, new)

    def send(self, documents: Sequence[Document]) -> None:
        self.lives()
        super().send(documents)

    def shard(self, number: int, now: Instant, *, effects: int | None = None) -> None:
        """Run one shard, which dies after this many effects."""
        self.left = effects
        try:
            self.run(now, Shard(number, SHARDS))
        except RunFailed:
            assert effects is not None
        self.left = None


def opened(world: Mortal) -> Counter[str]:
    """Number of opened notifications of each target."""
    documents = (document for batch in world.sent for document in batch if document["check"] == "bounce")
    return Counter(f"{d['account']}/{d['region']}" for d in documents if d["reason"] == "opened")


@cache
def effects_of_a_whole_run(accounts: int, regions: Sequence[str]) -> int:
    world = Mortal(accounts, regions)
    world.shard(0, NOON + HOUR)
    world.left = 1_000_000
    world.run(NOON + HOUR, Shard(2, SHARDS))
    return 1_000_000 - world.left


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0])
def test_the_next_run_completes_a_dead_shard(share: float) -> None:
    regions = ("eu-west-1", "us-east-1")
    effects = int(share * effects_of_a_whole_run(24, regions))
    play(Mortal(24, regions), effects)


def test_a_killed_shard_among_a_thousand_targets_loses_nothing() -> None:
    world = Mortal(250, ("eu-west-1", "eu-west-2", "us-east-1", "us-east-2"))
    play(world, effects=300)
    assert len(opened(world)) == 1_000


def play(world: Mortal, effects: int) -> None:
    """Two ticks of all shards; the third shard dies in the first of them."""
    killed = {target for target in world.targets if Shard(2, SHARDS).has(target.split("/")[0])}
    for number in range(SHARDS):
        world.shard(number, NOON + HOUR, effects=effects if number == 2 else None)
    noted_or_not = opened(world)
    for number in range(SHARDS):
        world.shard(number, NOON + HOUR + BUCKET)
    assert opened(world).keys() == set(world.targets)
    twice = {target for target, times in opened(world).items() if times > 1}
    assert twice <= killed & noted_or_not.keys()
    assert max(opened(world).values()) <= 2
