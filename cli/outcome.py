"""How a command speaks and how it ends."""

from __future__ import annotations

from collections.abc import Iterable

USABLE, UNKNOWN, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done, whatever was found; something could not be read; the input cannot be used; stopped by the user."""


class Unusable(Exception):
    """Input that cannot be used; the text is for a person."""


def say(lines: Iterable[str]) -> None:
    """Prints `lines` with plain spaces, which every terminal, log and search knows."""
    print("\n".join(lines).replace("\u00a0", " "))
