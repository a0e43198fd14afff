"""AWS's decision about the account: under review, paused, or a status that nobody knows yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..alert import Standing
from ..readings import HEALTHY, PROBATION, SHUTDOWN
from ..rules import Severity
from .base import Check, Command, News, Seen


@dataclass(frozen=True, slots=True)
class StatusFound:
    """AWS's enforcement status, and the one before it in the same alert (empty if none)."""

    severity: Severity
    status: str
    before: str


class Enforcement(Check):
    name = "enforcement"
    noun = "account status"
    anchor = "under-review-and-paused-by-aws"
    finds = StatusFound

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        account = seen.readings.known_account
        if account is None:
            return {}
        status = account.enforcement
        if status == HEALTHY:
            return {self.name: Standing((), quiet=0)}
        known = seen.tracks.get(self.name)
        before = ""
        if known is not None and isinstance(known.worst, StatusFound):
            before = known.worst.before if known.worst.status == status else known.worst.status
        severity = Severity.CRITICAL if status in (PROBATION, SHUTDOWN) else Severity.WARNING
        found = StatusFound(severity, status, before)
        return {self.name: Standing((found,), quiet=0, mark=status, urgent=True)}

    def _status(self, news: News) -> tuple[str, str]:
        if isinstance(news.found, StatusFound):
            return news.found.status, news.found.before
        marks = [track.mark for track in news.tracks.values() if track.mark]
        return (marks[0] if marks else "unknown"), ""

    def changed(self, news: News) -> str:
        return "AWS has changed the account status."

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"AWS calls SES in {news.region} healthy again"
        status, before = self._status(news)
        if (status, before) == (PROBATION, SHUTDOWN):
            return f"AWS lets SES in {news.region} send again, under review"
        if status == PROBATION:
            return f"AWS has put SES in {news.region} under review"
        if status == SHUTDOWN:
            return f"AWS has paused SES in {news.region}"
        return f"AWS calls SES in {news.region} {status}"

    def summary(self, news: News) -> list[str]:
        status, before = self._status(news)
        was = f", before {before}" if before else ""
        if status == PROBATION:
            off = news.account is not None and not news.account.sending
            now = "Your own sending switch is off." if off else "Email goes out, but AWS may pause it."
            return [
                f"AWS is reviewing this account (status PROBATION{was}). {now}",
                "The reason is in AWS's email to the root user. It need not be a rate.",
            ]
        if status == SHUTDOWN:
            return [
                f"AWS has paused this account (status SHUTDOWN{was}): no email leaves it in this region.",
                "Only AWS can lift the pause. Until then there are no bounce or complaint alerts for this region.",
            ]
        return [f"AWS gives a status that this monitor does not know: {status}{was}. It is not HEALTHY."]

    def resolved(self, news: News) -> list[str]:
        return ["AWS's enforcement status is HEALTHY. Bounce and complaint alerts work as always."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        notice = "Read AWS's notice: the root user's mailbox, AWS Health Dashboard, Support Center."
        if self._status(news)[0] == SHUTDOWN:
            return (
                "Queue what can wait. Do not send the same email from another AWS account: that endangers it too.",
                notice,
                "Fix the cause, then answer in AWS's case with what you changed.",
            )
        return (
            notice,
            "Find the cause and stop it: a bad list, a campaign that draws complaints, stolen credentials.",
            "Answer in AWS's case: what happened, what you changed, why it will not happen again.",
        )

    def command(self, news: News) -> Command | None:
        return Command("See AWS's status", f"aws sesv2 get-account --region {news.region}")


ENFORCEMENT = Enforcement()
