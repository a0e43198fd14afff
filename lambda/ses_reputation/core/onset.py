"""When a trouble started: the most likely change point before it was detected.

Each bucket before the detection is tried as the first one whose emails have a higher rate. Emails before it have the rate
seen until then, those from it on a rate of their own, and events follow their email by the delays that are most likely for
this sender. The start is the bucket with the highest Poisson likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, islice
from math import exp, inf, log

from .history import BUCKET, DAY, HOUR, History, Instant
from .rates import USUAL_FROM, Flow, Metric, series_of

FURTHEST = 3 * DAY
"""A start is looked for this far before the detection: a slower rot has no start worth looking for."""

LIKELY = 2.0
"""The start lies, very likely, where the likelihood is at most e^2 times less than the best."""

ALIKE = 0.3
"""The latest start whose likelihood is this close to the best is taken: the few emails of a night tell nothing."""

TINY = 1e-9
"""A rate, or emails in a bucket, below which nothing is divided."""


@dataclass(frozen=True, slots=True)
class Onset:
    """When a trouble started, most likely; and very likely neither before `earliest` nor after `latest`."""

    at: Instant
    earliest: Instant
    latest: Instant


def onset(history: History, metric: Metric, detected: Instant) -> Onset | None:
    """When the emails that caused the trouble detected at the tick `detected` began to be sent.

    Never after the detection. None if nothing before it looks like a rise.
    """
    end = history.closed(detected)
    first = max(history.quarters, end - USUAL_FROM // BUCKET)
    series = series_of(history, metric)
    if series.events[end] == series.events[first]:
        return None
    counts = {
        slot: series.events[slot + 1] - series.events[slot]
        for slot in range(first, end)
        if series.events[slot + 1] > series.events[slot]
    }
    # Without email nothing begins.
    slots = [slot for slot in range(max(first, end - FURTHEST // BUCKET), end) if history.sends[slot]]
    changes = [_Change(flow, counts, first, end) for flow in series.flows(end)]
    likely = {slot: max(change.likelihood(slot) for change in changes) for slot in slots}
    best = max(likely.values(), default=-inf)
    if best == -inf:
        return None
    near = [slot for slot, each in likely.items() if each >= best - LIKELY]
    at = max(slot for slot in near if likely[slot] >= best - ALIKE)
    return Onset(history.time(at), history.time(min(near)), history.time(max(near)))


class _Change:
    """The likelihood of what was seen from slot `first` to `end` with these delays, by the slot at which the rate changed."""

    def __init__(self, flow: Flow, counts: dict[int, int], first: int, end: int) -> None:
        self._counts = counts
        self._first, self._end = first, end
        parts = ((1 - flow.share, flow.hours, flow.on_time), (flow.share, flow.late_hours, flow.late))
        self._parts = [
            (share, exp(-BUCKET / (hours * HOUR)) if hours else 0.0, levels) for share, hours, levels in parts if share
        ]
        self._emails = [sum(share * levels[slot] for share, _, levels in self._parts) for slot in range(first, end)]
        self._emails_before = [0.0, *accumulate(self._emails)]
        self._events_before = [0, *accumulate(counts.get(slot, 0) for slot in range(first, end))]
        self._slots_before = [0, *accumulate(slot in counts for slot in range(first, end))]
        self._same = sum(count * log(max(self._emails[slot - first], TINY)) for slot, count in counts.items())

    def likelihood(self, change: int) -> float:
        """The logarithm of it, but for a constant; -inf if the rate did not rise."""
        at = change - self._first
        before_events, before_emails = self._events_before[at], self._emails_before[at]
        # Emails before the change that are still on their way when it comes; they fade.
        old = [(share * levels[change - 1] if change else 0.0, keep) for share, keep, levels in self._parts]
        after_old = sum(emails * keep * (1 - keep ** (self._end - change)) / (1 - keep) for emails, keep in old)
        after_new = self._emails_before[-1] - before_emails - after_old
        if after_new < TINY:
            return -inf
        usual = max(TINY, before_events / before_emails) if before_emails > TINY else TINY
        rate = (self._events_before[-1] - before_events - usual * after_old) / after_new
        if rate <= usual:
            return -inf
        found = self._same + before_events * log(usual) - usual * (before_emails + after_old) - rate * after_new
        for slot, count in islice(self._counts.items(), self._slots_before[at], None):
            late = sum([emails * keep ** (slot - change + 1) for emails, keep in old])
            emails = max(self._emails[slot - self._first], TINY)
            found += count * log(usual + (rate - usual) * max(0.0, 1 - late / emails))
        return found
