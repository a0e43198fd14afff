"""Levels of `[pause]`: how much the monitor may pause by itself; a room of its own, since every run reads this setting."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """Most that the monitor may pause."""

    OFF = "off"
    DRY_RUN = "dry-run"  # it says what it would have paused
    SETS = "configuration-sets"
    TENANTS = "tenants"  # and configuration sets
    ACCOUNT = "account"  # if neither of these is named as the cause


class Part(StrEnum):
    """Kind of thing that can be paused."""

    SET = "configuration set"
    TENANT = "tenant"
    ACCOUNT = "account"


PARTS: dict[Level, tuple[Part, ...]] = {
    Level.OFF: (),
    Level.DRY_RUN: (Part.SET, Part.TENANT, Part.ACCOUNT),
    Level.SETS: (Part.SET,),
    Level.TENANTS: (Part.SET, Part.TENANT),
    Level.ACCOUNT: (Part.SET, Part.TENANT, Part.ACCOUNT),
}
"""Parts that each level may pause, the smallest first."""
