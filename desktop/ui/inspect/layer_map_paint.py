"""How the layer map draws: a colour, a form and a sign for each tensor type, so that none of them speaks alone."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen

from desktop.core.quants import TYPES_BY_NAME
from desktop.core.units import human_bytes
from desktop.ui.inspect.layer_map_layout import HEAD, Cell, MapLayout
from desktop.ui.shell.theme import Theme

_SIGNS = ("", "dot", "slash", "cross", "ring", "backslash")
_OTHER_TOKEN = "series_8"
# A type has one look in every file and on every tab. Colours go by bits; signs begin elsewhere in each colour, so that
# types which are often together are told apart without it.
_LOOKS: Mapping[str, tuple[int, Sequence[str]]] = {
    "series_1": (0, ("Q4_K", "Q4_0", "Q4_1", "IQ4_XS", "IQ4_NL", "MXFP4")),
    "series_4": (1, ("Q6_K",)),
    "series_2": (2, ("Q8_0", "Q8_1", "Q8_K")),
    "series_3": (3, ("Q5_K", "Q5_0", "Q5_1", "NVFP4")),
    "series_7": (4, ("Q3_K", "IQ3_XXS", "IQ3_S")),
    "series_5": (5, ("Q2_K", "Q2_0", "IQ2_XXS", "IQ2_XS", "IQ2_S", "TQ2_0")),
    "series_6": (1, ("F16", "BF16", "IQ1_S", "IQ1_M", "TQ1_0", "Q1_0")),
    _OTHER_TOKEN: (0, ("F32", "F64", "I8", "I16", "I32", "I64")),
}
_SIGN_FROM = 8.0  # a smaller square has no room for its sign
_SLICES_FROM = 9.0
_NAME_FROM = 46.0  # a square this large has room for its type's name
_NUMBER_STEPS = (1, 2, 5, 10, 20, 50, 100)
_FREE_WIDTH = 300.0  # of a text with nothing beside it


@dataclass(frozen=True)
class TypeStyle:
    """The look of one type: ``round`` for numbers that are not quantized."""

    token: str
    round: bool
    sign: str


def style_of(name: str) -> TypeStyle:
    """The look of a type; those that ggml does not know share one."""
    for token, (first, names) in _LOOKS.items():
        if name in names:
            sign = _SIGNS[(first + names.index(name)) % len(_SIGNS)]
            return TypeStyle(token, TYPES_BY_NAME[name].block == 1, sign)
    return TypeStyle(_OTHER_TOKEN, False, "cross")


def styles_of(types: Iterable[str]) -> dict[str, TypeStyle]:
    """The looks of these types."""
    return {name: style_of(name) for name in types}


class SquarePainter:
    """Draws squares of one map; made anew when the theme or the types change."""

    def __init__(self, theme: Theme, styles: Mapping[str, TypeStyle]) -> None:
        self._styles = styles
        self._brushes = {name: theme.color(style.token) for name, style in styles.items()}
        self._paper = theme.color("surface")
        self._ink = theme.color("text")
        self._line = QPen(self._paper, 1.4)
        self._slice = QPen(self._paper, 1.0)
        self._line.setCapStyle(Qt.PenCapStyle.FlatCap)

    def draw(self, painter: QPainter, box: QRectF, type_name: str, *, experts: bool = False) -> None:
        """Fill ``box`` in the look of a type; ``experts`` draws it as a pile of slices."""
        style = self._styles[type_name]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._brushes[type_name])
        side = box.width()
        if style.round:
            painter.drawEllipse(box)
        elif side < 6:
            painter.drawRect(box)
        else:
            painter.drawRoundedRect(box, 2, 2)
        painter.setPen(self._line)
        if experts and side >= _SLICES_FROM:
            painter.setPen(self._slice)
            for part in (1 / 3, 2 / 3):
                y = box.top() + box.height() * part
                painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            painter.setPen(self._line)
        if style.sign and side >= _SIGN_FROM:
            self._sign(painter, box, style.sign)

    def _sign(self, painter: QPainter, box: QRectF, sign: str) -> None:
        middle, reach = box.center(), box.width() * 0.22
        if sign in ("dot", "ring"):
            painter.setBrush(self._paper if sign == "dot" else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(middle, reach * 0.6, reach * 0.6)
        if sign in ("slash", "cross"):
            painter.drawLine(middle + QPointF(-reach, reach), middle + QPointF(reach, -reach))
        if sign in ("backslash", "cross"):
            painter.drawLine(middle + QPointF(-reach, -reach), middle + QPointF(reach, reach))

    def draw_absent(self, painter: QPainter, box: QRectF) -> None:
        """A tensor that only the other file has."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._ink, 1.2, Qt.PenStyle.DotLine))
        painter.drawRect(box)

    def draw_changed(self, painter: QPainter, box: QRectF, *, gone: bool) -> None:
        """A frame around a tensor that differs; struck through when the other file does not have it."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._ink, 1.4))
        frame = box.adjusted(-1, -1, 1, 1)
        painter.drawRect(frame)
        if gone:
            painter.drawLine(frame.bottomLeft(), frame.topRight())


class MapPainter:
    """Draws the part of a map that lies in an area; ``origin`` is where the layout's origin lies in the viewport."""

    def __init__(self, theme: Theme, styles: Mapping[str, TypeStyle], metrics: QFontMetrics) -> None:
        self._squares = SquarePainter(theme, styles)
        self._metrics = metrics
        self._text, self._muted = theme.color("text"), theme.color("text_muted")
        self._paper = theme.color("surface")

    def paint_squares(self, painter: QPainter, layout: MapLayout, origin: QPointF, area: QRectF) -> None:
        """Squares and the layers' numbers above them."""
        first = max(0, math.floor((area.left() - origin.x()) / layout.pitch))
        last = math.floor((area.right() - origin.x()) / layout.pitch)
        for number, section in enumerate(layout.content.sections):
            for row in _visible(layout, number, origin, area):
                columns = section.lines[row].columns
                for column in columns[bisect_left(columns, first) : bisect_left(columns, last + 1)]:
                    self._square(painter, layout, origin, Cell(number, row, column))
            self._numbers(painter, layout, origin, number, range(first, last + 1))

    def paint_labels(self, painter: QPainter, layout: MapLayout, origin: QPointF, column: QRectF, area: QRectF) -> None:
        """Titles of the sections and labels of the rows, within ``column`` from left to right."""
        room = round(column.width() - 10)
        for number, section in enumerate(layout.content.sections):
            top = layout.tops[number] + origin.y()
            painter.setPen(self._muted)
            width = room if section.layers else _FREE_WIDTH
            title = self._metrics.elidedText(section.title, Qt.TextElideMode.ElideMiddle, round(width))
            painter.drawText(QRectF(column.left(), top, width + 4, HEAD - 2), Qt.AlignmentFlag.AlignVCenter, title)
            painter.setPen(self._text)
            for row in _visible(layout, number, origin, area):
                line, note = section.lines[row], experts_note(section.lines[row].experts)
                left = room - self._metrics.horizontalAdvance(note)
                name = self._metrics.elidedText(line.label, Qt.TextElideMode.ElideMiddle, left)
                box = QRectF(column.left(), top + HEAD + row * layout.row, room + 4, layout.row)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, name + note)

    def _square(self, painter: QPainter, layout: MapLayout, origin: QPointF, cell: Cell) -> None:
        square = layout.content.square(cell)
        assert square is not None
        x, y = layout.origin(cell)
        place = QRectF(x, y, layout.pitch, layout.row).translated(origin)
        side = layout.side(cell, square)
        box = QRectF(0, 0, side, side)
        box.moveCenter(place.center())
        if square.mark == "only-second":
            self._squares.draw_absent(painter, box)
        else:
            self._squares.draw(painter, box, square.type, experts=square.experts > 0)
            if square.mark:
                self._squares.draw_changed(painter, box, gone=square.mark == "only-first")
        if side >= _NAME_FROM:
            painter.setPen(self._paper)
            low = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom
            painter.drawText(box.adjusted(0, 0, 0, -3), low, square.type)
        if not layout.content.sections[cell.section].layers:
            painter.setPen(self._muted)
            beside = QRectF(place.right() + 6, place.top(), _FREE_WIDTH, place.height())
            painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, f"{square.type} · {human_bytes(square.bytes)}")

    def _numbers(self, painter: QPainter, layout: MapLayout, origin: QPointF, number: int, columns: range) -> None:
        layers = layout.content.sections[number].layers
        if not layers:
            return
        widest = self._metrics.horizontalAdvance(str(layers[-1])) + 6
        every = next((step for step in _NUMBER_STEPS if step * layout.pitch >= widest), _NUMBER_STEPS[-1])
        painter.setPen(self._muted)
        for column in range(columns.start - columns.start % every, min(columns.stop, len(layers)), every):
            middle = origin.x() + (column + 0.5) * layout.pitch
            box = QRectF(middle - widest, origin.y() + layout.tops[number], 2 * widest, HEAD - 2)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(layers[column]))


def experts_note(count: int) -> str:
    """What follows the label of a row of experts: `` ×128``."""
    return f" ×{count:,}" if count else ""


def _visible(layout: MapLayout, number: int, origin: QPointF, area: QRectF) -> range:
    """Rows of a section that lie in the area."""
    top = layout.tops[number] + HEAD + origin.y()
    first = math.floor((area.top() - top) / layout.row)
    last = math.floor((area.bottom() - top) / layout.row)
    return range(max(0, first), min(len(layout.content.sections[number].lines), last + 1))
