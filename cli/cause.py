"""Who causes bounces or complaints: the function's own look, with the user's credentials and on the user's terminal."""

from __future__ import annotations

import argparse
import json
import re
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.exceptions import ClientError
from ses_reputation.aws import ses
from ses_reputation.aws.bounded import ONE_ATTEMPT, Budget, Clients
from ses_reputation.aws.cause import addresses, look_for_cause
from ses_reputation.aws.errors import AWS_ERRORS, trouble_of
from ses_reputation.core.cause import CauseReading, question_from
from ses_reputation.core.cause_level import CauseLevel
from ses_reputation.core.cause_words import Cause, domain_counts, explain
from ses_reputation.core.history import DAY, HOUR, LOOKBACK, BadData, Instant, history_from, iso, point_from
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Trouble, Unreadable
from ses_reputation.core.wording import minute
from ses_reputation.settings import Settings

from .aws import Witness, open_session, region_of, session_for
from .aws_errors import Call
from .aws_errors import explain as explained
from .exit_codes import UNKNOWN, USABLE, Unusable

NEEDS = (
    "ses:GetSendStatistics, ses:ListSuppressedDestinations, ses:GetSuppressedDestination, ses:ListReputationEntities, "
    "cloudwatch:ListMetrics, cloudwatch:GetMetricData"
)
"""IAM actions that `cause` asks for."""

if TYPE_CHECKING:
    from mypy_boto3_ses.client import SESClient

PATIENT = Budget(calls=60, seconds=90)
"""Somebody waits for it, and no alert does."""

MOST_DOMAINS, MOST_HOURS = 20, 24

NO_COMPLAINING_ADDRESS = (
    "Mailbox providers remove the address of a complaint and Amazon SES infers it, so no address is shown."
)


def cause(given: argparse.Namespace, settings: Settings | None) -> int:
    """Print what causes the events of the window. Raises `Unusable`."""
    now, metric = int(time.time()), Metric(given.metric)
    start, end = instant(given.since, now, "--since"), instant(given.until, now, "--until")
    for option, text, at in (("--since", given.since, start), ("--until", given.until, end)):
        if at > now:
            raise Unusable(f"{option} {text} is in the future: it is {minute(now)} now.")
    if start >= end:
        raise Unusable(f"--since {given.since} --until {given.until}: the window must begin before it ends.")
    session = session_for(open_session(given.profile, given.region), settings, given.account)
    call, statistics_client, clients = _clients(session)
    witness = Witness(statistics_client)
    statistics: Any = ses.send_statistics(cast("SESClient", witness))
    if isinstance(statistics, Unreadable) and witness.error is not None and _is_hopeless(witness.error):
        raise Unusable(str(explained(witness.error, call)))
    try:
        history = None if isinstance(statistics, Unreadable) else history_from(statistics, until=now)
    except BadData as bad:
        raise Unusable(f"The send statistics cannot be used: {bad}") from None
    known = history is not None and start >= now - LOOKBACK
    reading = look_for_cause(
        clients,
        question_from(metric, call.region or "", history if known else None, start, end),
        CauseLevel.SAMPLES,
        reminder=True,
        budget=PATIENT,
    )
    found = explain(reading)
    listed = _addresses(call, clients, reading) if given.addresses else None
    if given.json:
        print(json.dumps(_document(found, reading, listed), ensure_ascii=False))
    else:
        for line in _report(found, reading, listed):
            print(line)
    return USABLE if reading.entries is not None and reading.question.counts is not None else UNKNOWN


def _is_hopeless(error: Exception) -> bool:
    """Tell if no other call can succeed: AWS is not reached, or does not know the caller. A right that lacks stops one call only."""
    refused = isinstance(error, ClientError) and trouble_of(error) in (Trouble.DENIED, Trouble.THROTTLED)
    return isinstance(error, AWS_ERRORS) and not refused


def instant(text: str, now: Instant, option: str) -> Instant:
    """Read a time, or how long ago it was. Raises `Unusable`."""
    ago = re.fullmatch(r"(\d{1,4})([hd])", text)
    if ago:
        return now - int(ago[1]) * (HOUR if ago[2] == "h" else DAY)
    try:
        return point_from({"Timestamp": text}).at
    except BadData:
        raise Unusable(
            f"{option} {text}: not a time with its zone, like 2025-02-04T09:00Z, nor hours or days ago, like 6h or 2d."
        ) from None


def _clients(session: boto3.Session) -> tuple[Call, Any, Clients]:
    """Open the clients. Raises `Unusable`."""
    where = region_of(session)
    call = Call(session._session, where, NEEDS)  # noqa: SLF001  boto3 has no name for it
    try:
        clients: Any = session.client
        made = [clients(name, region_name=where, config=ONE_ATTEMPT) for name in ("ses", "sesv2", "cloudwatch")]
    except AWS_ERRORS as error:
        raise Unusable(str(explained(error, call))) from None
    return call, made[0], Clients(made[1], made[2])


def _addresses(call: Call, clients: Clients, reading: CauseReading) -> list[tuple[str, Instant]]:
    if reading.question.metric is Metric.COMPLAINT:
        return []
    try:
        found, _ = addresses(clients, reading.question, PATIENT)
    except AWS_ERRORS as error:
        raise Unusable(f"The addresses cannot be listed. {explained(error, call)}") from None
    return found


def _hours(reading: CauseReading) -> list[tuple[Instant, int]]:
    """Count the entries by hour; the fullest hours if there are many."""
    counts = Counter(entry.at // HOUR * HOUR for entry in reading.known_entries)
    return sorted(counts.most_common(MOST_HOURS))


def _report(found: Cause, reading: CauseReading, listed: list[tuple[str, Instant]] | None) -> Iterator[str]:
    question = reading.question
    events = "an unknown number of" if found.events is None else f"{found.events:,}"
    yield f"{question.region}: {events} {question.metric}s from {minute(question.start)} to {minute(question.end)}"
    yield from _row("cause", found.line)
    yield from _row("next step", found.first_step)
    yield from _row("uncertain", found.uncertainty)
    for row in domain_counts(reading.known_entries, reading, MOST_DOMAINS):
        usual = "" if row.usual is None else f"   usually {round(row.usual):,}"
        yield from _row("domain", f"{row.domain:<40}{row.now:>8,}{usual}")
    for at, count in _hours(reading):
        yield from _row("hour", f"{minute(at):<40}{count:>8,}")
    for sample in reading.samples:
        sent = "unknown" if sample.sent is None else minute(sample.sent)
        yield from _row("sample", f"on the list {minute(sample.at)}, sent {sent}")
    for sentence in found.details:
        yield from _row("also", sentence)
    if listed is not None and question.metric is Metric.COMPLAINT:
        yield from _row("addresses", NO_COMPLAINING_ADDRESS)
    for address, at in listed or ():
        yield f"  {'address':<12}{minute(at)}  {''.join(c if c.isprintable() else ' ' for c in address)}"


def _row(name: str, text: str) -> list[str]:
    lines = textwrap.wrap(text, 106, break_on_hyphens=False, drop_whitespace=False) if "   " not in text else [text]
    return [f"  {name if number == 0 else '':<12}{line.strip()}" for number, line in enumerate(lines)]


def _document(found: Cause, reading: CauseReading, listed: list[tuple[str, Instant]] | None) -> dict[str, Any]:
    question = reading.question
    document = {
        "region": question.region,
        "metric": question.metric.value,
        "since": iso(question.start),
        "until": iso(question.end),
        **asdict(found),
        "domains": [asdict(row) for row in domain_counts(reading.known_entries, reading, MOST_DOMAINS)],
        "hours": {iso(at): count for at, count in _hours(reading)},
        "samples": [
            {
                "listed": iso(sample.at),
                "sent": None if sample.sent is None else iso(sample.sent),
                "tags": dict(sample.tags),
            }
            for sample in reading.samples
        ],
    }
    if listed is not None:
        document["addresses"] = [{"address": address, "listed": iso(at)} for address, at in listed]
    return document
