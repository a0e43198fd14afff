"""Who causes a bounce or complaint alert, said in the notification itself. It can never delay an alert for long, nor endanger it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .core.alert import Kind
from .core.cause import CauseReading
from .core.cause_words import explain
from .core.checks.rate import BEFORE
from .core.decide import Plan
from .core.history import Instant
from .core.notification import Document
from .core.rates import Metric

Look = Callable[[Plan, Metric, Instant, bool], CauseReading]
"""Look for the cause of a metric's events in a target since a time; the last argument says if it is for a reminder."""


def with_causes(plan: Plan, look: Look) -> Plan:
    """The plan with the cause in each new bounce or complaint notification that asks for something."""
    explained = {id(document): _explained(plan, document, look) for document in plan.documents if _asks(document)}
    if not explained:
        return plan
    outbox = tuple(
        replace(delivery, document=explained.get(id(delivery.document), delivery.document))
        for delivery in plan.state.outbox
    )
    documents = tuple(explained.get(id(document), document) for document in plan.documents)
    return replace(plan, documents=documents, state=replace(plan.state, outbox=outbox))


def _asks(document: Document) -> bool:
    return document["metric"] is not None and document["kind"] != Kind.RESOLVED.value


def _explained(plan: Plan, document: Document, look: Look) -> Document:
    metric = Metric(document["metric"])
    track = plan.state.tracks.get(metric.value)
    started = plan.seen.now if track is None else min(track.opened_at, track.started or track.opened_at)
    found = explain(look(plan, metric, started - BEFORE[metric], document["kind"] == Kind.REMINDER.value))
    steps = document["first_steps"]
    if found.first_step:  # in place of the step that says to find the cause
        steps = [found.first_step, *steps[1:]]
    line = " ".join(text for text in (found.line, found.uncertainty) if text)
    return document | {"cause": line, "first_steps": steps}
