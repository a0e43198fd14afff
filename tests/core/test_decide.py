"""The decision: the same arguments give the same plan, gaps lose and repeat nothing, and what is unknown is never healthy."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ses_reputation.core.decide import PUBLISHABLE, decide, recalled, replay
from ses_reputation.core.gauges import GAUGES
from ses_reputation.core.history import BUCKET, DAY, HOUR, LOOKBACK, Point
from ses_reputation.core.judge import overall
from ses_reputation.core.plan import Notification, Plan, State
from ses_reputation.core.readings import UNREADABLE, Statistics, Trouble, Unreadable
from ses_reputation.core.rules import Severity, Verdict, VolumePolicy, default_policy
from ses_reputation.core.target import Target

START = 1_738_368_000
TARGET = Target("123456789012", "eu-west-1")
POLICY = replace(default_policy(), volume=VolumePolicy(silence=False, spike=0.0))
DENIED = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
TIMED_OUT = Unreadable(Trouble.TIMED_OUT, "GetSendStatistics: ReadTimeoutError")


def sender(days: float, *, bad: tuple[float, float] | None = None, seed: int = 1) -> list[Point]:
    """400 emails every quarter of an hour, 1 % of them bouncing, 15 % between the two days of `bad`."""
    dice = random.Random(seed)
    points = []
    for slot in range(int(days * 96)):
        rate = 0.15 if bad is not None and bad[0] <= slot / 96 < bad[1] else 0.01
        points.append(Point(START + slot * BUCKET, 400, sum(dice.random() < rate for _ in range(400))))
    return points


def seen(points: list[Point], now: int) -> tuple[Point, ...]:
    """What GetSendStatistics answers at `now`."""
    return tuple(point for point in points if now - LOOKBACK <= point.at < now)


def at(days: float) -> int:
    return START + int(days * 96) * BUCKET


def run(points: list[Point], ticks: list[int], state: State | None = None) -> tuple[list[Notification], Plan]:
    """Runs at `ticks`, each with everything told in between; what was said, and the last plan."""
    said: list[Notification] = []
    for now in ticks:
        plan = decide(TARGET, seen(points, now), state, POLICY, now)
        said += plan.notifications
        state = replace(plan.state, pending=(), published=now)
    return said, plan


def words(said: list[Notification]) -> list[tuple[str, str]]:
    return [(a.check, a.reason.value) for a in said]


def every(start: float, end: float, step: int = BUCKET) -> list[int]:
    return list(range(at(start), at(end) + 1, step))


def test_the_same_arguments_give_the_same_plan() -> None:
    points = seen(sender(15, bad=(14, 15)), at(15))
    assert decide(TARGET, points, None, POLICY, at(15)) == decide(TARGET, points, None, POLICY, at(15))


def test_a_repeated_and_a_late_tick_say_nothing_publish_nothing_and_turn_nothing_back() -> None:
    points = sender(16, bad=(14.5, 16))
    _, plan = run(points, every(14, 15))
    for now in (at(15), at(14.9), at(3)):
        again = decide(TARGET, seen(points, now), plan.state, POLICY, now)
        assert (again.state, again.notifications, again.gauges) == (plan.state, (), ())


def test_running_every_quarter_of_an_hour_says_what_replay_says() -> None:
    points = sender(19, bad=(15, 15.5))
    played = [a for _, told, _ in replay(TARGET, points, POLICY) for a in told]
    said, _ = run(points, every(0.0105, 19))
    assert [(a.at, a.alert, a.seq, a.reason, a.severity, a.worst.rule) for a in said] == [
        (a.at, a.alert, a.seq, a.reason, a.severity, a.worst.rule) for a in played
    ]
    assert words(said)[:2] == [("bounce", "opened"), ("bounce", "escalated")] and words(said)[-1] == (
        "bounce",
        "recovered",
    )


@pytest.mark.parametrize("gap", [HOUR, DAY, 20 * DAY], ids=["an hour", "a day", "twenty days"])
def test_after_an_outage_what_is_true_now_is_told_once(gap: int) -> None:
    days = 15 + gap / DAY + 0.5
    points = sender(days, bad=(15, days))
    _, plan = run(points, every(14.9, 15))
    back = at(15) + gap
    after = decide(TARGET, seen(points, back), replace(plan.state, published=at(15)), POLICY, back)
    assert words(list(after.notifications)) == [("bounce", "opened")]
    ticks = {gauge.at for gauge in after.gauges}
    assert ticks == {t for t in range(at(15) + BUCKET, back + 1, BUCKET) if t > back - PUBLISHABLE}
    assert len(after.gauges) == len({(gauge.name, gauge.at) for gauge in after.gauges})


def test_after_an_outage_nothing_is_told_of_what_is_long_over() -> None:
    points = sender(25, bad=(15.5, 15.7))
    _, plan = run(points, every(14.9, 15))
    after = decide(TARGET, seen(points, at(24)), plan.state, POLICY, at(24))
    assert after.notifications == () and after.verdict is Verdict.OK


def test_an_end_that_came_while_the_monitor_was_down_is_told() -> None:
    points = sender(25, bad=(14.95, 15.1))
    said, plan = run(points, every(14.8, 15.1))
    assert words(said)[0] == ("bounce", "opened")
    after = decide(TARGET, seen(points, at(20)), plan.state, POLICY, at(20))
    assert words(list(after.notifications)) == [("bounce", "recovered")]


def test_the_first_run_tells_an_open_trouble_with_its_true_beginning_and_no_old_one() -> None:
    plan = decide(TARGET, seen(sender(14, bad=(12, 14)), at(14)), None, POLICY, at(14))
    [notification] = plan.notifications
    assert notification.seq == 1 and at(12) < notification.opened_at < at(12.1)
    assert decide(TARGET, seen(sender(14, bad=(4, 4.1)), at(14)), None, POLICY, at(14)).notifications == ()


def test_every_metric_that_is_published_is_named_and_a_rate_of_no_mail_is_left_out() -> None:
    plan = decide(TARGET, seen(sender(2), at(2)), None, POLICY, at(2))
    assert {gauge.name for gauge in plan.gauges} == set(GAUGES)
    idle = decide(TARGET, (Point(START, 0, 0, 0, 1),), None, POLICY, START + BUCKET)
    assert {gauge.name for gauge in idle.gauges} == {"Verdict"}


@pytest.mark.parametrize(
    ("reading", "verdict"),
    [((), Verdict.NO_DATA), (DENIED, Verdict.UNKNOWN), ((Point(START, 50),), Verdict.TOO_FEW_EMAILS)],
    ids=["no email", "denied", "hardly any email"],
)
def test_what_is_not_known_is_not_healthy(reading: Statistics, verdict: Verdict) -> None:
    plan = decide(TARGET, reading, None, POLICY, START + BUCKET)
    assert plan.verdict is verdict
    assert [gauge.value for gauge in plan.gauges if gauge.name == "Verdict"] == [-1]


def test_an_open_alert_is_at_least_a_warning_until_its_all_clear() -> None:
    _, plan = run(sender(17, bad=(15, 15.1)), every(14.9, 15.4))
    assert plan.notifications == () and plan.verdict is Verdict.WARNING


def unread(*readings: Statistics, start: int = START + DAY) -> list[tuple[int, str, str]]:
    """What is said of a target that answers so at one tick after the other."""
    state, said = None, []
    for number, reading in enumerate(readings):
        plan = decide(TARGET, reading, state, POLICY, start + number * BUCKET)
        said += [(number, a.check, a.reason.value) for a in plan.notifications]
        state = replace(plan.state, pending=())
    return said


HEALTHY = tuple(sender(1))


def test_a_target_to_which_access_is_denied_is_told_at_once() -> None:
    assert unread(DENIED, DENIED) == [(0, UNREADABLE, "opened")]


def test_a_single_failure_is_not_told_and_a_second_in_a_row_is() -> None:
    assert unread(TIMED_OUT, HEALTHY, TIMED_OUT, HEALTHY) == []
    assert unread(TIMED_OUT, TIMED_OUT, TIMED_OUT) == [(1, UNREADABLE, "opened")]


def test_it_is_over_when_the_target_has_been_readable_for_an_hour() -> None:
    assert unread(DENIED, HEALTHY, HEALTHY, HEALTHY, HEALTHY) == [
        (0, UNREADABLE, "opened"),
        (4, UNREADABLE, "recovered"),
    ]
    assert unread(DENIED, HEALTHY, DENIED, HEALTHY, HEALTHY) == [(0, UNREADABLE, "opened")]


def test_a_target_that_stays_unreadable_is_reminded_of() -> None:
    said = unread(*[TIMED_OUT] * 300)
    assert [(tick / 4, reason) for tick, _, reason in said] == [(0.25, "opened"), (24.25, "still"), (48.25, "still")]


def test_while_a_target_cannot_be_read_an_open_trouble_stays_open() -> None:
    points = sender(16, bad=(15, 16))
    said, plan = run(points, every(14.9, 15.2))
    after = decide(TARGET, DENIED, plan.state, POLICY, at(15.2) + BUCKET)
    assert {alert.check for alert in after.state.alerts} == {"bounce", UNREADABLE}
    back = decide(TARGET, seen(points, at(15.3)), after.state, POLICY, at(15.3))
    assert not [a for a in back.notifications if a.check == "bounce" and a.reason.value == "opened"]
    assert words(said)[0] == ("bounce", "opened")


def test_statistics_that_span_too_long_are_an_unknown_not_a_crash() -> None:
    plan = decide(TARGET, (Point(0, 1), Point(START, 1)), None, POLICY, START + BUCKET)
    assert plan.verdict is Verdict.UNKNOWN and plan.unreadable is not None


def test_future_buckets_wait_until_they_are_over() -> None:
    points = (*seen(sender(1), at(1)), Point(at(3), 400, 400))
    assert decide(TARGET, points, None, POLICY, at(1)).verdict is Verdict.OK


def test_more_bounces_than_mails_are_a_trouble_and_no_crash() -> None:
    plan = decide(TARGET, tuple(Point(START + i * BUCKET, 100, 300) for i in range(96)), None, POLICY, at(1))
    assert plan.verdict is Verdict.CRITICAL
    assert all(0 <= gauge.value <= 1 for gauge in plan.gauges if gauge.name != "Verdict")


def test_without_any_memory_each_change_is_still_told_at_its_own_tick_and_once() -> None:
    points = sender(17, bad=(15, 15.4))
    remembered, _ = run(points, every(14.9, 17))
    forgetful: list[Notification] = []
    for now in every(14.9, 17):
        before = recalled(TARGET, seen(points, now), POLICY, now)
        forgetful += decide(TARGET, seen(points, now), before, POLICY, now).notifications
    assert [(a.at, a.reason, a.alert) for a in forgetful] == [(a.at, a.reason, a.alert) for a in remembered]


def test_without_memory_and_statistics_nothing_is_repeated_at_every_tick() -> None:
    before = recalled(TARGET, DENIED, POLICY, at(1))
    assert decide(TARGET, DENIED, before, POLICY, at(1)).notifications == ()


def test_an_alert_of_what_was_switched_off_in_the_settings_does_not_stay_open_for_ever() -> None:
    points = [point for point in sender(14) if point.at < at(12)]
    watching = replace(POLICY, volume=VolumePolicy(silence=True, spike=0.0))
    plan = decide(TARGET, seen(points, at(12.5)), None, watching, at(12.5))
    assert [alert.check for alert in plan.state.alerts] == ["silence"]
    after = decide(TARGET, seen(points, at(12.6)), plan.state, POLICY, at(12.6))
    assert after.state.alerts == () and after.notifications == () and after.verdict is not Verdict.WARNING


def test_the_worst_of_the_metrics_counts_and_unknown_before_well() -> None:
    assert overall([Verdict.OK, Verdict.WARNING]) is Verdict.WARNING
    assert overall([Verdict.OK, Verdict.TOO_FEW_EMAILS]) is Verdict.TOO_FEW_EMAILS
    assert overall([Verdict.UNKNOWN, Verdict.CRITICAL]) is Verdict.CRITICAL


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
    whole = [
        a for _, told, _ in replay(TARGET, points, POLICY, until=START + 700 * BUCKET) for a in told if a.at <= end
    ]
    early = [a for _, told, _ in replay(TARGET, known, POLICY, until=end) for a in told]
    if known and min(points, key=lambda p: p.at).at == min(known, key=lambda p: p.at).at:
        assert early == whole


@settings(max_examples=40)
@given(points=histories, ticks=st.lists(st.integers(1, 700), min_size=1, max_size=30, unique=True))
def test_whenever_it_runs_it_remembers_what_a_monitor_without_gaps_remembers(
    points: list[Point], ticks: list[int]
) -> None:
    first = min(point.at for point in points)
    said, plan = run(points, [first + tick * BUCKET for tick in sorted(ticks)])
    now = first + max(ticks) * BUCKET
    truth = {}
    for at_tick, _, alerts in replay(TARGET, points, POLICY, until=now):
        if at_tick == now:
            truth = {check: (e.id, e.severity, e.last_held) for check, e in alerts.items()}
    assert {e.check: (e.id, e.severity, e.last_held) for e in plan.state.alerts} == truth
    keys = [(a.check, a.alert, a.seq) for a in said]
    assert len(keys) == len(set(keys))
    for check in ("bounce", "complaint"):
        mine = [a.reason.value for a in said if a.check == check]
        assert mine.count("opened") - mine.count("recovered") == (check in truth)


@settings(max_examples=30)
@given(points=histories, dice=st.randoms(use_true_random=False))
def test_the_decision_does_not_depend_on_order_or_repetition(points: list[Point], dice: random.Random) -> None:
    mixed = points + points[::2]
    dice.shuffle(mixed)
    now = START + 700 * BUCKET
    assert decide(TARGET, tuple(mixed), None, POLICY, now) == decide(TARGET, tuple(points), None, POLICY, now)


def test_severities_are_ordered() -> None:
    assert max(Severity) is Severity.CRITICAL
