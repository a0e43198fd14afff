"""Alerts from opening to resolution: how truth moves (`advance`), and when a notification is sent and why (`news`)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from ses_reputation.core.alert import Kind, Reason, Sent, Standing, Track, advance, news, reminder_due
from ses_reputation.core.history import BUCKET, DAY, HOUR, Instant
from ses_reputation.core.rules import Finding, Severity

START = 1_738_368_000  # 2025-02-01T00:00Z
WARNING = (Finding("w", Severity.WARNING),)
CRITICAL = (Finding("c", Severity.CRITICAL), Finding("w", Severity.WARNING))
NOTHING: tuple[Finding, ...] = ()


@dataclass
class Play:
    """One check, tick by tick: what is true, and what was sent, in hours since the start."""

    tracks: dict[str, Track] = field(default_factory=dict)
    sent: Sent | None = None
    now: Instant = START
    heard: list[tuple[float, str, str]] = field(default_factory=list)
    ids: list[tuple[str, int]] = field(default_factory=list)

    def ticks(self, hours: float, *, down: bool = False, **standings: Standing) -> Play:
        """Run this many hours, each track with its standing; `down`: nothing is sent meanwhile."""
        for _ in range(round(hours * 4)):
            for name, standing in standings.items():
                track = advance(self.tracks.get(name), standing, self.now, name, unsaved=self.now)
                self.tracks.pop(name, None)
                if track is not None:
                    self.tracks[name] = track
            if not down:
                self.sent, changes = news("bounce", self.sent, dict(sorted(self.tracks.items())), self.now)
                for change in changes:
                    severity = change.sent.severity.word
                    self.heard.append(((self.now - START) / HOUR, change.reason.value, severity))
                    self.ids.append((change.sent.alert, change.sent.number))
            self.now += BUCKET
        return self

    def ours(self, hours: float, found: tuple[Finding, ...], *, calm: bool = True, down: bool = False) -> Play:
        return self.ticks(hours, down=down, bounce=Standing(found, calm=lambda: calm))

    @property
    def reasons(self) -> list[str]:
        return [reason for _, reason, _ in self.heard]


def reached(mark: str | None, severity: Severity = Severity.CRITICAL) -> Standing:
    """AWS's source, as the rate check gives it."""
    return Standing((Finding("aws", severity),), mark=mark, urgent=mark == "pause", eases=True)


NEAR = reached(None, Severity.WARNING)
REVIEW, PAUSE = reached("review"), reached("pause")
OURS_WARNING, OURS_CRITICAL, OURS_QUIET = Standing(WARNING), Standing(CRITICAL), Standing(NOTHING)
AWS_QUIET = Standing(NOTHING)


# -- one source


def test_an_opening_is_sent_once() -> None:
    assert Play().ours(20, WARNING).heard == [(0, "opened", "warning")]


def test_an_escalation_is_sent_at_once() -> None:
    assert Play().ours(0.25, WARNING).ours(1, CRITICAL).heard == [
        (0, "opened", "warning"),
        (0.25, "escalated", "critical"),
    ]


def test_a_lesser_or_repeated_finding_is_not_sent() -> None:
    assert Play().ours(1, CRITICAL).ours(5, WARNING).ours(2, CRITICAL).reasons == ["opened"]


def test_reminders_come_after_one_two_and_four_days_and_then_every_week() -> None:
    heard = Play().ours(24 * 20, WARNING).heard
    assert [hours / 24 for hours, _, _ in heard] == [0, 1, 2, 4, 11, 18]
    assert {reason for _, reason, _ in heard[1:]} == {"reminder"}


def test_an_escalation_restarts_the_reminders() -> None:
    heard = Play().ours(30, WARNING).ours(100, CRITICAL).heard
    assert [(hours, reason) for hours, reason, _ in heard[1:]] == [
        (24, "reminder"),
        (30, "escalated"),
        (54, "reminder"),
        (78, "reminder"),
        (126, "reminder"),
    ]


def test_an_alert_resolves_a_day_after_the_last_finding() -> None:
    assert Play().ours(2, WARNING).ours(30, NOTHING).heard[1:] == [(25.75, "resolved", "warning")]


def test_an_alert_does_not_resolve_while_rates_are_high() -> None:
    play = Play().ours(2, WARNING).ours(60, NOTHING, calm=False)
    assert "resolved" not in play.reasons
    assert play.ours(0.25, NOTHING).reasons[-1] == "resolved"


def test_rates_are_not_checked_soon_after_a_finding() -> None:
    def never() -> bool:
        raise AssertionError

    track = advance(None, Standing(WARNING, calm=never), START, "bounce", unsaved=START)
    track = advance(track, Standing(WARNING, calm=never), START + DAY, "bounce", unsaved=START)
    assert advance(track, Standing(NOTHING, calm=never), START + 2 * DAY - 1, "bounce", unsaved=START) == track


def test_no_reminder_is_sent_while_a_resolution_may_follow() -> None:
    heard = Play().ours(2, WARNING).ours(30, NOTHING, calm=False).heard
    assert [(hours, reason) for hours, reason, _ in heard] == [(0, "opened"), (25.75, "reminder")]


def test_flapping_does_not_reopen() -> None:
    play = Play()
    for _ in range(8):
        play.ours(1, WARNING).ours(20, NOTHING)
    assert play.reasons.count("opened") == 1 and len({alert for alert, _ in play.ids}) == 1


def test_a_second_trouble_is_a_second_alert() -> None:
    play = Play().ours(1, WARNING).ours(30, NOTHING).ours(1, WARNING)
    assert play.reasons == ["opened", "resolved", "opened"]
    assert [alert for alert, _ in play.ids] == ["bounce-20250201T0000Z"] * 2 + ["bounce-20250202T0700Z"]


def test_notifications_of_an_alert_are_numbered() -> None:
    play = Play().ours(30, WARNING).ours(1, CRITICAL).ours(30, NOTHING)
    assert [number for _, number in play.ids] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.OPENED, Kind.FIRING),
        (Reason.ESCALATED, Kind.FIRING),
        (Reason.CHANGED, Kind.FIRING),
        (Reason.REMINDER, Kind.REMINDER),
        (Reason.RESOLVED, Kind.RESOLVED),
    ],
)
def test_each_reason_has_its_kind(reason: Reason, kind: Kind) -> None:
    assert reason.kind is kind


def test_truth_does_not_depend_on_what_was_sent() -> None:
    heard, unheard = Play(), Play()
    for play, down in ((heard, False), (unheard, True)):
        play.ours(3, WARNING, down=down).ours(4, CRITICAL, down=down).ours(5, NOTHING, down=down)
    assert heard.tracks == unheard.tracks and unheard.heard == []


# -- names


def test_a_track_is_named_after_its_first_unstored_tick() -> None:
    tracks = [advance(None, OURS_WARNING, START + late, "quota", unsaved=START) for late in (0, BUCKET, HOUR)]
    assert {track.id for track in tracks if track is not None} == {"quota-20250201T0000Z"}


def test_an_alert_is_never_renamed_when_its_first_source_ends() -> None:
    play = Play().ticks(2, bounce=OURS_WARNING, aws=AWS_QUIET)
    play.ticks(30, bounce=OURS_QUIET, aws=REVIEW).ticks(30, bounce=OURS_CRITICAL, aws=REVIEW)
    assert {alert for alert, _ in play.ids} == {"bounce-20250201T0000Z"}


def test_an_alert_of_two_sources_is_named_after_the_earlier_tick() -> None:
    ours = advance(None, OURS_WARNING, START + HOUR, "bounce", unsaved=START + HOUR)
    aws = advance(None, REVIEW, START + HOUR, "bounce/aws", unsaved=START)
    assert ours is not None and aws is not None
    for tracks in ({"bounce": ours, "bounce/aws": aws}, {"bounce/aws": aws, "bounce": ours}):
        sent, _ = news("bounce", None, tracks, START + HOUR)
        assert sent is not None and sent.alert == "bounce-20250201T0000Z"


# -- outages


def test_a_reminder_due_in_an_outage_is_sent_after_it() -> None:
    play = Play().ours(47, WARNING).ours(2, WARNING, down=True).ours(60, WARNING)
    assert [(hours, reason) for hours, reason, _ in play.heard] == [
        (0, "opened"),
        (24, "reminder"),
        (49, "reminder"),
        (96, "reminder"),
    ]


def test_missed_reminders_are_sent_as_one() -> None:
    play = Play().ours(1, WARNING).ours(5 * 24 - 1, WARNING, down=True).ours(1, WARNING)
    assert play.heard[1:] == [(120, "reminder", "warning")]
    assert play.sent is not None and reminder_due(play.sent) == START + 11 * DAY


def test_a_joined_reminder_replaces_the_one_nearly_due() -> None:
    track = advance(None, OURS_WARNING, START, "bounce", unsaved=START)
    assert track is not None
    sent, _ = news("bounce", None, {"bounce": track}, START)
    now = START + 95 * HOUR
    after, [change] = news("bounce", sent, {"bounce": replace(track, held_at=now)}, now, ahead=HOUR)
    assert change.reason is Reason.REMINDER
    assert after is not None and reminder_due(after) == START + 11 * DAY


@pytest.mark.parametrize(("early", "reminders"), [(HOUR, 1), (HOUR + 1, 0)])
def test_a_reminder_that_is_due_too_much_later_joins_no_other(early: int, reminders: int) -> None:
    track = advance(None, OURS_WARNING, START, "bounce", unsaved=START)
    assert track is not None
    sent, _ = news("bounce", None, {"bounce": track}, START)
    now = START + DAY - early
    _, changes = news("bounce", sent, {"bounce": replace(track, held_at=now)}, now, ahead=HOUR)
    assert len(changes) == reminders


def test_an_alert_that_began_and_ended_in_an_outage_is_not_sent() -> None:
    assert Play().ours(3, CRITICAL, down=True).ours(40, NOTHING, down=True).ours(40, NOTHING).heard == []


def test_an_alert_opened_in_an_outage_is_sent_once_afterwards() -> None:
    play = Play().ours(30, WARNING, down=True).ours(50, CRITICAL, down=True).ours(1, CRITICAL)
    assert play.heard == [(80, "opened", "critical")]
    assert play.sent is not None and play.sent.opened_at == START


def test_after_an_outage_reminders_count_from_the_first_notification() -> None:
    play = Play().ours(50, WARNING, down=True).ours(30, WARNING)
    assert [(hours, reason) for hours, reason, _ in play.heard] == [(50, "opened"), (74, "reminder")]


def test_an_escalation_in_an_outage_is_sent_after_it() -> None:
    play = Play().ours(1, WARNING).ours(30, CRITICAL, down=True).ours(1, CRITICAL)
    assert play.heard[1:] == [(31, "escalated", "critical")]


def test_a_resolution_in_an_outage_is_sent_after_it() -> None:
    assert Play().ours(1, WARNING).ours(40, NOTHING, down=True).ours(1, NOTHING).heard[1:] == [
        (41, "resolved", "warning")
    ]


def test_a_resolution_and_reopening_in_an_outage_are_both_sent() -> None:
    play = Play().ours(1, WARNING).ours(40, NOTHING, down=True).ours(1, CRITICAL, down=True).ours(1, CRITICAL)
    assert play.heard[1:] == [(42, "resolved", "warning"), (42, "opened", "critical")]
    assert len(set(play.ids)) == 3


# -- two sources


def test_aws_crossing_its_review_threshold_is_always_sent() -> None:
    play = Play().ticks(2, bounce=OURS_CRITICAL).ticks(2, bounce=OURS_CRITICAL, aws=REVIEW)
    assert play.heard == [(0, "opened", "critical"), (2, "changed", "critical")]


def test_each_threshold_of_aws_is_sent_once() -> None:
    play = Play()
    for standing in (REVIEW, PAUSE, PAUSE, PAUSE):
        play.ticks(2, aws=standing)
    assert play.heard == [(0, "opened", "critical"), (2, "changed", "critical")]


def test_aws_near_its_threshold_is_not_sent_beside_our_alert() -> None:
    assert Play().ticks(2, bounce=OURS_WARNING).ticks(9, bounce=OURS_WARNING, aws=NEAR).reasons == ["opened"]


def test_our_rate_joining_awss_alert_is_sent_once() -> None:
    play = Play().ticks(2, aws=REVIEW).ticks(9, bounce=OURS_CRITICAL, aws=REVIEW)
    assert play.reasons == ["opened", "changed"]


def test_the_worse_source_escalates() -> None:
    assert Play().ticks(2, bounce=OURS_WARNING).ticks(1, bounce=OURS_WARNING, aws=REVIEW).reasons == [
        "opened",
        "escalated",
    ]
    assert Play().ticks(2, aws=NEAR).ticks(1, bounce=OURS_CRITICAL, aws=NEAR).reasons == ["opened", "escalated"]


def test_it_resolves_only_when_both_sources_are_calm() -> None:
    play = Play().ticks(2, bounce=OURS_CRITICAL, aws=REVIEW)
    assert "resolved" not in play.ticks(80, bounce=OURS_QUIET, aws=REVIEW).reasons
    assert play.ticks(25, bounce=OURS_QUIET, aws=AWS_QUIET).reasons.count("resolved") == 1


def test_a_new_outbreak_is_sent_while_aws_keeps_the_alert_open() -> None:
    play = Play().ticks(2, bounce=OURS_CRITICAL, aws=REVIEW).ticks(30, bounce=OURS_QUIET, aws=REVIEW)
    before = len(play.heard)
    play.ticks(2, bounce=OURS_CRITICAL, aws=REVIEW)
    assert [reason for _, reason, _ in play.heard[before:]] == ["changed"]


def test_the_end_of_one_of_two_sources_is_not_sent() -> None:
    play = Play().ticks(2, bounce=OURS_CRITICAL, aws=REVIEW).ticks(21, bounce=OURS_QUIET, aws=REVIEW)
    assert play.reasons == ["opened"]


def test_aws_easing_is_not_sent_but_crossing_again_is() -> None:
    play = Play().ticks(1, aws=REVIEW).ticks(26, aws=replace(NEAR, mark="review"))
    assert play.sent is not None and play.sent.severity is Severity.WARNING
    before = len(play.heard)
    assert [reason for _, reason, _ in play.ticks(1, aws=REVIEW).heard[before:]] == ["escalated"]


# -- sixty minutes


def test_a_change_waits_until_sixty_minutes_after_the_last_notification() -> None:
    play = Play().ticks(0.25, bounce=OURS_CRITICAL).ticks(3, bounce=OURS_CRITICAL, aws=REVIEW)
    assert play.heard == [(0, "opened", "critical"), (1, "changed", "critical")]


def test_the_pause_threshold_of_aws_does_not_wait() -> None:
    play = Play().ticks(0.25, aws=REVIEW).ticks(0.25, aws=PAUSE)
    assert play.heard == [(0, "opened", "critical"), (0.25, "changed", "critical")]


def test_a_resolution_waits_until_sixty_minutes_after_the_last_notification() -> None:
    at_once = Standing(NOTHING, quiet=0)
    assert Play().ticks(0.25, sending=OURS_CRITICAL).ticks(2, sending=at_once).heard[1:] == [
        (1, "resolved", "critical")
    ]


def test_a_quick_resolution_and_reopening_are_both_sent_later() -> None:
    at_once = Standing(NOTHING, quiet=0)
    play = Play().ticks(0.25, sending=OURS_CRITICAL).ticks(0.25, sending=at_once).ticks(2, sending=OURS_CRITICAL)
    assert play.heard[1:] == [(1, "resolved", "critical"), (1, "opened", "critical")]


def test_an_urgent_alert_does_not_wait_for_the_previous_resolution() -> None:
    review, paused = (Standing(CRITICAL, mark=word, urgent=True) for word in ("PROBATION", "SHUTDOWN"))
    healthy = Standing(NOTHING, quiet=0)
    play = Play().ticks(0.25, enforcement=review).ticks(0.25, enforcement=healthy).ticks(1, enforcement=paused)
    assert play.heard[1:] == [(0.5, "resolved", "critical"), (0.5, "opened", "critical")]


# -- marks and easing


def test_each_change_of_awss_status_is_sent_at_once() -> None:
    play = Play()
    for word in ("PROBATION", "SHUTDOWN", "SHUTDOWN", "PROBATION", "SHUTDOWN"):
        play.ticks(0.5, enforcement=Standing(CRITICAL, quiet=0, mark=word, urgent=True))
    assert [(hours, reason) for hours, reason, _ in play.heard] == [
        (0, "opened"),
        (0.5, "changed"),
        (1.5, "changed"),
        (2, "changed"),
    ]


def test_a_severity_eases_silently_after_its_quiet_time() -> None:
    def at(*ticks: tuple[int, tuple[Finding, ...]]) -> Severity:
        track = None
        for hours, found in ticks:
            track = advance(track, Standing(found, quiet=DAY, eases=True), START + hours * HOUR, "quota", unsaved=START)
        assert track is not None
        return track.severity

    assert at((0, CRITICAL), (23, WARNING)) is Severity.CRITICAL
    assert at((0, CRITICAL), (24, WARNING)) is Severity.WARNING


def test_a_severity_that_does_not_ease_stays_until_the_end() -> None:
    track = advance(None, OURS_CRITICAL, START, "bounce", unsaved=START)
    track = advance(track, OURS_WARNING, START + 9 * DAY, "bounce", unsaved=START)
    assert track is not None and track.severity is Severity.CRITICAL


def test_an_escalation_after_easing_is_sent_again() -> None:
    eases = [Standing(found, quiet=DAY, eases=True) for found in (CRITICAL, WARNING, CRITICAL)]
    play = Play()
    for standing, hours in zip(eases, (1, 25, 1), strict=True):
        play.ticks(hours, quota=standing)
    assert [reason for reason in play.reasons if reason != "reminder"] == ["opened", "escalated"]
