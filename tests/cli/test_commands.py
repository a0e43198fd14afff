"""The other commands."""

from __future__ import annotations

from pathlib import Path

import pytest

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
