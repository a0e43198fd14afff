"""Rejects: ten of them and a thousandth of a day's email."""

from __future__ import annotations

from ses_reputation.core.history import BUCKET, History, Point, history_from

from tests.core.checks.sender import END, found


def rejecting(count: int) -> History | None:
    """This many rejects in each of the last four buckets, of 9,600 emails a day."""
    return history_from(
        [Point(END - i * BUCKET, 100, rejects=count if i <= 4 else 0) for i in range(1, 500)], until=END
    )


def test_rejects_need_ten_and_a_thousandth_of_a_days_email() -> None:
    assert found(rejecting(2), END) == []
    assert found(rejecting(3), END) == ["rejects"]


def test_rejects_of_more_than_a_day_ago_are_over() -> None:
    points = [Point(END - i * BUCKET, 100, rejects=9 if i > 96 else 0) for i in range(1, 500)]
    assert found(history_from(points, until=END), END) == []


def test_a_target_without_email_has_no_findings() -> None:
    assert found(None, END) == []
