"""Backtest: which alerts would these settings have sent, and how much headroom is left now?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ses_reputation.core import messages
from ses_reputation.core.decide import Announcement, metric_states
from ses_reputation.core.decide import replay as ticks
from ses_reputation.core.episode import Episode
from ses_reputation.core.history import BUCKET, BadData, History, Point, history_from, iso, point_from
from ses_reputation.core.messages import duration, percent, plural
from ses_reputation.core.rates import AWS_LINES, Metric
from ses_reputation.core.rules import Policy, default_policy
from ses_reputation.core.target import Target
from ses_reputation.settings import Settings

from .outcome import USABLE, Unusable


def replay(stats: str, settings: Settings | None, as_json: bool, plot: Path | None, target_name: str) -> int:
    """Plays the statistics in the file `stats` and reports. Raises `Unusable`."""
    account, _, region = target_name.partition("/")
    target = Target(account, region)
    policy = default_policy() if settings is None else settings.policy
    points = read(stats)
    try:
        announcements: list[Announcement] = []
        open_at_end: Mapping[str, Episode] = {}
        for _, told, episodes in ticks(target, points, policy):
            announcements += told
            open_at_end = episodes
        end = max(point.at for point in points) + BUCKET if points else 0
        history = history_from(points, until=end)
    except BadData as bad:
        raise Unusable(f"{_name(stats)}: {bad}") from None
    if as_json:
        for announcement in announcements:
            print(json.dumps(messages.document(announcement)))
    elif history is None:
        print("No mail in these statistics: nothing to judge.")
    else:
        print("\n".join(report(history, policy, announcements, open_at_end)))
    if plot is not None:
        if history is None:
            raise Unusable(f"{_name(stats)} has no mail in it: there is nothing to draw")
        from .plot import plot_replay

        try:
            plot_replay(plot, history, policy, announcements)
        except (OSError, ValueError) as error:
            raise Unusable(f"the picture {plot} cannot be written: {error}") from None
    return USABLE


def _name(stats: str) -> str:
    return "standard input" if stats == "-" else stats


def read(stats: str) -> list[Point]:
    """The points of a recorded GetSendStatistics answer. Raises `Unusable`, in one line."""
    name = _name(stats)
    try:
        text = (sys.stdin.buffer.read() if stats == "-" else Path(stats).read_bytes()).decode("utf-8-sig")
        answer = json.loads(text)
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        why = "it is empty" if isinstance(error, json.JSONDecodeError) and not text.strip() else str(error)
        raise Unusable(f"{name} is not JSON: {why}. Record it with: aws ses get-send-statistics > stats.json") from None
    members: Any = answer.get("SendDataPoints") if isinstance(answer, dict) else answer
    if not isinstance(members, list):
        raise Unusable(f"{name} has no list SendDataPoints. Record it with: aws ses get-send-statistics > stats.json")
    points = []
    for number, member in enumerate(members, 1):
        try:
            points.append(point_from(member))
        except BadData as bad:
            raise Unusable(f"{name}, data point {number}: {bad}") from None
    return points


def report(
    history: History, policy: Policy, announcements: Sequence[Announcement], episodes: Mapping[str, Episode]
) -> Iterator[str]:
    """What a person wants to know: what would have been sent, what the numbers were, how things are now."""
    end = history.time(history.slots)
    if announcements:
        yield f"These settings would have sent {plural(len(announcements), 'message')}:"
        yield ""
        yield from map(_line, announcements)
    else:
        yield "These settings would have sent no message."
    yield ""
    yield f"{'from':<12}{iso(history.origin)}"
    yield f"{'to':<12}{iso(end)}  ({duration(end - history.origin)})"
    yield f"{'mails':<12}{history.attempts[-1]:,}"
    for noun, sums in (("bounces", history.bounces), ("complaints", history.complaints)):
        rate = f"  {percent(min(1.0, sums[-1] / history.attempts[-1]))}" if history.attempts[-1] else ""
        yield f"{noun:<12}{sums[-1]:,}{rate}"
    yield f"{'episodes':<12}{len({announcement.episode for announcement in announcements})}"
    yield ""
    yield f"At the end, {iso(end)}:"
    for state in metric_states(history, policy, end, episodes):
        yield f"  {state.metric.value + 's':<12}{state.verdict.value}"
        if state.shown is not None and state.shown.mails:
            yield f"  {'':<12}{messages.events_of(state.metric, state.shown, AWS_LINES[state.metric].review)}"
        yield f"  {'':<12}headroom: {messages.headroom_in_words(state.headroom)}"


def _line(announcement: Announcement) -> str:
    count = messages.count_of(announcement)
    numbers = "" if count is None else f"{count.events:,} of {plural(count.mails, 'mail')}"
    review = AWS_LINES[Metric(announcement.concern)].review
    rate = "" if count is None or count.rate is None else percent(count.rate, review)
    return (
        f"  {iso(announcement.at)[:16].replace('T', ' ')}  {announcement.severity.name:<10}"
        f"{announcement.concern + ' ' + announcement.reason:<22}{numbers:<28}{rate:<9}{announcement.cause.rule}"
    )
