"""docs/commands.md, made from the parser of the command line: `python -m cli.commands_page` writes it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from .completion import arguments, subcommands
from .main import parser_of_commands

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"

HEAD = """\
<!-- Made by `python -m cli.commands_page`; a test fails when it is stale. -->
[Index](index.md)

# Commands

`pip install .` in a clone installs `ses-reputation`. {epilog}

To complete commands, options and names with the Tab key, put one line into the start-up file of your shell:

| Shell | Line |
| --- | --- |
| bash | `eval "$(ses-reputation completion bash)"` in `~/.bashrc` |
| zsh | `eval "$(ses-reputation completion zsh)"` in `~/.zshrc`, after `compinit` |
"""


def page() -> str:
    """The whole page, as Markdown."""
    parser = parser_of_commands()
    about = re.search(r"^Region and credentials.*", str(parser.epilog), re.DOTALL | re.MULTILINE)
    head = HEAD.format(epilog=_text(about[0] if about else ""))
    return "".join([head, *(_section(name, command) for name, command in subcommands(parser).items())])


def _section(name: str, command: argparse.ArgumentParser) -> str:
    return "\n".join(
        [
            f"\n## {name}\n",
            f"{_text(command.description)}\n",
            *_table(command),
            *_epilog(command.epilog or ""),
            "",
        ]
    )


def _table(command: argparse.ArgumentParser) -> Iterator[str]:
    yield "| Argument | Meaning |"
    yield "| --- | --- |"
    for action in arguments(command):
        choices = f" One of {', '.join(f'`{choice}`' for choice in action.choices)}." if action.choices else ""
        name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        value = f" {action.metavar}" if action.option_strings and action.nargs != 0 and action.metavar else ""
        meaning = f"{action.help[0].upper()}{action.help[1:]}." if action.help else ""
        yield f"| `{name}{value}` | {meaning}{choices} |".replace("<", "&lt;")


def _epilog(epilog: str) -> Iterator[str]:
    """Examples stay as they are, indented; other paragraphs flow."""
    for paragraph in filter(None, epilog.split("\n\n")):
        first, *rest = paragraph.splitlines()
        if rest and all(line.startswith("  ") for line in rest):
            yield from ["", first, "", *(f"  {line}" for line in rest)]
        else:
            yield from ["", _text(paragraph)]


def _text(words: str | None) -> str:
    return " ".join(str(words).split())


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
