"""The amount of mail: silence, a spike and rejects are told; nights, week-ends, small and young senders are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ses_reputation.core.history import BUCKET, DAY, HOUR, History, Point, history_from
from ses_reputation.core.rules import VolumePolicy
from ses_reputation.core.volume import REJECTS, SILENCE, SPIKE, standings

START = 1_738_540_800  # Monday 2025-02-03T00:00:00Z
POLICY = VolumePolicy()


def sender(per_bucket: Callable[[int], int], *, days: float = 14, until: int = START + 14 * DAY) -> History:
    """So many mails in the bucket at each time."""
    times = range(until - int(days * DAY), until, BUCKET)
    history = history_from([Point(at, per_bucket(at)) for at in times if per_bucket(at)], until=until)
    assert history is not None
    return history


def found(history: History, now: int, *, sends: bool = True, policy: VolumePolicy = POLICY) -> list[str]:
    """What holds at `now`."""
    return [name for name, standing in standings(history, policy, now, sends=sends).items() if standing.found]


END = START + 14 * DAY


def steady(at: int) -> int:
    return 100


def stopped(hours: float, before: Callable[[int], int] = steady) -> History:
    """A sender who stopped so long before the end."""
    return sender(lambda at: before(at) if at < END - hours * HOUR else 0)


def test_a_sender_who_never_stops_is_silent_after_two_hours() -> None:
    assert found(stopped(1.75), END) == []
    assert found(stopped(2), END) == [SILENCE]


def test_one_who_is_silent_stays_so_until_mail_goes_out_whatever_the_hour() -> None:
    night = sender(
        lambda at: working_hours(at) if at < END - 4 * DAY + 9 * HOUR else 0, until=END - 4 * DAY + 20 * HOUR
    )
    now = END - 4 * DAY + 20 * HOUR
    assert not standings(night, POLICY, now, sends=True)[SILENCE].found
    (finding,) = standings(night, POLICY, now, sends=True, silent=True)[SILENCE].found
    assert finding.count is not None and finding.count.end - finding.count.start == 11 * HOUR
    again = sender(lambda at: 1 if at == END - HOUR else steady(at) if at < END - 3 * HOUR else 0)
    assert not standings(again, POLICY, END, sends=True, silent=True)[SILENCE].found


def test_one_who_is_known_to_be_stopped_is_not() -> None:
    assert found(stopped(24), END, sends=False) == []
    assert found(stopped(24), END, policy=VolumePolicy(silence=False)) == []


def test_a_young_sender_and_a_small_one_have_no_habits() -> None:
    young = sender(lambda at: 100 if at < END - 3 * HOUR else 0, days=6)
    assert found(young, END) == []
    assert found(stopped(40, lambda at: at % DAY == 0), END) == []


def working_hours(at: int) -> int:
    """Monday to Friday, eight to six."""
    day, hour = (at - START) // DAY % 7, at % DAY // HOUR
    return 200 if day < 5 and 8 <= hour < 18 else 0


@pytest.mark.parametrize("hours", [6, 14, 24, 62, 86, 110], ids="{} h".format)
def test_nights_week_ends_and_long_holidays_are_quiet(hours: int) -> None:
    until = START + 14 * DAY + hours * HOUR
    assert found(sender(working_hours, until=until - hours * HOUR), until) == []


def test_the_first_working_day_without_mail_is_still_quiet_and_a_week_is_not() -> None:
    friday_evening = START + 11 * DAY + 18 * HOUR
    history = sender(lambda at: working_hours(at) if at < friday_evening else 0, days=20, until=START + 20 * DAY)
    assert found(history, START + 15 * DAY) == []
    assert found(history, friday_evening + 124 * HOUR) == []
    assert found(history, friday_evening + 125 * HOUR) == [SILENCE]


def test_a_job_that_comes_late_is_not_silence() -> None:
    def daily(at: int) -> int:
        return 5_000 if at % DAY == 9 * HOUR and at < END - DAY else 0

    assert found(sender(daily), END - DAY + 15 * HOUR) == []


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_clock_that_changes_is_no_silence(shift: int) -> None:
    def local(at: int) -> int:
        hour = (at + (shift * HOUR if at >= END - DAY else 0)) % DAY // HOUR
        return 100 if 6 <= hour < 22 else 0

    history = sender(local)
    assert all(found(history, now) == [] for now in range(END - DAY, END, BUCKET))


def test_five_times_the_most_of_two_weeks_is_a_spike_for_a_day() -> None:
    def burst(at: int) -> int:
        return 501 if END - 30 * HOUR <= at < END - 27 * HOUR else 100

    history = sender(burst)
    assert found(history, END - 27 * HOUR) == [SPIKE]
    assert found(history, END) == []
    assert found(history, END - 27 * HOUR, policy=VolumePolicy(spike=0)) == []
    assert found(history, END - 27 * HOUR, policy=VolumePolicy(spike=6)) == []


def test_a_spike_of_a_small_or_a_young_sender_is_none() -> None:
    assert found(sender(lambda at: 60 if at >= END - HOUR else 1), END) == []
    assert found(sender(lambda at: 900 if at >= END - HOUR else 1, days=7), END) == []


def test_rejects_are_told_where_they_are_more_than_a_few() -> None:
    def rejecting(count: int) -> History | None:
        points = [Point(END - i * BUCKET, 100, rejects=count if i <= 4 else 0) for i in range(1, 500)]
        return history_from(points, until=END)

    assert REJECTS not in found(rejecting(2) or stopped(0), END)
    assert REJECTS in found(rejecting(3) or stopped(0), END)


def test_nothing_is_said_of_nobody() -> None:
    assert standings(None, POLICY, END, sends=True) == {}
