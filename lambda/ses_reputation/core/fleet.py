"""Many accounts, watched from one: which run looks at which, and what keeps some from being watched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from .history import DAY, Instant
from .target import Target

ROLE_VERSION = 1
"""Version of the role in a member account that this version of the monitor needs."""

ROLE_TAG = "ses-reputation-version"
"""Tag of the role that holds its version, and what it was made for."""


def role_tag_value(look: str) -> str:
    """Write the tag of a role with the rights that `[cause] look` asks for."""
    return f"{ROLE_VERSION}-{look}"


def role_version_in(tag: str, look: str) -> int:
    """Read the version of a role from its tag; 0 if there is none, or if the role was made for another `look`."""
    number, _, made_for = tag.partition("-")
    return int(number) if made_for == look and re.fullmatch("[0-9]{1,5}", number) else 0


def deploy_role_command(region: str, trusted: str = "") -> str:
    """Write the command that updates the role, with the credentials of the member account; or makes it, to trust the role with
    the ARN `trusted`."""
    return (
        "aws cloudformation deploy --template-file member-role.json --stack-name SesReputationMember "
        f"--capabilities CAPABILITY_NAMED_IAM --region {region}"
        + (f" --parameter-overrides TrustedRoles={trusted}" if trusted else "")
    )


class Shard(NamedTuple):
    """One of the runs that share the accounts at each tick."""

    number: int  # from 0
    of: int

    def has(self, account: str) -> bool:
        """Tell if this run looks at an account: at all its regions, so that one session serves them all."""
        return crc32(account.encode()) % self.of == self.number

    @property
    def key(self) -> str:
        return f"fleet/{self.number}/{self.of}"


WHOLE = Shard(0, 1)

SILENT_TICKS = 3
"""A shard that has not reported for this many ticks is silent."""


def is_turn(name: str, now: Instant, every: int, period: int = DAY) -> bool:
    """Tell if the tick is the one of its day, or other period, at which what is due once in it is done about `name`."""
    return crc32(name.encode()) % max(1, period // every) == now % period // every


@dataclass(frozen=True, slots=True)
class Installation(Target):
    """The monitor itself, under its own account and region: alerts about the whole fleet are under it."""

    @property
    def id(self) -> str:
        return "fleet/installation"

    @property
    def is_installation(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """Things that keep parts of the fleet from being watched, or may soon; each named as in a message. None: not known now."""

    not_set_up: tuple[str, ...] | None = ()  # accounts whose role has never let the monitor in
    unread: tuple[str, ...] | None = ()  # accounts of which nothing is watched, since nothing can be read
    old_roles: tuple[str, ...] | None = ()  # accounts whose role lacks what this version reads
    list_trouble: tuple[str, ...] | None = ()  # why the list of accounts could not be read
    silent_shards: tuple[str, ...] | None = ()
    not_reached: tuple[str, ...] | None = ()  # targets for which there was no time
