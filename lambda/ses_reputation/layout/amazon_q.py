"""A notification as a custom notification of Amazon Q Developer in chat applications, which posts it to Slack or Teams.

The shape is that of docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html; anything else is dropped silently. Lengths
are Slack's, since that page gives none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..core.notification import Document
from .text import escaped, fit

TITLE = 250
DESCRIPTION = 3_000
STEP = 600
"""Longest texts in characters. Slack takes 3,000 in a section; nobody reads a longer title or step."""

MARKS = {
    "CRITICAL": ":red_circle:",
    "WARNING": ":large_yellow_circle:",
    "RECOVERING": ":large_yellow_circle:",
    "UNKNOWN": ":white_circle:",
    "OK": ":large_green_circle:",
    "TEST": ":large_blue_circle:",
}


def custom_notification(document: Document) -> str:
    """The notification as JSON. All notifications of an alert are one thread."""
    title = f"[{document['stage']}] {document['title']}" if document.get("stage") else document["title"]
    command = [f"Run: {document['command']}"] if document.get("command") else []
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "id": document["id"],
            "content": {
                "textType": "client-markdown",
                "title": fit(f"{MARKS.get(document['status'], ':white_circle:')} {_neutral(title)}", TITLE),
                "description": _description(document),
                "nextSteps": [fit(escaped(step), STEP) for step in [*document["first_steps"], *command]],
                "keywords": [document["status"], document["check"], document["region"]],
            },
            "metadata": {
                "threadId": document["deduplication_key"],
                "summary": fit(_neutral(title), TITLE),
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
    """What happened and the small print, cut where it must be, and then the links, which never are."""
    links = " · ".join(f"<{escaped(link['url'])}|{escaped(link['name'])}>" for link in document["links"])
    cause = [f"*Cause:* {_neutral(document['cause'])}"] if document.get("cause") else []
    summary = [_neutral(sentence) for sentence in document["summary"]]
    words = "\n".join([_neutral(document["asks"]), *summary, *cause, "", *_facts(document)])
    return f"{fit(words, DESCRIPTION - len(links) - 2)}\n\n{links}"


def _facts(document: Document) -> Iterator[str]:
    name = document.get("account_name")
    where = f"{name}, {document['account']}" if name else document["account"]
    yield f"*Where:* {_neutral(where)}, {document['region']}"
    for fact in document["facts"]:
        yield f"*{_neutral(fact['name'])}:* {_neutral(fact['text'])}"


_LOOKALIKES = str.maketrans(
    {
        "*": "\N{ASTERISK OPERATOR}",
        "~": "\N{TILDE OPERATOR}",
        "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
        "@": "\N{FULLWIDTH COMMERCIAL AT}",
    }
)


def _neutral(text: str) -> str:
    """`text` as Slack shows it letter by letter.

    Its marks cannot be escaped: signs that look the same stand for those that format, and for the one that calls people. An
    underscore inside a word does neither.
    """
    plain = "".join(c if c.isprintable() or c == "\u00a0" else " " for c in text)
    return escaped(re.sub(r"(?<!\w)_|_(?!\w)", "\N{FULLWIDTH LOW LINE}", plain.translate(_LOOKALIKES)))
