"""Rejects: ten of them and a thousandth of a day's email."""

from __future__ import annotations

import pytest
from ses_reputation.core.history import BUCKET, History, Point, history_from

from tests.core.checks.sender import END, found


def rejecting(count: int, emails: int = 100, buckets: int = 500) -> History | None:
    """This many rejects in the last of these buckets, of so many emails each."""
    return history_from(
        [Point(END - i * BUCKET, emails, rejects=count if i == 1 else 0) for i in range(1, buckets)], until=END
    )


@pytest.mark.parametrize(
    ("count", "emails", "what"),
    [(9, 50, []), (10, 50, ["rejects"]), (12, 125, []), (13, 125, ["rejects"])],
    ids=["nine", "ten", "a thousandth", "more than a thousandth"],
)
def test_rejects_need_ten_and_over_a_thousandth_of_a_days_email(count: int, emails: int, what: list[str]) -> None:
    assert found(rejecting(count, emails), END) == what


@pytest.mark.parametrize("buckets", [2, 5])
def test_a_young_history_counts_its_rejects(buckets: int) -> None:
    assert found(rejecting(10, buckets=buckets), END) == ["rejects"]


def test_rejects_of_more_than_a_day_ago_are_over() -> None:
    points = [Point(END - i * BUCKET, 100, rejects=9 if i > 96 else 0) for i in range(1, 500)]
    assert found(history_from(points, until=END), END) == []


def test_a_target_without_email_has_no_findings() -> None:
    assert found(None, END) == []
