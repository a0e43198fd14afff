"""Every message in every channel, as the settings have it: what is sent, before anything is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC
from enum import StrEnum

from ses_reputation.core import blocks, chat, messages
from ses_reputation.core.plan import Announcement
from ses_reputation.core.rules import default_policy
from ses_reputation.core.sentences import Context
from ses_reputation.core.target import Target
from ses_reputation.settings import Settings

from .outcome import USABLE, Unusable, say
from .samples import SAMPLES, Stories


class Channel(StrEnum):
    """Where a message can arrive."""

    MAIL = "mail"
    SLACK = "slack"  # by an incoming webhook
    CHAT = "chat"  # Slack by Amazon Q Developer in chat applications
    MACHINE = "machine"


_TITLES = {
    Channel.MAIL: "e-mail",
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
    name: str, announcements: Sequence[Announcement], context: Context, channels: Sequence[Channel]
) -> Iterator[str]:
    if not announcements:
        yield f"━━━ {name}: with these settings this sample is not told\n"
        return
    for channel in channels:
        yield f"━━━ {name}, {_TITLES[channel]}"
        yield from _TEXTS[channel](announcements, context)
        yield ""


def _mail(announcements: Sequence[Announcement], context: Context) -> Iterator[str]:
    mail = messages.mail(announcements, context)
    yield f"Subject: {mail.subject}\n"
    yield mail.text


def _slack(announcements: Sequence[Announcement], context: Context) -> Iterator[str]:
    mail = messages.mail(announcements, context)
    for payload in blocks.payloads(mail.subject, messages.machine(announcements, context)):
        yield json.dumps(payload, indent=2, ensure_ascii=False)


def _chat(announcements: Sequence[Announcement], context: Context) -> Iterator[str]:
    for announcement in announcements:
        yield json.dumps(json.loads(chat.document(announcement, context)), indent=2, ensure_ascii=False)


def _machine(announcements: Sequence[Announcement], context: Context) -> Iterator[str]:
    yield json.dumps(json.loads(messages.machine(announcements, context)), indent=2, ensure_ascii=False)
    attributes = messages.attributes(announcements)
    yield f"Message attributes: {json.dumps(attributes)}"


_TEXTS = {Channel.MAIL: _mail, Channel.SLACK: _slack, Channel.CHAT: _chat, Channel.MACHINE: _machine}
