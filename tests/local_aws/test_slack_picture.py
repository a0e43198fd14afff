"""The picture of a message in Slack: every word of every message is on it, within its edges."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ses_reputation.core.checks.base import Context
from ses_reputation.core.notification import Document, envelope
from ses_reputation.layout.slack import payloads

from cli.samples import SAMPLES
from local_aws.slack_picture import LEFT, RIGHT, WIDTH, draw, page_of
from tests.layout.stories import documents


def payload_of(document: Document) -> dict[str, Any]:
    [payload] = payloads("", json.dumps(envelope([document], Context())), "here")
    return payload


def words_of(payload: Mapping[str, Any]) -> str:
    blocks = [*payload["blocks"], *(block for one in payload["attachments"] for block in one["blocks"])]
    texts = [part["text"] for block in blocks for part in (block.get("text"), *block.get("elements", [])) if part]
    texts = [text.replace("<!here>", "@here") for text in texts]
    return re.sub(r"[\s*`]", "", html.unescape(re.sub(r"<[^|>\n]+\|([^>\n]+)>", r"\1", "".join(texts))))


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_word_of_a_message_is_within_its_picture(sample: str) -> None:
    for document in documents(sample):
        payload = payload_of(document)
        page = page_of(payload, "")
        written = [text for text in page.texts if text[0] >= LEFT]
        assert re.sub(r"[\s*`]", "", "".join(text for _, _, text, _ in written)).removeprefix("APP") == words_of(
            payload
        )
        assert max(x + style.width(text.rstrip()) for x, _, text, style in written) <= WIDTH - RIGHT + 1


def test_a_word_longer_than_a_line_is_cut() -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": f"*{'x' * 300}*"}}
    page = page_of({"blocks": [section]}, "")
    lines = [text for x, _, text, style in page.texts if style.bold and x >= LEFT]
    assert len(lines) > 2 and "".join(lines) == "x" * 300


def test_a_block_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'divider'"):
        page_of({"blocks": [{"type": "divider"}]}, "")


def test_a_message_is_drawn_as_a_picture(tmp_path: Path) -> None:
    draw(payload_of(documents("bounce-opened")[0]), tmp_path / "slack.png")
    assert (tmp_path / "slack.png").read_bytes().startswith(b"\x89PNG")
