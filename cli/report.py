"""Evidence for AWS: one page of what happened, made of what SES, CloudWatch and the deployed monitor say."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
from ses_reputation.aws.bounded import ONE_ATTEMPT, Clients
from ses_reputation.aws.cause import look_for_cause
from ses_reputation.aws.errors import AWS_ERRORS, code_of
from ses_reputation.core.cause import question_from
from ses_reputation.core.cause_level import CauseLevel
from ses_reputation.core.cause_words import Cause
from ses_reputation.core.cause_words import explain as cause_of
from ses_reputation.core.history import BUCKET, DAY, LOOKBACK, BadData, Instant, Point
from ses_reputation.core.readings import Readings, Unreadable
from ses_reputation.core.rules import Policy, default_policy
from ses_reputation.core.state import BadState, State
from ses_reputation.core.target import Target
from ses_reputation.core.wording import minute
from ses_reputation.settings import Settings

from .aws import account_of, open_session, region_of, session_for
from .aws_errors import Call, explain
from .cause import PATIENT, instant
from .check import ACCOUNT, STATISTICS, Reader
from .cloudwatch_months import COARSE_DAYS, SOFT_BOUNCES, Months, read_months
from .deployed import find
from .evaluate import Played, play
from .exit_codes import UNKNOWN, USABLE, Unusable
from .replay import PLAYED
from .report_figures import Evidence, Figures, Missing
from .report_page import write

MONTHS = "history in CloudWatch"
"""Name of what is read, where it is said that it could not be."""

FROM_CLOUDWATCH = f"CloudWatch, by quarter hour for 63 days and by hour before. {SOFT_BOUNCES}"


def report(
    settings: Settings | None,
    profile: str | None,
    region: str | None,
    since: str,
    until: str,
    html: Path,
    account: str | None = None,
) -> int:
    """Write the page and say what is unknown in it. Raises `Unusable`."""
    from .output import say, waiting

    now = int(time.time())
    start, end = instant(since, now, "--since"), instant(until, now, "--until")
    if not now - COARSE_DAYS * DAY <= start < end <= now:
        raise Unusable(
            f"--since {since} --until {until}: the period must begin before it ends, end by now, and begin within the "
            f"{COARSE_DAYS} days that CloudWatch keeps."
        )
    home = open_session(profile, region)
    where = region_of(home)
    session = session_for(home, settings, account)
    target = Target(account_of(session) if account is None else account, where)
    policy = default_policy() if settings is None else settings.policy_for(target.account, target.region)
    with waiting(f"Reading {where} ..."):
        stored = _stored(home, settings, replace(target, account=account or ""))
        evidence = gather(session, stored, target, policy, (start, end, now))
    try:
        write(html, evidence)
    except OSError as error:
        raise Unusable(f"the page {html} cannot be written: {error.strerror}") from None
    say(f"Written: {html}")
    missing = list(_missing(evidence))
    for why in missing:
        say(f"UNKNOWN  {why}")
    return UNKNOWN if missing else USABLE


def gather(
    session: boto3.Session,
    monitor: State | Missing | None,
    target: Target,
    policy: Policy,
    times: tuple[Instant, Instant, Instant],
) -> Evidence:
    """Read everything of the page but what the `monitor` has stored; `times` are its beginning, its end, and now."""
    start, end, now = times
    reader = Reader(session, target.region, now)
    readings, _ = reader.believed(target, policy)
    beyond = isinstance(readings.statistics, Unreadable) or start < min(
        (now - LOOKBACK, *(point.at for point in readings.statistics))
    )
    first = start - LOOKBACK if beyond else start
    months: Months | Unreadable = reader.ask(MONTHS, "cloudwatch", lambda client: read_months(client, first, now))
    unread = {unknown.what: Missing(unknown.explanation.problem, unknown.explanation.fix) for unknown in reader.unknown}
    points, seam, sources = joined(readings, months, now, beyond=beyond)
    if monitor is None:
        sources.append(f"No deployed monitor was found in {target.region}.")
    evidence = Evidence(
        "Amazon SES sending report",
        target,
        now,
        start,
        end,
        policy,
        unread[STATISTICS] if points is None else _played(target, points, policy, end),
        unread[MONTHS] if isinstance(months, Unreadable) else months.rates,
        unread[ACCOUNT] if readings.known_account is None else readings.known_account,
        monitor,
        {},
        (*sources, PLAYED),
        unread,
    )
    known = {metric: figures for metric, figures in evidence.metrics.items() if figures.alerts}
    return replace(evidence, causes={metric: _cause(session, target.region, known[metric], seam) for metric in known})


def joined(
    readings: Readings, months: Months | Unreadable, now: Instant, *, beyond: bool
) -> tuple[Sequence[Point] | None, Instant, list[str]]:
    """Return the points of SES, before them those of CloudWatch if they are needed; where SES's begin; and what to say of them.

    None instead of points: neither could be read.
    """
    statistics = readings.statistics
    if isinstance(statistics, Unreadable):
        if isinstance(months, Unreadable) or not months.points:  # no email there is no proof that none was sent
            return None, now, []
        return months.points, now, [f"Counts: {FROM_CLOUDWATCH}"]
    seam = min((point.at for point in statistics), default=now - LOOKBACK)
    sources = [f"Counts from {minute(seam)} on: GetSendStatistics of Amazon SES, by quarter hour."]
    if not beyond or isinstance(months, Unreadable):
        return statistics, seam, sources
    older = (point for point in months.points if point.at + BUCKET <= seam)
    return (*older, *statistics), seam, [*sources, f"Counts before {minute(seam)}: {FROM_CLOUDWATCH}"]


def _played(target: Target, points: Sequence[Point], policy: Policy, end: Instant) -> Played | Missing:
    try:
        return play(target, [point for point in points if point.at < end], policy, end, lambda: None)
    except BadData as bad:
        return Missing(f"The statistics cannot be used: {bad}.")


def _stored(session: boto3.Session, settings: Settings | None, target: Target) -> State | Missing | None:
    """Load the deployed monitor's state; None if no stack is there."""
    call = Call(session._session, target.region, "cloudformation:DescribeStacks, dynamodb:GetItem")  # noqa: SLF001
    try:
        state = find(session, settings, region_of(session)).state_of(target)
    except BadState as bad:
        return Missing(f"The deployed monitor's state cannot be used: {bad}.")
    except AWS_ERRORS as error:
        if code_of(error) == "ValidationError":  # CloudFormation's word for a stack that does not exist
            return None
        explanation = explain(error, call)
        return Missing(explanation.problem, explanation.fix)
    except (LookupError, ValueError):
        return Missing("The stack that was found has no table of states.")
    return Missing("The deployed monitor has not run for this region yet.") if state is None else state


def _cause(session: boto3.Session, region: str, figures: Figures, seam: Instant) -> Cause | Missing:
    """Look for the cause of the last alert. CloudWatch's counts have soft bounces in them, so they are not compared."""
    start, end = figures.looked_at
    clients: Any = session.client
    email, metrics = (clients(name, region_name=region, config=ONE_ATTEMPT) for name in ("sesv2", "cloudwatch"))
    question = question_from(figures.metric, region, figures.history if start >= seam else None, start, end)
    reading = look_for_cause(Clients(email, metrics), question, CauseLevel.SAMPLES, reminder=True, budget=PATIENT)
    found = cause_of(reading)
    if reading.entries is None:
        return Missing(" ".join(sentence for sentence in (found.line, found.uncertainty, *found.details) if sentence))
    return found


def _missing(evidence: Evidence) -> Iterator[str]:
    """Yield why each thing is unknown that could not be read, each reason once, and what to do about it."""
    parts: dict[str, object] = {
        **evidence.unread,
        "numbers": evidence.played,
        "deployed monitor": evidence.monitor,
        **{f"cause of {metric.value}s": cause for metric, cause in evidence.causes.items()},
    }
    unknown = {name: part for name, part in parts.items() if isinstance(part, Missing)}
    for missing in dict.fromkeys(unknown.values()):
        names = ", ".join(name for name, each in unknown.items() if each == missing)
        yield f"{names}: {missing.why} {missing.fix}"
