"""A notification as an event of Amazon EventBridge."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TypedDict

from ..core.notification import SOURCE, Document

DETAIL_TYPES = {
    "firing": "SES Reputation Alert Firing",
    "reminder": "SES Reputation Alert Reminder",
    "resolved": "SES Reputation Alert Resolved",
}
"""Detail types, by the notification's kind."""


class Event(TypedDict):
    """An entry of PutEvents, without its bus."""

    Source: str
    DetailType: str
    Time: datetime
    Detail: str


def event(document: Document) -> Event:
    """The event of one notification, which is its detail. It stays far below the limit of an event, 256 KiB."""
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPES[document["kind"]],
        "Time": datetime.fromisoformat(document["at"]),
        "Detail": json.dumps(document, allow_nan=False, ensure_ascii=False),
    }
