"""Alerts against a minimal model: both send the same, whatever happens in any order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ses_reputation.core.alert import Reason, Sent, Standing, Track, advance, news
from ses_reputation.core.history import BUCKET, DAY, HOUR
from ses_reputation.core.rules import Finding, Severity

START = 1_738_368_000
FOUND = {
    "nothing": (),
    "warning": (Finding("w", Severity.WARNING),),
    "critical": (Finding("c", Severity.CRITICAL), Finding("w", Severity.WARNING)),
}
RANK = {"nothing": 0, "warning": 1, "critical": 2}
FINDINGS = st.sampled_from(list(FOUND))
MARKS = st.sampled_from(["", "review", "pause"])
DUE_AFTER_DAYS = (1, 2, 4, 11, 18, 25, 32, 39, 46, 53, 60, 67, 74, 81)


class OneSource(RuleBasedStateMachine):
    """The model stores the worst so far, the last finding, what people believe, and the last notification."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.track: Track | None = None
        self.sent: Sent | None = None
        self.heard: list[tuple[int, str]] = []
        self.model: list[tuple[int, str]] = []
        self.worst, self.alert, self.found_at = "nothing", 0, START
        self.believed: tuple[int, str] | None = None  # the alert that people know of, and its severity
        self.last_at = self.counted_from = START
        self.reminded_of = 0

    def truth(self, found: str, calm: bool) -> None:
        standing = Standing(FOUND[found], calm=lambda: calm)
        self.track = advance(self.track, standing, self.now, "bounce", unsaved=self.now)
        if found != "nothing":
            if self.worst == "nothing":
                self.alert += 1
            self.worst = max(self.worst, found, key=lambda word: RANK[word])
            self.found_at = self.now
        elif self.now - self.found_at >= DAY and calm:
            self.worst = "nothing"

    def speech(self) -> None:
        tracks = {} if self.track is None else {"bounce": self.track}
        self.sent, changes = news("bounce", self.sent, tracks, self.now)
        self.heard += [(self.now, change.reason.value) for change in changes]

        early = self.now - self.last_at < HOUR
        open_now = (self.alert, self.worst) if self.worst != "nothing" else None
        if self.believed is not None and (open_now is None or open_now[0] != self.believed[0]):
            worse = open_now is not None and RANK[open_now[1]] > RANK[self.believed[1]]
            if early and not worse:
                return
            self.note("resolved")
            self.believed = None
        if open_now is None:
            return
        if self.believed is None:
            self.note("opened", anew=True)
        elif RANK[open_now[1]] > RANK[self.believed[1]]:
            self.note("escalated", anew=True)
        else:
            due = sum(self.now - self.counted_from >= days * DAY for days in DUE_AFTER_DAYS)
            quiet = self.now - self.found_at
            if due > self.reminded_of and not early and not 0 < quiet < DAY:
                self.note("reminder")
                self.reminded_of = due
        self.believed = open_now

    def note(self, reason: str, *, anew: bool = False) -> None:
        self.model.append((self.now, reason))
        self.last_at = self.now
        if anew:
            self.counted_from, self.reminded_of = self.now, 0

    @rule(found=st.sampled_from(list(FOUND)), calm=st.booleans(), ticks=st.integers(1, 200))
    def run(self, found: str, calm: bool, ticks: int) -> None:
        for _ in range(ticks):
            self.now += BUCKET
            self.truth(found, calm)
            self.speech()

    @rule(found=st.sampled_from(list(FOUND)), ticks=st.integers(1, 600))
    def outage(self, found: str, ticks: int) -> None:
        """Ticks whose changes are not sent until the next run."""
        for _ in range(ticks):
            self.now += BUCKET
            self.truth(found, calm=True)

    @invariant()
    def both_send_the_same(self) -> None:
        assert self.heard == self.model

    @invariant()
    def both_know_what_is_open(self) -> None:
        assert (self.track is None) == (self.worst == "nothing")


class TwoSources(RuleBasedStateMachine):
    """Promises of an alert of two sources, of which one has marks; they hold whatever happens."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.tracks: dict[str, Track] = {}
        self.sent: Sent | None = None
        self.heard: list[tuple[int, Reason, Sent, bool]] = []

    def tick(self, ours: str, aws: str, mark: str, *, heard: bool) -> None:
        self.now += BUCKET
        standings = {
            "bounce": Standing(FOUND[ours]),
            "bounce/aws": Standing(FOUND[aws], mark=mark or None, urgent=mark == "pause", eases=True),
        }
        for name, standing in standings.items():
            track = advance(self.tracks.get(name), standing, self.now, name, unsaved=self.now)
            self.tracks.pop(name, None)
            if track is not None:
                self.tracks[name] = track
        if heard:
            self.sent, changes = news("bounce", self.sent, self.tracks, self.now)
            urgent = any(track.urgent for track in self.tracks.values())
            self.heard += [(self.now, change.reason, change.sent, urgent) for change in changes]

    @rule(ticks=st.integers(1, 120), ours=FINDINGS, aws=FINDINGS, mark=MARKS)
    def run(self, ours: str, aws: str, mark: str, ticks: int) -> None:
        for _ in range(ticks):
            self.tick(ours, aws, mark, heard=True)
            self.nothing_worse_is_open_than_was_sent()
            self.no_reminder_is_overdue()

    @rule(ticks=st.integers(1, 300), ours=FINDINGS, aws=FINDINGS, mark=MARKS)
    def outage(self, ours: str, aws: str, mark: str, ticks: int) -> None:
        for _ in range(ticks):
            self.tick(ours, aws, mark, heard=False)

    def nothing_worse_is_open_than_was_sent(self) -> None:
        assert self.sent is not None or not self.tracks
        if self.sent is not None:
            assert all(track.severity <= self.sent.severity for track in self.tracks.values())
            assert self.tracks or self.now - self.sent.at < HOUR

    def no_reminder_is_overdue(self) -> None:
        if self.sent is not None and any(track.held_at == self.now for track in self.tracks.values()):
            assert self.now - self.sent.at < 7 * DAY
            assert self.now - self.sent.counted_from < DAY or self.sent.reminders or self.now - self.sent.at < HOUR

    @invariant()
    def every_alert_opens_and_resolves_once_in_order(self) -> None:
        by_alert: dict[str, list[Reason]] = {}
        for _, reason, sent, _ in self.heard:
            by_alert.setdefault(sent.alert, []).append(reason)
        for number, reasons in enumerate(reversed(by_alert.values())):
            assert reasons[0] is Reason.OPENED and reasons.count(Reason.OPENED) == 1
            assert Reason.RESOLVED not in reasons[:-1]
            assert number == 0 or reasons[-1] is Reason.RESOLVED

    @invariant()
    def numbers_of_an_alert_rise(self) -> None:
        numbers: dict[str, int] = {}
        for _, _, sent, _ in self.heard:
            assert sent.number > numbers.get(sent.alert, 0)
            numbers[sent.alert] = sent.number

    @invariant()
    def within_sixty_minutes_only_something_worse_or_urgent_is_sent(self) -> None:
        for (at, _, before, _), (later, reason, after, urgent) in zip(self.heard, self.heard[1:], strict=False):
            if later - at < HOUR and reason is not Reason.RESOLVED:
                assert after.alert != before.alert or urgent or after.severity > before.severity


TestOneSource = OneSource.TestCase
TestTwoSources = TwoSources.TestCase
BOUNDED = settings(max_examples=30, stateful_step_count=12, derandomize=True, deadline=None)
TestOneSource.settings = BOUNDED
TestTwoSources.settings = BOUNDED
