"""A small score of named causes, with the goals that hold for every incident."""

from __future__ import annotations

import random

from ses_reputation.core.cause import Shape
from ses_reputation.core.cause_level import CauseLevel

from bench.cause import RIGHT, Score, meets_goals, plant, play, tables


def test_the_right_cause_is_named_and_no_import_is_blamed() -> None:
    scores = [score for _, score in tables(range(1, 4), (30, 100))]
    assert all(meets_goals(score) for score in scores)
    assert sum(score.right for score in scores) >= RIGHT * sum(score.incidents for score in scores)


def test_a_wrong_name_or_a_blamed_import_lowers_the_score() -> None:
    score = Score()
    planted = plant(Shape.IMPORT, 100, random.Random(1))
    score.add(planted, Shape.REFUSED)
    score.add(planted, Shape.UNCLEAR)
    assert (score.wrong, score.blamed, score.right) == (1, 1, 1) and not meets_goals(score)


def test_the_same_seed_plants_the_same_incident() -> None:
    first, second = Score(), Score()
    for score in (first, second):
        play(plant(Shape.FORM, 30, random.Random(5)), CauseLevel.SAMPLES, random.Random(6), score)
    assert first == second
