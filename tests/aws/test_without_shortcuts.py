"""The shortcuts are only shortcuts: with their folder deleted, the function does the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import ses_reputation

ROOT = Path(__file__).parents[2]
FUNCTION = ("tests/aws", "tests/test_wiring.py", "tests/test_monitor.py")


def test_without_the_shortcuts_the_tests_of_the_edge_and_its_wiring_pass(tmp_path: Path) -> None:
    package = tmp_path / "lambda" / "ses_reputation"
    shutil.copytree(Path(ses_reputation.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(package / "aws" / "fast")
    (tmp_path / "conftest.py").write_text(
        "import ses_reputation\n"
        f"assert ses_reputation.__file__.startswith({str(tmp_path)!r}), ses_reputation.__file__\n"
    )
    command = [sys.executable, "-m", "pytest", "-x", "-o", f"pythonpath={ROOT} {tmp_path / 'lambda'}", "-p", "conftest"]
    command += ["--deselect", f"tests/aws/{Path(__file__).name}", "--ignore", "tests/aws/fast"]
    command += ["--ignore", "tests/aws/test_cause.py", *FUNCTION]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
