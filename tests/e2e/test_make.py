"""The commands of the Makefile that touch an account, without a terminal, as continuous integration runs them.

The other end-to-end tests make the same stack in their own process: local_aws/stack.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_aws import stack
from local_aws.environment import isolated
from local_aws.server import LocalAws
from tests.e2e.conftest import HOUR, NOW, Deployment, points

ROOT = Path(__file__).parents[2]
STACK = "SesReputation-make"


@dataclass
class Installed:
    """An installation that `make` has made, and what each command printed."""

    local: LocalAws
    settings: Path
    bootstrap: str
    diff: str
    deploy: str

    def make(self, target: str, *options: str) -> str:
        return make(self.local, self.settings, target, *options)


def make(local: LocalAws, settings: Path, target: str, *options: str) -> str:
    done = subprocess.run(
        [
            "make",
            "--silent",
            target,
            f"SETTINGS={settings}",
            f"CDK_OPTIONS=--output {settings.parent / 'out'} {' '.join(options)}",
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


@pytest.fixture(scope="module")
def installed(local: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    settings = tmp_path_factory.mktemp("make") / "make.toml"
    settings.write_text('[alerts]\nemails = ["oncall@mail.test"]\n[deployment]\nstage = "make"\n')
    # moto makes no outputs from change sets, nor does it keep defaulted parameters.
    direct = ("--method=direct", "--no-previous-parameters")
    return Installed(
        local,
        settings,
        make(local, settings, "bootstrap"),
        make(local, settings, "diff", "--method=template"),
        make(local, settings, "deploy", *direct),
    )


@pytest.fixture(scope="module")
def monitor(installed: Installed) -> Iterator[Deployment]:
    deployed = Deployment.of(installed.local, stack.outputs_of(installed.local, STACK))
    yield deployed
    deployed.function.close()


def resources(local: LocalAws) -> dict[str, str]:
    """Type of each resource of the stack by its logical id."""
    listed = local.client("cloudformation").list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    return {resource["LogicalResourceId"]: resource["ResourceType"] for resource in listed}


def template(local: LocalAws) -> str:
    """The deployed template without the CDK's own metadata."""
    body = local.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]
    made = body if isinstance(body, dict) else json.loads(body)
    made["Resources"].pop("CDKMetadata", None)
    for resource in made["Resources"].values():
        resource.pop("Metadata", None)
    return json.dumps({"Resources": made["Resources"], "Outputs": made["Outputs"]}, sort_keys=True)


def test_bootstrap_prepares_the_account(installed: Installed) -> None:
    assert "bootstrapped" in installed.bootstrap


def test_the_diff_before_a_deployment_shows_a_new_stack(installed: Installed) -> None:
    assert "Number of stacks with differences: 1" in installed.diff


def test_the_deployment_prints_no_warning(installed: Installed) -> None:
    assert not re.search(r"\[warning|warning:|deprecat", installed.deploy, re.IGNORECASE), installed.deploy


def test_the_deployed_monitor_alerts(monitor: Deployment) -> None:
    monitor.local.ses().points = points(NOW + HOUR, bad_from=NOW)
    assert monitor.tick(NOW + HOUR).ok and monitor.sent() == [("bounce", "opened")]


def test_nothing_differs_right_after_a_deployment(installed: Installed) -> None:
    assert "Number of stacks with differences: 0" in installed.make("diff", "--method=template")


def test_destroy_leaves_no_stack_and_the_stack_made_in_this_process_is_the_same(installed: Installed) -> None:
    local = installed.local
    by_the_cdk = template(local), resources(local)
    installed.make("destroy")
    left = [found["StackName"] for found in local.client("cloudformation").describe_stacks()["Stacks"]]
    assert left == ["CDKToolkit"]
    stack.deploy(local, installed.settings)
    assert (template(local), resources(local)) == by_the_cdk
