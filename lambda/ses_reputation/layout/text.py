"""What the layouts share: fitting and escaping."""

from __future__ import annotations

import re


def fit(text: str, limit: int) -> str:
    """`text` with an ellipsis for what is beyond `limit`; an HTML entity is kept or lost as a whole."""
    return text if len(text) <= limit else re.sub(r"&[a-z]*$", "", text[: limit - 1]) + "…"


def escaped(text: str) -> str:
    """`text` with the three characters that Slack's markup gives a meaning."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
