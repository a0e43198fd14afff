"""How much is left before AWS's review threshold, when it is gone at this pace, and how much clean email brings it back.

The estimate is the one that the critical rule "aws-estimate" looks at, and with as few events it is as careful: the threshold
counts as reached only when the estimate is surely (at one standard deviation) there. So "none is left" never stands beside
a verdict of OK: of one complaint in three hundred emails it says that one more event may be too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

from .history import BUCKET, HOUR, SLOTS_PER_DAY
from .rates import AWS_ESTIMATE, AWS_THRESHOLDS, Count, Metric, View, Window, lower_bound

FORESEEABLE = 90 * 24.0
"""In hours. A threshold that is further away than this at the present pace is not about to be reached."""

PACE = {Metric.BOUNCE: Window(emails=300, share_of_day=1 / 24), Metric.COMPLAINT: Window(hours=12)}
"""Time over which the present pace is taken: short, since after a bad list the day's mean still looks harmless."""

FEWEST_EVENTS, SURE = 5, 1.0
"""The estimate is at the threshold if it has this many events, and is there sure at this many standard deviations."""

NEARLY_NONE = 0.01
"""The share that is left, at least, while the threshold is not surely reached."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """The way to AWS's review threshold, over our estimate of the email that AWS counts."""

    metric: Metric
    threshold: float  # AWS's review threshold, a fraction; reaching it counts
    estimate: Count  # our estimate of what AWS's own rate is made of
    events_left: int  # this many more events, now, reach the threshold; 0 when it is reached
    hours_left: float | None  # until then at the present pace; 0 when it is reached, None when it is not in sight
    clean_emails: int | None  # emails without any event after which the rate is below it again; None while it is below

    @property
    def unsure(self) -> bool:
        """The plain estimate is at the threshold, but of too few events to be sure of it."""
        return self.events_left > 0 and self.estimate.events >= self.threshold * self.estimate.emails


def headroom(view: View) -> Headroom | None:
    """The headroom in `view`, or None without email."""
    threshold = AWS_THRESHOLDS[view.metric].review
    estimate = view.count(AWS_ESTIMATE)
    if estimate.emails == 0:
        return None
    if _reached(view, threshold):
        return Headroom(view.metric, threshold, estimate, 0, 0.0, _clean_emails(view, threshold))
    left = max(1, _at_threshold(threshold, estimate.emails) - estimate.events)
    return Headroom(view.metric, threshold, estimate, left, _hours_left(view, threshold), None)


def share_left(view: View) -> float | None:
    """Share of the way to AWS's review threshold that is left: 1 all of it, 0 when it is reached, None without email."""
    events, emails = view.measure(AWS_ESTIMATE)
    if not emails:
        return None
    threshold = AWS_THRESHOLDS[view.metric].review
    if _reached(view, threshold):
        return 0.0
    return max(NEARLY_NONE, 1 - events / emails / threshold)


def _reached(view: View, threshold: float) -> bool:
    events, emails = view.measure(AWS_ESTIMATE)
    return events >= FEWEST_EVENTS and lower_bound(events, emails, SURE) > threshold


def _at_threshold(threshold: float, emails: int) -> int:
    """The fewest events that reach `threshold` among `emails`."""
    fewest = ceil(threshold * emails)
    return fewest - 1 if (fewest - 1) / emails >= threshold else fewest


def _below_threshold(threshold: float, events: int) -> int:
    """The fewest emails of which `events` stay below `threshold`."""
    fewest = floor(events / threshold)
    while fewest == 0 or events / fewest >= threshold:
        fewest += 1
    return fewest


def _hours_left(view: View, threshold: float) -> float | None:
    """Hours until new email, at the present rate and volume, brings the estimate to `threshold`."""
    events, emails = view.measure(PACE[view.metric])
    day = max(0, view.end - SLOTS_PER_DAY)
    sent = view.attempts[view.end] - view.attempts[day]
    if sent == 0 or events <= threshold * emails:
        return None
    rate = min(1.0, events / emails) if emails else 1.0
    for old_events, old_emails, fewest, most in _stages(view):
        needed = max(0.0, threshold * old_emails - old_events) / (rate - threshold)
        if needed <= most:
            hours = max(needed, fewest) * (view.end - day) * BUCKET / HOUR / sent
            return hours if hours <= FORESEEABLE else None
    return None


def _clean_emails(view: View, threshold: float) -> int:
    """The fewest emails without an event after which the estimate is below `threshold`."""
    for old_events, old_emails, fewest, most in _stages(view):
        needed = _below_threshold(threshold, old_events) - old_emails
        if needed <= most:
            return max(needed, fewest, 1)
    raise AssertionError("once the window holds new email alone, it is clean")


def _stages(view: View) -> Iterator[tuple[int, int, int, int]]:
    """How the window of the estimate fills with new email: its old events and the emails behind them, and from how many new
    emails to how many it holds just these. Each further bucket of old email leaves when there is no more room for it; what
    was sent before the window and is behind its events as well stays."""
    size = max(AWS_ESTIMATE.emails, ceil(AWS_ESTIMATE.share_of_day * view.normal_day))
    start, end = view.start(AWS_ESTIMATE), view.end
    before = int(view.behind(AWS_ESTIMATE, start)) - (view.attempts[end] - view.attempts[start])
    fewest = 0
    for slot in range(start, end + 1):
        old_emails = view.attempts[end] - view.attempts[slot]
        most = max(fewest, size - old_emails)
        yield view.events[end] - view.events[slot], old_emails + before, fewest, most
        fewest = most
