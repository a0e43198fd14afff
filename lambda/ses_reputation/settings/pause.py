"""The table [pause] of settings.toml: what the monitor may pause by itself, and the rights that it needs for that."""

from __future__ import annotations

from ..core.cause_level import CauseLevel
from ..core.pause_level import PARTS, Level, Part
from .table import Table

ACTION = {
    Part.SET: "ses:PutConfigurationSetSendingOptions",
    Part.TENANT: "ses:UpdateReputationEntityCustomerManagedStatus",
    Part.ACCOUNT: "ses:PutAccountSendingAttributes",
}
"""IAM action that pauses each part, and resumes it."""


def actions(level: Level) -> dict[Part, str]:
    """IAM actions that a level needs, by part."""
    return {} if level is Level.DRY_RUN else {part: ACTION[part] for part in PARTS[level]}


def read_level(table: Table, look: CauseLevel, *, fleet: bool = False) -> Level:
    """Read the level; to be used only if the file then has no problems."""
    level = Level(
        table.one_of(
            "level",
            Level.OFF.value,
            tuple(level.value for level in Level),
            "The most that the monitor may pause by itself, on a critical alert that nothing speaks against: `dry-run` only says it; "
            "`configuration-sets`, if the cause names one; `tenants` also those; `account` also all sending, if neither is named. "
            "docs/act.md has the conditions.",
        )
    )
    if look is CauseLevel.OFF and level in (Level.SETS, Level.TENANTS):
        table.refuse(
            "level", "off, dry-run or account, since [cause] look is off", "only the cause names what to pause"
        )
    if fleet and level is not Level.OFF:
        table.refuse(
            "level", "off with several accounts", "the role in another account may only read: pause there by hand"
        )
    return level
