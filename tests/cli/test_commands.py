"""The other commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ses_reputation.aws import ses
from ses_reputation.core.history import Point
from ses_reputation.core.readings import Unreadable

from cli.main import main

ROOT = Path(__file__).parents[2]


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("replay", "check", "settings"))


def test_the_shipped_settings_are_valid_but_need_recipients(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", str(ROOT / "settings.toml")]) == 0
    printed = capsys.readouterr().out
    assert "WARNING: Nobody reads oncall@example.com" in printed and "can be used." in printed
    assert main(["settings", str(ROOT / "settings.toml"), "--deploy"]) == 2
    assert "which nobody reads" in capsys.readouterr().err


def test_a_missing_settings_file_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "no-such.toml"]) == 2
    assert "no-such.toml" in capsys.readouterr().err


def test_the_rules_of_the_settings_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main(["settings", str(ROOT / "settings.toml")])
    printed = capsys.readouterr().out
    assert "a warning alert about bounces from 3% on, and from 1.2% on if that is unusual for the sender" in printed
    assert "a critical alert about bounces from 4.7% on" in printed
    assert "above 1.7 times the usual rate and own worst, between 1.2% and 4.5%" in printed


def test_changes_by_an_override_are_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    override = '[[overrides]]\nregions = ["eu-west-1"]\nbounce = { warning = 0.02 }\n'
    file.write_text(f'[alerts]\nemails = ["oncall@mail.test"]\n{override}')
    main(["settings", str(file)])
    _, shown = capsys.readouterr().out.split("Override 1, for eu-west-1")
    assert "above 2%" in shown and "Complaints" not in shown


def test_the_settings_for_programs_are_one_document(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    assert main(["settings", str(ROOT / "settings.toml"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["ok"] and printed["metrics"]["bounce"]["critical"] == 0.047
    (elsewhere / "settings.toml").write_text("[bounce]\nwarning = 5\n")
    assert main(["settings", "--json"]) == 2
    printed = json.loads(capsys.readouterr().out)
    assert not printed["ok"] and "bounce.warning" in {problem["key"] for problem in printed["problems"]}


def test_a_region_that_the_sdk_does_not_know_is_a_warning(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    (elsewhere / "settings.toml").write_text(
        '[alerts]\nemails = ["oncall@mail.test"]\n[targets]\nregions = ["eu-west-1", "eu-west-9"]\n'
    )
    assert main(["settings"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('WARNING: Region "eu-west-9": ') and "eu-west-1" not in printed
    assert main(["settings", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 1


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ses-reputation ")


@pytest.mark.parametrize(
    "command",
    [
        "replay",
        "check",
        "preview",
        "test-alert",
        "subscribe",
        "cause",
        "report",
        "mute",
        "unmute",
        "mutes",
        "ack",
        "resume",
        "settings",
    ],
)
def test_every_help_has_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--help"]) == 0
    printed = capsys.readouterr().out
    assert "Example" in printed and f"\n  ses-reputation {command}" in printed
    assert ("--html" if command == "report" else "--json") in printed


def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--nonsense"]) == 2
    assert main(["check", "--exit-code", "--nonsense"]) == 3
    assert "unrecognized arguments" in capsys.readouterr().err


def test_control_c_ends_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    def interrupted(client: object) -> tuple[Point, ...] | Unreadable:
        raise KeyboardInterrupt

    monkeypatch.setattr(ses, "send_statistics", interrupted)
    monkeypatch.setattr(ses, "account", interrupted)
    assert main(["check"]) == 130
    assert "Traceback" not in capsys.readouterr().err
