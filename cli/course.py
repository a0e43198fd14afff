"""What became of each alert of a replay, beside what AWS's own count will have done meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ses_reputation.core.alert import Kind, Reason
from ses_reputation.core.history import History, Instant
from ses_reputation.core.plan import Notification
from ses_reputation.core.rates import AWS_ESTIMATE, AWS_THRESHOLDS, Metric, View
from ses_reputation.core.rules import Severity
from ses_reputation.core.wording import duration


@dataclass(frozen=True, slots=True)
class Course:
    """One alert from its first message on; what did not happen in the recorded time is None."""

    metric: Metric
    opened_at: Instant
    critical_at: Instant | None
    over_at: Instant | None
    review_at: Instant | None  # our estimate of AWS's count was at the review threshold, at the first message or later


def courses(history: History, notifications: Sequence[Notification]) -> list[Course]:
    """The alerts that `notifications` tell of, oldest first."""
    found = []
    for first in notifications:
        if first.reason is Reason.OPENED:
            of_it = [a for a in notifications if a.alert == first.alert]
            critical = [a.at for a in of_it if a.kind is Kind.FIRING and a.severity is Severity.CRITICAL]
            over = [a.at for a in of_it if a.kind is Kind.RESOLVED]
            metric, until = Metric(first.check), over[0] if over else history.time(history.slots)
            found.append(
                Course(
                    metric,
                    first.at,
                    critical[0] if critical else None,
                    over[0] if over else None,
                    _review_at(history, metric, first.at, until),
                )
            )
    return found


def _review_at(history: History, metric: Metric, since: Instant, until: Instant) -> Instant | None:
    for end in range(history.closed(since), history.closed(until) + 1):
        rate = View(history, metric, end).count(AWS_ESTIMATE).rate
        if rate is not None and rate >= AWS_THRESHOLDS[metric].review:
            return history.time(end)
    return None


def in_words(course: Course) -> str:
    """How bad it became, and how much earlier that was said than AWS's count reached its line."""
    if course.critical_at is None:
        worse = "warning"
    elif course.critical_at == course.opened_at:
        worse = "critical at once"
    else:
        worse = f"critical {duration(course.critical_at - course.opened_at)} after the warning"
    if course.review_at is None:
        review = "AWS's review threshold not reached"
    elif course.review_at == course.opened_at:
        review = "AWS's review threshold reached by then"
    else:
        review = (
            f"AWS's review threshold reached {duration(course.review_at - course.opened_at)} after the first message"
        )
    return f"{course.metric.capitalize()}s: {worse}, {review}"
