"""Findings of Amazon SES itself: open recommendations of high impact, tenants in trouble."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..alert import Standing, Track
from ..findings import Recommendation, Tenant
from ..history import HOUR, Instant, stamp
from ..rules import Policy, Severity
from ..wording import plural
from .base import Check, Command, News, Seen

MOST_KEPT = 20
"""Findings kept by name: of more, further ones are counted but no news."""

MOST_SHOWN = 5

GONE = 2 * HOUR
"""The alert resolves when nothing was found for so long: two readings, since AWS's lists may lag."""

KINDS = {
    "BOUNCE": "too many bounces",
    "COMPLAINT": "too many complaints",
    "FEEDBACK_3P": "bad reputation at mailbox providers",
    "IP_LISTING": "IP address on a block list",
    "DKIM": "no valid DKIM signature",
    "SPF": "no valid SPF record",
    "DMARC": "no valid DMARC policy",
    "BIMI": "no valid BIMI record",
}
"""Words for the kinds of recommendations; AWS may add others."""


@dataclass(frozen=True, slots=True)
class SesFound:
    """Findings of SES, one line each."""

    severity: Severity
    lines: tuple[str, ...]  # in order, at most MOST_KEPT
    number: int


class SesFindings(Check):
    name = "findings"
    noun = "findings of SES"
    anchor = "findings"
    finds = SesFound
    advice, tenants = "findings", "findings/tenants"

    @property
    def track_names(self) -> tuple[str, ...]:
        return (self.advice, self.tenants)

    def ended_by_settings(self, policy: Policy) -> bool:
        return not policy.findings

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        findings = seen.readings.findings
        if findings is None or not seen.policy.findings:
            return {}
        found: dict[str, Standing] = {}
        if findings.recommendations is not None:
            lines = map(_of_recommendation, findings.recommendations)
            found[self.advice] = _standing(Severity.WARNING, lines, seen.tracks.get(self.advice), seen.now)
        if findings.tenants is not None:
            paused = any(tenant.paused_by == "AWS" for tenant in findings.tenants)
            severity = Severity.CRITICAL if paused else Severity.WARNING
            lines = map(_of_tenant, findings.tenants)
            found[self.tenants] = _standing(severity, lines, seen.tracks.get(self.tenants), seen.now)
        return found

    # -- words

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"Amazon SES finds nothing serious in {news.region} any more"
        if self.advice not in news.tracks:
            return self._tenants_headline(news)
        return f"Amazon SES finds serious problems in {news.region}"

    def _tenants_headline(self, news: News) -> str:
        found = self._now(news, self.tenants)
        if found is None or len(found.lines) != 1:
            return f"Tenants of SES in {news.region} are in trouble"
        name, _, state = found.lines[0].partition(": ")
        return f"SES {name[0].lower()}{name[1:]} is {'paused' if state.startswith('paused') else 'in trouble'} in {news.region}"

    def changed(self, news: News) -> str:
        return "Amazon SES has found more."

    def summary(self, news: News) -> list[str]:
        lines = [found for name in self.track_names for found in self._found(news, name)]
        if not lines:
            return ["Amazon SES found problems with a high impact on your reputation when this alert opened."]
        shown = [f"{line}." for line in lines[:MOST_SHOWN]]
        more = sum(self._number(news, name) for name in self.track_names) - len(shown)
        return [*shown, f"And {plural(more, 'other finding')}."] if more > 0 else shown

    def _now(self, news: News, name: str) -> SesFound | None:
        """Facts that were read now, or those of the track if none were."""
        standing = self.standings(news.seen).get(name)
        if standing is not None:
            found = standing.found[0] if standing.found else None
        else:
            found = news.tracks[name].worst if name in news.tracks else None
        return found if isinstance(found, SesFound) else None

    def _found(self, news: News, name: str) -> Sequence[str]:
        found = self._now(news, name)
        return () if found is None else found.lines

    def _number(self, news: News, name: str) -> int:
        found = self._now(news, name)
        return 0 if found is None else found.number

    def resolved(self, news: News) -> list[str]:
        return ["No recommendation of high impact is open, and no tenant is paused or endangers your reputation."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        steps = []
        if self.advice in news.tracks:
            steps.append(
                "Open the Virtual Deliverability Manager's advisor in the SES console: it says how to fix each finding. "
                "A fixed one may stay open for up to 6 hours."
            )
        if self.tenants in news.tracks:
            steps += [
                "Find the cause at the tenant: a bad list, a campaign that draws complaints, stolen credentials. Stop only that.",
                "A paused tenant sends nothing. The runbook says who can reinstate it, and how.",
            ]
        return tuple(steps)

    def command(self, news: News) -> Command | None:
        if self.advice not in news.tracks:
            return Command(
                "See the tenants in trouble",
                f"aws sesv2 list-reputation-entities --filter REPUTATION_IMPACT=HIGH --region {news.region}",
            )
        return Command(
            "See what SES finds",
            f"aws sesv2 list-recommendations --filter STATUS=OPEN,IMPACT=HIGH --region {news.region}",
        )


def _of_recommendation(found: Recommendation) -> str:
    words = KINDS.get(found.kind, found.kind)
    return f"{found.resource}: {words}{_quoted(found.text)}"


def _of_tenant(tenant: Tenant) -> str:
    state = f"paused by {tenant.paused_by}" if tenant.paused_by else "high impact on your reputation"
    return f"Tenant {tenant.name}: {state}{_quoted(tenant.cause)}"


def _quoted(text: str) -> str:
    plain = text.rstrip(" .")
    return f' ("{plain}")' if plain else ""


def _standing(severity: Severity, lines: Iterable[str], known: Track | None, now: Instant) -> Standing:
    """Standing of a track. A finding that the open alert has not had is news; one that goes is not."""
    every = sorted(set(lines))
    if not every:
        return Standing((), quiet=GONE)
    kept = tuple(every[:MOST_KEPT])
    before = known.worst.lines if known is not None and isinstance(known.worst, SesFound) else ()
    is_new = known is not None and len(before) < MOST_KEPT and not set(kept) <= set(before)
    mark = stamp(now) if known is None or is_new else known.mark
    return Standing((SesFound(severity, kept, len(every)),), quiet=GONE, mark=mark, eases=True)


FINDINGS = SesFindings()
