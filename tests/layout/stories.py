"""Every sample as documents, decided once for all tests of this folder."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

from ses_reputation.core.checks.base import Context
from ses_reputation.core.notification import Document
from ses_reputation.core.rules import default_policy
from ses_reputation.core.target import Target

from cli.samples import SAMPLES, Stories

CONTEXT = Context(
    zone=ZoneInfo("Europe/Berlin"),
    dashboard_url="https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/SesReputation-eu-west-1",
    runbook_url="https://wiki.example.com/ses",
)
STORIES = Stories(default_policy(), Target("123456789012", "eu-west-1"), CONTEXT)


@cache
def documents(name: str) -> tuple[Document, ...]:
    """The documents of a sample."""
    return tuple(SAMPLES[name](STORIES))


def the(name: str) -> Document:
    """The only document of a sample."""
    [document] = documents(name)
    return document


SMALL: Document = {
    "id": "123456789012-eu-west-1-bounce-20250217T0945Z-2",
    "deduplication_key": "123456789012-eu-west-1-bounce-20250217T0945Z",
    "at": "2025-02-17T21:30:00Z",
    "stage": "",
    "account": "123456789012",
    "account_name": "",
    "region": "eu-west-1",
    "check": "bounce",
    "severity": "critical",
    "status": "CRITICAL",
    "kind": "firing",
    "reason": "escalated",
    "alert": "bounce-20250217T0945Z",
    "number": 2,
    "opened_at": "2025-02-17T09:45:00Z",
    "title": "CRITICAL: SES bounce rate is high in eu-west-1",
    "what_is_new": "The alert has become critical.",
    "asks": "Act now.",
    "summary": ["590 of the last 10,642 emails bounced: 5.5%."],
    "cause": None,
    "first_steps": ["Stop it."],
    "command": {"shows": "Find who causes the bounces", "text": "ses-reputation cause"},
    "links": [{"name": "Dashboard", "url": "https://d.example.com/?a=1&b=2"}],
    "facts": [{"name": "Alert", "text": "bounce-20250217T0945Z, message 2"}],
}
"""Smallest document that a layout accepts."""

HOSTILE = "<!channel> & *bold* _italic_ ~gone~ `code` @here <https://evil.test|click> [click](https://evil.test)"


def hostile(text: str = HOSTILE) -> Document:
    """`SMALL` with `text` in every field that comes from outside."""
    return SMALL | {
        "title": f"WARNING: {text}",
        "what_is_new": text,
        "summary": [text],
        "cause": text,
        "first_steps": [text],
        "command": {"shows": text, "text": text},
        "links": [*SMALL["links"], {"name": text, "url": f"https://evil.test/{text}"}],
        "facts": [{"name": text, "text": text}],
        "account_name": text,
    }
