"""Payloads out, to an incoming webhook of Slack or to PagerDuty. An address or key is a password, so no error here holds it, or
has it as its cause."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

CONNECT, READ = 3, 10
"""Seconds for each half of an attempt."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""The hosts that may be spoken to without encryption: nothing leaves the machine."""


SLACK_HOST = "hooks.slack.com"
INCOMING = "/services/"
WORKFLOW = ("/triggers/", "/workflows/")
"""How the paths of Slack's webhook addresses begin: a workflow's takes other bodies, and answers them with 200 too."""


class NotDelivered(Exception):
    """A message has not, or not surely, arrived."""


class BadAddress(NotDelivered):
    """The stored text is no address of a webhook."""


class NotNow(NotDelivered):
    """The message was not taken for the moment; the same later may succeed."""


class Service(NamedTuple):
    """A service that takes messages by HTTPS."""

    name: str
    dead: tuple[int, ...]  # statuses which say that the stored address or key is wrong
    advice: Callable[[int, str], str]  # what to do about a refusal


class Refused(NotDelivered):
    """The service will not take this message however often it comes."""

    def __init__(self, status: int, word: str, service: Service | None = None) -> None:
        service = SLACK if service is None else service
        super().__init__(f"{service.name} refused the message with {status} {word}: {service.advice(status, word)}")
        self.address_is_dead = status in service.dead


def address_of(stored: str) -> str:
    """Check a stored webhook address. Raise `BadAddress`, whose text never holds it."""
    address = stored.strip()
    try:
        parts = urlsplit(address)
        scheme, host, path = parts.scheme, parts.hostname, parts.path
    except ValueError:
        scheme, host, path = "", None, ""
    safe = scheme == "https" or (scheme == "http" and host in LOOPBACK)
    if not safe or not host or not re.fullmatch(r"[!-~]+", address):
        raise BadAddress("what is stored is not the https:// address of a webhook; store that alone, as plain text")
    if host == SLACK_HOST and not path.startswith(INCOMING):
        raise BadAddress(_not_incoming(path))
    return address


def _not_incoming(path: str) -> str:
    """Say why an address of Slack is not that of an incoming webhook."""
    if path.startswith(WORKFLOW):
        return (
            "the stored address starts a Slack workflow (/triggers/ or /workflows/), which takes only the variables that it "
            "defines and drops everything else; add an incoming webhook to a Slack app and store its address (/services/…)"
        )
    return "the stored address is Slack's, but not an incoming webhook's: such an address begins with /services/"


def post(
    http: PoolManager,
    address: str,
    payload: Mapping[str, Any],
    *,
    remaining: Callable[[], float],
    sleep: Callable[[float], None],
    service: Service | None = None,
) -> None:
    """Post one message, and wait as often as the service asks for it, while that fits into the `remaining` seconds.

    Any 2xx counts as delivered, whatever its body: the message may be in the channel, and posting it again would repeat it.
    Raise `NotNow` or `Refused`.
    """
    body = json.dumps(payload).encode()
    service = SLACK if service is None else service
    while True:
        response = _answer(http, address, body, service)
        if 200 <= response.status < 300:
            return
        wait = _wait(response)
        if wait is None or wait + CONNECT + READ > remaining():
            raise _failure(response, service)
        sleep(wait)


def _answer(http: PoolManager, address: str, body: bytes, service: Service) -> BaseHTTPResponse:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    try:
        return http.request(
            "POST",
            address,
            body=body,
            headers=headers,
            timeout=Timeout(connect=CONNECT, read=READ),
            retries=False,
            redirect=False,
        )
    except HTTPError as error:
        raise NotNow(
            f"{service.name} did not answer ({type(error).__name__})"
        ) from None  # its text holds host and path


def _wait(response: BaseHTTPResponse) -> int | None:
    """The seconds that the service asks to wait for, if it does."""
    asked = response.headers.get("Retry-After", "")
    return int(asked) if response.status == 429 and re.fullmatch(r"[0-9]{1,6}", asked) else None


def _failure(response: BaseHTTPResponse, service: Service) -> NotDelivered:
    text = response.data.decode(errors="replace").strip()
    word = text if re.fullmatch(r"[a-z_]{1,60}", text) else "without a word"  # Slack's are; a proxy's page is not
    if 400 <= response.status < 500 and response.status not in (408, 429):
        return Refused(response.status, word, service)
    return NotNow(f"{service.name} did not take the message: {response.status} {word}")


_WEBHOOK_GONE = "the webhook is gone or disabled; make a new one in Slack and store its address"
_ADVICE = {
    "action_prohibited": "a rule of the workspace forbids it; ask an administrator of it",
    "channel_is_archived": "unarchive the channel, or make a webhook for another one and store its address",
    "channel_not_found": "the channel is gone; make a webhook for another one and store its address",
    "posting_to_general_channel_denied": "who made the webhook may not post there; ask an administrator of the workspace",
    "team_disabled": "the workspace is disabled; ask an administrator of it",
}


def _advice(status: int, word: str) -> str:
    """Say what to do about a refusal (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""
    if status in (403, 404, 410):
        return _ADVICE.get(word, _WEBHOOK_GONE)
    return "the message itself is at fault; it is in the queue of what Slack did not take, please report it"


_KEY_IS_WRONG = "check that the stored text is the integration key of an Events API v2 integration, and nothing else"

SLACK = Service("Slack", (403, 404, 410), _advice)
PAGERDUTY = Service("PagerDuty", (400, 403, 404), lambda _, __: _KEY_IS_WRONG)
PAGERDUTY_ADDRESSES = {
    "us": "https://events.pagerduty.com/v2/enqueue",
    "eu": "https://events.eu.pagerduty.com/v2/enqueue",
}
"""Addresses at which PagerDuty takes events, by its service region."""


def routing_key_of(stored: str) -> str:
    """Check a stored integration key. Raise `BadAddress`, whose text never holds it."""
    key = stored.strip()
    if not re.fullmatch(r"[A-Za-z0-9]{32}", key):
        raise BadAddress(
            "what is stored is not an integration key of PagerDuty (32 letters and digits); store that alone"
        )
    return key
