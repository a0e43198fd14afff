"""The guarded pause: when the monitor may stop sending by itself, and what. Every doubt is a refusal with its reason.

It happens in two ticks: at the first people are notified, at the next, if nothing speaks against it then, it is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .alert import Sent, Track
from .cause import MOSTLY, CauseReading
from .evaluation import Evaluation
from .history import BUCKET, DAY, HOUR, History, Instant
from .pause_level import PARTS, Level, Part
from .pause_record import CHECK, NAME, Pause, Stage
from .rates import AWS_THRESHOLDS, Metric
from .readings import SHUTDOWN, Readings, Unreadable
from .rules import Finding, Severity
from .target import Target
from .wording import events_of, percent

FRESH = HOUR
"""No pause if the newest email is older: then nothing is sent that a pause could stop, or the statistics lag."""

FEWEST_EMAILS = 1_000
FEWEST_EVENTS = {Metric.BOUNCE: 50, Metric.COMPLAINT: 20}
"""In the last 24 h: a rate of fewer may be chance, and too little harm for so hard a measure."""

AGREEING_RULES = 2
"""Critical rules that must hold, each over a window of its own."""

AWS_AT_LEAST = 0.4
"""Part of AWS's review threshold that AWS's own rate must have reached: below it AWS contradicts us."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that speaks for or against a pause at a tick."""

    now: Instant
    target: Target
    metric: Metric
    track: Track | None  # of our own rate
    evaluation: Evaluation | None
    readings: Readings
    history: History | None
    newest: Instant | None  # end of the newest bucket with emails
    sent: Sent | None  # last notification of the alert
    pauses: tuple[Pause, ...]  # the earlier ones of the target
    rearmed: Instant | None = None  # emails before it do not count


def refusal(facts: Facts) -> str:
    """Say why nothing may be paused now; empty if nothing speaks against it."""
    return next(_objections(facts), "")


def _objections(facts: Facts) -> Iterator[str]:
    readings, evaluation, track, sent = facts.readings, facts.evaluation, facts.track, facts.sent
    if isinstance(readings.statistics, Unreadable) or evaluation is None or facts.history is None:
        yield "the send statistics cannot be used"
        return
    if track is None or track.severity is not Severity.CRITICAL or sent is None:
        yield "our own rate has opened no critical alert"
        return
    if any(pause.cause == track.id and pause.stage is Stage.PAUSED for pause in facts.pauses):
        yield "it was paused for this alert before"
    critical = [finding for finding in evaluation.found if finding.severity is Severity.CRITICAL]
    if track.held_at != facts.now or not critical:
        yield "our own rate is not critical now"
    if len({finding.count.start for finding in critical if finding.count is not None}) < AGREEING_RULES:
        yield "only one critical rule holds, or several over the same time"
    if facts.newest is None or facts.now - facts.newest > FRESH:
        yield "no email was sent in the last hour"
    events, emails = _of_a_day(facts.history, facts.metric, facts.now, facts.rearmed)
    if emails < FEWEST_EMAILS or events < FEWEST_EVENTS[facts.metric]:
        yield f"{events:,} {facts.metric.value}s of {emails:,} emails in 24 h are too few to be certain"
    account = readings.known_account
    if account is None:
        yield "the account's state is not known"
    elif account.enforcement == SHUTDOWN or not account.sending:
        yield "sending is stopped already"
    yield from _of_aws(facts)
    yield from _of_the_team(facts, sent)


def _of_aws(facts: Facts) -> Iterator[str]:
    rates, review = facts.readings.known_rates, AWS_THRESHOLDS[facts.metric].review
    own = None if rates is None else rates.get(facts.metric)
    if own is None:
        yield "AWS's own rate is not known"
    elif own.rate < round(AWS_AT_LEAST * review, 12):
        yield f"AWS's own rate is only {percent(own.rate, AWS_AT_LEAST * review)}"


def veto(facts: Facts) -> str:
    """Say why the team wants no pause; empty if it has not ordered that. Without an alert nobody can tell."""
    return "its alert is over" if facts.sent is None else next(_of_the_team(facts, facts.sent), "")


def _of_the_team(facts: Facts, sent: Sent) -> Iterator[str]:
    orders = facts.readings.orders
    if not orders.known:
        yield "the orders of the team cannot be read"
    if any(orders.speak_against(check, facts.target, facts.now) for check in (CHECK, facts.metric.value)):
        yield "the team has muted it"
    if orders.acknowledged(facts.target.id, sent.alert):
        yield "somebody has acknowledged the alert"


def _of_a_day(history: History, metric: Metric, now: Instant, rearmed: Instant | None) -> tuple[int, int]:
    """Events and emails of the last 24 h, without those of before a resume."""
    since = now - DAY if rearmed is None else max(now - DAY, rearmed + BUCKET - 1)
    start, end = history.closed(since), history.closed(now)
    events = history.bounces if metric is Metric.BOUNCE else history.complaints
    return events[end] - events[start], history.attempts[end] - history.attempts[start]


def reason(metric: Metric, evaluation: Evaluation | None, readings: Readings) -> str:
    """Say our rate and AWS's, each with its threshold, and which rules agree: for people and for the record."""
    review = AWS_THRESHOLDS[metric].review
    findings: Sequence[Finding] = () if evaluation is None else evaluation.found
    critical = [finding for finding in findings if finding.severity is Severity.CRITICAL]
    rules = " and ".join(finding.rule for finding in critical)
    sentences = [
        f"{events_of(metric, each.count, each.threshold, review)}, over the critical threshold of "
        f"{percent(each.threshold)} (rules {rules})"
        for each in critical
        if each.count is not None and each.threshold is not None
    ][:1]
    own = (readings.known_rates or {}).get(metric)
    if own is not None:
        sentences.append(f"AWS's own rate is {percent(own.rate, review)}, its review threshold {percent(review)}")
    return ". ".join(sentences)


_MISSED = (f"{Part.SET.value}s", f"{Part.TENANT.value}s", "search for the cause")
"""Words of the sentences of a look that has not seen the sets or the tenants, or not come to its end."""


def named(reading: CauseReading | None, level: Level) -> tuple[Part, str] | None:
    """Choose what to pause: the smallest part that the cause names and the level allows, or None. Nothing is guessed."""
    allowed = PARTS[level]
    most = 0 if reading is None or not reading.question.events else MOSTLY * reading.question.events
    if reading is not None and most:
        sets = [(p.events or 0, p.name) for p in reading.parts if p.kind == Part.SET.value and NAME.fullmatch(p.name)]
        tenants = [
            (count, name) for name, count, complete in reading.on_tenant_lists if complete and NAME.fullmatch(name)
        ]
        for part, counted in ((Part.SET, sets), (Part.TENANT, tenants)):
            events, name = max(counted, default=(0, ""))
            if part in allowed and events >= most:
                return part, name
    return (Part.ACCOUNT, "") if Part.ACCOUNT in allowed and _is_whole(reading) else None


def _is_whole(reading: CauseReading | None) -> bool:
    """Tell if neither a set nor a tenant can be the cause unseen. Where no cause is looked for, nobody expects one."""
    if reading is None:
        return True
    return not (reading.broke or any(what in sentence for sentence in reading.unseen for what in _MISSED))
