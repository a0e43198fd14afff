"""Who may import whom, layer by layer."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lambda" / "ses_reputation"

LAYERS = (
    ("target", "cause_level", "pause_level", "history"),
    ("rates", "daily_totals", "recipients", "fleet"),
    ("findings", "orders"),
    ("rules", "headroom", "onset", "late_events", "readings"),
    ("pause_record",),
    ("evaluation", "alert", "plausibility", "cause", "wording", "metrics", "state_upgrade"),
    ("pause_guard",),
    ("checks.base", "cause_words"),
    ("checks.sending_facts",),
    ("checks.*",),
    ("checks",),
    ("notification",),
    ("state",),
    ("decide",),
    ("roster",),
)
"""The core's modules in layers; a module imports from the layers above its own only. `checks.*` is any check."""

SIBLINGS = {("checks.spike", "checks.silence"), ("evaluation", "headroom")}
"""The only imports within one layer: importer and imported."""

PURE = {
    "__future__",
    "abc",
    "base64",
    "bisect",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "types",
    "typing",
    "zlib",
}
"""The only modules of the standard library that the core uses. None of them reads a clock, a file or the environment, except
`datetime`, whose clocks are forbidden calls."""

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
    "mypy_boto3_sts",
    "urllib3",
}

FORBIDDEN_CALLS = ("open", "print", "input", "exec", "eval", "__import__")
CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
CLIENTS = {"boto3", "botocore", "urllib3"}


def tops(modules: set[str]) -> set[str]:
    """Names of the packages that modules are in."""
    return {module.split(".")[0] for module in modules}


def imports(source: str, package: str) -> set[str]:
    """Absolute names of all modules that `source`, a module of `package`, imports; a name of a package counts as one."""
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


def layer_of(module: str) -> int:
    """Layer of a module of the core. Raises `KeyError` if the table lacks it."""
    for number, layer in enumerate(LAYERS):
        if module in layer or ("checks.*" in layer and module.startswith("checks.")):
            return number
    raise KeyError(f"{module} has no layer")


def core_problems(name: str, source: str) -> list[str]:
    """Forbidden imports and calls of a module of the core."""
    prefix = "ses_reputation.core."
    package = f"{prefix}{name}".rpartition(".")[0] if name != "checks" else f"{prefix}checks"
    problems = []
    for module in imports(source, package):
        if not module.startswith(prefix):
            fine = module in PURE
        else:
            other = module.removeprefix(prefix)
            whole = name == "checks" and layer_of(other) <= layer_of(name)
            fine = whole or layer_of(other) < layer_of(name) or (name, other) in SIBLINGS
        if not fine:
            problems.append(f"{name} imports {module}")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            local_time = called.endswith((".fromtimestamp", ".astimezone")) and len(node.args) + len(node.keywords) < (
                2 if called.endswith(".fromtimestamp") else 1
            )  # without a zone it is the machine's
            by_name = called == "getattr" and isinstance(node.args[1], ast.Constant)
            if local_time or by_name or called in FORBIDDEN_CALLS or called.endswith((".now", ".utcnow", ".today")):
                problems.append(f"{name} calls {called}")
        elif isinstance(node, ast.ImportFrom) and not node.level:
            hidden = [each.name for each in node.names if each.asname or each.name.startswith("_")]
            problems += [f"{name} imports {each} under another name, or privately" for each in hidden]
        elif isinstance(node, ast.Attribute) and ast.unparse(node).endswith(CLOCKS):
            problems.append(f"{name} names {ast.unparse(node)}")
    return problems


def core_name(path: Path) -> str:
    """Name of a module in the core: `history`, `checks.quota`, `checks`."""
    return ".".join(path.relative_to(PACKAGE / "core").with_suffix("").parts).removesuffix(".__init__")


def edge_problems(name: str, source: str) -> list[str]:
    """Forbidden imports and calls of a module of the edge."""
    own = {"ses_reputation.aws.fast.shortcuts" if name == "session" else "ses_reputation.aws.errors"}
    own |= {"ses_reputation.aws.bounded"} if name in ("cause", "findings") else set()
    return [
        f"{name} imports {module}"
        for module in imports(source, "ses_reputation.aws")
        if not module.startswith("ses_reputation.core.")
        and module not in own
        and module.split(".")[0] not in SDK
        and module.split(".")[0] not in sys.stdlib_module_names
    ]


CORE = sorted(path for path in (PACKAGE / "core").rglob("*.py") if path != PACKAGE / "core" / "__init__.py")
EDGE = sorted(path for path in (PACKAGE / "aws").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("path", CORE, ids=core_name)
def test_the_core_is_pure_and_imports_one_way(path: Path) -> None:
    assert core_problems(core_name(path), path.read_text()) == []


def test_the_table_of_layers_names_no_removed_module() -> None:
    there = {core_name(path) for path in CORE}
    assert {module for layer in LAYERS for module in layer} - there == {"checks.*"}


def test_the_list_of_pure_modules_has_no_unused_ones() -> None:
    used = {module for path in CORE for module in imports(path.read_text(), "ses_reputation.core")}
    assert used >= PURE


@pytest.mark.parametrize("path", sorted((PACKAGE / "layout").glob("*.py")), ids=lambda path: path.stem)
def test_layouts_import_only_documents_and_wording(path: Path) -> None:
    found = {m for m in imports(path.read_text(), "ses_reputation.layout") if m.startswith("ses_reputation")}
    assert found <= {"ses_reputation.core.notification", "ses_reputation.core.wording", "ses_reputation.layout.text"}
    assert not tops(imports(path.read_text(), "ses_reputation.layout")) & CLIENTS


@pytest.mark.parametrize("path", EDGE, ids=lambda path: path.stem)
def test_the_edge_imports_only_core_types_and_the_sdk(path: Path) -> None:
    assert edge_problems(path.stem, path.read_text()) == []


@pytest.mark.parametrize(
    "planted",
    [
        "import boto3",
        "import os",
        "import logging",
        "import random",
        "import secrets",
        "import email.message",
        "from .. import settings",
        "from ..aws.ses import send_statistics",
        "from ..layout.text import fit",
        "from .decide import decide",
        "from .evaluation import Evaluation",
        "from datetime import datetime\ndatetime.now()",
        "from dataclasses import field\nfrom datetime import datetime\nat = field(default_factory=datetime.now)",
        "from dataclasses import field\nfrom datetime import datetime as D\nat = field(default_factory=D.now)",
        "from datetime import datetime\ndatetime.fromtimestamp(3)",
        "from datetime import datetime\ndatetime(2025, 2, 3).astimezone()",
        "from datetime import datetime\ngetattr(datetime, 'now')()",
        "from collections import _sys",
        "print('x')",
        "open('x')",
    ],
)
def test_a_planted_impurity_in_the_core_is_found(planted: str) -> None:
    assert core_problems("rates", planted)


@pytest.mark.parametrize("module", ["decide", "notification", "state"])
def test_a_check_that_imports_the_decision_is_found(module: str) -> None:
    assert core_problems("checks.quota", f"from ..{module} import anything")
    assert core_problems("checks.quota", f"from .. import {module}")


@pytest.mark.parametrize(
    "planted", ["from ..settings import Settings", "from .ses import x", "from .. import entry", "import aws_cdk"]
)
def test_a_planted_shortcut_in_the_edge_is_found(planted: str) -> None:
    assert edge_problems("store", planted)


@pytest.mark.parametrize("path", sorted((PACKAGE / "settings").glob("*.py")), ids=lambda path: path.stem)
def test_settings_import_only_core_types_and_each_other(path: Path) -> None:
    found = {
        m
        for m in imports(path.read_text(), "ses_reputation.settings")
        if m.split(".")[0] not in sys.stdlib_module_names
    }
    assert [
        m for m in sorted(found) if not f"{m}.".startswith(("ses_reputation.core.", "ses_reputation.settings."))
    ] == []


def test_the_settings_table_imports_nothing_else_of_the_package() -> None:
    found = imports((PACKAGE / "settings" / "table.py").read_text(), "ses_reputation.settings")
    assert [m for m in found if m.startswith("ses_reputation")] == []


@pytest.mark.parametrize("name", ["run.py", "outbox.py"])
def test_a_run_and_the_outbox_import_only_the_core_and_the_edges_types(name: str) -> None:
    found = imports((PACKAGE / name).read_text(), "ses_reputation")
    own = {m for m in found if m.startswith("ses_reputation") and not m.startswith("ses_reputation.core")}
    assert own <= {"ses_reputation.aws.errors", "ses_reputation.aws.store", "ses_reputation.run"}
    assert not tops(found) & CLIENTS


def test_infra_imports_only_settings_thresholds_and_field_names() -> None:
    sources = [ROOT / "app.py", *sorted((ROOT / "infra").glob("*.py"))]
    found = {m for path in sources for m in imports(path.read_text(), "infra") if m.startswith("ses_reputation")}
    assert {m for m in found if not m.startswith("ses_reputation.settings")} <= {
        "ses_reputation",  # where its source is
        "ses_reputation.log_fields",
        "ses_reputation.core.fleet",
        "ses_reputation.core.pause_level",
        "ses_reputation.core.cause_level",
        "ses_reputation.core.metrics",
        "ses_reputation.core.rates",
        "ses_reputation.core.rules",
        "ses_reputation.core.target",
    }


def test_the_function_imports_nothing_from_outside_its_package() -> None:
    for path in PACKAGE.rglob("*.py"):
        package = ".".join(path.relative_to(ROOT / "lambda").parent.parts)
        found = tops(imports(path.read_text(), package))
        assert not found & {"cli", "infra", "local_aws", "bench", "tests", "aws_cdk", "moto", "numpy", "pydantic"}, path
