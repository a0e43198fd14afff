"""Every message that a person reads, made by the real core, kept as a file to be read as prose.

After a change of words: `UPDATE_GOLDEN=1 pytest tests/core/test_messages.py`, then read the files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ses_reputation.core.account import Account, AwsRate, AwsView
from ses_reputation.core.decide import Announcement, MetricState, State, decide, replay
from ses_reputation.core.history import BUCKET, DAY, HOUR, Point, point_from
from ses_reputation.core.messages import attributes, machine, mail
from ses_reputation.core.rates import Count, Metric
from ses_reputation.core.reading import Trouble, Unreadable
from ses_reputation.core.rules import Verdict, default_policy
from ses_reputation.core.sentences import Context, ses_console, suggested_share
from ses_reputation.core.target import Target
from ses_reputation.core.trial import trial
from ses_reputation.core.wording import duration, percent

from local_aws.sender import Campaign, send_data_points

GOLDEN = Path(__file__).parent / "golden"
START = 1_738_540_800  # Monday 2025-02-03T00:00:00Z
IRELAND = Target("123456789012", "eu-west-1", "shop")
CONTEXT = Context("", ZoneInfo("Europe/Berlin"), "https://console.aws.amazon.com/d", "https://wiki.mail.test/ses")
PLAIN = Context("prod", UTC, "https://console.aws.amazon.com/d", "")


@cache
def story(
    mails_per_day: int = 40_000, per_bucket: int = 250, complaint_rate: float = 0.004, hours: int = 20
) -> tuple[Announcement, ...]:
    """What is said of a sender who sends to a bad list for so many hours, two weeks after the start."""
    bad = START + 14 * DAY + 9 * HOUR
    campaign = Campaign(bad, bad + hours * HOUR, per_bucket, 0.16, complaint_rate)
    points = send_data_points(START, START + 24 * DAY, mails_per_day=mails_per_day, campaigns=[campaign])
    played = replay(IRELAND, [point_from(point) for point in points], default_policy())
    return tuple(announcement for _, said, _ in played for announcement in said)


def the(concern: str, reason: str, said: Sequence[Announcement] | None = None) -> Announcement:
    """The first announcement of a kind."""
    said = story() if said is None else said
    return next(a for a in said if (a.concern, a.reason.value) == (concern, reason))


def unreadable(trouble: Trouble, ticks: int = 2, readable: int = 0) -> Announcement:
    """What is said last of a target that could not be read for `ticks` ticks and could for `readable` after that."""
    points = tuple(Point(START + i * BUCKET, 400, 3) for i in range(96))
    state: State | None = None
    said: list[Announcement] = []
    for tick in range(ticks + readable):
        reading = Unreadable(trouble, "GetSendStatistics: Code") if tick < ticks else points
        plan = decide(IRELAND, reading, state, default_policy(), START + DAY + tick * BUCKET)
        state, said = plan.state, [*said, *plan.announcements]
    return said[-1]


HEALTHY = Account("HEALTHY", sending=True, production=True, quota=50_000, used=38_400)


def seen(views: Sequence[AwsView], points: Callable[[int], Point] | None = None) -> list[Announcement]:
    """What the last of so many ticks says, at each of which AWS says one of `views` of a sender of ten days."""
    state: State | None = None
    said: list[Announcement] = []
    made = points if points is not None else lambda at: Point(at, 400, 3)
    for tick, view in enumerate(views):
        now = START + 10 * DAY + 9 * HOUR + tick * BUCKET
        record = tuple(made(at) for at in range(START, now, BUCKET))
        plan = decide(IRELAND, record, state, default_policy(), now, view)
        state, said = plan.state, list(plan.announcements)
    return said


def account(**changes: Any) -> AwsView:
    return AwsView(replace(HEALTHY, **changes), {})


def rated(**rates: float) -> AwsView:
    at = START + 10 * DAY + 8 * HOUR
    return AwsView(HEALTHY, {Metric(name): AwsRate(rate, at) for name, rate in rates.items()})


NO_ACCOUNT = Unreadable(Trouble.DENIED, "GetAccount: AccessDeniedException")
STOPPED = START + 10 * DAY + 6 * HOUR


def complaining(at: int) -> Point:
    """400 mails a quarter of an hour, to which a complaint comes every hour, and five of them in the last hours."""
    late = at >= START + 10 * DAY + 2 * HOUR
    return Point(at, 400, 3, 5 if late else int(at % HOUR == 0))


MESSAGES: dict[str, Callable[[], tuple[list[Announcement], Context]]] = {
    "bounce-opened": lambda: ([the("bounce", "opened")], CONTEXT),
    "bounce-escalated": lambda: ([the("bounce", "escalated")], CONTEXT),
    "bounce-reminder": lambda: ([the("bounce", "still", story(hours=40))], CONTEXT),
    "bounce-resolved": lambda: ([the("bounce", "recovered")], CONTEXT),
    "complaint-opened": lambda: ([the("complaint", "opened")], CONTEXT),
    "complaint-escalated": lambda: ([the("complaint", "escalated", story(40_000, 400, 0.008))], CONTEXT),
    "complaint-reminder": lambda: ([the("complaint", "still")], CONTEXT),
    "complaint-resolved": lambda: ([the("complaint", "recovered")], CONTEXT),
    "small-sender": lambda: ([the("bounce", "opened", story(150, 4))], PLAIN),
    "huge-sender": lambda: ([the("bounce", "escalated", story(20_000_000, 200_000))], PLAIN),
    "several-at-once": lambda: (
        [the("complaint", "opened"), the("bounce", "escalated"), unreadable(Trouble.DENIED)],
        PLAIN,
    ),
    "unreadable-denied": lambda: ([unreadable(Trouble.DENIED, 1)], CONTEXT),
    "unreadable-throttled": lambda: ([unreadable(Trouble.THROTTLED)], CONTEXT),
    "unreadable-bad-answer": lambda: ([unreadable(Trouble.BAD_ANSWER)], CONTEXT),
    "readable-again": lambda: ([unreadable(Trouble.TIMED_OUT, 3, 6)], CONTEXT),
    "under-review": lambda: (seen([account(enforcement="PROBATION")]), CONTEXT),
    "paused-by-aws": lambda: (seen([account(enforcement="PROBATION"), account(enforcement="SHUTDOWN")]), CONTEXT),
    "healthy-again": lambda: (seen([account(enforcement="SHUTDOWN"), account()]), CONTEXT),
    "unknown-status": lambda: (seen([account(enforcement="PENDING_<b>REVIEW</b>")]), CONTEXT),
    "paused-by-ourselves": lambda: (seen([account(sending=False)]), CONTEXT),
    "sending-again": lambda: (seen([account(sending=False), account()]), CONTEXT),
    "quota-warning": lambda: (
        seen([account(used=41_000)], lambda at: Point(at, 400 if at < STOPPED else 1_000, 3)),
        CONTEXT,
    ),
    "quota-used-up": lambda: (seen([account(used=50_000)]), CONTEXT),
    "aws-bounce-rate": lambda: (seen([rated(bounce=0.0512, complaint=0.0002)]), CONTEXT),
    "aws-complaint-rate": lambda: (
        seen([rated(complaint=0.00093)], lambda at: Point(at, 400, 3, at % HOUR == 0)),
        CONTEXT,
    ),
    "complaint-beside-aws": lambda: (seen([rated(bounce=0.008, complaint=0.0016)], complaining), CONTEXT),
    "aws-unreadable": lambda: (seen([AwsView(NO_ACCOUNT, {})]), CONTEXT),
    "aws-readable-again": lambda: (seen([AwsView(NO_ACCOUNT, {}), *[account()] * 4]), CONTEXT),
    "silence": lambda: (seen([account()], lambda at: Point(at, 400 if at < STOPPED else 0)), CONTEXT),
    "silence-over": lambda: (
        seen([account()] * 5, lambda at: Point(at, 0 if STOPPED <= at < STOPPED + 3 * HOUR else 400)),
        CONTEXT,
    ),
    "spike": lambda: (seen([account()], lambda at: Point(at, 400 if at < STOPPED else 2_500)), CONTEXT),
    "rejects": lambda: (seen([account()], lambda at: Point(at, 400, rejects=0 if at < STOPPED else 4)), CONTEXT),
    "test-alert": lambda: ([trial(IRELAND, START + 9 * HOUR)], CONTEXT),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_mail_reads_as_its_golden_file(name: str) -> None:
    announcements, context = MESSAGES[name]()
    made = mail(announcements, context)
    text = f"Subject: {made.subject}\n\n{made.text}\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_the_document_for_programs_reads_as_its_golden_file() -> None:
    made = json.dumps(json.loads(machine([the("bounce", "escalated")], PLAIN)), indent=2) + "\n"
    golden = GOLDEN / "machine.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(made, encoding="utf-8")
    assert made == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MESSAGES)
def test_a_mail_fits_a_phone_and_what_sns_takes(name: str) -> None:
    made = mail(*MESSAGES[name]())
    assert made.subject.isascii() and made.subject.isprintable() and len(made.subject) < 100
    assert all(len(line) <= 76 for line in made.text.splitlines() if "://" not in line)


def test_what_a_subscription_may_filter_by_names_everything_that_occurs() -> None:
    said = [the("complaint", "opened"), the("bounce", "escalated")]
    assert attributes(said) == {
        "severity": ["critical", "warning"],
        "metric": ["bounce", "complaint"],
        "kind": ["firing"],
        "account": ["123456789012"],
        "region": ["eu-west-1"],
    }


@pytest.mark.parametrize(
    ("rate", "lines", "shown"),
    [
        (0.05, (0.05,), "5 %"),
        (0.0499, (0.05,), "4.99 %"),
        (0.04999999, (0.05,), "4.999999 %"),
        (0.0500001, (0.05,), "5.00001 %"),
        (0.0008, (), "0.08 %"),
        (0.000798, (0.0008,), "0.0798 %"),
        (0.123456, (), "12 %"),
        (1.0, (), "100 %"),
        (0.0, (), "0 %"),
    ],
)
def test_a_percentage_never_rounds_to_the_other_side_of_a_line(
    rate: float, lines: tuple[float, ...], shown: str
) -> None:
    assert percent(rate, *lines).replace("\u00a0", " ") == shown


@given(rate=st.floats(0, 1), line=st.sampled_from([0.001, 0.005, 0.02, 0.05, 0.1]))
def test_whatever_the_rate_its_words_stand_on_its_own_side_of_the_line(rate: float, line: float) -> None:
    shown = float(percent(rate, line).removesuffix("\u00a0%")) / 100
    assert (shown > line + 1e-12) <= (rate >= line) and (shown < line - 1e-12) <= (rate <= line)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 min"), (900, "15 min"), (3_600, "1 h"), (19_800, "5 h 30 min"), (86_400, "1 d"), (187_200, "2 d 4 h")],
)
def test_a_stretch_of_time_is_said_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert duration(seconds).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/"),
        ("cn-north-1", "https://console.amazonaws.cn/"),
        ("us-gov-west-1", "https://console.amazonaws-us-gov.com/"),
    ],
)
def test_the_console_is_that_of_the_regions_partition(region: str, host: str) -> None:
    assert ses_console(region).startswith(host) and f"region={region}" in ses_console(region)


@pytest.mark.parametrize(
    ("ours", "aws", "present", "suggested"),
    [
        ((24, 38_400), 0.00125, 1.0, 0.5),
        ((24, 38_400), 0.00125, 0.5, 0.25),
        ((24, 38_400), 0.00063, 1.0, None),  # they agree
        ((24, 38_400), 0.0003, 1.0, None),  # AWS's is lower: no share explains that
        ((24, 38_400), 0.5, 1.0, None),  # nor so little of the mail
        ((9, 38_400), 0.001, 1.0, None),  # too few to tell
        ((24, 38_400), 0.0, 1.0, None),
    ],
)
def test_a_feedback_share_is_suggested_where_it_would_explain_the_difference(
    ours: tuple[int, int], aws: float, present: float, suggested: float | None
) -> None:
    count = Count(*ours, START, START + DAY)
    state = MetricState(Metric.COMPLAINT, Verdict.OK, count, count, None, AwsRate(aws, START))
    assert suggested_share(state, present) == suggested
    assert suggested_share(replace(state, metric=Metric.BOUNCE), present) is None
    assert suggested_share(replace(state, aws=None), present) is None


@given(alias=st.text(max_size=60))
def test_whatever_an_account_is_called_a_mail_keeps_its_shape(alias: str) -> None:
    made = mail([unreadable(Trouble.DENIED, 1)], CONTEXT)
    hostile = unreadable(Trouble.DENIED, 1)
    named = mail([_renamed(hostile, alias)], CONTEXT)
    assert named.subject == made.subject
    assert len(named.text.splitlines()) - len(made.text.splitlines()) in (0, 1, 2)
    json.loads(machine([_renamed(hostile, alias)], CONTEXT))


def _renamed(announcement: Announcement, alias: str) -> Announcement:
    return replace(announcement, target=replace(announcement.target, alias=alias))
