"""Subscribe every email address of the settings that is not subscribed: an unsubscribe link may have removed it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import boto3
from ses_reputation.aws.errors import AWS_ERRORS
from ses_reputation.aws.session import CONFIG
from ses_reputation.aws.sns import EMAIL

from .aws import open_session, region_of, stack_output
from .aws_errors import Call, explain
from .exit_codes import USABLE, Unusable

if TYPE_CHECKING:
    from ses_reputation.settings import Settings

CONFIRMED, PENDING, NEW = "confirmed", "already asked to confirm", "confirmation email sent now"
"""States of an address, as they are printed."""


def subscribe(settings: Settings | None, profile: str | None, region: str | None, *, as_json: bool) -> int:
    """Subscribe who is missing and say who must confirm. Raises `Unusable` with everything that AWS refused."""
    if settings is None:
        raise Unusable("There is no settings.toml here. Name the file that you deployed: --settings FILE")
    if settings.alerts.example_recipients:
        raise Unusable("The settings name example addresses, which nobody reads. Put people into [alerts] emails.")
    session = open_session(profile, region)
    topic = _topic(session, settings)
    call = _call(session, topic)
    client = session.client("sns", region_name=call.region, config=CONFIG)
    filters = _filters(settings)
    states = _states(client, topic, filters, call)
    refused = _add(client, topic, states, filters, call)
    _report(topic, states, as_json=as_json)
    if refused:
        raise Unusable("\n".join(refused))
    return USABLE


Filter = Mapping[str, tuple[str, ...]]
"""Attributes that a message must have; empty for everything."""


def _filters(settings: Settings) -> dict[str, Filter]:
    """Return everybody who should be subscribed, each with what a deployment would filter."""
    filters: dict[str, Filter] = {email: {} for email in settings.alerts.emails}
    for route in settings.routes:
        for email in route.emails:
            filters.setdefault(email, route.attributes)
    return filters


def _topic(session: boto3.Session, settings: Settings) -> str:
    """Return the ARN of the topic of the settings, else of the topic that a deployment makes."""
    if settings.deployment.topic_arn:
        return settings.deployment.topic_arn
    if not settings.deployment.fixed_names:
        return stack_output(session, settings.stack_name, "PeopleTopicArn")
    region = region_of(session)
    try:
        who = session.client("sts", region_name=region, config=CONFIG).get_caller_identity()
    except AWS_ERRORS as error:
        raise Unusable(str(explain(error, Call(session._session, region)))) from None  # noqa: SLF001
    except ValueError:  # botocore's answer to a region that cannot be part of an address
        raise Unusable(f'"{region}" is not the name of an AWS region. Write it like eu-west-1.') from None
    partition = who["Arn"].split(":")[1]
    return f"arn:{partition}:sns:{region}:{who['Account']}:{settings.stack_name}"


def _call(session: boto3.Session, topic: str) -> Call:
    region, name = topic.split(":")[3], topic.rsplit(":", maxsplit=1)[-1]
    needs = f"sns:ListSubscriptionsByTopic and sns:Subscribe on {name}"
    return Call(session._session, region, needs, f"There is no topic {name} in {region}.")  # noqa: SLF001


def _states(client: Any, topic: str, emails: Iterable[str], call: Call) -> dict[str, str | None]:
    """Return the state of each address, None for one without a subscription. `Deleted` counts as no subscription: nothing is sent there."""
    try:
        pages = list(client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic))
    except AWS_ERRORS as error:
        raise Unusable(f"The subscriptions cannot be listed. {explain(error, call)}") from None
    known: dict[str, str] = {}
    for member in (member for page in pages for member in page.get("Subscriptions", [])):
        arn, endpoint = member.get("SubscriptionArn", ""), member.get("Endpoint", "").lower()
        if member.get("Protocol") in EMAIL and arn.startswith("arn:"):
            known[endpoint] = CONFIRMED
        elif member.get("Protocol") in EMAIL and arn == "PendingConfirmation":
            known.setdefault(endpoint, PENDING)
    return {email: known.get(email.lower()) for email in emails}


def _add(
    client: Any, topic: str, states: dict[str, str | None], filters: Mapping[str, Filter], call: Call
) -> list[str]:
    """Subscribe each address without a state; return one explanation for each kind of refusal."""
    refused: Counter[str] = Counter()
    for email in [email for email, state in states.items() if state is None]:
        try:
            attributes = {"FilterPolicy": json.dumps(filters[email])} if filters[email] else {}
            client.subscribe(TopicArn=topic, Protocol="email", Endpoint=email, Attributes=attributes)
            states[email] = NEW
        except AWS_ERRORS as error:
            refused[str(explain(error, call))] += 1
    return [f"{count} of {len(states)} addresses could not be subscribed. {why}" for why, count in refused.items()]


def _report(topic: str, states: Mapping[str, str | None], *, as_json: bool) -> None:
    """Print counts; addresses on a terminal only, because a pipe may end in a log."""
    counts = Counter(states.values())
    if as_json:
        from .output import as_json as print_json

        print_json(
            {
                "topic": topic,
                "expected": len(states),
                "confirmed": counts[CONFIRMED],
                "pending": counts[PENDING],
                "subscribed_now": counts[NEW],
                "refused": counts[None],
            }
        )
        return
    from .output import say, table

    to_confirm = counts[PENDING] + counts[NEW]
    say(f"{counts[CONFIRMED]} of {len(states)} email addresses in the settings have a confirmed subscription.")
    if to_confirm:
        say(
            f"{to_confirm} must follow the link in the confirmation email, {counts[NEW]} of which "
            f"{'was' if counts[NEW] == 1 else 'were'} sent now. Until then they get no alert."
        )
    if sys.stdout.isatty() and counts[CONFIRMED] < len(states):
        open_ones = {email: state for email, state in states.items() if state != CONFIRMED}
        table(("Address", "State"), ((email, state or "not subscribed") for email, state in open_ones.items()))
