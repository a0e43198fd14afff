"""Switches of Amazon SES that moto lacks: sending of the account, of a configuration set and of a tenant."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.sesv2.responses import SESV2Response
from moto.sesv2.urls import url_paths

if TYPE_CHECKING:
    from .ses import SesAccount

NOT_FOUND = "", {"status": 404, "x-amzn-errortype": "NotFoundException"}


def _account(account: SesAccount, given: dict[str, Any]) -> Any:
    account.sending = given["SendingEnabled"]
    return "{}"


def _set(account: SesAccount, given: dict[str, Any]) -> Any:
    if given["ConfigurationSetName"] not in account.sets:
        return NOT_FOUND
    account.sets[given["ConfigurationSetName"]] = given["SendingEnabled"]
    return "{}"


def _tenant(account: SesAccount, given: dict[str, Any]) -> Any:
    for entity in account.suppression.entities:
        if entity["ReputationEntityReference"] == given["ReputationEntityReference"]:
            entity["CustomerManagedStatus"] = {"Status": given["SendingStatus"], "Cause": "by hand"}
            entity["SendingStatusAggregate"] = given["SendingStatus"]
            return "{}"
    return NOT_FOUND


_OPERATIONS: dict[str, tuple[str, Callable[[SesAccount, dict[str, Any]], Any]]] = {
    "put_account_sending_attributes": ("account/sending", _account),
    "put_configuration_set_sending_options": ("configuration-sets/(?P<ConfigurationSetName>[^/]+)/sending", _set),
    "update_reputation_entity_customer_managed_status": (
        "reputation/entities/(?P<ReputationEntityType>[^/]+)/(?P<ReputationEntityReference>.+)/customer-managed-status",
        _tenant,
    ),
}


def install(find: Callable[[Any], SesAccount]) -> None:
    """Add the operations to moto; `find` returns the account and region of a request."""
    response: Any = SESV2Response
    for name, (path, change) in _OPERATIONS.items():
        url_paths[f"{{0}}/v2/email/{path}$"] = SESV2Response.dispatch

        def serve(self: Any, change: Callable[[SesAccount, dict[str, Any]], Any] = change) -> Any:
            in_path = {key: unquote(value) for key, value in self.uri_match.items()}
            return change(find(self), {**in_path, **json.loads(self.body or "{}")})

        setattr(response, name, serve)
