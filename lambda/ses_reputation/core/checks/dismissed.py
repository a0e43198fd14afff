"""Any check, of a target that is watched no more."""

from __future__ import annotations

from collections.abc import Mapping

from ..alert import Standing
from .base import Check, News, Seen


class Dismissed(Check):
    """Closes the alert of another check. Nothing is known to be well."""

    def __init__(self, of: Check) -> None:
        self.name, self.noun, self.anchor = of.name, of.noun, of.anchor

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        return {}

    def headline(self, news: News) -> str:
        return f"SES in {news.region} is no longer watched"

    def closed(self, news: News) -> bool:
        return True

    def summary(self, news: News) -> list[str]:
        return self.resolved(news)

    def resolved(self, news: News) -> list[str]:
        return [
            f"The {self.noun} alert is closed: {news.seen.target.id} is no longer among the targets.",
            "What was wrong may still be. If this account should be watched, see [[accounts]] and [organization] in settings.toml.",
        ]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return ()

    def command(self, news: News) -> None:
        return None
