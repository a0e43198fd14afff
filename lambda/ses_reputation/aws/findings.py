"""Findings of Amazon SES itself: recommendations and tenants."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..core.findings import Findings, Tenant, recommendation_from, tenant_from
from ..core.history import BadData
from .bounded import BUDGET, Budget, Calls, Clients, Spent, not_visible, within
from .errors import AWS_ERRORS, answered

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client


def read_findings(
    clients: Clients,
    *,
    budget: Budget = BUDGET,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Findings:
    """Read the open recommendations of high impact, and the tenants with high impact or paused. Never raises."""
    search = _Search(clients.email, Calls(budget, clock, sleep))
    late, broke = within(budget, search.run)
    return replace(search.found, unseen=(*search.found.unseen, *late), broke=broke)


class _Search:
    """One reading of what Amazon SES itself finds wrong."""

    def __init__(self, email: SESV2Client, calls: Calls) -> None:
        self.found = Findings(None, None)
        self._email, self._calls = email, calls

    def run(self) -> None:
        for what, part in (("recommendations", self._recommendations), ("tenants", self._tenants)):
            try:
                part()
            except Spent:
                self._add(f"Not visible: {what} (no time was left)")
            except (BadData, *AWS_ERRORS) as error:
                self._add(not_visible(what, error))

    def _add(self, sentence: str) -> None:
        self.found = replace(self.found, unseen=(*self.found.unseen, sentence))

    def _recommendations(self) -> None:
        chosen = {"STATUS": "OPEN", "IMPACT": "HIGH"}
        members = self._all(self._email.list_recommendations, "Recommendations", Filter=chosen, PageSize=100)
        found = [recommendation_from(member) for member in members]
        self.found = replace(self.found, recommendations=tuple(dict.fromkeys(found)))

    def _tenants(self) -> None:
        found: dict[str, Tenant] = {}
        for chosen in ({"REPUTATION_IMPACT": "HIGH"}, {"SENDING_STATUS": "DISABLED"}):
            for member in self._all(self._email.list_reputation_entities, "ReputationEntities", Filter=chosen):
                tenant = tenant_from(member)
                found[tenant.name] = tenant
        self.found = replace(self.found, tenants=tuple(found.values()))

    def _all(self, call: Callable[..., Any], key: str, **given: Any) -> list[Mapping[str, Any]]:
        """Return the members of all pages. Raises `AWS_ERRORS`, `BadData`, `Spent`."""
        members: list[Mapping[str, Any]] = []
        token = ""
        while True:
            answer = self._calls.email(call, **given, **({"NextToken": token} if token else {}))
            with answered():
                members += answer.get(key, [])
                token = answer.get("NextToken", "")
            if not token:
                return members
