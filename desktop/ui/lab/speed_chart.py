"""Measured speeds as bars, with their spread and what was predicted. Its twin is the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.core.words import tr
from desktop.ui.shell.theme import Theme

_ROW, _PIXELS, _RIGHT = 24, 11, 64


@dataclass(frozen=True)
class Bar:
    """Tokens per second: median, lowest, highest; ``predicted`` 0 for none. ``own`` is false for other people's."""

    words: str
    median: float
    low: float
    high: float
    predicted: float = 0.0
    own: bool = True


class SpeedChart(QWidget):
    """Reading and writing have scales of their own: they differ too much for one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._bars: tuple[tuple[Bar, float], ...] = ()
        self.setObjectName("labSpeedChart")
        self.setAccessibleName(tr("Tokens per second, measured"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_bars(self, groups: Sequence[Sequence[Bar]]) -> None:
        """Groups below each other; each has its own scale."""
        scaled = []
        for group in groups:
            most = max((max(bar.high, bar.predicted) for bar in group), default=0.0) or 1.0
            scaled += [(bar, most) for bar in group]
        self._bars = tuple(scaled)
        words = (f"{bar.words}: {bar.median:.1f}" for bar, _ in self._bars)
        self.setAccessibleDescription(". ".join(words))
        self.setVisible(bool(scaled))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """A line for each bar."""
        return QSize(420, 8 + _ROW * len(self._bars))

    def minimumSizeHint(self) -> QSize:
        """As high as it is."""
        return QSize(240, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Names on the left, bars, medians behind them."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(_PIXELS)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        left = min(self.width() * 0.45, max((metrics.horizontalAdvance(bar.words) for bar, _ in self._bars), default=0))
        room = max(20.0, self.width() - left - 10 - _RIGHT)
        for number, (bar, most) in enumerate(self._bars):
            top = 4.0 + number * _ROW
            middle = top + _ROW / 2
            painter.setPen(QPen(self._theme.color("text")))
            name = metrics.elidedText(bar.words, Qt.TextElideMode.ElideMiddle, left)
            painter.drawText(QRectF(0, top, left, _ROW), Qt.AlignmentFlag.AlignVCenter, name)
            colour = self._theme.color("accent" if bar.own else "text_muted")
            painter.fillRect(QRectF(left + 10, top + 5, bar.median / most * room, _ROW - 10), colour)
            painter.setPen(QPen(self._theme.color("text"), 2))
            painter.drawLine(
                QPointF(left + 10 + bar.low / most * room, middle), QPointF(left + 10 + bar.high / most * room, middle)
            )
            if bar.predicted:
                painter.setPen(QPen(self._theme.color("warn"), 2))
                at = left + 10 + bar.predicted / most * room
                painter.drawLine(QPointF(at, top + 3), QPointF(at, top + _ROW - 3))
            painter.setPen(QPen(self._theme.color("text")))
            words = QRectF(left + 16 + max(bar.high, bar.predicted) / most * room, top, _RIGHT, _ROW)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, f"{bar.median:.1f}")
        painter.end()
