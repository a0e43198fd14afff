"""What is remembered comes back exactly, or not at all."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET, Point
from ses_reputation.core.plan import State
from ses_reputation.core.readings import Trouble, Unreadable
from ses_reputation.core.rules import default_policy
from ses_reputation.core.sentences import Context
from ses_reputation.core.state import BadState, from_text, to_text
from ses_reputation.core.target import Target
from ses_reputation.layout import amazon_q as chat
from ses_reputation.layout.email import email, machine

START = 1_738_368_000
TARGET = Target("123456789012", "eu-west-1", "Größe & <Co>")


def busy_state() -> State:
    """A state with everything in it: open alerts of a rate and of a failed reading, notifications pending."""
    points = tuple(Point(START + i * BUCKET, 400, 60 if i > 900 else 4, 1) for i in range(1_000))
    state = decide(TARGET, points, None, default_policy(), START + 1_000 * BUCKET).state
    denied = Unreadable(Trouble.DENIED, "GetSendStatistics: AccessDenied")
    return decide(TARGET, denied, state, default_policy(), START + 1_001 * BUCKET).state


def test_a_state_with_everything_in_it_comes_back_equal() -> None:
    state = busy_state()
    assert {alert.check for alert in state.alerts} == {"bounce", "complaint", "unreadable"}
    assert len(state.pending) == 3
    assert from_text(to_text(state)) == state


def test_a_state_of_the_first_version_without_later_fields_is_read() -> None:
    assert from_text('{"tick": 1738368000}') == State(tick=START)
    first = json.loads(to_text(busy_state()))
    for alert in first["alerts"]:
        del alert["severe_at"]
    assert {alert.severe_at for alert in from_text(json.dumps(first)).alerts} == {0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "state is []"),
        ("{}", "state has no tick"),
        ('{"tick": "1"}', "state.tick is '1'"),
        ('{"tick": true}', "state.tick is True"),
        ('{"tick": 1.5}', "state.tick is 1.5"),
        ('{"tick": 253402300800}', "state.tick is 253402300800"),
        ('{"tick": 1, "moon": "full"}', "state has 'moon'"),
        ('{"tick": 1, "alerts": {}}', "state.alerts is {}"),
        ('{"tick": 1, "alerts": [{"id": "x"}]}', "state.alerts[0] has no check"),
        ('{"tick": -1}', "state.tick is -1"),
        ('{"tick": 5, "judged": 6}', "later than its tick"),
        ('{"tick": 5, "published": 6}', "later than its tick"),
        ('{"tick": 5, "failures": -3}', "state.failures is -3"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_no_version_has_written_is_refused_with_the_place(text: str, says: str) -> None:
    with pytest.raises(BadState) as raised:
        from_text(text)
    assert says in str(raised.value) and "\n" not in str(raised.value)


def changed(**fields: Any) -> str:
    """A state whose first alert says something else."""
    state = json.loads(to_text(busy_state()))
    state["alerts"][0] |= fields
    return json.dumps(state)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"check": "tides"}, "speaks of 'tides', which this version does not know"),
        ({"check": "complaint"}, "two alerts of one check"),
        ({"severity": 0}, "without a severity"),
        ({"last_held": START + 10**7}, "out of order"),
        ({"opened_at": START + 10**7}, "out of order"),
        ({"seq": 0}, "0 messages"),
        ({"reminders": 10**9}, "reminders of bounce"),
    ],
    ids=str,
)
def test_an_alert_that_no_run_can_have_left_behind_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(BadState, match=says):
        from_text(changed(**fields))


def test_a_state_of_a_tick_that_is_yet_to_come_is_refused_since_it_would_silence_every_true_one() -> None:
    assert from_text(to_text(State(tick=START)), latest=START).tick == START
    with pytest.raises(BadState, match="yet to come"):
        from_text(to_text(State(tick=START + 1)), latest=START)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
STATE = json.loads(to_text(busy_state()))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, member in members for deeper in places(member, (*path, key)))]


PLACES = places(STATE)
NEXT = START + 1_002 * BUCKET
POINTS = tuple(Point(START + i * BUCKET, 400, 60 if i > 900 else 4, 1) for i in range(1_002))
CONTEXT = Context("prod", UTC, "https://dashboard.test", "https://wiki.test")


@settings(max_examples=200, derandomize=True, deadline=None)
@given(place=st.sampled_from(PLACES[1:]), value=JSON)
def test_a_state_damaged_anywhere_is_refused_or_can_be_judged_on_and_put_into_words(
    place: tuple[Any, ...], value: Any
) -> None:
    damaged = deepcopy(STATE)
    inner = damaged
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        state = from_text(json.dumps(damaged), latest=NEXT)
    except BadState:
        return
    plan = decide(TARGET, POINTS, state, default_policy(), NEXT)
    assert from_text(to_text(plan.state)) == plan.state
    for notification in plan.state.pending:
        assert email([notification], CONTEXT).text
        assert machine([notification], CONTEXT)
        assert chat.document(notification, CONTEXT)
