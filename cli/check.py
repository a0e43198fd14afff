"""How are the accounts now? Read with the user's own credentials, judged as the function judges, nothing changed."""

from __future__ import annotations

import time

import boto3
from botocore.exceptions import BotoCoreError
from ses_reputation.aws.failure import trouble_of
from ses_reputation.aws.ses import send_statistics
from ses_reputation.aws.session import CONFIG
from ses_reputation.core.decide import MetricState, judge, metric_states, recalled
from ses_reputation.core.history import BadData, Instant, history_from, iso
from ses_reputation.core.reading import Statistics, Trouble, Unreadable
from ses_reputation.core.rules import Policy, default_policy
from ses_reputation.core.target import Target
from ses_reputation.settings import Settings

from .outcome import UNKNOWN, USABLE, Unusable, say
from .replay import state_in_words

_NEXT = {
    Trouble.DENIED: "are there credentials (aws configure, --profile), still valid, that allow ses:GetSendStatistics?",
    Trouble.THROTTLED: "SES allows this call once a second: try again in a moment",
    Trouble.TIMED_OUT: "is the network there? then try again",
    Trouble.BAD_ANSWER: "that was not an answer of SES: is a proxy in the way?",
    Trouble.FAILED: "are the credentials (aws sts get-caller-identity), the region's name and the network right?",
}


def check(settings: Settings | None, profile: str | None) -> int:
    """Prints verdict, rates and headroom of every region. Raises `Unusable` where it is not even clear whom to ask."""
    try:
        session = boto3.Session(profile_name=profile)
        own = session.region_name
    except BotoCoreError as error:
        raise Unusable(f"Your AWS configuration cannot be used: {error}") from None
    policy = default_policy() if settings is None else settings.policy
    regions: tuple[str, ...] = () if settings is None else settings.targets.regions
    if not regions and own is None:
        raise Unusable("No region: set AWS_REGION, or [targets] regions in the settings.")
    now, code = int(time.time()), USABLE
    print(f"As of {iso(now)[:16].replace('T', ' ')} UTC")
    for region in regions if regions else (own,):
        print(region)
        states = _states(_reading(session, region), region, policy, now)
        if isinstance(states, Unreadable):
            print(f"  UNKNOWN: {states.trouble} ({states.detail})\n  next step: {_NEXT[states.trouble]}")
            code = UNKNOWN
        else:
            for state in states:
                say(state_in_words(state))
    return code


def _reading(session: boto3.Session, region: str) -> Statistics:
    try:
        client = session.client("ses", region_name=region, config=CONFIG)
    except (BotoCoreError, ValueError) as error:  # half of the credentials, a region that is none
        return Unreadable(trouble_of(error), str(error))
    return send_statistics(client)


def _states(reading: Statistics, region: str, policy: Policy, now: Instant) -> tuple[MetricState, ...] | Unreadable:
    """The metrics as a monitor that had run all the time would see them, with the episodes that would be open."""
    if isinstance(reading, Unreadable):
        return reading
    try:
        history = history_from(reading, until=now)
    except BadData as bad:
        return Unreadable(Trouble.BAD_ANSWER, str(bad))
    known = recalled(Target("", region), reading, policy, now).episodes
    episodes, _ = judge(history, policy, now, {episode.concern: episode for episode in known})
    return metric_states(history, policy, now, episodes)
