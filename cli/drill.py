"""Test alert through the deployed path: the deployed function sends it on every channel, and says who gets nothing."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config
from ses_reputation.aws.errors import AWS_ERRORS
from ses_reputation.settings import Settings

from .aws import open_session, region_of, stack_output
from .aws_errors import Call, explain
from .exit_codes import UNKNOWN, USABLE, Unusable

ONCE = Config(connect_timeout=5, read_timeout=150, retries={"mode": "standard", "total_max_attempts": 1})
"""One attempt, longer than the function may take: a second one would send a second alert."""


def send_test_alert(
    settings: Settings | None, profile: str | None, region: str | None, account: str | None = None, *, as_json: bool
) -> int:
    """Ask the deployed function for a test alert and say where it went. Raises `Unusable` if nothing could be sent."""
    session = open_session(profile, region)
    name = "SesReputation" if settings is None else settings.stack_name
    if settings is not None and not settings.deployment.fixed_names:
        name = stack_output(session, name, "FunctionName")
    answer = _asked(session, name, {} if account is None else {"account": account})
    counts = {name: answer.get(name) for name in ("expected", "missing", "listeners")}
    sent_to = [str(channel) for channel in answer["sent"]]
    code, said = _audience(
        counts["expected"],
        counts["missing"],
        counts["listeners"],
        elsewhere="chat" in sent_to or answer.get("forwards") is True,
    )
    if as_json:
        from .output import as_json as print_json

        print_json(
            {
                "alert": answer.get("alert"),
                "sent_to": sent_to,
                **counts,
                "everybody_gets_it": code == USABLE,
            }
        )
    else:
        from .output import say

        say(f"Test alert {answer.get('alert')} sent to: {', '.join(sent_to)}")
        say(said)
    return code


def _asked(session: boto3.Session, name: str, of: dict[str, str]) -> dict[str, Any]:
    where = region_of(session)
    missing = f"There is no function {name} in {where}."
    call = Call(session._session, where, f"lambda:InvokeFunction on {name}", missing)  # noqa: SLF001
    try:
        client = session.client("lambda", config=ONCE)
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"test_alert": True, **of}))
        said: Any = json.loads(answer["Payload"].read())
    except AWS_ERRORS as error:
        raise Unusable(f"{name} could not be asked. {explain(error, call)}") from None
    except ValueError:  # of the region's name, or of an invalid answer
        raise Unusable(f"{name} could not be asked: that was not an answer of AWS Lambda") from None
    if answer.get("FunctionError"):
        reason = said.get("errorMessage") if isinstance(said, dict) else None
        raise Unusable(f"{name} failed: {reason or 'see its log'}")
    if not isinstance(said, dict) or not isinstance(said.get("sent"), list):
        raise Unusable(f"{name} gave an unknown answer: is it of another version? Deploy again.")
    return said


SUBSCRIBE = "Follow the link in the confirmation email, or run: ses-reputation subscribe"


def _audience(expected: object, missing: object, listeners: object, *, elsewhere: bool) -> tuple[int, str]:
    """Say who gets it. Nobody, or not everybody, is as good as not known to arrive."""
    if not isinstance(expected, int) or not isinstance(missing, int) or not isinstance(listeners, int):
        return UNKNOWN, "The subscriptions could not be read; the function's log says why."
    if missing:
        have = "has" if missing == 1 else "have"
        return (
            UNKNOWN,
            f"{missing} of {expected} email addresses in the settings {have} no confirmed subscription. {SUBSCRIBE}",
        )
    if not listeners and elsewhere:
        return USABLE, "Nobody gets email; Slack, Teams or PagerDuty do. Now check that it arrives there."
    if not listeners:
        return UNKNOWN, f"Nobody is subscribed: an alert reaches no one. Name people in [alerts] emails. {SUBSCRIBE}"
    return (
        USABLE,
        f"All {expected} email addresses in the settings have a confirmed subscription. Now check that it arrives.",
    )
