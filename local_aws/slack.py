"""A stand-in for an incoming webhook of Slack: it refuses what Slack's documentation says it refuses, with Slack's
own error names, and keeps the rest."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATH = "/services/T0LOCAL/B0LOCAL/hush-hush-hush"


@dataclass(frozen=True)
class Answer:
    """Answer to one request."""

    status: int = 200
    word: str = "ok"
    retry_after: int | None = None  # seconds
    headers: Mapping[str, str] = field(default_factory=dict)  # besides


@dataclass
class LocalSlack:
    """A webhook on loopback: `with LocalSlack() as slack: ...`."""

    messages: list[dict[str, Any]] = field(default_factory=list)  # accepted payloads, oldest first
    planted: list[Answer] = field(default_factory=list)  # answers to the next requests, instead of the usual ones
    asked: int = 0  # requests so far

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """The webhook's address, which is secret."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    def forget(self) -> None:
        """Forget all messages and planted answers."""
        self.messages.clear()
        self.planted.clear()
        self.asked = 0

    def answer(self, path: str, body: bytes) -> Answer:
        """Answer to a request to `path`."""
        self.asked += 1
        if self.planted:
            return self.planted.pop(0)
        if path != PATH:
            return Answer(404, "no_service")
        try:
            payload = json.loads(body)
        except ValueError:
            return Answer(400, "invalid_payload")
        if not isinstance(payload, dict):
            return Answer(400, "invalid_payload")
        found = next(problems(payload), None)
        if found is not None:
            return Answer(400, found)
        self.messages.append(payload)
        return Answer()


def problems(payload: dict[str, Any]) -> Iterator[str]:
    """Slack's error name for each limit of docs.slack.dev that a payload breaks."""
    attachments = payload.get("attachments", [])
    blocks = [*payload.get("blocks", []), *(block for each in attachments for block in each.get("blocks", []))]
    if not payload.get("text", "").strip() and not blocks:
        yield "no_text"
    if not _is_text(payload.get("text", "-"), 40_000):
        yield "msg_too_long"
    if len(blocks) > 50 or not all(map(_is_block, blocks)):
        yield "invalid_blocks"
    if sum(map(_length, blocks)) > 13_000:  # not documented; github.com/slackapi/bolt-js/issues/2509
        yield "msg_blocks_too_long"
    if not all(re.fullmatch(r"#[0-9a-f]{6}", attachment.get("color", "#000000")) for attachment in attachments):
        yield "invalid_attachments"


def _is_block(block: dict[str, Any]) -> bool:
    match block:
        case {"type": "header", "text": {"type": "plain_text", "text": text}}:
            return _is_text(text, 150)
        case {"type": "section", "text": {"type": "mrkdwn", "text": text}}:
            return _is_text(text, 3_000)
        case {"type": "section", "fields": [_, *_] as fields}:
            return len(fields) <= 10 and all(
                each["type"] == "mrkdwn" and _is_text(each["text"], 2_000) for each in fields
            )
        case {"type": "context", "elements": [_, *_] as elements}:
            return len(elements) <= 10 and all(_is_text(each["text"], 3_000) for each in elements)
    return False


def _length(block: dict[str, Any]) -> int:
    """Characters of all texts of a block."""
    texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
    return sum(len(text["text"]) for text in texts if isinstance(text, dict))


_MARKUP = r"<https://[^\s|<>]{1,2990}\|[^<>]+>|<!(?:here|channel|subteam\^S[A-Z0-9]+)>"
"""Links, and mentions of people."""


def _is_text(text: object, limit: int) -> bool:
    """Tell if a text is not empty, not too long, and uses Slack's three control characters only in links or escaped."""
    if not isinstance(text, str) or not 1 <= len(text) <= limit:
        return False
    return not re.search(r"[<>]|&(?!(?:amp|lt|gt);)", re.sub(_MARKUP, "", text))


def _handler(slack: LocalSlack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_POST(self) -> None:
            answer = slack.answer(self.path, self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            body = answer.word.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            if answer.retry_after is not None:
                self.send_header("Retry-After", str(answer.retry_after))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler
