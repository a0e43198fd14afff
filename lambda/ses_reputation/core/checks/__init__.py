"""Everything that is watched, one file a check, in the order in which a message lists them.

How to add one: docs/contributing.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from .base import Check
from .drill import DRILL
from .enforcement import ENFORCEMENT
from .findings import FINDINGS
from .fleet import FLEET
from .pause import PAUSE
from .quota import QUOTA
from .rate import BOUNCE, COMPLAINT
from .rejects import REJECTS
from .sending import SENDING
from .silence import SILENCE
from .spike import SPIKE
from .subscribers import SUBSCRIBERS
from .unreadable import AWS_UNREADABLE, STATISTICS_UNREADABLE

ALL: tuple[Check, ...] = (
    ENFORCEMENT,
    SENDING,
    PAUSE,
    BOUNCE,
    COMPLAINT,
    STATISTICS_UNREADABLE,
    AWS_UNREADABLE,
    QUOTA,
    SILENCE,
    SPIKE,
    REJECTS,
    FINDINGS,
    SUBSCRIBERS,
    FLEET,
)
"""Checks that open alerts."""

BY_NAME: Mapping[str, Check] = {check.name: check for check in (*ALL, DRILL)}
FACTS: Mapping[str, type] = {track: kind for check in ALL for track, kind in check.facts.items()}
"""Type of what each track finds, by the track's name."""
