"""Completion of the command line in bash and zsh."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

SHELLS = ("bash", "zsh")


def subcommands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Parsers of the commands by name, in the order of the help."""
    [commands] = (action.choices for action in arguments(parser) if isinstance(action.choices, dict))
    return commands


def arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Arguments and options of a command, without --help."""
    return [action for action in parser._actions if action.dest != "help"]  # noqa: SLF001  argparse has no other list


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """Write the script that completes commands, options, file names and names of messages in `shell`."""
    import shtab

    from .samples import SAMPLES

    for command in subcommands(parser).values():
        for action in arguments(command):
            if action.type is Path or action.dest == "stats":
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.dest == "messages":
                action.choices = list(SAMPLES)
    return str(shtab.complete(parser, shell))
