"""Use of the 24-hour sending quota."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..alert import Standing
from ..history import BUCKET, DAY, HOUR, History, Instant
from ..readings import Account
from ..rules import AccountPolicy, Severity
from ..wording import duration, percent, when
from .base import Check, Command, News, Seen
from .sending_facts import sent_between

PACE_HOURS = 3
"""The pace of the last three hours tells when the quota is used up."""


@dataclass(frozen=True, slots=True)
class QuotaFound:
    """Much of the quota is used."""

    severity: Severity
    used: int  # recipients of the last 24 hours
    quota: int
    used_up_at: Instant | None  # at the present pace; None: not within a day, or not known
    foreseen: bool  # the statistics could be read


class Quota(Check):
    name = "quota"
    noun = "quota"
    anchor = "quota"
    finds = QuotaFound

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        account = seen.readings.known_account
        if account is None:
            return {}
        return {
            self.name: Standing(_found(account, seen.policy.account, seen.history, seen.now), quiet=DAY, eases=True)
        }

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"SES sending quota in {news.region} is enough again"
        full = isinstance(news.found, QuotaFound) and news.found.used >= news.found.quota
        return f"SES sending quota in {news.region} is {'used up' if full else 'nearly used up'}"

    def summary(self, news: News) -> list[str]:
        found = news.found
        if not isinstance(found, QuotaFound):
            return ["The use of the sending quota was high when this alert opened."]
        share = percent(found.used / found.quota) if found.quota else "all"
        if not news.holds:
            return ["Less of the quota is used now. The alert resolves after 24 h of that."]
        sentences = [f"{found.used:,} of the {found.quota:,} emails allowed in 24 hours are sent: {share}."]
        if not found.foreseen:
            sentences.append("Nobody knows how long the rest lasts: the send statistics cannot be read.")
        elif found.used_up_at is None:
            sentences.append("At the pace of the last 3 hours the rest lasts for the next day.")
        elif found.used_up_at <= news.now:
            sentences.append("Amazon SES refuses email now, until some of it is more than 24 hours old.")
        else:
            sentences.append(
                f"At the pace of the last 3 hours it is used up at {when(found.used_up_at, news.context.zone)}, "
                f"in {duration(found.used_up_at - news.now)}. Amazon SES then refuses email."
            )
        return sentences

    def resolved(self, news: News) -> list[str]:
        return ["The use of the quota has been below its threshold for 24 h."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return (
            "Hold back email that can wait, so that urgent email gets through.",
            "If nobody planned this much email, find who sends it: credentials may be stolen.",
            "Ask for a higher quota in Service Quotas. AWS may take a day to answer.",
        )

    def command(self, news: News) -> Command | None:
        return Command("See the quota", f"aws sesv2 get-account --region {news.region} --query SendQuota")


def _found(account: Account, policy: AccountPolicy, history: History | None, now: Instant) -> tuple[QuotaFound, ...]:
    share = account.used_share
    if share is None or share < policy.quota_warning:
        return ()
    severity = Severity.CRITICAL if share >= policy.quota_critical else Severity.WARNING
    until = used_up_at(account, history, now)
    return (QuotaFound(severity, int(account.used), int(account.quota), until, history is not None),)


def used_up_at(account: Account, history: History | None, now: Instant) -> Instant | None:
    """When the emails of 24 hours reach the quota at the pace of the last hours; None if not within a day or not known.

    The quota is a rolling one: as new emails count, those of a day ago leave.
    """
    if account.used_share is None:
        return None
    if account.used >= account.quota:
        return now
    if history is None:
        return None
    end = history.closed(now)
    per_slot = sent_between(history, end - PACE_HOURS * HOUR // BUCKET, end) / (PACE_HOURS * HOUR / BUCKET)
    used = account.used
    for ahead in range(1, DAY // BUCKET + 1):
        leaving = end - DAY // BUCKET + ahead
        used += per_slot - sent_between(history, leaving - 1, leaving)
        if used >= account.quota:
            return now + ahead * BUCKET
    return None


QUOTA = Quota()
