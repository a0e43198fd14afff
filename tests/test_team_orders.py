"""Orders of the team in a run: a problem with them never delays an alert."""

from __future__ import annotations

from datetime import UTC

import pytest
from botocore.exceptions import ClientError
from ses_reputation.aws.store import Item
from ses_reputation.core.checks.base import Context
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant, Point
from ses_reputation.core.orders import SCHEMA, Ack, Mute, Orders, Window, to_text
from ses_reputation.core.readings import Readings
from ses_reputation.core.target import Target
from ses_reputation.monitor import Monitor, RunFailed
from ses_reputation.run import Channel, Edges
from ses_reputation.team_orders import KEY, TeamOrders, load

from tests.test_monitor import IRELAND, OHIO, World

NOW = 1_738_800_000  # Thursday 2025-02-06T00:00Z
MUTE = Mute(NOW - HOUR, NOW + HOUR, "bounce", reason="list clean-up")
ACK = Ack(IRELAND.id, "bounce-20250206T0000Z", NOW)
WINDOW = Window(3, 0, 60, "complaint", reason="newsletter")


class Table(World):
    """A world with a bad sender and a table that may refuse calls."""

    broken = False

    def load(self, target_id: str) -> Item | None:
        if self.broken and target_id == KEY:
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "GetItem")
        return super().load(target_id)

    def read(self, target: Target, now: Instant) -> Readings:
        points = (Point(at, 400, 3 if at < now - 2 * HOUR else 18) for at in range(now - 14 * DAY, now, BUCKET))
        return Readings(tuple(points))

    def monitor(self, *targets: Target) -> Monitor:
        edges = Edges(self.read, self.put_gauges, self, [Channel("people", 12, self.send)])
        return Monitor(
            self.settings,
            targets or (IRELAND,),
            edges,
            Context(),
            self.who,
            team_orders=lambda now: load(self, (), UTC, now),
        )


def stored(text: str, schema: int = SCHEMA) -> Table:
    table = Table()
    table.items[KEY] = Item(1, schema, text)
    return table


def test_stored_orders_and_open_windows_come_together() -> None:
    orders, failures, ignored = load(stored(to_text(Orders((MUTE,), (ACK,)))), (WINDOW,), UTC, NOW)
    assert [mute.check for mute in orders.mutes] == ["bounce", "complaint"] and orders.acks == (ACK,)
    assert failures == ignored == ()
    assert load(Table(), (WINDOW,), UTC, NOW + HOUR) == TeamOrders()


def test_a_mute_applies_to_every_target_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    table = stored(to_text(Orders((MUTE,))))
    assert table.run(NOW, IRELAND, OHIO) == {IRELAND.id: "WARNING", OHIO.id: "WARNING"}
    assert table.sent == []
    assert {getattr(record, "muted", "") for record in caplog.records} == {
        "bounce alerts, unless critical, until 2025-02-06 01:00 UTC: list clean-up"
    }
    table.run(NOW + HOUR, IRELAND, OHIO)
    assert [(d["region"], d["reason"]) for d in table.sent] == [("eu-west-1", "opened"), ("us-east-2", "opened")]


def test_unreadable_orders_mute_nothing_and_fail_the_run() -> None:
    table = stored(to_text(Orders((MUTE,))))
    table.broken = True
    with pytest.raises(RunFailed, match=r"so nothing is muted \(InternalServerError\)"):
        table.run(NOW)
    assert [document["check"] for document in table.sent] == ["bounce"]
    assert not load(table, (), UTC, NOW).orders.known


@pytest.mark.parametrize(
    ("text", "schema", "says"),
    [
        ("{", SCHEMA, "cannot be read"),
        (to_text(Orders((Mute(NOW, NOW + 31 * DAY),))), SCHEMA, "lasts longer than 30 days"),
        (to_text(Orders((Mute(NOW * 2, NOW * 2 + DAY),))), SCHEMA, "start in the future"),
        (to_text(Orders((MUTE,))), SCHEMA + 1, "of a newer version"),
    ],
    ids=["no JSON", "a year", "the future", "newer"],
)
def test_invalid_orders_are_ignored_and_fail_the_run(
    text: str, schema: int, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    table = stored(text, schema)
    with pytest.raises(RunFailed, match=says):
        table.run(NOW)
    assert [document["check"] for document in table.sent] == ["bounce"]
    assert not load(table, (), UTC, NOW).orders.known
    [ignored] = [record.detail for record in caplog.records if hasattr(record, "detail")]
    assert says in ignored[0]
