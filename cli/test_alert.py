"""Test alert through the deployed path: the deployed function sends it on every channel, and says who gets nothing."""

from __future__ import annotations

import json
from typing import Any

from botocore.config import Config
from ses_reputation.aws.errors import AWS_ERRORS
from ses_reputation.settings import Settings

from .aws import open_session, region_of
from .aws_errors import Call, explain
from .outcome import UNKNOWN, USABLE, Unusable

ONCE = Config(connect_timeout=5, read_timeout=150, retries={"mode": "standard", "total_max_attempts": 1})
"""One attempt, longer than the function may take: a second one would send a second alert."""


def send_test_alert(settings: Settings | None, profile: str | None, region: str | None, *, as_json: bool) -> int:
    """Ask the deployed function for a test alert and say where it went. Raises `Unusable` if nothing could be sent."""
    name = "SesReputation" if settings is None else settings.stack_name
    answer = _asked(name, profile, region)
    subscriptions, unconfirmed = answer.get("subscriptions"), answer.get("unconfirmed")
    sent_to = [str(channel) for channel in answer["told"]]
    code, said = _audience(subscriptions, unconfirmed, chat="chat" in sent_to)
    if as_json:
        from .output import as_json as print_json

        print_json(
            {
                "alert": answer.get("alert"),
                "sent_to": sent_to,
                "subscriptions": subscriptions,
                "unconfirmed": unconfirmed,
                "everybody_gets_it": code == USABLE,
            }
        )
    else:
        from .output import say

        say(f"Test alert {answer.get('alert')} sent to: {', '.join(sent_to)}")
        say(said)
    return code


def _asked(name: str, profile: str | None, region: str | None) -> dict[str, Any]:
    session = open_session(profile, region)
    where = region_of(session)
    missing = f"There is no function {name} in {where}."
    call = Call(session._session, where, f"lambda:InvokeFunction on {name}", missing)  # noqa: SLF001
    try:
        client = session.client("lambda", config=ONCE)
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"test_alert": True}))
        said: Any = json.loads(answer["Payload"].read())
    except AWS_ERRORS as error:
        raise Unusable(f"{name} could not be asked. {explain(error, call)}") from None
    except ValueError:  # of the region's name, or of an answer that is none
        raise Unusable(f"{name} could not be asked: that was not an answer of AWS Lambda") from None
    if answer.get("FunctionError"):
        reason = said.get("errorMessage") if isinstance(said, dict) else None
        raise Unusable(f"{name} failed: {reason or 'see its log'}")
    if not isinstance(said, dict) or not isinstance(said.get("told"), list):
        raise Unusable(f"{name} gave an unknown answer: is it of another version? Deploy again.")
    return said


def _audience(subscriptions: object, unconfirmed: object, *, chat: bool) -> tuple[int, str]:
    """Say who gets it. Nobody, or not everybody, is as good as not known to arrive."""
    if not isinstance(subscriptions, int) or not isinstance(unconfirmed, int):
        return UNKNOWN, "The subscriptions could not be read; the function's log says why."
    if not subscriptions and chat:
        return USABLE, "Nobody is subscribed except the chat. Now check that it arrives there."
    if not subscriptions:
        return (
            UNKNOWN,
            "Nobody is subscribed: an alert reaches no one. Name people in [alerts] emails and deploy again.",
        )
    if unconfirmed:
        return UNKNOWN, (
            f"{unconfirmed} of {subscriptions} subscriptions wait for confirmation: they get nothing until somebody "
            "clicks the link in the email from AWS Notifications."
        )
    return USABLE, f"Subscriptions: {subscriptions}, all confirmed. Now check that it arrives."
