"""One block of a tensor type, drawn byte by byte: scale, min, quants, and what else it holds."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.core.block_layouts import BlockField, BlockLayout
from desktop.core.words import counted, tr
from desktop.ui.shell.theme import Theme

_TOKENS = {
    "scale": "series_2",
    "min": "series_3",
    "quants": "series_1",
    "high": "series_6",
    "signs": "series_7",
    "sum": "series_8",
}
_BAR = 28
_ROW = 17
_SMALLEST = 10.0  # pixels of a field that has a byte or two among many
_SIGNS = "①②③④⑤⑥"


def bytes_in_words(count: int) -> str:
    """``2 bytes``."""
    return counted(count, "byte")


class BlockDrawing(QWidget):
    """Fields in their order, widths by bytes; each is numbered and named in a list below, with its bytes."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectBlockDrawing")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._theme = theme
        self._layout: BlockLayout | None = None
        theme.changed.connect(self.update)

    def set_layout(self, layout: BlockLayout | None) -> None:
        """Draw another type; None draws nothing."""
        self._layout = layout
        if layout is not None:
            words = "; ".join(f"{f.label}, {bytes_in_words(f.bytes)}" for f in layout.fields)
            self.setAccessibleName(tr("Block of {type}", type=layout.type))
            self.setAccessibleDescription(words)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """A bar and a line per field."""
        rows = len(self._layout.fields) if self._layout else 0
        return QSize(300, _BAR + 8 + rows * _ROW)

    def minimumSizeHint(self) -> QSize:
        """As high as needed, narrower if it must be."""
        return QSize(160, self.sizeHint().height())

    def field_rects(self) -> list[tuple[BlockField, QRectF]]:
        """Each field and its stretch of the bar, in widget coordinates."""
        if self._layout is None:
            return []
        fields = self._layout.fields
        free = self.width() - 1 - _SMALLEST * len(fields)
        left, rects = 0.5, []
        for field in fields:
            width = _SMALLEST + free * field.bytes / self._layout.bytes
            rects.append((field, QRectF(left, 0.5, width, _BAR)))
            left += width
        return rects

    def paintEvent(self, event: QPaintEvent) -> None:
        """The bar, then its legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = QFont(self.font())
        small.setPixelSize(11)
        painter.setFont(small)
        for number, (field, rect) in enumerate(self.field_rects()):
            self._paint_field(painter, field, rect, _SIGNS[number])
            row = QRectF(0, _BAR + 8 + number * _ROW, self.width(), _ROW)
            painter.setPen(self._theme.color("text"))
            name = f"{_SIGNS[number]} {field.label}"
            size = bytes_in_words(field.bytes)
            room = int(row.width()) - painter.fontMetrics().horizontalAdvance(size) - 8
            elided = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
            painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)
            painter.setPen(self._theme.color("text_muted"))
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, size)

    def _paint_field(self, painter: QPainter, field: BlockField, rect: QRectF, sign: str) -> None:
        color = self._theme.color(_TOKENS[field.kind])
        fill = self._theme.color(_TOKENS[field.kind])
        fill.setAlpha(80)
        painter.setPen(QPen(color, 1.0))
        painter.setBrush(fill)
        painter.drawRect(rect)
        painter.setPen(self._theme.color("text"))
        wide = painter.fontMetrics().horizontalAdvance(field.label) + 22 < rect.width()
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, f"{sign} {field.label}" if wide else sign)

    def event(self, event: QEvent) -> bool:
        """The tooltip explains the field below the mouse, in the bar or in the list."""
        if isinstance(event, QHelpEvent):
            for number, (field, rect) in enumerate(self.field_rects()):
                row = QRectF(0, _BAR + 8 + number * _ROW, self.width(), _ROW)
                if rect.contains(event.pos()) or row.contains(event.pos()):
                    QToolTip.showText(event.globalPos(), f"{field.label}: {field.meaning}", self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)
