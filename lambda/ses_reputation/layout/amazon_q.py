"""A notification as a custom notification of Amazon Q Developer in chat applications, which writes it into a Slack channel.

The shape is that of docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html; what has another shape is dropped without
a word. Lengths are Slack's, since that page gives none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from ..core.advice import next_steps_of
from ..core.history import iso
from ..core.plan import Notification
from ..core.sentences import Context, facts_of, headline_of, links_of, status_of, summary_of
from ..core.wording import plain

TITLE = 250
DESCRIPTION = 3_000
STEP = 600
"""Characters at most. Slack takes 3,000 in a section; a title longer than a few lines, or a step, is no longer read."""

_MARKS = {
    "CRITICAL": ":red_circle:",
    "WARNING": ":large_yellow_circle:",
    "UNKNOWN": ":white_circle:",
    "OK": ":large_green_circle:",
    "TEST": ":large_blue_circle:",
}
_LINKS = {"dashboard": "Dashboard", "ses_console": "SES console", "runbook": "Runbook"}


def document(notification: Notification, context: Context) -> str:
    """The notification of one notification, as JSON. All of an alert are one thread."""
    headline = headline_of(notification)
    title = f"[{context.stage}] {headline}" if context.stage else headline
    thread = _thread(notification, context)
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "id": f"{thread}-{notification.seq}",
            "content": {
                "textType": "client-markdown",
                "title": _fit(f"{_MARKS[status_of(notification)]} {_neutral(title)}", TITLE),
                "description": _description(notification, context),
                "nextSteps": [_fit(_escaped(step), STEP) for step in next_steps_of(notification)],
                "keywords": [status_of(notification), notification.check, notification.target.region],
            },
            "metadata": {
                "threadId": thread,
                "summary": _fit(_neutral(title), TITLE),
                "eventType": f"ses-reputation-{notification.check}",
                "relatedResources": [notification.target.id],
                "additionalContext": _variables(notification),
            },
        },
        allow_nan=False,
    )


def _thread(notification: Notification, context: Context) -> str:
    """One for each alert of each target and installation."""
    target = notification.target
    return "-".join(part for part in (context.stage, target.account, target.region, notification.alert) if part)


def _variables(notification: Notification) -> dict[str, str]:
    """What a custom action of the channel may put into its command: words without spaces."""
    return {
        "account": notification.target.account,
        "region": notification.target.region,
        "metric": notification.check,
        "severity": notification.severity.word,
        "kind": notification.kind.value,
        "reason": notification.reason.value,
        "alert": notification.alert,
        "seq": str(notification.seq),
        "at": iso(notification.at),
    }


def _description(notification: Notification, context: Context) -> str:
    """What happened and the facts beside it, cut where it must be, and then the links, which never are."""
    links = " · ".join(
        f"<{_escaped(address)}|{_LINKS[link]}>" for link, address in links_of(notification, context).items()
    )
    words = "\n".join([*map(_neutral, summary_of(notification, context)), "", *_facts(notification, context)])
    return f"{_fit(words, DESCRIPTION - len(links) - 2)}\n\n{links}"


def _facts(notification: Notification, context: Context) -> Iterator[str]:
    target = notification.target
    account = f"{target.alias}, {target.account}" if target.alias else target.account
    facts: Sequence[tuple[str, str]] = [("Account", f"{account}, {target.region}"), *facts_of(notification, context)]
    for name, text in facts:
        yield f"*{_neutral(name)}:* {_neutral(text)}"


_LOOKALIKES = str.maketrans(
    {
        "*": "\N{ASTERISK OPERATOR}",
        "~": "\N{TILDE OPERATOR}",
        "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
        "@": "\N{FULLWIDTH COMMERCIAL AT}",
    }
)


def _neutral(text: str) -> str:
    """`text` as Slack shows it letter by letter. Its marks cannot be escaped: signs that look the same stand for those that
    format, and for the one that calls people. An underscore inside a word does neither."""
    return _escaped(re.sub(r"(?<!\w)_|_(?!\w)", "\N{FULLWIDTH LOW LINE}", plain(text).translate(_LOOKALIKES)))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fit(text: str, limit: int) -> str:
    """`text` with an ellipsis for what is beyond `limit`; an entity is kept or lost as a whole."""
    return text if len(text) <= limit else re.sub(r"&[a-z]*$", "", text[: limit - 1]) + "…"
