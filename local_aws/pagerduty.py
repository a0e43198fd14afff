"""A stand-in for PagerDuty's Events API v2: it refuses what its documentation refuses
(developer.pagerduty.com/docs/events-api-v2/trigger-events), and opens and closes incidents by their deduplication key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .slack import Answer, LocalSlack

PATH = "/v2/enqueue"
KEY = "0123456789abcdef0123456789abcdef"
"""Integration key of the only service."""


@dataclass
class LocalPagerDuty(LocalSlack):
    """The API on loopback: `with LocalPagerDuty() as pagerduty: ...`."""

    open: dict[str, str] = field(default_factory=dict)  # open incidents: deduplication key → severity of the last event
    resolved: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    def forget(self) -> None:
        super().forget()
        self.open.clear()
        self.resolved.clear()

    def answer(self, path: str, body: bytes) -> Answer:
        self.asked += 1
        if self.planted:
            return self.planted.pop(0)
        event = json.loads(body)
        wrong = next(problems(event), None)
        if path != PATH or event.pop("routing_key", None) != KEY or wrong is not None:
            return Answer(400, f"invalid event: {wrong}")
        self.messages.append(event)
        key = event.get("dedup_key", f"event-{len(self.messages)}")
        if event["event_action"] == "trigger":
            self.open[key] = event["payload"]["severity"]
        elif self.open.pop(key, None) is not None:
            self.resolved.append(key)
        return Answer(202, "Event processed")


def problems(event: dict[str, Any]) -> Iterator[str]:
    """Every reason for which the documented API refuses an event."""
    if event["event_action"] not in ("trigger", "acknowledge", "resolve"):
        yield "event_action"
    if not 1 <= len(event.get("dedup_key", "x")) <= 255:
        yield "dedup_key"
    if len(json.dumps(event)) >= 512 * 1024:
        yield "too large"
    if event["event_action"] == "resolve":
        if "dedup_key" not in event:
            yield "nothing to resolve"
        return
    payload = event["payload"]
    if payload["severity"] not in ("critical", "error", "warning", "info"):
        yield "severity"
    if not 1 <= len(payload["summary"]) <= 1_024 or not payload["source"]:
        yield "summary or source"
    if not all(link["href"].startswith("https://") for link in event.get("links", [])):
        yield "links"
