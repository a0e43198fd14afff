"""Send statistics, or AWS's own view of the account, that cannot be read or not be believed. Unknown is never healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..alert import Standing
from ..history import HOUR
from ..readings import Trouble, Unreadable
from ..rules import Severity
from .base import Check, News, Seen

FAILURES_BEFORE_ALERT = 2
"""An alert opens after so many runs in a row, at once if access is denied."""

READABLE_AGAIN = HOUR
"""The alert resolves when everything has been readable for so long."""


@dataclass(frozen=True, slots=True)
class UnreadableFound:
    """Why something is not known."""

    severity: Severity
    trouble: Trouble
    detail: str


def _standing(name: str, troubles: tuple[Unreadable, ...], failures: int, seen: Seen) -> Standing:
    denied = any(trouble.trouble is Trouble.DENIED for trouble in troubles)
    counts = denied or failures >= FAILURES_BEFORE_ALERT or name in seen.tracks
    if not troubles or not counts:
        return Standing((), quiet=READABLE_AGAIN)
    detail = "; ".join(trouble.detail for trouble in troubles)
    return Standing((UnreadableFound(Severity.WARNING, troubles[0].trouble, detail),), quiet=READABLE_AGAIN)


def _why(news: News) -> str:
    if not isinstance(news.found, UnreadableFound):
        return "the reason is in the function's log"
    return f"{news.found.trouble} ({news.found.detail})"


class StatisticsUnreadable(Check):
    name = "unreadable"
    noun = "unreadable"
    anchor = "cannot-be-read"
    unknown = True

    @property
    def facts(self) -> Mapping[str, type]:
        return {self.name: UnreadableFound}

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        troubles = () if seen.unreadable is None else (seen.unreadable,)
        return {self.name: _standing(self.name, troubles, seen.failures.statistics, seen)}

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
            first += " They can be read at this moment; the alert resolves after an hour of that."
        return [first, f"Until this is fixed, bounce and complaint alerts for {news.region} do not work."]

    def resolved(self, news: News) -> list[str]:
        return ["The send statistics have been readable for an hour; bounce and complaint rates are evaluated again."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        trouble = news.found.trouble if isinstance(news.found, UnreadableFound) else Trouble.FAILED
        return _STEPS[trouble]

    def command(self, news: News) -> str:
        return f"aws ses get-send-statistics --region {news.region}"


_STEPS: Mapping[Trouble, tuple[str, ...]] = {
    Trouble.DENIED: (
        "Check that the function's role allows ses:GetSendStatistics, and that no organization policy denies it.",
        "Deploy the stack again: it restores the role.",
    ),
    Trouble.THROTTLED: ("SES allows this call once a second: find what else in this account calls it too often.",),
    Trouble.TIMED_OUT: ("Look at the AWS Health Dashboard for this region; the next run tries again.",),
    Trouble.BAD_ANSWER: ("Compare with the command below; the function's log has the details.",),
    Trouble.CONTRADICTION: (
        "Compare the command below with the SES console. If both agree with each other, sending may have a gap: look at what sends.",
    ),
    Trouble.FAILED: ("Look at the AWS Health Dashboard for this region, and at the function's log.",),
}


class AwsUnreadable(Check):
    name = "aws-unreadable"
    noun = "account unreadable"
    anchor = "cannot-be-read"
    unknown = True

    @property
    def facts(self) -> Mapping[str, type]:
        return {self.name: UnreadableFound}

    def standings(self, seen: Seen) -> Mapping[str, Standing]:
        if not seen.readings.aws_asked:
            return {}
        return {self.name: _standing(self.name, seen.readings.aws_unreadable, seen.failures.aws, seen)}

    def headline(self, news: News) -> str:
        if news.resolved:
            return f"AWS's view of SES in {news.region} can be read again"
        if news.account is not None:
            return f"AWS's own SES rates of {news.region} cannot be read"
        return f"SES account state of {news.region} cannot be read"

    def summary(self, news: News) -> list[str]:
        if news.account is not None:
            return [
                f"AWS's own bounce and complaint rates cannot be read: {_why(news)}.",
                "Until this is fixed, no alert says when they are higher than ours. Everything else is still watched.",
            ]
        return [
            f"The account state cannot be read: {_why(news)}.",
            "Until this is fixed, no alert tells of a review, a pause or a full quota. Our own rates are still watched.",
        ]

    def resolved(self, news: News) -> list[str]:
        return ["The account state and AWS's own rates have been readable for an hour."]

    def first_steps(self, news: News) -> tuple[str, ...]:
        return (
            "Check that the function's role allows ses:GetAccount and cloudwatch:GetMetricData; deploying again restores it.",
            "Until then, look at the account in the SES console.",
        )


STATISTICS_UNREADABLE = StatisticsUnreadable()
AWS_UNREADABLE = AwsUnreadable()
