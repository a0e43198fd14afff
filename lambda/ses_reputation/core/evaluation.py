"""One metric at one tick: everything that anybody needs of it, worked out once."""

from __future__ import annotations

from .headroom import Headroom, headroom, share_left
from .history import History, Instant
from .rates import AWS_ESTIMATE, SHOWN, Count, View
from .rules import Finding, MetricPolicy, Severity, Verdict, findings, is_calm, verdict_of


class Evaluation:
    def __init__(self, view: View, policy: MetricPolicy, now: Instant) -> None:
        self.metric = policy.metric
        self.at = now
        self._view, self._policy = view, policy
        self.found: tuple[Finding, ...] = tuple(findings(view, policy))

    @property
    def calm(self) -> bool:
        return is_calm(self._view, self._policy)

    @property
    def shown(self) -> Count:
        return self._view.count(SHOWN[self.metric])

    @property
    def estimate(self) -> Count:
        return self._view.count(AWS_ESTIMATE)

    @property
    def headroom(self) -> Headroom | None:
        return headroom(self._view)

    @property
    def share_left(self) -> float | None:
        return share_left(self._view)

    @property
    def verdict(self) -> Verdict:
        worst = max((finding.severity for finding in self.found), default=Severity.NONE)
        return verdict_of(self._view, self._policy, worst)


class Evaluator:
    def __init__(self, history: History, policy: MetricPolicy) -> None:
        self._history, self._policy = history, policy

    def at(self, now: Instant) -> Evaluation:
        return Evaluation(View(self._history, self._policy.metric, self._history.closed(now)), self._policy, now)
