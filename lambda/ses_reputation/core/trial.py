"""A test alert: told on every channel as any other, of nothing."""

from __future__ import annotations

from .alert import Reason
from .history import Instant, stamp
from .plan import Notification
from .rules import Finding, Severity
from .target import Target

TEST = "test"
"""The check of a test alert; no alert of it is ever remembered."""


def trial(target: Target, now: Instant) -> Notification:
    """The test alert of a target."""
    found = Finding("test", Severity.WARNING)
    return Notification(
        at=now,
        target=target,
        check=TEST,
        reason=Reason.OPENED,
        severity=Severity.WARNING,
        alert=f"{TEST}-{stamp(now)}",
        seq=1,
        opened_at=now,
        last_held=now,
        worst=found,
        found=(found,),
        metrics=(),
        spark=(),
    )
