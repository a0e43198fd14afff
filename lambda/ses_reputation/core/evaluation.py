"""One metric of a history at a tick: the rules that hold, the threshold of each, the verdict, the headroom.

Everything is as known at that tick. What a quiet tick does not need is worked out only when it is asked for: a rate that
is not above the lowest possible threshold ends the look at a rule, and the sender's own worst counts only beyond that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

from .headroom import Headroom, headroom, share_left
from .history import BUCKET, DAY, History, Instant
from .rates import AWS_ESTIMATE, SHOWN, Count, Metric, Series, View, Window, lower_bound, series_of
from .rules import Finding, MetricPolicy, Rule, Verdict, While, enough_emails

KNOWN_BY = 5 * DAY
"""Until a history is this old its usual rate comes from a few days whose complaints have not all arrived: a threshold that
follows it stays at its upper limit (docs/evidence.md)."""

WORST_FROM, WORST_TO = 12 * DAY // BUCKET, 2 * DAY // BUCKET
"""The sender's own worst is looked for at the ticks twelve to two days ago."""


@dataclass(frozen=True, slots=True)
class InForce:
    """One rule now: what its threshold is, why, and how far the rate is from it."""

    rule: Rule
    threshold: float  # fraction
    usual: float | None  # fraction; None if the threshold does not follow it now
    own_worst: float | None
    count: Count
    bound: float  # fraction: the rate is surely above this; the rule holds if this is above the threshold

    @property
    def reason(self) -> str:
        """Why the threshold is where it is, in words."""
        fixed = self.rule.threshold
        if not fixed.multiple:
            return "fixed"
        if self.usual is None:
            return "its upper limit, until the history is five days old"
        if self.threshold == fixed.upper:
            return "its upper limit"
        if self.threshold == fixed.lower:
            return "its lower limit"
        source = "worst" if self.own_worst is not None and self.own_worst > self.usual else "usual rate"
        return f"{fixed.multiple:g} times this sender's {source}"


class _Reach(NamedTuple):
    """How far a rule is from its threshold, and the facts behind it."""

    threshold: float
    usual: float | None = None
    own_worst: float | None = None


class OwnWorst:
    """Highest value of a series of ticks, from `WORST_FROM` to `WORST_TO` before the tick that is asked for.

    Asked for one tick after the other, it works out each value once.
    """

    __slots__ = ("_first", "_highest", "_next", "_value")

    def __init__(self, value: Callable[[int], float], first: int) -> None:
        self._value = value
        self._first = first
        self._next = first
        self._highest: deque[tuple[int, float]] = deque()  # ticks whose value no later one exceeds

    def at(self, tick: int) -> float:
        oldest, newest = max(self._first, tick - WORST_FROM + 1), tick - WORST_TO
        if newest + 1 < self._next:  # asked for an earlier tick than before
            self._highest.clear()
            self._next = self._first
        highest = self._highest
        for known in range(max(self._next, oldest), newest + 1):
            value = self._value(known)
            while highest and highest[-1][1] <= value:
                highest.pop()
            highest.append((known, value))
        self._next = max(self._next, newest + 1)
        while highest and highest[0][0] < oldest:
            highest.popleft()
        return highest[0][1] if highest else 0.0


class _Group(NamedTuple):
    """Rules over the same window, and what the easiest of them asks for."""

    window: Window
    min_events: int
    least: float  # fraction
    rules: tuple[Rule, ...]


class Evaluator:
    """One metric of one history, built once per run or replay.

    Of a history that was re-armed, `whole` is all of it: AWS does not forget what our rules do.
    """

    def __init__(self, history: History, policy: MetricPolicy, whole: History | None = None) -> None:
        self.history = history
        self.whole = history if whole is None else whole
        self.policy = policy
        self._series = series_of(history, policy.metric)
        windows = dict.fromkeys(rule.window for rule in policy.rules)
        self._groups = [_group(window, policy) for window in windows]
        self._enough_emails = enough_emails(policy)
        self._worst: dict[str, OwnWorst] = {}

    def at(self, now: Instant) -> Evaluation:
        """The metric as known at the tick `now`."""
        view = View(self.history, self.policy.metric, self.history.closed(now))
        return Evaluation(self, now, view, tuple(self._found(view)))

    def _found(self, view: View) -> list[Finding]:
        """The rules that hold, worst first. A rate must be above a threshold, not at it."""
        found = []
        end, events_sums, surely_sums = view.end, view.events, self._series.surely
        for window, min_events, least, rules in self._groups:
            start = view.start(window)
            events = events_sums[end] - events_sums[start]
            surely = surely_sums[end] - surely_sums[start]
            if events < min_events or events <= least * surely:  # most ticks end here
                continue
            for rule in rules:
                if surely and self._above(view, rule, events, surely) is None:
                    continue  # nor can it hold of more emails
                emails = view.behind(window, start)
                reach = self._holds(view, rule, events, emails)
                if reach is not None and (rule.only_while is None or _goes_on(view, rule.only_while, reach.threshold)):
                    bound = min(1.0, lower_bound(events, emails, rule.confidence))
                    found.append(Finding(rule.name, rule.severity, view.count(window), bound, *reach))
        found.sort(key=lambda finding: -finding.severity)
        return found

    def _holds(self, view: View, rule: Rule, events: int, emails: float) -> _Reach | None:
        """The threshold of `rule` if the rate is surely above it, whatever its "while" says."""
        if events < rule.min_events or emails < rule.min_emails or not emails:
            return None
        bound = self._above(view, rule, events, emails)
        if bound is None:
            return None
        reach = self.reach(view, rule)
        return reach if bound > reach.threshold else None

    def _above(self, view: View, rule: Rule, events: int, emails: float) -> float | None:
        """The rate that is sure, if it is above the threshold that the usual rate alone asks for."""
        least = rule.threshold.least
        if events <= least * emails:  # no bound is above the plain rate
            return None
        bound = min(1.0, lower_bound(events, emails, rule.confidence))
        return bound if bound > least and bound > self._without_worst(view, rule).threshold else None

    def _without_worst(self, view: View, rule: Rule) -> _Reach:
        threshold = rule.threshold
        if not threshold.multiple or view.age < KNOWN_BY:
            return _Reach(threshold.upper)
        usual = view.usual(self.policy.weight)
        return _Reach(min(threshold.upper, max(threshold.lower, threshold.multiple * usual)), usual)

    def reach(self, view: View, rule: Rule) -> _Reach:
        """The threshold of `rule` for this sender now, and what it follows."""
        reach = self._without_worst(view, rule)
        if reach.usual is None or not rule.threshold.own_worst:
            return reach
        worst = self._own_worst(view, rule)
        threshold = min(rule.threshold.upper, max(reach.threshold, rule.threshold.multiple * worst))
        return _Reach(threshold, reach.usual, worst)

    def _own_worst(self, view: View, rule: Rule) -> float:
        if rule.name not in self._worst:
            least = rule.threshold.lower / rule.threshold.multiple  # a lower rate moves no threshold
            sure_rate = partial(_sure_rate, self.history, self._series, rule, least)
            self._worst[rule.name] = OwnWorst(sure_rate, self.history.quarters + 1)
        return self._worst[rule.name].at(view.end)

    def sleeping(self, view: View) -> bool:
        """Say if a slow rule would hold without its "while": the next few events would open a new alert."""
        for rule in self.policy.rules:
            if rule.only_while is not None:
                events, emails = view.measure(rule.window)
                if self._holds(view, rule, events, emails) is not None:
                    return True
        return False

    def verdict(self, view: View, found: tuple[Finding, ...]) -> Verdict:
        if found:
            return Verdict[found[0].severity.name]
        if view.emails == 0:
            return Verdict.NO_DATA
        return Verdict.OK if view.emails >= self._enough_emails else Verdict.TOO_FEW_EMAILS


class Evaluation:
    """One metric at one tick: everything anybody needs, each worked out once, when it is first asked for."""

    def __init__(self, evaluator: Evaluator, at: Instant, view: View, found: tuple[Finding, ...]) -> None:
        self._evaluator = evaluator
        self.view = view
        self.metric: Metric = view.metric
        self.at = at
        self.found = found
        """The rules that hold, worst first."""

    @cached_property
    def calm(self) -> bool:
        """The conditions of the resolution are met; without email none is."""
        return self.still_high is None and not self._evaluator.sleeping(self.view)

    @cached_property
    def still_high(self) -> tuple[Count, float] | None:
        """The first window whose rate keeps an open alert open though no rule holds, and the rate that it must come down to."""
        policy = self._evaluator.policy
        for calm in policy.calm:
            events, emails = self.view.measure(calm.window)
            at_most = max(calm.at_most, calm.times_usual * self.view.usual(policy.weight) if calm.times_usual else 0.0)
            if emails < 1 or events > at_most * emails:
                return self.view.count(calm.window), at_most
        return None

    @cached_property
    def _whole(self) -> View:
        """The view of everything that AWS counts."""
        history = self._evaluator.whole
        return self.view if history is self.view.history else View(history, self.metric, history.closed(self.at))

    @cached_property
    def shown(self) -> Count:
        """The window that people see as "the rate"."""
        return self.view.count(SHOWN[self.metric])

    @cached_property
    def estimate(self) -> Count:
        """Estimate of AWS's own rate: its events, and the emails behind them."""
        return self._whole.count(AWS_ESTIMATE)

    @cached_property
    def headroom(self) -> Headroom | None:
        """The way to AWS's review threshold; None without email."""
        return headroom(self._whole)

    @cached_property
    def share_left(self) -> float | None:
        """The share of that way, for the metric; it costs far less than the headroom."""
        return share_left(self._whole)

    @property
    def verdict(self) -> Verdict:
        """The verdict of the statistics alone."""
        return self._evaluator.verdict(self.view, self.found)

    @cached_property
    def thresholds(self) -> tuple[InForce, ...]:
        """Every rule with its threshold in force now, why, and how far it is."""
        return tuple(self._in_force())

    def _in_force(self) -> Iterator[InForce]:
        for rule in self._evaluator.policy.rules:
            events, emails = self.view.measure(rule.window)
            bound = min(1.0, lower_bound(events, emails, rule.confidence)) if emails else 0.0
            yield InForce(
                rule,
                *self._evaluator.reach(self.view, rule),
                self.view.count(rule.window),
                bound,
            )


def _group(window: Window, policy: MetricPolicy) -> _Group:
    rules = tuple(rule for rule in policy.rules if rule.window == window)
    return _Group(window, min(rule.min_events for rule in rules), min(rule.threshold.least for rule in rules), rules)


def _sure_rate(history: History, series: Series, rule: Rule, least: float, end: int) -> float:
    """The rate that `rule` is sure of at slot `end`; 0 if its events are too few, or the rate is not above `least`.

    Most slots end at the first test: a run asks for every one of ten days.
    """
    start = series.start(rule.window, end)
    events = series.events[end] - series.events[start]
    surely = series.surely[end] - series.surely[start]
    if events < rule.min_events or events <= least * surely:
        return 0.0
    if surely and lower_bound(events, surely, rule.confidence) <= least:  # nor of more emails
        return 0.0
    emails = View(history, series.metric, end).behind(rule.window, start)
    if emails < rule.min_emails or events <= least * emails or not emails:
        return 0.0
    return min(1.0, lower_bound(events, emails, rule.confidence))


def _goes_on(view: View, condition: While, threshold: float) -> bool:
    events, emails = view.measure(condition.window)
    share = condition.share_of_threshold
    above = threshold * share if share is not None else condition.above
    return above is not None and events > above * emails
