"""Measuring silence and spikes: a healthy steady sender gets no alert, one who stops does."""

from __future__ import annotations

from bench.volume import tally
from bench.worlds import Rhythm


def test_a_steady_sender_gets_an_alert_only_when_it_stops() -> None:
    rhythm, healthy = tally(50_000, 1, stops=False)
    assert (rhythm, healthy.silence, healthy.spike) == (Rhythm.STEADY, 0, 0)
    _, stopped = tally(50_000, 1, stops=True)
    assert stopped.detected_after == [2.0]
