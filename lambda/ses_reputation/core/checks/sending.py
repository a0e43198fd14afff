"""The account's own sending switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..alert import Standing
from ..history import DAY
from ..pause_level import Part
from ..rules import Severity
from ..wording import minute
from .base import Check, Command, News, Seen


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """Sending is switched off by the account itself."""

    severity: Severity = Severity.CRITICAL


class Sending(Check):
    name = "sending"
    noun = "sending switched off"
    anchor = "sending-switched-off"
    finds = SwitchedOff

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        account = seen.readings.known_account
        ours = None if seen.pause is None else seen.pause.pause
        if account is None or (ours is not None and ours.in_force and ours.part is Part.ACCOUNT):
            return {}  # the alert of the monitor's own pause speaks of it
        return {self.name: Standing(() if account.sending else (SwitchedOff(),), quiet=0)}

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"SES sending in {news.region} is switched on again"
        return f"SES sending in {news.region} is switched off by your account"

    def summary(self, news: News) -> list[str]:
        return [
            "The sending switch of this account is off: no email leaves it in this region.",
            "AWS did not do this. A person or an automation with access to the account did.",
        ]

    def resolved(self, news: News) -> list[str]:
        return ["The sending switch of this account is on: email goes out again."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return (
            "Find who switched it off, and why. CloudTrail has the event; an automatic pause has its reason.",
            "When the reason is gone, switch it on again: the runbook has the command.",
        )

    def command(self, news: News) -> Command | None:
        return Command(
            "Find who switched it off",
            f"aws cloudtrail lookup-events --region {news.region} --start-time {minute(news.started - DAY)} "
            "--lookup-attributes AttributeKey=EventSource,AttributeValue=ses.amazonaws.com "
            "--query \"Events[?contains(EventName,'AccountSending')].[EventTime,EventName,Username]\" --output table",
        )


SENDING = Sending()
