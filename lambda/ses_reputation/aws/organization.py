"""AWS Organizations: the accounts of organizational units, nested ones included."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..core.readings import one_line
from .errors import answered

LONGEST_NAME = 50


def accounts_in(client: Any, units: Collection[str], exclude: Collection[str]) -> tuple[tuple[str, str], ...]:
    """List id and name of every active account in `units`, each once. Raise what botocore raises: half a list is not used."""
    found: dict[str, str] = {}
    waiting, seen = list(units), set(exclude)
    while waiting:
        unit = waiting.pop()
        if unit in seen:
            continue
        seen.add(unit)
        with answered():
            pages = list(client.get_paginator("list_accounts_for_parent").paginate(ParentId=unit))
            found |= {account["Id"]: account["Name"] for page in pages for account in _active(page["Accounts"])}
            nested = list(client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=unit))
            waiting += [each["Id"] for page in nested for each in page["OrganizationalUnits"]]
    return tuple((account, _name(account, name)) for account, name in sorted(found.items()) if account not in seen)


def _active(accounts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Accounts that can be used. `State` has followed `Status`, which AWS has retired in September 2026."""
    return (account for account in accounts if account.get("State", account.get("Status")) == "ACTIVE")


def _name(account: str, name: str) -> str:
    """Name of an account on one line; its id if it has none."""
    shown = one_line(name, LONGEST_NAME).strip()
    return shown if shown else account
