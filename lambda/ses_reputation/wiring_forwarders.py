"""Settings and environment → a forwarder, to Slack or to PagerDuty. All of its environment is read here, once, at start."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial

from urllib3 import PoolManager

from . import settings as settings_file
from .aws import secrets, webhook
from .aws.errors import AWS_ERRORS, code_of, trouble_of
from .aws.session import CONFIG, Session, open_session
from .forwarder import AddressUnknown, Forwarder
from .layout.pagerduty import events
from .layout.slack import Payload, payloads
from .settings import Settings
from .settings.channels import Stored
from .wiring import settings_path


def wire_forwarder(environ: Mapping[str, str]) -> Forwarder:
    """Make the forwarder to Slack of this installation, or of one of its routes."""
    settings = _forwarders_settings(environ)
    route = environ.get("ROUTE", "")
    webhook_at = settings.routes[int(route)].webhook if route else settings.slack.webhook
    http = PoolManager()

    def post(address: str, payload: Payload, remaining: Callable[[], float]) -> None:
        webhook.post(http, address, payload, remaining=remaining, sleep=time.sleep)

    lay_out = partial(payloads, mention=settings.slack.mention)
    return Forwarder(lambda: webhook.address_of(stored_text(webhook_at, open_session())), post, lay_out)


def wire_pagerduty(environ: Mapping[str, str]) -> Forwarder:
    """Make the forwarder to PagerDuty of this installation."""
    pagerduty = _forwarders_settings(environ).pagerduty
    url = webhook.PAGERDUTY_ADDRESSES[pagerduty.service_region]
    http = PoolManager()

    def post(key: str, event: Payload, remaining: Callable[[], float]) -> None:
        payload = {"routing_key": key, **event}
        webhook.post(http, url, payload, remaining=remaining, sleep=time.sleep, service=webhook.PAGERDUTY)

    return Forwarder(lambda: webhook.routing_key_of(stored_text(pagerduty.routing_key, open_session())), post, events)


def _forwarders_settings(environ: Mapping[str, str]) -> Settings:
    for library in ("botocore", "urllib3"):
        logging.getLogger(library).setLevel(logging.INFO)  # what they say when debugged holds the address
    return settings_file.load(settings_path(environ), environ.get("SETTINGS", ""))


def stored_text(stored: Stored, session: Session) -> str:
    """Read a secret from where the settings say it is. Raise `AddressUnknown`."""
    if stored.parameter:
        name = stored.parameter
        read = partial(secrets.parameter, session.create_client("ssm", config=CONFIG))
    else:
        name = stored.secret
        region = name.split(":")[3] if name.startswith("arn:") else None  # of the function itself
        read = partial(secrets.secret, session.create_client("secretsmanager", region, config=CONFIG))
    try:
        return read(name)
    except AWS_ERRORS as error:
        raise AddressUnknown(
            f"the stored address or key cannot be read from {name}: {trouble_of(error)} ({code_of(error)})"
        ) from None
