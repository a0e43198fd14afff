"""What a new user's machine must have is said in one line, and what is pinned stays pinned."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_cdk_command_line_is_no_release_of_the_withdrawn_third_line() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    assert package["devDependencies"]["aws-cdk"] == "2.1148.1"
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert lock["packages"]["node_modules/aws-cdk"]["version"] == "2.1148.1"
    assert "resolved" not in json.dumps(lock)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "lambda/requirements.txt"])
def test_every_package_is_pinned(file: str) -> None:
    text = (ROOT / file).read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "-r"))]
    assert lines and all("==" in line for line in lines)


def test_what_ships_is_pinned_with_hashes_and_names_no_index() -> None:
    text = (ROOT / "lambda" / "requirements.txt").read_text()
    lines = [line for line in text.replace("\\\n", "").splitlines() if not line.startswith("#")]
    assert lines and all(re.fullmatch(r"\S+==\S+ ( *--hash=sha256:[0-9a-f]{64})+", line) for line in lines)
    assert "://" not in text


def copy_of_the_makefile(folder: Path) -> Path:
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "pyproject.toml", "package.json"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    for name in ("package-lock.json", ".npmrc"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "local_aws").mkdir()
    (folder / "local_aws" / "requirements-runtime.txt").write_text("")
    for ready in (".venv", ".venv-lambda"):
        (folder / ready).mkdir()
    return folder


def said(folder: Path, target: str, **variables: str) -> list[str]:
    done = subprocess.run(
        ["make", "--silent", target, *(f"{name}={value}" for name, value in variables.items())],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    assert done.returncode != 0
    return [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make: ***")]


def test_a_missing_python_is_said_in_one_line(tmp_path: Path) -> None:
    folder = copy_of_the_makefile(tmp_path)
    assert said(folder, ".venv/.ready", PYTHON="no-such-python") == [
        "Python 3.11 or newer is needed: install it, or name it with PYTHON=..."
    ]


@pytest.mark.parametrize("version", ["echo v18.0.0; exit 1", "exit 127"], ids=["too old", "missing"])
def test_a_missing_or_old_node_is_said_in_one_line(tmp_path: Path, version: str) -> None:
    folder = copy_of_the_makefile(tmp_path)
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\n{version}\n")
    node.chmod(0o755)
    [line, *more] = said(folder, "node_modules/.ready", NODE=str(node))[-1:]
    assert line.startswith("Node.js 20 or newer is needed") and not more


@pytest.mark.parametrize("broken", ["[bounce]\nwarning = 5\n", "not toml", ""])
def test_wrong_settings_fail_synth_with_the_problems_and_no_traceback(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(broken)
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "app.py"],
        cwd=ROOT,
        env={**os.environ, "CDK_CONTEXT_JSON": json.dumps({"settings": str(file)})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "wrong.toml has" in done.stderr and "Traceback" not in done.stderr
