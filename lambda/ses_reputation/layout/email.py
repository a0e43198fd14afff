"""Notifications as one plain-text email: SNS sends no HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.notification import Document, worst_first
from ..core.wording import NBSP

SUBJECT = 78
"""Longest subject in characters: mail programs show no more, and SNS takes fewer than 100, ASCII, on one line."""

WIDTH = 60
"""Columns of the text; commands and addresses of pages are never broken."""

NAME = 12
"""Width of the names of the small print."""


@dataclass(frozen=True, slots=True)
class Email:
    """A message for people."""

    subject: str
    text: str


def email(documents: Sequence[Document]) -> Email:
    """Everything that one run has to say, the worst first, as one email."""
    ordered = worst_first(documents)
    subject = ordered[0]["title"]
    if len(ordered) > 1:
        subject = f"{subject} (+{len(ordered) - 1} more)"
    stage = ordered[0].get("stage")
    rule = f"\n\n{'=' * WIDTH}\n\n"
    return Email(
        _subject(f"[{stage}] {subject}" if stage else subject),
        rule.join("\n".join(_text(document)) for document in ordered),
    )


def _subject(text: str) -> str:
    ascii_only = "".join(c if " " <= c <= "~" else "?" for c in text.replace(NBSP, " "))
    return ascii_only if len(ascii_only) <= SUBJECT else f"{ascii_only[: SUBJECT - 3]}..."


def _text(document: Document) -> Iterator[str]:
    yield from _wrapped(f"{document['title']}. {document['asks']}")
    yield ""
    for sentence in document["summary"]:
        yield from _wrapped(sentence)
    if document.get("cause"):
        yield from _wrapped(f"Cause: {document['cause']}")
    if document["first_steps"]:
        yield ""
        yield "What to do first"
        for number, step in enumerate(document["first_steps"], 1):
            yield from _wrapped(step, first=f"{number}. ", rest="   ")
    if document.get("command"):
        yield ""
        yield f"  {document['command']}"
    yield ""
    for link in document["links"]:
        yield f"{link['name']:<{NAME}}{link['url']}"
    yield ""
    yield "-" * WIDTH
    for fact in document["facts"]:
        yield from _wrapped(fact["text"], first=f"{fact['name']:<{NAME}}", rest=" " * NAME)
    name = document.get("account_name")
    account = f"{name}, {document['account']}" if name else document["account"]
    yield from _wrapped(f"{account}, {document['region']}", first=f"{'Where':<{NAME}}", rest=" " * NAME)
    yield from _wrapped(
        f"{document['alert']}, message {document['number']}", first=f"{'Alert':<{NAME}}", rest=" " * NAME
    )


def _wrapped(text: str, first: str = "", rest: str = "") -> Iterator[str]:
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
