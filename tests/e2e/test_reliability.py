"""Nothing is lost: a part of what `make reliability` plays, and what time does to a monitor that was away or is overtaken."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from moto.cloudwatch.models import cloudwatch_backends

from bench import scenes
from bench.reliability import FAULTS, STORIES, Stage, Tally, case, play
from local_aws.server import ACCOUNT
from tests.e2e.conftest import HOUR, NOW, QUARTER, Deployment, points

DAY = 86_400


@pytest.fixture
def there(monitor: Deployment) -> Iterator[Stage]:
    """The deployment, fired by a function of its own."""
    stage = Stage(monitor.local, monitor.outputs)
    yield stage
    stage.reset()
    stage.function.close()


@pytest.mark.parametrize(("number", "first"), [(0, 0), (9, 3)], ids=["bounces", "the account's state"])
def test_a_fault_at_any_call_loses_nothing_and_repeats_at_most_once(there: Stage, number: int, first: int) -> None:
    played, tally, faults = play(there, STORIES[number]), Tally(), list(FAULTS)
    for index, site in enumerate(played.sites):
        tally.add(case(there, played, site, faults[(first + index) % len(faults)]))
    assert (tally.lost, tally.strange) == ([], [])
    assert tally.cases == len(played.sites) == tally.due >= 8 and tally.faults >= tally.cases


@pytest.mark.parametrize(
    "scene", ["empty answer", "two at once, slow to store", "newer tick first", "conditional failures all through"]
)
def test_scenes_of_several_faults_lose_and_rename_nothing(there: Stage, scene: str) -> None:
    tally = scenes.case(there, play(there, STORIES[0]), scene)
    assert (tally.lost, tally.strange, tally.repeated) == ([], [], 0) and tally.due


@pytest.mark.parametrize("away", [HOUR, DAY, 17 * DAY], ids=["an hour", "a day", "seventeen days"])
def test_after_an_outage_the_truth_is_sent_once_and_each_tick_published_once(monitor: Deployment, away: int) -> None:
    monitor.local.ses().points = points(NOW - away)
    monitor.tick(NOW - away)
    monitor.local.ses().points = points(NOW, bad_from=NOW - HOUR)
    assert monitor.tick(NOW).ok
    assert monitor.sent() == [("bounce", "opened")]
    published = Counter(
        datum.timestamp
        for datum in cloudwatch_backends[ACCOUNT][monitor.local.region].metric_data
        if datum.name == "Verdict"
    )
    missed = [NOW - after for after in range(0, min(away, 14 * DAY - HOUR), QUARTER)]
    assert set(published.values()) == {1}
    assert {at.timestamp() for at in published} >= set(missed)


def test_of_two_runs_of_a_tick_only_one_sends(monitor: Deployment, there: Stage) -> None:
    for function in (monitor.function, there.function):
        function.invoke(monitor.schedule.event(NOW))
    monitor.local.ses().points = points(NOW + HOUR, bad_from=NOW)
    event = monitor.schedule.event(NOW + HOUR)
    others = []
    monitor.local.faults.plant(
        "ses",
        "GetSendStatistics",
        strike=lambda: others.append(there.function.invoke(event)),
        status=400,
        code="Throttling",
        times=1,
    )
    result = monitor.function.invoke(event)
    assert result.ok and others[0].ok, (result, others)
    assert monitor.sent() == [("bounce", "opened")], (result, others)


def test_a_late_run_after_a_newer_one_changes_nothing(monitor: Deployment) -> None:
    monitor.tick(NOW)
    monitor.local.ses().points = points(NOW + HOUR, bad_from=NOW)
    monitor.tick(NOW + HOUR)
    table = monitor.outputs["StateTableName"]
    [before] = monitor.local.client("dynamodb").scan(TableName=table)["Items"]
    for late in (NOW + HOUR, NOW + HOUR - QUARTER, NOW - DAY):
        assert monitor.tick(late).ok
    [after] = monitor.local.client("dynamodb").scan(TableName=table)["Items"]
    assert after == before and json.loads(after["state"]["S"])["tick"] == NOW + HOUR
