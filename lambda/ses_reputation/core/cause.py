"""Who causes bounces or complaints: the new entries of the suppression list → the shape of their cause.

An address on the account's suppression list is accepted but not sent, so each new entry is a first hard bounce or complaint, and the
entries of a window are about its bounces. An import adds entries too, and is never blamed. docs/cause.md has the facts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from .findings import Tenant
from .history import BUCKET, DAY, HOUR, History, Instant
from .rates import Metric
from .recipients import FREE_MAIL, Entry, is_misspelt


class Look(StrEnum):
    """How far the monitor looks for a cause."""

    OFF = "off"
    DOMAINS = "domains"  # counts by recipient domain, configuration set and tenant
    SAMPLES = "samples"  # also when, and by which sender, up to five bounced messages were sent


class Shape(StrEnum):
    """Kind of a cause."""

    OLD_LIST = "old-list"
    REFUSED = "domain-refuses"
    FORM = "form-abuse"
    JOB = "one-job"
    IMPORT = "import"
    OFF = "suppression-off"
    UNCLEAR = "cannot-tell"


FEWEST = 5
"""Entries beyond the usual ones that a shape is read from; fewer say nothing."""

MOSTLY = 0.6
"""Share of the entries that makes a domain the cause."""

MADE_UP = 0.5
"""Share of made-up addresses that speaks for a form; of ordinary lists it is 1 in 20."""

COVERED = 0.4
"""Share of the bounces on the list below which suppression is off somewhere."""

EVEN = 8
"""Domains that entries are spread over, as if evenly, from which on nobody sends to so many dead ones by chance."""

BURST = 0.7
"""Share of the entries within a quarter of an hour that makes them one send: the rest of its bounces follow over half an hour."""

FEWEST_IN_BURST = 10
"""Fewer entries come together by chance."""

ONE_SEND = {Metric.BOUNCE: HOUR // 2, Metric.COMPLAINT: 2 * HOUR}
"""Time within which the sampled messages of one job were sent."""

LATE = 2
"""Buckets by which an entry may follow its bounce in the statistics."""


@dataclass(frozen=True)
class Question:
    """What is to be explained: the events of one metric from the onset to now."""

    metric: Metric
    region: str
    start: Instant  # the onset: start of the first bucket that made the rule hold
    end: Instant
    counts: Mapping[Instant, int] | None  # events by bucket over two weeks; None if the statistics cannot be read

    @cached_property
    def events(self) -> int | None:
        """Bounces or complaints of the window."""
        if self.counts is None:
            return None
        return sum(count for at, count in self.counts.items() if self.start <= at < self.end)

    @cached_property
    def pace_before(self) -> float | None:
        """Events a second before the window."""
        if self.counts is None or not self.counts or min(self.counts) >= self.start:
            return None
        before = sum(count for at, count in self.counts.items() if at < self.start)
        return before / (self.start - min(self.counts))


def question_from(metric: Metric, region: str, history: History | None, start: Instant, end: Instant) -> Question:
    """Ask for the cause of `metric` from `start` to `end`; without a history the counts are unknown."""
    if history is None:
        return Question(metric, region, start, end, None)
    sums = history.bounces if metric is Metric.BOUNCE else history.complaints
    counts = {history.time(slot): sums[slot + 1] - sums[slot] for slot in range(history.closed(end))}
    return Question(metric, region, start, end, counts)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What GetAccount says of suppression and of what can be seen; None where it does not say."""

    suppressed: frozenset[Metric] | None = None  # reasons that put an address on the account's list
    vdm: bool | None = None
    plan: str = ""


def facts_from(answer: Mapping[str, object]) -> AccountFacts:
    """Read the answer of GetAccount; what is missing or of another shape is unknown."""
    reasons = _table(answer, "SuppressionAttributes").get("SuppressedReasons")
    suppressed = (
        frozenset(metric for metric in Metric if metric.value.upper() in reasons) if isinstance(reasons, list) else None
    )
    vdm = _table(answer, "VdmAttributes").get("VdmEnabled")
    plan = _table(answer, "PricingAttributes").get("CurrentPlan")
    known_plan = plan if isinstance(plan, str) and plan.isalpha() and len(plan) <= 20 else ""
    return AccountFacts(suppressed, vdm == "ENABLED" if isinstance(vdm, str) else None, known_plan)


def _table(answer: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = answer.get(name)
    return table if isinstance(table, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Earlier:
    """The list before the window."""

    domains: Mapping[str, int]
    made_up: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One entry asked for by itself, without its address."""

    at: Instant  # when it entered the list
    has_ids: bool  # an import has none
    sent: Instant | None = None  # when its message was sent
    tags: tuple[tuple[str, str], ...] = ()  # configuration set, sender, From domain


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the email contributes."""

    kind: str  # configuration set, campaign, mailbox provider …
    name: str
    events: int | None = None
    rate: float | None = None  # AWS's own, a fraction


@dataclass(frozen=True, slots=True)
class CauseReading:
    """What was found out; a part that was not asked for or not answered is empty, with a sentence in `unseen`."""

    question: Question
    facts: AccountFacts = AccountFacts()
    entries: tuple[Entry, ...] | None = None  # of the window; None: not visible
    complete: bool = True  # False: there are more entries
    earlier: Earlier | None = None
    samples: tuple[Sample, ...] = ()
    parts: tuple[Part, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    on_tenant_lists: tuple[tuple[str, int, bool], ...] = ()  # tenant, entries of the window, all of them counted
    providers: tuple[Part, ...] = ()  # VDM's count by mailbox provider, of whole UTC days
    provider_days: tuple[Instant, Instant] | None = None
    unseen: tuple[str, ...] = ()
    calls: int = 0


def own_entries(entries: Sequence[Entry], question: Question) -> tuple[Entry, ...]:
    """Leave out the entries of quarters of an hour in which more addresses joined the list than events can explain: an import."""
    if question.counts is None:
        return tuple(entries)
    phase = next(iter(question.counts), 0) % BUCKET
    joined = Counter((entry.at - phase) // BUCKET for entry in entries)
    counts = {(at - phase) // BUCKET: count for at, count in question.counts.items()}
    imported = {
        slot
        for slot, number in joined.items()
        if _too_many(number, sum(counts.get(near, 0) for near in range(slot - LATE, slot + 2)))
    }
    return tuple(entry for entry in entries if (entry.at - phase) // BUCKET not in imported)


def _too_many(entries: int, events: int) -> bool:
    return entries > events + max(3, events // 10)


@dataclass(frozen=True, slots=True)
class Mix:
    """The entries of the window beyond the usual ones."""

    domains: Mapping[str, float]
    made_up: float
    total: float
    burst: float  # share within the fullest quarter of an hour

    def share(self, domain: str) -> float:
        return self.domains.get(domain, 0.0) / self.total

    @property
    def top(self) -> str:
        """The domain with most entries, "" if all are unusable."""
        return max((domain for domain in self.domains if domain), key=lambda d: self.domains[d], default="")

    @property
    def free(self) -> float:
        """Share of the entries at free-mail providers."""
        return sum(count for domain, count in self.domains.items() if domain in FREE_MAIL) / self.total

    @property
    def even_domains(self) -> float:
        """Number of domains that would be as spread if each had as many entries (inverse Simpson index)."""
        return self.total**2 / sum(count**2 for count in self.domains.values())


def usual(earlier: Earlier | None, question: Question, count: int) -> float:
    """Scale an earlier count to the length of the window."""
    return 0.0 if earlier is None else count * (question.end - question.start) / earlier.seconds


def mix_of(entries: Sequence[Entry], reading: CauseReading) -> Mix | None:
    """Subtract the usual entries from `entries`; None if too few are left."""
    question = reading.question
    earlier = reading.earlier if reading.complete else None  # of a part of the entries nothing can be subtracted
    now = Counter(entry.domain for entry in entries)
    before = {} if earlier is None else earlier.domains
    more = {domain: count - usual(earlier, question, before.get(domain, 0)) for domain, count in now.items()}
    domains = {domain: count for domain, count in more.items() if count > 0}
    total = sum(domains.values())
    if total < FEWEST:
        return None
    made_up = sum(entry.made_up for entry in entries) - usual(earlier, question, earlier.made_up if earlier else 0)
    burst = _burst(entries, question) if reading.complete and total >= FEWEST_IN_BURST else 0.0
    return Mix(domains, max(0.0, made_up), total, burst * len(entries) / total)


def _burst(entries: Sequence[Entry], question: Question) -> float:
    """Share of the entries within the fullest quarter of an hour, or quarter of a shorter window."""
    length = min(BUCKET, (question.end - question.start) // 4)
    times = sorted(entry.at for entry in entries)
    return max(bisect_right(times, at + length) - number for number, at in enumerate(times)) / len(times)


def shape_of(reading: CauseReading) -> Shape:
    """Name the kind of cause that a reading shows."""
    question, entries = reading.question, reading.entries
    off = reading.facts.suppressed is not None and question.metric not in reading.facts.suppressed
    if entries is None:
        return Shape.OFF if off else Shape.UNCLEAR
    own = own_entries(entries, question)
    if reading.samples and sum(sample.has_ids for sample in reading.samples) * 2 < len(reading.samples):
        return Shape.IMPORT
    imported = len(own) < len(entries)
    events = question.events
    if reading.complete and events is not None and events >= 2 * FEWEST and len(own) < COVERED * events:
        return Shape.IMPORT if imported else Shape.OFF
    if off and len(own) < FEWEST:
        return Shape.OFF
    mix = mix_of(own, reading)
    if mix is None:
        return Shape.IMPORT if imported else Shape.UNCLEAR
    if events is None and not reading.samples:
        return Shape.UNCLEAR  # it may be an import
    if question.metric is Metric.COMPLAINT:
        return Shape.JOB if _sent_together(reading) else Shape.UNCLEAR
    return _shape_of_bounces(mix, reading)


def _shape_of_bounces(mix: Mix, reading: CauseReading) -> Shape:
    top = mix.top
    if mix.made_up >= MADE_UP * mix.total:
        return Shape.FORM
    if top and top not in FREE_MAIL and not is_misspelt(top) and mix.share(top) >= MOSTLY:
        return Shape.REFUSED
    if mix.even_domains >= min(EVEN, MOSTLY * mix.total) and mix.free <= 0.5:
        return Shape.OLD_LIST
    if mix.burst >= BURST or _sent_together(reading):
        return Shape.JOB
    if top and mix.share(top) >= MOSTLY and _was_rare(top, reading.earlier):
        return Shape.REFUSED
    return Shape.UNCLEAR


def _sent_together(reading: CauseReading) -> bool:
    """Tell whether at least three sampled messages, and 4 of 5, were sent within the time of one job."""
    times = sorted(sample.sent for sample in reading.samples if sample.sent is not None)
    length = ONE_SEND[reading.question.metric]
    most = max((bisect_right(times, at + length) - number for number, at in enumerate(times)), default=0)
    return most >= 3 and most >= 0.8 * len(times)


def _was_rare(domain: str, earlier: Earlier | None) -> bool:
    """Tell whether a free-mail provider had less than half of its share before."""
    total = 0 if earlier is None else sum(earlier.domains.values())
    return earlier is not None and total >= 20 and earlier.domains.get(domain, 0) / total < MOSTLY / 2


def worth_asking(entries: Sequence[Entry], question: Question, number: int) -> tuple[int, ...]:
    """Choose the entries to ask for one by one: their positions, spread evenly over the time they came in."""
    own = set(own_entries(entries, question))
    chosen = [position for position, entry in enumerate(entries) if entry in own]
    if not chosen:
        chosen = list(range(len(entries)))
    chosen.sort(key=lambda position: entries[position].at)
    if len(chosen) <= number:
        return tuple(chosen)
    return tuple(chosen[(2 * step + 1) * len(chosen) // (2 * number)] for step in range(number))


def sent_from(message_id: str, at: Instant) -> Instant | None:
    """Read when a message was sent from its id, whose first 16 characters end with the milliseconds of that time.

    Users report this form and AWS does not document it, so a time that cannot be true is dropped.
    """
    try:
        sent = int(message_id[5:16], 16) // 1_000
    except ValueError:
        return None
    return sent if at - 15 * DAY <= sent <= at + 60 else None
