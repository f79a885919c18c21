"""The legend of the layer map: each type's look, its bits, how many tensors have it and what they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.core.units import human_bits, human_bytes
from desktop.core.words import counted, tr
from desktop.ui.inspect.layer_map_paint import SquarePainter, TypeStyle
from desktop.ui.inspect.tensor_rows import Total
from desktop.ui.shell.theme import Theme

_SWATCH = 12.0
_LINE = 22.0
_SPACE = 22.0


class TypeLegend(QWidget):
    """Entries in reading order, on as many lines as the width asks for."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._types: Sequence[Total] = ()
        self._brief = False
        self._styles: Mapping[str, TypeStyle] = {}
        self.setObjectName("typeLegend")
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def set_types(self, types: Sequence[Total], styles: Mapping[str, TypeStyle]) -> None:
        """Show these types in the looks of a map."""
        self._types, self._styles = types, styles
        said = [f"{kind.label}, {_facts(kind)}" for kind in types]
        self.setAccessibleName(tr("Types: ") + "; ".join(said))
        self.setToolTip("\n".join(said) if self._brief else "")
        self.setMinimumWidth(round(max((self._width(kind) for kind in types), default=0)))
        self.updateGeometry()
        self.update()

    def set_brief(self, brief: bool) -> None:
        """Only names and bits, where there is little room; the tooltip has the rest."""
        if brief == self._brief:
            return
        self._brief = brief
        self.set_types(self._types, self._styles)

    def hasHeightForWidth(self) -> bool:
        """A narrow legend is higher."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Lines the entries take."""
        places = self._places(width)
        return round((places[-1].y() if places else 0.0) + _LINE)

    def sizeHint(self) -> QSize:
        """One line unless told otherwise."""
        return QSize(400, self.heightForWidth(max(self.width(), 200)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Swatch, name and facts of each type."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        squares = SquarePainter(self._theme, self._styles)
        metrics = self.fontMetrics()
        for kind, place in zip(self._types, self._places(self.width()), strict=True):
            box = QRectF(place.x(), place.y() + (_LINE - _SWATCH) / 2, _SWATCH, _SWATCH)
            squares.draw(painter, box, kind.label)
            line = QRectF(box.right() + 6, place.y(), 600, _LINE)
            painter.setPen(self._theme.color("text"))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, kind.label)
            painter.setPen(self._theme.color("text_muted"))
            line.setLeft(line.left() + metrics.horizontalAdvance(kind.label) + 8)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, self._said(kind))

    def _places(self, width: int) -> list[QPointF]:
        x, y = 0.0, 0.0
        places = []
        for kind in self._types:
            wide = self._width(kind)
            if x and x + wide > width:
                x, y = 0.0, y + _LINE
            places.append(QPointF(x, y))
            x += wide + _SPACE
        return places

    def _width(self, kind: Total) -> float:
        metrics = self.fontMetrics()
        return _SWATCH + 14 + metrics.horizontalAdvance(kind.label) + metrics.horizontalAdvance(self._said(kind))

    def _said(self, kind: Total) -> str:
        return _bits(kind) if self._brief else _facts(kind)


def _facts(kind: Total) -> str:
    tensors = counted(kind.count, "tensor")
    if not kind.elements:
        return tr("{tensors} of unknown size", tensors=tensors)
    return f"{_bits(kind)} · {tensors} · {human_bytes(kind.bytes)}"


def _bits(kind: Total) -> str:
    return tr("{bits_per_weight} bits", bits_per_weight=human_bits(kind.bits_per_weight)) if kind.elements else ""
