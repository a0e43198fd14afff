"""What was read of a target, or the explicit unknown with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .history import Point


class Trouble(StrEnum):
    """Why something of a target could not be read."""

    DENIED = "access denied"
    THROTTLED = "throttled"
    TIMED_OUT = "timed out"
    BAD_ANSWER = "bad answer"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An explicit unknown, with the reason."""

    trouble: Trouble
    detail: str  # one line for a person: no address, no secret


Statistics = tuple[Point, ...] | Unreadable
"""The send data points of a target, or why there are none."""

UNREADABLE = "unreadable"
"""The check of a target whose statistics cannot be read: unknown is never healthy."""
