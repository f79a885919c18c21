"""The line of tokens per second over the last minute of writing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.core.words import tr
from desktop.ui.shell.theme import Theme

WINDOW_SECONDS = 60.0
REPAINT_MS = 100  # ten times a second: the line moves smoothly and costs next to nothing
SPACING_SECONDS = 0.1  # samples closer than this replace each other
GAP_SECONDS = 2.0  # a pause between answers is a gap in the line
_LABEL_PIXELS = 11


class RateChart(QWidget):
    """Painted by hand; the same figures are its accessible description and tooltip (:meth:`describe`).

    Time runs only while samples come, so an idle chart keeps its line and needs no timer.
    """

    def __init__(
        self, theme: Theme, clock: Callable[[], float] = time.monotonic, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._clock = clock
        self._samples: deque[tuple[float, float]] = deque()  # seconds, tokens per second
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.setInterval(REPAINT_MS)
        self._repaint.timeout.connect(self._refresh)
        self.setObjectName("rateChart")
        self.setAccessibleName(tr("Tokens per second"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self._refresh()

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(240, 64)

    def add(self, tokens_per_second: float) -> None:
        """One measured rate, now."""
        now = self._clock()
        if self._samples and now - self._samples[-1][0] < SPACING_SECONDS and len(self._samples) > 1:
            self._samples[-1] = (self._samples[-1][0], tokens_per_second)
        else:
            self._samples.append((now, tokens_per_second))
        while now - self._samples[0][0] > WINDOW_SECONDS:
            self._samples.popleft()
        if not self._repaint.isActive():
            self._repaint.start()

    def clear(self) -> None:
        """Forget the line (another model was loaded)."""
        self._samples.clear()
        self._repaint.stop()
        self._refresh()

    @property
    def samples(self) -> tuple[tuple[float, float], ...]:
        """(age in seconds, tokens per second) of what is drawn, oldest first."""
        newest = self._samples[-1][0] if self._samples else 0.0
        return tuple((newest - at, rate) for at, rate in self._samples)

    def describe(self) -> str:
        """The chart in words."""
        if not self._samples:
            return tr("No answer was written yet.")
        rates = [rate for _, rate in self._samples]
        mean = sum(rates) / len(rates)
        seconds = self._samples[-1][0] - self._samples[0][0]
        return tr(
            "Tokens per second over {seconds:.0f} s: last {rates:.1f}, mean {mean:.1f}, lowest "
            "{rates2:.1f}, highest {rates3:.1f}.",
            seconds=seconds,
            rates=rates[-1],
            mean=mean,
            rates2=min(rates),
            rates3=max(rates),
        )

    def _refresh(self) -> None:
        text = self.describe()
        self.setAccessibleDescription(text)
        self.setToolTip(text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Base line, the top of the scale in words, and the line itself."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(_LABEL_PIXELS)
        painter.setFont(font)
        area = QRectF(self.rect()).adjusted(0, _LABEL_PIXELS + 5, -1, -2)
        painter.setPen(QPen(self._theme.color("border"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(self._theme.color("text_muted"))
        top = QRectF(0, 0, self.width(), _LABEL_PIXELS + 4)
        if not self._samples:
            painter.drawText(top, Qt.AlignmentFlag.AlignLeft, tr("tokens per second appear here"))
            painter.end()
            return
        ceiling = _round_up(max(rate for _, rate in self._samples))
        painter.drawText(top, Qt.AlignmentFlag.AlignLeft, tr("{ceiling:g} tok/s", ceiling=ceiling))
        painter.drawText(top, Qt.AlignmentFlag.AlignRight, tr("last 60 s"))
        painter.setPen(QPen(self._theme.color("accent"), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for line in self._lines(area, ceiling):
            if line.size() == 1:
                painter.drawPoint(line.at(0))
            else:
                painter.drawPolyline(line)
        painter.end()

    def _lines(self, area: QRectF, ceiling: float) -> list[QPolygonF]:
        newest = self._samples[-1][0]
        lines: list[QPolygonF] = []
        before: float | None = None
        for at, rate in self._samples:
            if before is None or at - before > GAP_SECONDS:
                lines.append(QPolygonF())
            x = area.right() - (newest - at) / WINDOW_SECONDS * area.width()
            lines[-1].append(QPointF(x, area.bottom() - 1 - rate / ceiling * (area.height() - 2)))
            before = at
        return lines


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... so that the scale seldom changes."""
    scale = 1.0
    while True:
        for step in (1.0, 2.0, 5.0):
            if value <= step * scale:
                return step * scale
        scale *= 10
