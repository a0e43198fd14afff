"""The accounts of organizational units: nested units, exceptions, suspended accounts and incomplete answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from ses_reputation.aws.organization import accounts_in

ROOT, WORK, NESTED, SANDBOX = "r-ab12", "ou-ab12-workload", "ou-ab12-nestedun", "ou-ab12-sandboxx"
TREE = {ROOT: [WORK, SANDBOX], WORK: [NESTED]}
ACCOUNTS = {ROOT: ["0"], WORK: ["1", "2", "3"], NESTED: ["4"], SANDBOX: ["5"]}


def account(digit: str, state: str = "ACTIVE", name: str | None = None) -> dict[str, str]:
    return {"Id": digit * 12, "Name": f"account {digit}" if name is None else name, "State": state}


class Organizations:
    """An organization in pages of one."""

    def __init__(self, **states: str) -> None:
        self.states = states
        self.fails_at = ""
        self.calls = 0
        self.names: dict[str, str] = {}

    def get_paginator(self, name: str) -> Any:
        accounts = name == "list_accounts_for_parent"

        class Paginator:
            def paginate(_, ParentId: str) -> Iterator[dict[str, Any]]:  # noqa: N803, N805
                for member in (ACCOUNTS if accounts else TREE).get(ParentId, []):
                    self.calls += 1
                    if member == self.fails_at:
                        raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, name)
                    if accounts:
                        yield {
                            "Accounts": [
                                account(member, self.states.get(f"a{member}", "ACTIVE"), self.names.get(member))
                            ]
                        }
                    else:
                        yield {"OrganizationalUnits": [{"Id": member}]}

        return Paginator()


def ids(found: tuple[tuple[str, str], ...]) -> str:
    return "".join(account[0] for account, _ in found)


def test_nested_units_are_included_and_accounts_listed_once() -> None:
    assert ids(accounts_in(Organizations(), [WORK], [])) == "1234"
    assert ids(accounts_in(Organizations(), [ROOT, WORK, NESTED], [])) == "012345"
    assert accounts_in(Organizations(), [NESTED], []) == (("444444444444", "account 4"),)


def test_accounts_and_units_can_be_left_out() -> None:
    assert ids(accounts_in(Organizations(), [ROOT], [SANDBOX, "2" * 12])) == "0134"
    assert ids(accounts_in(Organizations(), [ROOT], [WORK])) == "05"


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "PENDING_ACTIVATION", "CLOSED"])
def test_suspended_accounts_are_left_out(state: str) -> None:
    assert ids(accounts_in(Organizations(a2=state), [WORK], [])) == "134"


@pytest.mark.parametrize("member", ["3", NESTED, "4"])
def test_an_incomplete_list_is_an_error(member: str) -> None:
    organization = Organizations()
    organization.fails_at = member
    with pytest.raises(ClientError):
        accounts_in(organization, [WORK], [])


def test_a_malformed_answer_is_not_an_empty_list() -> None:
    class Strange:
        def get_paginator(self, name: str) -> Any:
            return self

        def paginate(self, **_: Any) -> list[dict[str, Any]]:
            return [{"Message": "<html>"}]

    with pytest.raises(ResponseParserError):
        accounts_in(Strange(), [WORK], [])


def test_units_that_contain_each_other_do_not_loop() -> None:
    TREE[NESTED] = [WORK]
    try:
        assert ids(accounts_in(Organizations(), [WORK], [])) == "1234"
    finally:
        del TREE[NESTED]


@pytest.mark.parametrize(
    ("name", "shown"), [("", "4" * 12), ("  ", "4" * 12), ("a\nb\x1b", "a b"), ("x" * 99, "x" * 50)]
)
def test_a_hostile_name_becomes_one_short_line(name: str, shown: str) -> None:
    organization = Organizations()
    organization.names["4"] = name
    assert accounts_in(organization, [NESTED], []) == (("4" * 12, shown),)
