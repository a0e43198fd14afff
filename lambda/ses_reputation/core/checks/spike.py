"""A sudden spike of emails: a campaign that nobody planned, or stolen credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..alert import Standing
from ..history import BUCKET, DAY, HOUR, SLOTS_PER_DAY, History
from ..rules import Policy, Severity
from ..wording import plural
from .base import Check, News, Seen
from .sending_facts import sent_between
from .silence import KNOWN_DAYS, TWO_WEEKS

SPIKE_HOURS, SPIKE_EMAILS = 3, 1_000
"""Three hours are compared with all three hours of two weeks but the last day, and fewer emails than this are no spike.
Days known by their total only must have brought less in all."""


@dataclass(frozen=True, slots=True)
class SpikeFound:
    """Far more emails than ever before."""

    severity: Severity
    emails: int  # of the last three hours
    most: int  # emails known before
    by_day: bool  # `most` is of a whole day, else of three hours


class Spike(Check):
    name = "spike"
    noun = "spike"
    anchor = "spike"
    finds = SpikeFound

    def ended_by_settings(self, policy: Policy) -> bool:
        return not policy.volume.spike

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        if seen.history is None or not seen.policy.volume.spike:
            return {}
        found = _spike(seen.history, seen.history.closed(seen.now), seen.policy.volume.spike)
        return {self.name: Standing(found, quiet=DAY)}

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"SES email volume in {news.region} is back to usual"
        return f"SES in {news.region} sends far more email than ever before"

    def summary(self, news: News) -> list[str]:
        found = news.found
        if not isinstance(found, SpikeFound):
            return ["Far more email went out than ever before."]
        of = "any day before" if found.by_day else "any 3 hours of the last two weeks"
        if not news.holds:
            return ["The volume is lower now. The alert resolves after 24 h of that."]
        return [
            f"{plural(found.emails, 'email')} went out in 3 hours. The most in {of} was {found.most:,}.",
            "If nobody planned this, somebody may be sending with stolen credentials.",
        ]

    def resolved(self, news: News) -> list[str]:
        return ["The volume has been usual for 24 h."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return (
            "Ask who planned it: a campaign, a migration, a test.",
            "If nobody did, find the credentials that send (CloudTrail, SMTP users in IAM) and disable them now.",
            "Watch bounces and complaints: they follow within hours.",
        )


def _spike(history: History, end: int, times: float) -> tuple[SpikeFound, ...]:
    span = SPIKE_HOURS * HOUR // BUCKET
    now = sent_between(history, end - span, end)
    before = end - SLOTS_PER_DAY
    if now < SPIKE_EMAILS or before < KNOWN_DAYS * SLOTS_PER_DAY:
        return ()
    by_day = max(0, end - TWO_WEEKS)
    most = max(sent_between(history, slot - span, slot) for slot in range(max(span, by_day + span), before + 1))
    day = max((sent_between(history, slot, slot + 1) for slot in range(by_day)), default=0)
    usual = most if most else day
    if not usual or now <= times * usual or now <= day:
        return ()
    return (SpikeFound(Severity.WARNING, now, usual, by_day=not most),)


SPIKE = Spike()
