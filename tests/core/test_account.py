"""AWS's own view: each part is a finding of its own, what is unknown changes nothing, and a pause quiets the rates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.account import (
    Account,
    AwsRate,
    AwsView,
    account_from,
    used_up_at,
)
from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET, DAY, HOUR, BadData, Point, history_from
from ses_reputation.core.plan import Plan, State
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Trouble, Unreadable
from ses_reputation.core.rules import Verdict, default_policy
from ses_reputation.core.target import Target

START = 1_738_368_000
TARGET = Target("123456789012", "eu-west-1")
POLICY = default_policy()
FINE = Account("HEALTHY", sending=True, production=True, quota=100_000, used=38_400)
NO_RATES: dict[Metric, AwsRate] = {}
DENIED = Unreadable(Trouble.DENIED, "GetAccount: AccessDenied")
THROTTLED = Unreadable(Trouble.THROTTLED, "GetAccount: TooManyRequestsException")


def points(until: int, *, bad_from: int | None = None, bad: int = 60, ends: int | None = None) -> tuple[Point, ...]:
    """400 emails every quarter of an hour for ten days, 4 of them bouncing, and `bad` from `bad_from` on; none from `ends` on."""
    return tuple(
        Point(at, 400, bad if bad_from is not None and at >= bad_from else 4)
        for at in range(until - 10 * DAY, until if ends is None else min(until, ends), BUCKET)
    )


class Monitor:
    """Ticks one after another, each with what AWS says then."""

    def __init__(self, bad_from: int | None = None, bad: int = 60, ends: int | None = None) -> None:
        self.now = START
        self.bad_from, self.bad, self.ends = bad_from, bad, ends
        self.state: State | None = None
        self.told: list[tuple[str, str, str]] = []

    def tick(self, view: AwsView, times: int = 1) -> Plan:
        for _ in range(times):
            self.now += BUCKET
            statistics = points(self.now, bad_from=self.bad_from, bad=self.bad, ends=self.ends)
            plan = decide(TARGET, statistics, self.state, POLICY, self.now, view)
            self.state = replace(plan.state, published=self.now)
            self.told += [(a.check, a.reason.value, a.cause.rule) for a in plan.notifications]
        return plan


def seen(account: Account | Unreadable = FINE, **rates: float) -> AwsView:
    return AwsView(account, {Metric(name): AwsRate(rate, START) for name, rate in rates.items()})


def test_a_healthy_account_is_no_news() -> None:
    monitor = Monitor()
    assert monitor.tick(seen(bounce=0.01, complaint=0.0001), 8).verdict is Verdict.OK
    assert monitor.told == []


def test_a_review_then_a_pause_then_health_are_told_once_each() -> None:
    monitor = Monitor()
    assert monitor.tick(seen(replace(FINE, enforcement="PROBATION")), 8).verdict is Verdict.WARNING
    assert monitor.tick(seen(replace(FINE, enforcement="SHUTDOWN")), 8).verdict is Verdict.CRITICAL
    assert monitor.tick(seen(), 8).verdict is Verdict.OK
    assert monitor.told == [
        ("enforcement", "opened", "PROBATION"),
        ("enforcement", "escalated", "SHUTDOWN"),
        ("enforcement", "recovered", "SHUTDOWN"),
    ]


def test_another_word_than_before_is_told_though_it_is_no_worse() -> None:
    monitor = Monitor()
    for word in ("PROBATION", "SHUTDOWN", "PROBATION", "SHUTDOWN", "UNDER_APPEAL", "HEALTHY"):
        monitor.tick(seen(replace(FINE, enforcement=word)), 4)
    assert monitor.told == [
        ("enforcement", "opened", "PROBATION"),
        ("enforcement", "escalated", "SHUTDOWN"),
        ("enforcement", "changed", "PROBATION"),
        ("enforcement", "escalated", "SHUTDOWN"),
        ("enforcement", "changed", "UNDER_APPEAL"),
        ("enforcement", "recovered", "UNDER_APPEAL"),
    ]


def test_a_word_that_nobody_knows_is_told_and_not_taken_for_healthy() -> None:
    monitor = Monitor()
    assert monitor.tick(seen(replace(FINE, enforcement="PENDING_SHUTDOWN"))).verdict is Verdict.WARNING
    assert monitor.told == [("enforcement", "opened", "PENDING_SHUTDOWN")]


def test_sending_switched_off_and_on_by_the_account_itself() -> None:
    monitor = Monitor()
    assert monitor.tick(seen(replace(FINE, sending=False)), 4).verdict is Verdict.CRITICAL
    monitor.tick(seen(), 4)
    assert monitor.told == [
        ("sending", "opened", "sending disabled"),
        ("sending", "recovered", "sending disabled"),
    ]


def test_a_pause_by_aws_quiets_the_rates_until_it_is_over() -> None:
    monitor = Monitor(bad_from=START)
    monitor.tick(seen(replace(FINE, enforcement="SHUTDOWN")), 30)
    assert {check for check, _, _ in monitor.told} == {"enforcement"}
    monitor.tick(seen())
    assert ("bounce", "opened") in {(check, reason) for check, reason, _ in monitor.told}


def test_neither_a_review_nor_an_account_that_cannot_be_read_quiets_the_rates() -> None:
    for view in (seen(replace(FINE, enforcement="PROBATION")), AwsView(DENIED, NO_RATES), AwsView(DENIED, DENIED)):
        monitor = Monitor(bad_from=START)
        monitor.tick(view, 30)
        assert "bounce" in {check for check, _, _ in monitor.told}


def test_a_pause_goes_on_quieting_while_the_account_cannot_be_asked() -> None:
    monitor = Monitor(bad_from=START, ends=START)
    monitor.tick(seen(replace(FINE, enforcement="SHUTDOWN"), bounce=0.06), 8)
    for _ in range(30):
        assert monitor.tick(AwsView(THROTTLED, NO_RATES)).verdict is Verdict.CRITICAL
    assert {check for check, _, _ in monitor.told} == {"enforcement", "aws-unreadable"}


def test_mail_that_goes_out_says_that_a_pause_of_which_nobody_knows_is_over() -> None:
    monitor = Monitor(bad_from=START)
    monitor.tick(seen(replace(FINE, enforcement="SHUTDOWN")), 8)
    monitor.tick(AwsView(THROTTLED, NO_RATES), 4)
    assert "bounce" not in {check for check, _, _ in monitor.told}
    monitor.tick(AwsView(THROTTLED, NO_RATES), 1)
    assert "bounce" in {check for check, _, _ in monitor.told}


@pytest.mark.parametrize("stop", [{"enforcement": "SHUTDOWN"}, {"sending": False}], ids=str)
def test_mail_that_is_known_to_be_stopped_is_no_silence_while_the_account_cannot_be_asked(stop: dict[str, Any]) -> None:
    monitor = Monitor(ends=START)
    monitor.tick(seen(replace(FINE, **stop)), 8)
    monitor.tick(AwsView(THROTTLED, NO_RATES), 30)
    assert "silence" not in {check for check, _, _ in monitor.told}


def test_during_a_pause_nothing_is_said_of_awss_own_rate_either() -> None:
    monitor = Monitor()
    monitor.tick(seen(bounce=0.06))
    monitor.tick(seen(replace(FINE, enforcement="SHUTDOWN"), bounce=0.12, complaint=0.002), 200)
    assert [check for check, reason, _ in monitor.told if reason != "still"] == ["aws-bounce", "enforcement"]
    assert {check for check, reason, _ in monitor.told if reason == "still"} == {"enforcement"}


def test_statistics_that_can_be_read_again_during_a_pause_are_told() -> None:
    monitor = Monitor()
    view = seen(replace(FINE, enforcement="SHUTDOWN"))
    monitor.tick(view)
    monitor.now += BUCKET
    plan = decide(TARGET, DENIED, monitor.state, POLICY, monitor.now, view)
    assert [a.check for a in plan.notifications] == ["unreadable"]
    monitor.state = plan.state
    monitor.tick(view, 8)
    assert ("unreadable", "recovered", "access denied") in monitor.told


def test_what_cannot_be_asked_is_as_bad_as_it_was() -> None:
    monitor = Monitor()
    monitor.tick(seen(replace(FINE, used=96_000)))
    assert monitor.tick(AwsView(THROTTLED, NO_RATES), 4).verdict is Verdict.CRITICAL
    assert monitor.tick(seen(replace(FINE, used=50_000))).verdict is Verdict.WARNING
    assert monitor.tick(AwsView(THROTTLED, NO_RATES), 4).verdict is Verdict.WARNING


def test_a_quota_that_eased_for_a_day_is_told_again_when_it_runs_out_again() -> None:
    monitor = Monitor()
    monitor.tick(seen(replace(FINE, used=82_000)))
    assert monitor.tick(seen(replace(FINE, used=96_000)), 8).verdict is Verdict.CRITICAL
    assert monitor.tick(seen(replace(FINE, used=82_000)), 90).verdict is Verdict.WARNING
    monitor.tick(seen(replace(FINE, used=96_000)), 2)
    assert [reason for _, reason, _ in monitor.told if reason != "still"] == ["opened", "escalated"]
    monitor.tick(seen(replace(FINE, used=82_000)), 97)
    monitor.tick(seen(replace(FINE, used=97_000)), 8)
    assert [reason for _, reason, _ in monitor.told if reason != "still"] == ["opened", "escalated", "escalated"]


def test_what_cannot_be_read_ends_nothing() -> None:
    monitor = Monitor()
    monitor.tick(seen(replace(FINE, enforcement="PROBATION", sending=False, used=99_000)))
    opened = {check for check, _, _ in monitor.told}
    monitor.tick(AwsView(THROTTLED, THROTTLED), 4)
    assert opened == {"enforcement", "sending", "quota"}
    assert [told for told in monitor.told if told[1] != "opened"] == []


def test_an_account_that_is_denied_is_told_at_once_and_a_throttled_one_at_the_second_tick() -> None:
    denied, throttled = Monitor(), Monitor()
    assert denied.tick(AwsView(DENIED, NO_RATES)).verdict is Verdict.UNKNOWN
    assert denied.told == [("aws-unreadable", "opened", "access denied")]
    assert throttled.tick(AwsView(THROTTLED, NO_RATES)).verdict is Verdict.UNKNOWN
    assert throttled.told == []
    throttled.tick(AwsView(THROTTLED, NO_RATES), 3)
    throttled.tick(seen(), 8)
    assert throttled.told == [
        ("aws-unreadable", "opened", "throttled"),
        ("aws-unreadable", "recovered", "throttled"),
    ]


def test_a_target_of_which_nothing_can_be_read_is_told_of_both_and_keeps_what_is_open() -> None:
    monitor = Monitor()
    monitor.tick(seen(replace(FINE, sending=False)))
    monitor.now += BUCKET
    plan = decide(TARGET, DENIED, monitor.state, POLICY, monitor.now, AwsView(DENIED, DENIED))
    assert [a.check for a in plan.notifications] == ["unreadable", "aws-unreadable"]
    assert {alert.check for alert in plan.state.alerts} == {"sending", "unreadable", "aws-unreadable"}


@pytest.mark.parametrize(
    ("used", "severity"), [(79_999, None), (80_000, "WARNING"), (94_999, "WARNING"), (95_000, "CRITICAL")]
)
def test_the_quota_is_told_from_its_two_lines_on(used: float, severity: str | None) -> None:
    monitor = Monitor()
    plan = monitor.tick(seen(replace(FINE, used=used)))
    assert [a.severity.name for a in plan.notifications] == ([] if severity is None else [severity])


@pytest.mark.parametrize(("quota", "used"), [(-1, 10**9), (50_000, 0)])
def test_an_account_without_a_limit_or_without_mail_has_quota_enough(quota: float, used: float) -> None:
    assert Monitor().tick(seen(replace(FINE, quota=quota, used=used))).notifications == ()


def test_a_quota_of_nothing_is_used_up() -> None:
    assert [a.check for a in Monitor().tick(seen(replace(FINE, quota=0, used=0))).notifications] == ["quota"]


def test_when_the_quota_is_used_up_counts_the_mail_that_leaves_the_day() -> None:
    steady = history_from(points(START), until=START)
    assert used_up_at(FINE, steady, START) is None  # as much leaves as comes
    sends = [Point(START - DAY + i * BUCKET, 0 if i < 84 else 1_000) for i in range(96)]
    history = history_from(sends, until=START)
    account = replace(FINE, quota=16_000, used=12_000)
    assert used_up_at(account, history, START) == START + HOUR
    assert used_up_at(replace(account, used=16_000), history, START) == START
    assert used_up_at(account, None, START) is None


def test_awss_own_rate_is_told_where_ours_is_fine() -> None:
    monitor = Monitor()
    assert monitor.tick(seen(bounce=0.0449)).verdict is Verdict.OK
    assert monitor.tick(seen(bounce=0.046)).verdict is Verdict.WARNING
    assert monitor.tick(seen(bounce=0.05)).verdict is Verdict.CRITICAL
    monitor.tick(seen(bounce=0.01), 97)
    assert monitor.told == [
        ("aws-bounce", "opened", "AWS's own rate"),
        ("aws-bounce", "escalated", "AWS's own rate"),
        ("aws-bounce", "recovered", "AWS's own rate"),
    ]


def test_awss_own_rate_over_the_line_at_which_aws_may_pause_is_news() -> None:
    monitor = Monitor()
    for rate in (0.0011, 0.0049, 0.005, 0.009, 0.0049, 0.006):
        monitor.tick(seen(complaint=rate), 4)
    assert monitor.told == [
        ("aws-complaint", "opened", "AWS's own rate"),
        ("aws-complaint", "changed", "AWS's own rate, over the pause threshold"),
    ]


def test_awss_own_rate_is_no_second_alarm_beside_ours() -> None:
    monitor = Monitor(bad_from=START)
    monitor.tick(seen(bounce=0.01), 20)
    monitor.tick(seen(bounce=0.06), 4)
    assert {check for check, _, _ in monitor.told} == {"bounce"}


def test_awss_own_rate_is_told_beside_an_alert_of_ours_that_says_less() -> None:
    monitor = Monitor(bad_from=START, bad=12)
    monitor.tick(seen(bounce=0.02), 40)
    assert {(check, reason) for check, reason, _ in monitor.told} == {("bounce", "opened")}
    monitor.tick(seen(bounce=0.046), 4)  # no more than the warning that is open
    assert {check for check, _, _ in monitor.told} == {"bounce"}
    monitor.tick(seen(bounce=0.052), 4)
    assert ("aws-bounce", "opened", "AWS's own rate") in monitor.told


def test_awss_own_rate_is_not_over_because_ours_has_joined_it() -> None:
    monitor = Monitor(bad_from=START + HOUR)
    monitor.tick(seen(bounce=0.06), 3 * 96)
    assert {check for check, _, _ in monitor.told} == {"aws-bounce", "bounce"}
    assert ("aws-bounce", "recovered", "AWS's own rate") not in monitor.told
    reminded = [check for check, reason, _ in monitor.told if reason == "still"]
    assert set(reminded) == {"bounce"}  # each of which shows AWS's own rate


def test_awss_own_rate_is_told_again_where_ours_is_not() -> None:
    monitor = Monitor()
    monitor.tick(seen(bounce=0.06), 98)
    assert [reason for _, reason, _ in monitor.told] == ["opened", "still"]


def test_a_rate_that_is_missing_ends_nothing_and_is_no_news() -> None:
    monitor = Monitor()
    monitor.tick(seen(), 2)
    assert monitor.told == []
    monitor.tick(seen(complaint=0.002))
    monitor.tick(seen(), 13 * 96)
    assert ("aws-complaint", "recovered") not in {(check, reason) for check, reason, _ in monitor.told}


def test_a_rate_that_aws_publishes_no_more_is_closed_after_two_weeks_as_not_known() -> None:
    monitor = Monitor()
    monitor.tick(seen(complaint=0.002))
    monitor.tick(seen(), 14 * 96)
    assert monitor.told[-1] == ("aws-complaint", "recovered", "AWS's own rate")
    assert monitor.state is not None and monitor.state.alerts == ()


def test_without_a_memory_what_aws_says_is_told_once_an_hour_and_not_every_tick() -> None:
    from ses_reputation.core.decide import recalled

    view = seen(replace(FINE, enforcement="SHUTDOWN"))
    said = []
    for now in range(START, START + 4 * HOUR, BUCKET):
        statistics = points(now)
        plan = decide(TARGET, statistics, recalled(TARGET, statistics, POLICY, now, view), POLICY, now, view)
        said += [(a.check, now - START) for a in plan.notifications]
    assert said == [("enforcement", hour * HOUR) for hour in range(4)]


ANSWER: dict[str, Any] = {
    "EnforcementStatus": "HEALTHY",
    "SendingEnabled": True,
    "ProductionAccessEnabled": True,
    "SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 12.0},
}


def test_an_answer_of_get_account() -> None:
    assert account_from(ANSWER) == Account("HEALTHY", True, True, 50_000, 12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"EnforcementStatus": None},
        {"EnforcementStatus": ""},
        {"SendingEnabled": "yes"},
        {"ProductionAccessEnabled": None},
        {"SendQuota": None},
        {"SendQuota": {}},
        {"SendQuota": {"Max24HourSend": "many", "SentLast24Hours": 1}},
        {"SendQuota": {"Max24HourSend": float("nan"), "SentLast24Hours": 1}},
        {"SendQuota": {"Max24HourSend": 1, "SentLast24Hours": -5}},
    ],
    ids=repr,
)
def test_an_answer_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadData):
        account_from(ANSWER | wrong)


@given(
    answer=st.dictionaries(
        st.sampled_from([*ANSWER, "x"]),
        st.none()
        | st.booleans()
        | st.floats()
        | st.text(max_size=5)
        | st.dictionaries(st.sampled_from(["Max24HourSend", "SentLast24Hours"]), st.floats() | st.none() | st.text()),
    )
)
def test_whatever_get_account_answers_it_is_an_account_or_refused(answer: dict[str, Any]) -> None:
    try:
        account = account_from(answer)
    except BadData:
        return
    assert account.enforcement and account.state
