"""One incident, one story: what is sent during a trouble, and that nothing is hidden.

Each history is played with a run every quarter of an hour. Nothing is hidden: no run leaves an alert at a severity that was not
sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

import pytest
from ses_reputation.core.alert import PAUSE_BETWEEN
from ses_reputation.core.decide import decide, replay
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant, Point, point_from
from ses_reputation.core.notification import Document
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Account, AwsRate, Readings
from ses_reputation.core.rules import Severity, default_policy
from ses_reputation.core.state import State
from ses_reputation.core.target import Target

TARGET = Target("123456789012", "eu-west-1")
POLICY = default_policy()
START = 1_738_540_800  # Monday 2025-02-03T00:00:00Z
TROUBLE = START + 14 * DAY
"""Start of the trouble; hours are counted from here."""

EMAILS, BOUNCES, COMPLAINTS_EVERY = 400, 3, 4
"""A healthy bucket: 0.75% bounces, and a complaint every fourth bucket, 0.06%."""


@dataclass(frozen=True)
class History:
    """Extra events by hour, and AWS's own rates from an hour on."""

    days: float
    bounces: tuple[tuple[float, float, int], ...] = ()  # from hour, to hour, bounces of each bucket
    complaints: tuple[tuple[float, float, int], ...] = ()
    aws_bounce: Mapping[float, float] = field(default_factory=dict)
    aws_complaint: Mapping[float, float] = field(default_factory=dict)

    @cached_property
    def all_points(self) -> tuple[Point, ...]:
        return tuple(map(self._point, range(START, TROUBLE + int(self.days * DAY), BUCKET)))

    def points(self, now: Instant) -> tuple[Point, ...]:
        oldest = max(START, now - 14 * DAY)
        return self.all_points[(oldest - START) // BUCKET : (now - START) // BUCKET]

    def _point(self, at: Instant) -> Point:
        hour = (at - TROUBLE) / HOUR
        bounces = next((count for start, end, count in self.bounces if start <= hour < end), BOUNCES)
        usual = int((at - START) // BUCKET % (4 * COMPLAINTS_EVERY) == 0)
        complaints = next((count for start, end, count in self.complaints if start <= hour < end), usual)
        return Point(at, EMAILS, bounces, complaints)

    def readings(self, now: Instant) -> Readings:
        hour = (now - TROUBLE) / HOUR
        rates = {
            metric: AwsRate(_at(table, hour), now - HOUR)
            for metric, table in ((Metric.BOUNCE, self.aws_bounce), (Metric.COMPLAINT, self.aws_complaint))
        }
        account = Account("HEALTHY", sending=True, production=True, quota=500_000, used=EMAILS * 96)
        return Readings(self.points(now), account, rates)


def _at(table: Mapping[float, float], hour: float) -> float:
    reached = [start for start in table if start <= hour]
    return table[max(reached)] if reached else 0.0001


BAD = 32
"""Bounces of a bad bucket: 8%."""
LOUD = 4
"""Complaints of a bad bucket: 1%."""


def flapping(hours: int) -> tuple[tuple[float, float, int], ...]:
    return tuple((hour, hour + 2, 16) for hour in range(0, hours, 8))


HISTORIES: Mapping[str, tuple[History, list[str]]] = {
    "bounces and complaints together, resolved one before the other": (
        History(5, bounces=((0, 8, BAD),), complaints=((0, 8, LOUD),)),
        [
            "bounce opened warning",
            "complaint opened warning",
            "complaint escalated critical",
            "bounce escalated critical",
            "complaint reminder critical",
            "bounce resolved critical",
            "complaint reminder critical",
            "complaint resolved critical",
        ],
    ),
    "AWS first, then a bad list": (
        History(4, bounces=((30, 36, BAD),), aws_bounce={0: 0.052, 40: 0.03}),
        [
            "bounce opened critical",
            "bounce reminder critical",
            "bounce changed critical",
            "bounce resolved critical",
        ],
    ),
    "ours first, then AWS crosses its review threshold": (
        History(4, bounces=((0, 8, BAD),), aws_bounce={12: 0.052, 40: 0.03}),
        [
            "bounce opened warning",
            "bounce escalated critical",
            "bounce changed critical",
            "bounce reminder critical",
            "bounce resolved critical",
        ],
    ),
    "a second outbreak during AWS's long tail": (
        History(8, bounces=((0, 8, BAD), (80, 88, BAD)), aws_bounce={6: 0.055, 150: 0.03}),
        [
            "bounce opened warning",
            "bounce escalated critical",
            "bounce changed critical",
            "bounce reminder critical",
            "bounce reminder critical",
            "bounce changed critical",
            "bounce reminder critical",
            "bounce reminder critical",
            "bounce resolved critical",
        ],
    ),
    "AWS crosses its pause threshold within an hour": (
        History(3, aws_bounce={0: 0.052, 0.5: 0.104, 24: 0.03}),
        [
            "bounce opened critical",
            "bounce changed critical",
            "bounce resolved critical",
        ],
    ),
    "AWS crosses its review threshold within an hour of our warning": (
        History(3, bounces=((0, 0.75, 40),), aws_bounce={1.25: 0.052, 20: 0.03}),
        [
            "bounce opened warning",
            "bounce escalated critical",
            "bounce resolved critical",
        ],
    ),
    "flapping at the threshold": (
        History(5, bounces=flapping(48)),
        [
            "bounce opened warning",
            "bounce reminder warning",
            "bounce resolved warning",
        ],
    ),
    "AWS's rate flapping at its review threshold": (
        History(4, aws_bounce={float(hour): (0.0502, 0.0498)[hour % 2] for hour in range(48)} | {48: 0.03}),
        [
            "bounce opened critical",
            "bounce reminder critical",
            "bounce resolved critical",
        ],
    ),
    "a new outbreak right after another notification waits for the pause": (
        History(4, bounces=((30.25, 36, BAD),), aws_bounce={6: 0.052, 60: 0.03}),
        [
            "bounce opened critical",
            "bounce reminder critical",
            "bounce changed critical",
            "bounce reminder critical",
            "bounce resolved critical",
        ],
    ),
    "bad for a week": (
        History(9, bounces=((0, 168, 20),)),
        [
            "bounce opened warning",
            "bounce escalated critical",
            "bounce reminder critical",
            "bounce reminder critical",
            "bounce reminder critical",
            "bounce resolved critical",
        ],
    ),
}
"""Events of each story, and what is sent: each line one message."""


@dataclass
class Outcome:
    """Messages sent, and ticks at which a run found more than was sent."""

    sent: list[str] = field(default_factory=list)
    at: list[Instant] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


@cache
def played(name: str) -> Outcome:
    history, _ = HISTORIES[name]
    outcome = Outcome()
    state: State | None = None
    for now in range(TROUBLE - HOUR, TROUBLE + int(history.days * DAY), BUCKET):
        plan = decide(TARGET, history.readings(now), state, POLICY, now)
        state = replace(plan.state, outbox=(), published=now)
        hour = (now - TROUBLE) / HOUR
        if plan.documents:
            message = " + ".join(f"{d['check']} {d['reason']} {d['severity']}" for d in plan.documents)
            outcome.sent.append(message)
            outcome.at.append(now)
        for check in ("bounce", "complaint"):
            open_now = [track for name, track in state.tracks.items() if name.partition("/")[0] == check]
            worst = max((track.severity for track in open_now), default=Severity.NONE)
            last = state.sent.get(check)
            if worst > (Severity.NONE if last is None else last.severity):
                outcome.hidden.append(f"{hour:g} {check} is {worst.word}")
    return outcome


@pytest.mark.parametrize("name", HISTORIES)
def test_each_history_sends_its_listed_messages(name: str) -> None:
    assert played(name).sent == HISTORIES[name][1]


@pytest.mark.parametrize("name", HISTORIES)
def test_nothing_is_hidden(name: str) -> None:
    assert played(name).hidden == []


@pytest.mark.parametrize("name", HISTORIES)
def test_an_alert_sends_at_most_hourly_unless_it_escalates(name: str) -> None:
    last: dict[str, Instant] = {}
    for at, message in zip(played(name).at, played(name).sent, strict=True):
        for part in message.split(" + "):
            check, reason, _ = part.split()
            worse = reason in ("opened", "escalated") or "pause" in name
            assert worse or at - last.get(check, 0) >= PAUSE_BETWEEN, f"{part} after {(at - last[check]) // 60} min"
            last[check] = at


def test_the_bad_list_of_the_examples_sends_at_most_eight_messages() -> None:
    recorded = json.loads((Path(__file__).parents[2] / "examples" / "bad-list.json").read_text(encoding="utf-8"))
    points = [point_from(member) for member in recorded["SendDataPoints"]]
    messages: list[tuple[Document, ...]] = [sent for _, sent, _ in replay(TARGET, points, POLICY) if sent]
    assert len(messages) <= 8
    news = [sent for sent in messages if any(document["reason"] in ("opened", "escalated") for document in sent)]
    assert 2 <= len(news) <= 5
    last = {document["check"]: document["reason"] for sent in messages for document in sent}
    assert last == {"bounce": "resolved", "complaint": "resolved"}
