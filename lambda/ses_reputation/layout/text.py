"""Shared by the layouts: the order of a message, fitting and escaping."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.notification import Document

STEPS = "What to do first"


def opening(document: Document) -> Iterator[str]:
    """Why the message comes and what it asks, what happened, how close it is to what, and who causes it."""
    yield f"{document['what_is_new']} {document['asks']}"
    yield from document["summary"]
    if document["cause"] is not None:
        yield f"Cause: {document['cause']}"


def steps(document: Document) -> list[str]:
    """First steps, numbered."""
    return [f"{number}. {step}" for number, step in enumerate(document["first_steps"], 1)]


def safe_links(document: Document) -> Iterator[tuple[str, str]]:
    """Name and address of each link that is one whole https:// address."""
    for link in document["links"]:
        if re.fullmatch(r"https://[^\s|<>]+", link["url"]):
            yield link["name"], link["url"]


def fit(text: str, limit: int) -> str:
    """`text` with an ellipsis for what is beyond `limit`; an HTML entity is kept or lost as a whole."""
    return text if len(text) <= limit else re.sub(r"&[a-z]*$", "", text[: limit - 1]) + "…"


def escaped(text: str) -> str:
    """`text` with the three characters that Slack's markup gives a meaning."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
