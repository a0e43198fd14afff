"""Weeks of ticks, over a leap day and a change of the clocks: warm and cold processes send the same, and nothing grows."""

from __future__ import annotations

from bench.long_life import live


def test_a_cold_process_sends_and_stores_the_same_as_a_warm_one() -> None:
    lives = list(live(days=65, every=6 * 3_600))
    assert all(life.same for life in lives)
    sent = [notification for life in lives for notification in life.sent]
    assert [a["reason"] for a in sent].count("opened") == 2
    assert len({a["id"] for a in sent}) == len(sent)
    assert max(life.stored for life in lives) < 4_000
