"""The other commands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ses_reputation.aws import cloudwatch, ses
from ses_reputation.core.account import Account, AwsRate, AwsView
from ses_reputation.core.history import HOUR, Point
from ses_reputation.core.rates import Metric
from ses_reputation.core.readings import Statistics, Trouble, Unreadable

from cli.main import main

ROOT = Path(__file__).parents[2]


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("replay", "check", "settings"))


def test_the_shipped_settings_are_right_and_not_yet_to_be_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", str(ROOT / "settings.toml")]) == 0
    assert "is right" in capsys.readouterr().out
    assert main(["settings", str(ROOT / "settings.toml"), "--deploy"]) == 2
    assert "which nobody reads" in capsys.readouterr().err


def test_a_settings_file_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "no-such.toml"]) == 2
    assert "no-such.toml" in capsys.readouterr().err


NOW = datetime.now(UTC).replace(microsecond=0)
HEALTHY = Account("HEALTHY", sending=True, production=True, quota=50_000, used=8_000)
QUIET = AwsView(HEALTHY, {})


def answers(monkeypatch: pytest.MonkeyPatch, reading: Statistics, aws: AwsView = QUIET) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr(ses, "send_statistics", lambda client: reading)
    monkeypatch.setattr(ses, "account", lambda client: aws.account)
    monkeypatch.setattr(cloudwatch, "reputation_rates", lambda client, now: aws.rates)


def test_check_without_a_region_says_how_to_name_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert main(["check", "--settings", str(ROOT / "settings.toml")]) == 2
    assert "No region" in capsys.readouterr().err


def test_check_without_credentials_says_unknown_and_never_ok(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert main(["check", "--settings", str(ROOT / "settings.toml")]) == 1
    printed = capsys.readouterr().out
    assert "UNKNOWN     access denied (GetSendStatistics: NoCredentialsError)" in printed and "OK" not in printed
    assert printed.count("next step") == 1


def test_check_with_a_profile_that_is_not_there_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    assert main(["check", "--profile", "nobody"]) == 2
    assert "The config profile (nobody) could not be found" in capsys.readouterr().err


def test_check_of_a_region_that_is_none_is_unknown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    answers(monkeypatch, ())
    monkeypatch.setenv("AWS_DEFAULT_REGION", "not a region")
    assert main(["check"]) == 1
    assert "UNKNOWN     failed" in capsys.readouterr().out


def test_check_says_what_a_monitor_that_ran_all_the_time_would_say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    now = int(NOW.timestamp())
    quiet = [Point(now - hours * HOUR, 1_000, 5) for hours in range(12, 200)]
    bad = [Point(now - hours * HOUR, 1_000, 120) for hours in range(8, 12)]
    good = [Point(now - hours * HOUR, 1_000, 5) for hours in range(1, 8)]
    answers(monkeypatch, (*quiet, *bad, *good))
    assert main(["check"]) == 0
    printed = capsys.readouterr().out
    assert "bounces     WARNING" in printed and "complaints  OK" in printed and printed.count("headroom:") == 2


def steady(bounces: int = 5, complaints: int = 0) -> list[Point]:
    now = int(NOW.timestamp())
    return [Point(now - hours * HOUR, 1_000, bounces, complaints) for hours in range(1, 200)]


def test_check_shows_our_rate_awss_own_and_awss_decision_side_by_side(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    review = replace(HEALTHY, enforcement="PROBATION")
    rate = AwsRate(0.052, int(NOW.timestamp()) - HOUR)
    answers(monkeypatch, tuple(steady()), AwsView(review, {Metric.BOUNCE: rate}))
    assert main(["check"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "eu-west-1: CRITICAL account under review by AWS; 16 % of the 24-hour quota is used" in printed
    assert "bounces OK" in printed
    assert (
        "AWS's own: 5.2 % at" in printed and "our estimate of it is 0.5 %. AWS counts only email to domains" in printed
    )
    assert "AWS's own: none of the last 6 hours in CloudWatch" in printed
    assert "would tell WARNING: AWS has put SES in eu-west-1 under review" in printed
    assert "would tell CRITICAL: AWS's own SES bounce rate 5.2 % in eu-west-1 - AWS reviews at 5 %" in printed


def test_check_that_may_not_read_the_account_judges_the_rates_and_says_what_is_unknown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    denied = Unreadable(Trouble.DENIED, "GetAccount: AccessDeniedException")
    answers(monkeypatch, tuple(steady()), AwsView(denied, {}))
    assert main(["check"]) == 1
    printed = capsys.readouterr().out
    assert "eu-west-1: UNKNOWN" in printed and "bounces     OK" in printed
    assert "UNKNOWN     access denied (GetAccount: AccessDeniedException)" in printed and "ses:GetAccount" in printed


def test_check_of_a_healthy_sender_would_tell_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    answers(monkeypatch, tuple(steady()))
    assert main(["check"]) == 0
    printed = capsys.readouterr().out
    assert "eu-west-1: OK" in printed and "would tell  nothing" in printed


@pytest.mark.parametrize("trouble", list(Trouble))
def test_check_names_every_trouble_and_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trouble: Trouble
) -> None:
    monkeypatch.chdir(tmp_path)
    answers(monkeypatch, Unreadable(trouble, "GetSendStatistics: Code"))
    assert main(["check"]) == 1
    printed = capsys.readouterr().out
    assert f"UNKNOWN     {trouble.value}" in printed and "next step   " in printed and "OK" not in printed


def test_check_without_any_mail_says_so_and_not_ok(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    answers(monkeypatch, ())
    assert main(["check"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("NO_DATA") == 3 and "OK" not in printed


def test_the_rules_of_the_settings_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main(["settings", str(ROOT / "settings.toml")])
    printed = capsys.readouterr().out
    assert "What can happen:" in printed
    assert "above 1.7 times the usual rate and own worst, between" in printed


def test_half_of_the_credentials_is_no_access(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    answers(monkeypatch, ())
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert main(["check"]) == 1
    assert "UNKNOWN     access denied" in capsys.readouterr().out
