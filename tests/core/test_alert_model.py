"""An alert against the smallest model of it: whatever happens in whatever order, both say the same."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ses_reputation.core.alert import QUIET, Alert, caught_up, step
from ses_reputation.core.history import BUCKET, HOUR
from ses_reputation.core.rules import Finding, Severity

FOUND = {
    "nothing": (),
    "warning": (Finding("w", Severity.WARNING),),
    "critical": (Finding("c", Severity.CRITICAL), Finding("w", Severity.WARNING)),
}
RANK = {"nothing": 0, "warning": 1, "critical": 2}


class Monitor(RuleBasedStateMachine):
    """The model knows the worst so far, how often it has spoken, and since when nothing was found; it reminds of nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_738_368_000
        self.told: Alert | None = None
        self.worst = "nothing"
        self.last_found = 0
        self.heard: list[str] = []
        self.model: list[str] = []
        self.keys: list[tuple[str, int]] = []

    def _model(self, found: str, calm: bool) -> None:
        if RANK[found] > RANK[self.worst]:
            self.model.append("opened" if self.worst == "nothing" else "escalated")
            self.worst = found
        if found != "nothing":
            self.last_found = self.now
        elif self.worst != "nothing" and self.now - self.last_found >= QUIET and calm:
            self.model.append("recovered")
            self.worst = "nothing"

    @rule(found=st.sampled_from(list(FOUND)), calm=st.booleans(), ticks=st.integers(1, 60))
    def tick(self, found: str, calm: bool, ticks: int) -> None:
        for _ in range(ticks):
            self.now += BUCKET
            after, change = step(self.told, "bounce", FOUND[found], lambda: calm, self.now)
            told, changes = caught_up(self.told, after, self.now, {})
            assert (told, changes) == (after, () if change is None else (change,))
            self.told = told
            self.heard += [said.reason.value for said in changes if said.reason.value != "still"]
            self.keys += [(said.alert.id, said.alert.seq) for said in changes]
            self._model(found, calm)

    @rule(found=st.sampled_from(list(FOUND)), hours=st.integers(1, 100))
    def outage(self, found: str, hours: int) -> None:
        """Ticks that nobody announces, and then what is true once."""
        before, unheard, ended = self.told, self.told, {}
        worst = self.worst
        heard = len(self.model)
        for _ in range(hours * HOUR // BUCKET):
            self.now += BUCKET
            unheard, change = step(unheard, "bounce", FOUND[found], lambda: True, self.now)
            if change is not None and change.ended:
                ended[change.alert.id] = change.alert.seq
            self._model(found, calm=True)
        del self.model[heard:]
        self.told, changes = caught_up(before, unheard, self.now, ended)
        if self.worst != worst:
            self.model.append(
                "opened" if worst == "nothing" else "recovered" if self.worst == "nothing" else "escalated"
            )
        self.heard += [said.reason.value for said in changes if said.reason.value != "still"]
        self.keys += [(said.alert.id, said.alert.seq) for said in changes]

    @invariant()
    def says_what_the_model_says(self) -> None:
        assert self.heard == self.model
        assert (self.told is None) == (self.worst == "nothing")

    @invariant()
    def never_uses_a_number_twice(self) -> None:
        assert len(set(self.keys)) == len(self.keys)
        numbers: dict[str, int] = {}
        for alert, seq in self.keys:
            assert seq > numbers.get(alert, 0)
            numbers[alert] = seq


TestMonitor = Monitor.TestCase
TestMonitor.settings = settings(max_examples=40, stateful_step_count=15, derandomize=True, deadline=None)
