"""What arrives at the people's topic, laid out for an incoming webhook of Slack.

One payload for each notification, one for an alarm of the watchdog, and whatever else arrives as it stands. The limits are
Slack's own (docs.slack.dev/reference/block-kit/blocks): it refuses a whole message for one text too long.

Pages are linked in words, not by buttons: a button asks the webhook's app for an answer that nobody gives, and then shows a
warning to whoever has clicked it (github.com/slackapi/node-slack-sdk/issues/869).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.account import AWS_UNREADABLE
from ..core.alert import Kind
from ..core.readings import UNREADABLE

Payload = dict[str, Any]
Block = dict[str, Any]

TEXT = 40_000
HEADER = 150
SECTION = 3_000
FIELD = 2_000
FIELDS = 10
"""Characters at most of a message's text, a header, a section and a field; fields at most of a section."""

BLOCKS = 12_000
"""Characters at most of all blocks of a message. Slack has a limit that it does not publish, seen somewhat above this
(github.com/slackapi/bolt-js/issues/2509)."""

_COLOURS = {"critical": "#d1242f", "warning": "#e3a008", "unknown": "#6e7781", "resolved": "#2da44e"}
_ALARM_STATES = {"ALARM": "critical", "OK": "resolved"}
_LINKS = {"dashboard": "Dashboard", "ses_console": "SES console", "runbook": "Runbook"}


def payloads(subject: str, message: str) -> list[Payload]:
    """What to post for one notification, in this order. Nothing is dropped: what is not understood is shown as it came."""
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        document = None
    match document:
        case {"source": "ses-reputation-monitor", "notifications": [dict(), *_] as notifications} if all(
            isinstance(notification, dict) for notification in notifications
        ):
            return [_notification(notification, _word(document, "stage")) for notification in notifications]
        case {"AlarmName": str()}:
            return [_alarm(document)]
    return [{"text": _fit(f"{subject}\n{message}".strip(), TEXT), "mrkdwn": False}]


def _notification(said: Mapping[str, Any], stage: str) -> Payload:
    headline = _word(said, "headline")
    summary = "\n".join(_words(said, "summary"))
    steps = [f"{number}. {step}" for number, step in enumerate(_words(said, "next_steps"), 1)]
    account = _word(said, "account")
    origin = (
        f"Message {_word(said, 'seq')} of alert {_word(said, 'alert')}",
        f"account {account}" if account else "",
        _word(said, "region"),
    )
    title = headline if headline else "SES reputation"
    return _message(
        f"[{stage}] {title}" if stage else title,
        summary,
        _state(said),
        [
            *_section(summary),
            *_facts(said),
            *_section("\n".join(["*What to do first*", *steps]) if steps else ""),
            *_links(said),
            *_context(origin),
        ],
    )


def _state(said: Mapping[str, Any]) -> str:
    if said.get("kind") == Kind.RESOLVED.value:
        return "resolved"
    if said.get("metric") in (UNREADABLE, AWS_UNREADABLE):
        return "unknown"
    return _word(said, "severity")


def _alarm(alarm: Mapping[str, Any]) -> Payload:
    """A notification of CloudWatch, whose description says what is wrong while the alarm rings."""
    state, description = _word(alarm, "NewStateValue"), _word(alarm, "AlarmDescription")
    about = f"It is over. The alarm was about this: {description}" if state == "OK" and description else description
    origin = [_word(alarm, name) for name in ("NewStateReason", "AWSAccountId", "Region", "StateChangeTime")]
    return _message(
        f"{state}: {_word(alarm, 'AlarmName')}",
        about,
        _ALARM_STATES.get(state, "unknown"),
        [*_section(about), *_context(origin)],
    )


def _message(title: str, text: str, state: str, blocks: Sequence[Block]) -> Payload:
    """A headline, and beside a bar of the state's colour what there is to say; `text` is what a notification or a screen
    reader gets of it, and everybody where there is too much to lay out."""
    words = _fit(f"{title}\n{text}".strip(), TEXT)
    if sum(map(_length, blocks)) > BLOCKS:
        return {"text": words}
    return {
        "text": words,
        "blocks": [{"type": "header", "text": {"type": "plain_text", "text": _fit(title, HEADER), "emoji": False}}],
        "attachments": [{"color": _COLOURS.get(state, _COLOURS["unknown"]), "blocks": list(blocks)}],
    }


def _length(block: Block) -> int:
    texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
    return sum(len(text["text"]) for text in texts if text is not None)


def _section(text: str) -> Iterator[Block]:
    """A section, unless there is nothing to say: Slack refuses an empty one."""
    if text:
        yield {"type": "section", "text": _mrkdwn(_fit(text, SECTION))}


def _facts(said: Mapping[str, Any]) -> Iterator[Block]:
    given = said.get("facts")
    facts = [fact for fact in given if isinstance(fact, dict)] if isinstance(given, list) else []
    fields = [_mrkdwn(_fit(f"*{_word(fact, 'name')}*\n{_word(fact, 'text')}", FIELD)) for fact in facts]
    for start in range(0, len(fields), FIELDS):
        yield {"type": "section", "fields": fields[start : start + FIELDS]}


def _links(said: Mapping[str, Any]) -> Iterator[Block]:
    """Links that fit as a whole: part of an address leads nowhere."""
    given = said.get("links")
    links: dict[str, object] = given if isinstance(given, dict) else {}
    line = ""
    for name, address in links.items():
        if isinstance(address, str) and re.fullmatch(r"https://[^\s|<>]+", address):
            link = f"<{_escaped(address)}|{_escaped(_LINKS.get(name, name))}>"
            longer = f"{line} · {link}" if line else link
            line = longer if len(longer) <= SECTION else line
    if line:
        yield {"type": "section", "text": _mrkdwn(line)}


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


def _words(source: Mapping[str, Any], name: str) -> list[str]:
    value = source.get(name)
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _fit(text: str, limit: int) -> str:
    """`text` as Slack wants it, with an ellipsis for what is beyond `limit`; an entity is kept or lost as a whole."""
    escaped = _escaped(text)
    return escaped if len(escaped) <= limit else re.sub(r"&[a-z]*$", "", escaped[: limit - 1]) + "…"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
