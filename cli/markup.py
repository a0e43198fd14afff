"""HTML, built so that whatever is not `Html` is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from ses_reputation.core.history import Instant


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Part = Html | str


def tag(name: str, *parts: Part, **attributes: str) -> Html:
    """Build an element; `class_` and `aria_label` are attributes with their names as HTML has them."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{given}>{joined(parts)}</{name}>")


def joined(parts: Iterable[Part]) -> Html:
    return Html("".join(part if isinstance(part, Html) else escape(visible(part)) for part in parts))


def visible(text: str) -> str:
    """Return text from outside without control characters, some of which no browser takes."""
    return "".join(c if c.isprintable() or c == "\u00a0" else " " for c in text)


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Part]], total: Sequence[Part] = ()) -> Html:
    """Build a table whose first column names the rows; further columns that end in ":" hold words, the others numbers."""
    number, words = {"class_": "number"}, dict[str, str]()
    styles = [words, *(words if name.endswith(":") else number for name in columns[1:])]

    def row(cells: Sequence[Part]) -> Html:
        named = zip(cells, styles, strict=True)
        first = tag("th", next(named)[0], scope="row")
        return tag("tr", first, *(tag("td", cell, **style) for cell, style in named))

    heads = (tag("th", name.rstrip(":"), scope="col", **style) for name, style in zip(columns, styles, strict=True))
    inner = [tag("caption", caption), tag("thead", tag("tr", *heads)), tag("tbody", *map(row, rows))]
    inner += [tag("tfoot", row(total))] if total else []
    return tag("div", tag("table", *inner), class_="scroll", role="region", tabindex="0", aria_label=caption)


def moment(at: Instant) -> Html:
    """2025-02-17 09:45; the page says once that times are in UTC."""
    text = datetime.fromtimestamp(at, UTC)
    return tag("time", f"{text:%Y-%m-%d %H:%M}", datetime=f"{text:%Y-%m-%dT%H:%MZ}")


def day(at: Instant) -> Html:
    """2025-02-17."""
    text = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
    return tag("time", text, datetime=text)
