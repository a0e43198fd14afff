"""The cause of bounces or complaints: the new entries of the suppression list → the shape of their cause.

An address on the account's suppression list is accepted but not sent, so each new entry is a first hard bounce or complaint, and the
entries of a window are about its bounces. An import adds entries too, and is never blamed. docs/cause.md has the facts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import sqrt

from .findings import Tenant
from .history import BUCKET, DAY, HOUR, History, Instant
from .rates import Metric
from .readings import AccountFacts
from .recipients import FREE_MAIL, Entry, is_misspelt


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

ENOUGH = 0.5
FEWEST_BESIDE_IMPORT = 20
"""Share of the events, and entries, that must be seen beside an import: what is left of few may look like anything."""

EVEN = 8
"""Domains that entries are spread over, as if evenly, from which on nobody sends to this many dead ones by chance."""

BURST = 0.7
"""Share of the entries within a quarter of an hour that makes them one send: the rest of its bounces follow over half an hour."""

FEWEST_IN_BURST = 6
"""Fewer entries come together by chance."""

SPREAD_FROM = 2 * HOUR
"""Length of a window from which on half an hour of its statistics can be a burst."""

ONE_SEND = {Metric.BOUNCE: HOUR // 2, Metric.COMPLAINT: 2 * HOUR}
"""Time within which the sampled messages of one job were sent."""

SPAN_EVENTS = 800
"""Events of a stretch whose entries are read in one page of 1,000; there may be some more entries than events."""

LATE = 2
"""Buckets by which an entry may follow its bounce in the statistics."""


@dataclass(frozen=True)
class Question:
    """Events to explain: those of one metric from the onset to now."""

    metric: Metric
    region: str
    start: Instant  # the onset: start of the first bucket that made the rule hold
    end: Instant
    counts: Mapping[Instant, int] | None  # events by bucket over two weeks; None if the statistics cannot be read

    @cached_property
    def events(self) -> int | None:
        """Bounces or complaints of the window; None: unknown."""
        return self.events_between(self.start, self.end)

    def events_between(self, start: Instant, end: Instant) -> int | None:
        """Bounces or complaints of the buckets that start from `start` up to `end`."""
        return None if self.counts is None else sum(count for at, count in self.counts.items() if start <= at < end)

    @cached_property
    def pace_before(self) -> float | None:
        """Events a second before the window."""
        if self.counts is None or not self.counts or min(self.counts) >= self.start:
            return None
        before = sum(count for at, count in self.counts.items() if at < self.start)
        return before / (self.start - min(self.counts))


def question_from(metric: Metric, region: str, history: History | None, start: Instant, end: Instant) -> Question:
    """Ask for the cause of `metric` from `start` to `end`; without a history the counts are unknown.

    The window ends with the last closed bucket: what joined the list since then has no count to be held against.
    """
    if history is None:
        return Question(metric, region, start, end, None)
    known_until = history.time(history.closed(end))
    end = known_until if known_until > start else end
    sums = history.bounces if metric is Metric.BOUNCE else history.complaints
    counts = {history.time(slot): sums[slot + 1] - sums[slot] for slot in range(history.closed(end))}
    return Question(metric, region, start, end, counts)


Span = tuple[Instant, Instant]
"""From and up to."""


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
    """Contribution of one part of the email."""

    kind: str  # configuration set, campaign, mailbox provider …
    name: str
    events: int | None = None
    rate: float | None = None  # AWS's own, a fraction

    @property
    def counted(self) -> int:
        """Its events; 0 if nobody counts them."""
        return 0 if self.events is None else self.events


@dataclass(frozen=True, slots=True)
class CauseReading:
    """Everything that was found; a part that was not asked for or not answered is empty, with a sentence in `unseen`."""

    question: Question
    facts: AccountFacts = AccountFacts()
    spans: tuple[Span, ...] = ()  # stretches of the window that were read; empty: all of it
    entries: tuple[Entry, ...] | None = None  # of these; None: not visible
    complete: bool = True  # False: there are more entries in them
    earlier: Earlier | None = None
    samples: tuple[Sample, ...] = ()
    parts: tuple[Part, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    on_tenant_lists: tuple[tuple[str, int, bool], ...] = ()  # tenant, entries of the window, all of them counted
    providers: tuple[Part, ...] = ()  # VDM's count by mailbox provider, of whole UTC days
    provider_days: tuple[Instant, Instant] | None = None
    unseen: tuple[str, ...] = ()
    broke: str = ""  # the monitor's own fault that ended the look
    calls: int = 0

    @property
    def known_entries(self) -> tuple[Entry, ...]:
        """The entries that were read; empty if they are not visible."""
        return () if self.entries is None else self.entries

    @property
    def all_read(self) -> bool:
        """Tell whether there is no entry of the window that was not read."""
        return self.complete and not self.spans

    @property
    def seconds_read(self) -> int:
        return sum(end - start for start, end in self.read)

    @property
    def read(self) -> tuple[Span, ...]:
        """The stretches of the window that were read."""
        return self.spans if self.spans else ((self.question.start, self.question.end),)


def spans_to_read(question: Question, number: int) -> tuple[Span, ...]:
    """Choose up to `number` stretches of a window with too many events to list them all, each of one page; empty: list them all.

    The list comes in no order, so the first pages of many may be of any time. Each stretch starts where an equal share of the
    events has passed.
    """
    if question.counts is None or question.events is None or question.events <= number * SPAN_EVENTS:
        return ()
    buckets = sorted((at, count) for at, count in question.counts.items() if question.start <= at < question.end)
    spans: list[Span] = []
    passed = 0
    for position, (at, count) in enumerate(buckets):
        passed += count
        if len(spans) < number and passed * number > len(spans) * question.events and (not spans or at >= spans[-1][1]):
            spans.append((at, _end_of_span(buckets[position:])))
    return tuple(spans)


def _end_of_span(buckets: Sequence[tuple[Instant, int]]) -> Instant:
    """Add buckets while a page holds their events; the first in any case."""
    (start, events), *rest = buckets
    for at, count in rest:
        events += count
        if events > SPAN_EVENTS:
            return at
    return (rest[-1][0] if rest else start) + BUCKET


@dataclass(frozen=True, slots=True)
class Own:
    """The entries that events caused, and these events."""

    entries: tuple[Entry, ...]
    events: int | None  # of the same stretches; None: unknown
    explained: int  # most entries that events can explain: also those of just before
    imported: int  # entries left out


def own_entries(reading: CauseReading) -> Own:
    """Leave out the stretches in which more addresses joined the list than events can explain: an import."""
    question, entries = reading.question, reading.known_entries
    if question.counts is None:
        return Own(entries, None, len(entries), 0)
    phase = next(iter(question.counts), 0) % BUCKET
    joined = Counter((entry.at - phase) // BUCKET for entry in entries)
    counts = {(at - phase) // BUCKET: count for at, count in question.counts.items()}

    def events_in(slots: Iterable[int]) -> int:
        return sum(counts.get(slot, 0) for slot in slots)

    def spill(first: int, last: int) -> int:
        """Events of just before a stretch that may enter the list within it, beyond those of its end that enter it later."""
        return max(0, events_in(range(first - LATE, first)) - events_in(range(max(first, last - LATE), last)))

    imported = {slot for slot, number in joined.items() if _too_many(number, events_in(range(slot - LATE, slot + 2)))}
    imported |= {slot + step for slot in imported for step in (-1, 1)}  # its first and last entries
    stretches = [((start - phase) // BUCKET, -((phase - end) // BUCKET)) for start, end in reading.read]
    for first, last in stretches if reading.spans else ():  # one that was cut off shows too few in each slot
        slots = range(first, last)
        if _too_many(sum(joined[slot] for slot in slots), events_in(slots) + spill(first, last)):
            imported.update(slots)
    own = tuple(entry for entry in entries if (entry.at - phase) // BUCKET not in imported)
    events = events_in({slot for stretch in stretches for slot in range(*stretch)} - imported)
    explained = events + sum(spill(*stretch) for stretch in stretches)
    return Own(own, events, explained, len(entries) - len(own))


def _too_many(entries: int, events: int) -> bool:
    return entries > events + max(3, events // 10)


@dataclass(frozen=True, slots=True)
class Mix:
    """The entries of the window beyond the usual ones."""

    domains: Mapping[str, float]
    free: float  # at free-mail providers
    made_up: float
    total: float

    @property
    def top(self) -> str:
        """The domain with most entries, "" if all are unusable."""
        return max((domain for domain in self.domains if domain), key=lambda d: self.domains[d], default="")

    @property
    def top_share(self) -> float:
        return self.domains.get(self.top, 0.0) / self.total

    @property
    def rarely_free(self) -> bool:
        """Tell whether surely less than half is at free-mail providers (z = 1.28), as it is not of people who sign up."""
        return self.free <= self.total / 2 - 1.28 * sqrt(self.total) / 2

    @property
    def even_domains(self) -> float:
        """Number of domains that would be as spread if each had as many entries (inverse Simpson index)."""
        return sum(self.domains.values()) ** 2 / sum(count**2 for count in self.domains.values())


def usual(earlier: Earlier | None, seconds: int, count: int) -> float:
    """Scale an earlier count to `seconds`."""
    return 0.0 if earlier is None else count * seconds / earlier.seconds


def mix_of(entries: Sequence[Entry], reading: CauseReading) -> Mix | None:
    """Subtract the usual entries from `entries`; None if too few are left."""
    earlier = reading.earlier if reading.complete else None  # of a part of the entries nothing can be subtracted

    def more(count: int, before: int) -> float:
        return max(0.0, count - usual(earlier, reading.seconds_read, before))

    known = earlier if earlier is not None else Earlier({}, 0, 1)
    counts = Counter(entry.domain for entry in entries)
    domains = {domain: more(count, known.domains.get(domain, 0)) for domain, count in counts.items()}
    free = more(*(sum(count for domain, count in of.items() if domain in FREE_MAIL) for of in (counts, known.domains)))
    total = more(len(entries), sum(known.domains.values()))
    if total < FEWEST:
        return None
    return Mix(domains, free, more(sum(entry.made_up for entry in entries), known.made_up), total)


def _is_burst(entries: Sequence[Entry], mix: Mix, reading: CauseReading) -> bool:
    """Tell whether most came within a quarter of an hour (or a quarter of a shorter window).

    Of a list that was read in part the statistics say it, by half an hour.
    """
    question = reading.question
    if mix.total < FEWEST_IN_BURST:
        return False
    if reading.all_read:
        length = min(BUCKET, (question.end - question.start) // 4)
        times = sorted(entry.at for entry in entries)
        most = max(bisect_right(times, at + length) - number for number, at in enumerate(times))
        return most >= BURST * mix.total
    counts, pace = question.counts, question.pace_before
    if counts is None or pace is None or not question.events or question.end - question.start < SPREAD_FROM:
        return False
    more = question.events - pace * (question.end - question.start)
    return max(counts[at] + counts.get(at + BUCKET, 0) for at in counts if at >= question.start) >= BURST * more


def shape_of(reading: CauseReading) -> Shape:
    """Name the kind of cause that a reading shows."""
    question, entries = reading.question, reading.entries
    off = reading.facts.suppressed is not None and question.metric not in reading.facts.suppressed
    if entries is None:
        return Shape.OFF if off else Shape.UNCLEAR
    own = own_entries(reading)
    if _is_import(own, reading):
        return Shape.IMPORT
    if reading.complete and _is_off(own, certain=off):
        return Shape.OFF
    mix = mix_of(own.entries, reading)
    if mix is None:
        return Shape.IMPORT if own.imported else Shape.UNCLEAR
    if question.counts is None and not reading.samples:
        return Shape.UNCLEAR  # it may be an import
    if question.metric is Metric.COMPLAINT:
        return Shape.JOB if _sent_together(reading) else Shape.UNCLEAR
    return _shape_of_bounces(own.entries, mix, reading)


def _is_import(own: Own, reading: CauseReading) -> bool:
    """Tell whether entries that nothing caused hide those that something did."""
    with_ids = sum(sample.has_ids for sample in reading.samples)
    if own.events is None or reading.question.events is None:
        return with_ids * 2 < len(reading.samples)
    hidden = own.imported > 0 and len(own.entries) < max(FEWEST_BESIDE_IMPORT, ENOUGH * reading.question.events)
    return with_ids * 2 < len(reading.samples) or _too_many(len(own.entries), own.explained) or hidden


def _is_off(own: Own, *, certain: bool) -> bool:
    """Tell whether too few of the events are on the list for suppression to be on."""
    if own.events is None:
        return certain and len(own.entries) < FEWEST
    return len(own.entries) < COVERED * own.events and (certain or own.events >= 2 * FEWEST)


def _shape_of_bounces(own: Sequence[Entry], mix: Mix, reading: CauseReading) -> Shape:
    top = mix.top
    burst = _is_burst(own, mix, reading) or _sent_together(reading)
    if mix.made_up >= MADE_UP * mix.total:
        return Shape.FORM
    if top and top not in FREE_MAIL and not is_misspelt(top) and mix.top_share >= MOSTLY:
        return Shape.REFUSED
    if mix.even_domains >= min(EVEN, MOSTLY * mix.total) and mix.rarely_free:
        return Shape.OLD_LIST
    if burst:
        return Shape.JOB
    if top and mix.top_share >= MOSTLY and _was_rare(top, reading.earlier):
        return Shape.REFUSED
    return Shape.UNCLEAR


def _sent_together(reading: CauseReading) -> bool:
    """Tell whether at least three sampled messages, and 3 of 5, were sent within the time of one job."""
    times = sorted(sample.sent for sample in reading.samples if sample.sent is not None)
    question = reading.question
    length = ONE_SEND[question.metric]
    if (
        question.metric is Metric.BOUNCE
    ):  # which follows its email at once, so that a short window holds any time together
        length = min(length, (question.end - question.start) // 8)
    most = max((bisect_right(times, at + length) - number for number, at in enumerate(times)), default=0)
    return most >= 3 and most >= 0.6 * len(times)


def _was_rare(domain: str, earlier: Earlier | None) -> bool:
    """Tell whether a free-mail provider had less than half of its share before."""
    total = 0 if earlier is None else sum(earlier.domains.values())
    return earlier is not None and total >= 20 and earlier.domains.get(domain, 0) / total < MOSTLY / 2


def worth_asking(reading: CauseReading, number: int) -> tuple[int, ...]:
    """Choose the entries to ask for one by one: their positions, spread evenly over the time they came in."""
    entries = reading.known_entries
    own = set(own_entries(reading).entries)
    chosen = [position for position, entry in enumerate(entries) if entry in own or not own]
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
