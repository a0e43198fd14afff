"""ses-reputation: try the monitor on your own numbers, live or recorded, and check its settings."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .outcome import INTERRUPTED, UNUSABLE, USABLE, Unusable, say

if TYPE_CHECKING:
    from ses_reputation.settings import Settings

HERE = Path("settings.toml")

PROFILE = "of your AWS configuration (default: AWS_PROFILE)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name may hold what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a reader that is gone or a full disk can still be answered
    except BrokenPipeError:  # whoever read our output has read enough
        _discard_output()
        return USABLE
    except OSError as error:
        _discard_output()
        print(f"the output cannot be written: {error.strerror}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _discard_output() -> None:
    """What is still to be written goes nowhere, so that the end of the program does not stumble over it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return USABLE
    from ses_reputation.settings import SettingsError

    try:
        if given.command == "replay":
            from .replay import replay

            settings = _settings_or_none(given.settings)
            return replay(given.stats, settings, given.json, given.plot, account=given.account, region=given.region)
        if given.command == "check":
            from .check import check

            return check(_settings_or_none(given.settings), given.profile)
        if given.command == "preview":
            from .preview import preview

            return preview(_settings_or_none(given.settings), given.messages, given.channel)
        if given.command == "test-alert":
            from .trial import send_trial

            return send_trial(_settings_or_none(given.settings), given.profile)
        if given.command == "dashboard":
            from .board import dashboard

            return dashboard(_settings_or_none(given.settings), given.png, given.profile)
        return _check_settings(given.file, given.deploy)
    except (SettingsError, Unusable) as error:
        print(error, file=sys.stderr)
        return UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ses-reputation",
        description="Bounce and complaint rates of Amazon SES, judged before AWS judges them.",
        epilog="Begin with: aws ses get-send-statistics > stats.json && ses-reputation replay stats.json",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    settings = argparse.ArgumentParser(add_help=False)
    settings.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="settings file (default: settings.toml here, if there is one; else the built-in rules)",
    )
    replay = commands.add_parser(
        "replay",
        parents=[settings],
        help="which alerts would these settings have sent?",
        description="Plays recorded send statistics through the monitor, a quarter of an hour at a time and without "
        "looking ahead, and shows every message it would have sent. "
        "Record them with: aws ses get-send-statistics > stats.json",
        epilog="Exit code: 0 whatever was found, 2 where the input cannot be used.",
    )
    replay.add_argument("stats", metavar="STATS.json", help="the recorded answer, or - for standard input")
    replay.add_argument("--json", action="store_true", help="one JSON object for each message, and nothing else")
    replay.add_argument("--plot", type=Path, metavar="FILE", help="draw rates, lines and alerts (.png or .svg)")
    replay.add_argument("--account", default="000000000000", metavar="ID", help="whose statistics these are")
    replay.add_argument("--region", default="unknown", metavar="NAME", help="where they were recorded")
    check = commands.add_parser(
        "check",
        parents=[settings],
        help="how is the account now?",
        description="Reads the account with your AWS credentials (permissions: ses:GetSendStatistics, ses:GetAccount, "
        "cloudwatch:GetMetricData), judges it as the deployed monitor does, and changes nothing.",
        epilog="Exit code: 0 where everything could be read, 1 where something is unknown, 2 for wrong settings.",
    )
    check.add_argument("--profile", metavar="NAME", help=PROFILE)
    preview = commands.add_parser(
        "preview",
        parents=[settings],
        help="what do the messages look like?",
        description="Prints messages in every channel, as these settings have them. Nothing is sent.",
        epilog="For instance: ses-reputation preview bounce-opened --channel email",
    )
    preview.add_argument(
        "messages", nargs="*", metavar="MESSAGE", help="one or several by name (default: list the names)"
    )
    preview.add_argument(
        "--channel",
        action="append",
        default=[],
        choices=("email", "slack", "amazon-q", "pagerduty", "json"),
        help="one or several (default: all)",
    )
    dashboard = commands.add_parser(
        "dashboard",
        parents=[settings],
        help="what does the dashboard show?",
        description="Draws the deployed dashboard with the metrics, alarms and log that it shows now, to be looked at without "
        "a console. Permissions: cloudwatch:GetDashboard, cloudwatch:GetMetricData, cloudwatch:DescribeAlarms, "
        "logs:StartQuery, logs:GetQueryResults.",
        epilog="Exit code: 0 where everything could be read, 1 where something is unknown, 2 where there is nothing to draw.",
    )
    dashboard.add_argument("--png", type=Path, required=True, metavar="FILE", help="where to (.png or .svg)")
    dashboard.add_argument("--profile", metavar="NAME", help=PROFILE)
    test_alert = commands.add_parser(
        "test-alert",
        parents=[settings],
        help="does an alert arrive?",
        description="Has the deployed function send a test alert, clearly marked, to everybody who gets the real ones, and "
        "says how many of them have not confirmed their subscription. Permission: lambda:InvokeFunction.",
        epilog="Exit code: 0 where it was sent and all are confirmed, 1 where somebody hears nothing, 2 where it was not sent.",
    )
    test_alert.add_argument("--profile", metavar="NAME", help=PROFILE)
    validate = commands.add_parser(
        "settings",
        help="is the settings file right?",
        description="Checks a settings file and says what it means.",
        epilog="Exit code: 0 where it is right, 2 where it is not.",
    )
    validate.add_argument("file", nargs="?", type=Path, default=HERE, metavar="FILE", help="default: settings.toml")
    validate.add_argument("--deploy", action="store_true", help="also refuse what must not be deployed")
    return parser


def _settings_or_none(file: Path | None) -> Settings | None:
    """The settings of the file given or found here; None, for the defaults, where there is none."""
    from ses_reputation.settings import load

    if file is not None:
        return load(file)
    return load(HERE) if HERE.exists() else None


def _check_settings(file: Path, deploy: bool) -> int:
    from ses_reputation.settings import load

    from .rules_in_words import rules_in_words

    settings = load(file)
    if deploy and settings.alerts.example_recipients:
        raise Unusable(
            f"{file} names {', '.join(settings.alerts.example_recipients)}, which nobody reads.\n"
            "Put the people who are to be told into [alerts] emails, then deploy again."
        )
    print(f"{file} is right.")
    for policy in settings.policy.metrics:
        say(rules_in_words(policy))
    return USABLE


if __name__ == "__main__":
    sys.exit(main())
