"""Silence: found at a sender who stops; nights, weekends, small and young senders are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ses_reputation.core.alert import Track, advance
from ses_reputation.core.checks.silence import SILENCE, SilenceFound
from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET, DAY, HOUR, LOOKBACK, History, Point
from ses_reputation.core.readings import Account, Readings
from ses_reputation.core.rules import VolumePolicy, default_policy

from tests.core.checks.sender import END, START, TARGET, found, seen, sender, steady, stopped


def test_a_sender_who_never_stops_is_silent_after_two_hours() -> None:
    assert found(stopped(1.75), END) == []
    assert found(stopped(2), END) == ["silence"]


def open_silence(history: History, now: int) -> Track:
    """The track of a sender who is found silent at `now`."""
    track = advance(None, SILENCE.standings(seen(history, now))["silence"], now, "silence", unsaved=now)
    assert track is not None
    return track


def still_silent(history: History, now: int, known: Track) -> SilenceFound | None:
    standing = SILENCE.standings(seen(history, now, silence=known))["silence"]
    finding = next(iter(standing.found), None)
    assert finding is None or isinstance(finding, SilenceFound)
    return finding


def test_a_silent_sender_stays_silent_until_email_goes_out() -> None:
    def office(until: int) -> History:
        stop = START + 10 * DAY + 12 * HOUR
        return sender(lambda at: 200 if at < stop and 8 <= at % DAY // HOUR < 18 else 0, until=until)

    opened = START + 10 * DAY + 16 * HOUR
    known = open_silence(office(opened), opened)
    night = START + 11 * DAY + 3 * HOUR
    assert found(office(night), night) == []
    finding = still_silent(office(night), night, known)
    assert finding is not None and finding.until - finding.since == 15 * HOUR


@pytest.mark.parametrize(("emails", "over"), [(1, False), (9, False), (10, True)])
def test_one_email_sent_by_hand_ends_no_silence(emails: int, over: bool) -> None:
    opened = END - 3 * HOUR
    known = open_silence(sender(lambda at: steady(at) if at < opened - 2 * HOUR else 0, until=opened), opened)
    again = sender(lambda at: emails if at == END - HOUR else steady(at) if at < opened - 2 * HOUR else 0)
    finding = still_silent(again, END, known)
    assert (finding is None) == over
    if finding is not None:
        assert (finding.emails, finding.day_before) == (emails, 9_600)
        assert finding.until - finding.since == 5 * HOUR


def test_a_large_sender_is_silent_when_almost_nothing_goes_out() -> None:
    def trickle(at: int) -> int:
        return 200_000 if at < END - DAY else 2

    opened = END - 22 * HOUR
    known = open_silence(sender(lambda at: 200_000 if at < END - DAY else 0, until=opened), opened)
    assert still_silent(sender(trickle), END, known) is not None
    assert still_silent(sender(lambda at: max(trickle(at), 1_000)), END, known) is None


@pytest.mark.parametrize(
    ("status", "sending"), [("SHUTDOWN", True), ("HEALTHY", False)], ids=["paused", "switched off"]
)
def test_a_sender_known_to_be_stopped_is_not_silent(status: str, sending: bool) -> None:
    account = Account(status, sending=sending, production=True, quota=100_000, used=0)
    assert found(stopped(24), END, account=account) == []
    assert found(stopped(24), END, account=replace(account, enforcement="PROBATION", sending=True)) == ["silence"]


def test_silence_can_be_switched_off() -> None:
    assert found(stopped(24), END, policy=VolumePolicy(silence=False)) == []


def test_a_young_sender_and_a_small_one_have_no_habits() -> None:
    young = sender(lambda at: 100 if at < END - 3 * HOUR else 0, days=6)
    assert found(young, END) == []
    assert found(stopped(40, lambda at: at % DAY == 0), END) == []


@pytest.mark.parametrize(("hours", "silent"), [(5.75, []), (6, ["silence"])])
def test_a_sender_has_habits_after_a_week_and_six_hours(hours: float, silent: list[str]) -> None:
    young = sender(lambda at: 100 if at < END - 2 * HOUR else 0, days=7 + hours / 24)
    assert found(young, END) == silent


def test_a_sender_of_a_few_days_has_no_habits() -> None:
    assert found(sender(lambda at: 50_000 if at == END - 13 * DAY else 0), END) == []


def monthly(at: int) -> int:
    """A newsletter on one day of every thirty."""
    return 4_000 if (at - START) % (30 * DAY) == 9 * HOUR else 0


def test_a_monthly_newsletter_is_neither_silence_nor_a_spike() -> None:
    state, opened, failed_from = None, [], START + 120 * DAY
    for now in range(START + HOUR, failed_from + 40 * DAY, 12 * HOUR):
        sent = range(max(START, now - LOOKBACK) // BUCKET * BUCKET, min(now, failed_from), BUCKET)
        points = tuple(Point(at, monthly(at)) for at in sent if monthly(at))
        plan = decide(TARGET, Readings(points), state, default_policy(), now)
        state = replace(plan.state, outbox=(), published=now)
        opened += [(d["check"], (now - failed_from) // DAY) for d in plan.documents if d["reason"] == "opened"]
    # the last one came 30 days before that, and a pause may be a day shorter than it looks
    assert opened == [("silence", 28)]


def working_hours(at: int) -> int:
    """Monday to Friday, eight to six."""
    day, hour = (at - START) // DAY % 7, at % DAY // HOUR
    return 200 if day < 5 and 8 <= hour < 18 else 0


@pytest.mark.parametrize("hours", [6, 14, 24, 62, 86, 110], ids="{} h".format)
def test_nights_week_ends_and_long_holidays_are_quiet(hours: int) -> None:
    until = START + 14 * DAY + hours * HOUR
    assert found(sender(working_hours, until=until - hours * HOUR), until) == []


def test_one_working_day_without_email_is_no_silence_but_a_week_is() -> None:
    friday_evening = START + 11 * DAY + 18 * HOUR
    history = sender(lambda at: working_hours(at) if at < friday_evening else 0, days=20, until=START + 20 * DAY)
    assert found(history, START + 15 * DAY) == []
    assert found(history, friday_evening + 124 * HOUR) == []
    assert found(history, friday_evening + 125 * HOUR) == ["silence"]


def test_a_late_job_is_not_silence() -> None:
    def daily(at: int) -> int:
        return 5_000 if at % DAY == 9 * HOUR and at < END - DAY else 0

    assert found(sender(daily), END - DAY + 15 * HOUR) == []


@pytest.mark.parametrize(("hours", "silent"), [(23.75, []), (24, ["silence"])])
def test_a_sender_who_pauses_now_and_then_is_silent_after_a_day(hours: float, silent: list[str]) -> None:
    def with_a_short_pause_each_day(at: int) -> int:
        return 0 if at % DAY // HOUR in {12, 22} else 100

    assert found(stopped(hours, with_a_short_pause_each_day), END) == silent


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_clock_change_is_no_silence(shift: int) -> None:
    def local(at: int) -> int:
        hour = (at + (shift * HOUR if at >= END - DAY else 0)) % DAY // HOUR
        return 100 if 6 <= hour < 22 else 0

    history = sender(local)
    assert all(found(history, now) == [] for now in range(END - DAY, END, BUCKET))
