"""Entries of the suppression list → the shape of a cause, and its words."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from ses_reputation.core.cause import (
    CauseReading,
    Earlier,
    Part,
    Question,
    Sample,
    Shape,
    mix_of,
    own_entries,
    question_from,
    sent_from,
    shape_of,
    spans_to_read,
    worth_asking,
)
from ses_reputation.core.cause_words import Cause, command_of, domain_counts, explain
from ses_reputation.core.history import BUCKET, DAY, HOUR, Point, history_from
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import AccountFacts, facts_from
from ses_reputation.core.recipients import Entry

START = 1_760_000_400
END = START + 2 * HOUR
ON = AccountFacts(frozenset(Metric), vdm=True)


def asked(events: int, metric: Metric = Metric.BOUNCE, hours: int = 2) -> Question:
    """Events spread evenly over a window, after two weeks without any."""
    buckets = range(START, START + hours * HOUR, BUCKET)
    share, rest = divmod(events, len(buckets))
    counts = {at: share + (number < rest) for number, at in enumerate(buckets)}
    return Question(metric, "eu-west-1", START, START + hours * HOUR, {START - 14 * DAY: 0, **counts})


def spread(domains: list[str], made_up: bool = False, seconds: int = 2 * HOUR, begin: int = START) -> tuple[Entry, ...]:
    return tuple(
        Entry(domain, begin + number * seconds // len(domains), made_up) for number, domain in enumerate(domains)
    )


def reading(events: int, entries: tuple[Entry, ...] | None, **more: Any) -> CauseReading:
    return CauseReading(**{"question": asked(events), "facts": ON, "entries": entries, **more})


DEAD = [f"dead{number}.example" for number in range(30)]
USUAL = ["gmail.com", "gmail.com", "gmail.com", "yahoo.com", "outlook.com", "hotmail.com"] * 5
COMPANY = ["acme.example"] * 25 + DEAD[:5]
WITH_IDS = tuple(Sample(START + 60 * number, has_ids=True) for number in range(5))
WITHOUT_IDS = tuple(Sample(START + 60 * number, has_ids=False) for number in range(5))
TOGETHER = tuple(Sample(START + 900 * number, True, START + 60 * number) for number in range(5))


@pytest.mark.parametrize(
    ("seen", "shape"),
    [
        pytest.param(reading(30, spread(DEAD)), Shape.OLD_LIST, id="many dead domains"),
        pytest.param(reading(30, spread(DEAD, seconds=300, begin=START + 5)), Shape.IMPORT, id="thirty at once for four bounces"),
        pytest.param(reading(30, spread(COMPANY)), Shape.REFUSED, id="mostly one company"),
        pytest.param(reading(30, spread(USUAL)), Shape.UNCLEAR, id="the usual mix, slowly"),
        pytest.param(reading(80, spread(USUAL), complete=False), Shape.UNCLEAR, id="the usual mix, slowly, read in part"),
        pytest.param(reading(30, spread(USUAL, made_up=True)), Shape.FORM, id="made-up addresses"),
        pytest.param(reading(30, spread(USUAL), samples=TOGETHER), Shape.JOB, id="sent together"),
        pytest.param(reading(30, spread(COMPANY), samples=WITHOUT_IDS), Shape.IMPORT, id="no ids"),
        pytest.param(reading(30, spread(COMPANY), samples=WITH_IDS), Shape.REFUSED, id="with ids"),
        pytest.param(
            reading(30, spread(COMPANY), samples=WITH_IDS[:2] + WITHOUT_IDS[2:]), Shape.IMPORT, id="two of five with ids"
        ),
        pytest.param(
            reading(30, spread(COMPANY), samples=WITH_IDS[:3] + WITHOUT_IDS[3:]), Shape.REFUSED, id="three of five with ids"
        ),
        pytest.param(reading(30, spread(DEAD * 20)), Shape.IMPORT, id="far more entries than bounces"),
        pytest.param(reading(112, spread(DEAD)), Shape.OFF, id="few entries, many bounces"),
        pytest.param(reading(30, (), facts=AccountFacts(frozenset({Metric.COMPLAINT}))), Shape.OFF, id="off for bounces"),
        pytest.param(reading(30, None, facts=AccountFacts(frozenset())), Shape.OFF, id="off, and the list not visible"),
        pytest.param(reading(30, None), Shape.UNCLEAR, id="not visible"),
        pytest.param(reading(4, spread(DEAD[:4])), Shape.UNCLEAR, id="too few"),
        pytest.param(reading(0, ()), Shape.UNCLEAR, id="nothing at all"),
        pytest.param(reading(30, spread([""] * 30)), Shape.UNCLEAR, id="no usable domain"),
        pytest.param(
            replace(reading(30, spread(COMPANY)), question=replace(asked(30), counts=None)), Shape.UNCLEAR, id="it may be an import"
        ),
        pytest.param(
            replace(reading(30, spread(COMPANY), samples=WITH_IDS), question=replace(asked(30), counts=None)),
            Shape.REFUSED,
            id="it is none: there are ids",
        ),
        pytest.param(
            reading(30, spread(["outlook.com"] * 30), earlier=Earlier({"gmail.com": 90, "outlook.com": 10}, 0, 14 * DAY)),
            Shape.REFUSED,
            id="a provider that was rare",
        ),
        pytest.param(
            reading(30, spread(["outlook.com"] * 30), earlier=Earlier({"outlook.com": 90}, 0, 14 * DAY)),
            Shape.UNCLEAR,
            id="a provider that always dominates",
        ),
        pytest.param(
            reading(30, spread(["gmial.com"] * 30, made_up=True)), Shape.FORM, id="one misspelt provider is no company"
        ),
        pytest.param(
            reading(30, spread(COMPANY), earlier=Earlier({"acme.example": 30 * 168}, 0, 14 * DAY)),
            Shape.UNCLEAR,
            id="no more than usual of anything",
        ),
        pytest.param(
            CauseReading(asked(30, Metric.COMPLAINT), ON, entries=spread(["yahoo.com"] * 30)), Shape.UNCLEAR, id="complaints at one provider"
        ),
        pytest.param(
            CauseReading(asked(30, Metric.COMPLAINT), ON, entries=spread(["yahoo.com"] * 30), samples=TOGETHER),
            Shape.JOB,
            id="complaints about one send",
        ),
    ],
)  # fmt: skip
def test_each_shape_has_its_name(seen: CauseReading, shape: Shape) -> None:
    assert shape_of(seen) is shape


def test_a_burst_is_one_job() -> None:
    counts = {START - 14 * DAY: 0, START + HOUR: 30}
    seen = reading(30, spread(USUAL, seconds=600, begin=START + HOUR))
    assert shape_of(replace(seen, question=replace(asked(30), counts=counts))) is Shape.JOB


def test_a_burst_is_found_although_the_list_is_incomplete() -> None:
    counts = {START - 14 * DAY: 0, **{START + BUCKET * number: 10 for number in range(8)}, START + HOUR: 9_000}
    seen = reading(0, spread(USUAL * 20, seconds=HOUR), spans=((START, START + HOUR),))
    assert shape_of(replace(seen, question=replace(asked(0), counts=counts))) is Shape.IMPORT, "600 for 40"
    seen = reading(
        0, spread(USUAL * 20, seconds=800, begin=START + HOUR), spans=((START + HOUR, START + HOUR + BUCKET),)
    )
    assert shape_of(replace(seen, question=replace(asked(0), counts=counts))) is not Shape.IMPORT


def test_an_import_beside_bounces_is_left_out() -> None:
    imported = spread(["customer.example"] * 400, seconds=60, begin=START + HOUR)
    seen = reading(40, spread(DEAD + DEAD[:10]) + imported)
    own = own_entries(seen)
    assert shape_of(seen) is Shape.OLD_LIST
    assert own.imported >= 400 and all(entry.domain != "customer.example" for entry in own.entries)
    cause = explain(seen)
    assert "customer.example" not in repr(cause)
    assert f"{own.imported:,} entries came faster than emails could cause: an import, left out here" in cause.details


def test_entries_without_any_counts_are_compared_by_quarters_of_an_hour() -> None:
    entries = spread(DEAD[:4], seconds=2, begin=START + BUCKET - 1)
    seen = replace(reading(0, entries), question=replace(asked(0), counts={}))
    assert own_entries(seen).imported == 0, "two in each quarter"


def test_usual_entries_are_subtracted() -> None:
    mix = mix_of(
        spread(COMPANY), reading(30, spread(COMPANY), earlier=Earlier({"acme.example": 10 * 168}, 168, 14 * DAY))
    )
    assert mix is not None
    assert (mix.total, mix.domains["acme.example"], mix.made_up) == (20.0, 15.0, 0.0)


@pytest.mark.parametrize(
    ("events", "spans"),
    [(0, 0), (2_400, 0), (2_401, 3), (100_000, 3)],
)
def test_a_long_list_is_read_in_stretches_of_a_page(events: int, spans: int) -> None:
    question = asked(events)
    chosen = spans_to_read(question, 3)
    assert len(chosen) == spans
    assert all(START <= start < end <= END and (end - start) % BUCKET == 0 for start, end in chosen)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(chosen))


def test_without_statistics_the_whole_list_is_read() -> None:
    assert spans_to_read(replace(asked(0), counts=None), 3) == ()


def test_stretches_are_longer_if_events_are_few() -> None:
    [first, *_] = spans_to_read(asked(9_600, hours=12), 3)
    assert first[1] - first[0] == 4 * BUCKET, "200 in each bucket"


def test_samples_are_spread_over_time_without_imports() -> None:
    imported = spread(["customer.example"] * 400, seconds=60, begin=START + HOUR)
    seen = reading(40, imported + spread(DEAD + DEAD[:10]))
    chosen = worth_asking(seen, 5)
    assert len(chosen) == 5 and seen.entries is not None
    assert all(seen.entries[position].domain != "customer.example" for position in chosen)
    times = [seen.entries[position].at for position in chosen]
    assert times == sorted(times) and times[-1] - times[0] > HOUR
    assert worth_asking(reading(30, ()), 5) == () and len(worth_asking(reading(500, imported), 0)) == 0


@pytest.mark.parametrize(
    ("message_id", "sent"),
    [
        ("01020170c41acd6e-89acae55-6245-4d89-86ca-0a177e59e737-000000", 1_583_838_055),
        ("0102", None),
        ("", None),
        ("not-an-id-at-all-but-long", None),
        ("0102ffffffffffff-0000", None),
        ("0102000000000001-0000", None),
    ],
)
def test_a_plausible_message_time_is_read_from_its_id(message_id: str, sent: int | None) -> None:
    assert sent_from(message_id, 1_583_840_000) == sent


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        ({}, AccountFacts()),
        ({"SuppressionAttributes": {"SuppressedReasons": []}}, AccountFacts(frozenset())),
        (
            {
                "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "SOMETHING_NEW"]},
                "VdmAttributes": {"VdmEnabled": "DISABLED"},
                "PricingAttributes": {"CurrentPlan": "ESSENTIALS"},
            },
            AccountFacts(frozenset({Metric.BOUNCE}), False, "ESSENTIALS"),
        ),
        (
            {"SuppressionAttributes": 7, "VdmAttributes": {"VdmEnabled": 1}, "PricingAttributes": {"CurrentPlan": "<b>"}},
            AccountFacts(),
        ),
    ],
)  # fmt: skip
def test_missing_account_fields_are_unknown(answer: dict[str, Any], facts: AccountFacts) -> None:
    assert facts_from(answer) == facts


def test_a_question_counts_whole_buckets_of_the_window() -> None:
    points = [Point(START + BUCKET * number, 100, 10 * (number + 1), number) for number in range(-2, 3)]
    history = history_from(points, until=END)
    question = question_from(Metric.BOUNCE, "eu-west-1", history, START, START + 2 * BUCKET)
    assert question.events == 10 + 20
    assert question.pace_before == (0 - 10) / (2 * BUCKET)
    assert question_from(Metric.BOUNCE, "eu-west-1", None, START, END).events is None


def test_a_question_ends_with_the_last_closed_bucket() -> None:
    points = [Point(START + BUCKET * number, 100, 10, 0) for number in range(3)]
    history = history_from(points, until=START + 2 * BUCKET + 60)
    asked = question_from(Metric.BOUNCE, "eu-west-1", history, START, START + 2 * BUCKET + 60)
    assert (asked.end, asked.events) == (START + 2 * BUCKET, 20)
    fresh = question_from(Metric.BOUNCE, "eu-west-1", history, START + 2 * BUCKET, START + 2 * BUCKET + 60)
    assert (fresh.start, fresh.end, fresh.events) == (START + 2 * BUCKET, START + 2 * BUCKET + 60, 0)


def test_domains_are_sorted_by_their_excess() -> None:
    seen = reading(
        20, spread(["acme.example"] * 6 + ["mail.example"] * 9), earlier=Earlier({"mail.example": 336 * 8}, 0, 14 * DAY)
    )
    rows = domain_counts(seen.entries or (), seen)
    assert [row.domain for row in rows] == ["acme.example", "mail.example"]


def lines(cause: Cause) -> list[str]:
    return [cause.line, cause.first_step, cause.uncertainty, *cause.details]


def test_one_domain_has_words_of_its_own() -> None:
    seen = reading(
        112,
        spread(["acme.example"] * 80 + DEAD[:14]),
        earlier=Earlier({"acme.example": 336}, 0, 14 * DAY),
        parts=(Part("configuration set", "newsletter", 90), Part("campaign", "none", 0)),
    )
    assert lines(explain(seen)) == [
        (
            "Likely refused by acme.example. 94 of the 112 bounces of this window are on the suppression list: "
            "acme.example 80 (usually 2), others 14. Most come through configuration set newsletter (90 of 112)."
        ),
        "Stop email to acme.example and ask its postmaster why your email is refused; the bounce messages have its reason.",
        "If acme.example closed mailboxes, the list is old for that domain: then remove those addresses.",
        "Configuration set newsletter: 90 bounces",
    ]


def test_an_import_has_words_of_its_own() -> None:
    cause = explain(reading(12, spread(["customer.example"] * 500)))
    assert cause.line == (
        "The suppression list was imported into, so it does not show who causes this. "
        "500 new addresses are on the suppression list, for 12 bounces."
    )
    assert cause.domains == ()


def test_the_words_of_one_job_name_the_time_it_was_sent() -> None:
    cause = explain(reading(30, spread(USUAL), samples=TOGETHER))
    assert cause.first_step == "Find the job that sent about 2025-10-09T09:02Z and stop it, not all email."


def test_the_words_of_suppression_that_is_off_have_the_command() -> None:
    cause = explain(reading(30, (), facts=AccountFacts(frozenset(), vdm=True)))
    assert cause.line == (
        "Suppression is off, so the list does not show who causes this. 0 of the 30 bounces of this window are on the suppression list."
    )
    assert "aws sesv2 put-account-suppression-attributes --suppressed-reasons BOUNCE COMPLAINT --region eu-west-1" in (
        cause.first_step
    )


def test_every_shape_has_a_text_for_both_metrics() -> None:
    for metric in Metric:
        for entries in (spread(DEAD), spread(USUAL), spread(COMPANY), (), None, spread(DEAD * 20)):
            cause = explain(CauseReading(asked(30, metric), entries=entries))
            assert all(text and "{" not in text and text[-1] in ".`" for text in (cause.line, cause.first_step)), cause


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (reading(30, None), "The suppression list is not visible."),
        (reading(4, spread(DEAD[:4])), "Beyond the usual entries there are too few to tell."),
        (reading(30, spread(USUAL)), "The entries have no common domain, time or form."),
        (
            replace(reading(30, spread(COMPANY)), question=replace(asked(30), counts=None)),
            "Without the send statistics it cannot be distinguished from an import.",
        ),
    ],
)
def test_an_unclear_cause_says_why(seen: CauseReading, why: str) -> None:
    assert explain(seen).uncertainty == why


def test_hidden_parts_are_mentioned() -> None:
    cause = explain(reading(30, None, unseen=("Not visible: suppressed addresses (throttled)",)))
    assert cause.line == "The cause is not clear."
    assert cause.details == ("Not visible: suppressed addresses (throttled)",) and cause.listed is None


def test_a_domain_with_fewer_than_three_entries_is_not_shown() -> None:
    entries = spread(["smith-family.example"] * 2 + ["acme.example"] * 3)
    rows = domain_counts(entries, reading(5, entries))
    assert [(row.domain, row.now) for row in rows] == [("acme.example", 3), ("others", 2)]


def test_bounces_that_are_not_on_the_list_are_counted() -> None:
    cause = explain(reading(50, spread(COMPANY)))
    assert "20 bounces are not on the list: suppression may be off for a configuration set" in cause.details


def test_the_command_has_the_window() -> None:
    assert command_of(asked(1)) == (
        "ses-reputation cause --region eu-west-1 --metric bounce --since 2025-10-09T09:00Z --until 2025-10-09T11:00Z"
    )
