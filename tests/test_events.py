"""Any event is a tick, a test alert, or a clear error before anything is done."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.monitor import AHEAD, BadEvent, tick_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["now", "test_alert", "x"]), inner),
    max_leaves=6,
)


@given(event=JSON)
def test_any_json_is_a_tick_or_refused(event: Any) -> None:
    try:
        tick = tick_of(event)
    except BadEvent:
        return
    assert 0 <= tick <= time.time() + AHEAD


@given(moment=st.datetimes(timezones=st.sampled_from([UTC, datetime.now().astimezone().tzinfo])))
def test_any_time_is_a_tick_or_refused(moment: datetime) -> None:
    try:
        assert 0 <= tick_of({"now": moment.isoformat()}) <= time.time() + AHEAD
    except BadEvent:
        pass


@pytest.mark.parametrize(
    "now",
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "1969-12-31T23:59:59Z",
        "2025-02-04T10:30:00",
        "<aws.scheduler.scheduled-time>",
    ],
)
def test_a_time_that_no_schedule_gives_is_refused(now: str) -> None:
    with pytest.raises(BadEvent, match=r"nothing was done$"):
        tick_of({"now": now})


def test_a_leap_second_is_no_crash_and_an_offset_is_read() -> None:
    assert tick_of({"now": "2024-02-29T01:00:00+01:00"}) == tick_of({"now": "2024-02-29T00:00:00Z"})
    with pytest.raises(BadEvent):
        tick_of({"now": "2016-12-31T23:59:60Z"})
