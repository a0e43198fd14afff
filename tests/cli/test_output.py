"""Tables and paragraphs fit any terminal, are plain for pipes, and nothing in them controls a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from cli.output import heading, progress, say, table, waiting

Capsys = pytest.CaptureFixture[str]
COLUMNS = ("Time", "Rate", "Rule")
ROWS = [
    ("2026-01-28 09:52", "3.2\u00a0%", "recent"),
    ("2026-01-28 19:22", "14.6\u00a0%", "aws-estimate of a very long name"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_one_plain_line_for_each_row(capsys: Capsys) -> None:
    table(COLUMNS, ROWS, right=("Rate",))
    assert capsys.readouterr().out.splitlines() == [
        "  Time                Rate  Rule",
        "  2026-01-28 09:52   3.2 %  recent",
        "  2026-01-28 19:22  14.6 %  aws-estimate of a very long name",
    ]


@pytest.mark.parametrize("columns", [20, 25, 33, 40, 60, 80, 200])
def test_nothing_is_wider_than_the_terminal_and_nothing_is_lost(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    table(COLUMNS, ROWS, right=("Rate",))
    say("1,460 more bounces to AWS's review\u00a0threshold, not reached at this pace", indent=4)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= columns
    assert {"09:52", "14.6", "aws-estimate", "name", "1,460", "pace"} <= set(printed.split())


def test_a_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    heading("eu-west-1", "CRITICAL")
    assert "\x1b[" in terminal.getvalue() and "CRITICAL" in terminal.getvalue()


def test_hostile_text_cannot_control_the_terminal(capsys: Capsys) -> None:
    evil = "\x1b[2J[bold]x[/bold]\r\u202e"
    heading(evil)
    say(evil)
    table(("a",), [(evil,)])
    printed = capsys.readouterr().out
    assert not {"\x1b", "\r", "\u202e"} & set(printed) and printed.count("[bold]x[/bold]") == 3


def test_progress_is_for_terminals_only(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    with progress("Playing", 2) as step, waiting("Reading"):
        step()
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress("Playing", 2) as step:
        step()
    assert "Playing" in terminal.getvalue()
