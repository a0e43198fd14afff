"""Values of options that several commands take."""

from __future__ import annotations

import re

from ses_reputation.core.readings import one_line
from ses_reputation.settings.patterns import ACCOUNT

from .exit_codes import Unusable


def check_account(text: str | None) -> None:
    """Raise `Unusable` for an `--account` that is no id."""
    if text is not None and re.fullmatch(ACCOUNT, text) is None:
        raise Unusable(f"--account {one_line(text, 40)}: an account has 12 digits.")
