"""The core as the commands use it: play a record, or evaluate what was read now. Apart from the samples of messages, only this
module of the command line asks the core to decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ses_reputation.core.decide import decide, replay
from ses_reputation.core.evaluation import Evaluation, Evaluator
from ses_reputation.core.history import History, Instant, Point, history_from
from ses_reputation.core.rates import AWS_THRESHOLDS, Metric
from ses_reputation.core.readings import AwsRate, Readings, Unreadable
from ses_reputation.core.rules import Policy, Verdict
from ses_reputation.core.target import Target
from ses_reputation.core.wording import headroom_in_words, percent


@dataclass(frozen=True, slots=True)
class Sent:
    """One notification, as tables and pictures show it."""

    at: Instant
    metric: Metric
    severity: str  # "warning" or "critical": the worst of the alert so far
    kind: str  # "firing", "reminder" or "resolved"
    alert: str
    events: int | None = None
    emails: int | None = None
    rate: float | None = None
    rule: str = ""  # empty if no rule holds any more
    document: Mapping[str, Any] = field(default_factory=dict)  # everything, for programs


@dataclass(frozen=True, slots=True)
class MetricNow:
    """One metric of a target at an instant."""

    metric: Metric
    verdict: Verdict  # an open alert is at least a warning
    evaluation: Evaluation
    aws: AwsRate | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """Outcome of a replay."""

    sent: tuple[Sent, ...]
    history: History | None
    metrics: tuple[MetricNow, ...]  # at the end


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Outcome of an evaluation of one target now."""

    verdict: Verdict
    metrics: tuple[MetricNow, ...]
    history: History | None
    headlines: tuple[str, ...]  # of the notifications that a monitor starting now would send
    unreadable: Unreadable | None


def headroom_of(state: MetricNow) -> str:
    """Say what is left before AWS's review threshold."""
    review = percent(AWS_THRESHOLDS[state.metric].review)
    return f"AWS's {review} review threshold: {headroom_in_words(state.evaluation.headroom)}"


def play(target: Target, points: Sequence[Point], policy: Policy, end: Instant, step: Callable[[], None]) -> Played:
    """Play `points` tick by tick up to `end`; call `step` after each. Raises `BadData` for a span of many years."""
    sent: list[Sent] = []
    tracks: Mapping[str, Any] = {}
    for _, documents, tracks in replay(target, points, policy, until=end):  # noqa: B007  the last ones are those at the end
        sent += map(_sent, documents)
        step()
    history = history_from(points, until=end, feedback_share=policy.feedback_share)
    metrics = []
    if history is not None:
        for metric in policy.metrics:
            evaluation = Evaluator(history, metric).at(end)
            is_open = metric.metric.value in tracks and not evaluation.found
            metrics.append(MetricNow(metric.metric, Verdict.WARNING if is_open else evaluation.verdict, evaluation))
    return Played(tuple(sent), history, tuple(metrics))


def evaluate(target: Target, readings: Readings, policy: Policy, now: Instant) -> Evaluated:
    """Evaluate as a monitor does that has run all the time and starts to speak now."""
    plan = decide(target, readings, None, policy, now)
    metrics = tuple(
        MetricNow(metric, plan.verdicts[metric], evaluation, readings.aws_rate(metric))
        for metric, evaluation in plan.seen.evaluations.items()
    )
    titles = tuple(str(document["title"]) for document in plan.documents)
    return Evaluated(plan.verdict, metrics, plan.seen.history, titles, plan.unreadable)


def _sent(document: Mapping[str, Any]) -> Sent:
    numbers = document["numbers"]
    shown = numbers if numbers["emails"] is not None else document["metrics"].get(document["metric"], {})
    return Sent(
        int(datetime.fromisoformat(document["at"]).timestamp()),
        Metric(document["metric"]),
        document["severity"],
        document["kind"],
        document["alert"],
        numbers["events"],
        numbers["emails"],
        shown.get("rate"),
        numbers["rule"] or "",
        document,
    )
