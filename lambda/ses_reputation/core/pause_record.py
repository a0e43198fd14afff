"""A pause by the monitor itself: what was or is to be paused, by which alert, why and when; and how it is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from .history import YEAR_2100, Instant
from .pause_level import Part
from .recipients import without_addresses
from .rules import Severity

CHECK = "pause"
"""Name of the check, and of its only track."""

CALLED_OFF = "called off"
"""Trouble of a pause that was begun, and not done again when something spoke against it."""

UNSURE = "it may be paused all the same: check in SES"
"""Said of such a part: whether it sends nobody can read."""

KEPT = 20
"""Pauses of a target that are kept, the newest."""

LONGEST_WHY = 300
"""Characters kept of a reason."""

SCHEMA = 1
"""Number of the stored form."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Name of a configuration set or a tenant."""

_ARN = re.compile(r"arn:[a-z0-9-]+:ses:[a-z0-9-]+:[0-9]{12}:tenant/[A-Za-z0-9_/-]{1,200}")


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


# -- the record of a target, an item of its own


def key_of(target: str) -> str:
    """Key of the item of a target's pauses, beside its state."""
    return f"pause/{target}"


def to_text(pauses: Sequence[Pause]) -> str:
    """Encode the newest pauses of a target as JSON."""
    return json.dumps({"pauses": [asdict(pause) for pause in pauses[-KEPT:]]}, separators=(",", ":"))


def from_text(text: str) -> tuple[Pause, ...]:
    """Decode stored pauses, oldest first. Raise `ValueError` for what no version has written."""
    try:
        members: Any = json.loads(text)["pauses"]
        return tuple(_pause(member) for member in members[-KEPT:])
    except (RecursionError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"the stored pauses cannot be read ({type(error).__name__})") from None


def _pause(given: dict[str, Any]) -> Pause:
    pause = Pause(**given)
    texts = ("name", "reference", "cause", "why", "trouble", "resumed_by")
    times = [pause.at] if pause.resumed_at is None else [pause.at, pause.resumed_at]
    if not all(isinstance(given.get(name, ""), str) for name in texts):
        raise ValueError("a text is of another type")
    if not all(type(at) is int and 0 <= at < YEAR_2100 for at in times):
        raise ValueError("a time is invalid")
    if not (NAME.fullmatch(pause.name) or not pause.name) or not (
        _ARN.fullmatch(pause.reference) or not pause.reference
    ):
        raise ValueError("a name is invalid in SES")
    cleaned: dict[str, Any] = {
        name: without_addresses(getattr(pause, name))[:LONGEST_WHY]
        for name in ("cause", "why", "trouble", "resumed_by")
    }
    return replace(pause, stage=Stage(pause.stage), part=Part(pause.part), **cleaned)
