"""How a command ends."""

USABLE, UNKNOWN, UNUSABLE = 0, 1, 2
"""Exit codes: done, whatever was found; something could not be read; the input cannot be used."""


class Unusable(Exception):
    """Input that cannot be used; the text is for a person."""
