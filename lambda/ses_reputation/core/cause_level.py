"""How far the monitor looks for the cause of an alert; a room of its own, since every run reads this setting."""

from __future__ import annotations

from enum import StrEnum


class CauseLevel(StrEnum):
    """How far the monitor looks for a cause."""

    OFF = "off"
    DOMAINS = "domains"  # counts by recipient domain, configuration set and tenant
    SAMPLES = "samples"  # also when, and by which sender, up to five bounced messages were sent
