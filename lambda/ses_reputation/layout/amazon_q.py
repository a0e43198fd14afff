"""A notification as a custom notification of Amazon Q Developer in chat applications, which posts it to Slack and Teams.

The shape is that of docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html; anything else is dropped silently. Lengths
are Slack's, since that page gives none. One document serves both clients, whose markups differ: it uses neither, and pages are
whole addresses, which both make links of.
"""

from __future__ import annotations

import json
import re

from ..core.notification import Document
from .text import STEPS, escaped, fit, opening, safe_links, steps

TITLE = 250
DESCRIPTION = 3_000
"""Longest texts in characters. Slack takes 3,000 in a section; nobody reads a longer title."""

MARKS = {
    "CRITICAL": "\N{LARGE RED CIRCLE}",
    "WARNING": "\N{LARGE YELLOW CIRCLE}",
    "RECOVERING": "\N{LARGE YELLOW CIRCLE}",
    "UNKNOWN": "\N{MEDIUM WHITE CIRCLE}",
    "OK": "\N{LARGE GREEN CIRCLE}",
    "TEST": "\N{LARGE BLUE CIRCLE}",
}


def custom_notification(document: Document) -> str:
    """The notification as JSON. All notifications of an alert are one thread."""
    title = _neutral(document["title"])
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "id": document["id"],
            "content": {
                "textType": "client-markdown",
                "title": fit(f"{MARKS.get(document['status'], MARKS['UNKNOWN'])} {title}", TITLE),
                "description": _description(document),
                "keywords": [document["status"], document["check"], document["region"]],
            },
            "metadata": {
                "threadId": document["deduplication_key"],
                "summary": fit(title, TITLE),
                "eventType": f"ses-reputation-{document['check']}",
                "relatedResources": [f"{document['account']}/{document['region']}"],
                "additionalContext": _variables(document),
            },
        },
        allow_nan=False,
    )


def _variables(document: Document) -> dict[str, str]:
    """Words that a custom action of the channel may put into its command."""
    names = ("account", "region", "check", "severity", "kind", "reason", "alert", "number", "at")
    return {name: str(document[name]) for name in names}


def _description(document: Document) -> str:
    """Everything in the order of a message. The small print is cut if there is no room; links never are."""
    paragraphs = ["\n".join(map(_neutral, opening(document)))]
    if document["first_steps"]:
        paragraphs.append("\n".join([f"{STEPS}:", *map(_neutral, steps(document))]))
    if document["command"] is not None:
        paragraphs.append("\n".join(_neutral(document["command"][key]) for key in ("shows", "text")))
    links = "\n".join(f"{_neutral(name)}: {escaped(url)}" for name, url in safe_links(document))
    facts = "\n".join(_neutral(f"{fact['name']}: {fact['text']}") for fact in document["facts"])
    room = DESCRIPTION - len(links) - 4
    words = fit("\n\n".join(paragraphs), room)
    small_print = fit(facts, room - len(words)) if room - len(words) > 1 else ""
    return "\n\n".join(part for part in (words, links, small_print) if part)


_LOOKALIKES = str.maketrans(
    {
        "*": "\N{ASTERISK OPERATOR}",
        "~": "\N{TILDE OPERATOR}",
        "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
        "@": "\N{FULLWIDTH COMMERCIAL AT}",
    }
)


def _neutral(text: str) -> str:
    """`text` as Slack and Teams show it letter by letter.

    Marks cannot be escaped: signs that look the same stand for those that format, and for the one that calls people. An underscore
    inside a word does neither; a bracket makes a link only with a round one right behind it.
    """
    plain = "".join(c if c.isprintable() or c == "\u00a0" else " " for c in text).replace("](", "] (")
    return escaped(re.sub(r"(?<!\w)_|_(?!\w)", "\N{FULLWIDTH LOW LINE}", plain.translate(_LOOKALIKES)))
