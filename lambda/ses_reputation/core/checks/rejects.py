"""Emails that Amazon SES rejects because it finds a virus in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..alert import Standing
from ..history import DAY, SLOTS_PER_DAY, History
from ..rules import Severity
from ..wording import plural
from .base import Check, News, Seen
from .sending_facts import sent_between

REJECTED, REJECTED_SHARE = 10, 0.001
"""Least rejects in a day for an alert, and the share of the day's emails that they must be above."""


@dataclass(frozen=True, slots=True)
class RejectsFound:
    """Emails rejected in the last 24 hours, and emails sent."""

    severity: Severity
    rejects: int
    emails: int


class Rejects(Check):
    name = "rejects"
    noun = "rejects"
    anchor = "rejects"
    finds = RejectsFound

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        if seen.history is None:
            return {}
        return {self.name: Standing(_rejects(seen.history, seen.history.closed(seen.now)), quiet=DAY)}

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"SES in {news.region} rejects hardly any email now"
        return f"SES in {news.region} rejects email with viruses"

    def summary(self, news: News) -> list[str]:
        found = news.found
        if not news.holds:
            return ["Hardly any email is rejected now. The alert resolves after 24 h of that."]
        virus = "It rejects email in which it finds a virus: one of your senders may be compromised."
        if not isinstance(found, RejectsFound):
            return [virus]
        return [f"Amazon SES rejected {found.rejects:,} of {plural(found.emails, 'email')} in the last 24 h.", virus]

    def resolved(self, news: News) -> list[str]:
        return ["Hardly any email has been rejected for 24 h."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return (
            "Find the sender or the template of the rejected emails: SES event publishing names each message.",
            "Stop that sender until it is clean. If it is a customer of yours, stop that customer's email.",
        )


def _rejects(history: History, end: int) -> tuple[RejectsFound, ...]:
    start = max(0, end - SLOTS_PER_DAY)
    rejects = history.rejects[end] - history.rejects[start]
    emails = sent_between(history, start, end)
    if rejects < REJECTED or rejects <= REJECTED_SHARE * emails:
        return ()
    return (RejectsFound(Severity.WARNING, rejects, emails),)


REJECTS = Rejects()
