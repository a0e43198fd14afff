"""The CloudWatch metrics of a target."""

from __future__ import annotations

from collections.abc import Iterator

from .account import AwsView
from .history import History, Instant
from .judge import evaluator_of, metric_verdict, other_verdicts, overall
from .plan import Alerts, Gauge
from .rules import Policy, Verdict

VERDICT_VALUES = {
    Verdict.OK: 0,
    Verdict.WARNING: 1,
    Verdict.CRITICAL: 2,
    Verdict.TOO_FEW_EMAILS: -1,
    Verdict.NO_DATA: -1,
    Verdict.UNKNOWN: -1,
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
    known = [evaluator_of(history, metric).at(now) for metric in policy.metrics]
    verdicts = [metric_verdict(one, metric, now, alerts) for one, metric in zip(known, policy.metrics, strict=True)]
    yield Gauge("Verdict", now, VERDICT_VALUES[overall((*verdicts, *besides))])
    left = [one.share_left for one in known if one.share_left is not None]
    if left:
        yield Gauge("Headroom", now, min(left))
    for one, prefix in zip(known, ("Bounce", "Complaint"), strict=True):
        for count, name in (one.shown, f"{prefix}Rate"), (one.estimate, f"EstimatedAws{prefix}Rate"):
            if count.rate is not None:
                yield Gauge(name, now, count.rate)
