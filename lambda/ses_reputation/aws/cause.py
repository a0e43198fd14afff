"""Amazon SES and CloudWatch: who causes bounces or complaints, read in a few bounded steps.

Every step is optional: what is denied, throttled, slow or absent becomes one sentence. Addresses are reduced to domains here, and none
leaves but by `addresses`, which only the command line calls.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

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
from ..core.findings import tenant_from
from ..core.history import DAY, LOOKBACK, BadData, Instant
from ..core.metrics import RECENT, REPUTATION
from ..core.rates import Metric
from ..core.readings import AccountFacts, facts_from
from ..core.recipients import entry_from, without_addresses
from .bounded import BUDGET, Budget, Calls, Clients, Spent, not_visible, within
from .errors import AWS_ERRORS, answered, code_of

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client

PAGE = 1_000
"""Most entries that ListSuppressedDestinations gives at a time."""

PAGES = 3
"""Most entries of the window that are read; the mix of more is known well enough."""

USUAL = 800
"""Earlier entries asked for: this many fit into one page, even if there were more than usual."""

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
    climb = _Climb(clients, nothing, Calls(budget, clock, sleep))
    rungs = _rungs(climb, look, ask_account=facts is None, reminder=reminder)
    late, broke = within(budget, lambda: climb.climb(rungs))
    reading = climb.reading
    return replace(reading, calls=climb.calls.made, unseen=(*reading.unseen, *late), broke=broke)


def addresses(clients: Clients, question: Question, budget: Budget) -> tuple[list[tuple[str, Instant]], bool]:
    """Return the new entries of the window with their addresses, oldest first, and tell whether they are all.

    For the terminal of somebody who asked for them, and for nothing else. Raises `AWS_ERRORS`.
    """
    calls = Calls(budget, time.monotonic, time.sleep)
    found: Mapping[str, Instant] = {}
    complete = False
    for found, complete in _pages(clients.email, calls, question, question.start, question.end, budget.calls):  # noqa: B007
        pass
    return sorted(found.items(), key=lambda pair: pair[1]), complete


Rung = tuple[str, Callable[[], None]]
"""Subject of each rung, for its sentence, and the rung."""


class _Climb:
    """One look. `reading` is whole after every rung, and after every page of the first."""

    def __init__(self, clients: Clients, nothing: CauseReading, calls: Calls) -> None:
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
            except Spent:
                rest = ", ".join(name for name, _ in rungs[number:])
                self._add(f"Not read for want of time: {rest}")
                return
            except (BadData, *AWS_ERRORS) as error:
                self._add(not_visible(what, error))

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
    calls: Calls,
    question: Question,
    start: Instant,
    end: Instant,
    pages: int,
    tenant: str = "",
    failed: Callable[[str], None] | None = None,
) -> Iterator[tuple[Mapping[str, Instant], bool]]:
    """Yield what is listed from `start` to `end` after every page, address and time, and tell whether that is all.

    The pages come in no order. An expired token starts again, once: an address counts once however often it comes. An error after
    the first page is given to `failed`, and what was read is kept. Raises `AWS_ERRORS`, `Spent`.
    """
    found: dict[str, Instant] = {}
    token, restarted, left = "", False, pages
    while left > 0:
        left -= 1
        try:
            answer = _page(email, calls, question, start, end, tenant, token)
        except (Spent, *AWS_ERRORS) as error:
            if token and not restarted and code_of(error) == "InvalidNextTokenException":
                token, restarted, left = "", True, pages
                continue
            if not found or failed is None:
                raise
            if not isinstance(error, Spent):
                failed(not_visible("some suppressed addresses", error))
            return
        with answered():
            for member in answer.get("SuppressedDestinationSummaries", []):
                at = int(member["LastUpdateTime"].timestamp())
                if member["Reason"] == _reason(question) and start <= at < end:
                    found[member["EmailAddress"]] = at
            token = answer.get("NextToken", "")
        yield found, not token
        if not token:
            return


def _page(
    email: SESV2Client, calls: Calls, question: Question, start: Instant, end: Instant, tenant: str, token: str
) -> Any:
    """Ask for one page: the first, or that of a token. Raises `AWS_ERRORS`, `Spent`."""
    more = {"NextToken": token} if token else {}
    if tenant:
        more["TenantName"] = tenant
    return calls.email(
        email.list_suppressed_destinations,
        Reasons=[_reason(question)],
        StartDate=_moment(start),
        EndDate=_moment(end),
        PageSize=PAGE,
        **more,
    )


def _reason(question: Question) -> str:
    """Write the metric as the suppression list has it."""
    return question.metric.value.upper()


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
