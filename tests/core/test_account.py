"""AWS's own view: each part is a finding of its own, unknown parts change nothing, and a pause mutes the rates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.checks.quota import used_up_at
from ses_reputation.core.checks.unreadable import UnreadableFound
from ses_reputation.core.decide import Plan, decide
from ses_reputation.core.history import BUCKET, DAY, HOUR, LOOKBACK, BadData, Point, history_from
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import (
    LONGEST_WORD,
    Account,
    AwsRate,
    AwsRates,
    Readings,
    Trouble,
    Unreadable,
    account_from,
)
from ses_reputation.core.rules import Severity, Verdict, default_policy
from ses_reputation.core.state import State
from ses_reputation.core.target import Target

START = 1_738_368_000  # 2025-02-01T00:00Z
TARGET = Target("123456789012", "eu-west-1")
POLICY = default_policy()
FINE = Account("HEALTHY", sending=True, production=True, quota=100_000, used=38_400)
NO_RATES: AwsRates = {}
DENIED = Unreadable(Trouble.DENIED, "GetAccount: AccessDenied")
THROTTLED = Unreadable(Trouble.THROTTLED, "GetAccount: TooManyRequestsException")


def points(until: int, *, bad_from: int | None = None, bad: int = 60, ends: int | None = None) -> tuple[Point, ...]:
    """400 emails every quarter of an hour, 4 of them bouncing, `bad` from `bad_from` on; known for a week only if they end."""
    known = START - (DAY if ends is None else 8 * DAY)
    return tuple(
        Point(at, 400, bad if bad_from is not None and at >= bad_from else 4)
        for at in range(
            max(known, until - LOOKBACK) // BUCKET * BUCKET, until if ends is None else min(until, ends), BUCKET
        )
    )


class Monitor:
    """Successive ticks, each with AWS's answers at that time."""

    def __init__(self, bad_from: int | None = None, bad: int = 60, ends: int | None = None) -> None:
        self.now = START
        self.bad_from, self.bad, self.ends = bad_from, bad, ends
        self.state: State | None = None
        self.sent: list[tuple[str, str, str]] = []

    def tick(
        self,
        account: Account | Unreadable = FINE,
        rates: AwsRates | Unreadable = NO_RATES,
        *,
        times: int = 1,
        step: int = BUCKET,
        statistics: Unreadable | None = None,
    ) -> Plan:
        for _ in range(times):
            self.now += step
            answer = statistics or points(self.now, bad_from=self.bad_from, bad=self.bad, ends=self.ends)
            plan = decide(TARGET, Readings(answer, account, rates), self.state, POLICY, self.now)
            self.state = replace(plan.state, outbox=(), published=self.now)
            self.sent += [(d["check"], d["reason"], d["severity"]) for d in plan.documents]
        return plan

    @property
    def words(self) -> list[tuple[str, str]]:
        return [(check, reason) for check, reason, _ in self.sent if reason != "reminder"]

    @property
    def checks(self) -> set[str]:
        return {check for check, _, _ in self.sent}


def rates(**known: float) -> AwsRates:
    return {Metric(name): AwsRate(rate, START) for name, rate in known.items()}


def status(word: str) -> Account:
    return replace(FINE, enforcement=word)


def used(emails: float) -> Account:
    return replace(FINE, used=emails)


def test_a_healthy_account_sends_nothing() -> None:
    monitor = Monitor()
    assert monitor.tick(FINE, rates(bounce=0.01, complaint=0.0001), times=8).verdict is Verdict.OK
    assert monitor.sent == []


# -- AWS's decision


def test_a_review_then_a_pause_then_health_are_sent_once_each() -> None:
    monitor = Monitor()
    assert monitor.tick(status("PROBATION"), times=8).verdict is Verdict.CRITICAL
    assert monitor.tick(status("SHUTDOWN"), times=8).verdict is Verdict.CRITICAL
    assert monitor.tick(times=8).verdict is Verdict.OK
    assert monitor.sent == [
        ("enforcement", "opened", "critical"),
        ("enforcement", "changed", "critical"),
        ("enforcement", "resolved", "critical"),
    ]


def test_each_change_of_the_status_has_its_headline() -> None:
    monitor = Monitor()
    words = ("PROBATION", "SHUTDOWN", "PROBATION", "UNDER_APPEAL", "HEALTHY")
    assert [monitor.tick(status(word), step=HOUR).documents[0]["title"] for word in words] == [
        "CRITICAL: AWS has put SES in eu-west-1 under review",
        "CRITICAL: AWS has paused SES in eu-west-1",
        "CRITICAL: AWS lets SES in eu-west-1 send again, under review",
        "WARNING: AWS calls SES in eu-west-1 UNDER_APPEAL",
        "OK: AWS calls SES in eu-west-1 healthy again",
    ]


def test_every_change_of_awss_status_is_sent() -> None:
    monitor = Monitor()
    for word in ("PROBATION", "SHUTDOWN", "PROBATION", "SHUTDOWN", "UNDER_APPEAL", "HEALTHY"):
        monitor.tick(status(word), times=5)
    assert monitor.words == [
        ("enforcement", "opened"),
        ("enforcement", "changed"),
        ("enforcement", "changed"),
        ("enforcement", "changed"),
        ("enforcement", "changed"),
        ("enforcement", "resolved"),
    ]


def test_a_pause_that_follows_a_review_within_the_hour_does_not_wait() -> None:
    monitor = Monitor()
    monitor.tick(status("PROBATION"))
    monitor.tick(status("SHUTDOWN"))
    assert monitor.words == [("enforcement", "opened"), ("enforcement", "changed")]


def test_an_unknown_status_is_sent_and_not_healthy() -> None:
    monitor = Monitor()
    assert monitor.tick(status("PENDING_SHUTDOWN")).verdict is Verdict.WARNING
    assert monitor.sent == [("enforcement", "opened", "warning")]


def test_sending_switched_off_and_on_by_the_account_itself() -> None:
    monitor = Monitor()
    assert monitor.tick(replace(FINE, sending=False), times=4).verdict is Verdict.CRITICAL
    monitor.tick(times=4)
    assert monitor.sent == [("sending", "opened", "critical"), ("sending", "resolved", "critical")]


# -- what a pause mutes


def test_a_pause_by_aws_mutes_the_rates_until_it_is_over() -> None:
    monitor = Monitor(bad_from=START)
    monitor.tick(status("SHUTDOWN"), times=30)
    assert monitor.checks == {"enforcement"}
    monitor.tick()
    assert ("bounce", "opened") in monitor.words


@pytest.mark.parametrize(
    ("account", "own"),
    [(status("PROBATION"), NO_RATES), (DENIED, NO_RATES), (DENIED, DENIED)],
    ids=["review", "account unreadable", "all unreadable"],
)
def test_a_review_or_unreadable_account_does_not_mute_the_rates(
    account: Account | Unreadable, own: AwsRates | Unreadable
) -> None:
    monitor = Monitor(bad_from=START)
    monitor.tick(account, own, times=30)
    assert "bounce" in monitor.checks


def test_a_pause_still_mutes_while_the_account_is_unreadable() -> None:
    monitor = Monitor(bad_from=START, ends=START)
    monitor.tick(status("SHUTDOWN"), rates(bounce=0.06), times=8)
    for _ in range(30):
        assert monitor.tick(THROTTLED).verdict is Verdict.CRITICAL
    assert monitor.checks == {"enforcement", "aws-unreadable"}


def test_sent_email_ends_a_pause_while_the_account_is_unreadable() -> None:
    monitor = Monitor(bad_from=START)
    monitor.tick(status("SHUTDOWN"), times=8)
    monitor.tick(THROTTLED, times=4)
    assert "bounce" not in monitor.checks
    monitor.tick(THROTTLED)
    assert "bounce" in monitor.checks


@pytest.mark.parametrize("stop", [status("SHUTDOWN"), replace(FINE, sending=False)], ids=["paused", "switched off"])
def test_stopped_sending_is_no_silence_while_the_account_is_unreadable(stop: Account) -> None:
    monitor = Monitor(ends=START)
    monitor.tick(replace(stop, used=0), times=8)
    monitor.tick(THROTTLED, times=30)
    assert "silence" not in monitor.checks


def test_a_pause_mutes_awss_own_rate_too() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(bounce=0.06))
    monitor.tick(status("SHUTDOWN"), rates(bounce=0.12, complaint=0.002), times=23, step=HOUR)
    assert monitor.words == [("bounce", "opened"), ("enforcement", "opened")]


def test_a_pause_mutes_reminders_of_the_rates() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(bounce=0.06))
    monitor.tick(status("SHUTDOWN"), rates(bounce=0.12), times=50, step=HOUR)
    assert {check for check, reason, _ in monitor.sent if reason == "reminder"} == {"enforcement"}


def test_readable_statistics_during_a_pause_resolve_their_alert() -> None:
    monitor = Monitor()
    monitor.tick(status("SHUTDOWN"))
    denied = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    monitor.tick(status("SHUTDOWN"), statistics=denied)
    monitor.tick(status("SHUTDOWN"), times=8)
    assert monitor.words[1:] == [("unreadable", "opened"), ("unreadable", "resolved")]


# -- unreadable account


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


# -- the quota


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


# -- AWS's own rates


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(0.0449, Verdict.OK), (0.0451, Verdict.WARNING), (0.0499, Verdict.WARNING), (0.05, Verdict.CRITICAL)],
)
def test_awss_own_bounce_rate_has_two_thresholds(rate: float, verdict: Verdict) -> None:
    assert Monitor().tick(rates=rates(bounce=rate)).verdict is verdict


def test_awss_own_rate_opens_escalates_and_resolves_if_ours_is_fine() -> None:
    monitor = Monitor()
    for rate, times in ((0.0449, 1), (0.046, 1), (0.05, 1), (0.01, 25)):
        monitor.tick(rates=rates(bounce=rate), times=times, step=HOUR)
    assert monitor.sent[:2] == [("bounce", "opened", "warning"), ("bounce", "escalated", "critical")]
    assert monitor.sent[-1][:2] == ("bounce", "resolved")


def test_awss_own_rate_above_its_pause_threshold_is_sent_once() -> None:
    monitor = Monitor()
    for rate in (0.0011, 0.0049, 0.005, 0.009, 0.0049, 0.006):
        monitor.tick(rates=rates(complaint=rate), times=5)
    assert monitor.words == [("complaint", "opened"), ("complaint", "changed")]


def test_awss_own_rate_near_its_threshold_joins_our_alert() -> None:
    monitor = Monitor(bad_from=START, bad=20)
    monitor.tick(rates=rates(bounce=0.02), times=16)
    monitor.tick(rates=rates(bounce=0.046), times=8)
    assert monitor.words == [("bounce", "opened")]


def test_awss_own_rate_above_its_review_threshold_escalates_our_alert() -> None:
    monitor = Monitor(bad_from=START, bad=20)
    monitor.tick(rates=rates(bounce=0.02), times=16)
    monitor.tick(rates=rates(bounce=0.052), times=8)
    assert monitor.words == [("bounce", "opened"), ("bounce", "escalated")]


def test_awss_own_rate_and_ours_are_one_alert() -> None:
    monitor = Monitor(bad_from=START + HOUR)
    monitor.tick(rates=rates(bounce=0.06), times=3 * 24, step=HOUR)
    assert monitor.checks == {"bounce"}
    assert [reason for _, reason in monitor.words].count("opened") == 1
    assert "resolved" not in {reason for _, reason in monitor.words}


def test_awss_own_rate_has_reminders() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(bounce=0.06), times=26, step=HOUR)
    assert [reason for _, reason, _ in monitor.sent] == ["opened", "reminder"]


def test_a_missing_rate_sends_nothing() -> None:
    monitor = Monitor()
    monitor.tick(times=2)
    assert monitor.sent == []


def test_a_missing_rate_resolves_nothing() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(complaint=0.002))
    monitor.tick(times=13 * 8, step=3 * HOUR)
    assert ("complaint", "resolved") not in monitor.words


def test_a_rate_aws_no_longer_publishes_closes_after_two_weeks() -> None:
    monitor = Monitor()
    monitor.tick(rates=rates(complaint=0.002))
    monitor.tick(times=14 * 8 - 1, step=3 * HOUR)
    plan = monitor.tick(step=3 * HOUR)
    assert [document["reason"] for document in plan.documents] == ["resolved"]
    assert "does not mean that all is well" in plan.documents[0]["summary"][-1]
    assert dict(plan.state.tracks) == {}


# -- GetAccount's answer

ANSWER: dict[str, Any] = {
    "EnforcementStatus": "HEALTHY",
    "SendingEnabled": True,
    "ProductionAccessEnabled": True,
    "SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 12.0},
}


def test_an_answer_of_get_account() -> None:
    assert account_from(ANSWER) == Account("HEALTHY", True, True, 50_000, 12)


def test_a_status_from_outside_is_cut_and_one_line() -> None:
    account = account_from(ANSWER | {"EnforcementStatus": "\N{PILE OF POO}" * 10_000 + "\n"})
    assert len(account.enforcement) == LONGEST_WORD
    assert account_from(ANSWER | {"EnforcementStatus": "A\nB\x00C"}).enforcement == "A B C"


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
def test_an_invalid_answer_is_refused(wrong: dict[str, Any]) -> None:
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
def test_any_answer_of_get_account_is_read_or_refused(answer: dict[str, Any]) -> None:
    try:
        account = account_from(answer)
    except BadData:
        return
    assert account.enforcement and account.state
