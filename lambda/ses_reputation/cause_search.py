"""The cause of a bounce or complaint alert, in the notification itself. It can neither delay an alert for long nor endanger it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from .aws.bounded import BUDGET, Budget
from .aws.errors import place_of
from .core.alert import Kind
from .core.cause import CauseReading, Shape
from .core.cause_words import Cause, alert_text, explain
from .core.checks import BY_NAME
from .core.checks.rate import LIST_STEP, READERS_STEP, sent_before
from .core.decide import Plan
from .core.history import LOOKBACK, Instant
from .core.notification import Document, with_cause
from .core.rates import Metric
from .run import Explained


class LookForCause(Protocol):
    """Look for the cause of a metric's events in the target of a plan since a time, within a budget."""

    def __call__(
        self, plan: Plan, metric: Metric, since: Instant, *, reminder: bool, budget: Budget
    ) -> CauseReading: ...


class Explainer:
    """Explainer of the alerts of one run. Each target has one budget for all of them, and none is looked into after `end`."""

    def __init__(self, look: LookForCause, end: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._end, self._clock = look, end, clock
        self._left: dict[str, Budget] = {}  # by target
        self._read: dict[tuple[str, Metric], CauseReading] = {}  # a state that another run overtook is decided again

    def explain(self, plan: Plan) -> Explained:
        """Say the cause in each new bounce or complaint notification that asks for something. Never raises."""
        asking = [document for document in plan.documents if _asks(document)]
        explained: dict[int, Document] = {}
        failures: list[str] = []
        for number, document in enumerate(asking):
            try:
                explained[id(document)] = self._explained(plan, document, len(asking) - number, failures)
            except Exception as error:  # noqa: BLE001  a bug of ours must not keep the alert back; the run fails and says so
                failures.append(_failure(document["metric"], place_of(error)))
        outbox = tuple(
            replace(delivery, document=explained.get(id(delivery.document), delivery.document))
            for delivery in plan.state.outbox
        )
        documents = tuple(explained.get(id(document), document) for document in plan.documents)
        return Explained(replace(plan, documents=documents, state=replace(plan.state, outbox=outbox)), tuple(failures))

    def _explained(self, plan: Plan, document: Document, shares: int, failures: list[str]) -> Document:
        metric, reminder = Metric(document["metric"]), document["kind"] == Kind.REMINDER.value
        known = (plan.target.id, metric)
        if known not in self._read:
            self._read[known] = self._within_budget(plan, metric, shares, reminder=reminder)
        reading = self._read[known]
        if reading.broke:
            failures.append(_failure(metric, reading.broke))
        found = explain(reading)
        return with_cause(document, alert_text(reading, found, reminder=reminder), _steps(document, found, reading))

    def _within_budget(self, plan: Plan, metric: Metric, shares: int, *, reminder: bool) -> CauseReading:
        """Look with an equal share of what is left to the target."""
        left, started = self._left.get(plan.target.id, BUDGET), self._clock()
        seconds = max(0.0, min(left.seconds / shares, self._end - started))
        own = replace(left, calls=left.calls // shares, seconds=seconds)
        reading = self._look(plan, metric, sent_from(plan, metric), reminder=reminder, budget=own)
        rest = replace(left, calls=left.calls - reading.calls, seconds=left.seconds - (self._clock() - started))
        self._left[plan.target.id] = rest
        return reading


def _failure(metric: str, what: str) -> str:
    return f"the search for the cause of the {metric}s failed ({what})"


def _asks(document: Document) -> bool:
    return document["metric"] is not None and document["kind"] != Kind.RESOLVED.value


def sent_from(plan: Plan, metric: Metric) -> Instant:
    """When the emails to look for were sent at the earliest: by our own rate, or by AWS's if only that is high.

    After a resume, emails from before it no longer count.
    """
    before, oldest = sent_before(plan.seen.learned, metric), plan.seen.now - LOOKBACK
    if plan.state.rearmed is not None:
        oldest = max(oldest, plan.state.rearmed)
    names = BY_NAME[metric.value].track_names
    track = next((plan.state.tracks[name] for name in names if name in plan.state.tracks), None)
    if track is None:
        return max(plan.seen.now - before, oldest)
    started = track.opened_at if track.started is None else track.started
    return max(started - before, oldest)


def _steps(document: Document, found: Cause, reading: CauseReading) -> Sequence[str]:
    """First steps with that of a named cause, without the advice to switch on a list that is on, and each advice once."""
    suppressed = reading.facts.suppressed
    needless = set()
    if (suppressed is not None and reading.question.metric in suppressed) or found.shape is Shape.OFF:
        needless.add(LIST_STEP)
    if found.shape is Shape.OLD_LIST:  # its own step says it
        needless.add(READERS_STEP)
    steps = [step for step in document["first_steps"] if step not in needless]
    if found.shape in (Shape.IMPORT, Shape.UNCLEAR):
        return steps
    return [found.first_step, *steps]
