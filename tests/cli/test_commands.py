"""The other commands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ses_reputation.core.history import HOUR, Point
from ses_reputation.core.reading import Statistics, Trouble, Unreadable

from cli import check
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


def answers(monkeypatch: pytest.MonkeyPatch, reading: Statistics) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr(check, "send_statistics", lambda client: reading)


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
    assert "UNKNOWN: access denied (GetSendStatistics: NoCredentialsError)" in printed and "OK" not in printed


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
    assert "UNKNOWN: failed" in capsys.readouterr().out


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


@pytest.mark.parametrize("trouble", list(Trouble))
def test_check_names_every_trouble_and_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trouble: Trouble
) -> None:
    monkeypatch.chdir(tmp_path)
    answers(monkeypatch, Unreadable(trouble, "GetSendStatistics: Code"))
    assert main(["check"]) == 1
    printed = capsys.readouterr().out
    assert f"UNKNOWN: {trouble.value}" in printed and "next step: " in printed and "OK" not in printed


def test_check_without_any_mail_says_so_and_not_ok(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    answers(monkeypatch, ())
    assert main(["check"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("NO_DATA") == 2 and "OK" not in printed


def test_the_rules_of_the_settings_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main(["settings", str(ROOT / "settings.toml")])
    printed = capsys.readouterr().out
    assert "Bounces: warning at 3 %, critical at 5 %" in printed
    assert "above 2.5 times the own normal, held within 2 % and 3 %" in printed


def test_half_of_the_credentials_is_no_access(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    answers(monkeypatch, ())
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert main(["check"]) == 1
    assert "UNKNOWN: access denied" in capsys.readouterr().out
