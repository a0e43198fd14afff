"""How are the accounts now? Read with the user's own credentials, judged as the function judges, nothing changed."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from ses_reputation.aws.ses import send_statistics
from ses_reputation.aws.session import CONFIG
from ses_reputation.core.decide import Unreadable, judge, metric_states
from ses_reputation.core.history import BadData, history_from
from ses_reputation.core.messages import events_of, headroom_in_words
from ses_reputation.core.rates import AWS_LINES
from ses_reputation.settings import Settings

from .outcome import UNKNOWN, USABLE, Unusable


def check(settings: Settings) -> int:
    """Prints verdict, rates and headroom of every region. Raises `Unusable` where it is not even clear whom to ask."""
    session = boto3.Session()
    own = session.region_name
    regions = settings.targets.regions if settings.targets.regions else (own,) if own else ()
    if not regions:
        raise Unusable("No region: set AWS_REGION, or [targets] regions in the settings.")
    now = int(time.time())
    code = USABLE
    print(f"As of {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC")
    for region in regions:
        try:
            reading = send_statistics(session.client("ses", region_name=region, config=CONFIG))
            history = None if isinstance(reading, Unreadable) else history_from(reading, until=now)
        except (BotoCoreError, ClientError, BadData, ValueError) as error:
            print(f"{region}\n  UNKNOWN: {error}")
            code = UNKNOWN
            continue
        if isinstance(reading, Unreadable):
            print(f"{region}\n  UNKNOWN: {reading.trouble} ({reading.detail})")
            code = UNKNOWN
            continue
        print(region)
        episodes, _ = judge(history, settings.policy, now, {})
        for state in metric_states(history, settings.policy, now, episodes):
            print(f"  {state.metric.value + 's':<12}{state.verdict.value}")
            if state.shown is not None and state.shown.mails:
                print(f"  {'':<12}{events_of(state.metric, state.shown, AWS_LINES[state.metric].review)}")
            print(f"  {'':<12}headroom: {headroom_in_words(state.headroom)}")
    return code
