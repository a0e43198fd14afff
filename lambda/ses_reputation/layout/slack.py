"""What arrives at the people's topic, laid out for an incoming webhook of Slack.

One payload for each notification, one for an alarm of the watchdog, and whatever else arrives as it stands. The limits are
Slack's own (docs.slack.dev/reference/block-kit/blocks): it refuses a whole message for one text too long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.notification import SOURCE, Document, problem_of
from .text import escaped, fit

Payload = dict[str, Any]
Block = dict[str, Any]

TEXT = 40_000
HEADER = 150
SECTION = 3_000
FIELD = 2_000
FIELDS = 10
"""Longest text of a message, a header, a section and a field in characters; most fields of a section."""

BLOCKS = 12_000
"""Most characters of all blocks of a message. Slack has a limit that it does not publish, seen somewhat above this
(github.com/slackapi/bolt-js/issues/2509)."""

COLOURS = {
    "CRITICAL": "#d1242f",
    "WARNING": "#e3a008",
    "RECOVERING": "#e3a008",
    "UNKNOWN": "#6e7781",
    "OK": "#2da44e",
    "TEST": "#0969da",
}
_ALARM_STATUS = {"ALARM": "CRITICAL", "OK": "OK"}


def payloads(subject: str, message: str) -> list[Payload]:
    """What to post for one notification of SNS, in this order. Nothing is dropped: what is not understood is shown as it came."""
    try:
        envelope = json.loads(message)
    except (ValueError, RecursionError):
        envelope = None
    match envelope:
        case {"source": str(source), "notifications": [dict(), *_] as documents} if source == SOURCE and not any(
            map(problem_of, documents)
        ):
            return [_notification(document) for document in documents]
        case {"AlarmName": str()}:
            return [_alarm(envelope)]
    return [{"text": _fit(f"{subject}\n{message}".strip(), TEXT), "mrkdwn": False}]


def _notification(document: Document) -> Payload:
    title = f"[{document['stage']}] {document['title']}" if document.get("stage") else document["title"]
    cause = f"*Cause:* {escaped(document['cause'])}" if document.get("cause") else ""
    summary = "\n".join(text for text in (document["asks"], *document["summary"]) if text)
    steps = [f"{number}. {step}" for number, step in enumerate(document["first_steps"], 1)]
    name = document.get("account_name")
    origin = (
        f"{document['alert']}, message {document['number']}",
        f"{name}, {document['account']}" if name else document["account"],
        document["region"],
    )
    return _message(
        title,
        summary,
        document["status"],
        [
            *_section(_fit(summary, SECTION)),
            *_section(fit(cause, SECTION)),
            *_section(_fit("\n".join(["*What to do first*", *steps]), SECTION) if steps else ""),
            *_command(document),
            *_links(document),
            *_facts(document),
            *_context(origin),
        ],
    )


def _alarm(alarm: Mapping[str, Any]) -> Payload:
    """A notification of CloudWatch, whose description says what is wrong while the alarm rings."""
    state, description = _word(alarm, "NewStateValue"), _word(alarm, "AlarmDescription")
    about = f"It is over. The alarm was about this: {description}" if state == "OK" and description else description
    origin = [_word(alarm, name) for name in ("NewStateReason", "AWSAccountId", "Region", "StateChangeTime")]
    return _message(
        f"{state}: {_word(alarm, 'AlarmName')}",
        about,
        _ALARM_STATUS.get(state, "UNKNOWN"),
        [*_section(_fit(about, SECTION)), *_context(origin)],
    )


def _message(title: str, text: str, status: str, blocks: Sequence[Block]) -> Payload:
    """A headline, and beside a bar of the status's colour what there is to say.

    `text` is what a notification or a screen reader gets of it, and everybody if there is too much to lay out.
    """
    words = _fit(f"{title}\n{text}".strip(), TEXT)
    if sum(map(_length, blocks)) > BLOCKS:
        return {"text": words}
    return {
        "text": words,
        "blocks": [{"type": "header", "text": {"type": "plain_text", "text": _fit(title, HEADER), "emoji": False}}],
        "attachments": [{"color": COLOURS.get(status, COLOURS["UNKNOWN"]), "blocks": list(blocks)}],
    }


def _length(block: Block) -> int:
    texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
    return sum(len(text["text"]) for text in texts if text is not None)


def _section(text: str) -> Iterator[Block]:
    """A section, unless there is nothing to say: Slack refuses an empty one."""
    if text:
        yield {"type": "section", "text": _mrkdwn(text)}


def _command(document: Document) -> Iterator[Block]:
    if document.get("command"):
        yield from _section(f"```{_fit(document['command'].replace('`', chr(39)), SECTION - 6)}```")


def _facts(document: Document) -> Iterator[Block]:
    fields = [_mrkdwn(_fit(f"*{fact['name']}*\n{fact['text']}", FIELD)) for fact in document["facts"]]
    for start in range(0, len(fields), FIELDS):
        yield {"type": "section", "fields": fields[start : start + FIELDS]}


def _links(document: Document) -> Iterator[Block]:
    """Links that fit as a whole: part of an address leads nowhere."""
    line = ""
    for link in document["links"]:
        if re.fullmatch(r"https://[^\s|<>]+", link["url"]):
            one = f"<{escaped(link['url'])}|{escaped(link['name'])}>"
            longer = f"{line} · {one}" if line else one
            line = longer if len(longer) <= SECTION else line
    yield from _section(line)


def _context(parts: Sequence[str]) -> Iterator[Block]:
    """The small print."""
    text = " · ".join(part for part in parts if part)
    if text:
        yield {"type": "context", "elements": [_mrkdwn(_fit(text, SECTION))]}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}  # so that no name in it becomes a mention


def _word(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name)
    return str(value) if isinstance(value, str | int) else ""


def _fit(text: str, limit: int) -> str:
    return fit(escaped(text), limit)
