"""Course of each alert of a replay, beside what AWS's own count will have done meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ses_reputation.core.history import History, Instant
from ses_reputation.core.rates import AWS_ESTIMATE, AWS_THRESHOLDS, Metric, View
from ses_reputation.core.wording import duration

from .evaluate import Sent


@dataclass(frozen=True, slots=True)
class Course:
    """One alert from its first message on; what did not happen in the recorded time is None."""

    metric: Metric
    opened_at: Instant
    critical_at: Instant | None
    review_at: Instant | None  # our estimate of AWS's count was at the review threshold, at the first message or later


def courses(history: History, sent: Sequence[Sent]) -> list[Course]:
    """Return the alerts that `sent` is about, oldest first."""
    found = []
    for alert in dict.fromkeys(notification.alert for notification in sent):
        of_it = [notification for notification in sent if notification.alert == alert]
        first, over = of_it[0], [notification.at for notification in of_it if notification.kind == "resolved"]
        critical = [n.at for n in of_it if n.kind == "firing" and n.severity == "critical"]
        until = over[0] if over else history.time(history.slots)
        review_at = _review_at(history, first.metric, first.at, until)
        found.append(Course(first.metric, first.at, critical[0] if critical else None, review_at))
    return found


def _review_at(history: History, metric: Metric, since: Instant, until: Instant) -> Instant | None:
    for end in range(history.closed(since), history.closed(until) + 1):
        rate = View(history, metric, end).count(AWS_ESTIMATE).rate
        if rate is not None and rate >= AWS_THRESHOLDS[metric].review:
            return history.time(end)
    return None


def in_words(course: Course) -> str:
    """Say how bad it became, and how much earlier that was sent than AWS's count reached its threshold."""
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
        review = f"AWS's review threshold reached {duration(course.review_at - course.opened_at)} after the first notification"
    return f"{course.metric.capitalize()}s: {worse}, {review}"
