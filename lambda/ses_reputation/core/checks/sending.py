"""The account's own sending switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..alert import Standing
from ..rules import Severity
from .base import Check, News, Seen


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """Sending is switched off by the account itself."""

    severity: Severity = Severity.CRITICAL


class Sending(Check):
    name = "sending"
    noun = "sending switched off"
    anchor = "sending-switched-off"

    @property
    def facts(self) -> Mapping[str, type]:
        return {self.name: SwitchedOff}

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        account = seen.readings.known_account
        if account is None:
            return {}
        return {self.name: Standing(() if account.sending else (SwitchedOff(),), quiet=0)}

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"SES sending in {news.region} is switched on again"
        return f"SES sending in {news.region} is switched off by your account"

    def summary(self, news: News) -> list[str]:
        return [
            "The account's own sending switch is off: no email leaves it in this region.",
            "AWS did not do this; a person or an automation in this account did.",
        ]

    def resolved(self, news: News) -> list[str]:
        return ["The account's own sending switch is on again."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return (
            "Find who switched it off, and why: CloudTrail has the event, PutAccountSendingAttributes or UpdateAccountSendingEnabled.",
            (
                "If the reason is gone, switch it on: aws sesv2 put-account-sending-attributes --sending-enabled --region "
                f"{news.region}"
            ),
        )

    def command(self, news: News) -> str:
        return f"aws sesv2 get-account --region {news.region} --query SendingEnabled"


SENDING = Sending()
