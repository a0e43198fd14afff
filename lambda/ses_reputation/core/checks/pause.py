"""A pause by the monitor itself: due, done, failed, or what a dry run would have done."""

from __future__ import annotations

from collections.abc import Mapping

from ..alert import Standing
from ..pause_level import Part
from ..pause_record import CHECK, UNSURE, Pause, Stage
from ..wording import duration, when
from .base import Check, Command, News, Seen

RESETS = "Resuming a configuration set resets its own reputation metrics, not those of the account."


class PauseCheck(Check):
    name = CHECK
    noun = "pause of sending"
    anchor = "pause"
    finds = Pause

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        if seen.pause is None:
            return {}
        pause = seen.pause.pause
        if pause is None:
            return {self.name: Standing((), quiet=0)}
        return {self.name: Standing((pause,), quiet=0, mark=_mark(pause), urgent=True)}

    # -- words

    def headline(self, news: News) -> str:
        if news.resolved and CHECK not in news.tracks:
            return f"The monitor pauses nothing in {news.region} now"
        pause = _of(news)
        what = "the account" if pause.part is Part.ACCOUNT else f"a {pause.part.value}"
        if news.resolved:
            end = "is over" if pause.stage is Stage.PAUSED else "was called off"
            return f"The pause of {what} in {news.region} {end}"
        return {
            Stage.DUE: f"The monitor will pause {what} in {news.region}",
            Stage.PAUSED: f"The monitor has paused {what} in {news.region}",
            Stage.FAILED: f"The monitor could not pause {what} in {news.region}",
            Stage.DRY_RUN: f"Dry run: a pause of {what} in {news.region}",
        }[pause.stage]

    def changed(self, news: News) -> str:
        stage = _of(news).stage
        return {Stage.PAUSED: "Done as planned.", Stage.FAILED: "It failed."}.get(stage, "It is to be done again.")

    def summary(self, news: News) -> list[str]:
        pause = _of(news)
        what, why = f"{pause.what.capitalize()}.", f"Why: {pause.why}."
        soon = f"{pause.what.capitalize()} will be paused at the next run, in about {duration(news.context.every)}"
        return {
            Stage.DUE: [f"{soon}, unless the conditions no longer hold then.", why],
            Stage.PAUSED: [f"{what} Since {when(pause.at, news.context.zone)}.", why, "It never resumes by itself."],
            Stage.FAILED: [
                f"{what} The call failed ({pause.trouble}): email goes on.",
                why,
                "The next run tries again.",
            ],
            Stage.DRY_RUN: [what, why, "Nothing is paused: [pause] level is dry-run."],
        }[pause.stage]

    def resolved(self, news: News) -> list[str]:
        pause, seen = _of(news), news.seen.pause
        if CHECK not in news.tracks:  # it ended within an hour of the last message, so that its end had to wait
            return ["It was called off, or a person has resumed."]
        if pause.stage is not Stage.PAUSED:
            refusal = "" if seen is None or not seen.refusal else f": {seen.refusal}"
            what = pause.what.capitalize()
            return [f"{what}{refusal}." if UNSURE in refusal else f"{what}: nothing was paused{refusal}."]
        if seen is not None and seen.rearmed is not None:
            resumed = when(seen.rearmed, news.context.zone)
            return [f"{pause.what.capitalize()}: a person resumed it at {resumed}. Emails before that no longer count."]
        return ["Somebody has switched sending on again. ses-reputation resume would also start every window anew."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        pause = _of(news)
        return {
            Stage.DUE: (
                "Stop the sender yourself, or let the pause come.",
                f'To prevent it: ses-reputation mute --check pause --region {news.region} --for 2h --reason "we are on it"',
            ),
            Stage.PAUSED: (
                "Find the cause and stop it: the bounce or complaint alert names what is known.",
                f"Then resume with the command below.{f' {RESETS}' if pause.part is Part.SET else ''}",
            ),
            Stage.FAILED: (
                "Stop the sender by hand: the command below pauses the same.",
                "If access was denied, deploy again: the role has the right for the level in the settings only.",
            ),
            Stage.DRY_RUN: ("Would that have been right? Then set [pause] level in the settings.",),
        }[pause.stage]

    def command(self, news: News) -> Command | None:
        pause = _of(news)
        if pause.stage is Stage.PAUSED:
            return Command("See the pause, and resume", f"ses-reputation resume --region {news.region}")
        if pause.stage is not Stage.FAILED:
            return super().command(news)
        by_hand = {
            Part.SET: f"put-configuration-set-sending-options --configuration-set-name {pause.name} --no-sending-enabled",
            Part.TENANT: "update-reputation-entity-customer-managed-status --reputation-entity-type RESOURCE "
            f"--reputation-entity-reference {pause.reference} --sending-status DISABLED",
            Part.ACCOUNT: "put-account-sending-attributes --no-sending-enabled",
        }[pause.part]
        return Command("Pause it by hand", f"aws sesv2 {by_hand} --region {news.region}")


def _mark(pause: Pause) -> str:
    return f"{pause.stage.value} {pause.cause} {pause.name}".rstrip()


def _of(news: News) -> Pause:
    """The pause now or, when it is over, as it was last."""
    now = None if news.seen.pause is None else news.seen.pause.pause
    track = news.tracks.get(CHECK)
    found = now if now is not None or track is None else track.worst
    if isinstance(found, Pause):
        return found
    return Pause(Stage.PAUSED, Part.ACCOUNT, "", "", "", "the record of it is damaged", news.change.sent.opened_at)


PAUSE = PauseCheck()
