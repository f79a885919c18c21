"""How often each value is, before and after; two lines that are dragged clip what lies beyond them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.core.number_lab.pictures import histogram
from desktop.core.words import tr
from desktop.ui.shell.theme import Theme

BINS = 61
_HEIGHT, _AXIS, _HEAD = 130, 18, 16
_NEAR = 8  # pixels around a line in which it is taken
_STEP = 0.02  # of the range, for a key


class ClipHistogram(QWidget):
    """Bars are the numbers as they were, ticks below the base line the values that come back."""

    clip_dragged = Signal(float)  # the magnitude beyond which is clipped

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("labHistogram")
        self.setAccessibleName(tr("How often each number is; the arrow keys move the clip"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._theme = theme
        self._bins: tuple[int, ...] = ()
        self._back: tuple[int, ...] = ()
        self._reach = 0.0  # the largest magnitude: the picture goes from its negative to it
        self._clip: float | None = None
        self._dragged = False
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Fixed height, any width."""
        return QSize(320, _HEAD + 2 * _HEIGHT // 2 + _AXIS)

    def show_numbers(self, values: Sequence[float], back: Sequence[float], clip: float | None) -> None:
        """Draw these; ``clip`` is the magnitude beyond which is clipped, None where nothing can be."""
        self._reach = max((abs(value) for value in values), default=0.0)
        self._bins = histogram(values, -self._reach, self._reach, BINS) if values else ()
        self._back = histogram(back, -self._reach, self._reach, BINS) if back else ()
        if not self._dragged:
            self._clip = clip
        least, largest = (min(values), max(values)) if values else (0.0, 0.0)
        clipped = "" if clip is None else tr("; what lies beyond {clip:.4g} is clipped", clip=clip)
        self.setAccessibleDescription(
            tr(
                "{values:,} numbers from {least:.4g} to {largest:.4g}{clipped}",
                values=len(values),
                least=least,
                largest=largest,
                clipped=clipped,
            )
        )
        self.update()

    def clip_places(self) -> tuple[float, float] | None:
        """Where the two lines stand, in pixels from the left; None where nothing can be clipped."""
        if self._clip is None or not self._reach:
            return None
        return self._x(-self._clip), self._x(self._clip)

    def _x(self, value: float) -> float:
        return (value / self._reach + 1) / 2 * (self.width() - 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars, what comes back, ends, and the clip."""
        painter = QPainter(self)
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        theme, base = self._theme, float(_HEAD + _HEIGHT // 2)
        step = self.width() / BINS
        for bins, token, up in ((self._bins, "series_1", True), (self._back, "series_2", False)):
            top = max(bins, default=0)
            for number, count in enumerate(bins):
                if count:
                    high = max(1.0, count / top * (_HEIGHT // 2 - 2))
                    where = QRectF(number * step, base - high if up else base + 1, max(1.0, step - 1), high)
                    painter.fillRect(where, theme.color(token))
        painter.setPen(theme.color("text_muted"))
        painter.drawText(QPointF(0, 11), tr("as it is, above; as it comes back, below"))
        painter.setPen(theme.color("border"))
        painter.drawLine(QLineF(0, base, self.width(), base))
        if not self._bins:
            return
        painter.setPen(theme.color("text_muted"))
        below = QRectF(0, base + _HEIGHT // 2 + 2, self.width(), _AXIS - 2)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, f"{-self._reach:.4g}".replace("-", "−"))
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{self._reach:.4g}")
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "0")
        if (places := self.clip_places()) is not None:
            painter.setPen(QPen(theme.color("warn"), 2, Qt.PenStyle.DashLine))
            for x in places:
                painter.drawLine(QLineF(x, _HEAD, x, base + _HEIGHT // 2))
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRect(QRectF(0.5, 0.5, self.width() - 1.5, self.height() - 1.5))

    # -- dragging --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the nearer line."""
        places = self.clip_places()
        if event.button() == Qt.MouseButton.LeftButton and places is not None:
            self._dragged = True
            self._drag(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The line follows; near one the pointer says that it can be taken."""
        x = event.position().x()
        if self._dragged:
            self._drag(x)
            return
        near = any(abs(x - place) < _NEAR for place in self.clip_places() or ())
        self.setCursor(Qt.CursorShape.SizeHorCursor if near else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """There it stays."""
        self._dragged = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right move both lines, a fiftieth of the way."""
        ways = {Qt.Key.Key_Left: -_STEP, Qt.Key.Key_Right: _STEP}
        way = ways.get(Qt.Key(event.key()))
        if way is None or self._clip is None:
            super().keyPressEvent(event)
            return
        self._set_clip(self._clip + way * self._reach)

    def _drag(self, x: float) -> None:
        self._set_clip(abs(x / max(1, self.width() - 1) * 2 - 1) * self._reach)

    def _set_clip(self, clip: float) -> None:
        self._clip = min(self._reach, max(self._reach * _STEP, clip))
        self.update()
        self.clip_dragged.emit(self._clip)
