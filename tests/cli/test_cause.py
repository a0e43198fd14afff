"""`ses-reputation cause`, against the local AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from ses_reputation.aws.bounded import Budget

from cli import cause as command
from cli.main import main
from local_aws.server import CREDENTIALS, LocalAws
from local_aws.suppression import Suppression

REGION = "eu-north-1"
NOW = int(time.time())
START = NOW // 900 * 900 - 4 * 3_600


@pytest.fixture
def known(local: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Suppression]:
    """Forty bounces at one domain within two hours."""
    for name, value in (local.environment() | CREDENTIALS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(command, "PATIENT", Budget(calls=60, seconds=90, gap=0))  # the pace has a test of its own
    account = local.ses(REGION)
    account.suppression = Suppression(gap=0)
    account.points = [
        {"Timestamp": datetime.fromtimestamp(START + 900 * number, UTC), "DeliveryAttempts": 100, "Bounces": 5}
        for number in range(8)
    ]
    for number in range(40):
        at = START + 180 * number
        account.suppression.event(f"user{number}@acme.example", at, f"01020{(at - 5) * 1000:011x}-0-0-0-0-000000")
    yield account.suppression
    local.faults.clear()
    account.points = []


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["cause", "--region", REGION, "--since", "6h", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_it_names_the_domain_and_no_address(known: Suppression, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert "Likely refused by acme.example. 40 of the 40 bounces" in " ".join(out.split())
    assert "@" not in out and "next step" in out and "sent" in out


def test_addresses_are_listed_when_asked_for(known: Suppression, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--addresses")
    assert code == 0 and out.count("@acme.example") == 40


def test_complaining_addresses_are_never_listed(known: Suppression, capsys: pytest.CaptureFixture[str]) -> None:
    known.event("angry@yahoo.com", START, "", reason="COMPLAINT")
    code, out, _ = run(capsys, "--metric", "complaint", "--addresses")
    assert code == 0 and "angry" not in out and "so no address is shown" in " ".join(out.split())


def test_json_is_one_object(known: Suppression, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--json")
    found: dict[str, Any] = json.loads(out)
    assert code == 0
    assert (found["shape"], found["listed"], found["events"]) == ("domain-refuses", 40, 40)
    assert found["domains"][0] == {"domain": "acme.example", "now": 40, "usual": 0.0}
    assert sum(found["hours"].values()) == 40 and len(found["samples"]) == 5 and "addresses" not in found


def test_a_denied_call_is_reported_and_not_a_success(
    known: Suppression, local: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    local.faults.plant("ses", "ListSuppressedDestinations", status=403, code="AccessDeniedException")
    code, out, _ = run(capsys)
    assert code == 1 and "the role may not list suppressed addresses" in " ".join(out.split())
    code, _, err = run(capsys, "--addresses")
    assert code == 2 and "may not call ListSuppressedDestinations (AccessDeniedException)" in err


def test_statistics_that_cannot_be_read_leave_the_number_unknown(
    known: Suppression, local: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    local.faults.plant("ses", "GetSendStatistics", status=403, code="AccessDenied")
    code, out, _ = run(capsys)
    assert code == 1 and "an unknown number of bounces" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--since", "yesterday"), "--since yesterday: not a time with its zone"),
        (("--since", "2025-02-04T09:00"), "not a time with its zone"),
        (("--since", "1h", "--until", "2h"), "the window must begin before it ends"),
        (("--since", "2099-01-01T00:00Z"), "--since 2099-01-01T00:00Z is in the future: it is "),
        (("--until", "2099-01-01T00:00Z"), "--until 2099-01-01T00:00Z is in the future: it is "),
    ],
)
def test_an_invalid_window_is_refused(
    known: Suppression, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "") and says in err


def test_without_credentials_it_says_so(
    known: Suppression, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    code, _, err = run(capsys)
    assert code == 2 and "No AWS credentials" in err
