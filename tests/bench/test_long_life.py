"""Weeks of ticks, over a leap day and a change of the clocks: warm and cold processes say the same, and nothing grows."""

from __future__ import annotations

from bench.long_life import live


def test_a_cold_process_says_and_remembers_what_a_warm_one_does_and_neither_grows() -> None:
    lives = list(live(days=65, every=6 * 3_600))
    assert all(life.same for life in lives)
    told = [notification for life in lives for notification in life.said]
    assert [a["reason"] for a in told].count("opened") == 2
    assert len({a["id"] for a in told}) == len(told)
    assert max(life.stored for life in lives) < 4_000
