"""Notifications laid out as an email for people and as a document for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.account import Account
from ..core.advice import next_steps_of
from ..core.alert import Kind
from ..core.history import Instant, iso
from ..core.plan import MetricState, Notification
from ..core.sentences import (
    Context,
    count_of,
    facts_of,
    headline_of,
    links_of,
    noun_of,
    status_of,
    summary_of,
)
from ..core.wording import NBSP, plain

SUBJECT = 99
"""Characters at most: SNS wants fewer than a hundred, ASCII, on one line."""

WIDTH = 76
"""Columns of an email's text; addresses of pages are never broken."""

DOCUMENT_VERSION = 1
"""Of the JSON document; docs/machine-messages.md says what it holds."""


@dataclass(frozen=True, slots=True)
class Email:
    """A message for people."""

    subject: str
    text: str


def email(notifications: Sequence[Notification], context: Context) -> Email:
    """Everything that one run has to say, the worst first, as one email."""
    ordered = sorted(notifications, key=_worst_first)
    first = ordered[0]
    headline = headline_of(first) if len(ordered) == 1 else _headline_of_several(ordered)
    subject = f"[{context.stage}] {headline}" if context.stage else headline
    texts = ["\n".join(_text(notification, context)) for notification in ordered]
    return Email(_subject(subject), f"\n{'=' * 60}\n\n".join(texts))


def _worst_first(notification: Notification) -> tuple[bool, int, Instant, str, str]:
    over = notification.kind is Kind.RESOLVED
    return over, -notification.severity, notification.opened_at, notification.target.id, notification.check


def _subject(text: str) -> str:
    ascii_only = "".join(c if " " <= c <= "~" else "?" for c in text.replace(NBSP, " "))
    return ascii_only if len(ascii_only) <= SUBJECT else ascii_only[: SUBJECT - 3] + "..."


def _headline_of_several(ordered: Sequence[Notification]) -> str:
    kinds: dict[str, int] = {}
    for notification in ordered:
        kinds[status_of(notification)] = kinds.get(status_of(notification), 0) + 1
    regions = list(dict.fromkeys(notification.target.region for notification in ordered))
    where = ", ".join(regions[:3]) + (f" and {len(regions) - 3} more" if len(regions) > 3 else "")
    checks = ", ".join(dict.fromkeys(map(noun_of, ordered)))
    return f"{', '.join(f'{count} {status}' for status, count in kinds.items())}: SES {checks} in {where}"


def _text(notification: Notification, context: Context) -> Iterator[str]:
    target = notification.target
    yield from _wrapped(headline_of(notification))
    yield (
        f"{plain(target.alias)}, account {target.account}, {target.region}"
        if target.alias
        else (f"Account {target.account}, {target.region}")
    )
    yield ""
    for sentence in summary_of(notification, context):
        yield from _wrapped(sentence)
    yield ""
    for name, text in facts_of(notification, context):
        yield from _wrapped(text, first=f"{name:<13}", rest=" " * 13)
    steps = next_steps_of(notification)
    if steps:
        yield ""
        yield "What to do first"
        for number, step in enumerate(steps, 1):
            yield from _wrapped(step, first=f"  {number}. ", rest="     ")
    yield ""
    for link, address in links_of(notification, context).items():
        yield f"{_LINKS[link]:<13}{address}"
    yield ""
    yield f"Message {notification.seq} of alert {notification.alert} in {target.region}."


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


def document(notification: Notification) -> dict[str, Any]:
    """A notification for programs: `replay --json` prints it, and every machine document is made of it."""
    cause = notification.cause
    count = count_of(notification)
    return {
        "at": iso(notification.at),
        "account": notification.target.account,
        "region": notification.target.region,
        "metric": notification.check,
        "severity": notification.severity.word,
        "kind": notification.kind.value,
        "reason": notification.reason.value,
        "alert": notification.alert,
        "seq": notification.seq,
        "opened_at": iso(notification.opened_at),
        "rule": cause.rule,
        "detail": cause.detail,
        "events": None if count is None else count.events,
        "emails": None if count is None else count.emails,
        "rate": None if count is None else count.rate,
        "window_start": None if count is None else iso(count.start),
        "window_end": None if count is None else iso(count.end),
        "bound": cause.bound,
        "threshold": cause.threshold,
        "normal": cause.usual,
        "until": None if cause.until is None else iso(cause.until),
        "metrics": {state.metric.value: _state_document(state) for state in notification.metrics},
        "aws_account": None if notification.account is None else _account_document(notification.account),
    }


def _state_document(state: MetricState) -> dict[str, Any]:
    left = state.headroom
    return {
        "verdict": state.verdict.value,
        "rate": None if state.shown is None else state.shown.rate,
        "aws_estimate": None if state.estimate is None else state.estimate.rate,
        "events_left": None if left is None else left.events_left,
        "hours_left": None if left is None else left.hours_left,
        "clean_mails_needed": None if left is None else left.clean_emails,
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


def machine(notifications: Sequence[Notification], context: Context) -> str:
    """Everything that one run has to say as one JSON document."""
    ordered = sorted(notifications, key=_worst_first)
    return json.dumps(
        {
            "version": DOCUMENT_VERSION,
            "source": "ses-reputation-monitor",
            "stage": context.stage,
            "dashboard_url": context.dashboard_url,
            "notifications": [document(notification) | _said(notification, context) for notification in ordered],
        },
        allow_nan=False,
    )


def _said(notification: Notification, context: Context) -> dict[str, Any]:
    """The same words that people read, for programs that pass them on."""
    return {
        "headline": headline_of(notification),
        "summary": summary_of(notification, context),
        "facts": [{"name": name, "text": text} for name, text in facts_of(notification, context)],
        "next_steps": next_steps_of(notification),
        "links": links_of(notification, context),
    }


def attributes(notifications: Sequence[Notification]) -> Mapping[str, Sequence[str]]:
    """What a subscription's filter policy may ask for: each a list of the words that occur."""
    return {
        "severity": sorted({notification.severity.word for notification in notifications}),
        "metric": sorted({notification.check for notification in notifications}),
        "kind": sorted({notification.kind.value for notification in notifications}),
        "account": sorted({notification.target.account for notification in notifications}),
        "region": sorted({notification.target.region for notification in notifications}),
    }
