"""Arithmetic of the score, on worlds and notifications made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ses_reputation.core.history import BUCKET, DAY, HOUR, Point
from ses_reputation.core.rates import Metric

from bench.score import Score, Sent, figures, score, sent_from
from bench.worlds import DAYS, END, SITUATIONS, SLOTS, START, Incident, Rhythm, World, aws_rate, world

ONSET = START + 20 * DAY
REVIEW = ONSET + 40 * HOUR
PAUSE = ONSET + 80 * HOUR
OVER = ONSET + 5 * DAY
SETTLED = ONSET + 10 * DAY


def a_world(*incidents: Incident, situation: int = 2, over_threshold: tuple[int, int] = (REVIEW, SETTLED)) -> World:
    rate = np.zeros(SLOTS)
    rate[(over_threshold[0] - START) // BUCKET : (over_threshold[1] - START) // BUCKET] = 0.06
    healthy = np.full(SLOTS, 1.0)
    return World(
        SITUATIONS[situation],
        3_000,
        Rhythm.STEADY,
        [Point(START, 1)],
        incidents,
        {Metric.BOUNCE: rate},
        healthy,
        healthy,
    )


def an_incident(**changes: Any) -> Incident:
    usual = Incident(Metric.BOUNCE, onset=ONSET, over=OVER, settled=SETTLED, review=REVIEW, pause=PAUSE)
    return replace(usual, **changes)


def sent(at: int, kind: str = "firing", severity: str = "warning", alert: str = "a", metric: str = "bounce") -> Sent:
    return Sent(at, metric, severity, kind, alert)


TROUBLE = a_world(an_incident())
PEACE = World(
    SITUATIONS[0],
    3_000,
    Rhythm.STEADY,
    [Point(START, 1)],
    (),
    {metric: np.zeros(SLOTS) for metric in Metric},
    np.full(SLOTS, 1.0),
    np.full(SLOTS, 1.0),
)


def test_the_head_start_used_is_the_share_still_left_at_the_alert() -> None:
    result = score(TROUBLE, [sent(ONSET + 10 * HOUR)])
    assert (result.incidents, result.in_time, result.used, result.leads) == (1, 1, [0.75], [30.0])


@pytest.mark.parametrize(("late", "in_time"), [(-BUCKET, 1), (0, 1), (BUCKET, 0)], ids=["before", "with it", "after"])
def test_an_alert_is_in_time_up_to_the_crossing(late: int, in_time: int) -> None:
    result = score(TROUBLE, [sent(REVIEW + late)])
    assert result.in_time == in_time
    assert result.used == [pytest.approx(max(0, -late) / (40 * HOUR))]


def test_an_incident_without_an_alert_uses_no_head_start() -> None:
    assert score(TROUBLE, []).used == [0.0]


def test_an_incident_over_the_threshold_at_once_has_no_head_start() -> None:
    result = score(a_world(an_incident(review=ONSET + BUCKET)), [sent(ONSET + BUCKET)])
    assert (result.in_time, result.used, result.leads) == (1, [], [0.0])


def test_an_incident_below_the_threshold_needs_no_alert() -> None:
    assert score(a_world(an_incident(review=None, pause=None)), []).incidents == 0


def test_an_alert_of_the_other_metric_is_a_false_alarm() -> None:
    result = score(TROUBLE, [sent(ONSET + HOUR, metric="complaint")])
    assert (result.in_time, result.false_alarms) == (0, 1)


def test_an_alert_already_open_at_the_onset_is_a_false_alarm() -> None:
    result = score(TROUBLE, [sent(ONSET - HOUR)])
    assert (result.in_time, result.used, result.false_alarms) == (1, [1.0], 1)


@pytest.mark.parametrize(("at", "in_time"), [(PAUSE, 1), (PAUSE + BUCKET, 0)], ids=["with it", "after"])
def test_critical_must_come_before_the_pause_threshold(at: int, in_time: int) -> None:
    result = score(TROUBLE, [sent(ONSET + HOUR), sent(at, severity="critical")])
    assert (result.pauses, result.critical_in_time) == (1, in_time)


def test_reminders_and_the_resolution_count_as_notices() -> None:
    lines = [sent(ONSET + HOUR), sent(ONSET + 25 * HOUR, "reminder"), sent(SETTLED + 3 * DAY, "resolved")]
    result = score(TROUBLE, lines)
    assert (result.noticed, result.notices, result.flaps, result.unsafe) == (1, 3, 0, 0)


def test_an_alert_reopened_in_the_same_incident_is_a_flap() -> None:
    lines = [sent(ONSET + HOUR), sent(OVER, "resolved"), sent(OVER + DAY, alert="b")]
    result = score(TROUBLE, lines)
    assert (result.flaps, result.false_alarms) == (1, 0)


def test_a_resolution_is_unsafe_while_awss_rate_is_over_its_threshold() -> None:
    lines = [sent(ONSET + HOUR), sent(OVER + DAY, "resolved")]
    assert score(TROUBLE, lines).unsafe == 1


def test_a_resolution_is_unsafe_while_the_cause_goes_on() -> None:
    quiet = a_world(an_incident(), over_threshold=(REVIEW, REVIEW + BUCKET))
    assert score(quiet, [sent(ONSET + HOUR), sent(OVER - HOUR, "resolved")]).unsafe == 1
    assert score(quiet, [sent(ONSET + HOUR), sent(OVER + HOUR, "resolved")]).unsafe == 0


def test_false_alarms_are_counted_by_alert_and_age() -> None:
    lines = [sent(START + DAY), sent(START + 2 * DAY, "resolved"), sent(START + 30 * DAY, alert="b")]
    result = score(PEACE, lines)
    assert (result.false_alarms, result.young_alarms, result.healthy_days) == (2, 1, DAYS)
    assert figures(result)["false alarms per 30 days"] == pytest.approx(60 / 56)


def test_an_escalated_false_alarm_is_also_a_false_critical() -> None:
    result = score(PEACE, [sent(START + DAY), sent(START + 2 * DAY, severity="critical")])
    assert (result.false_alarms, result.false_criticals) == (1, 1)


def test_a_day_with_one_bad_metric_is_half_a_healthy_day() -> None:
    assert score(TROUBLE, []).healthy_days == DAYS - 10 / 2


def test_just_below_the_threshold_only_a_critical_alert_is_wrong() -> None:
    number = next(i for i, s in enumerate(SITUATIONS) if s.borderline)
    border = a_world(an_incident(review=None, pause=None, over=END, settled=END), situation=number)
    assert score(border, [sent(ONSET + HOUR)]).false_alarms == 0
    assert score(border, [sent(ONSET + HOUR), sent(ONSET + DAY, severity="critical")]).false_criticals == 1


def test_scores_add_up() -> None:
    both = Score()
    both.add(score(TROUBLE, [sent(ONSET + 10 * HOUR)]))
    both.add(score(TROUBLE, []))
    assert (both.incidents, both.in_time, both.used) == (2, 1, [0.75, 0.0])
    assert figures(both)["alert before review"] == 0.5


def test_a_line_of_the_replay_command_is_read() -> None:
    line = {
        "at": "2025-01-01T00:15:00+00:00",
        "metric": "bounce",
        "severity": "warning",
        "kind": "firing",
        "alert": "a",
    }
    assert sent_from(line) == sent(START + BUCKET)


def test_awss_rate_covers_the_last_emails() -> None:
    email, events = np.array([100, 100, 100]), np.array([0, 10, 0])
    rate = aws_rate(email, events, np.full(3, 200.0), before=0.01)
    assert rate.tolist() == [pytest.approx(0.005), pytest.approx(0.05), pytest.approx(0.05)]


def test_a_world_depends_on_its_seed_alone() -> None:
    one, same, other = (world(SITUATIONS[2], 3_000, seed) for seed in (7, 7, 8))
    assert one.points == same.points
    assert one.incidents == same.incidents
    assert one.points != other.points


@pytest.mark.parametrize("number", range(len(SITUATIONS)), ids=[s.name for s in SITUATIONS])
def test_a_world_has_the_size_asked_for(number: int) -> None:
    case = world(SITUATIONS[number], 3_000, seed=3)
    before = case.incidents[0].onset if case.incidents else END
    sent = sum(p.attempts for p in case.points if p.at < before)
    assert sent / ((before - START) / DAY) == pytest.approx(3_000, rel=0.6)
    assert sum(p.bounces for p in case.points) < 0.3 * sum(p.attempts for p in case.points)
    for incident in case.incidents:
        assert incident.onset < incident.over <= END
        assert incident.review is None or incident.onset < incident.review


@pytest.mark.parametrize(("rate", "false"), [(0.049, 1), (0.05, 0)], ids=["below", "at"])
def test_a_critical_alert_is_true_while_aws_is_over_by_chance(rate: float, false: int) -> None:
    lucky = replace(PEACE, aws_rates={Metric.BOUNCE: np.full(SLOTS, rate)})
    result = score(lucky, [sent(ONSET, severity="critical")])
    assert (result.false_alarms, result.false_criticals) == (1, false)
