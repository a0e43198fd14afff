"""`pip install .` in a fresh environment: the command line, without the CDK, moto and linters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ses_reputation import __version__

from tools.venv import own_environment, parse_pip_settings, uv_environment

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv" / "bin"


def run(*command: str | Path) -> str:
    """Run a command with packages from where pip takes them; its standard output."""
    own = own_environment(os.environ)
    listed = subprocess.run([BIN / "pip", "config", "list"], capture_output=True, text=True, check=True, env=own).stdout
    environment = uv_environment(own, parse_pip_settings(listed))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=Path("/"))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("light")
    source = folder / "source"
    files = [*ROOT.glob("*.md"), ROOT / "LICENSE", ROOT / "pyproject.toml"]
    for name in ("cli", "infra", "lambda"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for file in files:
        shutil.copy(file, source)
    run(BIN / "uv", "venv", "--quiet", "--python", BIN / "python", folder / "venv")
    run(BIN / "uv", "pip", "install", "--quiet", "--python", folder / "venv" / "bin" / "python", source)
    return folder / "venv"


def test_it_replays_recorded_statistics(light: Path) -> None:
    printed = run(light / "bin" / "ses-reputation", "replay", "--json", ROOT / "examples" / "bad-list.json")
    assert "bounce" in {json.loads(line)["metric"] for line in printed.splitlines()}


def test_it_completes_its_commands(light: Path) -> None:
    assert "bounce-opened" in run(light / "bin" / "ses-reputation", "completion", "bash")


def test_it_brings_its_version_and_little_else(light: Path) -> None:
    [libraries] = light.glob("lib/python*/site-packages")
    assert (libraries / f"ses_reputation_monitor-{__version__}.dist-info").is_dir()
    names = {path.name for path in libraries.iterdir()}
    assert {"boto3", "rich"} <= names
    assert not names & {"aws_cdk", "moto", "ruff", "mypy", "pytest", "numpy", "matplotlib", "aws_lambda_powertools"}
