"""The words of a cause: one line for the alert, the first step, what is uncertain, and what else was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .cause import MOSTLY, CauseReading, Earlier, Mix, Own, Part, Question, Shape, mix_of, own_entries, shape_of, usual
from .rates import AWS_THRESHOLDS, Metric
from .recipients import Entry
from .wording import minute, percent, plural

FEWEST_SHOWN = 3
"""A domain with fewer entries is summed up in "others": it may belong to one person."""

MOST_SHOWN = 3

NOUN = {Metric.BOUNCE: "bounce", Metric.COMPLAINT: "complaint"}


@dataclass(frozen=True, slots=True)
class DomainCount:
    """Entries of one recipient domain in the window, and in an ordinary stretch of the same length (None: unknown)."""

    domain: str  # "others" sums up domains with fewer than three entries
    now: int
    usual: float | None


@dataclass(frozen=True, slots=True)
class Cause:
    """Words of an alert about its cause. Nothing in them is an address."""

    shape: Shape
    line: str
    first_step: str
    uncertainty: str
    domains: tuple[DomainCount, ...]
    details: tuple[str, ...]  # one sentence each
    listed: int | None  # entries of the window; None: not visible
    events: int | None  # bounces or complaints of the window; None: unknown
    command: str  # to look closer


@dataclass(frozen=True, slots=True)
class _Words:
    head: str
    step: str
    uncertainty: str


_VERIFY = "Stop that send. Verify the addresses, or send only to people who opened or clicked lately, before you go on."

_WORDS = {
    Shape.OLD_LIST: _Words(
        "Likely an old or bought list",
        _VERIFY,
        "A list of customers that nobody has written to for a year looks the same.",
    ),
    Shape.REFUSED: _Words(
        "Likely refused by {top}",
        "Stop email to {top} and ask its postmaster why your email is refused; the bounce messages have its reason.",
        "If {top} closed mailboxes, the list is old for that domain: then remove those addresses.",
    ),
    Shape.FORM: _Words(
        "Likely a sign-up form abused by bots",
        "Protect the form: a captcha, and a confirmation email (double opt-in) before any other email.",
        "It is read from how the addresses look. Without a form, look for a list with generated addresses.",
    ),
    Shape.JOB: _Words(
        "Likely one job or campaign",
        "Find the job that sent {when} and stop it, not all email.",
        "The time says that it is one send, not which one.",
    ),
    Shape.IMPORT: _Words(
        "The suppression list was imported into, so it does not show who causes this",
        "Look for what was sent since the start: a new list, a migration, a changed form.",
        "An import hides the {noun}s that came in at the same time.",
    ),
    Shape.OFF: _Words(
        "Suppression is off, so the list does not show who causes this",
        "Switch it on, so that no address {verb} twice: `{switch_on}`.",
        "A configuration set or a tenant may have a setting of its own: `aws sesv2 get-configuration-set "
        "--configuration-set-name NAME --region {region}` shows SuppressionOptions.",
    ),
    Shape.UNCLEAR: _Words(
        "The cause is not clear",
        "Look for what was sent since the start: a new list, a campaign, an import, a changed form.",
        "{why}",
    ),
}

_COMPLAINT_STEPS = {
    Shape.JOB: "Find the campaign that was sent {when} and stop it; check that unsubscribing is one click and works.",
    Shape.UNCLEAR: "Look for the newest campaign or a raised frequency; check that unsubscribing is one click and works.",
}

_OF_COMPLAINTS = "Gmail reports no complaints, so its domains are missing here. Domains are those of the recipients as Amazon SES infers them."


def explain(reading: CauseReading) -> Cause:
    """Put a reading into words."""
    question = reading.question
    shape = shape_of(reading)
    own = own_entries(reading)
    shown = () if shape is Shape.IMPORT else domain_counts(own.entries, reading)
    words = _WORDS[shape]
    step = _COMPLAINT_STEPS.get(shape, words.step) if question.metric is Metric.COMPLAINT else words.step
    mix = mix_of(own.entries, reading)
    values = {
        "top": mix.top if mix else "",
        "when": _when_sent(reading),
        "noun": NOUN[question.metric],
        "verb": "bounces" if question.metric is Metric.BOUNCE else "is emailed after a complaint",
        "region": question.region,
        "why": _why_unclear(reading, mix),
        "switch_on": f"aws sesv2 put-account-suppression-attributes --suppressed-reasons BOUNCE COMPLAINT --region {question.region}",
    }
    spread = f", at {len({entry.domain for entry in own.entries}):,} domains" if shape is Shape.OLD_LIST else ""
    domains = f": {_list(shown)}" if any(row.domain != "others" for row in shown) else ""
    sentences = (words.head.format_map(values), *_covered(reading, spread + domains), *_most_through(reading))
    line = ". ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)
    return Cause(
        shape=shape,
        line=f"{line}.",
        first_step=step.format_map(values),
        uncertainty=words.uncertainty.format_map(values),
        domains=shown,
        details=tuple(_details(reading, shape, own)),
        listed=None if reading.entries is None else len(reading.entries),
        events=question.events,
        command=command_of(question),
    )


def alert_text(reading: CauseReading, found: Cause, *, reminder: bool) -> str:
    """Write what a notification says of the cause; a reminder also says what would show more."""
    also = [*_of_tenants(reading), *_of_providers(reading)][:MOST_SHOWN]
    if reminder and reading.facts.vdm is False:
        also.append(_vdm(reading))
    return " ".join(text for text in (found.line, found.uncertainty, *(f"{sentence}." for sentence in also)) if text)


def _why_unclear(reading: CauseReading, mix: Mix | None) -> str:
    if reading.entries is None:
        return f"{reading.unseen[0]}." if reading.unseen else "The suppression list is not visible."
    if mix is None:
        return "Beyond the usual entries there are too few to tell."
    if reading.question.counts is None:
        return "Without the send statistics it cannot be distinguished from an import."
    return "The entries have no common domain, time or form."


def command_of(question: Question) -> str:
    """Write the command that looks closer, with the user's own credentials."""
    return (
        f"ses-reputation cause --region {question.region} --metric {question.metric} "
        f"--since {minute(question.start)} --until {minute(question.end)}"
    )


def domain_counts(entries: Sequence[Entry], reading: CauseReading, most: int = MOST_SHOWN) -> tuple[DomainCount, ...]:
    """Count by recipient domain, most above the usual first; those with fewer than three entries, and all beyond `most`, are "others"."""
    earlier = reading.earlier
    counts = Counter(entry.domain for entry in entries).most_common()
    named = [(domain, count) for domain, count in counts if domain and count >= FEWEST_SHOWN]
    rows = [DomainCount(domain, count, _usual(earlier, reading, domain)) for domain, count in named]
    rows = sorted(rows, key=lambda row: (0 if row.usual is None else row.usual) - row.now)[:most]
    rest = len(entries) - sum(row.now for row in rows)
    return (*rows, DomainCount("others", rest, None)) if rest else tuple(rows)


def _usual(earlier: Earlier | None, reading: CauseReading, domain: str) -> float | None:
    return None if earlier is None else usual(earlier, reading.seconds_read, earlier.domains.get(domain, 0))


def _list(rows: Sequence[DomainCount]) -> str:
    return ", ".join(
        f"{row.domain} {row.now:,}" + ("" if row.usual is None else f" (usually {round(row.usual):,})") for row in rows
    )


def _covered(reading: CauseReading, domains: str) -> Iterator[str]:
    """94 of the 112 bounces of this window are on the suppression list."""
    question = reading.question
    noun, events = NOUN[question.metric], question.events
    if reading.entries is None:
        return
    listed = f"{'' if reading.all_read else 'at least '}{len(reading.entries):,}"
    if events is None:
        yield f"{listed} new addresses are on the suppression list; the number of {noun}s is unknown{domains}"
    elif len(reading.entries) <= events:
        yield f"{listed} of the {plural(events, noun)} of this window are on the suppression list{domains}"
    else:
        yield f"{listed} new addresses are on the suppression list, for {plural(events, noun)}{domains}"


def _most_through(reading: CauseReading) -> Iterator[str]:
    """Most came through configuration set newsletter (90 of 112)."""
    events = reading.question.events
    counted = [part for part in reading.parts if part.counted]
    counted += [Part("tenant", name, count) for name, count, _ in reading.on_tenant_lists if count]
    top = max(counted, key=lambda part: part.counted, default=None)
    if top is not None and events and top.counted >= MOSTLY * events:
        yield f"Most come through {top.kind} {top.name} ({top.counted:,} of {events:,})"


def _when_sent(reading: CauseReading) -> str:
    times = [sample.sent for sample in reading.samples if sample.sent is not None]
    if times:
        return f"about {minute(sorted(times)[len(times) // 2])}"
    return f"since about {minute(reading.question.start)}"


def _details(reading: CauseReading, shape: Shape, own: Own) -> Iterator[str]:
    question, listed = reading.question, len(own.entries)
    noun = NOUN[question.metric]
    if own.imported:
        yield f"{own.imported:,} entries came faster than emails could cause: an import, left out here"
    if listed and own.events and reading.all_read and shape is not Shape.OFF and listed < 0.7 * own.events:
        yield f"{own.events - listed:,} {noun}s are not on the list: suppression may be off for a configuration set"
    yield from _of_parts(reading)
    yield from _of_tenants(reading)
    yield from _of_samples(reading)
    yield from _of_providers(reading)
    if question.metric is Metric.COMPLAINT:
        yield _OF_COMPLAINTS[:-1]
    yield from reading.unseen
    if reading.facts.vdm is False:
        yield _vdm(reading)


def _of_parts(reading: CauseReading) -> Iterator[str]:
    noun = NOUN[reading.question.metric]
    counted = sorted((part for part in reading.parts if part.counted), key=lambda part: -part.counted)
    for part in counted[:MOST_SHOWN]:
        yield f"{part.kind.capitalize()} {part.name}: {plural(part.counted, noun)}"
    advised = AWS_THRESHOLDS[reading.question.metric].advised
    rated = [(part.rate, part) for part in reading.parts if part.rate is not None and part.rate >= advised]
    for rate, part in sorted(rated, key=lambda pair: -pair[0])[:MOST_SHOWN]:
        yield f"{part.kind.capitalize()} {part.name}: AWS's own {noun} rate is {percent(rate)}"


def _of_tenants(reading: CauseReading) -> Iterator[str]:
    for name, count, complete in reading.on_tenant_lists:
        yield f"Tenant {name}: {'' if complete else 'at least '}{count:,} new on its own suppression list"
    for tenant in reading.tenants:
        if tenant.high_impact:
            yield f"Tenant {tenant.name}: high reputation impact" + (
                f", paused by {tenant.paused_by}" if tenant.paused_by else ""
            )


def _of_providers(reading: CauseReading) -> Iterator[str]:
    if reading.providers and reading.provider_days is not None:
        first, last = (minute(at)[:10] for at in reading.provider_days)
        counts = ", ".join(f"{part.name} {part.events:,}" for part in reading.providers)
        yield f"By mailbox provider, whole UTC days from {first} up to {last}: {counts}"


def _of_samples(reading: CauseReading) -> Iterator[str]:
    tagged = [sample for sample in reading.samples if sample.tags]
    counts = Counter(tag for sample in tagged for tag in sample.tags)
    for (name, value), count in counts.most_common(MOST_SHOWN):
        yield f"{count} of {plural(len(tagged), 'sampled message')}: {name} {value}"


def _vdm(reading: CauseReading) -> str:
    command = (
        f"`aws sesv2 put-account-vdm-attributes --vdm-attributes VdmEnabled=ENABLED --region {reading.question.region}`"
    )
    price = f"your plan is {reading.facts.plan}" if reading.facts.plan not in ("", "NONE") else "AWS bills it by email"
    return (
        f"The Virtual Deliverability Manager would name mailbox providers and senders; it is off ({price}): {command}"
    )
