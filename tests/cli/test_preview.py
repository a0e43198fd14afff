"""`preview` shows a message before any is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from cli.preview import CHANNELS
from cli.samples import SAMPLES

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_name_it_lists_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview"]) == 0
    assert capsys.readouterr().out.split("\n  ")[1:] == [*list(SAMPLES)[:-1], f"{list(SAMPLES)[-1]}\n"]


def test_a_message_is_shown_in_every_channel(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "test-alert"]) == 0
    printed = capsys.readouterr().out
    assert [f"━━━ test-alert, {title}\n" in printed for title, _ in CHANNELS.values()] == [True] * 5


def test_teams_gets_what_amazon_q_posts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "bounce-opened", "--channel", "teams"]) == 0
    assert capsys.readouterr().out.startswith("━━━ bounce-opened, Slack or Teams by Amazon Q Developer")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bounce", "Did you mean bounce-opened, bounce-escalated, "),
        ("complaint-openend", "Did you mean complaint-opened"),
        ("xyz", "ses-reputation preview lists their names."),
        ("", "ses-reputation preview lists their names."),
    ],
)
def test_an_unknown_name_suggests_others(capsys: pytest.CaptureFixture[str], name: str, says: str) -> None:
    assert main(["preview", name]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith(f"There is no message {name}. {says}")


def test_for_programs_each_text_is_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "test-alert", "--channel", "email", "--channel", "json", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(text["message"], text["channel"]) for text in shown] == [("test-alert", "email"), ("test-alert", "json")]
    assert all(text["text"] for text in shown)


def test_one_message_in_one_channel(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "test-alert", "--channel", "email"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("━━━ test-alert, email\nSubject: TEST: ")
    assert printed.count("━━━") == 1


def test_messages_follow_the_settings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shipped = (ROOT / "settings.toml").read_text()
    (tmp_path / "settings.toml").write_text(
        shipped.replace('stage = ""', 'stage = "prod"')
        .replace('"UTC"', '"Asia/Tokyo"')
        .replace('mention = ""', 'mention = "here"')
    )
    assert main(["preview", "enforcement-under-review", "--channel", "email", "--channel", "slack"]) == 0
    printed = capsys.readouterr().out
    assert "Subject: CRITICAL [prod]: AWS has put SES" in printed
    assert "2025-02-17 18:00 JST" in printed
    assert "dashboard/SesReputation-prod-" in printed
    assert "<!here> CRITICAL [prod]" in printed


def test_a_message_that_these_settings_never_send_is_marked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "late.toml"
    file.write_text('[alerts]\nemails = ["ops@mail.test"]\n\n[account]\nquota_warning = 0.9\nquota_critical = 0.95\n')
    assert main(["preview", "quota-warning", "--settings", str(file)]) == 0
    assert "quota-warning: with these settings this message is not sent" in capsys.readouterr().out
