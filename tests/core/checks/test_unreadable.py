"""Statistics, account or AWS's rates unreadable: one alert each, and nothing else opens, eases or resolves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ses_reputation.core.checks.base import Context
from ses_reputation.core.checks.unreadable import UnreadableFound
from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET, DAY, HOUR, Point
from ses_reputation.core.readings import Account, Readings, Trouble, Unreadable
from ses_reputation.core.rules import Severity, Verdict

from tests.core.checks.monitor import DENIED, FINE, POLICY, START, TARGET, THROTTLED, Monitor, points, status, used

TIMED_OUT = Unreadable(Trouble.TIMED_OUT, "GetSendStatistics: ReadTimeoutError")

# -- statistics


def unread(*statistics: tuple[Point, ...] | Unreadable) -> list[tuple[int, str, str]]:
    """(check, reason, …) of the notifications about a target with these answers at successive ticks."""
    state, sent = None, []
    for number, answer in enumerate(statistics):
        plan = decide(TARGET, Readings(answer), state, POLICY, START + DAY + number * BUCKET)
        sent += [(number, document["check"], document["reason"]) for document in plan.documents]
        state = replace(plan.state, outbox=())
    return sent


HEALTHY = points(START + DAY)


def test_denied_access_is_sent_at_once() -> None:
    assert unread(DENIED, DENIED) == [(0, "unreadable", "opened")]


def test_single_failures_are_not_sent() -> None:
    assert unread(TIMED_OUT, HEALTHY, TIMED_OUT, HEALTHY) == []


def test_a_second_failure_in_a_row_is_sent() -> None:
    assert unread(TIMED_OUT, TIMED_OUT, TIMED_OUT) == [(1, "unreadable", "opened")]


def test_an_unreadable_target_resolves_after_an_hour_of_readings() -> None:
    assert unread(DENIED, HEALTHY, HEALTHY, HEALTHY, HEALTHY) == [
        (0, "unreadable", "opened"),
        (4, "unreadable", "resolved"),
    ]


def test_a_target_readable_now_and_then_stays_unreadable() -> None:
    assert unread(DENIED, HEALTHY, DENIED, HEALTHY, HEALTHY) == [(0, "unreadable", "opened")]


def test_a_target_that_stays_unreadable_has_reminders() -> None:
    sent = unread(*[TIMED_OUT] * 300)
    assert [(tick / 4, reason) for tick, _, reason in sent] == [
        (0.25, "opened"),
        (24.25, "reminder"),
        (48.25, "reminder"),
    ]


def test_readable_statistics_during_a_pause_resolve_their_alert() -> None:
    monitor = Monitor()
    monitor.tick(status("SHUTDOWN"))
    denied = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    monitor.tick(status("SHUTDOWN"), statistics=denied)
    monitor.tick(status("SHUTDOWN"), times=8)
    assert monitor.words[1:] == [("unreadable", "opened"), ("unreadable", "resolved")]


# -- account and AWS's rates


def test_an_unreadable_account_stays_as_bad_as_before() -> None:
    monitor = Monitor()
    monitor.tick(used(96_000))
    assert monitor.tick(THROTTLED, times=4).verdict is Verdict.CRITICAL


def test_an_unreadable_account_gets_no_worse() -> None:
    monitor = Monitor()
    monitor.tick(used(96_000))
    assert monitor.tick(used(50_000)).verdict is Verdict.WARNING
    assert monitor.tick(THROTTLED, times=4).verdict is Verdict.WARNING


def test_unreadable_data_resolves_nothing() -> None:
    monitor = Monitor()
    monitor.tick(Account("PROBATION", sending=False, production=True, quota=100_000, used=99_000))
    assert monitor.checks == {"enforcement", "sending", "quota"}
    monitor.tick(THROTTLED, THROTTLED, times=30, step=HOUR)
    assert "resolved" not in {reason for _, reason in monitor.words}


def test_a_denied_account_is_sent_at_once() -> None:
    monitor = Monitor()
    assert monitor.tick(DENIED).verdict is Verdict.UNKNOWN
    assert monitor.sent == [("aws-unreadable", "opened", "warning")]


def test_a_throttled_account_is_sent_at_the_second_tick() -> None:
    monitor = Monitor()
    assert monitor.tick(THROTTLED).verdict is Verdict.UNKNOWN
    assert monitor.sent == []
    monitor.tick(THROTTLED, times=3)
    monitor.tick(times=8)
    assert monitor.words == [("aws-unreadable", "opened"), ("aws-unreadable", "resolved")]


FIRST_STEPS = {
    Trouble.DENIED: "Deploy the stack again",
    Trouble.ROLE: "Deploy the member role in that account again",
    Trouble.NOT_ENABLED: "Check in the AWS account settings that this region is enabled",
    Trouble.THROTTLED: "Find what else in this account calls",
    Trouble.TIMED_OUT: "Look for this region in the AWS Health Dashboard",
    Trouble.BAD_ANSWER: "Look at the function's log",
    Trouble.FAILED: "Look for this region in the AWS Health Dashboard",
}


@pytest.mark.parametrize(("trouble", "step"), FIRST_STEPS.items())
def test_the_first_step_for_an_unreadable_account_fits_its_reason(trouble: Trouble, step: str) -> None:
    monitor, account = Monitor(), Unreadable(trouble, "GetAccount")
    [document] = [*monitor.tick(account).documents, *monitor.tick(account).documents]
    assert document["first_steps"][0].startswith(step)


@pytest.mark.parametrize("own", ["999999999999", "000000000000"])
@pytest.mark.parametrize(
    "readings",
    [Readings(DENIED), Readings(points(START), Unreadable(Trouble.DENIED, "GetAccount: AccessDenied"), {})],
    ids=["statistics", "account"],
)
def test_denied_access_to_another_account_is_mended_by_its_role(readings: Readings, own: str) -> None:
    context = Context(own_role=f"arn:aws:iam::{own}:role/monitor")
    [document] = decide(TARGET, readings, None, POLICY, START, context=context).documents
    assert document["first_steps"][0].startswith("Deploy the member role in that account again")
    command = document["command"]["text"]
    assert "aws cloudformation deploy" in command and f"TrustedRoles={context.own_role}" in command


def test_unreadable_rates_of_aws_are_unknown_and_sent() -> None:
    monitor = Monitor()
    assert monitor.tick(FINE, THROTTLED, times=2).verdict is Verdict.UNKNOWN
    assert monitor.words == [("aws-unreadable", "opened")]


def test_rates_of_aws_not_requested_are_no_trouble() -> None:
    plan = decide(TARGET, Readings(points(START)), None, POLICY, START)
    assert plan.verdict is Verdict.OK and plan.documents == ()


def test_a_fully_unreadable_target_keeps_its_open_alerts() -> None:
    monitor = Monitor()
    monitor.tick(replace(FINE, sending=False))
    plan = monitor.tick(DENIED, DENIED, statistics=DENIED)
    assert [document["check"] for document in plan.documents] == ["unreadable", "aws-unreadable"]
    assert set(plan.state.tracks) == {"sending", "unreadable", "aws-unreadable"}


def test_two_failed_calls_are_one_finding_with_both_details() -> None:
    plan = Monitor().tick(DENIED, Unreadable(Trouble.THROTTLED, "GetMetricData: Throttling"))
    assert plan.state.tracks["aws-unreadable"].worst == UnreadableFound(
        Severity.WARNING, Trouble.DENIED, "GetAccount: AccessDenied; GetMetricData: Throttling"
    )
