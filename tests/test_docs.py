"""Docs that stay true: links, commands, files and options in README and docs exist; each page is short and can be found."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest
from ses_reputation import settings as settings_file
from ses_reputation.channels import BATCH
from ses_reputation.core.metrics import GAUGES, VERDICT_VALUES

from cli.completion import subcommands
from cli.main import parser_of_commands

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "llms.txt")), *DOCS]
GENERATED = {"settings.md", "messages.md", "cost.md", "scale.md", "commands.md"}
MOST_WORDS = 8_000
"""All pages that are written by hand, without their code."""

HOMES = ("", "lambda", "lambda/ses_reputation", "lambda/ses_reputation/core", "docs", "tests", "tests/layout")
"""Folders that a path in the text may start from."""

MADE = {
    *("settings.toml", "prod.toml", "stats.json", "replay.png"),
    *("template.json", "function.zip", "member-role.json", "sbom.cdx.json"),
}
"""Files that a reader makes, or names as an example."""

EXAMPLES = {"core/checks/sandbox.py", "tests/core/checks/test_sandbox.py", "layout/webex.py"}
"""Files that the worked examples of docs/contributing.md would add."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """Return the hand-written prose: no code, no generated table."""
    text = re.sub(r"<!-- Made by .*?<!-- End. -->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"^ {4,}.*$", "", without_code(text), flags=re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> list[str]:
    """Relative links to a file or a section that does not exist."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        there = page.parent / path if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    return broken


def commands() -> dict[str, set[str]]:
    """Options of each command of the command line."""
    found = subcommands(parser_of_commands())
    return {name: set(parser._option_string_actions) for name, parser in found.items()}


def targets() -> set[str]:
    """Targets of the Makefile that `make help` lists."""
    return set(re.findall(r"^([a-z-]+): .*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def unknown_commands(text: str) -> list[str]:
    """Commands and options that do not exist."""
    spoken = "\n".join(
        [
            *re.findall(r"```.*?```", text, re.DOTALL),
            *re.findall(r"`[^`\n]+`", text),
            *re.findall(r"^ {4,}.*$", text, re.MULTILINE),
        ]
    )
    named = re.findall(r"(?:^|[`\s])make ([a-z-]+)", spoken)
    unknown = [f"make {target}" for target in named if target not in targets()]
    known = commands()
    for name, rest in re.findall(r"ses-reputation +([a-z][a-z-]+)((?:[ =][^\n`#|;)]*)?)", spoken):
        if name not in known:
            unknown.append(f"ses-reputation {name}")
            continue
        unknown += [
            f"ses-reputation {name} {option}"
            for option in re.findall(r"(?<!\S)--[a-z-]+", rest)
            if option not in known[name]
        ]
    for module in re.findall(r"python -m ([a-z_.]+)", spoken):
        try:
            there = find_spec(module) is not None
        except ModuleNotFoundError:
            there = False
        if not there:
            unknown.append(f"python -m {module}")
    return unknown


def missing_files(text: str) -> list[str]:
    """Files in backquotes that are nowhere in the repository."""
    named = re.findall(r"`([\w./-]+\.(?:py|md|toml|json|txt|png|yml))`", text)
    return [
        name
        for name in named
        if Path(name).name not in MADE
        and not any(name.endswith(example) for example in EXAMPLES)
        and not any((ROOT / home / name).exists() for home in HOMES)
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_works(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    assert unknown_commands(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    assert missing_files(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("check", "planted"),
    [
        (lambda text: broken_links(ROOT / "README.md", text), "[gone](docs/gone.md)"),
        (lambda text: broken_links(ROOT / "README.md", text), "[gone](docs/runbook.md#gone)"),
        (unknown_commands, "`make gone`"),
        (unknown_commands, "    ses-reputation gone stats.json"),
        (unknown_commands, "`ses-reputation check --gone`"),
        (unknown_commands, "```\npython -m bench.gone\n```"),
        (missing_files, "`core/gone.py`"),
    ],
)
def test_a_planted_error_is_found(check: object, planted: str) -> None:
    assert callable(check) and check(planted)


@pytest.mark.parametrize("page", [page for page in DOCS if page.name != "index.md"], ids=name_of)
def test_a_page_is_in_the_index_and_links_back_to_it(page: Path) -> None:
    assert f"]({page.name})" in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert "[Index](index.md)" in page.read_text(encoding="utf-8").splitlines()[:2]


def test_the_pages_are_short() -> None:
    words = {
        page.name: len([word for word in prose(page).split() if re.search("[A-Za-z]", word)])
        for page in DOCS
        if page.name not in GENERATED
    }
    assert sum(words.values()) <= MOST_WORDS, words


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_uses_the_projects_vocabulary(page: Path) -> None:
    banned = (
        r"(?<!free-)\b(mails?|e-mails?|episodes?|announce\w*|told|judge[sd]?|own normal|memory table|all-clear)\b|\d %"
    )
    assert re.findall(banned, without_code(page.read_text(encoding="utf-8"))) == []


def test_the_settings_of_the_readme_are_accepted() -> None:
    [block] = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    settings = settings_file.from_tables(tomllib.loads(block))
    assert settings.alerts.emails and len(block.splitlines()) <= 12


def test_the_reference_of_metrics_has_every_metric_and_value() -> None:
    [section] = re.findall(r"## Metrics\n.*?\n## ", (ROOT / "docs" / "notifications.md").read_text("utf-8"), re.DOTALL)
    assert sorted(set(re.findall(r"`([A-Z][A-Za-z]+)`", section)) - {"SesReputation", "Account", "Region"}) == sorted(
        GAUGES
    )
    assert {int(value) for value in re.findall(r"(-?\d) [a-z]", section)} >= set(VERDICT_VALUES.values())


def test_the_readmes_figures_match_the_evidence() -> None:
    readme, evidence = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/evidence.md"))
    figures = re.findall(r"[\d.]+%?(?= of \d+ simulated| simulated| h before| false alarms)", readme)
    assert len(figures) == 4 and all(re.search(rf"(?<![\d.]){re.escape(figure)}(?!\d)", evidence) for figure in figures)


def code_blocks(page: str, language: str = "") -> list[str]:
    """Code blocks of a page in a language, without the indentation of a list."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [dedent(block) for name, block in blocks if name == language]


PACKAGE = ROOT / "lambda" / "ses_reputation"
TREE, WAY = code_blocks("architecture.md")


def test_the_tree_of_the_architecture_names_every_module() -> None:
    named = set(re.findall(r"\w+", TREE))
    assert {path.stem for path in PACKAGE.rglob("*.py")} - {"__init__"} - named == set()


def test_every_check_has_a_file_of_tests() -> None:
    checks = {path.stem for path in (PACKAGE / "core" / "checks").glob("*.py")} - {"__init__", "base"}
    assert checks <= {
        path.stem.removeprefix("test_") for path in (ROOT / "tests" / "core" / "checks").glob("test_*.py")
    }


def test_the_tree_of_the_architecture_names_no_file_that_is_gone() -> None:
    there = {path.name for path in (*PACKAGE.rglob("*.py"), *ROOT.glob("*.py"), *ROOT.glob("[cit]*/*.py"))}
    assert set(re.findall(r"\b\w+\.py\b", TREE)) <= there


def test_the_way_of_one_value_names_functions_that_exist() -> None:
    steps = re.findall(r"^([a-z]+)\.(\w+) ", WAY, re.MULTILINE)
    for module, name in steps:
        [path] = [*PACKAGE.glob(f"{module}.py"), *PACKAGE.glob(f"core/{module}.py")]
        made = rf"\b(def|class) {name}\b|^    {name}: "
        assert re.search(made, path.read_text(encoding="utf-8"), re.MULTILINE), f"{module}.{name}"
    assert len(steps) >= 5


def test_the_python_of_the_worked_examples_compiles() -> None:
    blocks = code_blocks("contributing.md", "python")
    assert len(blocks) == 3
    for node in (node for block in blocks for node in ast.walk(ast.parse(block))):
        assert not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)), ast.unparse(node)


def test_the_pages_say_how_many_notifications_a_message_has() -> None:
    for name in ("notifications.md", "notification.schema.json"):
        assert f"up to {BATCH}" in (ROOT / "docs" / name).read_text(encoding="utf-8"), name
