"""Methods of data classes, compiled when the function is built.

`dataclass` writes the methods of each class as source text and compiles that at every start, a tenth of a cold one. The build
keeps the byte code by its text; a text that is not there is compiled as ever. It is made by:

    python -m ses_reputation.aws.fast.data_classes FILE
"""

from __future__ import annotations

import dataclasses
import importlib
import marshal
import pkgutil
import sys
from contextlib import suppress
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Any

BUILT = Path(__file__).with_suffix(".bin")

FORMAT = 2
"""Format of marshal: the last one without references, whose bytes depend on who else holds an object."""

_execute = exec


def use_byte_code(file: Path = BUILT) -> None:
    """Let `dataclass` find its methods in `file`. Call it before the first data class; without such a file it does nothing."""
    with suppress(OSError, ValueError, EOFError, TypeError):
        version, built = marshal.loads(file.read_bytes())  # noqa: S302  it lies among the code, made with it
        if version == MAGIC_NUMBER:
            _install(built)


def _install(built: dict[str, CodeType]) -> None:
    """Put a look into `built` before the `exec` of `dataclasses`."""

    def execute(text: str, scope: dict[str, Any], names: dict[str, Any]) -> None:
        _execute(built.get(text, text), scope, names)

    vars(dataclasses)["exec"] = execute


def collect() -> dict[str, CodeType]:
    """Import the whole package and return the code of every text that `dataclass` compiles on the way."""
    texts: set[str] = set()

    def execute(text: str, scope: dict[str, Any], names: dict[str, Any]) -> None:
        texts.add(text)
        _execute(text, scope, names)

    vars(dataclasses)["exec"] = execute
    package = __package__.partition(".")[0]
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)
    return {text: compile(text, "<string>", "exec") for text in sorted(texts)}


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(marshal.dumps((MAGIC_NUMBER, collect()), FORMAT))
