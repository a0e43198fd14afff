"""A target: an account and region, watched and evaluated on its own."""

from __future__ import annotations

from dataclasses import dataclass

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""Host of the console in each partition of AWS."""


@dataclass(frozen=True, slots=True)
class Target:
    """One AWS account in one region: SES counts, limits and punishes per account and region."""

    account: str  # twelve digits
    region: str
    alias: str = ""  # what people call the account: its name or id among many accounts; empty if there is but one

    @property
    def id(self) -> str:
        return f"{self.account}/{self.region}"

    @property
    def is_installation(self) -> bool:
        """Tell if it is the monitor itself (core/fleet.py) and no account."""
        return False

    @property
    def options(self) -> str:
        """Options of a command that is about this target."""
        return f"--account {self.account} --region {self.region}" if self.alias else f"--region {self.region}"


def partition_of(region: str) -> str:
    """Partition that a region is in."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
