"""The decision: the same arguments give the same plan, gaps lose and repeat nothing, and unknown is never healthy."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ses_reputation.core.alert import Track
from ses_reputation.core.decide import (
    LARGEST_OUTBOX,
    PUBLISHABLE,
    Plan,
    assumed,
    decide,
    overall,
    replay,
)
from ses_reputation.core.history import BUCKET, DAY, HOUR, LOOKBACK, Point, iso
from ses_reputation.core.late_events import Booked, Learned
from ses_reputation.core.metrics import GAUGES, VERDICT_VALUES
from ses_reputation.core.notification import Document
from ses_reputation.core.readings import Account, Readings, Trouble, Unreadable
from ses_reputation.core.rules import Severity, Verdict, VolumePolicy, default_policy
from ses_reputation.core.state import Delivery, State
from ses_reputation.core.target import Target

START = 1_738_368_000  # 2025-02-01T00:00Z
TARGET = Target("123456789012", "eu-west-1")
POLICY = replace(default_policy(), volume=VolumePolicy(silence=False, spike=0.0))
DENIED = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")


def at(days: float) -> int:
    return START + int(days * 96) * BUCKET


def every(start: float, end: float, step: int = BUCKET) -> list[int]:
    return list(range(at(start), at(end) + 1, step))


def sender(days: float, *, bad: tuple[float, float] | None = None, seed: int = 1) -> list[Point]:
    """400 emails every quarter of an hour, 1% of them bouncing, 15% between the two days of `bad`."""
    dice = random.Random(seed)
    points = []
    for slot in range(int(days * 96)):
        rate = 0.15 if bad is not None and bad[0] <= slot / 96 < bad[1] else 0.01
        points.append(Point(START + slot * BUCKET, 400, sum(dice.random() < rate for _ in range(400))))
    return points


def read(points: list[Point], now: int) -> Readings:
    """An answer of GetSendStatistics at `now`."""
    return Readings(tuple(point for point in points if now - LOOKBACK <= point.at < now))


def run(points: list[Point], ticks: list[int], state: State | None = None) -> tuple[list[Document], Plan]:
    """Run at `ticks`, with everything delivered in between: what was sent, and the last plan."""
    sent: list[Document] = []
    for now in ticks:
        plan = decide(TARGET, read(points, now), state, POLICY, now)
        sent += plan.documents
        state = replace(plan.state, outbox=(), published=now)
    return sent, plan


def words(documents: list[Document] | tuple[Document, ...]) -> list[tuple[str, str]]:
    return [(document["check"], document["reason"]) for document in documents]


def gauge(plan: Plan, name: str) -> list[float]:
    return [gauge.value for gauge in plan.gauges if gauge.name == name]


# -- one tick


def test_the_same_arguments_give_the_same_plan() -> None:
    readings = read(sender(15, bad=(14, 15)), at(15))
    plans = [decide(TARGET, readings, None, POLICY, at(15)) for _ in range(2)]
    assert [(p.state, p.documents, p.gauges, p.verdict) for p in plans[:1]] == [
        (p.state, p.documents, p.gauges, p.verdict) for p in plans[1:]
    ]


@pytest.mark.parametrize("again", [15, 14.9, 3], ids=["repeated", "late", "days late"])
def test_a_repeated_tick_changes_nothing(again: float) -> None:
    points = sender(16, bad=(14.5, 16))
    _, plan = run(points, every(14, 15))
    repeated = decide(TARGET, read(points, at(again)), plan.state, POLICY, at(again))
    assert (repeated.state, repeated.documents, repeated.gauges) == (plan.state, (), ())


def test_the_first_run_sends_open_trouble_with_its_true_start() -> None:
    [document] = decide(TARGET, read(sender(14, bad=(12, 14)), at(14)), None, POLICY, at(14)).documents
    assert document["reason"] == "opened"
    assert "2025-02-13T00:" in document["opened_at"] or "2025-02-13T01:" in document["opened_at"]


def test_the_first_run_sends_nothing_about_past_trouble() -> None:
    assert decide(TARGET, read(sender(14, bad=(4, 4.1)), at(14)), None, POLICY, at(14)).documents == ()


@pytest.mark.parametrize(
    ("booked", "hours"),
    [(Booked(), 2), (Booked(new=1_000), 2), (Booked(new=1_000, grown=(5, 0, 0)), 0)],
    ids=["not known", "on arrival", "with the email"],
)
def test_the_command_looks_back_as_far_as_ses_books_events(booked: Booked, hours: int) -> None:
    before = State(at(13.9), learned=Learned(bounces=booked))
    [document] = decide(TARGET, read(sender(14, bad=(13.95, 14)), at(14)), before, POLICY, at(14)).documents
    since = datetime.fromisoformat(re.search(r"--since (\S+)", document["command"]["text"])[1])  # type: ignore[index]
    assert (datetime.fromisoformat(document["started_at"]) - since).total_seconds() / 3_600 == hours


def test_new_notifications_wait_in_the_outbox_of_the_state() -> None:
    plan = decide(TARGET, read(sender(14, bad=(12, 14)), at(14)), None, POLICY, at(14))
    assert plan.state.outbox == tuple(Delivery(document) for document in plan.documents) != ()


def test_a_full_outbox_keeps_the_newest_of_each_alert() -> None:
    plan = decide(TARGET, read(sender(14, bad=(12, 14)), at(14)), None, POLICY, at(14))
    [document] = plan.documents
    old = tuple(
        Delivery(document | {"alert": f"bounce-{n % 50}", "number": n, "at": f"2025-01-01T00:00:{n // 50:02}"})
        for n in range(100)
    )
    now = at(14) + BUCKET
    full = replace(plan.state, outbox=old)
    outbox = decide(TARGET, read(sender(14.1, bad=(12, 14)), now), full, POLICY, now).state.outbox
    full = replace(full, outbox=old[:LARGEST_OUTBOX])
    assert decide(TARGET, read(sender(14.1, bad=(12, 14)), now), full, POLICY, now).state.outbox == full.outbox
    assert len(outbox) == LARGEST_OUTBOX
    assert {delivery.document["number"] for delivery in outbox} <= set(range(50, 100))


def test_future_buckets_wait_until_they_are_over() -> None:
    points = (*read(sender(1), at(1)).statistics, Point(at(1) + 6 * 3_600, 400, 400))  # type: ignore[misc]
    assert decide(TARGET, Readings(points), None, POLICY, at(1)).verdict is Verdict.OK


def test_more_bounces_than_emails_are_critical_and_no_rate_is_above_one() -> None:
    points = tuple(Point(START + i * BUCKET, 100, 300) for i in range(96))
    plan = decide(TARGET, Readings(points), None, POLICY, at(1))
    assert plan.verdict is Verdict.CRITICAL
    assert all(0 <= gauge.value <= 1 for gauge in plan.gauges if gauge.name != "Verdict")


def test_an_alert_of_a_disabled_check_ends_without_a_message() -> None:
    points = [point for point in sender(14) if point.at < at(12)]
    watching = replace(POLICY, volume=VolumePolicy(silence=True, spike=0.0))
    plan = decide(TARGET, read(points, at(12.5)), None, watching, at(12.5))
    assert list(plan.state.tracks) == ["silence"]
    after = decide(TARGET, read(points, at(12.6)), plan.state, POLICY, at(12.6))
    assert dict(after.state.tracks) == {} and after.verdict is not Verdict.WARNING


# -- verdicts and metrics


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        (Readings(()), Verdict.NO_DATA),
        (Readings(DENIED), Verdict.UNKNOWN),
        (Readings((Point(START, 50),)), Verdict.TOO_FEW_EMAILS),
    ],
    ids=["no email", "denied", "hardly any email"],
)
def test_unknown_is_not_healthy(readings: Readings, verdict: Verdict) -> None:
    plan = decide(TARGET, readings, None, POLICY, START + BUCKET)
    assert plan.verdict is verdict
    assert gauge(plan, "Verdict") == [VERDICT_VALUES[verdict]] and VERDICT_VALUES[verdict] < 0


def test_an_open_alert_is_at_least_a_warning_until_it_is_resolved() -> None:
    _, plan = run(sender(17, bad=(15, 15.1)), every(14.9, 15.4))
    assert plan.documents == () and plan.verdict is Verdict.WARNING


def test_every_metric_that_is_published_is_named() -> None:
    plan = decide(TARGET, read(sender(2), at(2)), None, POLICY, at(2))
    assert {gauge.name for gauge in plan.gauges} == set(GAUGES)


def test_a_rate_of_no_email_is_left_out() -> None:
    idle = decide(TARGET, Readings((Point(START, 0, 0, 0, 1),)), None, POLICY, START + BUCKET)
    assert {gauge.name for gauge in idle.gauges} == {"Verdict"}


def test_statistics_over_too_long_a_time_are_unknown() -> None:
    plan = decide(TARGET, Readings((Point(0, 1), Point(START, 1))), None, POLICY, START + BUCKET)
    assert plan.verdict is Verdict.UNKNOWN
    assert plan.unreadable is not None and plan.unreadable.trouble is Trouble.BAD_ANSWER


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([Verdict.OK, Verdict.WARNING], Verdict.WARNING),
        ([Verdict.OK, Verdict.TOO_FEW_EMAILS], Verdict.TOO_FEW_EMAILS),
        ([Verdict.OK, Verdict.NO_DATA], Verdict.NO_DATA),
        ([Verdict.UNKNOWN, Verdict.CRITICAL], Verdict.CRITICAL),
        ([Verdict.UNKNOWN, Verdict.WARNING], Verdict.WARNING),
        ([Verdict.UNKNOWN, Verdict.OK], Verdict.UNKNOWN),
        ([Verdict.OK, Verdict.OK], Verdict.OK),
    ],
)
def test_the_worst_verdict_wins_and_unknown_outranks_ok(verdicts: list[Verdict], worst: Verdict) -> None:
    assert overall(verdicts) is worst is overall(reversed(verdicts))


# -- many ticks


def test_running_every_quarter_of_an_hour_sends_what_replay_sends() -> None:
    points = sender(8, bad=(5, 5.5))
    played = [document for _, sent, _ in replay(TARGET, points, POLICY) for document in sent]
    sent, _ = run(points, every(0.0105, 8))
    same = ("at", "alert", "number", "reason", "severity", "opened_at")
    assert [[d[name] for name in same] for d in sent] == [[d[name] for name in same] for d in played]
    assert words(sent)[:2] == [("bounce", "opened"), ("bounce", "escalated")]
    assert words(sent)[-1] == ("bounce", "resolved")


@pytest.mark.parametrize("gap", [HOUR, DAY, 20 * DAY], ids=["an hour", "a day", "twenty days"])
def test_after_an_outage_the_current_truth_is_sent_once(gap: int) -> None:
    days = 15 + gap / DAY + 0.5
    points = sender(days, bad=(15, days))
    _, plan = run(points, every(14.9, 15))
    back = at(15) + gap
    after = decide(TARGET, read(points, back), plan.state, POLICY, back)
    assert words(after.documents) == [("bounce", "opened")]


@pytest.mark.parametrize("gap", [HOUR, DAY, 20 * DAY], ids=["an hour", "a day", "twenty days"])
def test_after_an_outage_the_metrics_of_every_missed_tick_are_published_once(gap: int) -> None:
    points = sender(15 + gap / DAY + 0.5)
    _, plan = run(points, every(14.9, 15))
    back = at(15) + gap
    after = decide(TARGET, read(points, back), replace(plan.state, published=at(15)), POLICY, back)
    ticks = {gauge.at for gauge in after.gauges}
    assert ticks == {t for t in range(at(15) + BUCKET, back + 1, BUCKET) if t > back - PUBLISHABLE}
    assert len(after.gauges) == len({(gauge.name, gauge.at) for gauge in after.gauges})


def test_after_an_outage_nothing_past_is_sent() -> None:
    points = sender(25, bad=(15.5, 15.7))
    _, plan = run(points, every(14.9, 15))
    after = decide(TARGET, read(points, at(24)), plan.state, POLICY, at(24))
    assert after.documents == () and after.verdict is Verdict.OK


def test_a_resolution_in_an_outage_is_sent_after_it() -> None:
    points = sender(25, bad=(14.95, 15.1))
    _, plan = run(points, every(14.8, 15.1))
    after = decide(TARGET, read(points, at(20)), plan.state, POLICY, at(20))
    assert words(after.documents) == [("bounce", "resolved")]


def test_a_reminder_due_in_an_outage_is_sent_after_it() -> None:
    points = sender(6, bad=(1, 6))
    sent, plan = run(points, every(0.9, 2))
    assert words(sent)[0] == ("bounce", "opened")
    counted_from = (plan.state.sent["bounce"].counted_from - START) / DAY
    _, plan = run(points, every(2 + 1 / 96, counted_from + 47 / 24), plan.state)
    back, _ = run(points, every(counted_from + 49 / 24, counted_from + 52 / 24), plan.state)
    assert [(d["reason"], d["at"]) for d in back] == [("reminder", iso(at(counted_from + 49 / 24)))]


def test_reminders_of_one_target_go_out_together() -> None:
    points = [replace(point, complaints=4 if point.at >= at(3.3) else 0) for point in sender(6, bad=(3, 6))]
    sent, _ = run(points, every(2.9, 5.5, HOUR))
    times = {
        check: [d["at"] for d in sent if d["reason"] == "reminder" and d["check"] == check]
        for check in ("bounce", "complaint")
    }
    assert times["bounce"] == times["complaint"] != []


# -- unreadable targets


def test_open_alerts_stay_open_while_the_target_is_unreadable() -> None:
    _, plan = run(sender(16, bad=(15, 16)), every(14.9, 15.2))
    for tick in range(1, 300):
        plan = decide(TARGET, Readings(DENIED), plan.state, POLICY, at(15.2) + tick * BUCKET)
        assert "resolved" not in {document["reason"] for document in plan.documents}
    assert set(plan.state.tracks) == {"bounce", "unreadable"}


def test_an_alert_is_not_reopened_after_an_unreadable_time() -> None:
    points = sender(16, bad=(15, 16))
    _, plan = run(points, every(14.9, 15.2))
    plan = decide(TARGET, Readings(DENIED), plan.state, POLICY, at(15.2) + BUCKET)
    back = decide(TARGET, read(points, at(15.3)), plan.state, POLICY, at(15.3))
    assert ("bounce", "opened") not in words(back.documents)


# -- runs whose state cannot be stored


def unstored(points: list[Point], ticks: list[int], stored: State | None = None) -> list[Document]:
    """Documents sent by runs of which none can store its state."""
    sent: list[Document] = []
    for now in ticks:
        readings = read(points, now)
        before = assumed(TARGET, readings, stored, POLICY, now)
        sent += decide(TARGET, readings, before, POLICY, now).documents
    return sent


def changes(documents: list[Document]) -> list[tuple[str, str, str]]:
    """All but reminders: without the store the time of the first notification is unknown."""
    return [(d["at"], d["reason"], d["alert"]) for d in documents if d["kind"] != "reminder"]


def test_without_any_state_each_change_is_sent_once() -> None:
    points = sender(3, bad=(1, 1.1))
    with_state, _ = run(points, every(0.9, 3))
    without = unstored(points, every(0.99, 1.2) + every(2, 2.5))
    assert changes(without) == changes(with_state)


def test_without_a_writable_state_each_change_is_sent_once() -> None:
    points = sender(3, bad=(1, 1.1))
    _, plan = run(points, every(0.9, 1.05))
    with_state, _ = run(points, every(1.05 + 1 / 90, 3), plan.state)
    without = unstored(points, every(1.05 + 1 / 90, 3), replace(plan.state, outbox=()))
    assert ("bounce", "resolved") in words(with_state)
    assert changes(without) == changes(with_state)


def test_without_state_and_statistics_nothing_repeats_every_tick() -> None:
    readings = Readings(DENIED)
    before = assumed(TARGET, readings, None, POLICY, at(1))
    assert decide(TARGET, readings, before, POLICY, at(1)).documents == ()


def test_without_a_writable_state_awss_status_repeats_hourly() -> None:
    paused = Account("SHUTDOWN", sending=True, production=True, quota=100_000, used=0)
    points = sender(2)
    stored = decide(TARGET, read(points, at(1)), None, POLICY, at(1)).state
    sent = []
    for now in range(at(1) + BUCKET, at(1) + 4 * HOUR, BUCKET):
        readings = replace(read(points, now), account=paused)
        plan = decide(TARGET, readings, assumed(TARGET, readings, stored, POLICY, now), POLICY, now)
        sent += [(now - at(1), document["id"]) for document in plan.documents]
    assert [when for when, _ in sent] == [BUCKET, HOUR, 2 * HOUR, 3 * HOUR]
    assert len({name for _, name in sent}) == 1


# -- properties

histories = st.lists(
    st.builds(
        Point,
        at=st.integers(0, 600).map(lambda slot: START + slot * BUCKET),
        attempts=st.sampled_from([0, 5, 300, 2_000]),
        bounces=st.sampled_from([0, 0, 3, 90]),
        complaints=st.sampled_from([0, 0, 0, 2, 9]),
    ),
    min_size=1,
    max_size=120,
    unique_by=lambda point: point.at,
)


@settings(max_examples=40)
@given(points=histories, cut=st.integers(1, 600))
def test_replay_never_looks_ahead(points: list[Point], cut: int) -> None:
    end = START + cut * BUCKET
    known = [point for point in points if point.at + BUCKET <= end]
    whole = [sent for now, sent, _ in replay(TARGET, points, POLICY, until=START + 700 * BUCKET) if now <= end]
    early = [sent for _, sent, _ in replay(TARGET, known, POLICY, until=end)]
    if known and min(points, key=lambda p: p.at).at == min(known, key=lambda p: p.at).at:
        assert early == whole


def shape(tracks: Mapping[str, Track]) -> dict[str, tuple[str, int, Severity, int]]:
    return {name: (track.id, track.opened_at, track.severity, track.held_at) for name, track in tracks.items()}


@settings(max_examples=40)
@given(points=histories, ticks=st.lists(st.integers(1, 700), min_size=1, max_size=30, unique=True))
def test_gaps_between_runs_do_not_change_the_alerts(points: list[Point], ticks: list[int]) -> None:
    first = min(point.at for point in points)
    sent, plan = run(points, [first + tick * BUCKET for tick in sorted(ticks)])
    now = first + max(ticks) * BUCKET
    [truth] = [shape(tracks) for tick, _, tracks in replay(TARGET, points, POLICY, until=now) if tick == now] or [{}]
    assert shape(plan.state.tracks) == truth
    keys = [(document["alert"], document["number"]) for document in sent]
    assert len(keys) == len(set(keys))
    for check in ("bounce", "complaint"):
        reasons = [document["reason"] for document in sent if document["check"] == check]
        assert reasons.count("opened") - reasons.count("resolved") == (check in plan.state.sent)


@settings(max_examples=30)
@given(points=histories, dice=st.randoms(use_true_random=False))
def test_the_decision_does_not_depend_on_order_or_repetition(points: list[Point], dice: random.Random) -> None:
    mixed = points + points[::2]
    dice.shuffle(mixed)
    now = START + 700 * BUCKET
    plans = [decide(TARGET, Readings(tuple(p)), None, POLICY, now) for p in (mixed, points)]
    assert plans[0].state == plans[1].state and plans[0].gauges == plans[1].gauges


def test_severities_are_ordered() -> None:
    assert max(Severity) is Severity.CRITICAL
