"""A message of Slack as a picture, about as Slack shows it. Needs matplotlib, which only pictures need.

    python -m local_aws.slack_picture demo-out/slack.json docs/slack.png

draws the first payload of a file that `make demo` or `ses-reputation preview NAME --channel slack` made.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle
from matplotlib.textpath import text_to_path

INK, FAINT, LINK, CODE, EDGE = "#1d1c1d", "#616061", "#1264a3", "#c01343", "#dddddd"
WIDTH, LEFT, RIGHT, INDENT, GAP = 640.0, 58.0, 16.0, 14.0, 9.0
"""Points: the picture, its text's left edge, its margin, what stands beside the bar of an attachment, between two blocks."""

MARKUP = re.compile(
    r"```(?P<block>.+?)```|`(?P<code>[^`\n]+)`|\*(?P<bold>[^*\n]+)\*|<!(?P<call>\w+)>|<[^|>\n]+\|(?P<link>[^>\n]+)>|(?P<line>\n)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Style:
    """How a word looks; the size in points."""

    size: float = 10.5
    color: str = INK
    bold: bool = False
    code: bool = False

    @property
    def font(self) -> FontProperties:
        return FontProperties(
            family="DejaVu Sans Mono" if self.code else "DejaVu Sans",
            size=self.size,
            weight="bold" if self.bold else "normal",
        )

    def width(self, text: str) -> float:
        return float(
            text_to_path.get_text_width_height_descent(text.replace(" ", "\u00a0"), self.font, ismath=False)[0]
        )


Run = tuple[str, Style]
"""Text of one style; "\\n" ends a line."""


@dataclass
class Page:
    """Picture as drawn so far, from the top; `y` is where the next line starts."""

    texts: list[tuple[float, float, str, Style]] = field(default_factory=list)
    shapes: list[Patch] = field(default_factory=list)
    y: float = 14.0

    def write(self, runs: Sequence[Run], left: float, right: float) -> None:
        """Write `runs`, broken between words, and within a word that is longer than a line."""
        x, height = left, max((style.size for _, style in runs), default=0.0) * 1.5
        for text, style in runs:
            for word in re.findall(r"\n|[^\n ]+ *| +", text):
                if word == "\n" or (x > left and x + style.width(word.rstrip()) > right):
                    x, self.y = left, self.y + height
                for part in _pieces(word.strip("\n"), style, right - left):
                    if x + style.width(part.rstrip()) > right:
                        x, self.y = left, self.y + height
                    self._put(x, self.y + height * 0.72, part, style)
                    x += style.width(part)
        self.y += height

    def _put(self, x: float, y: float, text: str, style: Style) -> None:
        """Add a word; one that goes on in the style of the word before is drawn in one piece with it."""
        before = self.texts[-1] if self.texts else None
        if before is not None and before[1] == y and before[3] == style and x > before[0]:
            self.texts[-1] = (before[0], y, before[2] + text, style)
        else:
            self.texts.append((x, y, text, style))

    def block(self, block: Mapping[str, Any], left: float) -> None:
        """Draw a header, a section or a context. Raises ValueError for another kind, so that nothing is left out unseen."""
        right = WIDTH - RIGHT
        match block:
            case {"type": "header", "text": {"text": str(text)}}:
                self.write([(html.unescape(text), Style(size=13, bold=True))], left, right)
            case {"type": "section", "text": {"text": str(text)}}:
                self._mrkdwn(text, Style(), left, right)
            case {"type": "context", "elements": [*elements]}:
                for element in elements:
                    self._mrkdwn(element["text"], Style(size=9, color=FAINT), left, right)
            case _:
                raise ValueError(f"not drawn: a block of type {block.get('type')!r}")
        self.y += GAP

    def _mrkdwn(self, text: str, style: Style, left: float, right: float) -> None:
        for runs in _paragraphs(text, style):
            if runs[0][1].code and "\n" in runs[-1][0]:  # a block of code
                top = self.y + 2
                self.y += 8
                self.write(runs[:-1], left + 8, right - 8)
                self.y += 6
                box = {"facecolor": "#f8f8f8", "edgecolor": EDGE, "linewidth": 0.8}
                self.shapes.append(_rounded(left, top, right - left, self.y - top, **box))
            else:
                self.write(runs, left, right)


def _pieces(word: str, style: Style, width: float) -> Iterator[str]:
    """Cut a word into parts no wider than a line."""
    while word and style.width(word.rstrip()) > width:
        cut = max(1, next(n for n in range(len(word), 0, -1) if n == 1 or style.width(word[:n]) <= width))
        yield word[:cut]
        word = word[cut:]
    if word:
        yield word


def _paragraphs(text: str, style: Style) -> Iterator[list[Run]]:
    """Run of Slack's markup, by paragraph; a block of code is one that ends with a run of "\\n"."""
    runs: list[Run] = []
    for run in _runs(text, style):
        if run[0].endswith("\0"):
            if runs:
                yield runs
            yield [(run[0][:-1], run[1]), ("\n", run[1])]
            runs = []
        else:
            runs.append(run)
    if any(words.strip() for words, _ in runs):
        yield runs


def _runs(text: str, style: Style) -> Iterator[Run]:
    """Styled text; a block of code ends with NUL, and the line breaks around it are its own."""
    end = 0
    for found in MARKUP.finditer(text):
        if found.start() > end:
            yield html.unescape(text[end : found.start()]), style
        end = found.end()
        kind, words = str(found.lastgroup), html.unescape(found[str(found.lastgroup)])
        if kind == "block":
            yield words + "\0", replace(style, size=style.size - 1, code=True)
        elif kind == "line":
            if not text[end:].startswith("```"):
                yield "\n", style
        else:
            looks = {"bold": {"bold": True}, "code": {"code": True, "color": CODE}}.get(kind, {"color": LINK})
            yield f"@{words}" if kind == "call" else words, replace(style, **looks)  # type: ignore[arg-type]
    if text[end:]:
        yield html.unescape(text[end:]), style


def _rounded(x: float, y: float, width: float, height: float, **look: Any) -> Patch:
    return FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=4", **look)


def page_of(payload: Mapping[str, Any], sender: str) -> Page:
    """Lay out a payload of an incoming webhook: its blocks, and its attachments beside a bar of their colour."""
    page = Page()
    page.shapes.append(_rounded(14, 16, 32, 32, facecolor="#0b3d6b", edgecolor="none"))
    page.texts.append((19.5, 37, "SES", Style(size=10, color="white", bold=True)))
    page.write([(sender, Style(bold=True)), ("  APP", Style(size=8, color=FAINT))], LEFT, WIDTH - RIGHT)
    page.y += 2
    for block in payload.get("blocks", []):
        page.block(block, LEFT)
    for attachment in payload.get("attachments", []):
        top = page.y
        for block in attachment["blocks"]:
            page.block(block, LEFT + INDENT)
        page.shapes.append(_rounded(LEFT, top, 4, page.y - GAP - top, facecolor=attachment["color"], edgecolor="none"))
    return page


def draw(payload: Mapping[str, Any], path: Path, sender: str = "SES reputation") -> None:
    """Write the picture of a payload to `path`. Raises OSError if it cannot be written."""
    page = page_of(payload, sender)
    height = page.y + 8
    figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor="white")
    FigureCanvasAgg(figure)
    axes: Axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    axes.add_patch(Rectangle((0.4, 0.4), WIDTH - 0.8, height - 0.8, facecolor="none", edgecolor=EDGE, linewidth=0.8))
    for shape in page.shapes:
        axes.add_patch(shape)
    for x, y, text, style in page.texts:
        axes.text(x, y, text, color=style.color, fontproperties=style.font, va="baseline", parse_math=False)
    figure.savefig(path, dpi=144)


if __name__ == "__main__":
    try:
        [source, target] = map(Path, sys.argv[1:])
        made = json.loads(source.read_text(encoding="utf-8"))
        draw(made[0] if isinstance(made, list) else made, target)
    except (OSError, ValueError, LookupError, TypeError) as error:
        sys.exit(f"{type(error).__name__}: {error}\n{__doc__}")
