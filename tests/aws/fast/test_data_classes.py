"""Byte code made at the build gives the same data classes, and with unusable byte code Python makes them as usual."""

from __future__ import annotations

import dataclasses
import marshal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

import pytest
from ses_reputation.aws.fast import data_classes

LAMBDA = Path(data_classes.__file__).parents[3]


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    yield
    vars(dataclasses).pop("exec", None)


def a_class() -> Any:
    @dataclass(frozen=True, slots=True)
    class Sent:
        alert: str
        number: int = 1

    return Sent


def texts_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that a class is compiled from, as `exec` gets them."""
    texts: list[str] = []

    def execute(code: Any, scope: dict[str, Any], names: dict[str, Any]) -> None:
        if isinstance(code, str):
            texts.append(code)
        exec(code, scope, names)

    with monkeypatch.context() as patch:
        patch.setattr(data_classes, "_execute", execute)
        patch.setitem(vars(dataclasses), "exec", vars(dataclasses).get("exec", execute))
        a_class()
    return texts


def test_the_build_stores_the_code_of_every_data_class(tmp_path: Path) -> None:
    file = tmp_path / "built.bin"
    command = [sys.executable, "-m", data_classes.__name__, str(file)]
    subprocess.run(command, cwd=LAMBDA, check=True)
    version, built = marshal.loads(file.read_bytes())
    assert version == MAGIC_NUMBER
    assert any("severe_at" in text for text in built)  # core/alert.py, Track
    assert any("pagerduty" in text for text in built)  # settings/__init__.py, Settings


def test_a_class_from_stored_code_is_the_same_without_compiling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = texts_of(monkeypatch)
    plain = a_class()
    file = tmp_path / "built.bin"
    code = {text: compile(text, "<string>", "exec") for text in texts}
    file.write_bytes(marshal.dumps((MAGIC_NUMBER, code), data_classes.FORMAT))

    data_classes.use_byte_code(file)
    assert texts_of(monkeypatch) == []
    kept = a_class()
    assert repr(kept("a")) == repr(plain("a"))
    assert kept("a") == kept("a", 1) != kept("a", 2)
    assert len({kept("a"), kept("a")}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        kept("a").number = 2
    with pytest.raises(TypeError, match="alert"):
        kept()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\x00\xff",
        marshal.dumps((b"3.1", {}), 2),
        marshal.dumps(1, 2),
        marshal.dumps((MAGIC_NUMBER,), 2),
        marshal.dumps((MAGIC_NUMBER, {}), 2),
    ],
    ids=["no file", "empty", "garbage", "another Python", "a number", "half", "nothing known"],
)
def test_without_usable_code_python_compiles_as_usual(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "built.bin"
    if content is not None:
        file.write_bytes(content)
    data_classes.use_byte_code(file)
    assert a_class()("a").number == 1
