"""Completion of the command line: what a shell offers when somebody presses Tab."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cli.commands_page import PAGE, page
from cli.completion import completion
from cli.main import parser_of_commands

OFFER = """
source {script}
COMP_WORDS=({words} "") COMP_CWORD={number}
compopt() {{ :; }}
_shtab_ses_reputation 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(words: str, folder: Path) -> list[str]:
    """Return the words that bash offers after `words`, in a folder with a file `stats.json`."""
    (folder / "stats.json").touch()
    script = folder / "completion"
    script.write_text(completion(parser_of_commands(), "bash"), encoding="utf-8")
    text = OFFER.format(script=script, words=words, number=len(words.split()))
    return subprocess.run(
        ["bash", "--norc", "-c", text], capture_output=True, text=True, check=True, cwd=folder
    ).stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ses-reputation", "replay"),
        ("ses-reputation", "completion"),
        ("ses-reputation preview", "bounce-opened"),
        ("ses-reputation preview --channel", "slack"),
        ("ses-reputation cause --metric", "complaint"),
        ("ses-reputation replay", "stats.json"),
        ("ses-reputation settings", "stats.json"),
        ("ses-reputation check --settings", "stats.json"),
        ("ses-reputation completion", "zsh"),
    ],
)
def test_bash_offers_what_fits_the_words_before(words: str, expected: str, tmp_path: Path) -> None:
    assert expected in offered(words, tmp_path)


def test_zsh_gets_a_script_that_it_accepts() -> None:
    script = completion(parser_of_commands(), "zsh")
    assert script.startswith("#compdef ses-reputation")
    zsh = shutil.which("zsh")
    if zsh is not None:
        subprocess.run([zsh, "-n"], input=script, text=True, check=True)


def test_the_page_of_commands_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m cli.commands_page"
