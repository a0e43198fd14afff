"""How much is left before AWS's review threshold, when it is gone at this pace, and how much clean email brings it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

from .history import BUCKET, HOUR, SLOTS_PER_DAY
from .rates import AWS_ESTIMATE, AWS_THRESHOLDS, Count, Metric, View, Window

FORESEEABLE = 90 * 24.0
"""In hours. A line that is further away than this at the present pace is not about to be reached."""

PACE = {Metric.BOUNCE: Window(emails=300, share_of_day=1 / 24), Metric.COMPLAINT: Window(hours=12)}
"""What the present pace is taken over: short, since after a bad list the day's mean still looks harmless."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """The way to AWS's review threshold, over our estimate of the email that AWS counts."""

    metric: Metric
    threshold: float  # AWS's review threshold, a fraction; reaching it counts
    estimate: Count  # our estimate of what AWS's own rate is made of
    events_left: int  # this many more events, now, reach the line; 0 when it is reached
    hours_left: float | None  # until then at the present pace; 0 when it is reached, None when it is not in sight
    clean_emails: (
        int | None
    )  # emails without any event that bring the rate back under the line; None while it is under it


def headroom(view: View) -> Headroom | None:
    """The headroom in `view`, or None of no email at all."""
    line = AWS_THRESHOLDS[view.metric].review
    estimate = view.count(AWS_ESTIMATE)
    if estimate.emails == 0:
        return None
    left = max(0, _at_line(line, estimate.emails) - estimate.events)
    if left == 0:
        return Headroom(view.metric, line, estimate, 0, 0.0, _clean_emails(view, line))
    return Headroom(view.metric, line, estimate, left, _hours_left(view, line), None)


def share_left(view: View) -> float | None:
    """How much of the way to AWS's review threshold is left: 1 all of it, 0 at the line or over it, None of no email."""
    events, emails = view.measure(AWS_ESTIMATE)
    if emails == 0:
        return None
    return max(0.0, 1 - events / emails / AWS_THRESHOLDS[view.metric].review)


def _at_line(line: float, emails: int) -> int:
    """The fewest events that reach `line` among `emails`."""
    fewest = ceil(line * emails)
    return fewest - 1 if (fewest - 1) / emails >= line else fewest


def _under_line(line: float, events: int) -> int:
    """The fewest emails of which `events` stay under `line`."""
    fewest = floor(events / line)
    while fewest == 0 or events / fewest >= line:
        fewest += 1
    return fewest


def _hours_left(view: View, line: float) -> float | None:
    """Hours until new email, at the present rate and volume, brings the estimate to `line`."""
    events, emails = view.measure(PACE[view.metric])
    day = max(0, view.end - SLOTS_PER_DAY)
    sent = view.attempts[view.end] - view.attempts[day]
    if sent == 0 or events <= line * emails:
        return None
    rate = min(1.0, events / emails)
    for old_events, old_emails, fewest, most in _stages(view):
        needed = (line * old_emails - old_events) / (rate - line)
        if needed <= most:
            hours = max(needed, fewest) * (view.end - day) * BUCKET / HOUR / sent
            return hours if hours <= FORESEEABLE else None
    return None


def _clean_emails(view: View, line: float) -> int:
    """The fewest emails without an event after which the estimate is under `line`."""
    for old_events, old_emails, fewest, most in _stages(view):
        needed = _under_line(line, old_events) - old_emails
        if needed <= most:
            return max(needed, fewest, 1)
    raise AssertionError("once the window holds new email alone, it is clean")


def _stages(view: View) -> Iterator[tuple[int, int, int, int]]:
    """How the window of the estimate fills with new email: its old events and emails, and from how many new emails to how many
    it holds just these. Each further bucket of old email leaves when there is no more room for it."""
    size = max(AWS_ESTIMATE.emails, ceil(AWS_ESTIMATE.share_of_day * view.normal_day))
    fewest = 0
    for slot in range(view.start(AWS_ESTIMATE), view.end + 1):
        old_emails = view.attempts[view.end] - view.attempts[slot]
        most = max(fewest, size - old_emails)
        yield view.events[view.end] - view.events[slot], old_emails, fewest, most
        fewest = most
