"""How are the accounts now? Read with the user's own credentials, judged as the function judges, nothing changed."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from datetime import UTC

import boto3
from botocore.exceptions import BotoCoreError
from ses_reputation.aws import cloudwatch, ses
from ses_reputation.aws.errors import trouble_of
from ses_reputation.aws.session import CONFIG
from ses_reputation.core.account import AwsView
from ses_reputation.core.decide import decide
from ses_reputation.core.history import Instant, history_from, iso
from ses_reputation.core.judge import metric_states
from ses_reputation.core.plan import MetricState, Plan
from ses_reputation.core.readings import Statistics, Trouble, Unreadable
from ses_reputation.core.rules import Policy, default_policy
from ses_reputation.core.sentences import Context, account_in_words, beside, headline_of
from ses_reputation.core.target import Target
from ses_reputation.settings import Settings

from .outcome import UNKNOWN, USABLE, Unusable, say
from .replay import state_in_words

NEEDED = "ses:GetSendStatistics, ses:GetAccount, cloudwatch:GetMetricData"
"""The permissions that `check` asks for."""

_NEXT = {
    Trouble.DENIED: f"are there credentials (aws configure, --profile), still valid, that allow {NEEDED}?",
    Trouble.THROTTLED: "SES allows this call once a second: try again in a moment",
    Trouble.TIMED_OUT: "is the network there? then try again",
    Trouble.BAD_ANSWER: "that was not an answer of AWS: is a proxy in the way?",
    Trouble.FAILED: "are the credentials (aws sts get-caller-identity), the region's name and the network right?",
}


def check(settings: Settings | None, profile: str | None) -> int:
    """Prints the verdict on every region: our rates, AWS's own and AWS's decision, and what would be told now.

    Raises `Unusable` where it is not even clear whom to ask.
    """
    try:
        session = boto3.Session(profile_name=profile)
        own = session.region_name
    except BotoCoreError as error:
        raise Unusable(f"Your AWS configuration cannot be used: {error}") from None
    regions: tuple[str, ...] = () if settings is None else settings.targets.regions
    if not regions and own is None:
        raise Unusable("No region: set AWS_REGION, or [targets] regions in the settings.")
    policy = default_policy() if settings is None else settings.policy
    zone = UTC if settings is None else settings.alerts.zone
    context = Context("", zone, dashboard_url="", runbook_url="", feedback_share=policy.feedback_share)
    now, code = int(time.time()), USABLE
    print(f"As of {iso(now)[:16].replace('T', ' ')} UTC")
    for region in regions if regions else (own,):
        statistics, aws = gathered(session, region, now)
        plan = decide(Target("", region), statistics, None, policy, now, aws)
        say(_report(plan, statistics, policy, now, context))
        if plan.unreadable is not None or aws.unreadable:
            code = UNKNOWN
    return code


def gathered(session: boto3.Session, region: str, now: Instant) -> tuple[Statistics, AwsView]:
    """What the function would read of a region, with the user's credentials."""
    try:
        clients = (
            session.client("ses", region_name=region, config=CONFIG),
            session.client("sesv2", region_name=region, config=CONFIG),
            session.client("cloudwatch", region_name=region, config=CONFIG),
        )
    except (BotoCoreError, ValueError) as error:  # half of the credentials, a region that is none
        unread = Unreadable(trouble_of(error), str(error))
        return unread, AwsView(unread, unread)
    of_email, of_account, of_metrics = clients
    view = AwsView(ses.account(of_account), cloudwatch.reputation_rates(of_metrics, now))
    return ses.send_statistics(of_email), view


def _report(plan: Plan, statistics: Statistics, policy: Policy, now: Instant, context: Context) -> Iterator[str]:
    yield f"{plan.target.region}: {plan.verdict.value}"
    unread = list(plan.aws.unreadable)
    if plan.aws.known_account is not None:
        yield _row("account", account_in_words(plan.aws.known_account))
    if plan.unreadable is None and not isinstance(statistics, Unreadable):
        history = history_from(statistics, until=now, feedback_share=policy.feedback_share)
        alerts = {alert.check: alert for alert in plan.state.alerts}
        for state in metric_states(history, policy, now, alerts, plan.aws):
            yield from state_in_words(state)
            yield from _aws_own(state, plan.aws, context)
    elif plan.unreadable is not None:
        unread = [plan.unreadable, *unread]
    troubles = dict.fromkeys(part.trouble for part in unread)
    for part in dict.fromkeys(unread):
        yield _row("UNKNOWN", f"{part.trouble} ({part.detail})")
    for trouble in troubles:
        yield _row("next step", _NEXT[trouble])
    for notification in plan.notifications:
        yield _row("would tell", headline_of(notification))
    if not plan.notifications and not unread:
        yield _row("would tell", "nothing")


def _aws_own(state: MetricState, aws: AwsView, context: Context) -> Iterator[str]:
    """AWS's own rate beside ours, and why they differ."""
    if state.aws is not None:
        text = beside(state, state.aws, context)
    elif aws.rates is None or isinstance(aws.rates, Unreadable):
        text = "not known"
    else:
        text = f"none of the last {cloudwatch.RECENT // 3600} hours in CloudWatch"
    yield from textwrap.wrap(
        f"AWS's own: {text}", width=110, initial_indent=" " * 14, subsequent_indent=" " * 25, break_on_hyphens=False
    )


def _row(name: str, text: str) -> str:
    return f"  {name:<12}{text}"
