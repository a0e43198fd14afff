"""A notification as an event of PagerDuty's Events API v2 (developer.pagerduty.com/docs/events-api-v2/trigger-events)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..core.notification import SOURCE, Document, problem_of
from .text import fit, opening, safe_links, steps

Event = dict[str, Any]

SUMMARY = 1_024
KEY = 255
"""Longest summary and deduplication key in characters."""


def events(subject: str, message: str) -> list[Event]:
    """Events for one notification of SNS, without a routing key. What is not understood becomes a warning of its own."""
    try:
        envelope = json.loads(message)
    except (ValueError, RecursionError):
        envelope = None
    match envelope:
        case {"source": str(source), "notifications": [dict(), *_] as documents} if source == SOURCE and not any(
            map(problem_of, documents)
        ):
            return [_event(document) for document in documents]
        case {"AlarmName": str(name)}:
            return [_alarm(name, envelope)]
    return [
        _trigger(subject if subject else "SES reputation", "warning", SOURCE, "", {"message": fit(message, SUMMARY)})
    ]


def _event(document: Document) -> Event:
    """Trigger or resolve. A reminder triggers again: the open incident gets it, and a closed one comes back."""
    key = fit(document["deduplication_key"], KEY)
    if document["kind"] == "resolved":
        return {"event_action": "resolve", "dedup_key": key}
    severity = "info" if document["status"] == "TEST" else document["severity"]
    details: dict[str, Any] = {
        "what": " ".join(opening(document)),
        "first_steps": steps(document),
        "command": None if document["command"] is None else document["command"]["text"],
        **{fact["name"]: fact["text"] for fact in document["facts"]},
    }
    event = _trigger(document["title"], severity, f"{document['account']}/{document['region']}", key, details)
    event["payload"] |= {"component": "Amazon SES", "class": document["check"], "timestamp": document["at"]}
    return event | {"links": [{"href": url, "text": name} for name, url in safe_links(document)]}


def _alarm(name: str, alarm: Mapping[str, Any]) -> Event:
    """An alarm of CloudWatch. Its name is unique in an account and region."""
    key = fit(f"{alarm.get('AWSAccountId')}-{alarm.get('Region')}-{name}", KEY)
    if alarm.get("NewStateValue") == "OK":
        return {"event_action": "resolve", "dedup_key": key}
    details = {word: str(alarm.get(word, "")) for word in ("AlarmDescription", "NewStateReason", "Region")}
    return _trigger(
        f"{alarm.get('NewStateValue', 'ALARM')}: {name}", "error", str(alarm.get("AWSAccountId", "AWS")), key, details
    )


def _trigger(summary: str, severity: str, source: str, key: str, details: Mapping[str, Any]) -> Event:
    event: Event = {
        "event_action": "trigger",
        "payload": {
            "summary": fit(summary, SUMMARY),
            "severity": severity,
            "source": source,
            "custom_details": dict(details),
        },
    }
    return event | {"dedup_key": key} if key else event
