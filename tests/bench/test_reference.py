"""Two implementations of the policy, one vectorised and one tick by tick, say the same of random senders."""

from __future__ import annotations

import pytest
from ses_reputation.core.decide import replay
from ses_reputation.core.rules import default_policy

from bench.reference import Threshold, notifications
from bench.score import TARGET
from bench.worlds import END, SITUATIONS, SIZES, world


def said_by_core(points: list, until: int) -> list[Threshold]:  # type: ignore[type-arg]
    return [
        Threshold(a.at, a.check, a.severity.word, a.reason.value)
        for _, told, _ in replay(TARGET, points, default_policy(), until=until)
        for a in told
    ]


@pytest.mark.parametrize("number", range(len(SITUATIONS)), ids=[s.name for s in SITUATIONS])
def test_the_core_says_what_an_independent_implementation_says(number: int) -> None:
    case = world(SITUATIONS[number], SIZES[number % len(SIZES)], seed=1_000 + number)
    assert said_by_core(case.points, END) == notifications(case.points, END)
