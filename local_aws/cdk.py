"""The pinned CDK command line, run against the local AWS as a user runs it against AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .environment import isolated
from .server import ACCOUNT, LocalAws

ROOT = Path(__file__).parents[1]
CLI = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"


class CdkError(Exception):
    """A command that failed, with the end of its output."""


def cdk(local: LocalAws, *arguments: str, settings: Path | None = None) -> None:
    """Run `cdk` with `arguments`. Raises `CdkError` with the end of what it printed."""
    context = () if settings is None else ("--context", f"settings={settings}")
    environment = {
        **isolated(os.environ),
        **local.environment(),
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_VALIDATION": "false",  # `make synth` and a test have it on; here it would only take time
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        "NODE_NO_WARNINGS": "1",
        "CI": "true",
        "NO_COLOR": "1",
    }
    with tempfile.TemporaryDirectory() as output:
        command = [os.environ.get("NODE", "node"), str(CLI), *arguments, *context, "--output", output, "--no-notices"]
        needs_app = arguments[0] != "bootstrap"
        if needs_app:
            command += ["--app", f"{sys.executable} app.py"]
        where = ROOT if needs_app else output  # without the app's cdk.json the CDK synthesises nothing
        done = subprocess.run(command, cwd=where, env=environment, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise CdkError(f"cdk {' '.join(arguments)}:\n{(done.stdout + done.stderr)[-4000:]}")


def bootstrap(local: LocalAws) -> None:
    """`cdk bootstrap`, which the first deployment into an account and region needs."""
    cdk(local, "bootstrap", f"aws://{ACCOUNT}/{local.region}")


def deploy(local: LocalAws, settings: Path) -> dict[str, str]:
    """`cdk deploy`: the stack's outputs."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder) / "outputs.json"
        cdk(
            local,
            "deploy",
            "--require-approval=never",
            "--method=direct",  # moto makes no outputs from change sets
            "--no-previous-parameters",  # nor does it keep defaulted parameters
            f"--outputs-file={outputs}",
            settings=settings,
        )
        [stack] = json.loads(outputs.read_text()).values()
    return dict(stack)
