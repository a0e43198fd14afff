"""Channels of notifications: each lays out the documents and sends them on its way.

A module that a quiet run does not need is imported where it is needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from .aws import sns
from .core.checks.base import Context
from .core.checks.drill import DRILL
from .core.notification import Document, attributes, envelope, summary_of
from .run import Channel
from .settings import Settings
from .settings.channels import Route

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient

    from .aws.events import EventBridge
    from .wiring import Environment

BATCH = 12
"""Notifications in one message for people: SNS takes 256 KiB at most, and each needs up to 20 of them."""


def channels(
    settings: Settings,
    environment: Environment,
    context: Context,
    notifier: Callable[[], SNSClient],
    event_bridge: Callable[[], EventBridge],
) -> list[Channel]:
    """Every channel that the settings ask for."""

    def publish(topic: str, documents: Sequence[Document], shown: Sequence[Document]) -> None:
        """Send what is `shown` of the documents to whoever wants any of them."""
        from .layout.email import email

        made = email(shown)
        sns.publish(
            notifier(),
            topic,
            subject=made.subject,
            text=made.text,
            document=json.dumps(envelope(shown, context), allow_nan=False),
            attributes=for_every_route(documents, settings.routes),
        )

    def to_people(documents: Sequence[Document]) -> None:
        publish(environment.people_topic, documents, documents)

    def to_programs(documents: Sequence[Document]) -> None:
        publish(environment.programs_topic, documents, documents)

    def to_chat(documents: Sequence[Document]) -> None:
        from .layout.amazon_q import custom_notification

        for document in documents:
            sns.publish_chat(notifier(), environment.chat_topic, custom_notification(document))

    def to_bus(documents: Sequence[Document]) -> None:
        from .aws.events import put_event
        from .layout.event import event

        for document in documents:
            put_event(event_bridge(), settings.events.bus, event(document))

    def summary_to_people(documents: Sequence[Document]) -> None:
        publish(environment.people_topic, documents, [summary_of(documents, environment.region)])

    def summary_to_chat(documents: Sequence[Document]) -> None:
        to_chat([summary_of(documents, environment.region)])

    fleet = settings.fleet.on
    found = [Channel("people", BATCH, to_people, summarise=summary_to_people if fleet else None)]
    if fleet:
        found.append(Channel("programs", BATCH, to_programs))
    if settings.amazon_q_on:
        found.append(Channel("chat", 1, to_chat, summarise=summary_to_chat if fleet else None))
    if settings.events.bus:
        found.append(Channel("events", 1, to_bus))
    return found


def for_every_route(documents: Sequence[Document], routes: Sequence[Route]) -> Mapping[str, Sequence[str]]:
    """Attributes of a message, by which its subscriptions choose. A test alert has all that any route asks for, but the account
    that it is of, if it is of one."""
    found = attributes(documents)
    [first, *_] = documents
    if first["check"] != DRILL.name:
        return found
    kept = {"account"} if first.get("account_name") else set()
    asked = [(name, word) for route in routes for name, words in route.attributes.items() for word in words]
    return {
        name: words if name in kept else sorted({*words, *(word for other, word in asked if other == name)})
        for name, words in found.items()
    }
