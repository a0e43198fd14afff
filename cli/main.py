"""ses-reputation: try the monitor on your own numbers, live or recorded, and check its settings."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .outcome import UNUSABLE, USABLE, Unusable

if TYPE_CHECKING:
    from ses_reputation.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return USABLE
    from ses_reputation.settings import SettingsError

    try:
        if given.command == "replay":
            from .replay import replay

            return replay(given.stats, _policy_settings(given.settings), given.json, given.plot, given.target)
        if given.command == "check":
            from .check import check

            return check(_settings(given.settings))
        return _check_settings(given.file, given.deploy)
    except (SettingsError, Unusable) as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    except BrokenPipeError:  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ses-reputation",
        description="Bounce and complaint rates of Amazon SES, judged before AWS judges them.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    settings = argparse.ArgumentParser(add_help=False)
    settings.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="settings file (default: settings.toml here, if there is one)",
    )
    replay = commands.add_parser(
        "replay",
        parents=[settings],
        help="which alerts would these settings have sent?",
        description="Plays recorded send statistics through the monitor, tick by tick, without looking ahead. "
        "Record them with: aws ses get-send-statistics > stats.json",
    )
    replay.add_argument("stats", metavar="STATS.json", help="the recorded answer, or - for standard input")
    replay.add_argument("--json", action="store_true", help="one JSON object for each announcement, and nothing else")
    replay.add_argument("--plot", type=Path, metavar="FILE", help="draw rates, lines and episodes (.png or .svg)")
    replay.add_argument(
        "--target",
        default="000000000000/unknown",
        metavar="ACCOUNT/REGION",
        help="whose statistics these are",
    )
    commands.add_parser(
        "check",
        parents=[settings],
        help="how is the account now?",
        description="Reads the statistics with your AWS credentials, judges them, and changes nothing.",
    )
    check = commands.add_parser(
        "settings",
        help="is the settings file right?",
        description="Checks a settings file and says what it means.",
    )
    check.add_argument("file", nargs="?", type=Path, default=Path("settings.toml"), metavar="FILE")
    check.add_argument("--deploy", action="store_true", help="also refuse what must not be deployed")
    return parser


def _settings(file: Path | None) -> Settings:
    from ses_reputation.settings import load

    return load(Path("settings.toml") if file is None else file)


def _policy_settings(file: Path | None) -> Settings | None:
    """The settings of the file given or found here; None, for the defaults, where there is none."""
    return None if file is None and not Path("settings.toml").exists() else _settings(file)


def _check_settings(file: Path, deploy: bool) -> int:
    settings = _settings(file)
    if deploy and settings.alerts.example_recipients:
        raise Unusable(
            f"{file} names {', '.join(settings.alerts.example_recipients)}, which nobody reads.\n"
            "Put the people who are to be told into [alerts] emails, then deploy again."
        )
    print(f"{file} is right.")
    for policy in settings.policy.metrics:
        print(
            f"{policy.metric}: {len(policy.rules)} rules, warning {policy.warning:.4g}, critical {policy.critical:.4g}"
        )
    return USABLE


if __name__ == "__main__":
    sys.exit(main())
