"""Events and their effects: ticks, test alerts and clear errors; who is subscribed is read once a day, and nobody is a failure."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.aws.store import Item
from ses_reputation.core.checks.base import Context
from ses_reputation.core.decide import Gauge
from ses_reputation.core.findings import Findings
from ses_reputation.core.history import BUCKET, DAY, Instant, Point, iso
from ses_reputation.core.notification import Document
from ses_reputation.core.readings import Audience, Readings, Trouble, Unreadable
from ses_reputation.core.target import Target
from ses_reputation.monitor import AHEAD, BadEvent, Monitor, RunFailed, tick_of
from ses_reputation.run import Channel, Edges
from ses_reputation.settings import Settings, parse

MIDNIGHT = 1_738_368_000  # 2025-02-01T00:00:00Z
IRELAND, OHIO = Target("123456789012", "eu-west-1"), Target("123456789012", "us-east-2")
ALL = Audience(expected=2, missing=0, listeners=2)
SETTINGS = '[alerts]\nemails = ["oncall@mail.test", "boss@mail.test"]\n'
SLACK = SETTINGS + '[slack]\nwebhook_parameter = "/slack"\n'
TOPIC = "arn:aws:sns:eu-west-1:123456789012:SesReputation"


class World:
    """A healthy sender and its recipients."""

    def __init__(self, audience: Audience | Unreadable = ALL, settings: str = SETTINGS) -> None:
        self.audience = audience
        self.settings: Settings = parse(settings)
        self.asked = 0
        self.items: dict[str, Item] = {}
        self.sent: list[Document] = []
        self.refused = ""
        self.channels = [Channel("people", 12, self.send)]

    def monitor(self, *targets: Target) -> Monitor:
        edges = Edges(self.read, self.put_gauges, self, self.channels)
        return Monitor(self.settings, targets if targets else (IRELAND,), edges, Context(), self.who)

    def run(self, now: Instant, *targets: Target) -> dict[str, Any]:
        return self.monitor(*targets).run(now, lambda: 240_000)

    def who(self) -> Audience | Unreadable:
        self.asked += 1
        return self.audience

    def read(self, target: Target, now: Instant) -> Readings:
        return Readings(tuple(Point(at, 400, 4) for at in range(now - 14 * DAY, now, BUCKET)))

    def put_gauges(self, target: Target, gauges: Sequence[Gauge]) -> None:
        """Receive them."""

    def load(self, target_id: str) -> Item | None:
        return self.items.get(target_id)

    def save(self, target_id: str, new: Item) -> None:
        self.items[target_id] = new

    def send(self, documents: Sequence[Document]) -> None:
        if self.refused:
            raise ClientError({"Error": {"Code": self.refused, "Message": "to oncall@mail.test"}}, "Publish")
        self.sent += documents

    def open_chat(self) -> None:
        self.channels.append(Channel("chat", 1, self.sent.extend))


def checks(world: World) -> list[tuple[str, str]]:
    return [(document["check"], document["reason"]) for document in world.sent]


def test_subscriptions_are_read_once_a_day_for_one_target() -> None:
    world = World()
    for tick in range(MIDNIGHT, MIDNIGHT + 2 * DAY, BUCKET):
        if tick % DAY in (0, BUCKET, DAY // 2, DAY - BUCKET):
            world.run(tick, IRELAND, OHIO)
    assert world.asked == 2 and world.sent == []


def test_a_missing_subscriber_is_an_alert_until_subscribed_again() -> None:
    world = World(replace(ALL, missing=1, listeners=1))
    assert world.run(MIDNIGHT) == {IRELAND.id: "WARNING"}
    assert checks(world) == [("subscribers", "opened")]
    assert "1 of 2 email addresses" in world.sent[0]["summary"][0] and "mail.test" not in json.dumps(world.sent)
    world.run(MIDNIGHT + BUCKET)  # subscriptions are not read: nothing is known, nothing resolves
    assert len(world.sent) == 1
    world.audience = ALL
    world.run(MIDNIGHT + DAY)
    assert checks(world) == [("subscribers", "opened"), ("subscribers", "resolved")]


def test_without_any_recipient_the_run_fails() -> None:
    world = World(Audience(expected=2, missing=2, listeners=0))
    with pytest.raises(RunFailed, match="nobody is subscribed to the alerts: deploy again"):
        world.run(MIDNIGHT)


NOBODY = Audience(expected=2, missing=2, listeners=0)
PAGERDUTY = '[alerts]\nemails = []\n[pagerduty]\nrouting_key_parameter = "/pagerduty"\n'
ROUTE = SETTINGS + '[[routes]]\nseverity = "critical"\nwebhook_parameter = "/slack"\n'


@pytest.mark.parametrize("settings", [SLACK, PAGERDUTY, ROUTE], ids=["Slack", "PagerDuty", "Slack by a route"])
def test_a_forwarder_counts_as_a_recipient(settings: str) -> None:
    world = World(NOBODY, settings)
    world.run(MIDNIGHT)
    assert world.monitor().handle({"test_alert": True}, lambda: 240_000)["forwards"] is True


def test_the_chat_counts_as_a_recipient() -> None:
    chatting = World(NOBODY)
    chatting.open_chat()
    chatting.run(MIDNIGHT)
    assert checks(chatting) == [("subscribers", "opened")] * 2
    assert chatting.monitor().handle({"test_alert": True}, lambda: 240_000)["forwards"] is False


def test_a_bus_does_not_count_as_a_recipient() -> None:
    world = World(Audience(expected=2, missing=2, listeners=0), SETTINGS + '[events]\nbus = "default"\n')
    world.channels.append(Channel("events", 1, lambda documents: None))
    with pytest.raises(RunFailed, match="nobody is subscribed"):
        world.run(MIDNIGHT)


def test_an_immediate_run_reads_findings_and_leaves_the_next_tick_unchanged() -> None:
    world = World()
    asked: list[str] = []

    def findings(region: str) -> Findings:
        asked.append(region)
        return Findings((), ())

    monitor = replace(world.monitor(), findings=findings)
    tick = MIDNIGHT + 7 * BUCKET + 413  # a schedule starts at any second
    for now, at_once in ((tick, False), (tick + 60, True), (tick + BUCKET, False)):
        event = {"now": iso(now), **({"at_once": True} if at_once else {})}
        assert monitor.handle(event, lambda: 240_000) == {IRELAND.id: "OK"}
    assert asked == ["eu-west-1"] and world.sent == []
    assert json.loads(world.items[IRELAND.id].text)["tick"] == tick + BUCKET


def test_simultaneous_events_are_one_tick_and_one_failure() -> None:
    world = World()
    monitor = world.monitor()
    denied = Readings(Unreadable(Trouble.THROTTLED, "GetSendStatistics: Throttling"))
    monitor.handle({"now": iso(MIDNIGHT)}, lambda: 240_000)
    burst = replace(monitor, edges=replace(monitor.edges, read=lambda target, now: denied))
    for second in range(60, 70):
        burst.handle({"now": iso(MIDNIGHT + second), "at_once": True}, lambda: 240_000)
    assert json.loads(world.items[IRELAND.id].text)["tick"] == MIDNIGHT + 60
    assert json.loads(world.items[IRELAND.id].text)["failures"]["statistics"] == 1
    monitor.handle({"now": iso(MIDNIGHT + BUCKET)}, lambda: 240_000)
    assert world.sent == []


def test_an_event_older_than_the_last_tick_changes_nothing() -> None:
    world = World()
    monitor = world.monitor()
    monitor.handle({"now": iso(MIDNIGHT + BUCKET)}, lambda: 240_000)
    before = dict(world.items)
    assert monitor.handle({"now": iso(MIDNIGHT + 60), "at_once": True}, lambda: 240_000) == {IRELAND.id: "OK"}
    assert world.items == before and world.sent == []


def test_unreadable_subscriptions_fail_the_run_and_resolve_no_alert() -> None:
    world = World(replace(ALL, missing=1, listeners=1))
    world.run(MIDNIGHT)
    world.audience = Unreadable(Trouble.DENIED, "ListSubscriptionsByTopic: AuthorizationError")
    with pytest.raises(RunFailed, match=r"the subscriptions could not be listed \(ListSubscriptionsByTopic: Auth"):
        world.run(MIDNIGHT + DAY)
    assert checks(world) == [("subscribers", "opened"), ("subscribers", "reminder")]


def test_a_test_alert_goes_to_every_channel_and_names_its_recipients() -> None:
    world = World(replace(ALL, missing=1, listeners=1))
    world.open_chat()
    answer = world.monitor().handle({"test_alert": True}, lambda: 240_000)
    assert (answer["sent"], answer["expected"], answer["missing"], answer["listeners"]) == (["people", "chat"], 2, 1, 1)
    assert answer["alert"].startswith("test-") and checks(world) == [("test", "opened")] * 2
    assert world.items == {} and "mail.test" not in json.dumps(answer)


def test_a_test_alert_of_another_account_needs_accounts_in_the_settings() -> None:
    world = World()
    with pytest.raises(BadEvent):
        world.monitor().handle({"test_alert": True, "account": "111111111111"}, lambda: 240_000)


def test_a_test_alert_says_unknown_if_the_subscriptions_cannot_be_listed() -> None:
    world = World(Unreadable(Trouble.DENIED, "ListSubscriptionsByTopic: AuthorizationError"))
    answer = world.monitor().send_test_alert(MIDNIGHT)
    assert (answer["expected"], answer["missing"], answer["listeners"]) == (None, None, None)


def test_a_failed_test_alert_names_the_channel_and_reaches_the_others() -> None:
    world = World()
    world.refused = "AuthorizationError"
    world.open_chat()
    with pytest.raises(RunFailed) as raised:
        world.monitor().send_test_alert(MIDNIGHT)
    assert str(raised.value) == "the test alert could not be sent to people (AuthorizationError)"
    assert checks(world) == [("test", "opened")]


# -- what an event asks for

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["now", "test_alert", "x"]), inner),
    max_leaves=6,
)


@given(event=JSON)
def test_any_json_is_a_tick_or_refused(event: Any) -> None:
    try:
        tick = tick_of(event)
    except BadEvent:
        return
    assert 0 <= tick <= time.time() + AHEAD


@given(moment=st.datetimes(timezones=st.sampled_from([UTC, datetime.now().astimezone().tzinfo])))
def test_any_time_is_a_tick_or_refused(moment: datetime) -> None:
    try:
        assert 0 <= tick_of({"now": moment.isoformat()}) <= time.time() + AHEAD
    except BadEvent:
        pass


@pytest.mark.parametrize(
    "now",
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "1969-12-31T23:59:59Z",
        "2025-02-04T10:30:00",
        "<aws.scheduler.scheduled-time>",
    ],
)
def test_a_time_that_no_schedule_gives_is_refused(now: str) -> None:
    with pytest.raises(BadEvent, match=r"nothing was done$"):
        tick_of({"now": now})


def test_a_leap_second_is_no_crash_and_an_offset_is_read() -> None:
    assert tick_of({"now": "2024-02-29T01:00:00+01:00"}) == tick_of({"now": "2024-02-29T00:00:00Z"})
    with pytest.raises(BadEvent):
        tick_of({"now": "2016-12-31T23:59:60Z"})
