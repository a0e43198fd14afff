"""The guarded pause: each doubt is a refusal with its reason, and the paused part is named, never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ses_reputation.aws import bounded
from ses_reputation.core.cause import CauseReading, Question
from ses_reputation.core.cause import Part as CausePart
from ses_reputation.core.decide import Plan, decide
from ses_reputation.core.history import BUCKET, DAY, HOUR, BadData, Point
from ses_reputation.core.orders import Ack, Mute, Orders
from ses_reputation.core.pause_guard import Facts, named, reason, refusal
from ses_reputation.core.pause_level import Level, Part
from ses_reputation.core.pause_record import KEPT, Pause, PauseReading, Stage, from_text, to_text
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, AwsRate, Readings, Trouble, Unreadable
from ses_reputation.core.rules import Severity, default_policy
from ses_reputation.core.target import Target

NOW = 1_738_368_000
TARGET = Target("123456789012", "eu-west-1")
POLICY = default_policy()
HEALTHY = Account("HEALTHY", sending=True, production=True, quota=1e6, used=0)
BAD_FROM = NOW - 8 * HOUR


def sender(now: int, share: int = 90, emails: int = 400, bad_from: int = BAD_FROM) -> tuple[Point, ...]:
    return tuple(
        Point(at, emails, share * emails // 400 if at >= bad_from else 3 * emails // 400)
        for at in range(now - 14 * DAY, now, BUCKET)
    )


def read(now: int = NOW, **changes: Any) -> Readings:
    rates = {Metric.BOUNCE: AwsRate(0.031, now - HOUR)}
    return replace(Readings(sender(now), HEALTHY, rates), **changes)


def facts_of(plan: Plan, metric: Metric = Metric.BOUNCE, pauses: tuple[Pause, ...] = ()) -> Facts:
    state, seen = plan.state, plan.seen
    track, sent = state.tracks.get(metric.value), state.sent.get(metric.value)
    return Facts(
        seen.now,
        TARGET,
        metric,
        track,
        seen.evaluations.get(metric),
        seen.readings,
        seen.history,
        plan.newest,
        sent,
        pauses,
        state.rearmed,
    )


def plan_of(readings: Readings) -> Plan:
    return decide(TARGET, readings, None, POLICY, NOW)


GOOD = facts_of(plan_of(read()))
assert GOOD.track is not None and GOOD.sent is not None
CAUSE = GOOD.track.id


def pause(stage: Stage = Stage.PAUSED, **changes: Any) -> Pause:
    return replace(Pause(stage, Part.SET, "newsletter", "", CAUSE, "two rules agree", NOW), **changes)


def test_a_critical_alert_without_a_doubt_may_pause() -> None:
    assert refusal(GOOD) == ""
    words = reason(Metric.BOUNCE, GOOD.evaluation, GOOD.readings)
    assert words.replace("\u00a0", " ") == (
        "3,072 of the last 38,400 emails bounced: 8% (sent over 1 d), over the critical threshold of 4.7% "
        "(rules aws-estimate and quarter-day). AWS's own rate is 3.1%, its review threshold 5%"
    )


def with_account(**changes: Any) -> Facts:
    return replace(GOOD, readings=replace(GOOD.readings, account=replace(HEALTHY, **changes)))


def with_rate(rate: float) -> Facts:
    return replace(GOOD, readings=replace(GOOD.readings, rates={Metric.BOUNCE: AwsRate(rate, NOW)}))


def with_orders(*mutes: Mute, acks: tuple[Ack, ...] = ()) -> Facts:
    return replace(GOOD, readings=replace(GOOD.readings, orders=Orders(mutes, acks)))


def unread(trouble: Trouble) -> Facts:
    return facts_of(plan_of(read(statistics=Unreadable(trouble, ""))))


def of_points(points: tuple[Point, ...]) -> Facts:
    return facts_of(plan_of(read(statistics=points)))


def two_rules_over_one_time() -> Facts:
    [rule] = [rule for rule in POLICY.bounce.rules if rule.name == "quarter-day"]
    policy = replace(POLICY, bounce=replace(POLICY.bounce, rules=(rule, replace(rule, name="again"))))
    return facts_of(decide(TARGET, read(), None, policy, NOW))


MUTE = Mute(NOW - HOUR, NOW + HOUR)

REFUSALS: dict[str, tuple[Callable[[], Facts], str]] = {
    "statistics unreadable": (lambda: unread(Trouble.TIMED_OUT), "the send statistics cannot be used"),
    "no alert": (lambda: of_points(sender(NOW, 3)), "our own rate has opened no critical alert"),
    "a warning": (lambda: of_points(sender(NOW, 16)), "our own rate has opened no critical alert"),
    "not sent yet": (lambda: replace(GOOD, sent=None), "our own rate has opened no critical alert"),
    "paused before": (lambda: replace(GOOD, pauses=(pause(),)), "it was paused for this alert before"),
    "resumed since": (
        lambda: replace(GOOD, pauses=(pause(resumed_at=NOW),)),
        "it was paused for this alert before",
    ),
    "over by now": (
        lambda: replace(GOOD, track=replace(GOOD.track, held_at=NOW - BUCKET)),  # type: ignore[type-var]
        "our own rate is not critical now",
    ),
    "one rule": (lambda: of_points(sender(NOW, 400, bad_from=NOW - 3 * BUCKET)), "only one critical rule holds"),
    "two rules over one time": (two_rules_over_one_time, "several over the same time"),
    "few emails since a resume": (
        lambda: replace(GOOD, rearmed=NOW - 2 * BUCKET - 1),
        "180 bounces of 800 emails in 24 h are too few to be certain",
    ),
    "old data": (lambda: replace(GOOD, newest=NOW - HOUR - 1), "no email was sent in the last hour"),
    "no data": (lambda: replace(GOOD, newest=None), "no email was sent in the last hour"),
    "few emails": (
        lambda: of_points(sender(NOW, 400, 8, NOW - 10 * DAY)),
        "768 bounces of 768 emails in 24 h are too few to be certain",
    ),
    "account unknown": (
        lambda: replace(GOOD, readings=replace(GOOD.readings, account=Unreadable(Trouble.DENIED, ""))),
        "the account's state is not known",
    ),
    "account off": (lambda: with_account(sending=False), "sending is stopped already"),
    "paused by AWS": (lambda: with_account(enforcement="SHUTDOWN"), "sending is stopped already"),
    "AWS unreadable": (
        lambda: replace(GOOD, readings=replace(GOOD.readings, rates=Unreadable(Trouble.DENIED, ""))),
        "AWS's own rate is not known",
    ),
    "AWS silent": (lambda: replace(GOOD, readings=replace(GOOD.readings, rates={})), "AWS's own rate is not known"),
    "AWS contradicts": (lambda: with_rate(0.0199), "AWS's own rate is only 1.99%"),
    "alert muted": (lambda: with_orders(replace(MUTE, check="bounce")), "the team has muted it"),
    "pause muted": (lambda: with_orders(replace(MUTE, check="pause")), "the team has muted it"),
    "all muted": (lambda: with_orders(MUTE), "the team has muted it"),
    "muted just now": (lambda: with_orders(replace(MUTE, start=NOW + 3)), "the team has muted it"),
    "orders unreadable": (
        lambda: replace(GOOD, readings=replace(GOOD.readings, orders=Orders(known=False))),
        "the orders of the team cannot be read",
    ),
    "acknowledged": (
        lambda: with_orders(acks=(Ack(TARGET.id, CAUSE, NOW),)),
        "somebody has acknowledged the alert",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_every_doubt_is_a_refusal_with_its_reason(case: str) -> None:
    facts, why = REFUSALS[case]
    assert why in refusal(facts())


@pytest.mark.parametrize(
    "facts",
    [
        with_rate(0.02),
        with_orders(replace(MUTE, check="complaint"), replace(MUTE, region="us-east-1"), replace(MUTE, until=NOW)),
        with_orders(acks=(Ack(TARGET.id, "bounce-x", NOW),)),
        replace(GOOD, newest=NOW - HOUR),
        replace(GOOD, pauses=(pause(cause="bounce-x"), pause(Stage.FAILED))),
    ],
    ids=["AWS at 0.4", "another mute", "another alert", "an hour old", "another pause"],
)
def test_harmless_circumstances_are_no_doubt(facts: Facts) -> None:
    assert refusal(facts) == ""


# -- what is paused


def reading(
    *parts: tuple[str, str, int], tenants: tuple[tuple[str, int, bool], ...] = (), events: int = 100
) -> CauseReading:
    question = Question(Metric.BOUNCE, "eu-west-1", NOW - HOUR, NOW, {NOW - HOUR: events} if events else None)
    return CauseReading(
        question, parts=tuple(CausePart(kind, name, count) for kind, name, count in parts), on_tenant_lists=tenants
    )


SET = ("configuration set", "newsletter", 60)
TENANT = ("acme", 90, True)
NOT_SEEN = (
    bounded.not_visible("configuration sets", BadData("GetMetricData: Forbidden")),
    bounded._DENIED["configuration sets"],
    bounded._DENIED["tenants"],
    "Not read for want of time: sampled addresses, tenants",
    bounded._LATE.format(seconds=15),
)
"""Notes of a search that may have missed the cause."""


@pytest.mark.parametrize(
    ("found", "level", "expected"),
    [
        (reading(SET), Level.SETS, (Part.SET, "newsletter")),
        (reading(SET), Level.ACCOUNT, (Part.SET, "newsletter")),
        (reading(SET), Level.DRY_RUN, (Part.SET, "newsletter")),
        (reading(SET, tenants=(TENANT,)), Level.TENANTS, (Part.SET, "newsletter")),
        (reading(tenants=(TENANT,)), Level.TENANTS, (Part.TENANT, "acme")),
        (reading(tenants=(TENANT,)), Level.ACCOUNT, (Part.TENANT, "acme")),
        (reading(tenants=(TENANT,)), Level.SETS, None),
        (reading(tenants=(("acme", 90, False),)), Level.TENANTS, None),
        (reading(("configuration set", "newsletter", 59)), Level.SETS, None),
        (reading(("configuration set", "newsletter", 59)), Level.ACCOUNT, (Part.ACCOUNT, "")),
        (reading(("sender", "newsletter", 99)), Level.SETS, None),
        (reading(("configuration set and campaign", "a and b", 99)), Level.SETS, None),
        (reading(("configuration set", "news letter; rm", 99)), Level.SETS, None),
        (reading(SET, events=0), Level.SETS, None),
        (replace(reading(), broke="KeyError in x.py, line 1"), Level.ACCOUNT, None),
        (replace(reading(), unseen=("Not visible: mailbox providers (throttled)",)), Level.ACCOUNT, (Part.ACCOUNT, "")),
        *((replace(reading(), unseen=(missing,)), Level.ACCOUNT, None) for missing in NOT_SEEN),
        (None, Level.SETS, None),
        (None, Level.ACCOUNT, (Part.ACCOUNT, "")),
        (reading(SET), Level.OFF, None),
    ],
)
def test_the_smallest_named_and_allowed_part_is_paused(
    found: CauseReading | None, level: Level, expected: tuple[Part, str] | None
) -> None:
    assert named(found, level) == expected


# -- the record


@pytest.mark.parametrize(
    ("part", "name", "what"),
    [
        (Part.SET, "newsletter", "configuration set newsletter"),
        (Part.TENANT, "acme", "tenant acme"),
        (Part.ACCOUNT, "", "all sending"),
    ],
)
def test_a_pause_says_what_it_stops(part: Part, name: str, what: str) -> None:
    assert pause(part=part, name=name).what == what


def test_pauses_come_back_equal_and_only_the_newest_are_kept() -> None:
    pauses = tuple(
        pause(cause=f"bounce-{n}", resumed_at=NOW, resumed_by="arn:aws:iam::1:user/x") for n in range(KEPT + 5)
    )
    assert from_text(to_text(pauses)) == pauses[5:]


def changed(**fields: Any) -> str:
    stored = json.loads(to_text((pause(),)))
    stored["pauses"][0] |= fields
    return json.dumps(stored)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"pauses": 5}',
        '{"pauses": [5]}',
        '{"pauses": [{}]}',
        "[" * 100_000,
        changed(stage="done"),
        changed(part="everything"),
        changed(at=-1),
        changed(at="now"),
        changed(resumed_at=10**20),
        changed(name=5),
        changed(name="jane.doe@example.com"),
        changed(name="x; rm -r ~"),
        changed(reference="arn:aws:ses:eu-west-1:123456789012:tenant/x y"),
        changed(moon="full"),
    ],
)
def test_an_invalid_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the stored pauses cannot be read"):
        from_text(text)


def test_a_records_texts_have_no_addresses_or_control_characters() -> None:
    dirty = dict.fromkeys(("cause", "why", "trouble", "resumed_by"), "ask jane@example.com\n\x1b" + "x" * 999)
    [read_back] = from_text(changed(**dirty))
    for name in dirty:
        text = getattr(read_back, name)
        assert text.startswith("ask …@example.com  x") and len(text) == 300


# -- re-armed


def test_after_a_resume_earlier_emails_count_only_for_headroom() -> None:
    before = plan_of(read())
    done = decide(TARGET, read(NOW + BUCKET), before.state, POLICY, NOW + BUCKET, pause=PauseReading(pause()))
    now = NOW + 4 * HOUR
    points = sender(now, bad_from=BAD_FROM)
    points = tuple(p if p.at < NOW or p.at >= now - HOUR else replace(p, attempts=0, bounces=0) for p in points)
    points = tuple(replace(p, bounces=3) if p.at >= now - HOUR else p for p in points)
    resumed = PauseReading(rearmed=now - HOUR)
    plan = decide(TARGET, read(now, statistics=points), done.state, POLICY, now, pause=resumed)
    assert sorted((d["check"], d["reason"]) for d in plan.documents) == [("bounce", "resolved"), ("pause", "resolved")]
    assert dict(plan.state.tracks) == {} and plan.state.rearmed == now - HOUR
    evaluation = plan.seen.evaluations[Metric.BOUNCE]
    assert evaluation.found == () and evaluation.view.emails == 1_600
    assert evaluation.headroom is not None and evaluation.headroom.events_left == 0
    after = decide(TARGET, read(now + BUCKET, statistics=points), plan.state, POLICY, now + BUCKET)
    assert after.documents == () and after.seen.evaluations[Metric.BOUNCE].found == ()


def test_a_new_outbreak_after_a_resume_may_pause_again() -> None:
    state = plan_of(read()).state
    state = decide(
        TARGET, read(NOW + BUCKET), state, POLICY, NOW + BUCKET, pause=PauseReading(rearmed=NOW + BUCKET)
    ).state
    now = NOW + 9 * HOUR
    plan = decide(TARGET, read(now), state, POLICY, now)
    track = plan.state.tracks["bounce"]
    assert track.severity is Severity.CRITICAL and track.id != CAUSE and (track.started or 0) >= NOW + BUCKET
    assert refusal(facts_of(plan, pauses=(pause(resumed_at=NOW + BUCKET),))) == ""
