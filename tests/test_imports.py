"""Who may import whom: the table of docs/architecture.md, enforced."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lambda" / "ses_reputation"

CORE_ORDER = (
    ("target", "look"),
    ("history",),
    ("rates", "daily_totals", "readings", "recipients"),
    ("rules", "findings"),
    ("alert", "headroom", "onset", "learning", "cause"),
    ("evaluation",),
    ("account",),
    ("volume",),
    ("plan", "wording"),
    ("judge", "state", "trial", "cause_words"),
    ("gauges",),
    ("decide",),
    ("sentences", "advice"),
)
"""The core's modules in layers; a module may import from the layers above its own only."""

SDK = {
    "boto3",
    "botocore",
    "mypy_boto3_cloudwatch",
    "mypy_boto3_dynamodb",
    "mypy_boto3_secretsmanager",
    "mypy_boto3_ses",
    "mypy_boto3_sesv2",
    "mypy_boto3_sns",
    "mypy_boto3_ssm",
    "urllib3",
}

FORBIDDEN_CALLS = ("open", "print", "input", "exec", "eval", "__import__")
IMPURE_MODULES = {"os", "time", "random", "logging", "socket", "pathlib", "subprocess", "urllib", "threading"}


def imports(source: str, package: str) -> set[str]:
    """Every module that `source`, a module of `package`, imports, by its absolute name; a name of a package counts as one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            names = {f"{module}.{alias.name}" for alias in node.names}
            submodules = {
                name for name in names if (ROOT / "lambda" / Path(*name.split("."))).with_suffix(".py").exists()
            }
            found |= submodules if submodules else {module}
    return found


def core_problems(name: str, source: str) -> list[str]:
    """What a module of the core does that it may not."""
    layer = next(number for number, layer in enumerate(CORE_ORDER) if name in layer)
    allowed = {f"ses_reputation.core.{module}" for above in CORE_ORDER[:layer] for module in above}
    problems = []
    for module in imports(source, "ses_reputation.core"):
        top = module.split(".")[0]
        if module not in allowed and (top not in sys.stdlib_module_names or top in IMPURE_MODULES):
            problems.append(f"{name} imports {module}")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in FORBIDDEN_CALLS or called.endswith((".now", ".utcnow", ".today")):
                problems.append(f"{name} calls {called}")
    return problems


def edge_problems(name: str, source: str) -> list[str]:
    """What a module of the edge does that it may not."""
    own = {"ses_reputation.aws.connections" if name == "session" else "ses_reputation.aws.errors"}
    return [
        f"{name} imports {module}"
        for module in imports(source, "ses_reputation.aws")
        if not module.startswith("ses_reputation.core.")
        and module not in own
        and module.split(".")[0] not in SDK
        and module.split(".")[0] not in sys.stdlib_module_names
    ]


CORE = sorted(path for path in (PACKAGE / "core").glob("*.py") if path.stem != "__init__")
EDGE = sorted(path for path in (PACKAGE / "aws").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_the_core_is_pure_and_imports_one_way(path: Path) -> None:
    assert core_problems(path.stem, path.read_text()) == []


@pytest.mark.parametrize("path", EDGE, ids=lambda path: path.stem)
def test_the_edge_imports_core_types_and_the_sdk_and_nothing_else(path: Path) -> None:
    assert edge_problems(path.stem, path.read_text()) == []


@pytest.mark.parametrize(
    "planted",
    [
        "import boto3",
        "from .. import settings",
        "from ..aws.ses import send_statistics",
        "from .decide import decide",
        "import os",
        "from datetime import datetime\ndatetime.now()",
        "print('x')",
    ],
)
def test_a_planted_impurity_in_the_core_is_found(planted: str) -> None:
    assert core_problems("rates", planted)


@pytest.mark.parametrize(
    "planted", ["from ..settings import Settings", "from .ses import x", "from .. import handler", "import aws_cdk"]
)
def test_a_planted_shortcut_in_the_edge_is_found(planted: str) -> None:
    assert edge_problems("memory", planted)


@pytest.mark.parametrize(
    ("module", "besides"),
    [
        (
            "settings/__init__",
            {
                "ses_reputation.settings.table",
                "ses_reputation.settings.rules",
                "ses_reputation.settings.deployment",
                "ses_reputation.settings.cause",
            },
        ),
        ("settings/cause", {"ses_reputation.settings.table"}),
        ("settings/deployment", {"ses_reputation.settings.table"}),
        ("settings/rules", {"ses_reputation.settings.table"}),
        ("settings/table", set()),
    ],
)
def test_settings_know_core_types_only(module: str, besides: set[str]) -> None:
    found = imports((PACKAGE / f"{module}.py").read_text(), "ses_reputation.settings")
    strangers = {
        m for m in found if not m.startswith("ses_reputation.core.") and m.split(".")[0] not in sys.stdlib_module_names
    }
    assert strangers == besides


def test_a_run_knows_the_core_and_the_edges_types_only() -> None:
    found = {m for m in imports((PACKAGE / "run.py").read_text(), "ses_reputation") if m.startswith("ses_reputation")}
    assert {m for m in found if not m.startswith("ses_reputation.core")} == {
        "ses_reputation.aws.errors",
        "ses_reputation.aws.store",
    }


def test_the_infrastructure_knows_settings_and_the_lines_it_draws_and_nothing_else_of_the_package() -> None:
    sources = [ROOT / "app.py", *sorted((ROOT / "infra").glob("*.py"))]
    found = {m for path in sources for m in imports(path.read_text(), "infra") if m.startswith("ses_reputation")}
    assert found <= {
        "ses_reputation",  # where its source is
        "ses_reputation.settings",
        "ses_reputation.settings.deployment",
        "ses_reputation.core.rates",
        "ses_reputation.core.rules",
    }


def test_nothing_in_the_function_imports_what_stands_around_it() -> None:
    for path in PACKAGE.rglob("*.py"):
        package = ".".join(path.relative_to(ROOT / "lambda").parent.parts)
        tops = {module.split(".")[0] for module in imports(path.read_text(), package)}
        assert not tops & {"cli", "infra", "local_aws", "bench", "tests", "aws_cdk", "moto", "numpy", "pydantic"}, path
