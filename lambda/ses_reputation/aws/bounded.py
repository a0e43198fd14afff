"""Amazon SES and CloudWatch, asked for what is not urgent, with few calls and in little time, SES once a second.

What is denied, throttled, slow or absent becomes one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.config import Config

from ..core.history import BadData
from ..core.readings import Trouble
from .errors import AWS_ERRORS, answered, place_of, trouble_of

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_sesv2.client import SESV2Client

ONE_ATTEMPT = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 1},
    user_agent_extra="ses-reputation-monitor",
)
"""Make the clients with it: a call is repeated here, where it is counted."""

_LATE = "The search for the cause ended after {seconds:.0f} s"
_BROKE = "The search for the cause failed ({error})"

_DENIED = {
    "the account's settings": "the role may not read the account's settings (ses:GetAccount)",
    "suppressed addresses": "the role may not list suppressed addresses (ses:ListSuppressedDestinations)",
    "sampled addresses": "the role may not read single suppressed addresses (ses:GetSuppressedDestination)",
    "configuration sets": "the role may not read metrics of configuration sets (cloudwatch:ListMetrics, cloudwatch:GetMetricData)",
    "tenants": "the role may not list tenants (ses:ListReputationEntities)",
    "mailbox providers": "the role may not read metrics of mailbox providers (ses:BatchGetMetricData)",
    "sampled messages": "the role may not read messages (ses:GetMessageInsights)",
    "recommendations": "the role may not list recommendations (ses:ListRecommendations)",
}


class Clients(NamedTuple):
    """The clients of one account and region, made with `ONE_ATTEMPT`."""

    email: SESV2Client
    metrics: CloudWatchClient


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds of one look."""

    calls: int = 12
    seconds: float = 15.0
    gap: float = 1.0  # seconds between two calls of SES, which allows one a second


BUDGET = Budget()


def within(budget: Budget, work: Callable[[], None]) -> tuple[tuple[str, ...], str]:
    """Do `work` until the time is up and leave it alone then: sentences on what is missing, and the fault of our own if it broke."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(copy_context().run, work)  # it calls as whoever asks: see members.py
    wait([future], budget.seconds)
    pool.shutdown(wait=False)
    if not future.done():
        return (_LATE.format(seconds=budget.seconds),), ""
    error = future.exception()
    return ((), "") if error is None else ((_BROKE.format(error=type(error).__name__),), place_of(error))


class Spent(Exception):
    """No call is left, or no time."""


class Calls:
    """Counts and paces calls."""

    def __init__(self, budget: Budget, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.made = 0
        self._budget, self._clock, self._sleep = budget, clock, sleep
        self._end = clock() + budget.seconds
        self._next = clock()

    @property
    def left(self) -> int:
        return self._budget.calls - self.made

    def email(self, call: Callable[..., Any], **given: Any) -> Any:
        """Call SES no sooner than a second after the last time; once more if it throttles. Raises `AWS_ERRORS` or `Spent`."""
        for attempt in (1, 2):
            pause = self._next - self._clock()
            if pause > 0:
                self._check(pause)
                self._sleep(pause)
            try:
                return self.metrics(call, **given)
            except AWS_ERRORS as error:
                if attempt == 2 or trouble_of(error) is not Trouble.THROTTLED:
                    raise
            finally:
                self._next = self._clock() + self._budget.gap
        raise Spent

    def metrics(self, call: Callable[..., Any], **given: Any) -> Any:
        """Call once. Raises `AWS_ERRORS` or `Spent`."""
        self._check(0)
        self.made += 1
        with answered():
            return call(**given)

    def _check(self, pause: float) -> None:
        if self.left <= 0 or self._clock() + pause >= self._end:
            raise Spent


def not_visible(what: str, error: Exception) -> str:
    """Say why `what` is not visible."""
    if isinstance(error, BadData):
        return f"Not visible: {what} ({error})"
    trouble = trouble_of(error)
    if trouble is Trouble.DENIED:
        return f"Not visible: {_DENIED.get(what.removeprefix('earlier ').removeprefix('some '), what)}"
    return f"Not visible: {what} ({trouble})"
