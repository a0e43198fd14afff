"""How a command ends."""

from __future__ import annotations

import sys

USABLE, UNKNOWN, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done, whatever was found; something could not be read; the input cannot be used; stopped by the user."""

PLUGIN_UNKNOWN = 3
"""Exit code of a monitoring plugin that cannot tell."""

NEEDS_MATPLOTLIB = f"needs matplotlib, which is not installed. Run: {sys.executable} -m pip install matplotlib"
"""The end of the sentence where a picture or a page cannot be drawn."""


class Unusable(Exception):
    """Input that cannot be used; the text is for a person."""
