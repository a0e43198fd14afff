"""Bounce rate and complaint rate: our own evaluation and AWS's own rate, as two sources of one alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from ..alert import Reason, Standing, Track
from ..evaluation import Evaluation
from ..history import BUCKET, DAY, HOUR, Instant
from ..late_events import Learned, Way
from ..rates import AWS_THRESHOLDS, Count, Metric
from ..readings import AwsRate
from ..rules import Finding, Severity
from ..wording import events_of, headroom_in_words, minute, percent, sparkline, when
from .base import Check, Command, News, Seen
from .sending_facts import paused_by_aws

NEAR = 0.9
"""AWS's own rate is a warning from this part of its review threshold on."""

FORGOTTEN = 14 * DAY
"""AWS's source ends when AWS has published no rate for so long: what it would be is not known."""

REVIEW, PAUSE = "review", "pause"
"""Marks of AWS's source: each crossing is news once."""

SPARK_HOURS = 2
"""Step of the sparkline of the last day."""

LATE = {Metric.BOUNCE: 2 * HOUR, Metric.COMPLAINT: 24 * HOUR}
"""How far events follow their emails at most, nearly always."""


def sent_before(learned: Learned, metric: Metric) -> int:
    """Seconds before the start at which the emails to look for were sent at the earliest.

    0 if SES is known to count events with their email in this account: then the rate rises when the emails are sent.
    """
    return 0 if learned.of(metric).way(metric) is Way.WITH_THE_EMAIL else LATE[metric]


@dataclass(frozen=True, slots=True)
class AwsRateFound:
    """AWS's own rate, near its review threshold or over it."""

    severity: Severity
    rate: float  # fraction
    at: Instant  # when AWS published it


class RateCheck(Check):
    """One of the two rates by which AWS evaluates a sender."""

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
        pause = AWS_THRESHOLDS[self.metric].pause
        if self._forgotten(news):
            return f"AWS publishes no SES {self.name} rate in {news.region} now"
        if news.resolved and self._rearmed(news) is not None:
            return f"SES {self.name} rate is counted anew in {news.region}"
        if news.resolved:
            return f"SES {self.name} rate is low again in {news.region}"
        if news.reason is Reason.REMINDER and not news.holds:
            return f"SES {self.name} rate was high in {news.region}"
        if self._worst_rate(news) >= pause:
            return f"SES {self.name} rate is past AWS's pause threshold in {news.region}"
        return f"SES {self.name} rate is high in {news.region}"

    def unknown(self, news: News) -> bool:
        return self._forgotten(news)

    def closed(self, news: News) -> bool:
        return self._forgotten(news)

    def _forgotten(self, news: News) -> bool:
        """Tell if the alert is about AWS's rate alone, and AWS publishes none now."""
        rates = news.seen.readings.known_rates
        return self.ours not in news.tracks and rates is not None and self.metric not in rates

    def _rearmed(self, news: News) -> Instant | None:
        """When a person resumed after a pause, if this ends the alert of our own rate."""
        return None if news.seen.pause is None or self.ours not in news.tracks else news.seen.pause.rearmed

    def _aws_rate(self, news: News) -> AwsRate | None:
        return news.seen.readings.aws_rate(self.metric)

    def _worst_rate(self, news: News) -> float:
        """Highest of AWS's own rate and our estimate of it, if they matter now."""
        rates = [0.0]
        aws = self._aws_rate(news)
        if aws is not None and self.aws in news.tracks:
            rates.append(aws.rate)
        evaluation = news.seen.evaluations.get(self.metric)
        if evaluation is not None and self.ours in news.tracks and news.severity is Severity.CRITICAL:
            rates += [] if evaluation.estimate.rate is None else [evaluation.estimate.rate]
        return max(rates)

    def changed(self, news: News) -> str:
        if self.aws not in news.change.unsent:
            return "A new outbreak while the alert is still open."
        passed = "pause" if news.tracks[self.aws].mark == PAUSE else "review"
        return f"AWS's own rate has passed its {passed} threshold."

    def summary(self, news: News) -> list[str]:
        sentences = [self._what(news)]
        if self._forgotten(news):
            return sentences
        if not news.holds:
            return [*sentences, self._waits_for(news)]
        if isinstance(news.found, AwsRateFound):
            return [*sentences, self._how_close_aws_is(news.found.rate), *self._beside_ours(news)]
        return [*sentences, self._how_close(news)]

    def _waits_for(self, news: News) -> str:
        """Say what an alert waits for that no rule holds open."""
        evaluation = news.seen.evaluations.get(self.metric)
        if evaluation is not None and self.ours in news.tracks and evaluation.still_high is not None:
            count, at_most = evaluation.still_high
            high = events_of(self.metric, count, at_most)
            return (
                f"Below all alert thresholds now. The alert closes when the longer-run rate is at most {percent(at_most)}. "
                f"It is not yet: {high}."
            )
        return "Below all alert thresholds now. The alert closes after 24 h of that, if the rates stay low."

    def _what(self, news: News) -> str:
        thresholds, zone = AWS_THRESHOLDS[self.metric], news.context.zone
        evaluation, finding = news.seen.evaluations.get(self.metric), news.found
        if self._forgotten(news):
            held = max(track.held_at for track in news.tracks.values())
            return (
                f"AWS has published no {self.name} rate since {when(held, zone)}: nobody knows what it is now. "
                "The alert closes when there has been none for 14 days."
            )
        aws = self._aws_rate(news)
        if aws is not None and (isinstance(finding, AwsRateFound) or self.ours not in news.tracks):
            rate = percent(aws.rate, NEAR * thresholds.review, thresholds.review, thresholds.pause)
            return f"AWS's own {self.name} rate is {rate}, as of {when(aws.at, zone)}."
        count = finding.count if news.holds and isinstance(finding, Finding) and finding.count is not None else None
        if count is None and evaluation is not None:
            count = evaluation.shown
        if count is None or count.rate is None:
            return f"The {self.name} rate is not known now."
        direction = "" if news.resolved else trend(spark(news.seen, self.metric), TREND_STEPS[self.metric])
        return f"{events_of(self.metric, count, thresholds.review, thresholds.pause, trend=direction)}."

    def _how_close(self, news: News) -> str:
        """How close our own rate is to the threshold of the alert and to AWS's."""
        thresholds, finding = AWS_THRESHOLDS[self.metric], news.found
        evaluation = news.seen.evaluations.get(self.metric)
        own = ""
        if isinstance(finding, Finding) and finding.threshold is not None:
            lowered = finding.threshold < news.seen.policy.by_metric[self.metric].warning
            usual = (
                ""
                if finding.usual is None or not lowered
                else f", as {_usual_in_words(finding.usual, finding.own_worst)}"
            )
            own = f"The alert threshold is {percent(finding.threshold)}{usual}. "
        if evaluation is None or evaluation.estimate.rate is None:
            return f"{own}AWS reviews at {percent(thresholds.review)}."
        estimate = percent(evaluation.estimate.rate, thresholds.review, thresholds.pause)
        if evaluation.estimate.rate >= thresholds.pause:
            return f"{own}AWS sees about {estimate} and may pause at {percent(thresholds.pause)}."
        left = headroom_in_words(evaluation.headroom)
        return f"{own}AWS sees about {estimate} and reviews at {percent(thresholds.review)}: {left}."

    def _beside_ours(self, news: News) -> list[str]:
        """Our own rate, where it is not what AWS complains of."""
        evaluation = news.seen.evaluations.get(self.metric)
        if evaluation is None or evaluation.shown.rate is None or self.ours in news.tracks:
            return []
        ours = percent(evaluation.shown.rate, AWS_THRESHOLDS[self.metric].review)
        return [f"Ours over all email is {ours}."]

    def _how_close_aws_is(self, rate: float) -> str:
        """How close AWS's own rate is to its thresholds."""
        thresholds = AWS_THRESHOLDS[self.metric]
        review, pause = percent(thresholds.review), percent(thresholds.pause)
        if rate >= thresholds.pause:
            return f"That is over its pause threshold of {pause}: AWS may stop your email at any time."
        if rate >= thresholds.review:
            return f"That is over its review threshold of {review}. AWS may pause at {pause}."
        return f"AWS reviews at {review} and may pause at {pause}."

    def resolved(self, news: News) -> list[str]:
        rearmed = self._rearmed(news)
        if rearmed is not None:
            resumed = when(rearmed, news.context.zone)
            return [
                f"A person resumed sending at {resumed}: emails before that no longer count, every window starts anew."
            ]
        if self._forgotten(news):
            return [
                f"AWS has published no {self.name} rate for 14 days: nobody knows what it is now.",
                "The alert is closed, which does not mean that all is well.",
            ]
        whose = "AWS's own rate and ours have" if len(news.tracks) > 1 else "The rate has"
        if self.ours not in news.tracks:
            whose = "AWS's own rate has"
        return [self._what(news), f"{whose} been below all thresholds for 24 h."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        console = "Open the reputation page of the SES console: it says over how much email AWS counts."
        if self._forgotten(news):
            return (console,)
        if self.ours not in news.tracks:
            return (console, *_STEPS[self.metric][1:])
        since = when(self._sent_from(news), news.context.zone)
        return tuple(step.format(since=since) for step in _STEPS[self.metric])

    def _sent_from(self, news: News) -> Instant:
        """When the emails to look for were sent at the earliest."""
        ours = news.tracks.get(self.ours)
        started = news.started if ours is None else ours.opened_at if ours.started is None else ours.started
        return started - sent_before(news.seen.learned, self.metric)

    def command(self, news: News) -> Command | None:
        if self._forgotten(news):
            return super().command(news)
        return Command(
            f"Find who causes the {self.name}s",
            f"ses-reputation cause {news.seen.target.options} --metric {self.name} "
            f"--since {minute(self._sent_from(news))} --until {minute(news.now)}",
        )

    def small_print(self, news: News) -> list[tuple[str, str]]:
        facts = []
        if isinstance(news.found, Finding) and news.holds:
            facts.append(("Rule", why(news.found)))
        evaluation = news.seen.evaluations.get(self.metric)
        if news.seen.history is not None:
            facts.append(("Last 24 h", sparkline(spark(news.seen, self.metric))))
        if evaluation is not None and (isinstance(news.found, AwsRateFound) or self.ours not in news.tracks):
            facts.append(("Our rate", in_words(evaluation)))
        if evaluation is not None and evaluation.estimate.rate is not None:
            review, pause = AWS_THRESHOLDS[self.metric].review, AWS_THRESHOLDS[self.metric].pause
            estimate = f"{percent(evaluation.estimate.rate, review)} by our estimate"
            aws = self._aws_rate(news)
            own = (
                "not known"
                if aws is None
                else f"{percent(aws.rate, review, pause)} at {when(aws.at, news.context.zone)}"
            )
            facts.append(("AWS's rate", f"{own}; {estimate}"))
        return facts


LIST_STEP = "Turn on the account-level suppression list."
READERS_STEP = "Until the rate is down, send only to people who opened lately."

_STEPS = {
    Metric.BOUNCE: (
        "Find what was sent from {since} on: a list, an import, a form. Stop only that.",
        LIST_STEP,
        READERS_STEP,
    ),
    Metric.COMPLAINT: (
        "Find what was sent from {since} on that people did not want. Stop only that.",
        "Check that unsubscribing takes one click and works.",
        READERS_STEP,
    ),
}


def our_standing(evaluation: Evaluation) -> Standing:
    """Standing of our own rate."""
    return Standing(evaluation.found, calm=partial(getattr, evaluation, "calm"))


def why(finding: Finding) -> str:
    """Why a rule holds, in one line."""
    if finding.bound is None or finding.threshold is None:
        return finding.rule
    at = percent(finding.threshold, finding.bound)
    plain = finding.count is not None and finding.bound == finding.count.rate
    sure = "above" if plain else f"very likely above {percent(finding.bound, finding.threshold)}, threshold"
    usual = "" if finding.usual is None else f"; {_usual_in_words(finding.usual, finding.own_worst)}"
    return f"{finding.rule}: {sure} {at}{usual}"


def _usual_in_words(usual: float, own_worst: float | None) -> str:
    """Say what a threshold follows."""
    worst = f", the worst such stretch of the last 12 days was {percent(own_worst)}" if own_worst else ""
    return f"your usual rate is {percent(usual)}{worst}"


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


TREND_STEPS = {Metric.BOUNCE: (2, 6), Metric.COMPLAINT: (6, 12)}
"""Steps of the sparkline that a trend compares: how many are new, and how many there are in all."""


def trend(counts: tuple[Count, ...], steps: tuple[int, int]) -> str:
    """Rising, falling or steady; a change must be a quarter of the rate and twice what chance brings."""
    new, old = counts[-steps[0] :], counts[-steps[1] : -steps[0]]
    new_emails, old_emails = (sum(count.emails for count in part) for part in (new, old))
    if not new_emails or not old_emails:
        return "steady"
    events = sum(count.events for count in new)
    expected = sum(count.events for count in old) * new_emails / old_emails
    change = events - expected
    if abs(change) <= max(expected / 4, 2 * max(events, expected) ** 0.5):
        return "steady"
    return "rising" if change > 0 else "falling"


def in_words(evaluation: Evaluation, *, open_alert: bool = False) -> str:
    """One line on a rate. One that is back to normal while its alert is open is "recovering"."""
    review, shown = AWS_THRESHOLDS[evaluation.metric].review, evaluation.shown
    word = "recovering" if open_alert and not evaluation.found else evaluation.verdict.value.lower().replace("_", " ")
    return word if shown.rate is None else f"{word}, {events_of(evaluation.metric, shown, review)}"


BOUNCE = RateCheck(Metric.BOUNCE)
COMPLAINT = RateCheck(Metric.COMPLAINT)
