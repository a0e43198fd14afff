"""What is sent, before anything is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from cli.samples import SAMPLES

ROOT = Path(__file__).parents[2]
CHANNELS = ("email", "Slack by an incoming webhook", "Slack by Amazon Q", "JSON for SQS, Lambda and HTTPS")


def test_without_a_name_the_names_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in printed[-len(SAMPLES) :]] == list(SAMPLES) and len(printed) < 50
    assert main(["preview", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == list(SAMPLES)


def test_every_message_is_shown_in_every_channel(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", *SAMPLES]) == 0
    printed = capsys.readouterr().out
    for name in SAMPLES:
        for channel in CHANNELS:
            assert f"━━━ {name}, {channel}" in printed
    assert "is not sent" not in printed


def test_for_programs_each_text_is_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "test-alert", "--channel", "email", "--channel", "machine", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(text["message"], text["channel"]) for text in shown] == [
        ("test-alert", "email"),
        ("test-alert", "machine"),
    ]
    assert all(text["text"] for text in shown)


def test_one_message_in_one_channel(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "test-alert", "--channel", "email"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("━━━ test-alert, email\nSubject: TEST: ")
    assert printed.count("━━━") == 1


def test_the_words_are_those_of_the_settings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shipped = (ROOT / "settings.toml").read_text()
    (tmp_path / "settings.toml").write_text(
        shipped.replace('stage = ""', 'stage = "prod"').replace('"UTC"', '"Asia/Tokyo"')
    )
    assert main(["preview", "under-review", "--channel", "email"]) == 0
    printed = capsys.readouterr().out
    assert "Subject: [prod] WARNING: AWS has put SES" in printed
    assert "2025-02-13 18:00 JST" in printed
    assert "dashboard/SesReputation-prod-" in printed


def test_a_message_that_these_settings_never_send_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "late.toml"
    file.write_text('[alerts]\nemails = ["ops@mail.test"]\n\n[account]\nquota_warning = 0.9\nquota_critical = 0.95\n')
    assert main(["preview", "quota-warning", "--settings", str(file)]) == 0
    assert "quota-warning, email\nWith these settings this message is not sent." in capsys.readouterr().out


def test_a_message_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "nonsense"]) == 2
    assert "There is no message nonsense. There are: bounce-opened" in capsys.readouterr().err
