"""AWS's own verdict, through the deployed function with its role's permissions: each part is notified once, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.conftest import HOUR, NOW, QUARTER, Deployment, points


@pytest.fixture
def account(monitor: Deployment) -> Iterator[Deployment]:
    """A healthy account, and a healthy one again afterwards."""
    healthy = vars(monitor.local.ses()).copy()
    yield monitor
    vars(monitor.local.ses()).update(healthy)


class Clock:
    """Ticks of a deployment, one after another."""

    def __init__(self, monitor: Deployment) -> None:
        self.monitor = monitor
        self.now = NOW

    def tick(self, times: int = 1, every: int = QUARTER, **changes: Any) -> str:
        """The verdict after so many more ticks of an account that was changed so; with some of them missed where they are
        further apart."""
        ses = self.monitor.local.ses()
        vars(ses).update(changes)
        for _ in range(times):
            self.now += every
            ses.points = points(self.now)
            result = self.monitor.tick(self.now)
            assert result.ok, result.payload
        verdict: str = result.payload["123456789012/eu-west-1"]
        return verdict

    def publish(self, name: str, rate: float) -> None:
        """AWS's own rate, as SES would publish it now."""
        self.monitor.local.client("cloudwatch").put_metric_data(
            Namespace="AWS/SES",
            MetricData=[
                {"MetricName": name, "Timestamp": datetime.fromtimestamp(self.now, UTC), "Value": rate},
            ],
        )


def titles(account: Deployment) -> list[str]:
    return [a["title"] for a in account.notifications()]


def test_a_review_a_pause_and_the_end_of_both(account: Deployment) -> None:
    clock = Clock(account)
    assert clock.tick() == "OK"
    assert clock.tick(2, enforcement="PROBATION") == "CRITICAL"
    assert clock.tick(2, enforcement="SHUTDOWN") == "CRITICAL"
    assert clock.tick(5, enforcement="HEALTHY") == "OK"  # within an hour there is no second message
    assert account.sent() == [("enforcement", "opened"), ("enforcement", "changed"), ("enforcement", "resolved")]
    assert titles(account) == [
        "CRITICAL: AWS has put SES in eu-west-1 under review",
        "CRITICAL: AWS has paused SES in eu-west-1",
        "OK: AWS calls SES in eu-west-1 healthy again",
    ]
    assert account.metric("Verdict", NOW + 5 * QUARTER) == [2]


def test_an_unknown_status_is_not_healthy_and_a_new_one_is_sent(account: Deployment) -> None:
    clock = Clock(account)
    assert clock.tick(2, enforcement="PENDING") == "WARNING"
    assert clock.tick(2, enforcement="PROBATION") == "CRITICAL"
    assert clock.tick(5, enforcement="HEALTHY") == "OK"
    assert account.sent() == [("enforcement", "opened"), ("enforcement", "escalated"), ("enforcement", "resolved")]
    assert titles(account)[:2] == [
        "WARNING: AWS calls SES in eu-west-1 PENDING",
        "CRITICAL: AWS has put SES in eu-west-1 under review",
    ]


def test_sending_switched_off_and_on(account: Deployment) -> None:
    clock = Clock(account)
    assert clock.tick(2, sending=False) == "CRITICAL"
    assert clock.tick(5, sending=True) == "OK"
    assert account.sent() == [("sending", "opened"), ("sending", "resolved")]


def test_a_quota_that_runs_out(account: Deployment) -> None:
    clock = Clock(account)
    clock.tick(2, quota=50_000, used=41_000)
    clock.tick(2, used=48_000)
    clock.tick(25, HOUR, used=20_000)
    assert account.sent() == [("quota", "opened"), ("quota", "escalated"), ("quota", "resolved")]
    summaries = [" ".join(a["summary"]) for a in account.notifications()]
    assert "41,000 of the 50,000 emails" in summaries[0] and "48,000 of the 50,000 emails" in summaries[1]


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        ({"status": 403, "code": "AccessDeniedException"}, "access denied"),
        ({"status": 429, "code": "TooManyRequestsException"}, "throttled"),
        ({"body": b"<html>We are sorry</html>"}, "bad answer"),
        ({"body": b"{}"}, "bad answer"),
    ],
    ids=["denied", "throttled", "a web page", "an empty answer"],
)
def test_an_unreadable_account_is_sent_once_and_its_end(
    account: Deployment, fault: dict[str, Any], trouble: str
) -> None:
    clock = Clock(account)
    clock.tick()
    account.local.faults.plant("ses", "GetAccount", **fault)
    assert clock.tick(3) == "UNKNOWN"
    account.local.faults.clear()
    assert clock.tick(6) == "OK"
    assert account.sent() == [("aws-unreadable", "opened"), ("aws-unreadable", "resolved")]
    assert trouble in account.notifications()[0]["summary"][0]


def test_awss_rate_over_its_threshold_while_ours_is_fine(account: Deployment) -> None:
    clock = Clock(account)
    clock.tick()
    for _ in range(2):
        clock.publish("Reputation.BounceRate", 0.061)
        clock.tick()
    for _ in range(25):
        clock.publish("Reputation.BounceRate", 0.012)
        clock.tick(every=HOUR)
    assert account.sent() == [("bounce", "opened"), ("bounce", "resolved")]
    opened = account.notifications()[0]
    assert opened["severity"] == "critical" and opened["metrics"]["bounce"]["aws_rate"] == 0.061
    assert opened["metrics"]["bounce"]["verdict"] == "OK"


def test_an_account_of_which_aws_publishes_no_rate_is_healthy(account: Deployment) -> None:
    assert Clock(account).tick(2) == "OK"
    assert account.notifications() == []


def test_awss_rates_are_sent_only_after_a_pause_by_aws(account: Deployment) -> None:
    clock = Clock(account)
    clock.tick(enforcement="SHUTDOWN")
    for _ in range(8):
        clock.now += QUARTER
        account.local.ses().points = points(clock.now, bad_from=NOW)
        account.tick(clock.now)
    assert account.sent() == [("enforcement", "opened")]
    account.local.ses().enforcement = "HEALTHY"
    clock.now += QUARTER
    account.tick(clock.now)
    assert account.sent()[1:] == [("bounce", "opened"), ("enforcement", "resolved")]
