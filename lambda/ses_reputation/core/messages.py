"""Announcements laid out as a mail for people and as a document for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .account import Account
from .advice import next_steps_of
from .episode import Kind
from .history import Instant, iso
from .plan import Announcement, MetricState
from .sentences import (
    Context,
    count_of,
    facts_of,
    headline_of,
    links_of,
    noun_of,
    status_of,
    summary_of,
)
from .wording import NBSP, plain

SUBJECT = 99
"""Characters at most: SNS wants fewer than a hundred, ASCII, on one line."""

WIDTH = 76
"""Columns of a mail's text; addresses of pages are never broken."""

DOCUMENT_VERSION = 1
"""Of the JSON document; docs/machine-messages.md says what it holds."""


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


def _headline_of_several(ordered: Sequence[Announcement]) -> str:
    kinds: dict[str, int] = {}
    for announcement in ordered:
        kinds[status_of(announcement)] = kinds.get(status_of(announcement), 0) + 1
    regions = list(dict.fromkeys(announcement.target.region for announcement in ordered))
    where = ", ".join(regions[:3]) + (f" and {len(regions) - 3} more" if len(regions) > 3 else "")
    concerns = ", ".join(dict.fromkeys(map(noun_of, ordered)))
    return f"{', '.join(f'{count} {status}' for status, count in kinds.items())}: SES {concerns} in {where}"


def _text(announcement: Announcement, context: Context) -> Iterator[str]:
    target = announcement.target
    yield from _wrapped(headline_of(announcement))
    yield (
        f"{plain(target.alias)}, account {target.account}, {target.region}"
        if target.alias
        else (f"Account {target.account}, {target.region}")
    )
    yield ""
    for sentence in summary_of(announcement, context):
        yield from _wrapped(sentence)
    yield ""
    for name, text in facts_of(announcement, context):
        yield from _wrapped(text, first=f"{name:<13}", rest=" " * 13)
    steps = next_steps_of(announcement)
    if steps:
        yield ""
        yield "What to do first"
        for number, step in enumerate(steps, 1):
            yield from _wrapped(step, first=f"  {number}. ", rest="     ")
    yield ""
    for link, address in links_of(announcement, context).items():
        yield f"{_LINKS[link]:<13}{address}"
    yield ""
    yield f"Message {announcement.seq} of episode {announcement.episode} in {target.region}."


_LINKS = {"dashboard": "Dashboard", "ses_console": "SES console", "runbook": "Runbook"}


def _wrapped(text: str, first: str = "", rest: str = "") -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


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
        "until": None if cause.until is None else iso(cause.until),
        "metrics": {state.metric.value: _state_document(state) for state in announcement.metrics},
        "aws_account": None if announcement.account is None else _account_document(announcement.account),
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
        "aws_rate": None if state.aws is None else state.aws.rate,
        "aws_rate_at": None if state.aws is None else iso(state.aws.at),
    }


def _account_document(account: Account) -> dict[str, Any]:
    return {
        "enforcement": account.enforcement,
        "sending": account.sending,
        "production": account.production,
        "quota": account.quota,
        "used": account.used,
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
            "announcements": [document(announcement) | _said(announcement, context) for announcement in ordered],
        },
        allow_nan=False,
    )


def _said(announcement: Announcement, context: Context) -> dict[str, Any]:
    """The same words that people read, for programs that pass them on."""
    return {
        "headline": headline_of(announcement),
        "summary": summary_of(announcement, context),
        "facts": [{"name": name, "text": text} for name, text in facts_of(announcement, context)],
        "next_steps": next_steps_of(announcement),
        "links": links_of(announcement, context),
    }


def attributes(announcements: Sequence[Announcement]) -> Mapping[str, Sequence[str]]:
    """What a subscription's filter policy may ask for: each a list of the words that occur."""
    return {
        "severity": sorted({announcement.severity.word for announcement in announcements}),
        "metric": sorted({announcement.concern for announcement in announcements}),
        "kind": sorted({announcement.kind.value for announcement in announcements}),
        "account": sorted({announcement.target.account for announcement in announcements}),
        "region": sorted({announcement.target.region for announcement in announcements}),
    }
