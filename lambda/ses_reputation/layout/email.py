"""Notifications as one plain-text email: SNS sends no HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.notification import Document, worst_first
from ..core.wording import NBSP
from .text import STEPS, opening, safe_links, steps

SUBJECT = 78
"""Longest subject in characters: email programs show no more, and SNS takes fewer than 100, ASCII, on one line."""

WIDTH = 60
"""Columns of the text; commands and addresses of pages are never broken."""

NAME = 12
"""Width of the names of links and of the small print."""


@dataclass(frozen=True, slots=True)
class Email:
    """A message for people."""

    subject: str
    text: str


def email(documents: Sequence[Document]) -> Email:
    """One email: as many notifications as go into one, the worst first."""
    ordered = worst_first(documents)
    more = f" (+{len(ordered) - 1} more)" if len(ordered) > 1 else ""
    rule = f"\n\n{'=' * WIDTH}\n\n"
    return Email(_subject(ordered[0]["title"], more), rule.join("\n".join(_text(document)) for document in ordered))


def _subject(title: str, more: str) -> str:
    ascii_only = "".join(c if " " <= c <= "~" else "?" for c in title.replace(NBSP, " "))
    room = SUBJECT - len(more)
    return (ascii_only if len(ascii_only) <= room else f"{ascii_only[: room - 3]}...") + more


def _text(document: Document) -> Iterator[str]:
    yield from _wrapped(document["title"])
    first, *rest = opening(document)
    yield from _wrapped(first)
    yield ""
    for sentence in rest:
        yield from _wrapped(sentence)
    if document["first_steps"]:
        yield ""
        yield f"{STEPS}:"
        for step in steps(document):
            yield from _wrapped(step, rest="   ")
    if document["command"] is not None:
        yield ""
        yield f"{document['command']['shows']}:"
        yield f"  {document['command']['text']}"
    yield ""
    for name, url in safe_links(document):
        yield f"{name:<{NAME}}{url}"
    yield "-" * WIDTH
    for fact in document["facts"]:
        yield from _wrapped(fact["text"], first=f"{fact['name']:<{NAME}}", rest=" " * NAME)


def _wrapped(text: str, first: str = "", rest: str = "") -> Iterator[str]:
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
