"""From the first warning to the all-clear: when something is said, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.alert import Alert, Change, Kind, Reason, caught_up, reminder_due, step
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant
from ses_reputation.core.rules import Finding, Severity

START = 1_738_368_000
WARNING = (Finding("w", Severity.WARNING),)
CRITICAL = (Finding("c", Severity.CRITICAL),)
NOTHING: tuple[Finding, ...] = ()


@dataclass
class Play:
    """Plays ticks and notes what is said, in hours since the start."""

    alert: Alert | None = None
    now: Instant = START
    said: list[tuple[float, str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def ticks(self, hours: float, found: tuple[Finding, ...], calm: bool = True) -> Play:
        for _ in range(int(hours * 4)):
            self.alert, change = step(self.alert, "bounce", found, lambda: calm, self.now)
            if change is not None:
                word = change.alert.severity.word
                self.said.append(((self.now - START) / HOUR, change.reason.value, word))
                self.ids.append(change.alert.id)
                assert change.alert.seq == sum(i == change.alert.id for i in self.ids)
            self.now += BUCKET
        return self


def test_it_is_told_when_it_opens_and_not_every_quarter_of_an_hour() -> None:
    assert Play().ticks(20, WARNING).said == [(0, "opened", "warning")]


def test_an_escalation_is_told_at_once_and_a_de_escalation_is_not() -> None:
    assert Play().ticks(2, WARNING).ticks(1, CRITICAL).ticks(5, WARNING).ticks(2, CRITICAL).said == [
        (0, "opened", "warning"),
        (2, "escalated", "critical"),
    ]


def test_reminders_come_after_one_two_and_four_days_and_then_every_week() -> None:
    said = Play().ticks(24 * 20, WARNING).said
    assert [hours / 24 for hours, _, _ in said] == [0, 1, 2, 4, 11, 18]
    assert {reason for _, reason, _ in said[1:]} == {"still"}


def test_an_escalation_restarts_the_reminders() -> None:
    said = Play().ticks(30, WARNING).ticks(100, CRITICAL).said
    assert [(hours, reason) for hours, reason, _ in said] == [
        (0, "opened"),
        (24, "still"),
        (30, "escalated"),
        (54, "still"),
        (78, "still"),
        (126, "still"),
    ]


def test_it_is_over_a_day_after_the_last_finding_when_the_rates_are_low() -> None:
    assert Play().ticks(2, WARNING).ticks(30, NOTHING).said[-1] == (25.75, "recovered", "warning")


def test_it_is_not_over_while_the_rates_are_not_low() -> None:
    play = Play().ticks(2, WARNING).ticks(60, NOTHING, calm=False)
    assert [reason for _, reason, _ in play.said] == ["opened", "still", "still"]
    assert play.ticks(1, NOTHING).said[-1][1] == "recovered"


def test_no_reminder_comes_while_the_all_clear_may_be_on_its_way() -> None:
    assert [reason for _, reason, _ in Play().ticks(2, WARNING).ticks(30, NOTHING).said] == ["opened", "recovered"]
    late = Play().ticks(2, WARNING).ticks(30, NOTHING, calm=False).said
    assert [(hours, reason) for hours, reason, _ in late] == [(0, "opened"), (25.75, "still")]


def test_flapping_does_not_reopen() -> None:
    play = Play()
    for _ in range(8):
        play.ticks(1, WARNING).ticks(20, NOTHING)
    assert [reason for _, reason, _ in play.said].count("opened") == 1 and len(set(play.ids)) == 1


def test_a_second_trouble_is_a_second_alert() -> None:
    play = Play().ticks(1, WARNING).ticks(30, NOTHING).ticks(1, WARNING)
    assert [reason for _, reason, _ in play.said] == ["opened", "recovered", "opened"]
    assert len(set(play.ids)) == 2


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.OPENED, Kind.FIRING),
        (Reason.ESCALATED, Kind.FIRING),
        (Reason.STILL, Kind.REMINDER),
        (Reason.RECOVERED, Kind.RESOLVED),
    ],
)
def test_each_reason_asks_reminds_or_releases(reason: Reason, kind: Kind) -> None:
    assert reason.kind is kind


@given(
    found=st.lists(st.sampled_from([NOTHING, WARNING, CRITICAL]), min_size=1, max_size=400),
    calm=st.booleans(),
)
def test_ticks_one_by_one_and_caught_up_one_by_one_say_the_same(found: list[tuple[Finding, ...]], calm: bool) -> None:
    plain: Alert | None = None
    told: Alert | None = None
    for number, here in enumerate(found):
        now = START + number * 3 * HOUR
        plain, change = step(plain, "bounce", here, lambda: calm, now)
        after, _ = step(told, "bounce", here, lambda: calm, now)
        told, changes = caught_up(told, after, now, {})
        assert changes == (() if change is None else (change,))
        assert told == plain


def gap(before: Play, play: Play) -> tuple[Change, ...]:
    """What is told after ticks that nobody announced."""
    return caught_up(before.alert, play.alert, play.now, {})[1]


def test_what_began_and_ended_while_nobody_looked_is_not_told() -> None:
    assert gap(Play(), Play().ticks(3, CRITICAL).ticks(40, NOTHING)) == ()


def test_what_began_while_nobody_looked_and_goes_on_is_told_once_as_it_is_now() -> None:
    play = Play().ticks(30, WARNING).ticks(50, CRITICAL)
    [change] = gap(Play(), play)
    assert (change.reason, change.alert.severity) == (Reason.OPENED, Severity.CRITICAL)
    assert change.alert.opened_at == START and change.alert.told_at == play.now


def test_reminders_that_were_missed_are_one() -> None:
    before = Play().ticks(1, WARNING)
    after, [change] = caught_up(before.alert, before.alert, START + 5 * DAY, {})
    assert change.reason is Reason.STILL and change.alert.seq == 2
    assert after is not None and reminder_due(after) == START + 11 * DAY


def test_an_end_and_a_new_beginning_while_nobody_looked_are_both_told() -> None:
    before = Play().ticks(1, WARNING)
    after = Play(before.alert, before.now, ids=list(before.ids)).ticks(40, NOTHING).ticks(1, CRITICAL)
    assert [change.reason for change in gap(before, after)] == [Reason.RECOVERED, Reason.OPENED]


def test_what_is_told_late_has_the_number_that_it_would_have_had() -> None:
    before = Play().ticks(1, WARNING)
    worse = Play(before.alert, before.now, ids=list(before.ids)).ticks(30, WARNING).ticks(1, CRITICAL)
    assert worse.said[-1][1:] == ("escalated", "critical") and len(worse.said) == 2  # a reminder before it
    [change] = gap(before, worse)
    assert change.alert.seq == 3
    [end] = caught_up(before.alert, None, worse.now + 2 * DAY, {"bounce-20250201T0000Z": 4})[1]
    assert (end.reason, end.alert.seq) == (Reason.RECOVERED, 4)
