"""Tables, paragraphs and progress for a terminal of any width; without colour, boxes and wrapping for pipes."""

from __future__ import annotations

import io
import json
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import Progress
from rich.table import Table
from rich.text import Text
from ses_reputation.core.wording import NBSP

PIPE_WIDTH = 250
"""Columns if the output is not a terminal: a row stays on one line."""

_GLUE = "\ue000"
"""Stands for a space that does not break while a table is laid out: rich breaks lines at any space."""

_STYLES = {
    "CRITICAL": "bold red",
    "WARNING": "bold yellow",
    "OK": "bold green",
    "RESOLVED": "green",
    "UNKNOWN": "bold magenta",
    "NO_DATA": "magenta",
}


def console(stream: Any = None) -> Console:
    """Return a console for standard output as it is now."""
    stream = sys.stdout if stream is None else stream
    width = None if stream.isatty() or os.environ.get("COLUMNS") else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False, emoji=False)


def say(text: str = "", *, indent: int = 0) -> None:
    """Print a paragraph, wrapped to the terminal."""
    width = max(20, console().width)
    lines = textwrap.wrap(
        _safe(text), width, initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False
    )
    print("\n".join(lines).replace(NBSP, " "))


def heading(text: str, word: str = "") -> None:
    """Print a line in bold, with `word` in the colour of what it says."""
    line = Text.assemble(
        (_safe(text).replace(NBSP, " "), "bold"), (f" {word}" if word else "", _STYLES.get(word, "bold"))
    )
    _print(line)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table that wraps its cells to the terminal; one that is too narrow gets a line for each cell."""
    out, cells = console(), [[_safe(cell).replace(NBSP, _GLUE) for cell in row] for row in rows]
    widest = [max(map(_longest_word, column)) for column in zip(columns, *cells, strict=True)]
    if sum(widest) + 2 * len(widest) + 2 > out.width:
        for row in cells:
            for name, cell in zip(columns, row, strict=True):
                say(f"{name}: {cell}".replace(_GLUE, NBSP), indent=2)
            say()
        return
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(columns), header_style="bold")
    for name, least in zip(columns, widest, strict=True):
        grid.add_column(name, justify="right" if name in right else "left", min_width=least)
    for row in cells:
        grid.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    _print(Padding(grid, (0, 0, 0, 2)))


def _print(shape: Text | Padding) -> None:
    """Lay out beside standard output and print by Python's own means: rich ends the program when the reader of a pipe is gone."""
    out, aside = console(), io.StringIO()
    Console(file=aside, width=out.width, force_terminal=out.is_terminal, highlight=False, emoji=False).print(shape)
    print("\n".join(line.rstrip() for line in aside.getvalue().splitlines()).replace(_GLUE, " "))


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def as_json(value: object) -> None:
    """Print `value` as one JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _safe(text: str) -> str:
    """Return `text` without what could steer a terminal."""
    return "".join(c if c.isprintable() or c == NBSP else " " for c in text)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show that something is going on, on a terminal only."""
    err = console(sys.stderr)
    if not err.is_terminal:
        yield
        return
    with err.status(escape(text)):
        yield


@contextmanager
def progress(text: str, total: int) -> Iterator[Any]:
    """Give a function that counts one step of `total`; a bar shows it, on a terminal only."""
    err = console(sys.stderr)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)
