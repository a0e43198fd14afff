"""How a command ends."""

from __future__ import annotations

USABLE, UNKNOWN, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done, whatever was found; something could not be read; the input cannot be used; stopped by the user."""

PLUGIN_UNKNOWN = 3
"""Exit code of a monitoring plugin that cannot tell."""


class Unusable(Exception):
    """Input that cannot be used; the text is for a person."""
