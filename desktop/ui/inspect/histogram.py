"""A tensor's values as a histogram, with its figures as words for those who do not see it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QLineF, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.core.words import tr
from desktop.services.inspect.tensor_numbers import Summary
from desktop.ui.shell.theme import Theme

_HEIGHT = 132
_AXIS = 18  # room for the numbers below
_GAP = 1.0
_ZERO = 10  # pixels that the zero keeps from the ends' numbers


def figure(number: float) -> str:
    """A value in three or four digits, with a true minus."""
    return f"{number:.4g}".replace("-", "−")


class Histogram(QWidget):
    """Bars of equal width from ``low`` to ``high``; hovering a bar tells its range and count."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectHistogram")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self._theme = theme
        self._summary: Summary | None = None
        self._hovered = -1
        theme.changed.connect(self.update)

    def set_summary(self, summary: Summary | None) -> None:
        """Draw another tensor; None draws nothing."""
        self._summary = summary
        self._hovered = -1
        self.setAccessibleName(tr("Histogram of the values"))
        if summary is not None and any(summary.bins):
            tallest = max(range(len(summary.bins)), key=lambda i: summary.bins[i])
            self.setAccessibleDescription(
                tr(
                    "{bins} bars from {low} to {high}; most values lie at {tallest}; all lie from "
                    "{minimum} to {maximum}",
                    bins=len(summary.bins),
                    low=figure(summary.low),
                    high=figure(summary.high),
                    tallest=self._range(tallest),
                    minimum=figure(summary.minimum),
                    maximum=figure(summary.maximum),
                )
            )
        self.update()

    @property
    def ends(self) -> tuple[str, str]:
        """What stands below the bars, left and right: where these end, and the least and largest value beyond that."""
        summary = self._summary
        if summary is None:
            return "", ""
        low, high = figure(summary.low), figure(summary.high)
        least, largest = figure(summary.minimum), figure(summary.maximum)
        return low if low == least else tr(
            "{low} (min {least})", low=low, least=least
        ), high if high == largest else tr("(max {largest}) {high}", largest=largest, high=high)

    def sizeHint(self) -> QSize:
        """Fixed height, any width."""
        return QSize(300, _HEIGHT + _AXIS)

    def bar_rects(self) -> list[QRectF]:
        """Where each bar is drawn, in widget coordinates; a bin with any value is at least one pixel high."""
        if self._summary is None or not any(self._summary.bins):
            return []
        bins = self._summary.bins
        top, step = max(bins), self.width() / len(bins)
        rects = []
        for number, count in enumerate(bins):
            height = max(1.0, count / top * (_HEIGHT - 4)) if count else 0.0
            rects.append(QRectF(number * step, _HEIGHT - height, max(1.0, step - _GAP), height))
        return rects

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars, base line, and the ends of the range."""
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        for number, rect in enumerate(self.bar_rects()):
            painter.setBrush(self._theme.color("accent_hover" if number == self._hovered else "series_1"))
            painter.drawRect(rect)
        painter.setPen(self._theme.color("border"))
        painter.drawLine(QLineF(0, _HEIGHT, self.width(), _HEIGHT))
        if self._summary is None or not any(self._summary.bins):
            return
        small = QFont(self.font())
        small.setPixelSize(11)
        painter.setFont(small)
        painter.setPen(self._theme.color("text_muted"))
        below = QRectF(0, _HEIGHT + 2, self.width(), _AXIS - 2)
        first, last = self.ends
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, first)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, last)
        if self._summary.low < 0 < self._summary.high:
            x = self.width() * -self._summary.low / (self._summary.high - self._summary.low)
            painter.drawLine(QLineF(x, _HEIGHT, x, _HEIGHT + 4))
            left, right = (painter.fontMetrics().horizontalAdvance(words) + _ZERO for words in (first, last))
            if left < x < self.width() - right:
                painter.drawText(QRectF(x - 20, _HEIGHT + 2, 40, _AXIS - 2), Qt.AlignmentFlag.AlignHCenter, "0")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the bar below the mouse and tell its figures."""
        self._hover(event.position().x(), event.globalPosition().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        """No bar is marked any more."""
        self._hovered = -1
        self.update()

    def event(self, event: QEvent) -> bool:
        """The tooltip is that of the bar below the mouse."""
        if isinstance(event, QHelpEvent):
            self._hover(float(event.pos().x()), event.globalPos())
            return True
        return super().event(event)

    def _hover(self, x: float, where: QPoint) -> None:
        if self._summary is None or not any(self._summary.bins):
            return
        count = len(self._summary.bins)
        self._hovered = min(count - 1, max(0, int(x / max(1, self.width()) * count)))
        QToolTip.showText(
            where,
            tr(
                "{hovered}: {bins:,} values", hovered=self._range(self._hovered), bins=self._summary.bins[self._hovered]
            ),
            self,
        )
        self.update()

    def _range(self, number: int) -> str:
        assert self._summary is not None
        width = (self._summary.high - self._summary.low) / len(self._summary.bins)
        start = self._summary.low + number * width
        return tr("{start} to {start2}", start=figure(start), start2=figure(start + width))
