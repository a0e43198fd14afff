"""A test alert through the deployed path: the deployed function sends it on every channel, and says who hears nothing."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from ses_reputation.aws.errors import AWS_ERRORS, code_of, trouble_of
from ses_reputation.core.readings import Trouble
from ses_reputation.settings import Settings

from .outcome import UNKNOWN, USABLE, Unusable

ONCE = Config(connect_timeout=5, read_timeout=150, retries={"mode": "standard", "total_max_attempts": 1})
"""One attempt, longer than the function may take: a second one would send a second alert."""


def send_trial(settings: Settings | None, profile: str | None) -> int:
    """Asks the deployed function for a test alert and says where it went. Raises `Unusable` where nothing could be sent."""
    name = "SesReputation" if settings is None else settings.stack_name
    try:
        client = boto3.Session(profile_name=profile).client("lambda", config=ONCE)
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"test_alert": True}))
        said: Any = json.loads(answer["Payload"].read())
    except AWS_ERRORS as error:
        raise Unusable(f"{name} could not be asked: {_why(error, name)}") from None
    except ValueError:  # of the region's name, or of an answer that is none
        raise Unusable(f"{name} could not be asked: that was not an answer of AWS Lambda") from None
    if answer.get("FunctionError"):
        reason = said.get("errorMessage") if isinstance(said, dict) else None
        raise Unusable(f"{name} failed: {reason or 'see its log'}")
    if not isinstance(said, dict) or not isinstance(said.get("told"), list):
        raise Unusable(f"{name} gave an answer that makes no sense: is it of another version? Deploy again.")
    print(f"Test alert {said.get('alert')} sent to: {', '.join(map(str, said['told']))}")
    return _audience(said.get("subscriptions"), said.get("unconfirmed"), chat="chat" in said["told"])


def _why(error: Exception, name: str) -> str:
    code = code_of(error)
    if code == "ResourceNotFoundException":
        return (
            f"there is no function {name} in this account and region. Is it deployed here, and are these its settings?"
        )
    if trouble_of(error) is Trouble.DENIED:
        return f"access denied ({code}). It takes credentials that allow lambda:InvokeFunction on {name}."
    return str(error) if isinstance(error, BotoCoreError) else code


def _audience(subscriptions: object, unconfirmed: object, *, chat: bool) -> int:
    """Says who hears it. Nobody, or not everybody, is as good as not known to arrive."""
    if not isinstance(subscriptions, int) or not isinstance(unconfirmed, int):
        print("Whether anybody is subscribed could not be found out; the function's log says why.")
        return UNKNOWN
    if not subscriptions and chat:
        print("Nobody is subscribed beside the chat. Now see that it arrives there.")
        return USABLE
    if not subscriptions:
        print("Nobody is subscribed: an alert reaches no one. Name people in [alerts] emails and deploy again.")
        return UNKNOWN
    if unconfirmed:
        print(
            f"{unconfirmed} of {subscriptions} subscriptions wait for confirmation: they hear nothing until somebody clicks "
            "the link in the email from AWS Notifications."
        )
        return UNKNOWN
    print(f"Subscriptions: {subscriptions}, all confirmed. Now see that it arrives.")
    return USABLE
