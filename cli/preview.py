"""Every message in every channel, as the settings have it: what is sent, before anything is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC
from enum import StrEnum

from ses_reputation.core.plan import Notification
from ses_reputation.core.rules import default_policy
from ses_reputation.core.sentences import Context
from ses_reputation.core.target import Target
from ses_reputation.layout import amazon_q as chat
from ses_reputation.layout import email as messages
from ses_reputation.layout import slack as blocks
from ses_reputation.settings import Settings

from .outcome import USABLE, Unusable, say
from .samples import SAMPLES, Stories


class Channel(StrEnum):
    """Where a message can arrive."""

    EMAIL = "email"
    SLACK = "slack"  # by an incoming webhook
    CHAT = "chat"  # Slack by Amazon Q Developer in chat applications
    MACHINE = "machine"


_TITLES = {
    Channel.EMAIL: "e-mail",
    Channel.SLACK: "Slack by an incoming webhook",
    Channel.CHAT: "Slack by Amazon Q Developer in chat applications",
    Channel.MACHINE: "JSON for SQS, Lambda and HTTPS",
}


def preview(settings: Settings | None, names: Sequence[str], channels: Sequence[str]) -> int:
    """Prints the messages named, or all, in the channels named, or all. Raises `Unusable` for a name that there is not."""
    strangers = [name for name in names if name not in SAMPLES]
    if strangers:
        raise Unusable(f"There is no message {', '.join(strangers)}. There are: {', '.join(SAMPLES)}.")
    regions: Sequence[str] = () if settings is None else settings.targets.regions
    target = Target("123456789012", regions[0] if regions else "eu-west-1")
    stories = Stories(default_policy() if settings is None else settings.policy, target)
    context = _context(settings, target)
    for name in names if names else SAMPLES:
        say(_shown(name, SAMPLES[name](stories), context, [Channel(channel) for channel in channels] or list(Channel)))
    return USABLE


def _context(settings: Settings | None, target: Target) -> Context:
    name = f"SesReputation-{target.region}" if settings is None else settings.dashboard_name(target.region)
    return Context(
        stage="" if settings is None else settings.deployment.stage,
        zone=UTC if settings is None else settings.alerts.zone,
        dashboard_url=f"https://console.aws.amazon.com/cloudwatch/home?region={target.region}#dashboards/dashboard/{name}",
        runbook_url="" if settings is None else settings.alerts.runbook_url,
        feedback_share=1.0 if settings is None else settings.policy.feedback_share,
    )


def _shown(
    name: str, notifications: Sequence[Notification], context: Context, channels: Sequence[Channel]
) -> Iterator[str]:
    if not notifications:
        yield f"━━━ {name}: with these settings this sample is not told\n"
        return
    for channel in channels:
        yield f"━━━ {name}, {_TITLES[channel]}"
        yield from _TEXTS[channel](notifications, context)
        yield ""


def _email(notifications: Sequence[Notification], context: Context) -> Iterator[str]:
    email = messages.email(notifications, context)
    yield f"Subject: {email.subject}\n"
    yield email.text


def _slack(notifications: Sequence[Notification], context: Context) -> Iterator[str]:
    email = messages.email(notifications, context)
    for payload in blocks.payloads(email.subject, messages.machine(notifications, context)):
        yield json.dumps(payload, indent=2, ensure_ascii=False)


def _chat(notifications: Sequence[Notification], context: Context) -> Iterator[str]:
    for notification in notifications:
        yield json.dumps(json.loads(chat.document(notification, context)), indent=2, ensure_ascii=False)


def _machine(notifications: Sequence[Notification], context: Context) -> Iterator[str]:
    yield json.dumps(json.loads(messages.machine(notifications, context)), indent=2, ensure_ascii=False)
    attributes = messages.attributes(notifications)
    yield f"Message attributes: {json.dumps(attributes)}"


_TEXTS = {Channel.EMAIL: _email, Channel.SLACK: _slack, Channel.CHAT: _chat, Channel.MACHINE: _machine}
