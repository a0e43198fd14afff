"""A target: an account and region, watched and evaluated on its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One AWS account in one region: SES counts, limits and punishes per account and region."""

    account: str  # twelve digits
    region: str
    alias: str = ""  # what people call the account; may be empty

    @property
    def id(self) -> str:
        return f"{self.account}/{self.region}"
