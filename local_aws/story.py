"""The sender that `make demo` plays: what Amazon SES counts, which addresses bounce, and when the monitor looks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.sender import BUCKET, DAY, Campaign, send_data_points

from .suppression import Suppression

HEALTHY_DAYS = 14
STORY_DAYS = 18
HOURS_OF_BAD_LIST = 12
HOUR = 3_600

CUSTOMERS = ("gmail.com", "outlook.com", "yahoo.com", *(f"customer-{number}.example" for number in range(40)))
"""Recipient domains of the sender's own customers."""

COMPLAINERS = ("aol.com", "outlook.com", "yahoo.com")
"""Mailbox providers that report complaints."""

BOUGHT = {"old-shop.example": 14, "closed-forum.example": 9, "gone-isp.example": 6} | {
    f"company-{number}.example": 1 for number in range(90)
}
"""Recipient domains of the bought list, and how many addresses of a hundred or so each has."""

FIRST_NAMES = ("anna", "daniel", "elena", "maria", "martin", "peter", "sarah", "stefan")
LAST_NAMES = ("baker", "fischer", "garcia", "larsen", "martin", "miller", "rossi", "tanner")


def last_story(now: int) -> Story:
    """Return the last story that is over, always of the same days of the week, so that every demo shows the same."""
    saturday = 2 * DAY  # the first one since the epoch
    return Story((now - saturday) // (7 * DAY) * 7 * DAY + saturday - STORY_DAYS * DAY)


class Story:
    """A healthy sender who emails a bought list for `HOURS_OF_BAD_LIST`, from the second since the epoch `start` on."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.bad_list = start + HEALTHY_DAYS * DAY + 9 * HOUR
        self.end = start + STORY_DAYS * DAY
        phase = 7 * 60  # buckets of SES start at any minute
        self.campaign = Campaign(
            start=self.bad_list + phase,
            end=self.bad_list + HOURS_OF_BAD_LIST * HOUR,
            emails_per_bucket=300,
            bounce_rate=0.16,
            complaint_rate=0.003,
        )
        self.points: list[dict[str, Any]] = send_data_points(start + phase, self.end, campaigns=[self.campaign])

    def ticks(self) -> Iterator[int]:
        """Every quarter of an hour while something happens, as deployed; seldom in the quiet days before and after.

        Without full hours: there the function asks SES for its findings too, at a call a second, and missed ticks are made up for.
        """
        half, calm = HOUR // 2, self.bad_list + 14 * HOUR
        yield from range(self.start + half, self.bad_list, 6 * HOUR)
        yield from (tick for tick in range(self.bad_list, calm, BUCKET) if tick % HOUR)
        yield from range(calm + half, self.end, 2 * HOUR)

    def answer(self, now: int) -> list[dict[str, Any]]:
        """Return what GetSendStatistics answers at `now`: two weeks, newest bucket still filling, in no order."""
        moment = datetime.fromtimestamp(now, UTC)
        seen = [p for p in self.points if moment - timedelta(days=14) <= p["Timestamp"] < moment]
        return sorted(seen, key=lambda point: hash(str(point["Timestamp"])[::-1]))

    def sent(self, now: int) -> float:
        """Return the emails of the last 24 hours, which count for the quota."""
        moment = datetime.fromtimestamp(now, UTC)
        day = (p for p in self.points if moment - timedelta(days=1) <= p["Timestamp"] < moment)
        return float(sum(point.get("DeliveryAttempts", 0) for point in day))

    def suppress(self, known: Suppression, since: int, until: int) -> None:
        """Put whoever bounced or complained from `since` up to `until` on the account's suppression list, as SES does."""
        for point in self.points:
            start = int(point["Timestamp"].timestamp())
            if since - BUCKET < start < until:
                for reason, events in (("BOUNCE", point.get("Bounces", 0)), ("COMPLAINT", point.get("Complaints", 0))):
                    for number in range(events):
                        at = start + number * BUCKET // events
                        if since <= at < until:
                            known.event(self._recipient(reason, at), at, f"{reason}-{at}", reason=reason)

    def _recipient(self, reason: str, at: int) -> str:
        dice = random.Random(f"{reason} {at}")
        bought = self.campaign.start <= at < self.campaign.end and dice.random() < 0.9
        if reason == "COMPLAINT":
            domain = dice.choice(COMPLAINERS)
        elif bought:
            [domain] = dice.choices(list(BOUGHT), list(BOUGHT.values()))
        else:
            domain = dice.choice(CUSTOMERS)
        return f"{dice.choice(FIRST_NAMES)}.{dice.choice(LAST_NAMES)}{dice.randrange(10_000)}@{domain}"
