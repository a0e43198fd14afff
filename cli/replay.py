"""Backtest: which notifications would these settings have sent, and how much headroom is left now?"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ses_reputation.core.history import BUCKET, BadData, History, Instant, Point, iso
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.rules import Policy, default_policy
from ses_reputation.core.target import Target
from ses_reputation.core.wording import duration, events_of, percent, plural

from .arguments import check_account
from .evaluate import MetricNow, Played, Sent, headroom_of, play
from .exit_codes import NEEDS_MATPLOTLIB, USABLE, Unusable
from .recorded_statistics import RECORD, name_of, read
from .replay_courses import courses, in_words
from .rules_in_words import nearest_in_words

if TYPE_CHECKING:
    from ses_reputation.settings import Settings

    from .report_figures import Rates

PICTURES = (".png", ".svg")

NOT_NAMED = ("000000000000", "REGION")
"""Account and region of a record whose account and region nobody has named: to be filled in, in a command to paste."""


@dataclass(frozen=True, slots=True)
class Record:
    """Statistics to play, and where they come from."""

    points: Sequence[Point]
    source: str  # for errors
    target: Target
    remarks: tuple[str, ...]  # what a reader must know of the numbers
    rates: Rates | None = None  # AWS's own; None: not recorded


def from_files(stats: Sequence[str], account: str | None, region: str | None) -> Record:
    """Read recorded answers of GetSendStatistics. Raises `Unusable`."""
    check_account(account)
    named = (NOT_NAMED[0] if account is None else account, NOT_NAMED[1] if region is None else region)
    points = read(stats)
    return Record(points, ", ".join(map(name_of, stats)), Target(*named), tuple(_doubts(points)))


def _doubts(points: Sequence[Point]) -> Iterator[str]:
    """Say what cannot be right with recorded counts."""
    emails = sum(point.attempts for point in points)
    for noun, events in (
        ("bounces", sum(p.bounces for p in points)),
        ("complaints", sum(p.complaints for p in points)),
    ):
        if events > emails > 0:
            yield f"WARNING: more {noun} ({events:,}) than emails ({emails:,}): are the columns mixed up?"
        elif events and not emails:
            yield f"There are {events:,} {noun}, but DeliveryAttempts is null, 0 or missing in each data point. {RECORD}"


def from_cloudwatch(
    settings: Settings | None, profile: str | None, region: str | None, since: str, account: str | None
) -> Record:
    """Read the months of the user's own account, or of the one that was named. Raises `Unusable`."""
    from .aws import account_of, region_of
    from .cloudwatch_months import SOFT_BOUNCES, asked

    session, months = asked(settings, profile, region, since, int(time.time()), account)
    source = f"CloudWatch, namespace AWS/SES in {region_of(session)}"
    whose = account_of(session) if account is None else account
    target = Target(whose if whose else NOT_NAMED[0], region_of(session))
    return Record(months.points, source, target, (SOFT_BOUNCES,), months.rates)


def replay(
    record: Record, settings: Settings | None, origin: str, as_json: bool, plot: Path | None, html: Path | None
) -> int:
    """Play `record` by `settings`, which come from `origin`, and report. Raises `Unusable`."""
    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise Unusable(f"the picture {plot} must end in {' or '.join(PICTURES)}")
    target = record.target
    policy = default_policy() if settings is None else settings.policy_for(target.account, target.region)
    points, names = record.points, record.source
    end = max(point.at for point in points) + BUCKET if points else 0
    try:
        with nullcontext(_no_step) if as_json or not points else _progress(points) as step:
            played = play(record.target, points, policy, end, step)
    except BadData as bad:
        raise Unusable(f"{names}: {bad}") from None
    history = played.history if any(point.attempts for point in points) else None
    for file, what in ((plot, "picture"), (html, "page")):
        if file is not None and history is None:
            print(f"no {what}: there is no email in {names}", file=sys.stderr)
    if plot is not None and history is not None:
        _draw(plot, history, policy, played.sent)
    if html is not None and history is not None:
        _write_page(html, record, history, policy, played)
    if as_json:
        for notification in played.sent:
            print(json.dumps(notification.document))
    elif history is None:
        print("No email in these statistics: nothing to evaluate. SES counts by region: record them with --region.")
        for remark in record.remarks:
            print(remark)
    else:
        _report(history, played, origin, record.remarks)
    return USABLE


def _no_step() -> None: ...


def _progress(points: Sequence[Point]) -> AbstractContextManager[Callable[[], None]]:
    from .output import progress

    span = max(point.at for point in points) - min(point.at for point in points)
    return progress("Playing", span // BUCKET + 1)


def _draw(path: Path, history: History, policy: Policy, sent: Sequence[Sent]) -> None:
    try:
        from .replay_picture import plot_replay

        plot_replay(path, history, policy, sent)
    except ImportError:
        raise Unusable(f"a picture {NEEDS_MATPLOTLIB}") from None
    except OSError as error:
        raise Unusable(f"the picture {path} cannot be written: {error.strerror}") from None


def _write_page(path: Path, record: Record, history: History, policy: Policy, played: Played) -> None:
    try:
        from .report_figures import Evidence, Missing
        from .report_page import write
    except ImportError:
        raise Unusable(f"a page {NEEDS_MATPLOTLIB}") from None
    not_recorded = Missing("Recorded statistics do not say.")
    named = [part if part not in NOT_NAMED else "" for part in (record.target.account, record.target.region)]
    evidence = Evidence(
        "Backtest of Amazon SES sending",
        Target(*named),
        int(time.time()),
        history.origin,
        history.time(history.slots),
        policy,
        played,
        not_recorded if record.rates is None else record.rates,
        not_recorded,
        None,  # no deployed monitor is asked
        {sent.metric: Missing("Recorded statistics do not say who caused it.") for sent in played.sent},
        (f"Counts: {record.source}.", *record.remarks, PLAYED),
        {},
    )
    try:
        write(path, evidence)
    except OSError as error:
        raise Unusable(f"the page {path} cannot be written: {error.strerror}") from None


PLAYED = (
    "The alerts are what the rules of the settings find in these counts, quarter hour by quarter hour and without looking ahead. "
    "SES adds late events to old counts, so the messages that were sent may differ a little."
)

_COLUMNS = ("Time (UTC)", "Sent", "Metric", "Events", "Emails", "Rate", "Rule")


def _report(history: History, played: Played, origin: str, remarks: Sequence[str]) -> None:
    """Print what a person wants to know: what would have been sent, what the numbers were, how things are at the end."""
    from .output import heading, say, table

    found = courses(history, played.sent)
    if played.sent:
        what = f"{plural(len(played.sent), 'notification')} about {plural(len(found), 'alert')}"
        heading(f"These settings would have sent {what}:")
        table(_COLUMNS, map(_row, played.sent), right=("Events", "Emails", "Rate"))
        say()
        for course in found:
            say(f"{in_words(course)} (by our estimate of AWS's count).")
    else:
        heading("These settings would have sent no notification.")
    say()
    table(("", ""), [("settings", origin), *_totals(history, played.sent)])
    for remark in remarks:
        say(remark)
    say()
    heading(f"At the end, {_minute(history.time(history.slots))} UTC:")
    for state in played.metrics:
        heading(f"  {state.metric.capitalize()}s:", state.verdict.value)
        for text in _state_in_words(state):
            say(text, indent=4)


def _totals(history: History, sent: Sequence[Sent]) -> Iterator[tuple[str, str]]:
    end = history.time(history.slots)
    yield "from", f"{_minute(history.origin)} UTC"
    yield "to", f"{_minute(end)} UTC, {duration(end - history.origin)}"
    yield "emails", f"{history.attempts[-1]:,}"
    for metric, noun, sums in zip(
        Metric, ("bounces", "complaints"), (history.bounces, history.complaints), strict=True
    ):
        rate = percent(min(1.0, sums[-1] / history.attempts[-1]), AWS_THRESHOLDS[metric].review)
        yield noun, f"{sums[-1]:,}, {rate}"
    kinds = [notification.kind for notification in sent]
    for kind, noun in ("firing", "new or worse"), ("reminder", "reminders"), ("resolved", "resolved"):
        yield noun, f"{kinds.count(kind)}"


def _state_in_words(state: MetricNow) -> Iterator[str]:
    shown = state.evaluation.shown
    if shown.emails:
        yield f"Now: {events_of(state.metric, shown, AWS_THRESHOLDS[state.metric].review)}"
    yield headroom_of(state)
    yield from nearest_in_words(state.evaluation)


def _row(sent: Sent) -> tuple[str, ...]:
    thresholds = AWS_THRESHOLDS[sent.metric]
    return (
        _minute(sent.at),
        {"reminder": "reminder", "resolved": "RESOLVED"}.get(sent.kind, sent.severity.upper()),
        sent.metric.value,
        "" if sent.events is None else f"{sent.events:,}",
        "" if sent.emails is None else f"{sent.emails:,}",
        "" if sent.rate is None else percent(sent.rate, thresholds.review, thresholds.pause),
        sent.rule,
    )


def _minute(at: Instant) -> str:
    return iso(at)[:16].replace("T", " ")
