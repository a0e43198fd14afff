"""A valid but impossible answer is unknown: compared with the stored totals and with AWS's other answers of the run.

Each case is a world (who sends when), a fault (what GetSendStatistics leaves out), and days of runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from ses_reputation.core.decide import Plan, decide
from ses_reputation.core.history import BUCKET, DAY, HOUR, LOOKBACK, Instant, Point
from ses_reputation.core.plausibility import KEPT, LATE, DayCount, Witness, believed
from ses_reputation.core.readings import Account, Readings, Trouble, Unreadable
from ses_reputation.core.rules import Verdict, VolumePolicy, default_policy
from ses_reputation.core.state import State, from_text, to_text
from ses_reputation.core.target import Target

MONDAY = 1_738_540_800  # 2025-02-03T00:00Z
NOON = MONDAY + 14 * DAY + 12 * HOUR  # when faults begin
TARGET = Target("123456789012", "eu-west-1")
POLICY = replace(default_policy(), volume=VolumePolicy(silence=False, spike=0.0))
"""Silence alerts would hide the tested effect."""

Answer = tuple[Point, ...]
Fault = Callable[[Answer, Instant], Answer]


def steady(at: Instant) -> int:
    return 400


def office(at: Instant) -> int:
    return 400 if at % (7 * DAY) // DAY != 2 and at // DAY * DAY in OFFICE_DAYS and 8 <= at % DAY // HOUR < 18 else 0


OFFICE_DAYS = {MONDAY + week * 7 * DAY + day * DAY for week in range(-3, 12) for day in range(5)}


def newsletter(at: Instant) -> int:
    """4,000 emails on one day of every thirty."""
    return 4_000 if (at - MONDAY) % (30 * DAY) == 9 * HOUR else 0


def morning(at: Instant) -> int:
    """All emails of a day within one quarter of an hour."""
    return 5_000 if at % DAY == 9 * HOUR else 0


def nothing_wrong(answer: Answer, now: Instant) -> Answer:
    return answer


def empty(answer: Answer, now: Instant) -> Answer:
    return ()


def frozen(answer: Answer, now: Instant) -> Answer:
    return tuple(point for point in answer if point.at < NOON)


def a_day_late(answer: Answer, now: Instant) -> Answer:
    return tuple(point for point in answer if point.at < now - DAY)


def without_a_day(answer: Answer, now: Instant) -> Answer:
    return tuple(point for point in answer if not NOON - 2 * DAY <= point.at < NOON - DAY)


def an_hour_late(answer: Answer, now: Instant) -> Answer:
    return tuple(point for point in answer if point.at < now - HOUR)


@dataclass
class World:
    """One sender and its monitor."""

    sends: Callable[[Instant], int]
    bad_from: Instant | None = None  # 15% of the emails bounce from then on
    recipients: float = 1.0  # for each email that the statistics count
    asked: bool = True  # GetAccount answers
    state: State | None = None
    reasons: list[tuple[str, str]] = field(default_factory=list)
    points: dict[Instant, Point] = field(default_factory=dict)

    def answer(self, now: Instant) -> Answer:
        window = range((now - LOOKBACK) // BUCKET * BUCKET, now, BUCKET)
        for at in window:
            if at not in self.points:
                emails = self.sends(at)
                bounces = emails * 15 // 100 if self.bad_from is not None and at >= self.bad_from else 0
                self.points[at] = Point(at, emails, bounces)
        return tuple([point for point in map(self.points.__getitem__, window) if point.attempts])

    def account(self, now: Instant) -> Account:
        emails = sum(self.sends(at) for at in range(now - DAY, now, BUCKET))
        return Account("HEALTHY", sending=True, production=True, quota=10**7, used=emails * self.recipients)

    def runs(
        self, start: Instant, days: float, fault: Fault = nothing_wrong, step: int = HOUR
    ) -> Iterator[tuple[Instant, Plan]]:
        for now in range(start, start + int(days * DAY), step):
            account = self.account(now) if self.asked else Unreadable(Trouble.THROTTLED, "GetAccount: Throttling")
            plan = decide(TARGET, Readings(fault(self.answer(now), now), account, {}), self.state, POLICY, now)
            self.state = from_text(to_text(replace(plan.state, outbox=(), published=now)))
            self.reasons += [(document["check"], document["reason"]) for document in plan.documents]
            yield now, plan

    def healthy(self, days: float = 3) -> World:
        """Run without a fault up to noon."""
        for _ in self.runs(NOON - int(days * DAY), days):
            pass
        return self


def doubts(plan: Plan) -> bool:
    return plan.unreadable is not None and plan.unreadable.trouble is Trouble.CONTRADICTION


# -- impossible answers

FAULTS = [
    (steady, empty, 0),
    (office, empty, 0),
    (morning, empty, 0),
    (steady, frozen, 6),
    (office, frozen, 6),
    (morning, frozen, 25),
    (steady, a_day_late, 6),
    (office, a_day_late, 6),
    (steady, without_a_day, 0),
    (morning, without_a_day, 0),
]
"""Sender, fault, and hours after which it is noticed at the latest."""


@pytest.mark.parametrize(
    ("sends", "fault", "hours"),
    FAULTS,
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_an_impossible_answer_is_unknown_while_it_lasts(
    sends: Callable[[Instant], int], fault: Fault, hours: int
) -> None:
    world = World(sends).healthy()
    for now, plan in world.runs(NOON, 9, fault):
        if now >= NOON + hours * HOUR:
            assert plan.verdict is Verdict.UNKNOWN, (now - NOON) / HOUR
            assert doubts(plan)
    assert ("unreadable", "opened") in world.reasons and ("unreadable", "resolved") not in world.reasons


def test_empty_answers_are_unknown_for_longer_than_aws_keeps_buckets() -> None:
    for _, plan in World(steady).healthy().runs(NOON, 20, empty, step=4 * HOUR):
        assert doubts(plan)


@pytest.mark.parametrize("recipients", [1.0, 3.0])
@pytest.mark.parametrize("fault", [empty, without_a_day, a_day_late], ids=lambda fault: fault.__name__)
def test_one_shrunk_answer_about_a_sender_who_fell_silent_is_doubted_once(fault: Fault, recipients: float) -> None:
    world = World(lambda at: 400 if at < NOON - 3 * HOUR else 0, recipients=recipients)
    for _ in world.runs(NOON - 3 * DAY, 2.86):  # the last run is four hours before noon
        pass
    [(_, plan)] = world.runs(NOON, 0.01, fault)
    assert doubts(plan)
    for _, plan in world.runs(NOON + BUCKET, 1.5, step=BUCKET * 2):
        assert not doubts(plan)


@pytest.mark.parametrize("fault", [empty, frozen, without_a_day], ids=lambda fault: fault.__name__)
def test_a_critical_alert_never_resolves_on_unread_data(fault: Fault) -> None:
    world = World(steady, bad_from=NOON - 6 * HOUR).healthy()
    assert ("bounce", "opened") in world.reasons
    for _, plan in world.runs(NOON, 9, fault, step=2 * HOUR):
        assert plan.verdict is not Verdict.OK
    assert ("bounce", "resolved") not in world.reasons


@pytest.mark.parametrize(("sends", "fault"), [(steady, empty), (office, frozen), (morning, frozen)])
def test_complete_data_resolves_the_alert(sends: Callable[[Instant], int], fault: Fault) -> None:
    world = World(sends).healthy()
    for _ in world.runs(NOON, 2, fault):
        pass
    verdicts = [plan.verdict for _, plan in world.runs(NOON + 2 * DAY, 1.1)]
    assert verdicts[-1] is Verdict.OK
    assert world.reasons[-1] == ("unreadable", "resolved")


@pytest.mark.parametrize("fault", [empty, frozen], ids=lambda fault: fault.__name__)
def test_a_contradiction_on_the_very_first_run_is_unknown(fault: Fault) -> None:
    world = World(steady)
    for _, plan in world.runs(NOON + 3 * DAY, 2, fault):
        assert plan.verdict is Verdict.UNKNOWN
    assert world.reasons[0] == ("unreadable", "opened")


def test_a_contradiction_is_sent_from_the_second_run_on() -> None:
    world = World(steady).healthy()
    runs = world.runs(NOON, 1, empty)
    next(runs)
    assert world.reasons == []
    next(runs)
    assert world.reasons == [("unreadable", "opened")]


def test_an_empty_answer_is_not_ok_if_the_account_is_unreadable() -> None:
    world = World(steady).healthy()
    world.asked = False
    for _, plan in world.runs(NOON, 16, empty, step=4 * HOUR):
        assert plan.verdict in {Verdict.UNKNOWN, Verdict.NO_DATA}


def test_an_alert_stays_open_on_empty_answers() -> None:
    world = World(steady, bad_from=NOON - 6 * HOUR).healthy()
    world.asked = False
    for _ in world.runs(NOON, 16, empty, step=4 * HOUR):
        pass
    assert ("bounce", "resolved") not in world.reasons


def test_stored_totals_alone_are_never_ok() -> None:
    world = World(lambda at: 1_500 if at < NOON else 0).healthy()
    for now, plan in world.runs(NOON, 16, step=6 * HOUR):
        if now >= NOON + 14 * DAY:
            assert plan.seen.history is not None and plan.verdict is Verdict.NO_DATA


def test_an_answer_that_shrinks_a_little_every_run_is_found() -> None:
    world = World(steady).healthy()

    def shrinking(answer: Answer, now: Instant) -> Answer:
        lost = (now - NOON) // HOUR + 1
        return tuple(replace(point, attempts=400 - 2 * lost) if point.at < NOON else point for point in answer)

    plans = [plan for _, plan in world.runs(NOON, 0.5, shrinking)]
    assert doubts(plans[-1])


def test_an_outage_hides_no_contradiction() -> None:
    world = World(office).healthy()
    plans = [plan for _, plan in world.runs(NOON + 3 * DAY, 2, frozen)]
    assert all(doubts(plan) for plan in plans)


def test_days_that_aws_may_have_forgotten_are_no_witness() -> None:
    days = tuple(DayCount(NOON - age, 400) for age in (14 * DAY, KEPT + 1, KEPT, DAY))
    assert believed((), Witness(days), None, NOON).days == days[2:]


# -- plausible answers


@pytest.mark.parametrize("recipients", [1.0, 1.2, 50.0])
@pytest.mark.parametrize("fault", [nothing_wrong, an_hour_late], ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("sends", [steady, office, morning, newsletter], ids=lambda sends: sends.__name__)
def test_an_honest_answer_is_believed(sends: Callable[[Instant], int], fault: Fault, recipients: float) -> None:
    world = World(sends, recipients=recipients)
    for now, plan in world.runs(NOON - 3 * DAY, 8, fault):
        assert not doubts(plan), (now - MONDAY, plan.unreadable)


@pytest.mark.parametrize("sends", [office, morning, newsletter], ids=lambda sends: sends.__name__)
def test_runs_every_quarter_of_an_hour_believe_an_honest_answer(sends: Callable[[Instant], int]) -> None:
    for _, plan in World(sends).runs(NOON - 6 * HOUR, 1.2, step=BUCKET):
        assert not doubts(plan)


@pytest.mark.parametrize("days", [1, 4, 13, 20, 60])
@pytest.mark.parametrize("sends", [steady, office, newsletter], ids=lambda sends: sends.__name__)
def test_an_honest_answer_after_a_long_outage_is_believed(sends: Callable[[Instant], int], days: int) -> None:
    world = World(sends).healthy(days=1)
    for _, plan in world.runs(NOON + days * DAY, 0.5):
        assert not doubts(plan)


def test_a_newsletter_every_month_is_never_a_contradiction() -> None:
    for _, plan in World(newsletter).runs(NOON, 70, step=6 * HOUR):
        assert not doubts(plan)


def test_emails_to_the_simulator_use_no_quota_and_contradict_nothing() -> None:
    for _, plan in World(office, recipients=0.1).runs(NOON - 3 * DAY, 8):
        assert not doubts(plan)


def test_a_sender_who_stops_is_believed() -> None:
    world = World(lambda at: 400 if at < NOON else 0).healthy()
    for _, plan in world.runs(NOON, 5):
        assert not doubts(plan)


def test_the_first_emails_after_a_pause_may_be_late() -> None:
    world = World(lambda at: 400 if at < NOON - DAY or at >= NOON else 0).healthy()
    for _, plan in world.runs(NOON, LATE / DAY, frozen, step=BUCKET):
        assert not doubts(plan)


@pytest.mark.parametrize(("lost", "doubted"), [(0.009, False), (0.011, True)])
def test_totals_may_shrink_by_one_percent(lost: float, doubted: bool) -> None:
    world = World(lambda at: 10_000).healthy()

    def shrunk(answer: Answer, now: Instant) -> Answer:
        return tuple(replace(point, attempts=int(point.attempts * (1 - lost))) for point in answer)

    _, plan = next(world.runs(NOON, 1, shrunk))
    assert doubts(plan) is doubted


@pytest.mark.parametrize(("used", "doubted"), [(49, False), (50, True)])
def test_fewer_emails_than_fifty_contradict_nothing(used: int, doubted: bool) -> None:
    account = Account("HEALTHY", sending=True, production=True, quota=10**7, used=used)
    plan = decide(TARGET, Readings((), account, {}), None, POLICY, NOON)
    assert doubts(plan) is doubted
