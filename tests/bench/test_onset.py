"""The goal of the estimated start, on a few worlds."""

from __future__ import annotations

from bench.onset import STEPS, found


def test_most_bounce_steps_of_large_senders_are_found_within_a_bucket() -> None:
    steps = [situation for situation in STEPS if situation.name.startswith("bounces")]
    assert len(steps) == 5
    every = [each for step in steps for seed in range(501, 505) for each in found(step, 50_000, seed)]
    near = [each for each in every if each.late is not None and abs(each.late) <= 0.25]
    assert len(every) >= 18 and len(near) >= 0.8 * len(every)
