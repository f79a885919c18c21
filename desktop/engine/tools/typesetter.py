"""The process that typesets formulas: LaTeX of strangers, within limits on length, depth, size, memory and time.

Its owner (:mod:`desktop.services.chat.formulas`) has a deadline. ziamath makes outlines out of the OpenType font that
it brings (STIX Two Math), through MathML that latex2mathml makes out of LaTeX.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from desktop.core.formula import Outline
from desktop.engine.helper_process import serve
from desktop.engine.tools.formula_records import Formula, FormulaRequest

if TYPE_CHECKING:
    from ziamath import Latex

MEMORY_BYTES = 512 * 1024 * 1024
_MOST_CHARACTERS = 2000
_DEEPEST = 24  # braces within each other, and environments
_WIDEST, _HIGHEST = 300.0, 120.0  # em
_ROW_GAP = "0.5em"  # between the rows of a matrix or of aligned equations
_SIZE = 100.0  # pixels of an em while it is made: two decimals are exact enough at any size
_NUMBERS = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}

_MACRO = re.compile(r"\\(?:new|renew|provide)command|\\(?:g|e|x)?def\b|\\let\b|\\input\b|\\href\b")
_COLOUR = re.compile(r"\\(?:textcolor|colorbox|color)\s*\{[^{}]*\}|\\(?:label)\s*\{[^{}]*\}|\\(?:nonumber|notag)\b")
_TAG = re.compile(r"\\tag\*?\s*\{([^{}]*)\}")
_NUMBERED = re.compile(r"(\\(?:begin|end)\s*\{)(?:align|eqnarray|alignat|flalign|split)(\*?\})")
_UNNUMBERED = re.compile(r"\\(?:begin|end)\s*\{(?:equation|displaymath|math|multline)\*?\}")
_ALIASES = {  # by what latex2mathml knows
    r"\bm": r"\boldsymbol",
    r"\argmax": r"\operatorname{argmax}",
    r"\argmin": r"\operatorname{argmin}",
}
_ALIAS = re.compile(r"\\(?:bm|argmax|argmin)(?![A-Za-z])")
_PART = re.compile(r"[MLQCZ]|-?[\d.]+(?:e-?\d+)?")


class _RefusedError(Exception):
    """This formula cannot be typeset; it is shown as it was written."""


def prepared(latex: str) -> str:
    """LaTeX without what no formula in a chat needs: its own macros are refused, colours are the theme's."""
    if len(latex) > _MOST_CHARACTERS or _MACRO.search(latex):
        raise _RefusedError
    depth = 0
    for mark in re.findall(r"\\.|[{}]|\\(?:begin|end|left|right)\b", latex):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth > _DEEPEST:
            raise _RefusedError
    if latex.count(r"\begin") > _DEEPEST or latex.count(r"\left") > 2 * _DEEPEST:
        raise _RefusedError
    tags = _TAG.findall(latex)
    latex = _UNNUMBERED.sub("", _COLOUR.sub("", _TAG.sub("", latex)))
    latex = _NUMBERED.sub(lambda found: f"{found[1]}align*}}", latex)
    latex = _ALIAS.sub(lambda found: _ALIASES[found[0]], latex)
    return latex + (rf"\qquad\text{{({tags[0]})}}" if tags else "")


@lru_cache(maxsize=1)
def _library() -> type[Latex]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it opens its font by a function that Python has renamed
        from ziamath import Latex, config
        from ziamath.nodes.mtable import Mtable
    config.svg2 = False  # each glyph as a path in its place
    config.precision = 2
    lay_out = Mtable._setup

    def with_leading(table: Mtable, **how: object) -> None:
        table.element.set("rowspacing", _ROW_GAP)  # else limits of a sum touch those of the row above
        lay_out(table, **how)

    Mtable._setup = with_leading
    made: type[Latex] = Latex
    return made


def outline(latex: str, *, display: bool) -> Outline:
    """The formula's outline; _RefusedError, or whatever the libraries raise, where there is none."""
    made = _library()(prepared(latex), size=_SIZE, inline=not display)
    _check(made)
    box = made.node.bbox
    left = min(box.xmin, 0.0)
    canvas = ElementTree.Element("svg")
    made.node.draw(-left, 0, canvas)
    commands: list[str] = []
    numbers: list[float] = []
    for element in canvas.iter():
        for command, values in _figure(element):
            commands.append(command)
            numbers += [round(value / _SIZE, 4) for value in values]
    width, ascent, descent = (box.xmax - left) / _SIZE, box.ymax / _SIZE, -box.ymin / _SIZE
    if not commands or not 0 < width <= _WIDEST or ascent + descent > _HIGHEST:
        raise _RefusedError
    return Outline(width, ascent, descent, "".join(commands), tuple(numbers))


def _check(made: Latex) -> None:
    """Nothing in it that the library does not know, and no character without a glyph."""
    for element in made.mathml.iter():
        for mark in element.text or "":
            if mark == "\\" or (not mark.isspace() and not made.font.glyphindex(mark)):
                raise _RefusedError


def _figure(element: ElementTree.Element) -> Iterator[tuple[str, list[float]]]:
    """What an element of the drawing fills."""
    line = float(element.get("stroke-width", "0"))
    match element.tag:
        case "path" if line:
            start, end = (values for _, values in _path(element.get("d", "")))
            yield from _stroke(start, end, line)
        case "path":
            yield from _path(element.get("d", ""))
        case "rect":
            x, y, width, height = (float(element.get(name, "0")) for name in ("x", "y", "width", "height"))
            if line:
                yield from _frame(x, y, width, height, line)
            else:
                yield from _polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
        case "ellipse" | "polygon":
            raise _RefusedError


def _path(described: str) -> Iterator[tuple[str, list[float]]]:
    command, values = "", list[float]()
    for part in _PART.findall(described):
        if part in _NUMBERS:
            command, values = part, []
        else:
            values.append(float(part))
        if command and len(values) == _NUMBERS[command]:
            yield command, values
            command, values = ("" if command == "Z" else command), []


def _polygon(points: list[tuple[float, float]]) -> Iterator[tuple[str, list[float]]]:
    for number, (x, y) in enumerate(points):
        yield "L" if number else "M", [x, y]
    yield "Z", []


def _stroke(start: list[float], end: list[float], width: float) -> Iterator[tuple[str, list[float]]]:
    (x1, y1), (x2, y2) = start, end
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 or 1.0
    dx, dy = (y1 - y2) / length * width / 2, (x2 - x1) / length * width / 2
    yield from _polygon([(x1 + dx, y1 + dy), (x2 + dx, y2 + dy), (x2 - dx, y2 - dy), (x1 - dx, y1 - dy)])


def _frame(x: float, y: float, width: float, height: float, line: float) -> Iterator[tuple[str, list[float]]]:
    corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]]
    for start, end in pairwise(corners):
        yield from _stroke(start, end, line)


def _answer(request: FormulaRequest) -> Formula:
    try:
        return Formula(outline(request.latex, display=request.display))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # the libraries raise whatever a stranger's LaTeX makes them
        return Formula(None)


def main() -> None:
    """Serve requests until stdin closes."""
    serve(FormulaRequest, lambda request, _progress: _answer(request), memory_bytes=MEMORY_BYTES)


if __name__ == "__main__":
    main()
