"""A test alert: told on every channel as any other, of nothing."""

from __future__ import annotations

from .episode import Reason
from .history import Instant, stamp
from .plan import Announcement
from .rules import Finding, Severity
from .target import Target

TEST = "test"
"""The concern of a test alert; no episode of it is ever remembered."""


def trial(target: Target, now: Instant) -> Announcement:
    """The test alert of a target."""
    found = Finding("test", Severity.WARNING)
    return Announcement(
        at=now,
        target=target,
        concern=TEST,
        reason=Reason.OPENED,
        severity=Severity.WARNING,
        episode=f"{TEST}-{stamp(now)}",
        seq=1,
        opened_at=now,
        last_held=now,
        worst=found,
        found=(found,),
        metrics=(),
        spark=(),
    )
