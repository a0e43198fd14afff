"""EventBridge: events out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from botocore.exceptions import ClientError

from .errors import answered


class EventBridge(Protocol):
    """A client of EventBridge."""

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]: ...  # noqa: N803


def put_event(client: EventBridge, bus: str, event: Mapping[str, Any]) -> None:
    """Put one event on `bus`. Raise what botocore raises, also if the answer says that the event was not taken."""
    with answered():
        answer = client.put_events(Entries=[{**event, "EventBusName": bus}])
        [entry] = answer["Entries"]
        code = entry.get("ErrorCode") or ("" if entry.get("EventId") else "Unknown")
    if code:
        raise ClientError({"Error": {"Code": code}}, "PutEvents")
