"""Backtest: which alerts would these settings have sent, and how much headroom is left now?"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ses_reputation.core import sentences, wording
from ses_reputation.core.alert import Alert, Kind, Reason
from ses_reputation.core.decide import replay as ticks
from ses_reputation.core.evaluation import Evaluator
from ses_reputation.core.history import BUCKET, BadData, History, Instant, Point, history_from, iso, point_from
from ses_reputation.core.judge import metric_states
from ses_reputation.core.plan import MetricState, Notification
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.rules import Policy, default_policy
from ses_reputation.core.target import Target
from ses_reputation.core.wording import duration, percent, plural
from ses_reputation.layout import email as messages

from .course import courses, in_words
from .outcome import USABLE, Unusable, say

if TYPE_CHECKING:
    from ses_reputation.settings import Settings

PICTURES = (".png", ".svg")

RECORD = "Record it with: aws ses get-send-statistics > stats.json"

LARGEST = 100_000_000
"""Bytes: several times what three years of data points take."""


def replay(
    stats: str, settings: Settings | None, as_json: bool, plot: Path | None, *, account: str, region: str
) -> int:
    """Plays the statistics in the file `stats` and reports. Raises `Unusable`."""
    if plot is not None and plot.suffix not in PICTURES:
        raise Unusable(f"the picture {plot} must end in {' or '.join(PICTURES)}")
    policy = default_policy() if settings is None else settings.policy
    points = read(stats)
    try:
        notifications: list[Notification] = []
        open_at_end: Mapping[str, Alert] = {}
        for _, told, alerts in ticks(Target(account, region), points, policy):
            notifications += told
            open_at_end = alerts
        end = max(point.at for point in points) + BUCKET if points else 0
        history = None if as_json and plot is None else history_from(points, until=end)
    except BadData as bad:
        raise Unusable(f"{_name(stats)}: {bad}") from None
    email = any(point.attempts for point in points)
    if plot is not None and history is not None and email:
        _draw(plot, history, policy, notifications)
    elif plot is not None:
        print(f"no picture: there is no email in {_name(stats)}", file=sys.stderr)
    if as_json:
        for notification in notifications:
            print(json.dumps(messages.document(notification)))
    elif history is None or not email:
        print("No email in these statistics: nothing to judge.")
    else:
        say(report(history, policy, notifications, open_at_end))
    return USABLE


def _draw(path: Path, history: History, policy: Policy, notifications: Sequence[Notification]) -> None:
    try:
        from .plot import plot_replay

        plot_replay(path, history, policy, notifications)
    except ImportError:
        raise Unusable("a picture needs matplotlib, which is not installed: pip install matplotlib") from None
    except OSError as error:
        raise Unusable(f"the picture {path} cannot be written: {error.strerror}") from None


def _name(stats: str) -> str:
    return "standard input" if stats == "-" else stats


def read(stats: str) -> list[Point]:
    """The points of a recorded GetSendStatistics answer. Raises `Unusable`, in one line."""
    name = _name(stats)
    if stats == "-" and sys.stdin is None:
        raise Unusable("standard input is closed")
    try:
        with sys.stdin.buffer if stats == "-" else Path(stats).open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise Unusable(f"{name} is larger than {LARGEST:,} bytes: that is not the email of three years")
        if not content.strip():
            raise Unusable(f"{name} is empty. {RECORD}")
        answer = json.loads(content)  # in any UTF: PowerShell writes UTF-16
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{name} is not JSON: {error}. {RECORD}") from None
    members: Any = answer.get("SendDataPoints") if isinstance(answer, dict) else answer
    if not isinstance(members, list):
        raise Unusable(f"{name} has no list SendDataPoints. {RECORD}")
    points = []
    for number, member in enumerate(members, 1):
        try:
            point = point_from(member)
        except BadData as bad:
            raise Unusable(f"{name}, data point {number}: {bad}") from None
        except RecursionError:  # of putting it into the error
            raise Unusable(f"{name}, data point {number} is no send data point") from None
        points.append(point)
    return points


def report(
    history: History, policy: Policy, notifications: Sequence[Notification], alerts: Mapping[str, Alert]
) -> Iterator[str]:
    """What a person wants to know: what would have been sent, what the numbers were, how things are now."""
    end = history.time(history.slots)
    found = courses(history, notifications)
    if notifications:
        what = f"{plural(len(notifications), 'message')} about {plural(len(found), 'alert')}"
        yield f"These settings would have sent {what}:"
        yield ""
        yield from map(_line, notifications)
        yield ""
        yield from (f"{in_words(course)} (by our estimate of AWS's count)." for course in found)
    else:
        yield "These settings would have sent no message."
    yield ""
    yield f"{'from':<13}{_minute(history.origin)} UTC"
    yield f"{'to':<13}{_minute(end)} UTC, {duration(end - history.origin)}"
    yield f"{'emails':<13}{history.attempts[-1]:,}"
    for metric, noun, sums in zip(
        Metric, ("bounces", "complaints"), (history.bounces, history.complaints), strict=True
    ):
        rate = percent(min(1.0, sums[-1] / history.attempts[-1]), AWS_THRESHOLDS[metric].review)
        yield f"{noun:<13}{sums[-1]:,}, {rate}"
    for kind, noun in (Kind.FIRING, "alerts"), (Kind.REMINDER, "reminders"), (Kind.RESOLVED, "all-clears"):
        yield f"{noun:<13}{sum(notification.kind is kind for notification in notifications)}"
    yield ""
    yield f"At the end, {_minute(end)} UTC:"
    for state, metric_policy in zip(metric_states(history, policy, end, alerts), policy.metrics, strict=True):
        yield from state_in_words(state)
        for now in Evaluator(history, metric_policy).at(end).thresholds:
            if now.rule.threshold.multiple:
                yield f'  {"":<12}threshold: rule "{now.rule.name}" warns above {percent(now.threshold)} ({now.reason})'
                break


def state_in_words(state: MetricState) -> Iterator[str]:
    """The verdict on one metric, its rate and its headroom."""
    yield f"  {state.metric.value + 's':<12}{state.verdict.value}"
    if state.shown is not None and state.shown.emails:
        yield f"  {'':<12}{wording.events_of(state.metric, state.shown, AWS_THRESHOLDS[state.metric].review)}"
    yield from textwrap.wrap(
        f"headroom: {wording.headroom_in_words(state.headroom)}",
        width=110,
        initial_indent=" " * 14,
        subsequent_indent=" " * 24,
    )


_WHAT = {Reason.STILL: "reminder", Reason.RECOVERED: "all-clear"}


def _line(notification: Notification) -> str:
    count = sentences.count_of(notification)
    numbers = "" if count is None else f"{count.events:,} of {plural(count.emails, 'email')}"
    lines = AWS_THRESHOLDS[Metric(notification.check)]
    rate = "" if count is None or count.rate is None else percent(count.rate, lines.review, lines.pause)
    what = _WHAT.get(notification.reason, notification.severity.name)
    rule = f"rule {notification.found[0].rule}" if notification.found else ""
    return f"  {_minute(notification.at)}  {what:<11}{notification.check:<12}{numbers:>30}{rate:>10}  {rule}".rstrip()


def _minute(at: Instant) -> str:
    return iso(at)[:16].replace("T", " ")
