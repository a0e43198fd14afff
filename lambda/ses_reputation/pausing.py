"""Attend to pauses in one run of one target: notify of them, do and note them, and see what a person has resumed.

People are notified of a pause at one tick; it is done at the next. Before the call to AWS the store has it as due, so
that a run that dies anywhere is completed by the next one: the call may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from .aws.errors import AWS_ERRORS, code_of, may_be_done
from .aws.store import Item, Overtaken
from .core import pause_guard as guard
from .core import pause_record as stored
from .core.cause import CauseReading
from .core.decide import Plan
from .core.history import BUCKET, HOUR, BadData
from .core.pause_guard import Facts
from .core.pause_level import PARTS, Level, Part
from .core.pause_record import CALLED_OFF, CHECK, UNSURE, Pause, PauseReading, Stage
from .core.rates import Metric
from .core.rules import Severity
from .core.state import State
from .core.target import Target
from .run import Store

TRIES = 3
"""Most times that a note is written again because somebody else has written meanwhile."""

RESUMED = "a person has resumed it meanwhile"

STALE = HOUR
"""A pause that people were notified of, or that was begun, longer ago is not simply done: much may have changed."""


@dataclass(frozen=True)
class Pausing:
    """Everything that a pause needs."""

    level: Level
    store: Store
    look: Callable[[Plan, Metric], CauseReading | None]  # for the cause; None: it is not looked for
    switch_off: Callable[[Target, Pause], None]  # raises `AWS_ERRORS`
    reference_of: Callable[[Target, str], str]  # ARN of a tenant; raises `AWS_ERRORS`
    every: int = BUCKET  # seconds that people have at least between the message and the pause
    clock: Callable[[], float] = time.time

    def attend(self, plan: Plan, before: State | None) -> tuple[PauseReading | None, tuple[str, ...]]:
        """Say what is known of pauses at this tick, None if that is nothing new, and what went wrong."""
        if before is not None and before.tick >= plan.seen.now:  # handled before
            return None, ()
        try:
            pauses = self._load(plan.target)
        except (ValueError, *AWS_ERRORS) as error:
            why = str(error) if isinstance(error, ValueError) else code_of(error)
            return None, (f"the pauses could not be read, so nothing is paused ({why})",)
        return _Attention(self, plan, before, pauses).reading()

    def _load(self, target: Target) -> tuple[Pause, ...]:
        item = self.store.load(stored.key_of(target.id))
        if item is not None and item.schema > stored.SCHEMA:
            raise ValueError(f"they are of a newer version, schema {item.schema}")
        return () if item is None else stored.from_text(item.text)

    def note(self, target: Target, pause: Pause) -> bool:
        """Store a pause, in place of an earlier note on the same cause, unless a person has resumed that: tell if it is stored.

        Raises `AWS_ERRORS`, `Overtaken` or ValueError.
        """
        key = stored.key_of(target.id)
        for attempt in range(1, TRIES + 1):
            item = self.store.load(key)
            known = () if item is None else stored.from_text(item.text)
            if any(p.cause == pause.cause and p.resumed_at is not None for p in known):
                return False
            others = [p for p in known if p.cause != pause.cause]
            try:
                text = stored.to_text([*others, pause])
                self.store.save(key, Item(1 if item is None else item.version + 1, stored.SCHEMA, text))
            except Overtaken:
                if attempt == TRIES:
                    raise
            else:
                return True
        return False


@dataclass
class _Attention:
    """One run's look at the pauses of one target."""

    pausing: Pausing
    plan: Plan
    before: State | None
    pauses: Sequence[Pause]
    failures: list[str] = field(default_factory=list)

    def reading(self) -> tuple[PauseReading | None, tuple[str, ...]]:
        return self._reading(), tuple(self.failures)

    def _reading(self) -> PauseReading | None:
        newest, notified = self.pauses[-1] if self.pauses else None, self._notified()
        if newest is not None and newest.stage is Stage.DUE:  # begun, and not known to have ended
            return self._repeated(newest)
        if newest is not None and newest.in_force and not self._is_on_again(newest):
            return PauseReading(newest)
        if newest is not None and newest.resumed_at is not None and self._rearmed() < newest.at <= self.plan.seen.now:
            return PauseReading(
                rearmed=max(newest.resumed_at, newest.at)
            )  # once for each pause, whatever clock resumed it
        if notified is not None and notified.stage is Stage.DRY_RUN and notified.cause in self._open_causes():
            return PauseReading(notified)
        return self._new(notified)

    def _repeated(self, due: Pause) -> PauseReading:
        """End a pause whose note says only that it was begun: it is done, or done again, or called off."""
        account = self.plan.seen.readings.known_account
        if due.part is Part.ACCOUNT and account is not None and not account.sending:
            return self._noted_as_done(due)
        why = self._against_repeating(due)
        if not why:
            return self._done(due)
        self._note(replace(due, stage=Stage.FAILED, trouble=CALLED_OFF))
        return PauseReading(refusal=why if due.part is Part.ACCOUNT else f"{why}; {UNSURE}")

    def _against_repeating(self, due: Pause) -> str:
        """Say what speaks against doing again what was begun; empty if nothing does."""
        metric = next((m for m in Metric if self._is_of(due, m)), None)
        if metric is None:
            return "its alert is over"
        if not self._grants(due.part):
            return "the settings do not allow it"
        if not 0 <= self.plan.seen.now - due.at <= STALE:
            return "it was begun too long ago"
        facts = self._facts(metric)
        return guard.refusal(facts) if due.part is Part.ACCOUNT else guard.veto(facts)

    def _is_of(self, pause: Pause, metric: Metric) -> bool:
        track = self.plan.state.tracks.get(metric.value)
        return track is not None and track.id == pause.cause

    def _grants(self, part: Part) -> bool:
        """Tell if the settings allow to pause such a part."""
        return self.pausing.level is not Level.DRY_RUN and part in PARTS[self.pausing.level]

    def _new(self, notified: Pause | None) -> PauseReading | None:
        """A pause that nothing speaks against now, or why there is none."""
        refusals = []
        for metric in Metric:
            facts = self._facts(metric)
            if facts.track is None or facts.track.severity is not Severity.CRITICAL:
                continue
            refusal = "pauses are off" if self.pausing.level is Level.OFF else guard.refusal(facts)
            if refusal:
                refusals.append(f"{metric.value}: {refusal}")
            elif notified is None or notified.cause != facts.track.id or not self._grants(notified.part):
                return self._due(facts, facts.track.id)
            else:
                return self._after(notified, facts)
        return PauseReading(refusal="; ".join(refusals))

    def _after(self, notified: Pause, facts: Facts) -> PauseReading:
        """Go on from a pause that people were notified of, or that failed."""
        if notified.stage is Stage.DUE and (self._is_too_soon(notified) or self._waits_for_delivery()):
            return PauseReading(notified)
        if notified.stage is Stage.DUE and facts.now - notified.at <= STALE:
            return self._done(notified)
        now = self._due(facts, notified.cause)  # something else may be the cause by now: that is notified first then
        same = now.pause is not None and (now.pause.part, now.pause.name) == (notified.part, notified.name)
        people_know = notified.stage is Stage.DUE or (notified.stage is Stage.FAILED and notified.trouble != CALLED_OFF)
        return self._done(now.pause) if now.pause is not None and same and people_know else now

    def _is_too_soon(self, notified: Pause) -> bool:
        """Tell if people have had less than an interval, by the ticks or by the clock: a run at once may follow at once."""
        return min(self.plan.seen.now, int(self.pausing.clock())) - notified.at < self.pausing.every

    def _due(self, facts: Facts, cause: str) -> PauseReading:
        """Choose what to pause at the next tick."""
        dry = self.pausing.level is Level.DRY_RUN
        chosen = guard.named(self.pausing.look(self.plan, facts.metric), self.pausing.level)
        if chosen is None:
            return PauseReading(
                refusal=f"{facts.metric.value}: the cause names no part of the email that may be paused"
            )
        part, name = chosen
        reference = ""
        if part is Part.TENANT and not dry:
            try:
                reference = self.pausing.reference_of(self.plan.target, name)
            except (BadData, *AWS_ERRORS) as error:
                self.failures.append(f"tenant {name} could not be looked up ({code_of(error)})")
            if not reference:
                return PauseReading(refusal=f"{facts.metric.value}: tenant {name} could not be looked up")
        stage = Stage.DRY_RUN if dry else Stage.DUE
        why = guard.reason(facts.metric, facts.evaluation, facts.readings)
        return PauseReading(Pause(stage, part, name, reference, cause, why, facts.now))

    def _done(self, due: Pause) -> PauseReading:
        """Pause, with a note before and after."""
        target, pausing = self.plan.target, self.pausing
        due = replace(due, stage=Stage.DUE, at=self.plan.seen.now, trouble="")
        try:
            if not pausing.note(target, due):
                return PauseReading(refusal=RESUMED)
        except (Overtaken, ValueError, *AWS_ERRORS) as error:
            return self._failed(due, error, "the pause of {what} was not begun, since it could not be noted ({code})")
        try:
            pausing.switch_off(target, due)
        except AWS_ERRORS as error:
            failed = self._failed(due, error, "{what} could not be paused ({code})")
            if not may_be_done(error):
                self._note(replace(due, stage=Stage.FAILED, trouble=code_of(error)))
            return failed
        return self._noted_as_done(due)

    def _noted_as_done(self, due: Pause) -> PauseReading:
        done = replace(due, stage=Stage.PAUSED)
        return PauseReading(done) if self._note(done) else PauseReading(refusal=RESUMED)

    def _failed(self, due: Pause, error: Exception, words: str) -> PauseReading:
        self.failures.append(words.format(what=due.what, code=code_of(error)))
        return PauseReading(replace(due, stage=Stage.FAILED, trouble=code_of(error)))

    def _note(self, pause: Pause) -> bool:
        """Note what has become of it: False if a person has resumed it by then. If that fails, the note before stands."""
        try:
            return self.pausing.note(self.plan.target, pause)
        except (Overtaken, ValueError, *AWS_ERRORS) as error:
            self.failures.append(f"the end of the pause of {pause.what} could not be noted ({code_of(error)})")
            return True

    def _facts(self, metric: Metric) -> Facts:
        plan, state = self.plan, self.plan.state
        return Facts(
            plan.seen.now,
            plan.target,
            metric,
            state.tracks.get(metric.value),
            plan.seen.evaluations.get(metric),
            plan.seen.readings,
            plan.seen.history,
            plan.newest,
            state.sent.get(metric.value),
            tuple(self.pauses),
            state.rearmed,
        )

    def _notified(self) -> Pause | None:
        """The pause that people were last notified of, stored with that notification."""
        track = None if self.before is None else self.before.tracks.get(CHECK)
        return track.worst if track is not None and isinstance(track.worst, Pause) else None

    def _waits_for_delivery(self) -> bool:
        """Tell if people have not got the message yet: nothing is paused before."""
        outbox = () if self.before is None else self.before.outbox
        return any(delivery.document["check"] == CHECK for delivery in outbox)

    def _open_causes(self) -> set[str]:
        return {track.id for track in self.plan.state.tracks.values()}

    def _rearmed(self) -> int:
        return 0 if self.before is None or self.before.rearmed is None else self.before.rearmed

    def _is_on_again(self, pause: Pause) -> bool:
        """Tell if a person has switched the account on by hand; of other parts nobody knows."""
        account = self.plan.seen.readings.known_account
        return pause.part is Part.ACCOUNT and account is not None and account.sending and pause.at < self.plan.seen.now
