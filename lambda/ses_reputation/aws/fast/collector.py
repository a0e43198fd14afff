"""Garbage collection, made rare."""

from __future__ import annotations

import gc

OBJECTS = 200_000
"""More containers than the start makes, nearly all of which live for ever. Reference counts still free the rest at once."""


def collect_rarely() -> None:
    """Look for cycles after this many new objects only. Call it before the large imports."""
    gc.set_threshold(OBJECTS)
