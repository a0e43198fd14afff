"""The commands of the Makefile that touch an account, without a terminal, as continuous integration runs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from local_aws.environment import isolated
from local_aws.server import LocalAws

ROOT = Path(__file__).parents[2]
STACK = "SesReputation-make"


def make(local: LocalAws, folder: Path, target: str, *options: str) -> str:
    settings = folder / "make.toml"
    settings.write_text('[alerts]\nemails = ["oncall@mail.test"]\n[deployment]\nstage = "make"\n')
    done = subprocess.run(
        [
            "make",
            "--silent",
            target,
            f"SETTINGS={settings}",
            f"CDK_OPTIONS=--output {folder / 'out'} {' '.join(options)}",
        ]
        + (["YES=1"] if target in ("deploy", "destroy") else []),
        cwd=ROOT,
        env=isolated(os.environ) | local.environment() | {"CDK_VALIDATION": "false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def stacks(local: LocalAws) -> set[str]:
    return {stack["StackName"] for stack in local.client("cloudformation").describe_stacks()["Stacks"]}


def test_bootstrap_diff_deploy_and_destroy_ask_nobody(local: LocalAws, tmp_path: Path) -> None:
    assert "bootstrapped" in make(local, tmp_path, "bootstrap")
    assert "Number of stacks with differences: 1" in make(local, tmp_path, "diff", "--method=template")
    make(local, tmp_path, "deploy", "--method=direct", "--no-previous-parameters")
    assert STACK in stacks(local)
    make(local, tmp_path, "destroy")
    assert STACK not in stacks(local)
