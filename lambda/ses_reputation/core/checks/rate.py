"""Bounce rate and complaint rate: our own evaluation and AWS's own rate, as two sources of one alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from ..alert import Standing, Track
from ..evaluation import Evaluation
from ..history import BUCKET, DAY, HOUR, Instant
from ..rates import AWS_THRESHOLDS, Count, Metric
from ..readings import AwsRate
from ..rules import Finding, Severity
from ..wording import duration, events_of, headroom_in_words, percent, when
from .base import Check, News, Seen, paused_by_aws

NEAR = 0.9
"""AWS's own rate is a warning from this part of its review threshold on."""

FORGOTTEN = 14 * DAY
"""AWS's source ends when AWS has published no rate for so long: what it would be is not known."""

REVIEW, PAUSE = "review", "pause"
"""Marks of AWS's source: each crossing is news once."""

SPARK_HOURS = 2
"""Step of the sparkline of the last day."""

BEFORE = {Metric.BOUNCE: 2 * HOUR, Metric.COMPLAINT: 24 * HOUR}
"""How far before the start the emails to look for were sent: complaints follow their emails by hours or a day."""


@dataclass(frozen=True, slots=True)
class AwsRateFound:
    """AWS's own rate, near its review threshold or over it."""

    severity: Severity
    rate: float  # fraction
    at: Instant  # when AWS published it


class RateCheck(Check):
    """One of the two rates by which AWS judges a sender."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.name = metric.value
        self.noun = f"{metric.value}s"
        self.anchor = f"{metric.value}s"
        self.ours, self.aws = metric.value, f"{metric.value}/aws"

    @property
    def track_names(self) -> tuple[str, ...]:
        return (self.ours, self.aws)

    @property
    def facts(self) -> Mapping[str, type]:
        return {self.ours: Finding, self.aws: AwsRateFound}

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        if paused_by_aws(seen):
            return {}
        found: dict[str, Standing] = {}
        evaluation = seen.evaluations.get(self.metric)
        if evaluation is not None:
            found[self.ours] = our_standing(evaluation)
        if seen.readings.known_rates is not None:
            rate = seen.readings.known_rates.get(self.metric)
            found[self.aws] = self._aws_standing(rate, seen.now, seen.tracks.get(self.aws))
        return found

    def _aws_standing(self, rate: AwsRate | None, now: Instant, known: Track | None) -> Standing:
        if rate is None:
            forgotten = known is not None and now - known.held_at >= FORGOTTEN
            return Standing((), quiet=DAY, calm=lambda: forgotten)
        thresholds = AWS_THRESHOLDS[self.metric]
        if rate.rate < NEAR * thresholds.review:
            return Standing((), quiet=DAY)
        severity = Severity.CRITICAL if rate.rate >= thresholds.review else Severity.WARNING
        marks = {None: 0, REVIEW: 1, PAUSE: 2}
        reached = PAUSE if rate.rate >= thresholds.pause else REVIEW if severity is Severity.CRITICAL else None
        before = None if known is None or known.mark not in marks else known.mark
        mark = max(reached, before, key=lambda m: marks[m])
        return Standing(
            (AwsRateFound(severity, rate.rate, rate.at),), quiet=DAY, mark=mark, urgent=mark == PAUSE, eases=True
        )

    # -- words

    def headline(self, news: News) -> str:
        thresholds, region = AWS_THRESHOLDS[self.metric], news.region
        if news.resolved:
            if self._forgotten(news):
                return f"AWS publishes no SES {self.name} rate in {region} any more"
            return f"SES {self.name} rate is low again in {region}"
        if self._worst_rate(news) >= thresholds.pause:
            return f"SES {self.name} rate over AWS's pause threshold ({percent(thresholds.pause)}) in {region}"
        if self.ours not in news.tracks:
            return f"SES {self.name} rate by AWS's count is high in {region}"
        return f"SES {self.name} rate is high in {region}"

    def _worst_rate(self, news: News) -> float:
        """Highest of AWS's own rate and our estimate of it, if they matter now."""
        rates = [0.0]
        aws = (news.seen.readings.known_rates or {}).get(self.metric)
        if aws is not None and self.aws in news.tracks:
            rates.append(aws.rate)
        evaluation = news.seen.evaluations.get(self.metric)
        if evaluation is not None and self.ours in news.tracks and news.severity is Severity.CRITICAL:
            rates.append(evaluation.estimate.rate or 0.0)
        return max(rates)

    def summary(self, news: News) -> list[str]:
        said = [self._what(news)]
        finding = news.found
        if not news.holds:
            said.append(
                "No rule holds at this moment. The alert resolves after 24 h without a finding and with low rates."
            )
        elif isinstance(finding, Finding):
            said.append(why(finding))
        said.append(self._how_close(news))
        return [sentence for sentence in said if sentence]

    def _what(self, news: News) -> str:
        thresholds = AWS_THRESHOLDS[self.metric]
        evaluation = news.seen.evaluations.get(self.metric)
        finding = news.found
        if self._forgotten(news):
            held = max(track.held_at for track in news.tracks.values())
            return (
                f"AWS has published no {self.name} rate since {when(held, news.context.zone)}, so nobody knows what it is now. "
                "The alert closes when there has been none for 14 days."
            )
        if isinstance(finding, AwsRateFound) and self.ours not in news.tracks:
            return f"AWS's own {self.name} rate is {percent(finding.rate, thresholds.review, thresholds.pause)}."
        count = finding.count if news.holds and isinstance(finding, Finding) and finding.count is not None else None
        if count is None and evaluation is not None:
            count = evaluation.shown
        if count is None:
            return f"The {self.name} rate is not known now."
        return f"{events_of(self.metric, count, thresholds.review, thresholds.pause)}, {trend(spark(news.seen, self.metric))}."

    def _how_close(self, news: News) -> str:
        thresholds = AWS_THRESHOLDS[self.metric]
        aws = f"AWS reviews at {percent(thresholds.review)} and may pause at {percent(thresholds.pause)}"
        evaluation = news.seen.evaluations.get(self.metric)
        left = None if evaluation is None else evaluation.headroom
        if left is None or not news.holds:
            return f"{aws}."
        return f"{aws}: {headroom_in_words(left)}."

    def _forgotten(self, news: News) -> bool:
        rates = news.seen.readings.known_rates
        return self.ours not in news.tracks and rates is not None and self.metric not in rates

    def resolved(self, news: News) -> list[str]:
        if self._forgotten(news):
            return [self._what(news), "The alert is closed, not because all is well but because nobody knows."]
        lasted = duration(news.now - news.change.sent.opened_at)
        return [
            self._what(news),
            f"No rule has held for 24 h and the rates are low, {lasted} after the alert opened.",
        ]

    def first_steps(self, news: News) -> tuple[str, ...]:
        since = when(news.started - BEFORE[self.metric], news.context.zone)
        if self.ours not in news.tracks:
            return (
                "Open the reputation page of the SES console: it says over which emails AWS counts.",
                *_STEPS[self.metric][1:],
            )
        return tuple(step.format(since=since) for step in _STEPS[self.metric])

    def command(self, news: News) -> str:
        start = news.started - BEFORE[self.metric]
        return (
            f"ses-reputation cause --region {news.region} --metric {self.name} "
            f"--since {minute(start)} --until {minute(news.now)}"
        )


def minute(at: Instant) -> str:
    """2026-11-21T08:00Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")


_STEPS = {
    Metric.BOUNCE: (
        "Find what was sent since {since}: a new list, an import, a sign-up form. Stop that, not all email.",
        "Turn on the account-level suppression list for bounces, so that no address bounces twice.",
        "Until the rate is down, send only to people who opened or clicked lately.",
    ),
    Metric.COMPLAINT: (
        "Find the campaign sent since {since} that people complain about. Stop that one.",
        "Check that unsubscribing takes one click and works.",
        "Until the rate is down, send only to people who opened or clicked lately.",
    ),
}


def our_standing(evaluation: Evaluation) -> Standing:
    """Standing of our own rate."""
    return Standing(evaluation.found, calm=partial(getattr, evaluation, "calm"))


def why(finding: Finding) -> str:
    """One sentence that explains why a rule holds."""
    if finding.bound is None or finding.threshold is None:
        return ""
    if finding.count is not None and finding.bound == finding.count.rate:
        above = f"above the threshold of {percent(finding.threshold, finding.bound)}"
        return f"That is {above} (rule {finding.rule!r})."
    usual = "" if finding.usual is None else f" Your usual rate is {percent(finding.usual)}"
    if finding.own_worst:
        usual += f", the worst such stretch of the last 12 days was {percent(finding.own_worst)}"
    return (
        f"Very likely above {percent(finding.bound, finding.threshold)} "
        f"(threshold {percent(finding.threshold)}).{usual}{'.' if usual else ''}"
    )


def spark(seen: Seen, metric: Metric) -> tuple[Count, ...]:
    """Events and emails of the last day in steps of `SPARK_HOURS`, oldest first."""
    history = seen.history
    if history is None:
        return ()
    events = history.bounces if metric is Metric.BOUNCE else history.complaints
    end, step = history.closed(seen.now), SPARK_HOURS * HOUR // BUCKET
    counts = []
    for start in range(end - DAY // BUCKET, end, step):
        a, b = max(0, start), max(0, start + step)
        counts.append(
            Count(
                events[b] - events[a],
                history.attempts[b] - history.attempts[a],
                history.time(start),
                history.time(start + step),
            )
        )
    return tuple(counts)


FEWEST = 10
"""Fewer events than this in the last hours show no trend."""


def trend(counts: tuple[Count, ...]) -> str:
    """Rising, falling or steady: the last four hours beside the eight before."""
    new, old = counts[-2:], counts[-6:-2]
    new_events, old_events = (sum(count.events for count in part) for part in (new, old))
    new_emails, old_emails = (sum(count.emails for count in part) for part in (new, old))
    if new_events + old_events < FEWEST or not new_emails or not old_emails:
        return "steady"
    before, now = old_events / old_emails, new_events / new_emails
    return "rising" if now > 1.25 * before else "falling" if now < 0.8 * before else "steady"


def other_in_words(evaluation: Evaluation, aws: AwsRate | None, *, open_alert: bool) -> str:
    """One line on a metric that a message is not about. A rate that is back to normal while its alert is open is "recovering"."""
    review = AWS_THRESHOLDS[evaluation.metric].review
    word = "recovering" if open_alert and not evaluation.found else evaluation.verdict.value.lower().replace("_", " ")
    shown = evaluation.shown
    parts = [word if shown.rate is None else f"{word}, {events_of(evaluation.metric, shown, review)}"]
    if aws is not None:
        parts.append(f"AWS's own rate {percent(aws.rate, review)}")
    return "; ".join(parts)


BOUNCE = RateCheck(Metric.BOUNCE)
COMPLAINT = RateCheck(Metric.COMPLAINT)
