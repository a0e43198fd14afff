"""Commands in README and docs: ours run or parse, make targets exist, and AWS CLI commands have the named options."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from cli.completion import subcommands
from cli.main import main, parser_of_commands
from tests.test_docs import PAGES, ROOT, targets

ALONE = ("replay", "preview", "settings", "completion")
"""Commands that need no AWS: they run."""

CUSTOM = ("s3 cp", "cloudformation deploy", "configure set")
"""Commands of the AWS CLI that are not operations of a service."""

RENAMED = {"notification-endpoint": "endpoint"}
"""Options with names of the AWS CLI's own."""

GLOBAL = {"region", "profile", "output", "query"}


def code(text: str) -> list[str]:
    """Lines of code blocks and of backquotes, continued lines joined, without comments."""
    blocks = [*re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    blocks += [*re.findall(r"^ {4,}.*$", text, re.MULTILINE), *re.findall(r"`([^`\n]+)`", text)]
    lines = "\n".join(blocks).replace("\\\n", " ").replace('"$(', '"x"\n').splitlines()  # a command inside another
    steps = re.compile(r"\s*\d\. ")  # a sentence of a message, which may be wrapped within a command
    return [re.sub(r"\s+#.*", "", line).strip() for line in lines if not steps.match(line)]


def found(pattern: str) -> list[str]:
    """Each different match of `pattern` in the code of the pages."""
    pages = [code(re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))) for page in PAGES]
    return sorted({match[0].strip() for lines in pages for line in lines for match in re.finditer(pattern, line)})


REST = r"""(?:"[^"]*"|'[^']*'|[^|>&;)"'])*"""
"""The rest of a simple command: quoted texts and anything but shell operators."""

OURS = [line for line in found(r"ses-reputation [a-z]" + REST) if "…" not in line and " NAME" not in line]
AWSS = found(r"\baws [a-z0-9]+ [a-z]" + REST)
MAKES = found(r"(?<![\w-])make [a-z-]+( [A-Z]+=\S+)*")


@cache
def _input(service: str, command: str) -> Any:
    """The input of an operation by its name in the AWS CLI. Raises `LookupError` if there is none."""
    model = botocore.session.get_session().get_service_model(service)
    for name in model.operation_names:
        if xform_name(name, "-") == command:
            return model.operation_model(name).input_shape
    raise LookupError(f"aws {service} {command}")


def wrong_options(line: str) -> list[str]:
    """Options of a command of the AWS CLI that its operation lacks, and values that it does not take."""
    _, service, command, *rest = shlex.split(line)
    if f"{service} {command}" in CUSTOM:
        return []
    shape = _input(service, command)
    members = {} if shape is None else {xform_name(name, "-"): member for name, member in shape.members.items()}
    wrong = []
    for option, value in pairwise([*rest, ""]):
        name = option.removeprefix("--")
        if not option.startswith("--") or name in GLOBAL:
            continue
        member = members.get(RENAMED.get(name, name.removeprefix("no-")))
        if member is None or (getattr(member, "enum", None) and value not in member.enum):
            wrong.append(f"{option} {value}")
    return wrong


@pytest.mark.parametrize("line", OURS)
def test_a_command_of_ours_runs_or_is_parsed(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    example = (ROOT / "examples" / "bad-list.json").read_text(encoding="utf-8")
    settings = (ROOT / "settings.toml").read_text(encoding="utf-8")
    for name, text in (("stats.json", example), ("settings.toml", settings), ("prod.toml", settings)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    name, *rest = arguments = shlex.split(line)[1:]
    if not rest and name not in ("preview", "settings"):  # its name, in a sentence
        assert name in subcommands(parser_of_commands())
        return
    given = parser_of_commands().parse_args(arguments)
    if name in ALONE and not getattr(given, "cloudwatch", False):
        assert main(arguments) == 0, capsys.readouterr().err


@pytest.mark.parametrize("line", AWSS)
def test_an_aws_cli_command_has_the_named_options(line: str) -> None:
    assert wrong_options(line) == []


@pytest.mark.parametrize("line", MAKES)
def test_a_make_target_exists(line: str) -> None:
    assert line.split()[1] in targets()
    done = subprocess.run(
        ["make", "--dry-run", *line.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_commands_and_planted_errors_are_found() -> None:
    assert min(map(len, (OURS, AWSS, MAKES))) >= 10
    assert wrong_options("aws sesv2 get-account --gone --region eu-west-1") == ["--gone --region"]
    assert wrong_options("aws sns subscribe --topic-arn x --protocols sqs") == ["--protocols sqs"]
    assert wrong_options("aws ssm put-parameter --type Secret --name x --value y") == ["--type Secret"]
    with pytest.raises(LookupError):
        wrong_options("aws ses get-statistics")
