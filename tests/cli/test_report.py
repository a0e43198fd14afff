"""`ses-reputation report` and `replay --cloudwatch`, against the local AWS."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from ses_reputation.aws.bounded import Budget
from ses_reputation.core.alert import Sent, Track
from ses_reputation.core.history import BUCKET, DAY, HOUR
from ses_reputation.core.rules import Severity
from ses_reputation.core.state import BadState, State
from ses_reputation.core.target import Target
from ses_reputation.core.wording import minute

from cli import report as command
from cli.cloudwatch_months import SOFT_BOUNCES
from cli.main import main
from cli.sender import Campaign, send_data_points
from local_aws.metrics import publish_email
from local_aws.server import ACCOUNT, CREDENTIALS, LocalAws
from local_aws.suppression import Suppression

REGION = "eu-south-1"
NOW = int(time.time()) // BUCKET * BUCKET
FIRST = NOW - 25 * DAY
BAD = NOW - 4 * DAY
POINTS = send_data_points(FIRST, NOW, emails_per_day=20_000, campaigns=[Campaign(BAD, BAD + 10 * HOUR, 200, 0.15, 0.0)])
RECENT = [point for point in POINTS if point["Timestamp"].timestamp() >= NOW - 14 * DAY]

Capsys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def sender(local: LocalAws) -> Iterator[LocalAws]:
    """A sender with a bad list four days ago, whose bounces are at one domain."""
    region, local.region = local.region, REGION
    publish_email(local, POINTS, FIRST, NOW)
    yield local
    local.region = region


@pytest.fixture
def account(sender: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    for name, value in (sender.environment() | CREDENTIALS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(command, "PATIENT", Budget(calls=60, seconds=90, gap=0))
    known = sender.ses(REGION)
    known.points = RECENT
    known.suppression = Suppression(gap=0)
    for number in range(40):
        at = BAD + 600 + 180 * number
        known.suppression.event(f"user{number}@acme.example", at, f"01020{(at - 5) * 1000:011x}-0-0-0-0-000000")
    yield sender
    sender.faults.clear()
    known.points = []


def run(capsys: Capsys, *arguments: str) -> tuple[int, str, str]:
    """Run `report`; the exit code, the words of the page, and what was printed."""
    code = main(["report", *arguments])
    printed = capsys.readouterr()
    page = Path("report.html").read_text(encoding="utf-8") if Path("report.html").exists() else ""
    return code, words(page), " ".join((printed.out + printed.err).split())


def words(page: str) -> str:
    shown = re.sub(r"<style.*?</style>|<svg.*?</svg>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", shown)).split())


def total(points: list[dict[str, Any]], name: str) -> int:
    return sum(point.get(name, 0) for point in points)


def test_the_page_shows_events_cause_and_headroom(account: LocalAws, capsys: Capsys) -> None:
    code, page, printed = run(capsys, "--since", minute(NOW - 14 * DAY))
    assert (code, printed) == (0, "Written: report.html")
    bounces, emails = total(RECENT, "Bounces"), total(RECENT, "DeliveryAttempts")
    assert f"{bounces:,} of {emails:,} emails" in page
    assert f"AWS account {ACCOUNT}, {REGION}" in page
    assert "Bounce alerts" in page and "Resolved" in page and "acme.example" in page and "AWS account status" in page
    assert "bounces left" in page and "GetSendStatistics of Amazon SES" in page
    assert "No deployed monitor was found" in page and SOFT_BOUNCES not in page
    assert "@" not in page and "Unknown." not in page


def test_beyond_two_weeks_the_counts_are_from_cloudwatch(account: LocalAws, capsys: Capsys) -> None:
    code, page, _ = run(capsys, "--since", "20d")
    period = [point for point in POINTS if point["Timestamp"].timestamp() >= time.time() - 20 * DAY - 2 * HOUR]
    inside = [point for point in period if point["Timestamp"].timestamp() >= time.time() - 20 * DAY + 2 * BUCKET]
    assert code == 0 and SOFT_BOUNCES in page
    found = re.search(r"Whole period ([\d,]+) of ([\d,]+) emails", page)
    assert found is not None
    assert total(inside, "DeliveryAttempts") <= int(found[2].replace(",", "")) <= total(period, "DeliveryAttempts")


def test_a_period_in_the_past_ends_there(account: LocalAws, capsys: Capsys) -> None:
    code, page, _ = run(capsys, "--until", "5d")
    assert code == 0 and "No bounce alert in this period" in page and "Bounce alerts" not in page


@pytest.mark.parametrize(
    ("service", "operation", "says", "still"),
    [
        ("ses", "GetAccount", "account state: These credentials may not call GetAccount", "Bounce alerts"),
        ("ses", "ListSuppressedDestinations", "cause of bounces:", "Bounce alerts"),
        ("cloudwatch", "GetMetricData", "AWS's own rates, history in CloudWatch: These", "Bounce alerts"),
        ("ses", "GetSendStatistics", "send statistics: These", SOFT_BOUNCES),
        (
            "cloudformation",
            "DescribeStacks",
            "deployed monitor: These",
            "Bounce alerts",
        ),
        ("sts", "GetCallerIdentity", "", "account unknown"),
    ],
)
def test_denied_data_is_reported_in_its_place_and_fails(
    account: LocalAws, capsys: Capsys, service: str, operation: str, says: str, still: str
) -> None:
    account.faults.plant(service, operation, status=403, code="AccessDenied")
    code, page, printed = run(capsys)
    assert still in page and says in printed
    assert code == (1 if says else 0) and ("Unknown." in page or "Could not be read" in page) == bool(says)


def test_without_any_statistics_the_page_has_no_number(account: LocalAws, capsys: Capsys) -> None:
    account.faults.plant("ses", "GetSendStatistics", status=403, code="AccessDenied")
    account.faults.plant("cloudwatch", "GetMetricData", status=403, code="AccessDenied")
    code, page, printed = run(capsys)
    assert code == 1 and "send statistics, numbers: These credentials may not call GetSendStatistics" in printed
    assert page.count("Unknown.") >= 4 and "Whole period" not in page and "No bounce alert" not in page


def test_impossible_statistics_are_not_shown_as_zero(account: LocalAws, capsys: Capsys) -> None:
    account.ses(REGION).points = []
    account.faults.plant("cloudwatch", "GetMetricData", status=403, code="AccessDenied")
    code, page, printed = run(capsys)
    assert code == 1 and "numbers: Contradictory answer" in printed and "No email is in" not in page


def test_an_empty_cloudwatch_is_no_proof_that_nothing_was_sent(account: LocalAws, capsys: Capsys) -> None:
    region = "ap-south-1"
    account.faults.plant("ses", "GetSendStatistics", status=403, code="AccessDenied")
    code, page, printed = run(capsys, "--region", region)
    assert code == 1 and "send statistics, numbers: These" in printed and "No email is in" not in page


STATE = State(
    tick=NOW,
    tracks={"quota": Track("quota-20260101T0000Z", NOW - HOUR, Severity.CRITICAL, NOW, NOW, None)},
    sent={"quota": Sent("quota-20260101T0000Z", Severity.CRITICAL, (), 3, NOW - HOUR, NOW - BUCKET, NOW)},
)


class Stored:
    """A deployed monitor whose state of any target is `stored`, or cannot be read."""

    def __init__(self, stored: Any) -> None:
        self.stored = stored
        self.asked: list[Target] = []

    def state_of(self, target: Target) -> State | None:
        self.asked.append(target)
        if isinstance(self.stored, Exception):
            raise self.stored
        return self.stored  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("stored", "says", "code"),
    [
        (STATE, "quota-20260101T0000Z critical", 0),
        (replace(STATE, tracks={}), "None, as of its run at", 0),
        (None, "has not run for this region yet", 1),
        (BadState("it is <b>broken"), "state cannot be used: it is <b>broken.", 1),
        (KeyError("StateTableName"), "has no table of states", 1),
    ],
)
def test_the_deployed_monitors_open_alerts_are_shown(
    account: LocalAws, capsys: Capsys, monkeypatch: pytest.MonkeyPatch, stored: Any, says: str, code: int
) -> None:
    monkeypatch.setattr(command, "find", lambda *_: Stored(stored))
    ended, page, _ = run(capsys)
    assert ended == code and says in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--since", "yesterday"), "--since yesterday: not a time"),
        (("--since", "1h", "--until", "2h"), "must begin before it ends"),
        (("--until", "2099-01-01T00:00Z"), "end by now"),
        (("--since", "456d"), "455 days that CloudWatch keeps"),
        (("--html", "no/such/folder/x.html"), "cannot be written"),
    ],
)
def test_an_impossible_report_is_refused(
    account: LocalAws, capsys: Capsys, arguments: tuple[str, ...], says: str
) -> None:
    code, page, printed = run(capsys, *arguments)
    assert (code, page) == (2, "") and says in printed


def test_replay_reads_the_accounts_own_months(account: LocalAws, capsys: Capsys) -> None:
    assert main(["replay", "--cloudwatch", "--since", "30d", "--html", "months.html"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    page = words(Path("months.html").read_text(encoding="utf-8"))
    emails = total(POINTS, "DeliveryAttempts")
    assert f"emails {emails:,} " in printed and SOFT_BOUNCES in printed
    assert f"of {emails:,} emails" in page and SOFT_BOUNCES in page and ACCOUNT in page and "AWS's own rate" in page


def test_replay_explains_why_months_are_unreadable(account: LocalAws, capsys: Capsys) -> None:
    account.faults.plant("cloudwatch", "GetMetricData", status=403, code="AccessDenied")
    assert main(["replay", "--cloudwatch"]) == 2
    assert "GetMetricData" in capsys.readouterr().err


def test_another_account_is_read_through_its_role(
    account: LocalAws, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def session_for(session: Any, settings: object, other: str | None) -> Any:
        asked.append(other)
        return session

    home = Stored(None)
    monkeypatch.setattr(command, "session_for", session_for)
    monkeypatch.setattr(command, "find", lambda *_: home)
    _, page, _ = run(capsys, "--account", "111122223333")
    assert asked == [target.account for target in home.asked] == ["111122223333"] and "111122223333" in page
