"""A pause by the monitor itself: what was or is to be paused, by which alert, why and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .history import Instant
from .pause_level import Part
from .rules import Severity

CHECK = "pause"
"""Name of the check, and of its only track."""

CALLED_OFF = "called off"
"""Trouble of a pause that was begun, and not done again when something spoke against it."""

UNSURE = "it may be paused all the same: check in SES"
"""Said of such a part: whether it sends nobody can read."""


class Stage(StrEnum):
    """How far a pause has come."""

    DUE = "due"  # people are notified; done at the next tick
    PAUSED = "paused"
    FAILED = "failed"  # AWS refused; it is tried again
    DRY_RUN = "dry-run"  # never done


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause: what, by which alert, why and when."""

    stage: Stage
    part: Part
    name: str  # of the configuration set or tenant; empty for the account
    reference: str  # ARN of the tenant, else empty
    cause: str  # id of the track of our own rate that led to it
    why: str
    at: Instant
    trouble: str = ""  # AWS's error code, if it failed
    resumed_at: Instant | None = None
    resumed_by: str = ""

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self.stage is Stage.DRY_RUN else Severity.CRITICAL

    @property
    def in_force(self) -> bool:
        """Tell if it was done and nobody has resumed."""
        return self.stage is Stage.PAUSED and self.resumed_at is None

    @property
    def what(self) -> str:
        """Part of the email in words."""
        return "all sending" if self.part is Part.ACCOUNT else f"{self.part.value} {self.name}"


@dataclass(frozen=True, slots=True)
class PauseReading:
    """Everything that the run knows of pauses at a tick."""

    pause: Pause | None = None  # due, in force, failed or of a dry run
    refusal: str = ""  # why a critical alert pauses nothing
    rearmed: Instant | None = None  # when a person resumed: emails before it do not count
