"""A spike: five times the most of two weeks; a returning, small or young sender has none."""

from __future__ import annotations

from collections.abc import Callable

from ses_reputation.core.history import BUCKET, DAY, HOUR, History, Point, history_from
from ses_reputation.core.rules import VolumePolicy

from tests.core.checks.sender import END, START, found, sender


def test_five_times_the_most_of_two_weeks_is_a_spike() -> None:
    def burst(at: int) -> int:
        return 501 if END - 30 * HOUR <= at < END - 27 * HOUR else 100

    history = sender(burst)
    assert found(history, END - 27 * HOUR) == ["spike"]
    assert found(history, END) == []
    assert found(history, END - 27 * HOUR, policy=VolumePolicy(spike=0)) == []
    assert found(history, END - 27 * HOUR, policy=VolumePolicy(spike=6)) == []


def with_stored(days: dict[int, int], per_bucket: Callable[[int], int]) -> History:
    """A sender of the last two weeks with totals of earlier days."""
    points = [Point(START - ago * DAY, emails) for ago, emails in days.items()]
    points += [Point(at, per_bucket(at)) for at in range(START, END, BUCKET) if per_bucket(at)]
    history = history_from(points, until=END)
    assert history is not None
    return history


def test_a_returning_sender_is_compared_with_the_days_before() -> None:
    def back(at: int) -> int:
        return 2_000 if at >= END - 2 * HOUR else 0

    assert found(with_stored({1: 10_000}, back), END) == []
    assert found(with_stored({1: 500, 40: 3_000}, back), END) == ["spike"]
    assert found(sender(back), END) == []  # nothing else is known of it


def test_the_volume_of_an_earlier_day_is_no_spike() -> None:
    def newsletter(at: int) -> int:
        return 10_000 if at == END - HOUR else 3

    in_three_hours = 10_000 + 11 * 3
    assert found(with_stored({16: in_three_hours}, newsletter), END) == []
    assert found(with_stored({16: in_three_hours - 1}, newsletter), END) == ["spike"]


def test_small_and_young_senders_have_no_spikes() -> None:
    assert found(sender(lambda at: 60 if at >= END - HOUR else 1), END) == []
    assert found(sender(lambda at: 900 if at >= END - HOUR else 1, days=7), END) == []
