"""Send statistics, or AWS's own view of the account, that cannot be read or not be believed. Unknown is never healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..alert import Standing
from ..history import HOUR
from ..readings import Trouble, Unreadable
from ..rules import Severity
from .base import Check, Command, News, Seen, role_command

FAILURES_BEFORE_ALERT = 2
"""An alert opens after this many runs in a row, at once if access is denied."""

NOT_KNOWN = ("unreadable", "aws-unreadable")
"""Checks whose alerts say that something is not known: the verdict says so itself."""

NOT_ENABLED_STEPS = (
    "Check in the AWS account settings that this region is enabled; deploying again does not help.",
    "If nobody sends from it, take it out of [targets] regions in settings.toml and deploy.",
)

READABLE_AGAIN = HOUR
"""The alert resolves when everything has been readable for so long."""


@dataclass(frozen=True, slots=True)
class UnreadableFound:
    """Why something is not known."""

    severity: Severity
    trouble: Trouble
    detail: str


def _standing(name: str, troubles: tuple[Unreadable, ...], failures: int, seen: Seen) -> Standing:
    denied = any(trouble.trouble in (Trouble.DENIED, Trouble.ROLE, Trouble.NOT_ENABLED) for trouble in troubles)
    counts = denied or failures >= FAILURES_BEFORE_ALERT or name in seen.tracks
    if not troubles or not counts:
        return Standing((), quiet=READABLE_AGAIN)
    detail = "; ".join(trouble.detail for trouble in troubles)
    return Standing((UnreadableFound(Severity.WARNING, troubles[0].trouble, detail),), quiet=READABLE_AGAIN)


def _why(news: News) -> str:
    if not isinstance(news.found, UnreadableFound):
        return "the reason is in the function's log"
    return f"{news.found.trouble} ({news.found.detail})"


def _trouble(news: News) -> Trouble:
    return news.found.trouble if isinstance(news.found, UnreadableFound) else Trouble.FAILED


def _role_lacks(news: News) -> bool:
    """Tell if the role in the target's account is missing, or lacks a right."""
    trouble = _trouble(news)
    return trouble is Trouble.ROLE or (trouble is Trouble.DENIED and news.through_role)


class StatisticsUnreadable(Check):
    name = "unreadable"
    noun = "unreadable"
    anchor = "cannot-be-read"
    finds = UnreadableFound

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        troubles = () if seen.unreadable is None else (seen.unreadable,)
        return {self.name: _standing(self.name, troubles, seen.failures.statistics, seen)}

    def unknown(self, news: News) -> bool:
        return True

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"SES statistics of {news.region} can be read again"
        return f"SES statistics of {news.region} cannot be read"

    def summary(self, news: News) -> list[str]:
        found = news.found
        if isinstance(found, UnreadableFound) and found.trouble is Trouble.CONTRADICTION:
            first = f"The send statistics cannot be true: {found.detail}."
        else:
            first = f"The send statistics cannot be read: {_why(news)}."
        if not news.holds:
            return ["The send statistics can be read now. The alert resolves after an hour of that."]
        blind = f"Email itself is not affected, but until this is fixed nobody watches bounces and complaints in {news.region}."
        return [first, blind]

    def resolved(self, news: News) -> list[str]:
        return ["The send statistics have been readable for an hour. Bounce and complaint alerts work again."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        trouble = _trouble(news)
        steps = _STEPS[trouble]
        return (_DEPLOY_ROLE, *steps[1:]) if trouble is Trouble.DENIED and news.through_role else steps

    def command(self, news: News) -> Command | None:
        if _role_lacks(news):
            return role_command(news, missing=True)
        return Command("Try it with your own credentials", f"aws ses get-send-statistics --region {news.region}")


_DEPLOY_ROLE = "Deploy the member role in that account again, with the command below."

_STEPS: Mapping[Trouble, tuple[str, ...]] = {
    Trouble.ROLE: (
        _DEPLOY_ROLE,
        "If that does not help, look for an organization policy that denies sts:AssumeRole. Each run tries again.",
    ),
    Trouble.DENIED: (
        "Deploy the stack again (make deploy): it restores the function's role.",
        "If that does not help, look for an organization policy that denies ses:GetSendStatistics.",
    ),
    Trouble.THROTTLED: (
        "Find what else in this account calls ses:GetSendStatistics. SES allows it once a second.",
        "Until then, watch the rates in the SES console.",
    ),
    Trouble.TIMED_OUT: (
        "Look for this region in the AWS Health Dashboard. Every run tries again by itself.",
        "Until then, watch the rates in the SES console.",
    ),
    Trouble.NOT_ENABLED: NOT_ENABLED_STEPS,
    Trouble.BAD_ANSWER: (
        "Compare with the command below. If that answer is good, deploy again and look at the function's log.",
        "Until then, watch the rates in the SES console.",
    ),
    Trouble.CONTRADICTION: (
        "Compare the answer of the command below with the SES console.",
        "If both show a gap, look at what sends: its queue, its errors, its last deployment.",
    ),
    Trouble.FAILED: (
        "Look for this region in the AWS Health Dashboard, and at the function's log.",
        "Until then, watch the rates in the SES console.",
    ),
}


class AwsUnreadable(Check):
    name = "aws-unreadable"
    noun = "account unreadable"
    anchor = "cannot-be-read"
    finds = UnreadableFound

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        if not seen.readings.aws_asked:
            return {}
        return {self.name: _standing(self.name, seen.readings.aws_unreadable, seen.failures.aws, seen)}

    def unknown(self, news: News) -> bool:
        return True

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"AWS's view of SES in {news.region} can be read again"
        if news.account is not None:
            return f"AWS's own SES rates of {news.region} cannot be read"
        return f"SES account state of {news.region} cannot be read"

    def summary(self, news: News) -> list[str]:
        if not news.holds:
            return ["AWS's view of the account can be read now. The alert resolves after an hour of that."]
        if news.account is not None:
            return [
                f"AWS's own bounce and complaint rates cannot be read: {_why(news)}.",
                "Until this is fixed, no alert comes when AWS's rate is higher than ours. Everything else is still watched.",
            ]
        return [
            f"The account state cannot be read: {_why(news)}.",
            "Until this is fixed, you get no alert about a review, a pause or a full quota. Our own rates are still watched.",
        ]

    def resolved(self, news: News) -> list[str]:
        return ["The account state and AWS's own rates have been readable for an hour."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        trouble = _trouble(news)
        if trouble in (Trouble.ROLE, Trouble.NOT_ENABLED):
            return _STEPS[trouble]
        first = _DEPLOY_ROLE if _role_lacks(news) else _AWS_STEPS.get(trouble, _LOOK)
        return (first, "Until then, look at the account in the SES console.")

    def command(self, news: News) -> Command | None:
        if _role_lacks(news):
            return role_command(news, missing=True)
        if news.account is not None:
            return super().command(news)
        return Command("Try it with your own credentials", f"aws sesv2 get-account --region {news.region}")


_LOOK = "Look for this region in the AWS Health Dashboard, and at the function's log. Every run tries again by itself."

_AWS_STEPS: Mapping[Trouble, str] = {
    Trouble.DENIED: (
        "Deploy the stack again (make deploy): it restores the right to ses:GetAccount and cloudwatch:GetMetricData."
    ),
    Trouble.THROTTLED: "Find what else in this account calls ses:GetAccount or cloudwatch:GetMetricData so often.",
    Trouble.BAD_ANSWER: "Look at the function's log for what came instead, and whether a proxy stands in between.",
}


STATISTICS_UNREADABLE = StatisticsUnreadable()
AWS_UNREADABLE = AwsUnreadable()
