"""Faults between a client and the server, planted by service and operation, and a log of every request.

A fault acts before the server has done anything (`before=True`) or after (its answer is lost, its effect is not).
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from moto.iam.models import get_account_id_from

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Fault:
    """Fault planted in the next `times` requests of an operation."""

    service: str  # as clients sign it, but "cloudwatch" and "ses" by their names
    operation: str
    region: str = ""  # any
    account: str = ""  # any; of AssumeRole the one whose role it is
    status: int = 500
    code: str = "InternalFailure"
    body: bytes | None = None  # sent unchanged, with status 200, instead of an error
    hang: float = 0.0  # seconds before the answer
    cut: bool = False  # the connection is closed instead of an answer
    strike: Callable[[], None] | None = None  # called at that moment, for example to kill the client
    before: bool = True
    skip: int = 0  # requests that pass first
    times: int = 1_000_000
    struck: int = 0  # requests that it has hit


class Faults:
    """WSGI middleware around the server."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.planted: list[Fault] = []
        self.calls: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def plant(self, service: str, operation: str, **how: Any) -> Fault:
        """Plant a fault until it is used up or `clear` is called."""
        fault = Fault(service, operation, **how)
        self.planted.append(fault)
        return fault

    def clear(self) -> None:
        """Take out every fault and empties the log."""
        self.planted.clear()
        self.calls.clear()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = _asked(environ)
        with self._lock:
            self.calls.append((asked.service, asked.operation))
            fault = self._due(asked)
        if fault is None:
            return self.application(environ, start_response)
        if not fault.before:
            list(self.application(environ, lambda *_: lambda _: None))
        if fault.strike is not None:
            fault.strike()
        time.sleep(fault.hang)
        if fault.cut:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        answer, kind = (fault.body, "text/html") if fault.body is not None else _error(environ, fault)
        status = "200 OK" if fault.body is not None else f"{fault.status} Planted"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(answer)))])
        return [answer]

    def _due(self, asked: Asked) -> Fault | None:
        for fault in self.planted:
            here = (
                (fault.service, fault.operation) == (asked.service, asked.operation)
                and fault.region in ("", asked.region)
                and fault.account in ("", asked.account)
            )
            if here and fault.skip > 0:
                fault.skip -= 1
            elif here and fault.times > 0:
                fault.times -= 1
                fault.struck += 1
                return fault
        return None


_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
_NAMES = {"monitoring": "cloudwatch", "email": "ses"}
_PATHS = (
    (r"/v2/email/account", "GetAccount"),
    (r"/v2/email/account/sending", "PutAccountSendingAttributes"),
    (r"/v2/email/configuration-sets/[^/]+/sending", "PutConfigurationSetSendingOptions"),
    (r"/v2/email/reputation/entities/.+/customer-managed-status", "UpdateReputationEntityCustomerManagedStatus"),
    (r"/v2/email/suppression/addresses", "ListSuppressedDestinations"),
    (r"/v2/email/suppression/addresses/.+", "GetSuppressedDestination"),
    (r"/v2/email/vdm/recommendations", "ListRecommendations"),
    (r"/v2/email/reputation/entities", "ListReputationEntities"),
    (r"/v2/email/metrics/batch", "BatchGetMetricData"),
    (r"/v2/email/insights/.+", "GetMessageInsights"),
)
"""Operations of SES that are named by their paths."""


class Asked(NamedTuple):
    """Call that a request makes, in any protocol."""

    service: str
    region: str
    operation: str
    account: str


def _asked(environ: dict[str, Any]) -> Asked:
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region, service = scope.groups() if scope else ("", "", "")
    service = _NAMES.get(service, service)
    account = get_account_id_from(key)
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Asked(service, region, target.rsplit(".", 1)[-1], account)
    path = environ.get("PATH_INFO", "")
    if "/operation/" in path:
        return Asked(service, region, path.rsplit("/", 1)[-1], account)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = _Again(body)
        given = parse_qs(body.decode())
        if "RoleArn" in given:
            account = given["RoleArn"][0].split(":")[4]
        return Asked(service, region, given.get("Action", [""])[0], account)
    named = (operation for pattern, operation in _PATHS if service == "ses" and re.fullmatch(pattern, path))
    return Asked(service, region, next(named, path), account)


class _Again:
    """Request body that can be read a second time."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def read(self, size: int = -1) -> bytes:
        end = len(self.body) if size < 0 else size
        chunk, self.body = self.body[:end], self.body[end:]
        return chunk


def _error(environ: dict[str, Any], fault: Fault) -> tuple[bytes, str]:
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        xml = f"<ErrorResponse><Error><Type>Sender</Type><Code>{fault.code}</Code><Message>planted</Message></Error></ErrorResponse>"
        return xml.encode(), "text/xml"
    return json.dumps({"__type": fault.code, "message": "planted"}).encode(), "application/json"
