"""A missing tool is named in one line, and pinned versions stay pinned."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_cdk_command_line_is_not_a_withdrawn_release() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    assert package["devDependencies"]["aws-cdk"] == "2.1148.1"
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert lock["packages"]["node_modules/aws-cdk"]["version"] == "2.1148.1"
    assert "resolved" not in json.dumps(lock)


COMPILED = ["requirements.txt", "requirements-demo.txt", "requirements-dev.txt", "local_aws/requirements-runtime.txt"]


@pytest.mark.parametrize("file", [*COMPILED, "lambda/requirements.txt"])
def test_every_package_is_pinned(file: str) -> None:
    lines = [line for line in (ROOT / file).read_text().splitlines() if line and not line.startswith(("#", "    "))]
    assert lines and all("==" in line for line in lines)


@pytest.mark.parametrize("file", COMPILED)
def test_every_package_has_hashes_and_no_address(file: str) -> None:
    text = (ROOT / file).read_text()
    pins = [pin for pin in re.split(r"\n(?=\S)", text) if not pin.startswith("#")]
    assert len(pins) > 2 and all("--hash=sha256:" in pin for pin in pins)
    assert not re.search(r"://|^-|file:|/opt|/home", text, re.MULTILINE)


def pins(file: str) -> set[str]:
    lines = (ROOT / file).read_text().splitlines()
    return {line.split(" ")[0].replace("_", "-") for line in lines if "==" in line}


def test_each_set_of_packages_is_part_of_the_next() -> None:
    assert pins("requirements.txt") < pins("requirements-demo.txt") < pins("requirements-dev.txt")


def test_the_function_and_its_tests_have_the_same_libraries() -> None:
    assert pins("lambda/requirements.txt") <= pins("requirements-dev.txt")


def test_only_the_deployed_packages_are_pinned_by_hand_and_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    by_hand = {each for extra in project["optional-dependencies"].values() for each in extra if "==" in each}
    assert by_hand and {re.sub(r"\[.*\]", "", each) for each in by_hand} <= pins("requirements-dev.txt")


def copy_of_the_makefile(folder: Path) -> Path:
    for name in (
        "Makefile",
        "pyproject.toml",
        "package.json",
        "package-lock.json",
        ".npmrc",
        *COMPILED,
        "tools/venv.py",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def output(folder: Path, target: str, **variables: str) -> list[str]:
    done = subprocess.run(
        ["make", "--silent", target, *(f"{name}={value}" for name, value in variables.items())],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    assert done.returncode != 0
    return [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make: ***")]


def test_a_missing_python_is_reported_in_one_line(tmp_path: Path) -> None:
    folder = copy_of_the_makefile(tmp_path)
    assert output(folder, ".venv/.demo", PYTHON="no-such-python") == [
        "Python 3.11 or newer is needed: install it, or name it with PYTHON=..."
    ]


@pytest.mark.parametrize("version", ["echo v18.0.0; exit 1", "exit 127"], ids=["too old", "missing"])
def test_a_missing_or_old_node_is_reported_in_one_line(tmp_path: Path, version: str) -> None:
    folder = copy_of_the_makefile(tmp_path)
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\n{version}\n")
    node.chmod(0o755)
    [line, *more] = output(folder, "node_modules/.ready", NODE=str(node))[-1:]
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


@pytest.mark.parametrize("target", ["deploy", "destroy"])
def test_without_a_terminal_the_option_for_ci_is_named_first(tmp_path: Path, target: str) -> None:
    folder = copy_of_the_makefile(tmp_path)
    for ready in (".venv/.deploy", "node_modules/.ready", ".venv/bin/ses-reputation"):
        (folder / ready).parent.mkdir(parents=True, exist_ok=True)
        (folder / ready).write_text("#!/bin/sh\n")
        (folder / ready).chmod(0o755)
    assert output(folder, target, NODE="false") == [
        f"There is no terminal to confirm on: run make {target} YES=1 to {target} without a question."
    ]


def test_help_names_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(phony.split()) == set(re.findall(r"^  ([a-z-]+) ", done.stdout, re.MULTILINE))
