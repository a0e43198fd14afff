"""ses-reputation: try the monitor on your own numbers, live or recorded, and check its settings."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from .completion import SHELLS
from .exit_codes import INTERRUPTED, NEEDS_MATPLOTLIB, PLUGIN_UNKNOWN, UNUSABLE, USABLE, Unusable

if TYPE_CHECKING:
    from ses_reputation.settings import Settings

HERE = Path("settings.toml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    failed = PLUGIN_UNKNOWN if "--exit-code" in arguments else UNUSABLE
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name may hold what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    from ses_reputation.settings import SettingsError

    try:
        code = _run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a reader that is gone or a full disk can still be answered
    except (SettingsError, Unusable) as error:
        if failed == PLUGIN_UNKNOWN and "--json" not in arguments:  # a monitoring host shows what a plugin prints
            print(f"UNKNOWN: {error}")
        else:
            print(error, file=sys.stderr)
        return failed
    except BrokenPipeError:  # the reader has read enough
        _discard_output()
        return USABLE
    except OSError as error:
        _discard_output()
        print(f"the output cannot be written: {error.strerror}", file=sys.stderr)
        return failed
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except SystemExit as end:  # argparse ends the program: a wrong option, --help or --version
        return failed if end.code else USABLE
    return code


def _discard_output() -> None:
    """Send what is still to be written nowhere, so that the end of the program does not stumble over it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str]) -> int:
    parser = parser_of_commands()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return USABLE
    run: Callable[[argparse.Namespace], int] = given.run
    return run(given)


# --- Each command: what it runs, then its options ------------------------------------------------------------------


def _replay(given: argparse.Namespace) -> int:
    from .replay import from_cloudwatch, from_files, replay

    if given.cloudwatch == bool(given.stats):
        raise Unusable("Name recorded files, or give --cloudwatch: one of the two.")
    if given.since is not None and not given.cloudwatch:
        raise Unusable("--since is for --cloudwatch: recorded files are played whole.")
    settings = _settings_or_none(given.settings)
    if given.cloudwatch:
        since = "63d" if given.since is None else given.since
        record = from_cloudwatch(settings, given.profile, given.region, since, given.account)
    else:
        record = from_files(given.stats, given.account, given.region)
    file = _settings_file(given.settings)
    origin = f"the built-in rules: there is no {HERE} here" if file is None else str(file)
    return replay(record, settings, origin, given.json, given.plot, given.html)


def _report(given: argparse.Namespace) -> int:
    try:
        from .report import report
    except ImportError:
        raise Unusable(f"a page {NEEDS_MATPLOTLIB}") from None
    settings = _settings_or_none(given.settings)
    return report(settings, given.profile, given.region, given.since, given.until, given.html, given.account)


def _check(given: argparse.Namespace) -> int:
    settings = _settings_or_none(given.settings)
    how = {"as_json": given.json, "as_plugin": given.exit_code}
    if given.all:
        from .check_all import check_all

        return check_all(settings, given.profile, given.region, **how)
    from .check import check

    return check(settings, given.profile, given.region, given.account, **how)


def _preview(given: argparse.Namespace) -> int:
    from .preview import preview

    return preview(_settings_or_none(given.settings), given.messages, given.channel, as_json=given.json)


def _test_alert(given: argparse.Namespace) -> int:
    from .drill import send_test_alert

    settings = _settings_or_none(given.settings)
    return send_test_alert(settings, given.profile, given.region, given.account, as_json=given.json)


def _subscribe(given: argparse.Namespace) -> int:
    from .subscribe import subscribe

    return subscribe(_settings_or_none(given.settings), given.profile, given.region, as_json=given.json)


def _cause(given: argparse.Namespace) -> int:
    from .cause import cause

    return cause(given, _settings_or_none(given.settings))


def _order(given: argparse.Namespace) -> int:
    from . import orders

    command: Callable[[Settings | None, argparse.Namespace], int] = getattr(orders, given.command)
    return command(_settings_or_none(given.settings), given)


def _resume(given: argparse.Namespace) -> int:
    from .resume import resume

    return resume(_settings_or_none(given.settings), given)


def _settings(given: argparse.Namespace) -> int:
    from .settings_check import check_settings

    return check_settings(given.file, deploy=given.deploy, as_json=given.json)


def _completion(given: argparse.Namespace) -> int:
    from .completion import completion

    print(completion(parser_of_commands(), given.shell))
    return USABLE


def _settings_or_none(file: Path | None) -> Settings | None:
    """Return the settings of `file`, else those found here, else None for the defaults."""
    from ses_reputation.settings import load

    found = _settings_file(file)
    return None if found is None else load(found)


def _settings_file(file: Path | None) -> Path | None:
    """Return `file` if one is named, else the file found here, else None."""
    return file if file is not None else HERE if HERE.exists() else None


def parser_of_commands() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    parser = _Parser(
        prog="ses-reputation",
        description="Watch the bounce and complaint rates of Amazon SES before AWS acts on them.",
        epilog="""\
Begin with two weeks of your own numbers; nothing is changed, nothing is sent:

  aws ses get-send-statistics --region eu-west-1 --output json > stats.json
  ses-reputation replay stats.json

Each command explains itself with an example: ses-reputation replay --help
Region and credentials are found as the AWS CDK finds them: --region and --profile, then AWS_REGION,
AWS_DEFAULT_REGION and AWS_PROFILE, then ~/.aws/config.""",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    for add in (
        _add_replay,
        _add_check,
        _add_preview,
        _add_test_alert,
        _add_subscribe,
        _add_cause,
        _add_report,
        _add_mute,
        _add_unmute,
        _add_mutes,
        _add_ack,
        _add_resume,
        _add_settings,
        _add_completion,
    ):
        add(commands)
    return parser


def _add_replay(commands: Commands) -> None:
    replay = _command(
        commands,
        "replay",
        _replay,
        "which alerts would these settings have sent?",
        """\
Play recorded send statistics through the monitor, a quarter of an hour at a time and without looking ahead,
and show every notification that it would have sent.""",
        """\
Example:
  aws ses get-send-statistics --region eu-west-1 --output json > stats.json
  ses-reputation replay stats.json --plot replay.png

In PowerShell: Get-SESSendStatistics -Region eu-west-1 | ConvertTo-Json > stats.json

Several files are joined: save one each week to play more than two weeks. Text and YAML of the AWS CLI, JSON of
the SDKs and of PowerShell are read too. More: docs/replay.md

With --cloudwatch it reads the account's own months instead: 63 days by quarter hour, 455 days by hour. CloudWatch's
bounces also count soft bounces that SES gave up on. Permission: cloudwatch:GetMetricData.

Exit code: 0 whatever was found, 2 if the input cannot be used.""",
    )
    replay.add_argument("stats", nargs="*", metavar="STATS", help="a recorded answer, or - for standard input")
    replay.add_argument("--cloudwatch", action="store_true", help="play the account's own months from CloudWatch")
    replay.add_argument(
        "--since", metavar="TIME", help="of these months: like 2025-02-04T09:00Z, or 90d ago (default: 63d)"
    )
    _settings_option(replay)
    replay.add_argument("--json", action="store_true", help="one JSON object a line for each notification")
    replay.add_argument("--plot", type=Path, metavar="FILE", help="draw rates, thresholds and alerts (.png or .svg)")
    replay.add_argument("--html", type=Path, metavar="FILE", help="write the page that `report` makes")
    replay.add_argument(
        "--account",
        metavar="ID",
        help="account of the numbers; with --cloudwatch read through the monitor's role in it",
    )
    _aws_options(replay)


def _add_check(commands: Commands) -> None:
    check = _command(
        commands,
        "check",
        _check,
        "how is the account now?",
        """\
Read the account with your AWS credentials and evaluate it as the deployed monitor does: our rates, AWS's own,
what is left before AWS's thresholds, and the account's state. Nothing is changed.
Permissions: ses:GetSendStatistics, ses:GetAccount, cloudwatch:GetMetricData; for other accounts sts:AssumeRole; for all
of them also cloudformation:DescribeStacks and dynamodb:GetItem.""",
        """\
Examples:
  ses-reputation check --profile prod --region eu-west-1
  ses-reputation check --all            # every account of the settings, the worst first
  ses-reputation check --json | jq '.regions[].verdict'
  ses-reputation check --exit-code      # for Nagios, Icinga, Sensu

Exit code: 0 if everything could be read, 1 if something is unknown, 2 if nothing could be asked, as in a region
that does not exist.
With --exit-code: 0 OK, 1 warning, 2 critical, 3 unknown (also for too little email to tell, and for errors).""",
    )
    _settings_option(check)
    _aws_options(check)
    which = check.add_mutually_exclusive_group()
    _account_option(which, "read it through the monitor's role in it")
    which.add_argument(
        "--all", action="store_true", help="every account and region of the settings; --region: of the stack"
    )
    _json_option(check)
    check.add_argument("--exit-code", action="store_true", help="exit as monitoring plugins do: 0, 1, 2 or 3")


def _add_preview(commands: Commands) -> None:
    preview = _command(
        commands,
        "preview",
        _preview,
        "what do the messages look like?",
        "Print messages as these settings and each channel have them; without a name, list the names. Nothing is sent.",
        """\
Examples:
  ses-reputation preview
  ses-reputation preview bounce-opened --channel email""",
    )
    preview.add_argument("messages", nargs="*", metavar="MESSAGE", help="one or several names")
    _settings_option(preview)
    preview.add_argument(
        "--channel",
        action="append",
        default=[],
        choices=("email", "slack", "amazon-q", "teams", "pagerduty", "json"),
        help="may be repeated (default: all)",
    )
    _json_option(preview)


def _add_test_alert(commands: Commands) -> None:
    test_alert = _command(
        commands,
        "test-alert",
        _test_alert,
        "does an alert arrive?",
        """\
Have the deployed function send a test alert, clearly marked, to everybody who gets the real ones, and say how
many have not confirmed their subscription. Permission: lambda:InvokeFunction.""",
        """\
Example, after a deployment:
  ses-reputation test-alert --settings prod.toml --region eu-west-1

Exit code: 0 if it was sent and all are confirmed, 1 if somebody gets nothing, 2 if it was not sent.""",
    )
    _settings_option(test_alert)
    _aws_options(test_alert)
    _account_option(test_alert, "as if it were of this account, to those whom its alerts reach")
    _json_option(test_alert)


def _add_subscribe(commands: Commands) -> None:
    subscribe = _command(
        commands,
        "subscribe",
        _subscribe,
        "who is not subscribed? Subscribe them",
        """\
Subscribe every email address of the settings that has no subscription any more, and say how many must still confirm.
AWS sends each a confirmation email. Nobody is removed; a second run changes nothing. `make deploy` runs it.
Permissions: sns:ListSubscriptionsByTopic and sns:Subscribe on the topic.""",
        """\
Example, after somebody followed an unsubscribe link:
  ses-reputation subscribe --settings prod.toml --region eu-west-1

Exit code: 0 if everybody is subscribed, confirmed or not yet, 2 if somebody could not be subscribed.""",
    )
    _settings_option(subscribe)
    _aws_options(subscribe)
    _json_option(subscribe)


def _add_cause(commands: Commands) -> None:
    cause = _command(
        commands,
        "cause",
        _cause,
        "who causes bounces or complaints?",
        """\
Read the new entries of your suppression list and say what they have in common. Nothing is changed.
Permissions: ses:GetSendStatistics, ses:GetAccount, ses:ListSuppressedDestinations, ses:GetSuppressedDestination,
ses:ListReputationEntities, cloudwatch:ListMetrics, cloudwatch:GetMetricData; with the Virtual Deliverability Manager
also ses:BatchGetMetricData, ses:GetMessageInsights.""",
        """\
Examples:
  ses-reputation cause --region eu-west-1 --since 6h
  ses-reputation cause --metric complaint --since 2025-02-04T09:00Z --until 2025-02-05T09:00Z

Exit code: 0 if all that is needed could be read, 1 if not, 2 for input that cannot be used.""",
    )
    _settings_option(cause)
    _aws_options(cause)
    _account_option(cause, "read it through the monitor's role in it")
    cause.add_argument("--metric", choices=("bounce", "complaint"), default="bounce", help="default: bounce")
    cause.add_argument("--since", default="24h", metavar="TIME", help="like 2025-02-04T09:00Z; or 6h or 2d ago")
    cause.add_argument("--until", default="0h", metavar="TIME", help="the same (default: now)")
    cause.add_argument("--addresses", action="store_true", help="also list bounced addresses: they are personal data")
    _json_option(cause)


def _add_report(commands: Commands) -> None:
    report = _command(
        commands,
        "report",
        _report,
        "what do we answer AWS?",
        """\
Write one page that answers AWS's review: what happened, the numbers, who caused it, boxes for what was done, and what is
left. It works offline and prints. Nothing is changed; no recipient's address is on it.
Permissions: those of `check` and of `cause`; for the monitor's open alerts cloudformation:DescribeStacks and
dynamodb:GetItem.""",
        """\
Examples:
  ses-reputation report --region eu-west-1 --html report.html
  ses-reputation report --since 60d --html report.html      # beyond two weeks: from CloudWatch

Exit code: 0 if everything could be read, 1 if the page says of something that it is unknown, 2 if there is no page.""",
    )
    _settings_option(report)
    _aws_options(report)
    _account_option(report, "read it through the monitor's role in it")
    report.add_argument("--since", default="14d", metavar="TIME", help="like 2025-02-04T09:00Z; or 6h or 2d ago")
    report.add_argument("--until", default="0h", metavar="TIME", help="the same (default: now)")
    report.add_argument("--html", type=Path, default=Path("report.html"), metavar="FILE", help="default: report.html")


def _add_settings(commands: Commands) -> None:
    settings = _command(
        commands,
        "settings",
        _settings,
        "is the settings file right?",
        "Check a settings file and show the rules that it makes.",
        """\
Example:
  ses-reputation settings prod.toml

Exit code: 0 if it can be used, 2 if not; warnings do not count.""",
    )
    settings.add_argument("file", nargs="?", type=Path, default=HERE, metavar="FILE", help="default: settings.toml")
    settings.add_argument("--deploy", action="store_true", help="also refuse what must not be deployed")
    _json_option(settings)


def _add_completion(commands: Commands) -> None:
    completion = _command(
        commands,
        "completion",
        _completion,
        "complete commands and options in your shell",
        "Print the script that completes commands, options and names of messages in a shell.",
        """\
Example, in ~/.bashrc:
  eval "$(ses-reputation completion bash)\"""",
    )
    completion.add_argument("shell", choices=SHELLS, help="the shell")


def _add_mute(commands: Commands) -> None:
    mute = _command(
        commands,
        "mute",
        _order,
        "hold back alerts for a while",
        """\
Have the deployed monitor hold back alerts: while work goes on that everybody knows of. Messages, dashboard and
`check` say so. What becomes critical is sent all the same. What is still open at the end is sent once.
Permissions: cloudformation:DescribeStacks, dynamodb:GetItem, dynamodb:PutItem.""",
        """\
Example:
  ses-reputation mute --check bounce --region eu-west-1 --for 48h --reason "list clean-up"

Exit code: 0 if it is muted, 2 if not.""",
    )
    mute.add_argument("--for", dest="duration", required=True, metavar="TIME", help="like 30m, 48h or 7d; at most 30d")
    mute.add_argument("--reason", required=True, metavar="TEXT", help="why; every message has it")
    mute.add_argument("--all", action="store_true", help="hold back critical alerts too")
    _order_options(mute)
    _check_option(mute)


def _add_unmute(commands: Commands) -> None:
    unmute = _command(
        commands,
        "unmute",
        _order,
        "end a mute",
        "End the mute with these options. Permissions: those of `mute`.",
        """\
Example:
  ses-reputation unmute --check bounce --region eu-west-1

Exit code: 0 if it has ended, 2 if there is none.""",
    )
    unmute.add_argument("--everything", action="store_true", help="end every mute")
    _order_options(unmute)
    _check_option(unmute)


def _add_mutes(commands: Commands) -> None:
    mutes = _command(
        commands,
        "mutes",
        _order,
        "what is muted or acknowledged?",
        "List what is muted or acknowledged, and the weekly windows. Permissions: cloudformation:DescribeStacks, dynamodb:GetItem.",
        """\
Example:
  ses-reputation mutes --json

Exit code: 0 if it could be read, 2 if not.""",
    )
    _order_options(mutes)


def _add_ack(commands: Commands) -> None:
    ack = _command(
        commands,
        "ack",
        _order,
        "stop the reminders of an alert",
        """\
Say that somebody works on an open alert: its reminders stop until it gets worse. Its end is sent.
Permissions: those of `mute`.""",
        """\
Example, with the name from the end of a message:
  ses-reputation ack bounce-20250217T0945Z

Exit code: 0 if it is acknowledged, 2 if no such alert is open.""",
    )
    ack.add_argument("alert", metavar="ALERT", help="name of the alert")
    _order_options(ack)


def _add_resume(commands: Commands) -> None:
    resume = _command(
        commands,
        "resume",
        _resume,
        "end a pause of the monitor",
        """\
Show what the monitor has paused and why, ask, and resume it. Every window of our rates then starts anew.
Permissions: those of `mute`, ses:GetAccount, and for what is paused ses:PutConfigurationSetSendingOptions,
ses:UpdateReputationEntityCustomerManagedStatus or ses:PutAccountSendingAttributes.""",
        """\
Example:
  ses-reputation resume --region eu-west-1

Exit code: 0 if it is resumed, 2 if not.""",
    )
    resume.add_argument("--yes", action="store_true", help="do not ask")
    _order_options(resume)


def _order_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands about what the team has ordered."""
    _settings_option(parser)
    parser.add_argument("--profile", metavar="NAME", help="profile of your AWS configuration")
    parser.add_argument("--region", metavar="NAME", help="a watched region (default: all)")
    parser.add_argument("--account", metavar="ID", help="a watched account, where there are several (default: all)")
    _json_option(parser)


def _check_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", metavar="NAME", help="only these alerts, like bounce (default: all)")


class _Parser(argparse.ArgumentParser):
    """A parser whose help keeps the lines of its examples."""

    def __init__(self, **options: object) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)  # type: ignore[arg-type]


Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"  # noqa: SLF001  it has no public name


def _command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    question: str,
    description: str,
    epilog: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=question, description=description, epilog=epilog)
    parser.set_defaults(run=run)
    return parser


def _settings_option(parser: argparse.ArgumentParser) -> None:
    help_text = "settings file (default: settings.toml if it is here, else the built-in rules)"
    parser.add_argument("--settings", type=Path, metavar="FILE", help=help_text)


def _aws_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", metavar="NAME", help="profile of your AWS configuration (default: AWS_PROFILE)")
    parser.add_argument("--region", metavar="NAME", help="AWS region (default: AWS_REGION, then the profile's)")


def _account_option(parser: argparse._ActionsContainer, meaning: str) -> None:
    parser.add_argument("--account", metavar="ID", help=f"another account: {meaning}")


def _json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _version() -> str:
    try:
        return version("ses-reputation-monitor")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "of this checkout"


if __name__ == "__main__":
    sys.exit(main())
