"""Backtest: which notifications would these settings have sent, and how much headroom is left now?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ses_reputation.core.history import BUCKET, BadData, History, Instant, Point, iso
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.rules import Policy, default_policy
from ses_reputation.core.target import Target
from ses_reputation.core.wording import duration, events_of, percent, plural

from .course import courses, in_words
from .monitor import MetricNow, Played, Sent, headroom_of, play
from .outcome import USABLE, Unusable
from .record import name_of, read
from .rules_in_words import nearest_in_words

if TYPE_CHECKING:
    from ses_reputation.settings import Settings

PICTURES = (".png", ".svg")


def replay(
    stats: Sequence[str], settings: Settings | None, as_json: bool, plot: Path | None, *, account: str, region: str
) -> int:
    """Play the statistics in the files `stats` and report. Raises `Unusable`."""
    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise Unusable(f"the picture {plot} must end in {' or '.join(PICTURES)}")
    policy = default_policy() if settings is None else settings.policy
    points, names = read(stats), ", ".join(map(name_of, stats))
    end = max(point.at for point in points) + BUCKET if points else 0
    try:
        with nullcontext(_no_step) if as_json or not points else _progress(points) as step:
            played = play(Target(account, region), points, policy, end, step)
    except BadData as bad:
        raise Unusable(f"{names}: {bad}") from None
    history = played.history if any(point.attempts for point in points) else None
    if plot is not None and history is not None:
        _draw(plot, history, policy, played.sent)
    elif plot is not None:
        print(f"no picture: there is no email in {names}", file=sys.stderr)
    if as_json:
        for notification in played.sent:
            print(json.dumps(notification.document))
    elif history is None:
        print("No email in these statistics: nothing to evaluate. SES counts by region: record them with --region.")
    else:
        _report(history, played)
    return USABLE


def _no_step() -> None: ...


def _progress(points: Sequence[Point]) -> AbstractContextManager[Callable[[], None]]:
    from .output import progress

    span = max(point.at for point in points) - min(point.at for point in points)
    return progress("Playing", span // BUCKET + 1)


def _draw(path: Path, history: History, policy: Policy, sent: Sequence[Sent]) -> None:
    try:
        from .plot import plot_replay

        plot_replay(path, history, policy, sent)
    except ImportError:
        raise Unusable("a picture needs matplotlib, which is not installed: pip install matplotlib") from None
    except OSError as error:
        raise Unusable(f"the picture {path} cannot be written: {error.strerror}") from None


_COLUMNS = ("Time (UTC)", "Sent", "Metric", "Events", "Emails", "Rate", "Rule")


def _report(history: History, played: Played) -> None:
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
    table(("", ""), _totals(history, played.sent))
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
