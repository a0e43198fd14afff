"""Composition root of the forwarder to Slack: a notification of the people's topic → payloads → the webhook."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from urllib3 import PoolManager

from . import settings as settings_file
from .aws import secrets, webhook
from .aws.errors import AWS_ERRORS, code_of, trouble_of
from .aws.session import CONFIG, open_session
from .aws.webhook import Refused
from .layout.slack import Payload, payloads

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from .settings import Slack

logger = Logger(utc=True, use_rfc3339=True)


class BadEvent(ValueError):
    """An event that is no notification of SNS; nothing was done."""


class AddressUnknown(Exception):
    """The webhook's address could not be read."""


@dataclass
class Progress:
    """How far a notification got that could not be passed on as a whole."""

    done: int = 0  # of its messages, from the first on
    refused: Refused | None = None  # the last of them that Slack will never take


@dataclass
class Forwarder:
    """What is kept between notifications: the webhook's address, and what stopped half-way."""

    read_address: Callable[[], str]
    post: Callable[[str, Payload, Callable[[], float]], None]
    address: str = ""  # empty: to be read
    unfinished: dict[str, Progress] = field(default_factory=dict)

    def forward(self, message_id: str, subject: str, message: str, remaining: Callable[[], float]) -> int:
        """Posts what a notification has to say, and answers in how many messages. Where it stopped half-way the last time it
        goes on from there, as far as this process remembers; a message that Slack refuses for good is not posted again and keeps
        no other back. Raises `AddressUnknown` or `webhook.SlackError`."""
        if not self.address:
            self.address = self.read_address()
        progress = self.unfinished.setdefault(message_id, Progress())
        messages = payloads(subject, message)
        for payload in messages[progress.done :]:
            try:
                self._say(payload, remaining)
            except Refused as refused:
                if refused.address_is_dead:
                    self.address = ""  # there may be a new one by the next attempt
                    raise
                progress.refused = refused
            progress.done += 1
        if progress.refused is not None:
            raise progress.refused
        del self.unfinished[message_id]
        return len(messages)

    def _say(self, payload: Payload, remaining: Callable[[], float]) -> None:
        """Posts a message, and where Slack refuses its layout, its words alone."""
        try:
            self.post(self.address, payload, remaining)
        except Refused as refused:
            if refused.address_is_dead or payload.keys() <= {"text"}:
                raise
            self.post(self.address, {"text": payload["text"]}, remaining)


def handler(event: object, context: LambdaContext) -> None:
    """Passes one notification on to Slack. Raises for what Slack was not told: Lambda tries again, then keeps the event."""
    match event:
        case {"Records": [{"Sns": {"MessageId": str(message_id), "Message": str(message)} as notification}]}:
            subject = notification.get("Subject")
        case _:
            raise BadEvent("the event is no notification of SNS; nothing was done")
    count = wire().forward(
        message_id,
        subject if isinstance(subject, str) else "",
        message,
        lambda: context.get_remaining_time_in_millis() / 1_000,
    )
    logger.info("told Slack", notification=message_id, messages=count)


@cache
def wire() -> Forwarder:
    """The forwarder of this installation."""
    for library in ("botocore", "urllib3"):
        logging.getLogger(library).setLevel(logging.INFO)  # what they say when debugged holds the address
    slack = settings_file.load(
        Path(os.environ["LAMBDA_TASK_ROOT"]) / "settings.toml", os.environ.get("SETTINGS", "")
    ).slack
    http = PoolManager()

    def post(address: str, payload: Payload, remaining: Callable[[], float]) -> None:
        webhook.post(http, address, payload, remaining=remaining, sleep=time.sleep)

    return Forwarder(partial(stored_address, slack), post)


def stored_address(slack: Slack) -> str:
    """The webhook's address from where the settings say it is. Raises `AddressUnknown` or `webhook.BadAddress`."""
    session = open_session()
    if slack.webhook_parameter:
        name = slack.webhook_parameter
        read = partial(secrets.parameter, session.create_client("ssm", config=CONFIG))
    else:
        name = slack.webhook_secret
        region = name.split(":")[3] if name.startswith("arn:") else None  # of the function itself
        read = partial(secrets.secret, session.create_client("secretsmanager", region, config=CONFIG))
    try:
        stored = read(name)
    except AWS_ERRORS as error:
        raise AddressUnknown(
            f"the webhook's address cannot be read from {name}: {trouble_of(error)} ({code_of(error)})"
        ) from None
    return webhook.address_of(stored)
