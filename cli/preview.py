"""Messages in every channel, as the settings have them: what is sent, before anything is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any, NamedTuple

from ses_reputation import __version__
from ses_reputation.core.checks.base import Context
from ses_reputation.core.notification import Document, attributes, envelope
from ses_reputation.core.rules import default_policy
from ses_reputation.core.target import Target
from ses_reputation.layout import pagerduty, slack
from ses_reputation.layout.amazon_q import custom_notification
from ses_reputation.layout.email import email
from ses_reputation.settings import Settings

from .exit_codes import USABLE, Unusable
from .samples import SAMPLES, Stories


class Sent(NamedTuple):
    """Notifications of one run, and everything that their layout depends on."""

    documents: Sequence[Document]
    context: Context
    mention: str = ""  # whom Slack calls


def preview(settings: Settings | None, names: Sequence[str], channels: Sequence[str], *, as_json: bool) -> int:
    """Print the named messages in the named channels, or in all. Without a name, list the names. Raise `Unusable`."""
    strangers = [name for name in names if name not in SAMPLES]
    if strangers:
        raise Unusable("\n".join(f"There is no message {name}. {_instead(name)}" for name in strangers))
    if not names:
        print(
            json.dumps(list(SAMPLES), indent=2) if as_json else "\n".join([_LIST, *(f"  {name}" for name in SAMPLES)])
        )
        return USABLE
    regions: Sequence[str] = () if settings is None else settings.targets.regions
    target = Target("123456789012", regions[0] if regions else "eu-west-1")
    context = _context(settings, target)
    stories = Stories(default_policy() if settings is None else settings.policy, target, context)
    mention = "" if settings is None else settings.slack.mention
    chosen = [OTHER_NAMES.get(channel, channel) for channel in channels] or list(CHANNELS)
    every = {name: Sent(SAMPLES[name](stories), context, mention) for name in names}
    if as_json:
        texts = [
            {"message": name, "channel": channel, "text": CHANNELS[channel][1](sent) if sent.documents else None}
            for name, sent in every.items()
            for channel in chosen
        ]
        print(json.dumps(texts, indent=2, ensure_ascii=False))
        return USABLE
    for name, sent in every.items():
        print(
            "\n".join(shown(name, sent, chosen)).replace("\u00a0", " ")
        )  # plain spaces: every terminal and log knows them
    return USABLE


_LIST = "Messages (ses-reputation preview NAME … --channel email):"


def _instead(name: str) -> str:
    """Suggest the names that begin like `name`, else similar ones, else the list."""
    from difflib import get_close_matches

    near = [known for known in SAMPLES if known.startswith(name)] or get_close_matches(name, SAMPLES)
    return f"Did you mean {', '.join(near)}?" if name and near else "ses-reputation preview lists their names."


def _context(settings: Settings | None, target: Target) -> Context:
    name = f"SesReputation-{target.region}" if settings is None else settings.dashboard_name(target.region)
    return Context(
        stage="" if settings is None else settings.deployment.stage,
        zone=UTC if settings is None else settings.alerts.zone,
        dashboard_url=f"https://console.aws.amazon.com/cloudwatch/home?region={target.region}#dashboards/dashboard/{name}",
        runbook_url="" if settings is None else settings.alerts.runbook_url,
        version=__version__,
    )


def shown(name: str, sent: Sent, channels: Sequence[str]) -> Iterator[str]:
    """One message in `channels`, as text."""
    if not sent.documents:
        yield f"━━━ {name}: with these settings this message is not sent\n"
        return
    for channel in channels:
        title, laid_out = CHANNELS[channel]
        yield f"━━━ {name}, {title}"
        yield laid_out(sent)
        yield ""


def _email(sent: Sent) -> str:
    made = email(sent.documents)
    return f"Subject: {made.subject}\n\n{made.text}"


def _slack(sent: Sent) -> str:
    return _pretty(slack.payloads("", json.dumps(envelope(sent.documents, sent.context)), sent.mention))


def _amazon_q(sent: Sent) -> str:
    return _pretty([json.loads(custom_notification(document)) for document in sent.documents])


def _pagerduty(sent: Sent) -> str:
    return _pretty(pagerduty.events("", json.dumps(envelope(sent.documents, sent.context))))


def _json(sent: Sent) -> str:
    return f"{_pretty(envelope(sent.documents, sent.context))}\nMessage attributes: {json.dumps(attributes(sent.documents))}"


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


CHANNELS: Mapping[str, tuple[str, Callable[[Sent], str]]] = {
    "email": ("email", _email),
    "slack": ("Slack by an incoming webhook", _slack),
    "amazon-q": ("Slack or Teams by Amazon Q Developer in chat applications", _amazon_q),
    "pagerduty": ("PagerDuty", _pagerduty),
    "json": ("JSON for SQS, Lambda and HTTPS", _json),
}
"""Channels by name: title, and layout of a message there."""

OTHER_NAMES = {"teams": "amazon-q"}
