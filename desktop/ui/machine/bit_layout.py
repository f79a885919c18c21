"""The bits of a number format, drawn: sign, exponent, mantissa, and the scale a block shares."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.core.number_formats import BitPart, NumberFormat
from desktop.core.words import tr
from desktop.ui.shell.theme import Theme

_TOKENS = {
    "sign": "series_7",
    "exponent": "series_2",
    "mantissa": "series_1",
    "value": "series_1",
    "scale": "series_3",
}
_CELL_HEIGHT = 30
_LABEL_ROOM = 22
_SCALE_GAP = 26  # room for the "+" between an element and its block's scale
_WIDEST_CELL = 40
_MARGIN = 1


def layout_in_words(number: NumberFormat) -> str:
    """The drawing as a sentence: ``1 sign, 4 exponent, 3 mantissa bits``."""
    own = [part for part in number.parts if part.name != "scale"]
    text = ", ".join(f"{part.bits} {part.name}" for part in own) + " bits"
    if number.scale_bits:
        text += tr(
            "; each {block_size} share a scale of {scale_bits} bits ({scale_format})",
            block_size=number.block_size,
            scale_bits=number.scale_bits,
            scale_format=number.scale_format,
        )
    return text


class BitLayout(QWidget):
    """One cell per bit, the most significant at the left; each run is named below and coloured by its meaning."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("machineBitLayout")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._theme = theme
        self._number: NumberFormat | None = None
        theme.changed.connect(self.update)

    def set_format(self, number: NumberFormat | None) -> None:
        """Draw another format; None draws nothing."""
        self._number = number
        words = layout_in_words(number) if number else ""
        self.setAccessibleName(tr("Bit layout of {name}", name=number.name) if number else tr("Bit layout"))
        self.setAccessibleDescription(words)
        self.setToolTip(words)
        self.update()

    def sizeHint(self) -> QSize:
        """Fixed height; any width does, the cells adapt."""
        return QSize(320, _CELL_HEIGHT + _LABEL_ROOM + 2 * _MARGIN)

    def minimumSizeHint(self) -> QSize:
        """Narrow cells are still cells."""
        return QSize(200, self.sizeHint().height())

    def part_rects(self) -> list[tuple[BitPart, QRectF]]:
        """Each run of bits and where it is drawn, in widget coordinates."""
        if self._number is None:
            return []
        parts = self._number.parts
        cells = sum(part.bits for part in parts)
        gap = _SCALE_GAP if self._number.scale_bits else 0
        width = min(_WIDEST_CELL, (self.width() - 2 * _MARGIN - gap) / cells)
        left = float(_MARGIN)
        rects = []
        for part in parts:
            if part.name == "scale":
                left += gap
            rects.append((part, QRectF(left, _MARGIN, width * part.bits, _CELL_HEIGHT)))
            left += width * part.bits
        return rects

    def paintEvent(self, event: QPaintEvent) -> None:
        """Fill the runs, divide them into bits, and name them."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = QFont(self.font())
        small.setPixelSize(11)
        painter.setFont(small)
        free = 0.0  # where the last label ended: narrow runs push theirs to the right
        for part, rect in self.part_rects():
            self._paint_run(painter, part, rect)
            free = self._paint_label(painter, part, rect, free)

    def _paint_run(self, painter: QPainter, part: BitPart, rect: QRectF) -> None:
        color = self._theme.color(_TOKENS[part.name])
        fill = self._theme.color(_TOKENS[part.name])
        fill.setAlpha(70)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRect(rect)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if part.name == "scale":
            painter.setPen(self._theme.color("text_muted"))
            plus = QRectF(rect.left() - _SCALE_GAP, rect.top(), _SCALE_GAP, rect.height())
            painter.drawText(plus, Qt.AlignmentFlag.AlignCenter, "+")
        painter.setPen(QPen(color, 1.0))
        step = rect.width() / part.bits
        for bit in range(1, part.bits):
            x = rect.left() + bit * step
            painter.drawLine(QLineF(x, rect.top(), x, rect.bottom()))
        painter.setPen(QPen(color, 1.6))
        painter.drawRect(rect)

    def _paint_label(self, painter: QPainter, part: BitPart, rect: QRectF, free: float) -> float:
        name = f"{part.name} {part.bits}"
        if part.name == "scale" and self._number is not None:
            name = tr("scale {bits} for {block_size}", bits=part.bits, block_size=self._number.block_size)
        width = painter.fontMetrics().horizontalAdvance(name)
        left = max(free, rect.center().x() - width / 2, 0.0)
        left = max(free, min(left, self.width() - width))
        painter.setPen(self._theme.color("text"))
        label = QRectF(left, rect.bottom() + 3, width + 1, _LABEL_ROOM - 3)
        painter.drawText(label, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        return left + width + 8
