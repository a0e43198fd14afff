"""Amazon SES and CloudWatch: who causes bounces or complaints, read in a few bounded steps.

Every step is optional: what is denied, throttled, slow or absent becomes one sentence. Addresses are reduced to domains here, and none
leaves but by `addresses`, which only the command line calls.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import ClientError

from ..core.cause import (
    CauseReading,
    Earlier,
    Part,
    Question,
    Sample,
    sent_from,
    spans_to_read,
    worth_asking,
)
from ..core.cause_level import CauseLevel
from ..core.findings import Findings, Tenant, recommendation_from, tenant_from
from ..core.history import DAY, LOOKBACK, BadData, Instant
from ..core.metrics import RECENT, REPUTATION
from ..core.rates import Metric
from ..core.readings import AccountFacts, Trouble, facts_from
from ..core.recipients import entry_from, without_addresses
from .errors import AWS_ERRORS, answered, code_of, place_of, trouble_of

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

PAGE = 1_000
"""Most entries that ListSuppressedDestinations gives at a time."""

PAGES = 3
"""Most entries of the window that are read; the mix of more is known well enough."""

USUAL = 800
"""Earlier entries asked for: so many fit into one page even if they were more than usual."""

SAMPLES = 5

KEPT_FOR_TENANTS = 2
"""Calls that samples leave for the rungs after them."""

KEPT_FOR_SENDERS = 2
"""Calls that samples leave for GetMessageInsights, where the Virtual Deliverability Manager is on."""

MOST_SERIES = 100
"""Metrics of one kind asked for in one call."""

PROVIDERS = ("Gmail", "Hotmail", "Yahoo", "Icloud", "Aol", "Comcast", "Gmx", "Tencent", "ExchangeOnline")
"""The names that the Virtual Deliverability Manager knows; other spellings silently count zero. With the total, ten queries."""

EVENTS = {Metric.BOUNCE: "Bounce", Metric.COMPLAINT: "Complaint"}
VDM_EVENTS = {Metric.BOUNCE: "PERMANENT_BOUNCE", Metric.COMPLAINT: "COMPLAINT"}

CONFIGURATION_SET = "ses:configuration-set"
TAGS = {
    CONFIGURATION_SET: "configuration set",
    "ses:caller-identity": "sender",
    "ses:from-domain": "From domain",
}
"""The tags that SES itself puts on a message and that say who sent it."""

_OFF = "The cause was not looked for: [cause] look is off"
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


def look_for_cause(
    clients: Clients,
    question: Question,
    look: CauseLevel,
    *,
    facts: AccountFacts | None = None,
    reminder: bool = False,
    budget: Budget = BUDGET,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> CauseReading:
    """Read what shows the cause, within `budget`. Never raises, so that it cannot endanger the alert.

    `facts` saves the call of GetAccount if the account was read already. A `reminder` has time for the metrics of the Virtual
    Deliverability Manager, which count whole days.
    """
    nothing = CauseReading(question, AccountFacts() if facts is None else facts)
    if look is CauseLevel.OFF:
        return replace(nothing, unseen=(_OFF,))
    climb = _Climb(clients, nothing, _Calls(budget, clock, sleep))
    rungs = _rungs(climb, look, ask_account=facts is None, reminder=reminder)
    late, broke = _within(budget, lambda: climb.climb(rungs))
    reading = climb.reading
    return replace(reading, calls=climb.calls.made, unseen=(*reading.unseen, *late), broke=broke)


def read_findings(
    clients: Clients,
    *,
    budget: Budget = BUDGET,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Findings:
    """Read the open recommendations of high impact, and the tenants with high impact or paused. Never raises."""
    search = _Search(clients.email, _Calls(budget, clock, sleep))
    late, broke = _within(budget, search.run)
    return replace(search.found, unseen=(*search.found.unseen, *late), broke=broke)


def addresses(clients: Clients, question: Question, budget: Budget) -> tuple[list[tuple[str, Instant]], bool]:
    """Return the new entries of the window with their addresses, oldest first, and tell whether they are all.

    For the terminal of somebody who asked for them, and for nothing else. Raises `AWS_ERRORS`.
    """
    calls = _Calls(budget, time.monotonic, time.sleep)
    found: Mapping[str, Instant] = {}
    complete = False
    for found, complete in _pages(clients.email, calls, question, question.start, question.end, budget.calls):  # noqa: B007
        pass
    return sorted(found.items(), key=lambda pair: pair[1]), complete


def _within(budget: Budget, work: Callable[[], None]) -> tuple[tuple[str, ...], str]:
    """Do `work` for so many seconds and leave it alone then: sentences on what is missing, and the fault of our own if it broke."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(copy_context().run, work)  # it calls as whoever asks: see members.py
    wait([future], budget.seconds)
    pool.shutdown(wait=False)
    if not future.done():
        return (_LATE.format(seconds=budget.seconds),), ""
    error = future.exception()
    return ((), "") if error is None else ((_BROKE.format(error=type(error).__name__),), place_of(error))


class _Spent(Exception):
    """No call is left, or no time."""


class _Calls:
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
        """Call SES no sooner than a second after the last time; once more if it throttles. Raises `AWS_ERRORS` or `_Spent`."""
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
        raise _Spent

    def metrics(self, call: Callable[..., Any], **given: Any) -> Any:
        """Call once. Raises `AWS_ERRORS` or `_Spent`."""
        self._check(0)
        self.made += 1
        with answered():
            return call(**given)

    def _check(self, pause: float) -> None:
        if self.left <= 0 or self._clock() + pause >= self._end:
            raise _Spent


Rung = tuple[str, Callable[[], None]]
"""Subject of each rung, for its sentence, and the rung."""


class _Climb:
    """One look. `reading` is whole after every rung, and after every page of the first."""

    def __init__(self, clients: Clients, nothing: CauseReading, calls: _Calls) -> None:
        self.reading = nothing
        self.calls = calls
        self._clients = clients
        self._question = nothing.question
        self._listed: Sequence[str] = ()  # addresses, in the order of the entries
        self._message_ids: list[str] = []  # of the samples

    def climb(self, rungs: Sequence[Rung]) -> None:
        for number, (what, rung) in enumerate(rungs):
            try:
                rung()
            except _Spent:
                rest = ", ".join(name for name, _ in rungs[number:])
                self._add(f"Not read for want of time: {rest}")
                return
            except (BadData, *AWS_ERRORS) as error:
                self._add(_sentence(what, error))

    def _add(self, sentence: str) -> None:
        self.reading = replace(self.reading, unseen=(*self.reading.unseen, sentence))

    def account(self) -> None:
        answer = self.calls.email(self._clients.email.get_account)
        self.reading = replace(self.reading, facts=facts_from(answer))

    def entries(self) -> None:
        """List the window, or as many stretches of it."""
        question = self._question
        spans = spans_to_read(question, PAGES)
        before: dict[str, Instant] = {}
        cut = False
        for number, (start, end) in enumerate(spans if spans else ((question.start, question.end),), 1):
            pages = 1 if spans else PAGES
            for found, complete in _pages(
                self._clients.email, self.calls, question, start, end, pages, failed=self._add
            ):
                listed = {**before, **found}
                self._listed = tuple(listed)
                entries = tuple(entry_from(address, at) for address, at in listed.items())
                self.reading = replace(
                    self.reading, spans=spans[:number], entries=entries, complete=complete and not cut
                )
            before, cut = listed, not self.reading.complete

    def earlier(self) -> None:
        if not self.reading.entries:
            return
        question, pace = self._question, self._question.pace_before
        seconds = LOOKBACK if not pace else max(question.end - question.start, min(LOOKBACK, int(USUAL / pace)))
        start = question.start - seconds
        for found, complete in _pages(self._clients.email, self.calls, question, start, question.start, pages=1):
            if complete:
                entries = [entry_from(address, at) for address, at in found.items()]
                domains = Counter(entry.domain for entry in entries)
                made_up = sum(entry.made_up for entry in entries)
                self.reading = replace(self.reading, earlier=Earlier(domains, made_up, seconds))

    def parts(self) -> None:
        """Read AWS's rate by configuration set, and the events of whatever other dimensions there are."""
        metric = self._question.metric
        rated = self._metrics_of(REPUTATION[metric])
        counted = self._metrics_of(EVENTS[metric])
        if not rated and not counted:
            return
        start, end = self._question.start, self._question.end
        queries = [
            _query(f"r{number}", name, "Maximum") for number, name in enumerate(rated)
        ] + [_query(f"e{number}", name, "Sum") for number, name in enumerate(counted)]  # fmt: skip
        answer = self.calls.metrics(
            self._clients.metrics.get_metric_data,
            MetricDataQueries=queries,
            StartTime=_moment(min(start, end - RECENT)),
            EndTime=_moment(end),
            ScanBy="TimestampDescending",
        )
        parts: list[Part] = []
        with answered():
            for result in answer["MetricDataResults"]:
                if result.get("StatusCode") in ("Forbidden", "InternalError"):
                    raise BadData(f"GetMetricData: {result['StatusCode']}")
                parts.extend(_part(result, rated, counted, start))
        self.reading = replace(self.reading, parts=tuple(parts))

    def _metrics_of(self, name: str) -> list[Mapping[str, Any]]:
        answer = self.calls.metrics(
            self._clients.metrics.list_metrics, Namespace="AWS/SES", MetricName=name, RecentlyActive="PT3H"
        )
        with answered():
            return [metric for metric in answer.get("Metrics", []) if metric.get("Dimensions")][:MOST_SERIES]

    def samples(self, kept: int) -> None:
        """Ask for some entries one by one, and keep when their messages were sent."""
        entries = self.reading.entries
        if not entries:
            return
        kept += KEPT_FOR_SENDERS if self.reading.facts.vdm else 0
        number = max(0, min(SAMPLES, self.calls.left - kept))
        for position in worth_asking(self.reading, number):
            try:
                answer = self.calls.email(
                    self._clients.email.get_suppressed_destination, EmailAddress=self._listed[position]
                )
            except ClientError as error:
                if code_of(error) == "NotFoundException":  # taken off the list since
                    continue
                raise
            with answered():
                ids = answer["SuppressedDestination"].get("Attributes", {})
            message_id = str(ids.get("MessageId", ""))
            at = entries[position].at
            sample = Sample(at, bool(message_id or ids.get("FeedbackId")), sent_from(message_id, at))
            self._message_ids.append(message_id)
            self.reading = replace(self.reading, samples=(*self.reading.samples, sample))

    def tenants(self) -> None:
        """Read which tenants AWS finds fault with, and count the entries of the lists of their own that they may have."""
        answer = self.calls.email(
            self._clients.email.list_reputation_entities, Filter={"REPUTATION_IMPACT": "HIGH"}
        )  # fmt: skip
        with answered():
            found = [tenant_from(member) for member in answer.get("ReputationEntities", [])]
        self.reading = replace(self.reading, tenants=tuple(found))
        question = self._question
        for tenant in found[: max(0, min(KEPT_FOR_TENANTS, self.calls.left))]:
            try:
                for listed, complete in _pages(
                    self._clients.email, self.calls, question, question.start, question.end, 1, tenant.name
                ):
                    counts = (*self.reading.on_tenant_lists, (tenant.name, len(listed), complete))
                    self.reading = replace(self.reading, on_tenant_lists=counts)
            except ClientError as error:
                if code_of(error) not in ("NotFoundException", "BadRequestException"):  # no list of its own
                    raise

    def providers(self) -> None:
        """Read the events by mailbox provider of the whole UTC days that the window touches and that have ended."""
        first, last = self._question.start // DAY * DAY, self._question.end // DAY * DAY
        if not self.reading.facts.vdm or first >= last:
            return
        common = {
            "Namespace": "VDM",
            "Metric": VDM_EVENTS[self._question.metric],
            "StartDate": _moment(first),
            "EndDate": _moment(last),
        }
        queries = [{**common, "Id": "total"}]
        queries += [
            {**common, "Id": f"p{number}", "Dimensions": {"ISP": name}} for number, name in enumerate(PROVIDERS)
        ]
        answer = self.calls.email(self._clients.email.batch_get_metric_data, Queries=queries)
        with answered():
            if answer.get("Errors"):
                code = str(answer["Errors"][0].get("Code"))
                raise BadData(f"BatchGetMetricData: {code}" if code.replace("_", "").isalpha() else "unreadable")
            counts = {result["Id"]: sum(result.get("Values", [])) for result in answer.get("Results", [])}
        named = [Part("mailbox provider", name, counts.get(f"p{n}", 0)) for n, name in enumerate(PROVIDERS)]
        known = sorted((part for part in named if part.counted), key=lambda part: -part.counted)
        rest = counts.get("total", 0) - sum(part.counted for part in known)
        others = [Part("mailbox provider", "others", rest)] if rest > 0 else []
        self.reading = replace(self.reading, providers=(*known, *others), provider_days=(first, last))

    def senders(self) -> None:
        """Read who sent the sampled messages, where the Virtual Deliverability Manager keeps that."""
        if not self.reading.facts.vdm:
            return
        for number, message_id in enumerate(self._message_ids):
            if self.calls.left <= 0:
                return
            if not message_id:
                continue
            try:
                answer = self.calls.email(self._clients.email.get_message_insights, MessageId=message_id)
            except ClientError as error:
                if code_of(error) == "NotFoundException":
                    continue
                raise
            with answered():
                given = {tag["Name"]: tag["Value"] for tag in answer.get("EmailTags", [])}
            tags = tuple((word, _named(given[name])) for name, word in TAGS.items() if name in given)
            samples = list(self.reading.samples)
            samples[number] = replace(samples[number], tags=tags)
            self.reading = replace(self.reading, samples=tuple(samples))


def _rungs(climb: _Climb, look: CauseLevel, *, ask_account: bool, reminder: bool) -> Sequence[Rung]:
    kept = KEPT_FOR_TENANTS + reminder
    rungs: dict[str, tuple[bool, Callable[[], None]]] = {
        "the account's settings": (ask_account, climb.account),
        "suppressed addresses": (True, climb.entries),
        "earlier suppressed addresses": (True, climb.earlier),
        "configuration sets": (True, climb.parts),
        "sampled addresses": (look is CauseLevel.SAMPLES, lambda: climb.samples(kept)),
        "tenants": (True, climb.tenants),
        "mailbox providers": (reminder, climb.providers),
        "sampled messages": (look is CauseLevel.SAMPLES, climb.senders),
    }
    return [(what, rung) for what, (wanted, rung) in rungs.items() if wanted]


def _pages(
    email: SESV2Client,
    calls: _Calls,
    question: Question,
    start: Instant,
    end: Instant,
    pages: int,
    tenant: str = "",
    failed: Callable[[str], None] | None = None,
) -> Iterator[tuple[Mapping[str, Instant], bool]]:
    """Yield what is listed from `start` to `end` after every page, address and time, and tell whether that is all.

    The pages come in no order. An expired token starts again, once: an address counts once however often it comes. An error after
    the first page is given to `failed`, and what was read is kept. Raises `AWS_ERRORS`, `_Spent`.
    """
    found: dict[str, Instant] = {}
    token, restarted, left = "", False, pages
    reason = question.metric.value.upper()
    while left > 0:
        left -= 1
        more: dict[str, Any] = {"NextToken": token} if token else {}
        if tenant:
            more["TenantName"] = tenant
        try:
            answer = calls.email(
                email.list_suppressed_destinations,
                Reasons=[reason],
                StartDate=_moment(start),
                EndDate=_moment(end),
                PageSize=PAGE,
                **more,
            )
        except (_Spent, *AWS_ERRORS) as error:
            if token and not restarted and code_of(error) == "InvalidNextTokenException":
                token, restarted, left = "", True, pages
                continue
            if not found or failed is None:
                raise
            if not isinstance(error, _Spent):
                failed(_sentence("some suppressed addresses", error))
            return
        with answered():
            for member in answer.get("SuppressedDestinationSummaries", []):
                at = int(member["LastUpdateTime"].timestamp())
                if member["Reason"] == reason and start <= at < end:
                    found[member["EmailAddress"]] = at
            token = answer.get("NextToken", "")
        yield found, not token
        if not token:
            return


def _query(identity: str, metric: Mapping[str, Any], stat: str) -> dict[str, Any]:
    given = {name: metric[name] for name in ("Namespace", "MetricName", "Dimensions")}
    return {"Id": identity, "MetricStat": {"Metric": given, "Period": 300, "Stat": stat}}


def _part(
    result: Mapping[str, Any],
    rated: Sequence[Mapping[str, Any]],
    counted: Sequence[Mapping[str, Any]],
    start: Instant,
) -> Iterator[Part]:
    """Read one series: the latest of a rate, the sum of the window of a count."""
    identity, number = result["Id"][0], int(result["Id"][1:])
    points = sorted(zip(result["Timestamps"], result["Values"], strict=True))
    dimensions = (rated if identity == "r" else counted)[number]["Dimensions"]
    kind = " and ".join(TAGS.get(one["Name"], _named(one["Name"].removeprefix("ses:"))) for one in dimensions)
    name = " and ".join(_named(one["Value"]) for one in dimensions)
    if identity == "r":
        for _, rate in points[-1:]:
            if 0 <= rate <= 1:
                yield Part(kind, name, rate=rate)
    else:
        yield Part(kind, name, events=int(sum(value for at, value in points if at.timestamp() >= start)))


def _named(text: object) -> str:
    return without_addresses(str(text))[:80]


def _moment(at: Instant) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _sentence(what: str, error: Exception) -> str:
    """Say why `what` is not visible."""
    if isinstance(error, BadData):
        return f"Not visible: {what} ({error})"
    trouble = trouble_of(error)
    if trouble is Trouble.DENIED:
        return f"Not visible: {_DENIED.get(what.removeprefix('earlier ').removeprefix('some '), what)}"
    return f"Not visible: {what} ({trouble})"


class _Search:
    """One reading of what Amazon SES itself finds wrong."""

    def __init__(self, email: SESV2Client, calls: _Calls) -> None:
        self.found = Findings(None, None)
        self._email, self._calls = email, calls

    def run(self) -> None:
        for what, part in (("recommendations", self._recommendations), ("tenants", self._tenants)):
            try:
                part()
            except _Spent:
                self._add(f"Not visible: {what} (no time was left)")
            except (BadData, *AWS_ERRORS) as error:
                self._add(_sentence(what, error))

    def _add(self, sentence: str) -> None:
        self.found = replace(self.found, unseen=(*self.found.unseen, sentence))

    def _recommendations(self) -> None:
        chosen = {"STATUS": "OPEN", "IMPACT": "HIGH"}
        members = self._all(self._email.list_recommendations, "Recommendations", Filter=chosen, PageSize=100)
        found = [recommendation_from(member) for member in members]
        self.found = replace(self.found, recommendations=tuple(dict.fromkeys(found)))

    def _tenants(self) -> None:
        found: dict[str, Tenant] = {}
        for chosen in ({"REPUTATION_IMPACT": "HIGH"}, {"SENDING_STATUS": "DISABLED"}):
            for member in self._all(self._email.list_reputation_entities, "ReputationEntities", Filter=chosen):
                tenant = tenant_from(member)
                found[tenant.name] = tenant
        self.found = replace(self.found, tenants=tuple(found.values()))

    def _all(self, call: Callable[..., Any], key: str, **given: Any) -> list[Mapping[str, Any]]:
        """Return the members of all pages. Raises `AWS_ERRORS`, `BadData`, `_Spent`."""
        members: list[Mapping[str, Any]] = []
        token = ""
        while True:
            answer = self._calls.email(call, **given, **({"NextToken": token} if token else {}))
            with answered():
                members += answer.get(key, [])
                token = answer.get("NextToken", "")
            if not token:
                return members
