"""File size, or speed, against measured KL divergence: a point per variant, all measured on one text. Its twin is the
table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.store.measurements import Measurement
from desktop.ui.shell.theme import Theme

Axis = Literal["size", "speed"]
HEIGHT = 190
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 26, 90, 34
_LABEL_PIXELS = 11
_RADIUS = 5.0
_PER_SIZE = 80  # pixels for a size on the axis


class LossChart(QWidget):
    """Painted by hand; divergence on a logarithmic axis, less of it further down."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown: tuple[Measurement, ...] = ()
        self._across: dict[int, float] = {}  # bytes or tokens per second, by id of what is shown
        self._axis: Axis = "size"
        self.setObjectName("labChart")
        self.setAccessibleName(tr("Size and loss of the variants that were measured here"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(420, HEIGHT)

    def set_measurements(
        self, found: Sequence[Measurement], text: str, rates: Mapping[str, float] | None = None
    ) -> None:
        """Draw those that can be drawn; ``text`` is the name of the one they were all measured on.

        With ``rates``, tokens per second by digest, the axis is speed, and what has none is left out."""
        self._axis = "size" if rates is None else "speed"
        known = rates or {}
        self._shown = tuple(one for one in found if drawable(one) and (rates is None or known.get(one.model, 0.0) > 0))
        self._across = {id(one): float(one.size_bytes) if rates is None else known[one.model] for one in self._shown}
        what = tr("Size") if rates is None else tr("Speed")
        self.setAccessibleName(
            tr("{what} and loss of the variants that were measured here on {text}", what=what, text=text)
        )
        self.setVisible(bool(self._shown))
        self.setAccessibleDescription(". ".join(map(self._words, self._shown)))
        self.update()

    @property
    def _largest(self) -> float:
        """Bytes, or tokens per second, at the end of the axis."""
        return max(self._across.values()) * 1.05

    def sizes(self) -> tuple[float, ...]:
        """What the axis names, in bytes or tokens per second: round steps from 0, as many as have room."""
        room = max(1, int((self.width() - _LEFT - _RIGHT) / _PER_SIZE))
        least = self._largest / room
        power = 10.0 ** math.floor(math.log10(least))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
        return tuple(number * step for number in range(int(self._largest / step) + 1))

    def _named(self, across: float) -> str:
        return human_bytes(round(across)) if self._axis == "size" else f"{across:.4g}"

    def _words(self, one: Measurement) -> str:
        across = self._named(self._across[id(one)]) + (tr(" tokens per second") if self._axis == "speed" else "")
        return tr("{name}: {across}, KL divergence {one:.3g}", name=one.name, across=across, one=_kld(one))

    def place(self, one: Measurement) -> QPointF:
        """Where a point is drawn."""
        area = QRectF(_LEFT, _TOP, self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM)
        logs = [math.log10(_kld(other)) for other in self._shown]
        low, high = min(logs) - 0.15, max(logs) + 0.15
        up = (math.log10(_kld(one)) - low) / (high - low)
        return QPointF(
            area.left() + self._across[id(one)] / self._largest * area.width(), area.bottom() - up * area.height()
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Axes, their words, points with their names."""
        if not self._shown:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(_LABEL_PIXELS)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        left, bottom, right = _LEFT, self.height() - _BOTTOM, self.width() - _RIGHT
        painter.setPen(QPen(self._theme.color("border")))
        painter.drawLine(QPointF(left, _TOP), QPointF(left, bottom))
        painter.drawLine(QPointF(left, bottom), QPointF(right, bottom))
        painter.setPen(QPen(self._theme.color("text_muted")))
        painter.drawText(QPointF(4, _TOP - 8), tr("KL divergence ↑"))
        title = tr("file size →") if self._axis == "size" else tr("tokens per second, predicted →")
        painter.drawText(QPointF(self.width() - 4 - metrics.horizontalAdvance(title), bottom + 30), title)
        for size in self.sizes():
            across, words = left + size / self._largest * (right - left), self._named(size)
            painter.drawLine(QPointF(across, bottom), QPointF(across, bottom + 4))
            painter.drawText(QPointF(across - metrics.horizontalAdvance(words) / 2, bottom + 16), words)
        values = sorted({_kld(one) for one in self._shown})
        for value in dict.fromkeys((values[0], values[-1])):
            at = self.place(next(one for one in self._shown if _kld(one) == value))
            words = f"{value:.2g}"
            painter.drawText(QPointF(left - 6 - metrics.horizontalAdvance(words), at.y() + 4), words)
        for one in self._shown:
            at = self.place(one)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent"))
            painter.drawEllipse(at, _RADIUS, _RADIUS)
            painter.setPen(QPen(self._theme.color("text")))
            painter.drawText(QPointF(at.x() + _RADIUS + 4, at.y() + 4), one.quantization or one.name[:12])
        painter.end()


def drawable(one: Measurement) -> bool:
    """Whether there is a distance above 0, which has a place on a logarithmic axis."""
    return one.distance is not None and one.distance.kld.value > 0


def _kld(one: Measurement) -> float:
    assert one.distance is not None
    return one.distance.kld.value
