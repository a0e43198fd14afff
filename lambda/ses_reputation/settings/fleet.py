"""The tables [[accounts]], [organization], [member_role] and [[overrides]]: many accounts, watched from one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .patterns import ACCOUNT, REGION
from .rules import POLICY_TABLES, read_policy
from .table import Key, Table

if TYPE_CHECKING:
    from ..core.rules import Policy

TARGETS_PER_SHARD, MEMORY_MB = 1_000, 512
"""Targets of a run and memory of the function: at 30 ms of a core for each target it takes two minutes (docs/scale.md)."""

ROLE_NAME = "SesReputationMember"

LONGEST_NAME = 50
"""Longest name of an account in characters: AWS Organizations has the same limit."""

_UNIT = r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}"
_ROLE = r"[A-Za-z0-9+=,.@_-]{1,64}"
_EXTERNAL_ID = r"[A-Za-z0-9+=,.@:/_-]{2,1224}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Accounts to watch besides or instead of the own one, and the role that reads them."""

    accounts: tuple[tuple[str, str], ...] = ()  # id and name of each that is listed
    units: tuple[str, ...] = ()  # ids of organizational units, or of a root
    exclude: tuple[str, ...] = ()  # ids of accounts and units of these that are left out
    role_name: str = ROLE_NAME
    external_id: str = ""

    @property
    def on(self) -> bool:
        """Tell if accounts are configured. If not, the own account is watched."""
        return bool(self.accounts or self.units)


@dataclass(frozen=True, slots=True)
class Override:
    """Another policy for some targets."""

    accounts: tuple[str, ...]  # empty: all
    regions: tuple[str, ...]  # empty: all
    policy: Policy
    metrics: bool  # these targets have metrics of their own, however many targets there are

    def fits(self, account: str, region: str) -> bool:
        return (not self.accounts or account in self.accounts) and (not self.regions or region in self.regions)


def read_fleet(file: Table) -> Fleet:
    """Read the accounts and the role; problems are noted in the tables."""
    example = '{ id = "111111111111", name = "shop" }'
    accounts = file.each(
        "accounts", example, _account, "Accounts to watch. Without any, and without units: the own account."
    )
    organization = file.table("organization", "Accounts to watch, by organizational unit.")
    role = file.table("member_role", "The role in each account that the monitor assumes. The own account needs none.")
    fleet = Fleet(
        () if accounts is None else tuple(accounts),
        organization.words(
            "units",
            "the id of an organizational unit or of a root",
            _UNIT,
            'write its id, like "ou-ab12-cdefgh34"; aws organizations list-roots begins the search',
            "Units whose accounts are watched, those of nested units included. The list is read once a day.",
        ),
        organization.words(
            "exclude",
            "the id of an account or of an organizational unit",
            f"{ACCOUNT}|{_UNIT}",
            "write the id of what is to be left out",
            "Accounts and units of these that are left out.",
        ),
        role.text("name", ROLE_NAME, "a role's name without its path", _ROLE, "Its name, the same in every account."),
        role.text(
            "external_id",
            "",
            "2 to 1,224 of A-Z, a-z, 0-9 and +=,.@:/_-; or nothing",
            f"(?:{_EXTERNAL_ID})?",
            "The external id that the role asks for. It keeps others from having the monitor read for them.",
        ),
    )
    if fleet.exclude and not fleet.units:
        organization.refuse("exclude", "exclude together with units", "write units, or remove it")
    if fleet.on and not fleet.external_id and role.given.get("external_id", "") == "":
        role.refuse("external_id", "an external id, if accounts are watched", "invent one, and deploy the role with it")
    ids = [account for account, _ in fleet.accounts]
    for account in sorted({account for account in ids if ids.count(account) > 1}):
        file.refuse("accounts", "each account only once", "remove the repetition", f"two with the id {account}")
    return fleet


def _account(table: Table) -> tuple[str, str] | None:
    account: str | None = table.text("id", None, "the 12 digits of an account, in quotes", ACCOUNT, "Its id.")
    name: str = table.value(
        "name",
        Key(
            "",
            f"1 to {LONGEST_NAME} printable characters",
            "What messages call it, beside its id. By default the id.",
            {"type": "string", "maxLength": LONGEST_NAME},
        ),
        lambda v: isinstance(v, str) and v.isprintable() and 0 < len(v) <= LONGEST_NAME,
    )
    if not table.has("id"):
        table.refuse("id", table.keys["id"].accepted, "write the account's id")
    return None if account is None else (account, name if name else account)


def read_overrides(file: Table, *, sound: bool) -> tuple[Override, ...]:
    """Read the overrides. Each takes what it does not say from the file's own tables, if those are `sound`."""
    own = file.given if sound else {}

    def read_one(table: Table) -> Override:
        table.given = table.given | {
            name: _over(own.get(name), table.given.get(name)) for name in POLICY_TABLES if name in {*own, *table.given}
        }
        override = Override(
            table.words(
                "accounts", "the 12 digits of an account", ACCOUNT, "write its id in quotes", "Accounts. Empty: all."
            ),
            table.words("regions", "a region", REGION, 'write its code, like "eu-west-1"', "Regions. Empty: all."),
            read_policy(table),
            table.flag("metrics", False, "Give these targets metrics of their own, however many targets there are."),
        )
        if not (override.accounts or override.regions or table.given.get("accounts") or table.given.get("regions")):
            table.refuse(
                "accounts", "accounts or regions", "say which targets are meant: all others have the file's own tables"
            )
        return override

    example = '{ regions = ["eu-west-1"], bounce = { warning = 0.02 } }'
    meaning = (
        "Another policy for some targets: keys of [bounce], [complaint], [account] and [volume] in place of those of the file. "
        "The first override that fits a target counts."
    )
    overrides = file.each("overrides", example, read_one, meaning)
    return () if overrides is None else tuple(overrides)


def _over(base: Any, own: Any) -> Any:
    """The table of an override over that of the file; what is no table is left for the reader to refuse."""
    if own is None or base is None:
        return base if own is None else own
    return base | own if isinstance(base, dict) and isinstance(own, dict) else own
