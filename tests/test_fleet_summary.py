"""Very many notifications at once are one summary for people; programs get each."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ses_reputation.aws.store import Item
from ses_reputation.core import state as stored
from ses_reputation.core.checks.base import Context
from ses_reputation.core.fleet import Shard
from ses_reputation.core.history import BUCKET
from ses_reputation.core.notification import LONGEST_TEXT, Document, drill_notification, summary_of
from ses_reputation.core.rules import default_policy
from ses_reputation.core.target import Target
from ses_reputation.monitor import RunFailed
from ses_reputation.run import Channel

from tests.fleet_world import NOON, SHOP, UNITS, World

BAD_REQUEST: Any = {"HTTPStatusCode": 400}


def many(world: World, accounts: int, refused: Callable[[Sequence[Document]], None] | None = None) -> World:
    """A world in which every account has a bad list, with a summary for people and everything for programs."""
    listed = "".join(f'[[accounts]]\nid = "{number:012}"\n' for number in range(1, accounts + 1))
    world.text = UNITS.replace('[organization]\nunits = ["r-ab12"]\n', listed)
    summarise = refused or (lambda documents: world.summaries.append(list(documents)))
    world.channels = [Channel("people", 12, world.send, summarise=summarise), Channel("programs", 12, world.send)]
    world.run(NOON)
    world.bad = {f"{number:012}/eu-west-1" for number in range(1, accounts + 1)}
    world.run(NOON + 4 * BUCKET)
    return world


def test_up_to_ten_notifications_are_listed_in_one_message() -> None:
    world = many(World(), 10)
    assert [len(batch) for batch in world.sent] == [10, 10] and world.summaries == []


def test_more_than_ten_are_a_summary_for_people() -> None:
    world = many(World(), 14)
    assert [len(batch) for batch in world.sent] == [12, 2]
    assert [len(batch) for batch in world.summaries] == [14]
    assert all(stored.from_text(item.text).outbox == () for key, item in world.items.items() if key[0] == "0")
    world.sent.clear()
    world.run(NOON + 5 * BUCKET)
    assert world.sent == [] and len(world.summaries) == 1


def summarised(accounts: int, name: str = "") -> Document:
    document = drill_notification(Target(SHOP, "eu-west-1", ""), NOON, default_policy(), Context())
    each = [
        document | {"account": f"{n:012}", "account_name": f"{name}{n}" if name else "", "title": "T"}
        for n in range(accounts)
    ]
    return summary_of(each, "eu-west-1")


@pytest.mark.parametrize("name", ["", "team-of-the-shop-"])
@pytest.mark.parametrize("accounts", [14, 1_000, 2_000])
def test_a_summary_names_every_account_within_the_limits_of_sns(accounts: int, name: str) -> None:
    made = summarised(accounts, name)
    text = " ".join(made["summary"])
    assert all(f"{n:012}" in text for n in range(accounts))
    assert max(map(len, made["summary"])) <= LONGEST_TEXT and len(json.dumps(made)) < 60_000


def test_the_summaries_of_two_shards_have_different_ids() -> None:
    world = World()
    listed = "".join(f'[[accounts]]\nid = "{number:012}"\n' for number in range(1, 41))
    world.text = UNITS.replace('[organization]\nunits = ["r-ab12"]\n', listed)
    world.channels = [Channel("people", 12, world.send, summarise=lambda each: world.summaries.append(list(each)))]
    world.no_role = {f"{number:012}" for number in range(1, 41)}
    world.items = {f"{account}/eu-west-1": Item(1, stored.SCHEMA, "") for account in world.no_role}
    with contextlib.suppress(RunFailed):
        world.run(NOON, Shard(0, 2))
    with contextlib.suppress(RunFailed):
        world.run(NOON, Shard(1, 2))
    first, second = (summary_of(each, "eu-west-1") for each in world.summaries)
    assert first["id"] != second["id"] and first["at"] == second["at"]


def test_a_refused_summary_is_sent_one_by_one() -> None:
    def refused(documents: Sequence[Document]) -> None:
        raise ClientError({"Error": {"Code": "InvalidParameter"}, "ResponseMetadata": BAD_REQUEST}, "Publish")

    world = many(World(), 11, refused)
    assert [len(batch) for batch in world.sent] == [1] * 11 + [11]
