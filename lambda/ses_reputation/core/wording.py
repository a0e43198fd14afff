"""Numbers, shares and times as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from .headroom import Headroom
from .history import BUCKET, DAY, HOUR, Instant
from .rates import Count, Metric

NBSP = "\u00a0"
"""Between a number and its unit, so that a line never ends between them."""

BLOCKS = "▁▂▃▄▅▆▇█"


def events_of(metric: Metric, count: Count, *thresholds: float, trend: str = "") -> str:
    """61 of the last 1,204 emails bounced: 5.1%, rising (sent over 5 h)."""
    verb = "bounced" if metric is Metric.BOUNCE else "brought complaints"
    rate = "" if count.rate is None else f": {percent(count.rate, *thresholds)}"
    span = duration(count.end - count.start)
    tail = f", {trend}" if trend else ""
    return f"{count.events:,} of the last {plural(count.emails, 'email')} {verb}{rate}{tail} (sent over {span})"


def headroom_in_words(left: Headroom | None) -> str:
    """Say what is left before AWS's review threshold, how long it lasts, or what brings it back."""
    if left is None:
        return ""
    noun = left.metric.value
    if left.events_left == 0:
        need = "" if left.clean_emails is None else f"; {plural(left.clean_emails, 'clean email')} bring it back below"
        return f"that is reached{need}"
    if left.unsure:
        few = plural(left.estimate.events, noun)
        return f"that is reached, but by only {few}, too few to be sure"
    if left.hours_left is None:
        return f"{plural(left.events_left, noun)} left"
    return f"{plural(left.events_left, noun)} left, gone in {_hours(left.hours_left)}"


def sparkline(spark: Sequence[Count]) -> str:
    """One sign for two hours, `·` where no email was sent, and what the highest sign stands for."""
    rates = [count.rate for count in spark]
    highest = max((rate for rate in rates if rate is not None), default=0.0)
    signs = [
        "·" if rate is None else BLOCKS[round(rate / highest * (len(BLOCKS) - 1)) if highest else 0] for rate in rates
    ]
    return f"{''.join(signs)} (2 h each, highest {percent(highest)})"


def duration(seconds: int) -> str:
    """A stretch of time in the two largest units that matter: 45 min, 5 h 30 min, 2 d 4 h, 75 d."""
    days, hours, minutes = seconds // DAY, seconds % DAY // HOUR, seconds % HOUR // 60
    if days:
        parts = (f"{days} d", f"{hours} h" if hours and days < 10 else "")
    else:
        parts = (f"{hours} h" if hours else "", f"{minutes} min" if minutes or not hours else "")
    return NBSP.join(part.replace(" ", NBSP) for part in parts if part)


def _hours(hours: float) -> str:
    """A time that is left, never rounded up."""
    if hours < 0.25:
        return "less than 15 min"
    step = BUCKET if hours < 6 else HOUR
    return f"about {duration(int(hours * HOUR) // step * step)}"


def plural(number: int, noun: str) -> str:
    """1 email, 1,204 emails."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(rate: float, *thresholds: float) -> str:
    """A fraction in percent, with as many digits as keep it on its own side of every threshold: 5%, 0.08%, 4.98%."""
    for digits in range(2, 15):
        text = f"{rate * 100:.{digits}g}"
        if all(_side(float(text) / 100, threshold) == _side(rate, threshold) for threshold in thresholds):
            break
    return f"{float(text):.10f}".rstrip("0").rstrip(".") + "%"


def _side(rate: float, threshold: float) -> int:
    return 0 if abs(rate - threshold) < 1e-12 else 1 if rate > threshold else -1


def when(at: Instant, zone: tzinfo | None) -> str:
    """2025-02-17 10:45 CET."""
    return datetime.fromtimestamp(at, UTC if zone is None else zone).strftime("%Y-%m-%d %H:%M %Z")


def minute(at: Instant) -> str:
    """2025-02-17T09:45Z, as a command takes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")
