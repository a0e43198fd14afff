"""The examples for pipelines: each is synthesised, linted or checked against what it uses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cfnlint.api import ManualArgs, lint

from infra import release

from .conftest import ROOT

EXAMPLES = ROOT / "examples"


def test_the_pipeline_deploys_staging_and_then_production_after_an_approval(tmp_path: Path) -> None:
    code = "import infra, runpy, sys; sys.modules['ses_reputation_cdk'] = infra; runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(EXAMPLES / "pipeline" / "app.py")],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'lambda'}", "CDK_OUTDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pipeline = json.loads((tmp_path / "SesReputationPipeline.template.json").read_text())["Resources"]
    [stages] = [r["Properties"]["Stages"] for r in pipeline.values() if r["Type"] == "AWS::CodePipeline::Pipeline"]
    names = [stage["Name"] for stage in stages]
    assert names[-2:] == ["staging", "prod"] and "UpdatePipeline" in names
    first = min(stages[-1]["Actions"], key=lambda action: int(action["RunOrder"]))
    assert first["ActionTypeId"]["Provider"] == "Manual"
    for stage in ("staging", "prod"):
        manifest = json.loads((tmp_path / f"assembly-SesReputationPipeline-{stage}" / "manifest.json").read_text())
        stacks = [a["properties"]["stackName"] for a in manifest["artifacts"].values() if "stack" in a["type"]]
        assert stacks == [f"SesReputation-{stage}"]


def test_the_workflow_assumes_a_role_and_calls_make_targets() -> None:
    workflow = yaml.safe_load((EXAMPLES / "github_actions" / "deploy.yml").read_text())
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    steps = workflow["jobs"]["deploy"]["steps"]
    made = [step["run"] for step in steps if "run" in step]
    makefile = (ROOT / "Makefile").read_text()
    for command in made:
        make, target, *variables = command.split()
        assert make == "make" and re.search(rf"^{target}: .*##", makefile, re.MULTILINE)
        assert all(f"$({variable.partition('=')[0]})" in makefile for variable in variables)
    assert made[-1].startswith("make deploy ") and made[-1].endswith(" YES=1")  # without a question
    own = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["check"]["steps"]
    versions = {step["uses"] for step in own if "uses" in step}
    assert versions < {step["uses"] for step in steps if "uses" in step}


def test_cfn_lint_finds_nothing_in_the_role_of_the_workflow() -> None:
    text = (EXAMPLES / "github_actions" / "role.yml").read_text()
    assert [str(match) for match in lint(text, config=ManualArgs(regions=["eu-west-1"]))] == []


TERRAFORM = EXAMPLES / "terraform" / "main.tf"


def test_terraform_passes_exactly_the_templates_parameters() -> None:
    text = TERRAFORM.read_text()
    [block] = re.findall(r"\n  parameters = \{\n(.*?)\n  \}", text, re.DOTALL)
    given = re.findall(r"^ +(\w+) += ", block, re.MULTILINE)
    assert sorted(given) == sorted(release.template(ROOT / "settings.toml")["Parameters"])
    assert set(re.findall(r"var\.(\w+)", text)) == set(re.findall(r'^variable "(\w+)"', text, re.MULTILINE))


@pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform here")
def test_terraform_reads_the_example(tmp_path: Path) -> None:
    def formatted(file: Path) -> int:
        environment = {"PATH": os.environ["PATH"], "CHECKPOINT_DISABLE": "1"}
        return subprocess.run(
            ["terraform", "fmt", "-check", str(file)], env=environment, capture_output=True, check=False
        ).returncode

    assert formatted(TERRAFORM) == 0
    broken = tmp_path / "main.tf"
    broken.write_text(TERRAFORM.read_text().removesuffix("}\n"))
    assert formatted(broken) != 0
