"""A stored state loads exactly, or not at all."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ses_reputation.core.alert import Sent, Track
from ses_reputation.core.checks import ALL, FACTS
from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET, Point
from ses_reputation.core.notification import problem_of
from ses_reputation.core.pause_level import Part
from ses_reputation.core.pause_record import Pause, PauseReading, Stage
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, Audience, AwsRate, Readings, Trouble, Unreadable
from ses_reputation.core.rules import Severity, default_policy
from ses_reputation.core.state import SCHEMA, BadState, Delivery, State, from_text, to_text
from ses_reputation.core.target import Target

START = 1_738_368_000  # 2025-02-01T00:00Z
GOLDEN = Path(__file__).parent / "golden"
TARGET = Target("123456789012", "eu-west-1", "Größe & <Co>")
POLICY = default_policy()
POINTS = tuple(Point(START + i * BUCKET, 400, 60 if i > 900 else 4, 1) for i in range(1_002))
DENIED = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")


def tick(number: int) -> int:
    return START + number * BUCKET


def busy_state() -> State:
    """A state with everything in it: alerts of two sources, of the account and of a failed reading; a claimed delivery."""
    account = Account("PROBATION", sending=False, production=True, quota=40_000, used=39_000)
    rates = {Metric.BOUNCE: AwsRate(0.06, tick(990))}
    read = Readings(POINTS[:1_000], account, rates, Audience(2, 1, 1))
    pause = Pause(Stage.PAUSED, Part.SET, "newsletter", "", "bounce-x", "two rules agree", tick(999))
    state = decide(TARGET, read, None, POLICY, tick(1_000), pause=PauseReading(pause, rearmed=tick(1))).state
    claimed = tuple(
        Delivery(d.document, ("email",), tick(1_000), tick(1_000) + 300, 1, tick(1_000)) for d in state.outbox
    )
    unread = Readings(DENIED, account, rates)
    return decide(TARGET, unread, replace(state, outbox=claimed, published=tick(1_000)), POLICY, tick(1_001)).state


BUSY = busy_state()


def test_the_busy_state_has_everything_in_it() -> None:
    assert set(BUSY.tracks) == {
        "bounce",
        "bounce/aws",
        "complaint",
        "enforcement",
        "pause",
        "quota",
        "sending",
        "subscribers",
        "unreadable",
    }
    empty = [each.name for each in fields(State) if not getattr(BUSY, each.name)]
    assert empty == []


def test_a_full_state_loads_equal() -> None:
    assert from_text(to_text(BUSY)) == BUSY


@pytest.mark.parametrize("at", [START, 253_402_300_799], ids=["now", "the last second of the year 9999"])
def test_an_empty_state_loads_equal(at: int) -> None:
    assert from_text(f'{{"tick": {at}}}') == State(tick=at)


# -- schema numbers


def stored_fields(kind: Any) -> Any:
    """Every field that `kind` stores, with its type, through all records inside it."""
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return {name: stored_fields(hint) for name, hint in sorted(get_type_hints(kind).items())}
    inner = [stored_fields(argument) for argument in get_args(kind) if argument not in (type(None), ...)]
    inner = [each for each in inner if isinstance(each, dict)]
    return inner[0] if inner else str(kind).replace("<class '", "").replace("'>", "")


def golden(name: str, text: str) -> str:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    return path.read_text()


def test_stored_fields_change_only_with_a_new_schema_number() -> None:
    """After a change: raise SCHEMA, teach `upgraded` the schema before, then run with UPDATE_GOLDEN=1."""
    now = {
        "schema": SCHEMA,
        "state": stored_fields(State),
        "tracks": {name: stored_fields(kind) for name, kind in sorted(FACTS.items())},
    }
    assert json.loads(golden(f"fields-{SCHEMA}.json", json.dumps(now, indent=1) + "\n")) == now


def test_a_stored_state_of_this_schema_is_read() -> None:
    text = golden(f"state-{SCHEMA}.json", json.dumps(json.loads(to_text(BUSY)), indent=1) + "\n")
    state = from_text(text, schema=SCHEMA)
    assert set(state.tracks) == set(BUSY.tracks)
    assert json.loads(to_text(state)) == json.loads(text)


OLD = (GOLDEN / "state-2.json").read_text()


def test_a_state_of_the_schema_before_keeps_counters_and_totals() -> None:
    state = from_text(OLD, schema=2)
    assert (state.tick, state.evaluated, state.published, state.first) == (
        1_739_259_900,
        1_739_259_000,
        1_739_259_000,
        START,
    )
    assert (state.failures.statistics, state.failures.aws) == (1, 0)
    assert len(state.totals) == 1


def test_open_alerts_of_the_schema_before_keep_their_names_and_severities() -> None:
    assert {name: (track.id, track.severity) for name, track in from_text(OLD, schema=2).tracks.items()} == {
        "bounce": ("bounce-20250210T0945Z", Severity.CRITICAL),
        "complaint": ("complaint-20250210T2045Z", Severity.CRITICAL),
        "enforcement": ("enforcement-20250210T1800Z", Severity.WARNING),
        "quota": ("quota-20250210T1900Z", Severity.CRITICAL),
        "unreadable": ("unreadable-20250211T0745Z", Severity.WARNING),
    }


def test_undelivered_notifications_of_the_old_version_are_sent_once() -> None:
    state = from_text(OLD, schema=2)
    now = state.tick + BUCKET
    account = Account("PROBATION", sending=True, production=True, quota=100_000, used=96_000)
    points = tuple(Point(START + i * BUCKET, 400, 60 if i > 900 else 4, 2 if i > 940 else 0) for i in range(991))
    documents = decide(TARGET, Readings(points, account, {}), state, POLICY, now).documents
    assert [(d["alert"], d["reason"]) for d in documents if d["check"] not in ("enforcement", "bounce")] == [
        ("complaint-20250210T2045Z", "opened"),
        ("unreadable-20250211T0745Z", "opened"),
    ]
    assert {d["number"] for d in documents if d["check"] == "complaint"} == {2}


@pytest.mark.parametrize(
    ("rule", "severity", "mark"),
    [
        ("AWS's own rate", 1, None),
        ("AWS's own rate", 2, "review"),
        ("AWS's own rate, over the pause threshold", 2, "pause"),
    ],
)
def test_awss_own_alert_of_the_schema_before_keeps_its_threshold(rule: str, severity: int, mark: str | None) -> None:
    old = json.loads(OLD)
    old["episodes"][0] |= {"concern": "aws-bounce", "severity": severity, "worst": {"rule": rule}}
    assert from_text(json.dumps(old), schema=2).tracks["bounce/aws"].mark == mark


def test_an_upgraded_state_loads_equal() -> None:
    state = from_text(OLD, schema=2)
    assert from_text(to_text(state)) == state


@pytest.mark.parametrize("name", ["tick", "episodes", "days"])
def test_a_damaged_state_of_the_schema_before_is_refused(name: str) -> None:
    for value in (None, 7.5, [7], {"a": 1}):
        if (name, value) == ("days", None):
            continue
        with pytest.raises(BadState):
            from_text(json.dumps(json.loads(OLD) | {name: value}), schema=2)


# -- what is refused


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{}", "state has no tick"),
        ('{"tick": "1"}', "state.tick is '1'"),
        (f'{{"tick": "{"x" * 59}"}}', f"state.tick is '{'x' * 56}..., which no version has written"),
        ('{"tick": true}', "state.tick is True"),
        ('{"tick": 1.5}', "state.tick is 1.5"),
        ('{"tick": 253402300800}', "state.tick is 253402300800"),
        ('{"tick": -1}', "state.tick is -1"),
        ('{"tick": 1, "moon": "full"}', "state has 'moon'"),
        ('{"tick": 1, "tracks": []}', "state.tracks is []"),
        ('{"tick": 1, "tracks": {"bounce": {"id": "x"}}}', "state.tracks.bounce has no"),
        ('{"tick": 1, "tracks": {"tides": {"id": "x"}}}', "is no track that this version knows"),
        ('{"tick": 5, "evaluated": 6}', "later than its tick"),
        ('{"tick": 5, "published": 6}', "later than its tick"),
        ('{"tick": 5, "first": 6}', "later than its tick"),
        ('{"tick": 5, "failures": {"statistics": -3}}', "state.failures.statistics is -3"),
        ('{"tick": 5, "outbox": [{"document": {}}]}', "outbox cannot be used"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_invalid_state_is_refused_with_the_place(text: str, says: str) -> None:
    with pytest.raises(BadState) as raised:
        from_text(text)
    assert says in str(raised.value) and "\n" not in str(raised.value)


def changed(*place: Any, value: Any) -> str:
    """The busy state with one value changed."""
    state = json.loads(to_text(BUSY))
    inner = state
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return json.dumps(state)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("tracks", "bounce", "severity"), 0, "without a severity"),
        (("tracks", "bounce", "worst", "severity"), 0, "without a severity"),
        (("tracks", "bounce", "id"), "bounce 1", "with the id 'bounce 1'"),
        (("tracks", "bounce", "id"), "", "with the id ''"),
        (("witness",), {"days": [[tick(2_000), 5]]}, "a day later than its tick"),
        (("tracks", "bounce", "held_at"), tick(2_000), "out of order"),
        (("tracks", "bounce", "opened_at"), tick(2_000), "out of order"),
        (("tracks", "bounce", "severe_at"), tick(2_000), "out of order"),
        (("sent", "bounce", "number"), 0, "impossible numbers"),
        (("sent", "bounce", "reminders"), 10**9, "impossible numbers"),
        (("sent", "bounce", "at"), tick(2_000), "impossible numbers"),
        (("sent", "bounce", "severity"), 0, "without a severity"),
        (("outbox", 0, "document", "severity"), "purple", "outbox cannot be used"),
        (("outbox", 0, "document", "check"), "tides", "check 'tides'"),
    ],
    ids=str,
)
def test_an_impossible_state_is_refused(place: tuple[Any, ...], value: Any, says: str) -> None:
    with pytest.raises(BadState, match=says):
        from_text(changed(*place, value=value))


def test_a_tick_in_the_future_is_refused() -> None:
    assert from_text(to_text(State(tick=START)), latest=START).tick == START
    with pytest.raises(BadState, match="in the future"):
        from_text(to_text(State(tick=START + 1)), latest=START)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, member in members for deeper in places(member, (*path, key)))]


PLACES = [place for place in places(json.loads(to_text(BUSY)))[1:] if "document" not in place[:-1]]


@settings(max_examples=150, derandomize=True, deadline=None)
@given(place=st.sampled_from(PLACES), value=JSON)
def test_a_damaged_state_is_refused_or_usable(place: tuple[Any, ...], value: Any) -> None:
    try:
        state = from_text(changed(*place, value=value), latest=tick(1_002))
    except BadState:
        return
    plan = decide(TARGET, Readings(POINTS), state, POLICY, tick(1_002))
    assert from_text(to_text(plan.state)) == plan.state
    assert [problem_of(delivery.document) for delivery in plan.state.outbox if delivery not in state.outbox] == []


def test_the_findings_of_every_track_have_a_type() -> None:
    assert [name for check in ALL for name in check.track_names] == [*FACTS]


def test_no_record_is_shared_by_accident() -> None:
    before = deepcopy(BUSY)
    decide(TARGET, Readings(POINTS), BUSY, POLICY, tick(1_002))
    assert before == BUSY
    assert {type(track) for track in BUSY.tracks.values()} == {Track} and {type(s) for s in BUSY.sent.values()} == {
        Sent
    }
