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
    assert "is right" in capsys.readouterr().out
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


BASE = '[alerts]\nemails = ["oncall@mail.test"]\n'
LISTED = f'{BASE}[member_role]\nexternal_id = "ours"\n[[accounts]]\nid = "111111111111"\n'
UNITS = f'{LISTED}[organization]\nunits = ["r-ab12"]\nexclude = ["222222222222"]\n'
ROUTE = '[[routes]]\nemails = ["shop@mail.test"]\n'
TUESDAY = '[[mute]]\nweekday = "tuesday"\nfrom = "08:00"\nto = "12:00"\n'
IRELAND = '[targets]\nregions = ["eu-west-1"]\n'
DISCOVER = '[targets]\nregions = "discover"\n'
LOW = "bounce = { warning = 0.02 }\n"

WITHOUT_EFFECT = {
    "override of an account": (
        f'{LISTED}[[overrides]]\naccounts = ["111111111111", "222222222222"]\n{LOW}',
        "overrides[0].accounts: 222222222222 is not watched: only alerts about the fleet are from there",
    ),
    "route of an account": (
        f'{LISTED}{ROUTE}accounts = ["222222222222"]\n',
        "routes[0].accounts: 222222222222 is not watched: only alerts about the fleet are from there",
    ),
    "excluded": (f'{UNITS}{ROUTE}accounts = ["222222222222"]\n', "routes[0].accounts: 222222222222 is not watched:"),
    "override of a region": (
        f'{BASE}{IRELAND}[[overrides]]\nregions = ["us-east-1"]\n{LOW}',
        "overrides[0].regions: us-east-1 is not watched.",
    ),
    "route of a region": (f'{BASE}{IRELAND}{ROUTE}regions = ["us-east-1"]\n', "routes[0].regions: us-east-1 is not"),
    "mute of a region": (f'{BASE}{IRELAND}{TUESDAY}regions = ["us-east-1"]\n', "mute[0].regions: us-east-1 is not"),
    "no region": (
        f'{LISTED}{DISCOVER}{ROUTE}regions = ["us-east-9"]\n',
        'routes[0].regions: Region "us-east-9": botocore',
    ),
    "exclude of a listed one": (
        UNITS.replace('exclude = ["222222222222"]', 'exclude = ["111111111111"]'),
        "organization.exclude: 111111111111 is watched all the same, because [[accounts]] names it.",
    ),
    "second override": (
        f'{BASE}[[overrides]]\nregions = ["eu-west-1", "us-east-1"]\n{LOW}[[overrides]]\nregions = ["us-east-1"]\n{LOW}',
        "overrides[1]: overrides[0] fits the same targets, and the first that fits counts.",
    ),
}


@pytest.mark.parametrize(("text", "warning"), WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT)
def test_a_setting_that_surely_does_nothing_is_a_warning(
    capsys: pytest.CaptureFixture[str], elsewhere: Path, text: str, warning: str
) -> None:
    (elsewhere / "settings.toml").write_text(text)
    assert main(["settings"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("WARNING: ") == 1 and printed.startswith(f"WARNING: {warning}") and "is right" not in printed


PERHAPS = {
    "account of a unit": f'{UNITS}{ROUTE}accounts = ["333333333333"]\n',
    "own account": f'{BASE}{ROUTE}accounts = ["333333333333"]\n',
    "discovered region": f'{LISTED}{DISCOVER}{ROUTE}regions = ["us-east-1"]\n',
    "region of the stack": f'{BASE}{TUESDAY}regions = ["us-east-1"]\n',
    "listed": f'{LISTED}{IRELAND}{ROUTE}accounts = ["111111111111"]\nregions = ["eu-west-1"]\n',
    "narrow before wide": (
        f'{LISTED}[[overrides]]\naccounts = ["111111111111"]\n{LOW}'
        f'[[overrides]]\nregions = ["eu-west-1"]\n{LOW}[[overrides]]\nregions = ["eu-west-1", "us-east-1"]\n{LOW}'
    ),
}


@pytest.mark.parametrize("text", PERHAPS.values(), ids=PERHAPS)
def test_a_setting_that_may_do_something_is_no_warning(
    capsys: pytest.CaptureFixture[str], elsewhere: Path, text: str
) -> None:
    (elsewhere / "settings.toml").write_text(text)
    assert main(["settings"]) == 0
    assert "WARNING" not in capsys.readouterr().out


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
