"""Wrong, empty, late or hostile answers of AWS: the right verdict or an explicit unknown, never healthy, never a crash."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from ses_reputation.aws import ses
from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET, DAY, BadData, Point, point_from
from ses_reputation.core.notification import Document
from ses_reputation.core.readings import Readings, Trouble, Unreadable
from ses_reputation.core.rules import Verdict, default_policy
from ses_reputation.core.state import State, from_text, to_text
from ses_reputation.core.target import Target

Statistics = tuple[Point, ...] | Unreadable

NOW = 1_738_368_000
TARGET = Target("123456789012", "eu-west-1")
POLICY = default_policy()
HEALTHY = tuple(Point(at, 400, 4) for at in range(NOW - 10 * DAY, NOW, BUCKET))


class Answers:
    """An SES client that gets the same bytes for every request."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        session = botocore.session.get_session()
        session.set_credentials("testing", "testing")
        once = Config(retries={"total_max_attempts": 1})
        self.client: Any = session.create_client("ses", region_name="eu-west-1", config=once)

        def answer(request: Any, **_: object) -> AWSResponse:
            raw: Any = io.BytesIO(body)
            raw.stream = lambda *_, **__: iter([body])
            headers: Any = {"Content-Type": "text/xml"}
            return AWSResponse(request.url, status, headers, raw)

        events: Any = self.client.meta.events
        events.register("before-send.ses", answer)

    def read(self) -> Statistics:
        return ses.send_statistics(self.client)


def xml(*members: str) -> bytes:
    points = "".join(f"<member>{member}</member>" for member in members)
    result = f"<GetSendStatisticsResult><SendDataPoints>{points}</SendDataPoints></GetSendStatisticsResult>"
    head = '<GetSendStatisticsResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/">'
    return f"{head}{result}</GetSendStatisticsResponse>".encode()


TIME = "<Timestamp>2025-01-31T10:00:00Z</Timestamp>"


@pytest.mark.parametrize(
    ("body", "status", "trouble"),
    [
        (b"", 200, Trouble.BAD_ANSWER),
        (b"<html><body>Sign in</body></html>", 200, Trouble.BAD_ANSWER),
        (b"<html><body>Bad gateway</body></html>", 502, Trouble.FAILED),
        (b"{}", 200, Trouble.BAD_ANSWER),
        (xml(TIME)[:-40], 200, Trouble.BAD_ANSWER),
        (b"\x00\xff\xfe" * 50, 200, Trouble.BAD_ANSWER),
        (xml("<Bounces>3</Bounces>"), 200, Trouble.BAD_ANSWER),
        (xml(f"{TIME}<Bounces>-3</Bounces>"), 200, Trouble.BAD_ANSWER),
        (xml(f"{TIME}<DeliveryAttempts>99999999999999</DeliveryAttempts>"), 200, Trouble.BAD_ANSWER),
        (xml(f"{TIME}<DeliveryAttempts>many</DeliveryAttempts>"), 200, Trouble.BAD_ANSWER),
        (xml("<Timestamp>yesterday</Timestamp>"), 200, Trouble.BAD_ANSWER),
        (xml("<Timestamp>2525-01-31T10:00:00Z</Timestamp>"), 200, Trouble.BAD_ANSWER),
        (
            b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>a@b.de</Message></Error></ErrorResponse>",
            403,
            Trouble.DENIED,
        ),
        (
            b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
            400,
            Trouble.THROTTLED,
        ),
        (
            b"<ErrorResponse><Error><Code>" + b"x@y.de " * 900 + b"</Code></Error></ErrorResponse>",
            400,
            Trouble.FAILED,
        ),
    ],
    ids=[
        "nothing",
        "a web page",
        "an error page",
        "JSON",
        "cut off",
        "no text",
        "no time",
        "a negative counter",
        "a huge counter",
        "a counter that is a word",
        "a time that is a word",
        "a time of another age",
        "expired credentials",
        "throttled",
        "a hostile error code",
    ],
)
def test_a_bad_answer_is_unknown_with_its_reason_and_then_an_alert(body: bytes, status: int, trouble: Trouble) -> None:
    reading = Answers(body, status).read()
    assert isinstance(reading, Unreadable) and reading.trouble is trouble
    assert len(reading.detail) < 200 and "@" not in reading.detail
    state: State | None = None
    sent: list[Document] = []
    for tick in range(NOW, NOW + 3 * BUCKET, BUCKET):
        plan = decide(TARGET, Readings(reading), state, POLICY, tick)
        assert plan.verdict is Verdict.UNKNOWN
        state, sent = plan.state, [*sent, *plan.documents]
    assert [(document["check"], document["reason"]) for document in sent] == [("unreadable", "opened")]
    assert trouble.value in str(sent[0]["facts"]) + str(sent[0]["summary"])


def test_missing_counters_and_repeated_buckets_are_read() -> None:
    members = [f"{TIME}<DeliveryAttempts>{emails}</DeliveryAttempts>" for emails in (40, 50)]
    reading = Answers(xml(*members, TIME)).read()
    assert isinstance(reading, tuple) and sorted(point.attempts for point in reading) == [0, 40, 50]


def verdicts(*readings: Statistics) -> list[str]:
    """Verdicts at successive ticks."""
    state: State | None = None
    found = []
    for number, reading in enumerate(readings):
        plan = decide(TARGET, Readings(reading), state, POLICY, NOW + number * BUCKET)
        found.append(plan.verdict.value)
        state = plan.state
    return found


@pytest.mark.parametrize(
    ("reading", "verdict"),
    [
        ((), Verdict.NO_DATA),
        (tuple(Point(p.at, 0, 40) for p in HEALTHY), Verdict.NO_DATA),
        (tuple(Point(p.at, 10, 4_000) for p in HEALTHY), Verdict.CRITICAL),
        (tuple(Point(p.at + 400 * DAY, 400, 400) for p in HEALTHY), Verdict.UNKNOWN),
        (tuple(Point(p.at - 30 * DAY, 400, 4) for p in HEALTHY), Verdict.WARNING),
        ((Point(0, 1), *HEALTHY), Verdict.UNKNOWN),
        (tuple(Point(p.at + 421, 400, 4) for p in HEALTHY), Verdict.OK),
        ((*HEALTHY, Point(NOW + BUCKET, 400, 400)), Verdict.OK),
    ],
    ids=[
        "no email at all",
        "bounces without email",
        "more bounces than email",
        "only times to come",
        "only times long gone: email has stopped",
        "a stray time of 1970",
        "buckets of another rhythm",
        "a bucket of a clock ahead of ours",
    ],
)
def test_odd_statistics_have_the_right_verdict_or_none(reading: Statistics, verdict: Verdict) -> None:
    assert verdicts(reading)[0] == verdict.value


def test_a_shrinking_history_is_not_healthy() -> None:
    bad = tuple(Point(p.at, 400, 60 if p.at >= NOW - DAY else 4) for p in HEALTHY)
    found = verdicts(bad, bad[-40:], (), bad[:400], bad)
    assert "OK" not in found and found[0] == found[-1] == "CRITICAL"


def test_a_history_revised_downwards_resolves_only_after_a_quiet_day() -> None:
    bad = tuple(Point(p.at, 400, 60 if p.at >= NOW - DAY else 4) for p in HEALTHY)
    assert verdicts(bad, HEALTHY, HEALTHY) == ["CRITICAL", "WARNING", "WARNING"]


COUNTS = st.integers(-2, 3) | st.integers() | st.floats() | st.text(max_size=3) | st.none()
TIMES = (
    st.datetimes(datetime(2024, 12, 1), datetime(2025, 3, 1), timezones=st.just(UTC))  # noqa: DTZ001 - of a zone right after
    | st.datetimes()
    | st.text(max_size=25)
    | st.none()
)
MEMBERS = st.fixed_dictionaries(
    {"Timestamp": TIMES},
    optional=dict.fromkeys(["DeliveryAttempts", "Bounces", "Complaints", "Rejects"], COUNTS),
)


def read(members: list[Mapping[str, object]]) -> Statistics:
    """As aws/ses.py reads them."""
    try:
        return tuple(point_from(member) for member in members)
    except BadData as bad:
        return Unreadable(Trouble.BAD_ANSWER, str(bad))


@settings(max_examples=60)
@given(answers=st.lists(st.lists(MEMBERS, max_size=4), min_size=1, max_size=4))
def test_any_answer_gives_a_verdict_and_a_state_that_loads(
    answers: list[list[Mapping[str, object]]],
) -> None:
    state: State | None = None
    for number, members in enumerate(answers):
        reading = read(members)
        plan = decide(TARGET, Readings(reading), state, POLICY, NOW + number * BUCKET)
        assert plan.verdict is not Verdict.OK or not isinstance(reading, Unreadable)
        assert from_text(to_text(plan.state), latest=plan.state.tick) == plan.state
        state = plan.state
