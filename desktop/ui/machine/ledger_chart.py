"""Predicted against measured: a cloud of points on equal logarithmic axes, with the diagonal and a band around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.core.text import plain_tooltip
from desktop.core.words import counted, tr
from desktop.services.planning.ledger import ComparedRun
from desktop.ui.machine.actions import LEDGER_KEYS
from desktop.ui.shell.keys import answer
from desktop.ui.shell.theme import Theme

BAND = 0.10  # drawn around the diagonal, and where a point changes its shape
_REACH = 9.0  # pixels around a point within which the pointer means it
_RADIUS = 4.0
_SHADE = 0.22  # of the band
_LABEL_PIXELS = 11
_LEFT, _BOTTOM, _TOP, _RIGHT = 58, 34, 8, 10
_LEAST_SPAN = 0.35  # decades: one point alone is not blown up to fill the chart


class LedgerChart(QWidget):
    """Painted by hand; a point is told by the pointer or the arrow keys, the whole by the accessible description."""

    def __init__(
        self,
        theme: Theme,
        name: str,
        title: str,
        words: Callable[[float], str],
        mark: Callable[[float], str],
        parent: QWidget | None = None,
    ) -> None:
        """``words`` writes a value with its unit, ``mark`` a round one shortly; ``name`` is the object's name."""
        super().__init__(parent)
        self._theme, self._words, self._mark = theme, words, mark
        self._points: tuple[ComparedRun, ...] = ()
        self._chosen: int | None = None
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.set_points(())

    def sizeHint(self) -> QSize:
        """Nearly square, so that the diagonal looks like one."""
        return QSize(300, 230)

    @property
    def points(self) -> tuple[ComparedRun, ...]:
        """What is drawn, newest first."""
        return self._points

    @property
    def chosen(self) -> ComparedRun | None:
        """The point told now."""
        return self._points[self._chosen] if self._chosen is not None else None

    def set_points(self, points: Sequence[ComparedRun]) -> None:
        """Replace the cloud; values of zero or less are left out, as a logarithm has no place for them."""
        self._points = tuple(point for point in points if point.predicted > 0 and point.measured > 0)
        self._chosen = None
        count = len(self._points)
        self.setAccessibleDescription(
            tr("{runs}; the arrow keys go through them.", runs=counted(count, "run")) if count else tr("No run yet.")
        )
        self.update()

    def describe(self, point: ComparedRun) -> str:
        """A point in words."""
        off = point.measured / point.predicted - 1
        side = (
            tr("as predicted")
            if abs(off) < 0.005
            else tr("{off:.0%} more than predicted" if off > 0 else "{off:.0%} less than predicted", off=abs(off))
        )
        return tr(
            "{title}\npredicted {predicted}, measured {measured} ({side})\n{detail}",
            title=point.title,
            predicted=self._words(point.predicted),
            measured=self._words(point.measured),
            side=side,
            detail=point.detail,
        )

    def place(self, point: ComparedRun) -> QPointF:
        """Where a point is drawn: predicted to the right, measured upwards."""
        area, (low, high) = self._area(), self._range()
        across = (math.log10(point.predicted) - low) / (high - low)
        up = (math.log10(point.measured) - low) / (high - low)
        return QPointF(area.left() + across * area.width(), area.bottom() - up * area.height())

    # -- input -----------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the point under the pointer."""
        self._choose(self._nearest(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right go through the runs by age."""
        step = answer(event, LEDGER_KEYS)
        if step is None or not self._points:
            super().keyPressEvent(event)
            return
        at = 0 if self._chosen is None else (self._chosen + step) % len(self._points)
        self._choose(at)
        point = self._points[at]
        QToolTip.showText(self.mapToGlobal(self.place(point).toPoint()), plain_tooltip(self.describe(point)), self)
        self.setAccessibleDescription(self.describe(point))

    def event(self, event: QEvent) -> bool:
        """A tooltip for the point under the pointer only."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self._nearest(QPointF(event.pos()))
            if found is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), plain_tooltip(self.describe(self._points[found])), self)
            return True
        return super().event(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is told without a pointer."""
        self._choose(None)
        super().leaveEvent(event)

    def _choose(self, index: int | None) -> None:
        if index != self._chosen:
            self._chosen = index
            self.update()

    def _nearest(self, where: QPointF) -> int | None:
        distances = [
            (math.hypot(*(self.place(point) - where).toTuple()), index) for index, point in enumerate(self._points)
        ]
        near = min(distances, default=(_REACH + 1, 0))
        return near[1] if near[0] <= _REACH else None

    # -- painting --------------------------------------------------------------------------------

    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)

    def _range(self) -> tuple[float, float]:
        """Decades of both axes."""
        logs = [math.log10(value) for point in self._points for value in (point.predicted, point.measured)] or [0, 2]
        low, high = min(logs), max(logs)
        spare = max(0.08, (_LEAST_SPAN - (high - low)) / 2)
        return low - spare, high + spare

    def paintEvent(self, event: QPaintEvent) -> None:
        """Band, diagonal, marks, points; older ones paler."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(_LABEL_PIXELS)
        painter.setFont(font)
        area = self._area()
        painter.fillRect(area, self._theme.color("surface"))
        self._paint_band(painter, area)
        self._paint_axes(painter, area)
        for index in reversed(range(len(self._points))):
            self._paint_point(painter, self._points[index], index)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _paint_band(self, painter: QPainter, area: QRectF) -> None:
        low, high = self._range()
        shift = math.log10(1 + BAND) / (high - low) * area.height()
        painter.save()
        painter.setClipRect(area)
        band = QPolygonF(
            [
                area.bottomLeft() + QPointF(0, shift),
                area.topRight() + QPointF(0, shift),
                area.topRight() - QPointF(0, shift),
                area.bottomLeft() - QPointF(0, shift),
            ]
        )
        painter.setPen(Qt.PenStyle.NoPen)
        shade = QColor(self._theme.color("good"))
        shade.setAlphaF(_SHADE)
        painter.setBrush(shade)
        painter.drawPolygon(band)
        painter.setPen(QPen(self._theme.color("text_muted"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(area.bottomLeft(), area.topRight())
        painter.restore()

    def _paint_axes(self, painter: QPainter, area: QRectF) -> None:
        low, high = self._range()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._theme.color("border"), 1))
        painter.drawRect(area)
        line = _LABEL_PIXELS + 4
        for value in _marks(low, high):
            part = (math.log10(value) - low) / (high - low)
            x, y = area.left() + part * area.width(), area.bottom() - part * area.height()
            painter.setPen(QPen(self._theme.color("border"), 1))
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
            painter.drawLine(QPointF(area.left() - 3, y), QPointF(area.left(), y))
            painter.setPen(self._theme.color("text_muted"))
            text = self._mark(value)
            painter.drawText(QRectF(x - 40, area.bottom() + 3, 80, line), Qt.AlignmentFlag.AlignCenter, text)
            side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, y - line / 2, area.left() - 5, line), side, text)
        painter.setPen(self._theme.color("text_muted"))
        below = QRectF(area.left(), self.height() - line, area.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, tr("predicted →"))
        painter.drawText(area.adjusted(6, 4, 0, 0), Qt.AlignmentFlag.AlignLeft, tr("↑ measured"))

    def _paint_point(self, painter: QPainter, point: ComparedRun, index: int) -> None:
        within = abs(math.log(point.measured / point.predicted)) <= math.log(1 + BAND)
        colour = QColor(self._theme.color("good" if within else "warn"))
        if index != self._chosen:
            colour.setAlphaF(1.0 if index == 0 else 0.65)
        radius = _RADIUS + (2 if index == self._chosen else 0)
        where = self.place(point)
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(colour if within else Qt.BrushStyle.NoBrush)
        if within:
            painter.drawEllipse(where, radius, radius)
            return
        steps = (QPointF(0, -radius), QPointF(radius, 0), QPointF(0, radius), QPointF(-radius, 0))
        painter.drawPolygon(QPolygonF([where + step for step in steps]))


def _marks(low: float, high: float) -> list[float]:
    """Round values between two decades, at most about five."""
    for steps in ((1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        round_values = [step * 10.0**decade for decade in range(math.floor(low), math.ceil(high) + 1) for step in steps]
        found = [value for value in round_values if low <= math.log10(value) <= high]
        if len(found) <= 5:
            break
    return found
