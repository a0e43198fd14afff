"""One synth of the stack as shipped, and one for each variation."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template
from aws_cdk.aws_lambda import Code
from cfnlint.api import ManualArgs, lint

from infra.stack import MonitorStack

ROOT = Path(__file__).parents[2]
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]

RECIPIENT = '[alerts]\nemails = ["oncall@mail.test"]\n'

Resources = dict[str, dict[str, Any]]


def stack(toml: str, folder: Path, **app_props: Any) -> MonitorStack:
    """A stack with settings in TOML; the asset is a stand-in, since its content has its own tests."""
    folder.mkdir(exist_ok=True)
    (folder / "stand-in.py").write_text("")
    app = App(**{"context": CONTEXT, "builtin_cloud_formation_validation": False, **app_props})
    settings = tomllib.loads(toml)
    stage = settings.get("deployment", {}).get("stage", "")
    name = f"SesReputation-{stage}" if stage else "SesReputation"
    return MonitorStack(app, name, settings=settings, code=Code.from_asset(str(folder)))


def synthesised(toml: str, folder: Path) -> dict[str, Any]:
    """The template for settings in TOML."""
    return dict(Template.from_stack(stack(toml, folder)).to_json())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return synthesised((ROOT / "settings.toml").read_text(), tmp_path_factory.mktemp("asset"))


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> Resources:
    found: Resources = template["Resources"]
    return found


@pytest.fixture
def synth(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Synthesise the stack for settings given as TOML, after a recipient."""
    return lambda toml: synthesised(RECIPIENT + toml, tmp_path / "asset")


def linted(template: dict[str, Any], region: str = "us-east-1") -> list[str]:
    """Findings of cfn-lint, except that a function waits for its role twice (W3005), which is the CDK's way."""
    found = lint(json.dumps(template), config=ManualArgs(regions=[region], ignore_checks=["W3005"]))
    return [str(match) for match in found]


def of_type(resources: Resources, kind: str) -> list[dict[str, Any]]:
    """The properties of every resource of a type."""
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]
