"""A forwarder: a notification of the people's topic → payloads → Slack's webhook, or PagerDuty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aws_lambda_powertools import Logger

from .aws.webhook import Refused
from .layout.slack import Payload, payloads

logger = Logger(utc=True, use_rfc3339=True)


class BadEvent(ValueError):
    """An event that is not an SNS notification; nothing was done."""


class AddressUnknown(Exception):
    """The stored address or key could not be read."""


@dataclass
class Progress:
    """How far a notification got that could not be passed on as a whole."""

    done: int = 0  # of its messages, from the first on
    refused: Refused | None = None  # the last of them that Slack will never take


@dataclass
class Forwarder:
    """State between notifications: the stored address or key, and what stopped half-way."""

    read_address: Callable[[], str]
    post: Callable[[str, Payload, Callable[[], float]], None]
    lay_out: Callable[[str, str], list[Payload]] = payloads  # subject and message of a notification
    address: str = ""  # empty: to be read
    unfinished: dict[str, Progress] = field(default_factory=dict)

    def forward(self, message_id: str, subject: str, message: str, remaining: Callable[[], float]) -> int:
        """Post what a notification has to say, and return in how many messages. Where it stopped half-way the last time it
        goes on from there, as far as this process knows; a message that Slack refuses for good is not posted again and keeps
        no other back. Raises `AddressUnknown` or `webhook.NotDelivered`."""
        if not self.address:
            self.address = self.read_address()
        progress = self.unfinished.setdefault(message_id, Progress())
        messages = self.lay_out(subject, message)
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

    def handle(self, event: object, remaining: Callable[[], float]) -> None:
        """Pass one notification on. Raise `BadEvent`, `AddressUnknown` or `webhook.NotDelivered`."""
        match event:
            case {"Records": [{"Sns": {"MessageId": str(message_id), "Message": str(message)} as notification}]}:
                subject = notification.get("Subject")
            case _:
                raise BadEvent("the event is not an SNS notification; nothing was done")
        count = self.forward(message_id, subject if isinstance(subject, str) else "", message, remaining)
        logger.info("forwarded", notification=message_id, messages=count)

    def _say(self, payload: Payload, remaining: Callable[[], float]) -> None:
        """Post a message, and where Slack refuses its layout, its words alone."""
        try:
            self.post(self.address, payload, remaining)
        except Refused as refused:
            if refused.address_is_dead or "text" not in payload or payload.keys() <= {"text"}:
                raise
            self.post(self.address, {"text": payload["text"]}, remaining)
