"""The words: announcements as a mail for people and as a document for programs. The only room with prose."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from .decide import UNREADABLE, Announcement, MetricState, Trouble
from .episode import Kind, Reason
from .headroom import Headroom
from .history import DAY, HOUR, Instant, iso
from .rates import AWS_LINES, Count, Metric
from .rules import Finding, Verdict

SUBJECT = 99
"""Characters at most: SNS wants fewer than a hundred, ASCII, on one line."""

NBSP = "\u00a0"
"""Between a number and its unit, so that a line never ends between them."""

WIDTH = 76
"""Columns of a mail's text; addresses of pages are never broken."""

DOCUMENT_VERSION = 1
"""Of the JSON document; docs/machine-messages.md says what it holds."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the words need besides the announcements."""

    stage: str
    zone: tzinfo
    dashboard_url: str
    runbook_url: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A message for people."""

    subject: str
    text: str


def mail(announcements: Sequence[Announcement], context: Context) -> Mail:
    """Everything that one run has to say, the worst first, as one mail."""
    ordered = sorted(announcements, key=_worst_first)
    first = ordered[0]
    headline = headline_of(first) if len(ordered) == 1 else _headline_of_several(ordered)
    subject = f"[{context.stage}] {headline}" if context.stage else headline
    texts = ["\n".join(_text(announcement, context)) for announcement in ordered]
    return Mail(_subject(subject), f"\n{'=' * 60}\n\n".join(texts))


def _worst_first(announcement: Announcement) -> tuple[bool, int, Instant, str, str]:
    over = announcement.kind is Kind.RESOLVED
    return over, -announcement.severity, announcement.opened_at, announcement.target.id, announcement.concern


def _subject(text: str) -> str:
    ascii_only = "".join(c if " " <= c <= "~" else "?" for c in text.replace(NBSP, " "))
    return ascii_only if len(ascii_only) <= SUBJECT else ascii_only[: SUBJECT - 3] + "..."


def headline_of(announcement: Announcement) -> str:
    """What and how bad, in one line."""
    where = announcement.target.region
    if announcement.concern == UNREADABLE:
        if announcement.kind is Kind.RESOLVED:
            return f"OK: SES statistics of {where} can be read again"
        still = "Still " if announcement.kind is Kind.REMINDER else ""
        return f"{still}UNKNOWN: SES statistics of {where} cannot be read ({announcement.cause.rule})"
    metric = Metric(announcement.concern)
    lines = AWS_LINES[metric]
    if announcement.kind is Kind.RESOLVED:
        lasted = duration(announcement.at - announcement.opened_at)
        return f"OK: SES {metric} rate in {where} is low again ({lasted} after the first warning)"
    word = announcement.severity.name
    count = count_of(announcement)
    rate = "" if count is None or count.rate is None else f" {percent(count.rate, lines.review, lines.pause)}"
    if announcement.kind is Kind.REMINDER and not announcement.found:
        return f"Recovering: SES {metric} rate{rate} in {where} - not over yet"
    head = f"Still {word}" if announcement.kind is Kind.REMINDER else word
    return f"{head}: SES {metric} rate{rate} in {where} - AWS reviews at {percent(lines.review)}"


def _headline_of_several(ordered: Sequence[Announcement]) -> str:
    kinds: dict[str, int] = {}
    for announcement in ordered:
        kinds[_status(announcement)] = kinds.get(_status(announcement), 0) + 1
    regions = list(dict.fromkeys(announcement.target.region for announcement in ordered))
    where = ", ".join(regions[:3]) + (f" and {len(regions) - 3} more" if len(regions) > 3 else "")
    concerns = ", ".join(dict.fromkeys(_CONCERNS[announcement.concern] for announcement in ordered))
    return f"{', '.join(f'{count} {status}' for status, count in kinds.items())}: SES {concerns} in {where}"


_CONCERNS = {"bounce": "bounces", "complaint": "complaints", UNREADABLE: "unreadable"}


def _status(announcement: Announcement) -> str:
    if announcement.kind is Kind.RESOLVED:
        return "OK"
    return "UNKNOWN" if announcement.concern == UNREADABLE else announcement.severity.name


def _text(announcement: Announcement, context: Context) -> Iterator[str]:
    yield from _wrapped(headline_of(announcement))
    target = announcement.target
    name = f"{_plain(target.alias)}, account {target.account}" if target.alias else f"Account {target.account}"
    yield f"{name}, {target.region}"
    yield ""
    if announcement.concern == UNREADABLE:
        yield from _unreadable(announcement)
    else:
        yield from _rate(announcement, Metric(announcement.concern))
    yield ""
    yield from _item("Since", f"{_when(announcement.opened_at, context)}{_ago(announcement)}")
    yield from _item("What is new", _new(announcement))
    for state in announcement.metrics:
        if state.metric.value == announcement.concern:
            yield from _item("Headroom", headroom_in_words(state.headroom))
            yield from _item("Last 24 h", _sparkline(announcement.spark))
        else:
            yield from _item(f"{state.metric.value.capitalize()}s", _other(state))
    if announcement.kind is not Kind.RESOLVED:
        yield ""
        yield "What to do first"
        for number, line in enumerate(_first_steps(announcement), 1):
            yield from _wrapped(line, first=f"  {number}. ", rest="     ")
    yield ""
    yield f"Dashboard    {context.dashboard_url}"
    yield f"SES console  {ses_console(target.region)}"
    if context.runbook_url:
        yield f"Runbook      {context.runbook_url}"
    yield ""
    yield f"Message {announcement.seq} of episode {announcement.episode} in {target.region}."


_NEW = {
    Reason.OPENED: "this is the first message about it",
    Reason.ESCALATED: "it has become {word}",
    Reason.STILL: "nothing: this is a reminder, it is not over",
    Reason.RECOVERED: "it is over: for the last 24 hours no rule has held, and the rates are low",
}


def _new(announcement: Announcement) -> str:
    if announcement.concern == UNREADABLE and announcement.reason is Reason.RECOVERED:
        return "it is over"
    return _NEW[announcement.reason].format(word=announcement.severity.word)


def _rate(announcement: Announcement, metric: Metric) -> Iterator[str]:
    lines = AWS_LINES[metric]
    count = count_of(announcement)
    if count is not None:
        yield from _wrapped(f"{events_of(metric, count, lines.review, lines.pause)}.")
    if announcement.kind is not Kind.RESOLVED and announcement.found:
        yield from _wrapped(_why(announcement.cause))
    elif announcement.kind is not Kind.RESOLVED:
        yield from _wrapped(
            "No rule holds at this moment. It is over when that has lasted for 24 hours and the rates are low, also over "
            "the mail that AWS counts."
        )
    yield from _wrapped(
        f"AWS reviews accounts at {percent(lines.review)} and may pause sending at {percent(lines.pause)}, "
        "by its own count (see below)."
    )


def count_of(announcement: Announcement) -> Count | None:
    """The numbers that the message speaks of: of what holds now, else of the rate as it is now."""
    if announcement.found:
        return announcement.found[0].count
    return next((state.shown for state in announcement.metrics if state.metric.value == announcement.concern), None)


def _why(finding: Finding) -> str:
    if finding.bound is None or finding.line is None:
        return finding.detail
    normal = "" if finding.normal is None else f"; your own normal is {percent(finding.normal)}"
    return (
        f'Rule "{finding.rule}": the rate is surely above {percent(finding.bound, finding.line)}, '
        f"the line is {percent(finding.line)}{normal}."
    )


def events_of(metric: Metric, count: Count, *lines: float) -> str:
    """61 of the last 1,204 mails bounced: 5.1 % (sent over 5 h)."""
    verb = "bounced" if metric is Metric.BOUNCE else "brought complaints"
    rate = "" if count.rate is None else f": {percent(count.rate, *lines)}"
    span = duration(count.end - count.start)
    return f"{count.events:,} of the last {plural(count.mails, 'mail')} {verb}{rate} (sent over {span})"


def _unreadable(announcement: Announcement) -> Iterator[str]:
    if announcement.kind is Kind.RESOLVED:
        yield from _wrapped("The send statistics have been readable for an hour; the rates are judged again.")
        return
    yield from _wrapped(
        f"The send statistics cannot be read: {announcement.cause.rule} ({_plain(announcement.cause.detail)})."
    )
    yield from _wrapped("Until they can, nobody is told of bounces or complaints here. Unknown is not healthy.")


def _first_steps(announcement: Announcement) -> tuple[str, ...]:
    if announcement.concern == UNREADABLE:
        return _STEPS_UNREADABLE[Trouble(announcement.cause.rule)]
    return _STEPS[Metric(announcement.concern)]


_STEPS = {
    Metric.BOUNCE: (
        "Find what was sent since then: a new list, an import, a changed sign-up form. Stop that, not all mail.",
        "Take the bounced addresses out and turn on the account-level suppression list for bounces.",
        "Send only to people who opened or clicked lately until the rate is down; clean mail brings it back.",
    ),
    Metric.COMPLAINT: (
        "Find the mail that people complain about: the newest campaign or a raised frequency. Stop that one.",
        "Check that unsubscribing is one click and works, and that nobody is mailed who did not ask for it.",
        "Take everybody who complained out, and send only to those who engage until the rate is down.",
    ),
}

_STEPS_UNREADABLE = {
    Trouble.DENIED: (
        "See whether the function's role still allows ses:GetSendStatistics, and whether an organisation policy forbids it.",
        "Deploy the stack again: it restores the role.",
    ),
    Trouble.THROTTLED: (
        "SES allows this call once a second: look for something else in this account that asks too often.",
    ),
    Trouble.TIMED_OUT: ("Look at the AWS Health Dashboard for this region; the next run tries again.",),
    Trouble.BAD_ANSWER: ("Compare with `aws ses get-send-statistics`; the function's log has the details.",),
    Trouble.FAILED: ("Look at the AWS Health Dashboard for this region, and at the function's log.",),
}


def headroom_in_words(left: Headroom | None) -> str:
    """What is left before AWS's review line, when it is gone, and what brings it back."""
    if left is None:
        return "not known: no mail in the last two weeks"
    noun = left.metric.value
    rate = left.estimate.rate
    shown = "" if rate is None else f", {percent(rate, left.line)}"
    counted = (
        f"our estimate of AWS's count is {left.estimate.events:,} of {plural(left.estimate.mails, 'mail')}{shown}, "
        f"over {duration(left.estimate.end - left.estimate.start)}"
    )
    if left.events_left == 0:
        need = (
            "" if left.clean_mails is None else f"; {plural(left.clean_mails, 'mail')} without a {noun} bring it back"
        )
        return f"none: {counted}. The review line is reached{need}."
    pace = "not reached at this pace" if left.hours_left is None else f"at this pace in {_hours(left.hours_left)}"
    return f"{plural(left.events_left, f'more {noun}')} to AWS's review line, {pace}; {counted}."


def _other(state: MetricState) -> str:
    words = {
        Verdict.OK: "fine",
        Verdict.TOO_LITTLE_MAIL: "too little mail to tell",
        Verdict.NO_DATA: "no mail",
        Verdict.UNKNOWN: "not known",
    }
    word = words.get(state.verdict, state.verdict.value.lower())
    if state.shown is None or state.shown.rate is None:
        return word
    return f"{word}: {events_of(state.metric, state.shown, AWS_LINES[state.metric].review)}"


BLOCKS = "▁▂▃▄▅▆▇█"


def _sparkline(spark: Sequence[Count]) -> str:
    """One sign for two hours, `·` where no mail was sent, and what the highest sign stands for."""
    rates = [count.rate for count in spark]
    highest = max((rate for rate in rates if rate is not None), default=0.0)
    signs = [
        "·" if rate is None else BLOCKS[round(rate / highest * (len(BLOCKS) - 1)) if highest else 0] for rate in rates
    ]
    return f"{''.join(signs)}  (two hours each, highest {percent(highest)})"


def _item(name: str, text: str) -> Iterator[str]:
    yield from _wrapped(text, first=f"{name:<13}", rest=" " * 13)


def _wrapped(text: str, first: str = "", rest: str = "") -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    """Text from outside on one line, without what could steer a reader's screen."""
    return "".join(c if c.isprintable() else " " for c in text)


def _when(at: Instant, context: Context) -> str:
    return datetime.fromtimestamp(at, context.zone).strftime("%Y-%m-%d %H:%M %Z")


def _ago(announcement: Announcement) -> str:
    ago = announcement.at - announcement.opened_at
    return f", {duration(ago)} ago" if ago else ""


def duration(seconds: int) -> str:
    """A stretch of time in the two largest units that matter: 45 min, 5 h 30 min, 2 d 4 h, 75 d."""
    days, hours, minutes = seconds // DAY, seconds % DAY // HOUR, seconds % HOUR // 60
    if days:
        parts = (f"{days} d", f"{hours} h" if hours and days < 10 else "")
    else:
        parts = (f"{hours} h" if hours else "", f"{minutes} min" if minutes or not hours else "")
    return NBSP.join(part.replace(" ", NBSP) for part in parts if part)


def _hours(hours: float) -> str:
    return "less than an hour" if hours < 1 else duration(int(hours) * HOUR)


def plural(number: int, noun: str) -> str:
    """1 mail, 1,204 mails."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(rate: float, *lines: float) -> str:
    """A fraction in percent, with as many digits as keep it on its own side of every line: 5 %, 0.08 %, 4.98 %."""
    for digits in range(2, 15):
        text = f"{rate * 100:.{digits}g}"
        if all(_side(float(text) / 100, line) == _side(rate, line) for line in lines):
            break
    return f"{float(text):.10f}".rstrip("0").rstrip(".") + NBSP + "%"


def _side(rate: float, line: float) -> int:
    return 0 if abs(rate - line) < 1e-12 else 1 if rate > line else -1


def ses_console(region: str) -> str:
    """The reputation page of the SES console of a region, in its partition."""
    if region.startswith("cn-"):
        host = "console.amazonaws.cn"
    elif region.startswith("us-gov-"):
        host = "console.amazonaws-us-gov.com"
    else:
        host = f"{region}.console.aws.amazon.com"
    return f"https://{host}/ses/home?region={region}#/reputation"


def document(announcement: Announcement) -> dict[str, Any]:
    """An announcement for programs: `replay --json` prints it, and every machine document is made of it."""
    cause = announcement.cause
    count = count_of(announcement)
    return {
        "at": iso(announcement.at),
        "account": announcement.target.account,
        "region": announcement.target.region,
        "metric": announcement.concern,
        "severity": announcement.severity.word,
        "kind": announcement.kind.value,
        "reason": announcement.reason.value,
        "episode": announcement.episode,
        "seq": announcement.seq,
        "opened_at": iso(announcement.opened_at),
        "rule": cause.rule,
        "detail": cause.detail,
        "events": None if count is None else count.events,
        "mails": None if count is None else count.mails,
        "rate": None if count is None else count.rate,
        "window_start": None if count is None else iso(count.start),
        "window_end": None if count is None else iso(count.end),
        "bound": cause.bound,
        "line": cause.line,
        "normal": cause.normal,
        "metrics": {state.metric.value: _state_document(state) for state in announcement.metrics},
    }


def _state_document(state: MetricState) -> dict[str, Any]:
    left = state.headroom
    return {
        "verdict": state.verdict.value,
        "rate": None if state.shown is None else state.shown.rate,
        "aws_estimate": None if state.estimate is None else state.estimate.rate,
        "events_left": None if left is None else left.events_left,
        "hours_left": None if left is None else left.hours_left,
        "clean_mails_needed": None if left is None else left.clean_mails,
    }


def machine(announcements: Sequence[Announcement], context: Context) -> str:
    """Everything that one run has to say as one JSON document."""
    ordered = sorted(announcements, key=_worst_first)
    return json.dumps(
        {
            "version": DOCUMENT_VERSION,
            "source": "ses-reputation-monitor",
            "stage": context.stage,
            "dashboard_url": context.dashboard_url,
            "announcements": [document(announcement) for announcement in ordered],
        },
        allow_nan=False,
    )


def attributes(announcements: Sequence[Announcement]) -> Mapping[str, Sequence[str]]:
    """What a subscription's filter policy may ask for: each a list of the words that occur."""
    return {
        "severity": sorted({announcement.severity.word for announcement in announcements}),
        "metric": sorted({announcement.concern for announcement in announcements}),
        "kind": sorted({announcement.kind.value for announcement in announcements}),
        "account": sorted({announcement.target.account for announcement in announcements}),
        "region": sorted({announcement.target.region for announcement in announcements}),
    }
