"""A test alert, as in a drill: sent on every channel like any other, about nothing."""

from __future__ import annotations

from collections.abc import Mapping

from ..alert import Standing
from ..wording import when
from .base import Check, Command, News, Seen


class Drill(Check):
    name = "test"
    noun = "test"
    anchor = "test-alert"

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        return {}

    def headline(self, news: News) -> str:
        return f"SES alerts from {news.region} reach you"

    def summary(self, news: News) -> list[str]:
        return [
            f"Somebody asked for this test alert at {when(news.now, news.context.zone)}. Nothing is wrong.",
            "A real alert says here what happened, how close it is to AWS's thresholds and what to do first.",
        ]

    def resolved(self, news: News) -> list[str]:
        return []

    def first_steps(self, news: News) -> tuple[str, ...]:
        return ()

    def command(self, news: News) -> Command | None:
        return None


DRILL = Drill()
