"""Names and values of metrics in CloudWatch: those of a target, and AWS's own reputation rates."""

from __future__ import annotations

from .history import HOUR
from .rates import Metric
from .rules import Verdict

VERDICT, HEADROOM = "Verdict", "Headroom"
RATES = {Metric.BOUNCE: "BounceRate", Metric.COMPLAINT: "ComplaintRate"}
ESTIMATES = {Metric.BOUNCE: "EstimatedAwsBounceRate", Metric.COMPLAINT: "EstimatedAwsComplaintRate"}

GAUGES = (VERDICT, HEADROOM, *RATES.values(), *ESTIMATES.values())
"""Every metric of a target. CloudWatch bills each per target and month, so they are few."""

VERDICT_VALUES = {
    Verdict.OK: 0,
    Verdict.WARNING: 1,
    Verdict.CRITICAL: 2,
    Verdict.TOO_FEW_EMAILS: -1,
    Verdict.NO_DATA: -1,
    Verdict.UNKNOWN: -2,  # so that an alarm can tell what cannot be read from what has too little email
}
"""Metric `Verdict`: what is not known is below zero, never the zero of a healthy sender."""

REPUTATION = {Metric.BOUNCE: "Reputation.BounceRate", Metric.COMPLAINT: "Reputation.ComplaintRate"}
"""Metrics that Amazon SES publishes in AWS/SES, without dimensions; each exists from its first event on."""

RECENT = 6 * HOUR
"""How old the latest value of those may be: how often SES publishes them is not documented."""
