"""People who should hear of alerts but are not subscribed, or not any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..alert import Standing
from ..rules import Severity
from .base import Check, Command, News, Seen


@dataclass(frozen=True, slots=True)
class MissingFound:
    """Addresses of the settings without a confirmed subscription. Counts only, never an address."""

    severity: Severity
    missing: int
    expected: int
    listeners: int


class Subscribers(Check):
    name = "subscribers"
    noun = "subscribers"
    anchor = "subscribers"
    finds = MissingFound

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        audience = seen.readings.known_audience
        if audience is None:
            return {}
        found = MissingFound(
            Severity.WARNING if audience.listeners else Severity.CRITICAL,
            audience.missing,
            audience.expected,
            audience.listeners,
        )
        return {self.name: Standing((found,) if audience.missing else (), quiet=0)}

    def headline(self, news: News) -> str:
        if news.resolved:
            return "Everyone who should get SES alerts is subscribed again"
        if isinstance(news.found, MissingFound) and news.found.expected:
            return f"{news.found.missing} of {news.found.expected} recipients of SES alerts get none"
        return "Somebody who should get SES alerts is not subscribed"

    def summary(self, news: News) -> list[str]:
        found = news.found
        if not isinstance(found, MissingFound):
            return ["Somebody named in the settings has no confirmed subscription."]
        sentences = [
            (
                f"{found.missing} of {_addresses(found.expected)} in the settings "
                f"{'has' if found.missing == 1 else 'have'} no confirmed subscription, so no alert arrives there."
            )
        ]
        if not found.listeners:
            sentences.append("Nobody else is subscribed to the topic: no alert reaches anybody by email.")
        return sentences

    def resolved(self, news: News) -> list[str]:
        return ["Every email address in the settings has a confirmed subscription."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return (
            "Ask them to follow the link in the confirmation email. It is valid for two days.",
            "If that email is gone, run the command below: it sends a new one to everybody who is missing.",
        )

    def command(self, news: News) -> Command | None:
        return Command("Subscribe whoever is missing", f"ses-reputation subscribe --region {news.region}")


def _addresses(number: int) -> str:
    return "1 email address" if number == 1 else f"{number:,} email addresses"


SUBSCRIBERS = Subscribers()
