"""The CloudWatch metrics of a target."""

from __future__ import annotations

from collections.abc import Iterator

from .account import AwsView
from .headroom import share_left
from .history import History, Instant
from .judge import metric_verdict, other_verdicts, overall
from .plan import Alerts, Gauge
from .rates import AWS_ESTIMATE, SHOWN, View
from .rules import Policy, Verdict

VERDICT_VALUES = {
    Verdict.OK: 0,
    Verdict.WARNING: 1,
    Verdict.CRITICAL: 2,
    Verdict.TOO_FEW_EEMAILS: -1,
    Verdict.NO_DATA: -1,
    Verdict.UNKNOWN: -2,  # so that an alarm can tell what cannot be read from what has too little email
}
"""The metric `Verdict`: what is not known is below zero, never the zero of a healthy sender."""

GAUGES = (
    "Verdict",
    "Headroom",
    "BounceRate",
    "ComplaintRate",
    "EstimatedAwsBounceRate",
    "EstimatedAwsComplaintRate",
)
"""Every metric of a target, by name. CloudWatch bills each per target and month, so they are few."""


def gauges_at(history: History | None, policy: Policy, now: Instant, alerts: Alerts, aws: AwsView) -> Iterator[Gauge]:
    """The metrics of a target as of the tick `now`; a rate of no email is left out.

    A tick at which the target could not be read is filled in later: its unknown `Verdict` (below zero) is then joined by
    the true one, and the larger of the two is right.
    """
    besides = tuple(other_verdicts(alerts, now, aws))
    if history is None:
        yield Gauge("Verdict", now, VERDICT_VALUES[overall((Verdict.NO_DATA, *besides))])
        return
    views = [View(history, metric.metric, history.closed(now)) for metric in policy.metrics]
    verdicts = [metric_verdict(view, metric, now, alerts) for view, metric in zip(views, policy.metrics, strict=True)]
    yield Gauge("Verdict", now, VERDICT_VALUES[overall((*verdicts, *besides))])
    left = [share for share in map(share_left, views) if share is not None]
    if left:
        yield Gauge("Headroom", now, min(left))
    for view, prefix in zip(views, ("Bounce", "Complaint"), strict=True):
        for window, name in (
            (SHOWN[view.metric], f"{prefix}Rate"),
            (AWS_ESTIMATE, f"EstimatedAws{prefix}Rate"),
        ):
            events, emails = view.measure(window)
            if emails:
                yield Gauge(name, now, min(1.0, events / emails))
