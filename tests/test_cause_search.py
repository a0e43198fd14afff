"""The cause in the notifications: what they show, and that the search can neither lose nor delay them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ses_reputation.aws.bounded import BUDGET, Budget
from ses_reputation.cause_search import Explainer, sent_from
from ses_reputation.core.alert import Track
from ses_reputation.core.cause import CauseReading, Question, question_from
from ses_reputation.core.checks.rate import LIST_STEP
from ses_reputation.core.decide import Plan, decide
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant, Point
from ses_reputation.core.notification import LONGEST_TEXT, problem_of
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, AccountFacts, AwsRate, Readings
from ses_reputation.core.recipients import Entry
from ses_reputation.core.rules import Severity, default_policy
from ses_reputation.core.state import from_text, to_text
from ses_reputation.core.target import Target
from ses_reputation.run import Explained

NOW = 1_738_368_000
BAD_FROM = NOW - 2 * HOUR
IRELAND, OHIO = Target("123456789012", "eu-west-1"), Target("123456789012", "us-east-2")
POLICY = default_policy()
HEALTHY = Account("HEALTHY", sending=True, production=True, quota=1_000_000, used=40_000)


def points(until: Instant = NOW, bad: str = "bounce complaint", bad_from: Instant = BAD_FROM) -> tuple[Point, ...]:
    """400 emails every 15 minutes, of which many bounce or bring complaints from some time on."""
    return tuple(
        Point(
            at,
            400,
            60 if "bounce" in bad and at >= bad_from else 3,
            complaints=20 if "complaint" in bad and at >= bad_from else 0,
        )
        for at in range(until - 13 * DAY, until, BUCKET)
    )


def opened(bad: str = "bounce complaint", target: Target = IRELAND) -> Plan:
    plan = decide(target, Readings(points(bad=bad), HEALTHY), None, POLICY, NOW)
    assert {d["check"] for d in plan.documents} == set(bad.split())
    return plan


class Looking:
    """A search that returns what it is given and records its questions."""

    def __init__(self, seconds: float = 0.0, calls: int = 5, **found: Any) -> None:
        self.now, self.seconds, self.calls, self.found = 0.0, seconds, calls, found
        self.asked: list[tuple[Metric, Instant, bool, Budget]] = []
        self.bug: Callable[[], None] = lambda: None

    def clock(self) -> float:
        return self.now

    def __call__(self, plan: Plan, metric: Metric, since: Instant, *, reminder: bool, budget: Budget) -> CauseReading:
        self.asked.append((metric, since, reminder, budget))
        self.now += min(self.seconds, budget.seconds)
        self.bug()
        question = question_from(metric, plan.target.region, plan.seen.history, since, plan.seen.now)
        return CauseReading(question, **{"calls": min(self.calls, budget.calls), **self.found})


def test_emails_before_a_resume_are_not_the_cause() -> None:
    plan = opened()
    assert sent_from(plan, Metric.BOUNCE) < NOW - HOUR
    assert sent_from(replace(plan, state=replace(plan.state, rearmed=NOW - HOUR)), Metric.BOUNCE) == NOW - HOUR


def explained(looking: Looking, plan: Plan, seconds: float = 100.0) -> Explained:
    return Explainer(looking, seconds, looking.clock).explain(plan)


def refused(number: int = 480) -> tuple[Entry, ...]:
    """A number of new entries, all at one company."""
    return tuple(Entry("acme.example", BAD_FROM + at * 2 * HOUR // number, made_up=False) for at in range(number))


def test_the_notification_shows_the_cause_and_the_first_step() -> None:
    plan = opened("bounce")
    [before] = plan.documents
    found = explained(Looking(entries=refused(), facts=AccountFacts(frozenset(Metric))), plan)
    [document] = found.plan.documents
    assert document["cause"].startswith("Likely refused by acme.example. 480 of the ")
    assert document["first_steps"][0].startswith("Stop email to acme.example")
    assert document["first_steps"][1:] == [step for step in before["first_steps"] if step != LIST_STEP]
    assert [delivery.document for delivery in found.plan.state.outbox] == [document]
    assert found.failures == ()
    unchanged = ("cause", "first_steps")
    assert {k: v for k, v in document.items() if k not in unchanged} == {
        k: v for k, v in before.items() if k not in unchanged
    }


def test_a_stored_cause_can_be_read_back() -> None:
    plan = explained(Looking(entries=refused()), opened()).plan
    assert [problem_of(document) for document in plan.documents] == [None, None]
    assert from_text(to_text(plan.state)) == plan.state


def test_a_disabled_list_comes_with_the_command_to_enable_it() -> None:
    facts = AccountFacts(frozenset({Metric.COMPLAINT}))
    [document] = explained(Looking(entries=(), facts=facts), opened("bounce")).plan.documents
    assert "put-account-suppression-attributes" in document["first_steps"][0]
    assert LIST_STEP not in document["first_steps"]


def test_an_advice_of_the_cause_is_not_repeated() -> None:
    entries = tuple(entry._replace(domain=f"gone{n % 40}.example") for n, entry in enumerate(refused()))
    [document] = explained(Looking(entries=entries), opened("bounce")).plan.documents
    assert document["cause"].startswith("Likely an old or bought list")
    assert len([step for step in document["first_steps"] if "send only to people who opened" in step]) == 1


def test_without_a_clear_cause_the_usual_steps_stay() -> None:
    unseen = ("Not visible: the role may not list suppressed addresses (ses:ListSuppressedDestinations)",)
    plan = opened("bounce")
    [document] = explained(Looking(unseen=unseen), plan).plan.documents
    assert document["cause"] == f"The cause is not clear. {unseen[0]}."
    assert document["first_steps"] == plan.documents[0]["first_steps"]


def test_a_long_cause_is_cut_to_what_a_document_may_hold() -> None:
    [document] = explained(Looking(unseen=("x" * 3_000,)), opened("bounce")).plan.documents
    assert len(document["cause"]) == LONGEST_TEXT


def test_only_a_reminder_mentions_the_virtual_deliverability_manager() -> None:
    off = AccountFacts(frozenset(Metric), vdm=False)
    plans = [opened("bounce")]
    for now in (NOW + 2 * HOUR, NOW + 26 * HOUR):
        plans.append(decide(IRELAND, Readings(points(now, "bounce"), HEALTHY), plans[-1].state, POLICY, now))
    causes: dict[str, str] = {}
    for plan in plans:
        looking = Looking(entries=refused(), facts=off)
        for document in explained(looking, plan).plan.documents:
            causes[document["reason"]] = document["cause"]
            assert looking.asked[0][2] is (document["reason"] == "reminder")
    assert set(causes) == {"opened", "escalated", "reminder"}
    assert "put-account-vdm-attributes" in causes["reminder"]
    assert "Deliverability" not in causes["opened"] + causes["escalated"]


def test_resolutions_and_other_alerts_start_no_search() -> None:
    paused = Account("SHUTDOWN", sending=True, production=True, quota=1_000_000, used=40_000)
    plan = decide(IRELAND, Readings(points(bad=""), paused), None, POLICY, NOW)
    state = opened("bounce").state
    over = decide(IRELAND, Readings(points(NOW + 40 * HOUR, "", 0), HEALTHY), state, POLICY, NOW + 40 * HOUR)
    looking = Looking()
    for quiet in (plan, over):
        assert quiet.documents
        assert explained(looking, quiet) == Explained(quiet)
    assert looking.asked == []


# -- bounds


def test_two_alerts_of_a_target_share_one_budget() -> None:
    looking = Looking(seconds=99, calls=99)
    explained(looking, opened())
    (_, _, _, first), (_, _, _, second) = looking.asked
    assert first.calls + second.calls == BUDGET.calls and first.seconds + second.seconds == BUDGET.seconds
    assert (first.calls, second.calls) == (6, 6)


def test_the_second_alert_gets_the_time_left_by_the_first() -> None:
    looking = Looking(seconds=3, calls=4)
    explained(looking, opened())
    assert [(budget.calls, budget.seconds) for *_, budget in looking.asked] == [(6, 7.5), (8, 12.0)]


def test_a_run_without_time_left_starts_no_search() -> None:
    looking = Looking(seconds=99)
    explained(looking, opened(), seconds=4.0)
    assert [budget.seconds for *_, budget in looking.asked] == [4.0, 0.0]
    looking = Looking()
    explained(looking, opened("bounce"), seconds=-30.0)
    assert [budget.seconds for *_, budget in looking.asked] == [0.0]


def test_targets_do_not_share_a_budget() -> None:
    looking = Looking(seconds=99, calls=99)
    explainer = Explainer(looking, 100.0, looking.clock)
    for target in (IRELAND, OHIO):
        explainer.explain(opened("bounce", target))
    assert [budget.calls for *_, budget in looking.asked] == [12, 12]


def test_a_repeated_decision_starts_no_second_search() -> None:
    looking = Looking(entries=refused())
    explainer = Explainer(looking, 100.0, looking.clock)
    first, again = explainer.explain(opened("bounce")), explainer.explain(opened("bounce"))
    assert len(looking.asked) == 1 and first.plan.documents == again.plan.documents


def test_the_window_begins_before_the_trouble_and_never_before_the_statistics() -> None:
    looking = Looking()
    explained(looking, opened())
    starts = {metric: since for metric, since, _, _ in looking.asked}
    assert BAD_FROM - 3 * HOUR <= starts[Metric.BOUNCE] <= BAD_FROM
    assert BAD_FROM - 25 * HOUR <= starts[Metric.COMPLAINT] <= BAD_FROM - 22 * HOUR
    old = opened("bounce")
    track = Track("bounce-x", NOW - 40 * DAY, Severity.WARNING, NOW, NOW, None)
    aged = replace(old, state=replace(old.state, tracks={"bounce": track}))
    looking = Looking()
    explained(looking, aged)
    assert looking.asked[0][1] == NOW - 14 * DAY


def test_the_search_for_awss_rate_starts_at_its_opening() -> None:
    rates = {Metric.BOUNCE: AwsRate(0.06, NOW - HOUR)}
    plan = decide(IRELAND, Readings(points(bad=""), HEALTHY, rates), None, POLICY, NOW)
    looking = Looking()
    explained(looking, plan)
    assert [(metric, since) for metric, since, _, _ in looking.asked] == [(Metric.BOUNCE, NOW - 2 * HOUR)]


# -- bugs


def test_a_bug_fails_the_run_but_the_alert_is_sent() -> None:
    looking = Looking()

    def bug() -> None:
        raise KeyError("jane.doe@example.org")

    looking.bug = bug
    plan = opened()
    found = explained(looking, plan)
    assert found.plan == plan
    assert len(found.failures) == 2
    assert found.failures[0].startswith(
        "the search for the cause of the bounces failed (KeyError in test_cause_search.py, line "
    )
    assert "@" not in "".join(found.failures)


def test_a_bug_at_one_alert_leaves_the_other_its_cause() -> None:
    looking = Looking(entries=refused())

    def bug() -> None:
        if looking.asked[-1][0] is Metric.BOUNCE:
            raise ZeroDivisionError

    looking.bug = bug
    found = explained(looking, opened())
    causes = {document["check"]: document["cause"] for document in found.plan.documents}
    assert causes["bounce"] is None and causes["complaint"] is not None
    assert len(found.failures) == 1


def test_a_bug_of_the_edge_keeps_what_was_read_before() -> None:
    looking = Looking(entries=refused(), broke="TypeError in cause.py, line 7")
    found = explained(looking, opened("bounce"))
    assert found.failures == ("the search for the cause of the bounces failed (TypeError in cause.py, line 7)",)
    assert found.plan.documents[0]["cause"].startswith("Likely refused by acme.example")


@pytest.mark.parametrize("broken", [None, "text", 7])
def test_a_reading_that_cannot_be_worded_is_a_failure(broken: Any) -> None:
    plan = opened("bounce")
    question = Question(Metric.BOUNCE, "eu-west-1", BAD_FROM, NOW, None)
    looking = Looking(parts=broken, entries=refused(), question=question)
    found = explained(looking, plan)
    assert found.plan == plan and len(found.failures) == 1
