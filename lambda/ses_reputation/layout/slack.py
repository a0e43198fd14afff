"""Messages of the people's topic, laid out for an incoming webhook of Slack.

One payload for each notification, one for an alarm of the watchdog, and whatever else arrives as it stands. The limits are
Slack's own (docs.slack.dev/reference/block-kit/blocks): it refuses a whole message for one text too long. Pages are links and not
buttons: who clicks a button sees a warning unless an app answers the click, and a webhook cannot
(github.com/slackapi/slack-github-action/issues/513).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.notification import SOURCE, Document, problem_of
from .text import STEPS, escaped, fit, opening, safe_links, steps

Payload = dict[str, Any]
Block = dict[str, Any]

TEXT = 40_000
HEADER = 150
SECTION = 3_000
"""Longest text of a message, a header and a section in characters."""

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


def payloads(subject: str, message: str, mention: str = "") -> list[Payload]:
    """Payloads to post for one notification of SNS, in order. Nothing is dropped: what is not understood is shown as it came.

    `mention` is "here", "channel" or the id of a user group: who is called when an alert opens as, or becomes, critical.
    """
    try:
        envelope = json.loads(message)
    except (ValueError, RecursionError):
        envelope = None
    match envelope:
        case {"source": str(source), "notifications": [dict(), *_] as documents} if source == SOURCE and not any(
            map(problem_of, documents)
        ):
            return [_notification(document, mention) for document in documents]
        case {"AlarmName": str()}:
            return [_alarm(envelope)]
    return [{"text": _fit(f"{subject}\n{message}".strip(), TEXT), "mrkdwn": False}]


def _notification(document: Document, mention: str) -> Payload:
    first, *rest = opening(document)
    called = _call(mention) if document["status"] == "CRITICAL" and document["kind"] == "firing" else ""
    links = " · ".join(f"<{escaped(url)}|{escaped(name)}>" for name, url in safe_links(document))
    return _message(
        document["title"],
        "\n".join([first, *rest, document["alert"]]),
        document["status"],
        [
            *_section(f"*{_fit(first, HEADER)}*\n{_fit(chr(10).join(rest), SECTION - 2 * HEADER)}"),
            *_section(_fit("\n".join([f"*{STEPS}*", *steps(document)]), SECTION) if document["first_steps"] else ""),
            *_command(document),
            *_section(links if len(links) <= SECTION else ""),
            *_context([f"*{fact['name']}*  {fact['text']}" for fact in document["facts"]], "\n"),
        ],
        called,
    )


def _call(mention: str) -> str:
    """Markup that calls people."""
    if not mention:
        return ""
    return f"<!{mention}>" if mention in ("here", "channel") else f"<!subteam^{mention}>"


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


def _message(title: str, text: str, status: str, blocks: Sequence[Block], called: str = "") -> Payload:
    """A headline, and beside a bar of the status's colour what there is to say.

    `text` is what a notification or a screen reader gets of it, and everybody if there is too much to lay out.
    """
    words = _fit(f"{title}\n{text}".strip(), TEXT - 100)
    if called:
        words = f"{called} {words}"
    if sum(map(_length, blocks)) > BLOCKS:
        return {"text": words}
    header = {"type": "header", "text": {"type": "plain_text", "text": _fit(title, HEADER), "emoji": False}}
    return {
        "text": words,
        "blocks": [header, *_section(called)],  # above the bar, since a call in an attachment reaches nobody
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
    command = document["command"]
    if command is not None:
        shows, text = (_fit(command[key].replace("`", "'"), SECTION // 2 - 10) for key in ("shows", "text"))
        yield from _section(f"{shows}:\n```{text}```")


def _context(parts: Sequence[str], joined: str = " · ") -> Iterator[Block]:
    """The small print."""
    text = joined.join(part for part in parts if part)
    if text:
        yield {"type": "context", "elements": [_mrkdwn(_fit(text, SECTION))]}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}  # so that no name in it becomes a mention


def _word(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name)
    return str(value) if isinstance(value, str | int) else ""


def _fit(text: str, limit: int) -> str:
    return fit(escaped(text), limit)
