"""Messages in every channel, as the settings have them: what is sent, before anything is."""

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

from .outcome import USABLE, Unusable
from .samples import SAMPLES, Stories


class Channel(StrEnum):
    """Ways for a message to arrive."""

    EMAIL = "email"
    SLACK = "slack"  # by an incoming webhook
    CHAT = "chat"  # Slack by Amazon Q Developer in chat applications
    MACHINE = "machine"


_TITLES = {
    Channel.EMAIL: "email",
    Channel.SLACK: "Slack by an incoming webhook",
    Channel.CHAT: "Slack by Amazon Q Developer in chat applications",
    Channel.MACHINE: "JSON for SQS, Lambda and HTTPS",
}


def preview(settings: Settings | None, names: Sequence[str], channels: Sequence[str], *, as_json: bool) -> int:
    """Print the named messages in the channels chosen, or all; without a name the names. Raises `Unusable` for an unknown one."""
    unknown = [name for name in names if name not in SAMPLES]
    if unknown:
        raise Unusable(f"There is no message {', '.join(unknown)}. There are: {', '.join(SAMPLES)}.")
    if not names:
        _list_names(as_json=as_json)
        return USABLE
    regions: Sequence[str] = () if settings is None else settings.targets.regions
    target = Target("123456789012", regions[0] if regions else "eu-west-1")
    stories = Stories(default_policy() if settings is None else settings.policy, target)
    context = _context(settings, target)
    chosen = [Channel(channel) for channel in channels] or list(Channel)
    shown = [(name, channel, said) for name in names for said in [SAMPLES[name](stories)] for channel in chosen]
    if as_json:
        documents = [
            {
                "message": name,
                "channel": channel.value,
                "text": "\n".join(_TEXTS[channel](said, context)) if said else None,
            }
            for name, channel, said in shown
        ]
        print(json.dumps(documents, indent=2, ensure_ascii=False))
        return USABLE
    for name, channel, said in shown:
        print(f"━━━ {name}, {_TITLES[channel]}")
        text = "\n".join(_TEXTS[channel](said, context)) if said else "With these settings this message is not sent."
        print(text.replace("\u00a0", " "), end="\n\n")  # plain spaces: every terminal, log and search knows them
    return USABLE


def _list_names(*, as_json: bool) -> None:
    if as_json:
        print(json.dumps(list(SAMPLES), indent=2))
        return
    from .output import say

    say("Name one or several of these messages, for instance: ses-reputation preview bounce-opened --channel email")
    say()
    for name in SAMPLES:
        say(name, indent=2)


def _context(settings: Settings | None, target: Target) -> Context:
    name = f"SesReputation-{target.region}" if settings is None else settings.dashboard_name(target.region)
    return Context(
        stage="" if settings is None else settings.deployment.stage,
        zone=UTC if settings is None else settings.alerts.zone,
        dashboard_url=f"https://console.aws.amazon.com/cloudwatch/home?region={target.region}#dashboards/dashboard/{name}",
        runbook_url="" if settings is None else settings.alerts.runbook_url,
        feedback_share=1.0 if settings is None else settings.policy.feedback_share,
    )


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
