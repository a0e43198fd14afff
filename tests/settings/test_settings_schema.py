"""settings.schema.json: an editor completes what the settings accept and underlines what they refuse."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft7Validator
from ses_reputation.settings import read
from ses_reputation.settings.table import Table

from cli.settings_reference import NOTIFICATION_SCHEMA, SAMPLE, SCHEMA, notification_schema_text, schema_text
from tests.settings.test_settings_properties import bounded, valid

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def example(name: str) -> str:
    """A settings file, or the settings that a page shows."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return text if name.endswith(".toml") else re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0]


def faults(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))]


def schema_at(path: str) -> dict[str, Any]:
    """The schema of a table by its path, like "bounce.rules[0].while"."""
    at: dict[str, Any] = dict(VALIDATOR.schema)  # type: ignore[arg-type]
    for name in re.findall(r"[a-z_]+", path):
        at = at["properties"][name]
        at = at.get("items", at)
    return at


def test_the_schema_is_up_to_date() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "run: python -m cli.settings_reference"
    Draft7Validator.check_schema(VALIDATOR.schema)


def test_the_schema_of_notifications_names_every_check() -> None:
    written = NOTIFICATION_SCHEMA.read_text(encoding="utf-8")
    assert written == notification_schema_text(), "run: python -m cli.settings_reference"


def test_every_key_is_in_the_schema_with_its_type() -> None:
    file = Table(SAMPLE)
    read(file)
    for table in file.tables:
        properties = schema_at(table.path)["properties"]
        assert list(properties) == list(table.keys)
        assert all({"type", "enum", "anyOf"} & key.keys() for key in properties.values()), table.path


@pytest.mark.parametrize("name", ["settings.toml", "local_aws/settings.toml", "README.md", "docs/settings.md"])
def test_the_examples_are_accepted(name: str) -> None:
    assert faults(example(name)) == []


def test_regions_may_be_discovered() -> None:
    assert faults('[targets]\nregions = "discover"') == [] and faults('[targets]\nregions = "all"')


def test_the_shipped_file_names_its_schema() -> None:
    first = (ROOT / "settings.toml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"#:schema ./{SCHEMA.name}" and SCHEMA.parent == ROOT


@bounded
@given(valid)
def test_the_schema_accepts_everything_the_settings_accept(mapping: dict[str, Any]) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(mapping)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        'bounce = "high"',
        "[bounce]\nwarning = 5",
        '[bounce]\nwarning = "3%"',
        "[bounce]\nwarnings = 0.03",
        "[bounce]\nrules = [{ hours = 24.5, above = 0.03 }]",
        "[bounce]\nrules = [{ hours = 24, above = 0.03, while = { hour = 1 } }]",
        '[alerts]\nemails = "oncall@example.com"',
        '[alerts]\nemails = ["oncall"]',
        '[alerts]\nemails = ["a@b.de", "a@b.de"]',
        '[cause]\nlook = "everywhere"',
        "[deployment]\nschedule_minutes = 1",
        "[deployment]\ntags = { team = 7 }",
        "[volume]\nsilence = 1",
        '[targets]\nregions = ["Ireland"]',
        "[gone]",
    ],
)
def test_the_schema_refuses_wrong_values(wrong: str) -> None:
    assert faults(wrong)
