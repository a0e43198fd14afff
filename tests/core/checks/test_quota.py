"""The daily quota: two thresholds, and when it will be used up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ses_reputation.core.checks.quota import used_up_at
from ses_reputation.core.history import BUCKET, DAY, HOUR, Point, history_from
from ses_reputation.core.rules import Verdict

from tests.core.checks.monitor import FINE, START, Monitor, points, used


@pytest.mark.parametrize(
    ("emails", "severity"), [(79_999, None), (80_000, "warning"), (94_999, "warning"), (95_000, "critical")]
)
def test_the_quota_has_two_thresholds(emails: float, severity: str | None) -> None:
    plan = Monitor().tick(used(emails))
    assert [document["severity"] for document in plan.documents] == ([] if severity is None else [severity])


@pytest.mark.parametrize(("quota", "emails"), [(-1, 10**9), (50_000, 0)], ids=["no limit", "no email"])
def test_a_sufficient_quota_sends_nothing(quota: float, emails: float) -> None:
    plan = Monitor().tick(replace(FINE, quota=quota, used=emails))
    assert "quota" not in {document["check"] for document in plan.documents}


def test_a_quota_of_zero_is_used_up() -> None:
    assert ("quota", "opened") in [
        (d["check"], d["reason"]) for d in Monitor().tick(replace(FINE, quota=0, used=0)).documents
    ]


def test_a_quota_that_eased_for_a_day_is_sent_again() -> None:
    monitor = Monitor()
    monitor.tick(used(82_000))
    assert monitor.tick(used(96_000), times=8).verdict is Verdict.CRITICAL
    assert monitor.tick(used(82_000), times=22, step=HOUR).verdict is Verdict.WARNING
    monitor.tick(used(96_000), times=2)
    assert [reason for _, reason in monitor.words] == ["opened", "escalated"]
    monitor.tick(used(82_000), times=25, step=HOUR)
    monitor.tick(used(97_000), times=8)
    assert [reason for _, reason in monitor.words] == ["opened", "escalated", "escalated"]


def test_a_steady_sender_does_not_exhaust_the_quota() -> None:
    assert used_up_at(FINE, history_from(points(START), until=START), START) is None


def test_the_quota_estimate_counts_emails_that_leave_the_day() -> None:
    gone = [Point(START - 3 * DAY + i * BUCKET, 5_000) for i in range(2 * 96)]
    sends = [Point(START - DAY + i * BUCKET, 0 if i < 84 else 1_000) for i in range(96)]
    history = history_from([*gone, *sends], until=START)
    account = replace(FINE, quota=16_000, used=12_000)
    assert used_up_at(account, history, START) == START + HOUR
    assert used_up_at(replace(account, used=16_000), history, START) == START
    assert used_up_at(account, None, START) is None
