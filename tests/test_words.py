"""The house's words in code: how a docstring begins, and no old word in a name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("lambda", "infra", "cli", "local_aws", "bench", "tools", "tests", "examples")
    for path in (ROOT / folder).rglob("*.py")
)

BEGINS_BADLY = re.compile(r"(What|Whether|Of|So much|Where)\b")
OLD_WORDS = re.compile(r"(^|_)(told|untold|mails?|episodes?|announce\w*|judged?|remember\w*|all_clear)(_|$)")
UPGRADES = {"state_upgrade.py"}
"""Modules that read what old versions stored, under its old names."""


def docstrings(tree: ast.AST) -> Iterator[str]:
    """Docstrings of modules, classes and functions, and the strings below constants."""
    for node in ast.walk(tree):
        for statement in getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                yield str(statement.value.value)


def names(tree: ast.AST) -> Iterator[str]:
    """Names that a module gives: of functions, classes, arguments and variables."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name


def problems(source: str) -> list[str]:
    tree = ast.parse(source)
    return [
        *(text.splitlines()[0] for text in docstrings(tree) if BEGINS_BADLY.match(text)),
        *(name for name in names(tree) if OLD_WORDS.search(name)),
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_keeps_to_the_words_of_the_house(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8")) == [] or path.name in UPGRADES


@pytest.mark.parametrize(
    "planted",
    ["def a():\n    '''What it does.'''", "X = 1\n'''Of a month.'''", "told = 1", "def test_a_mail():\n    pass"],
)
def test_a_planted_old_word_is_found(planted: str) -> None:
    assert problems(planted)
