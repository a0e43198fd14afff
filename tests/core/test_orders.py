"""Mutes and acknowledgements: which notifications they suppress, and which stored texts are valid."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ses_reputation.core.decide import decide
from ses_reputation.core.fleet import Installation
from ses_reputation.core.history import BUCKET, DAY, HOUR, Point
from ses_reputation.core.notification import Document
from ses_reputation.core.orders import LONGEST_MUTE, Ack, Mute, Orders, Window, clean, from_text, to_text
from ses_reputation.core.readings import Account, Readings
from ses_reputation.core.rules import default_policy
from ses_reputation.core.state import State
from ses_reputation.core.target import Target

START = 1_738_368_000  # Saturday 2025-02-01T00:00Z
TARGET = Target("123456789012", "eu-west-1")
POLICY = default_policy()
CHECKS = ("bounce", "complaint")
WEEK = 7 * DAY


def at(days: float) -> int:
    return START + round(days * DAY / BUCKET) * BUCKET


MUTE = Mute(at(14), at(16), "bounce", "eu-west-1", "list clean-up")


def play(
    orders: Orders, *ticks: int, bad: tuple[float, float] = (14.5, 99), share: int = 16, known: State | None = None
) -> tuple[list[Document], State]:
    """Everything sent at the ticks about a sender whose email bounces `share` of 400 times while it is `bad`."""
    documents: list[Document] = []
    state = known
    for now in ticks:
        points = tuple(
            Point(t, 400, share if at(bad[0]) <= t < at(bad[1]) else 3) for t in range(now - 14 * DAY, now, BUCKET)
        )
        plan = decide(TARGET, Readings(points, orders=orders), state, POLICY, now)
        documents += plan.documents
        state = replace(plan.state, outbox=())
    assert state is not None
    return documents, state


def every(start: float, end: float, step: int = HOUR) -> range:
    return range(at(start), at(end), step)


def sent(documents: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(document["reason"], document["severity"]) for document in documents]


def test_without_an_order_alerts_are_sent() -> None:
    documents, _ = play(Orders(), *every(14.4, 15.9))
    assert sent(documents)[0] == ("opened", "warning")


@pytest.mark.parametrize(
    "mute",
    [
        MUTE,
        replace(MUTE, check=""),
        replace(MUTE, region=""),
        replace(MUTE, check="", region=""),
        replace(MUTE, account=TARGET.account),
    ],
    ids=["check and region", "every check", "every region", "all", "the account"],
)
def test_a_muted_alert_is_sent_once_when_the_mute_ends(mute: Mute) -> None:
    documents, state = play(Orders((mute,)), *every(14.4, 15.75))
    assert documents == [] and "bounce" in state.tracks
    after, _ = play(Orders((mute,)), *every(15.75, 16.3), known=state)
    assert sent(after) == [("opened", "warning")]
    [document] = after
    assert document["at"] == "2025-02-17T00:00:00+00:00" and document["opened_at"] < document["at"]


@pytest.mark.parametrize(
    "other",
    [
        replace(MUTE, check="complaint"),
        replace(MUTE, region="us-east-1"),
        replace(MUTE, account="111111111111"),
        replace(MUTE, start=at(16), until=at(17)),
    ],
    ids=["another check", "another region", "another account", "later"],
)
def test_a_mute_of_something_else_has_no_effect(other: Mute) -> None:
    assert sent(play(Orders((other,)), *every(14.4, 15.9))[0])[0] == ("opened", "warning")


@pytest.mark.parametrize(
    ("mute", "muted"),
    [
        (replace(MUTE, check="", region=""), True),
        (replace(MUTE, check="", region="", account=TARGET.account), False),
        (replace(MUTE, check="", region=TARGET.region), False),
        (replace(MUTE, check="fleet", account=TARGET.account), True),
        (replace(MUTE, check="bounce"), False),
    ],
    ids=["everything", "the own account", "its region", "the check", "another check"],
)
def test_a_mute_of_an_account_leaves_the_alerts_about_the_fleet(mute: Mute, muted: bool) -> None:
    installation = Installation(TARGET.account, TARGET.region)
    assert (Orders((mute,)).mute_of("fleet", installation, at(15)) is not None) is muted


def test_a_muted_alert_that_ends_in_the_mute_is_never_sent() -> None:
    long = replace(MUTE, until=at(18))
    documents, state = play(Orders((long,)), *every(14.4, 18.5), bad=(14.5, 14.8))
    assert documents == [] and dict(state.tracks) == {}


def test_an_alert_sent_before_the_mute_resolves_in_it() -> None:
    before, state = play(Orders(), *every(14.4, 14.8), bad=(14.5, 14.8))
    assert sent(before) == [("opened", "warning")]
    mute = Mute(at(14.8), at(20))
    within, _ = play(Orders((mute,)), *every(14.8, 18), bad=(14.5, 14.8), known=state)
    assert sent(within) == [("resolved", "warning")]


def test_a_critical_alert_breaks_a_mute_of_warnings() -> None:
    worse = every(14.4, 15.9)
    loud, state = play(Orders((MUTE,)), *worse, share=90)
    assert sent(loud) == [("opened", "critical")]
    assert "reminder" not in {reason for reason, _ in sent(play(Orders((MUTE,)), *every(15.9, 16), known=state)[0])}
    silent, state = play(Orders((replace(MUTE, critical=True),)), *worse, share=90)
    assert silent == []
    assert sent(play(Orders((MUTE,)), *every(16, 16.3), share=90, known=state)[0]) == [("opened", "critical")]


def test_an_alert_that_was_sent_escalates_through_the_mute() -> None:
    first, state = play(Orders(), *every(14.4, 14.8))
    documents, _ = play(Orders((MUTE,)), *every(14.8, 15.9), bad=(14.8, 99), share=120, known=state)
    assert (sent(first), sent(documents)) == ([("opened", "warning")], [("escalated", "critical")])


def test_a_reminder_due_in_a_mute_is_sent_once_afterwards() -> None:
    _, state = play(Orders(), *every(14.4, 15))
    mute = Mute(at(15), at(18))
    within, state = play(Orders((mute,)), *every(15, 18), known=state)
    after, _ = play(Orders((mute,)), *every(18, 18.5), known=state)
    assert (sent(within), sent(after)) == ([], [("reminder", "warning")])


def test_a_mute_that_ends_in_an_outage_is_over_afterwards() -> None:
    _, state = play(Orders((MUTE,)), *every(14.4, 15.5))
    after, _ = play(Orders((MUTE,)), at(16.5), known=state)
    assert sent(after) == [("opened", "warning")]
    over, _ = play(Orders((MUTE,)), at(19), bad=(14.5, 15.5), known=state)
    assert over == []


def test_every_later_message_says_what_is_muted() -> None:
    [document, *_] = play(Orders((MUTE,)), *every(14.4, 15.9), share=90)[0]
    facts = {fact["name"]: fact["text"] for fact in document["facts"]}
    assert facts["Muted"] == ("bounce alerts in eu-west-1, unless critical, until 2025-02-17 00:00 UTC: list clean-up")


def test_the_verdict_and_the_metrics_know_no_mute() -> None:
    points = tuple(Point(t, 400, 16 if t >= at(14) else 3) for t in range(at(0.5), at(14.5), BUCKET))
    loud, silent = (
        decide(TARGET, Readings(points, orders=o), None, POLICY, at(14.5)) for o in (Orders(), Orders((MUTE,)))
    )
    assert loud.documents and not silent.documents
    assert (loud.verdict, loud.gauges, loud.state.tracks) == (silent.verdict, silent.gauges, silent.state.tracks)


def test_a_pause_by_aws_is_sent_through_a_mute() -> None:
    points = tuple(Point(t, 400, 3) for t in range(at(0.5), at(14.5), BUCKET))
    review, paused = (
        Account(word, sending=True, production=True, quota=1e6, used=0) for word in ("PROBATION", "SHUTDOWN")
    )
    state = decide(TARGET, Readings(points, review), None, POLICY, at(14.5)).state
    orders = Orders((Mute(at(14), at(16)),))
    plan = decide(TARGET, Readings(points, paused, orders=orders), state, POLICY, at(14.5) + BUCKET)
    assert sent(plan.documents) == [("changed", "critical")]


# -- acknowledgements


def test_an_acknowledged_alert_has_no_reminders_but_resolves() -> None:
    first, state = play(Orders(), *every(14.4, 15))
    ack = Orders(acks=(Ack(TARGET.id, first[0]["alert"], state.sent["bounce"].counted_from),))
    documents, _ = play(ack, *every(15, 25, 4 * HOUR), bad=(14.5, 22), known=state)
    assert sent(documents) == [("resolved", "warning")]


def test_reminders_return_after_an_escalation() -> None:
    first, state = play(Orders(), *every(14.4, 15))
    ack = Orders(acks=(Ack(TARGET.id, first[0]["alert"], state.sent["bounce"].counted_from),))
    documents, _ = play(ack, *every(15, 17.5), bad=(15, 99), share=120, known=state)
    assert sent(documents) == [("escalated", "critical"), ("reminder", "critical"), ("reminder", "critical")]


@pytest.mark.parametrize("later", [-BUCKET, 10, HOUR, WEEK * 52])
def test_an_acknowledgement_of_another_time_stops_no_reminder(later: int) -> None:
    first, state = play(Orders(), *every(14.4, 15))
    ack = Orders(acks=(Ack(TARGET.id, first[0]["alert"], state.sent["bounce"].counted_from + later),))
    documents, _ = play(ack, *every(15, 16.5), known=state)
    assert sent(documents) == [("reminder", "warning")]


@pytest.mark.parametrize("ack", [Ack("123456789012/us-east-1", "", 0), Ack(TARGET.id, "bounce-x", 0)])
def test_an_acknowledgement_of_another_alert_or_target_changes_nothing(ack: Ack) -> None:
    first, state = play(Orders(), *every(14.4, 15))
    ack = replace(ack, alert=ack.alert or first[0]["alert"], at=state.sent["bounce"].counted_from)
    documents, _ = play(Orders(acks=(ack,)), *every(15, 16.5), known=state)
    assert sent(documents) == [("reminder", "warning")]


# -- windows of the settings

BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


@pytest.mark.parametrize(
    ("now", "open_now"),
    [
        ("2025-02-04T07:59", False),
        ("2025-02-04T08:00", True),
        ("2025-02-04T11:59", True),
        ("2025-02-04T12:00", False),
        ("2025-02-05T09:00", False),
    ],
)
def test_a_window_is_open_on_its_day_until_its_end(now: str, open_now: bool) -> None:
    window = Window(1, 8 * 60, 12 * 60, "complaint", (), "newsletter")
    expected = [Mute(local("2025-02-04T08:00"), local("2025-02-04T12:00"), "complaint", "", "newsletter")]
    assert list(window.mutes_at(local(now), BERLIN)) == (expected if open_now else [])


def test_a_window_over_midnight_ends_on_the_day_after() -> None:
    window = Window(6, 22 * 60, 4 * 60, regions=("eu-west-1", "us-east-1"))
    found = list(window.mutes_at(local("2025-02-10T03:00"), BERLIN))
    assert [mute.region for mute in found] == ["eu-west-1", "us-east-1"]
    assert {(mute.start, mute.until) for mute in found} == {(local("2025-02-09T22:00"), local("2025-02-10T04:00"))}
    assert list(window.mutes_at(local("2025-02-10T23:00"), BERLIN)) == []


def test_a_window_follows_local_time_when_clocks_change() -> None:
    window = Window(6, 1 * 60, 6 * 60)
    [mute] = window.mutes_at(local("2025-03-30T05:30"), BERLIN)
    assert mute.until - mute.start == 4 * HOUR
    [mute] = window.mutes_at(local("2025-10-26T05:30"), BERLIN)
    assert mute.until - mute.start == 6 * HOUR


@example(start=23 * 60 + 45, length=30, weekday=1, now=DAY + (23 * 60 + 50) * 60)
@example(start=23 * 60 + 15, length=30, weekday=1, now=DAY + (23 * 60 + 20) * 60)
@given(start=st.integers(0, 1_439), length=st.integers(1, 720), weekday=st.integers(0, 6), now=st.integers(0, WEEK - 1))
def test_a_window_is_open_for_its_length_in_every_week(start: int, length: int, weekday: int, now: int) -> None:
    window, utc = Window(weekday, start, (start + length) % 1_440), ZoneInfo("UTC")
    monday = local("2025-02-03T00:00", utc)
    found = list(window.mutes_at(monday + now, utc))
    since = (now - weekday * DAY - start * 60) % WEEK
    assert bool(found) == (since < length * 60)
    assert all(mute.until - mute.start == length * 60 for mute in found)


# -- as JSON


def test_orders_come_back_equal() -> None:
    orders = Orders((MUTE, Mute(at(1), at(2), critical=True)), (Ack(TARGET.id, "bounce-20250215T1200Z", at(15)),))
    assert from_text(to_text(orders), CHECKS) == (orders, ())


def test_a_reason_is_one_line_without_addresses() -> None:
    assert clean("asked by jane.doe@example.com\r\nnow\x1b[2J") == "asked by …@example.com  now [2J"
    assert len(clean("x" * 10_000)) == 200


def hostile(**changes: Any) -> str:
    mute = json.loads(to_text(Orders((MUTE,))))["mutes"][0] | changes
    good = json.loads(to_text(Orders((replace(MUTE, reason="good"),))))["mutes"][0]
    return json.dumps({"mutes": [mute, good], "acks": []})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"until": MUTE.start + LONGEST_MUTE + 1}, "lasts longer than 30 days"),
        ({"until": MUTE.start}, "ends before it starts"),
        ({"until": None}, "until is not a time"),
        ({"until": 1e300}, "until is not a time"),
        ({"until": True}, "until is not a time"),
        ({"until": 10**20}, "until is not a time"),
        ({"start": -1}, "start is not a time"),
        ({"check": "everything"}, "an unknown check"),
        ({"check": ["bounce"]}, "check is not a text"),
        ({"reason": 5}, "reason is not a text"),
        ({"critical": "yes"}, "critical is neither true nor false"),
    ],
)
def test_an_invalid_mute_is_ignored_and_reported(changes: dict[str, Any], why: str) -> None:
    orders, ignored = from_text(hostile(**changes), CHECKS)
    assert [mute.reason for mute in orders.mutes] == ["good"]
    [sentence] = ignored
    assert sentence.startswith("stored mute 0 is ignored: ") and why in sentence


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "5", "{}", '{"mutes": 5, "acks": []}', '{"mutes": []}', "[" * 100_000, "9" * 10_000],
)
def test_an_invalid_text_holds_no_orders(text: str) -> None:
    orders, ignored = from_text(text, CHECKS)
    assert orders == Orders() and len(ignored) == 1


def test_a_reason_from_outside_is_cleaned_when_it_is_read() -> None:
    orders, _ = from_text(hostile(reason="ask bob@example.com\n\x07"), CHECKS)
    assert orders.mutes[0].reason == "ask …@example.com  "


def test_only_the_newest_of_too_many_mutes_are_read() -> None:
    many = Orders(
        tuple(replace(MUTE, reason=str(n)) for n in range(80)), tuple(Ack("t", str(n), 1) for n in range(300))
    )
    orders, ignored = from_text(to_text(many), CHECKS)
    assert (orders.mutes[0].reason, orders.acks[0].alert, ignored) == ("30", "100", ())
