"""Facts about sending that several checks need: how much goes out, and who has stopped it."""

from __future__ import annotations

from ..history import HOUR, History, Instant
from ..readings import SHUTDOWN
from .base import Seen


def sent_between(history: History, start: int, end: int) -> int:
    """Emails sent in the slots from `start` up to `end`."""
    return history.attempts[max(0, end)] - history.attempts[max(0, start)]


def sent_after(at: Instant, history: History | None, now: Instant) -> bool:
    """Tell if email has gone out later than `at`; what was under way then is out within an hour."""
    return history is not None and sent_between(history, history.closed(at + HOUR), history.closed(now)) > 0


def paused_by_aws(seen: Seen) -> bool:
    """Tell if AWS has paused the account, so that its rates say nothing more.

    As AWS says now or, if it cannot be asked, as it said last, until email goes out.
    """
    account = seen.readings.known_account
    if account is not None:
        return account.enforcement == SHUTDOWN
    known = seen.tracks.get("enforcement")
    return known is not None and known.mark == SHUTDOWN and not sent_after(known.held_at, seen.history, seen.now)


def stopped(seen: Seen) -> bool:
    """Tell if sending is known to be stopped, by AWS or by the customer's own switch."""
    account = seen.readings.known_account
    if account is not None and not account.sending:
        return True
    known = seen.tracks.get("sending") if account is None else None
    off = known is not None and not sent_after(known.held_at, seen.history, seen.now)
    return off or paused_by_aws(seen)
