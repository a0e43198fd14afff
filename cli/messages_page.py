"""docs/messages.md: every message as an email shows it. The test of the golden files writes it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from ses_reputation.core.checks import BY_NAME
from ses_reputation.core.notification import Document
from ses_reputation.layout.email import WIDTH, email

PAGE = Path(__file__).parent.parent / "docs" / "messages.md"

HEAD = """\
<!-- Made by `UPDATE_GOLDEN=1 pytest tests/layout/test_messages.py`; a test fails when it is stale. -->
[Index](index.md)

# Messages

Every message that can be sent, as an email shows it, without its small print. The other channels have the same words in the same order: `ses-reputation preview
NAME` shows them. In Slack the colour of the bar is the status: red `CRITICAL`, yellow `WARNING` and `RECOVERING`, grey `UNKNOWN`, green `OK`, blue `TEST`.

![The same in Slack](slack.png)

The small print has when the trouble started, the rule, the last 24 h, AWS's own rate, the other metric, the account and the alert's id.
"""


def page(samples: Iterable[tuple[str, tuple[Document, ...]]]) -> str:
    """The whole page, from every sample by name, as Markdown."""
    parts = [HEAD]
    single = ((name, documents[0]) for name, documents in samples if len(documents) == 1)
    for check, members in groupby(single, key=lambda member: member[1]["check"]):
        parts.append(f"\n## {BY_NAME[check].noun.capitalize()}\n")
        for name, document in members:
            text, _ = email([document]).text.replace("\u00a0", " ").split("-" * WIDTH)
            parts.append(f"\n`{name}`\n\n```\n{text.rstrip()}\n```\n")
    return "".join(parts)
