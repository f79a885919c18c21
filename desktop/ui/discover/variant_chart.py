"""Memory against quality: one point per variant, the machine's limits, the recommended one marked."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.core.placement import Placement
from desktop.core.text import plain_tooltip
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.discover.picker_records import ModelGroup, View
from desktop.services.discover.picker_words import context_words, loss, names_in, where
from desktop.services.planning.words import speed
from desktop.ui.discover.actions import CHART_KEYS
from desktop.ui.discover.variant_chart_layout import ChartLayout, VariantMark, lay_out, limit_labels
from desktop.ui.shell.keys import answer
from desktop.ui.shell.theme import Theme

HEIGHT = 178
_LEFT, _TOP, _RIGHT, _BOTTOM = 58, 22, 14, 34
_LABEL_PIXELS = 11
_REACH = 14.0  # pixels around a point in which the mouse means it
_TOKENS: dict[Placement, str] = {
    "gpu": "good",
    "experts-in-ram": "warn",
    "partial": "warn",
    "cpu": "good",
    "too-large": "bad",
}


class VariantChart(QWidget):
    """Painted by hand; its twin is the table. Click or arrow keys choose a variant.

    Of several models one is drawn: the losses of two cannot be compared.
    """

    chosen = Signal(int)  # number of the row

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._view: View | None = None
        self._group: ModelGroup | None = None
        self._layout: ChartLayout | None = None
        self._hovered = -1
        self._selected = -1
        self.setObjectName("variantChart")
        self.setAccessibleName(tr("Memory and quality of the variants"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._font = QFont(self.font())
        self._font.setPixelSize(_LABEL_PIXELS)
        self._bold = QFont(self._font)
        self._bold.setWeight(QFont.Weight.DemiBold)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(560, HEIGHT)

    def set_view(self, view: View | None, group: ModelGroup | None = None) -> None:
        """Draw one of a view's models, the one to take where none is named."""
        self._view = view
        self._group = group or (view.group if view else None)
        most = max((len(one.rows) for one in view.groups), default=0) if view else 0
        self.setVisible(most != 1)  # one point compares nothing: table and reasons say it all
        self._lay_out()

    def select(self, row: int) -> None:
        """Ring one point without telling."""
        self._selected = row
        self.update()

    @property
    def chart_layout(self) -> ChartLayout | None:
        """Points and limits as they are drawn."""
        return self._layout

    def describe(self) -> str:
        """The chart in words."""
        view = self._view
        if view is None or self._layout is None:
            return tr("Nothing to compare yet.")
        parts = [limit.words for limit in self._layout.limits]
        parts += [self._words(point).replace("\n", ", ") for point in self._layout.points]
        return ". ".join(parts)

    # -- events ----------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew."""
        super().resizeEvent(event)
        self._lay_out()

    def event(self, event: QEvent) -> bool:
        """A point's figures as its tooltip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            point = self._near(QPointF(event.pos()))
            words = plain_tooltip(self._words(point)) if point else ""
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The point below the mouse grows."""
        point = self._near(event.position())
        index = point.index if point else -1
        if index != self._hovered:
            self._hovered = index
            self.setCursor(Qt.CursorShape.PointingHandCursor if point else Qt.CursorShape.ArrowCursor)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a point."""
        point = self._near(event.position())
        if point is not None:
            self._choose(point.index)

    def leaveEvent(self, event: QEvent) -> None:
        """No point is meant any more."""
        super().leaveEvent(event)
        self._hovered = -1
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right walk along the variants."""
        step = answer(event, CHART_KEYS)
        if step is None or self._layout is None or not self._layout.points:
            super().keyPressEvent(event)
            return
        order = [p.index for p in sorted(self._layout.points, key=lambda p: p.where.x())]
        at = order.index(self._selected) + step if self._selected in order else 0
        self._choose(order[max(0, min(len(order) - 1, at))])

    def _choose(self, index: int) -> None:
        self._selected = index
        self.update()
        self.chosen.emit(index)

    # -- drawing ---------------------------------------------------------------------------------

    @property
    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)

    def _lay_out(self) -> None:
        view, group = self._view, self._group
        self._layout = None
        if view is not None and group is not None and group.shape is not None:
            metrics = QFontMetricsF(self._font)
            names = names_in(group, view.rows, several=view.several)
            self._layout = lay_out(
                {number: view.rows[number].option for number in group.rows},
                group.recommended,
                view.pools,
                self._area.adjusted(8, 4, -8, -8),
                metrics.horizontalAdvance,
                names,
            )
        self.setAccessibleDescription(self.describe())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Axes, the ground beyond the limits, points and their names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font)
        area = self._area
        self._paint_limits(painter, area)
        painter.setPen(QPen(self._theme.color("border"), 1))
        painter.drawLine(area.topLeft(), area.bottomLeft())
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(self._theme.color("text_muted"))
        right = Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(0, area.top() - 4, _LEFT - 8, 14), right, tr("no loss"))
        painter.drawText(QRectF(0, area.bottom() - 12, _LEFT - 8, 14), right, "large")
        below = QRectF(area.left(), area.bottom() + 4, area.width(), 14)
        if self._layout is None:
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._waiting())
        else:
            self._paint_scale(painter, area, self._layout)
            context = context_words(self._group.context) if self._group else ""
            painter.drawText(below.translated(0, 14), right, tr("memory at {context} →", context=context))
            for point in sorted(self._layout.points, key=lambda p: p.recommended):  # the recommended one on top
                self._paint_point(painter, point)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.color("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _waiting(self) -> str:
        if self._view is None:
            return ""
        if self._view.problem or not self._view.rows:
            return self._view.problem or tr("No GGUF files here.")
        return (
            tr("Reading the first kilobytes…")
            if self._view.shape is None
            else tr("Nothing of this model was read yet.")
        )

    def _paint_limits(self, painter: QPainter, area: QRectF) -> None:
        layout = self._layout
        if layout is None:
            return
        labels = limit_labels(layout.limits, self.width(), QFontMetricsF(self._font).horizontalAdvance)
        far = True
        for number, limit in enumerate(layout.limits):
            if limit.x is None:
                if far:  # the first limit out of view says that everything is inside
                    painter.setPen(self._theme.color("text_muted"))
                    top = QRectF(area.left(), 2, area.width(), 14)
                    painter.drawText(top, Qt.AlignmentFlag.AlignRight, f"{limit.words} →")
                break
            far = False
            beyond = QRectF(limit.x, area.top() - 4, area.right() - limit.x, area.height() + 4)
            token = "bad" if limit.last else "warn"
            painter.fillRect(beyond, self._theme.color(f"{token}_surface"))
            painter.setPen(QPen(self._theme.color(token), 1, Qt.PenStyle.DashLine))
            painter.drawLine(beyond.topLeft(), beyond.bottomLeft())
            if number in labels:
                spot, words = labels[number]
                painter.setPen(self._theme.color(token))
                painter.drawText(spot, Qt.AlignmentFlag.AlignLeft, words)

    def _paint_scale(self, painter: QPainter, area: QRectF, layout: ChartLayout) -> None:
        """Round figures along the memory axis."""
        for x, words in layout.ticks:
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
            painter.drawText(QRectF(x - 40, area.bottom() + 4, 80, 14), Qt.AlignmentFlag.AlignHCenter, words)

    def _paint_point(self, painter: QPainter, point: VariantMark) -> None:
        theme = self._theme
        color = theme.color("accent" if point.recommended else _TOKENS[point.placement])
        radius = 8.0 if point.recommended else 6.5 if point.index == self._hovered else 5.0
        ringed = point.recommended or point.index == self._selected
        pen = QPen(theme.color("text") if ringed else color, 2 if ringed else 1.5)
        if not point.measured:
            pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        # The shape says where it runs too: full, half full, empty.
        painter.setBrush(color if point.placement in ("gpu", "cpu") else theme.color("surface"))
        painter.drawEllipse(point.where, radius, radius)
        if point.placement in ("partial", "experts-in-ram"):
            painter.setBrush(color)
            painter.setPen(Qt.PenStyle.NoPen)
            box = QRectF(point.where.x() - radius, point.where.y() - radius, 2 * radius, 2 * radius)
            painter.drawPie(box, 90 * 16, 180 * 16)
        if point.label is not None:
            if point.recommended:
                painter.setFont(self._bold)
                painter.fillRect(point.label.adjusted(-1, 0, 1, 0), theme.color("surface"))
            painter.setPen(theme.color("text"))
            painter.drawText(point.label.adjusted(0, 0, 4, 0), Qt.AlignmentFlag.AlignLeft, point.text)
            if point.recommended:
                painter.setFont(self._font)

    def _near(self, position: QPointF) -> VariantMark | None:
        points = self._layout.points if self._layout else ()
        if not points:
            return None
        nearest = min(points, key=lambda p: (p.where - position).manhattanLength())
        return nearest if (nearest.where - position).manhattanLength() <= _REACH else None

    def _words(self, point: VariantMark) -> str:
        view = self._view
        if view is None:
            return ""
        option = view.rows[point.index].option
        size = human_bytes(option.fit.memory.total_bytes) if option.fit else ""
        lines = [
            point.name + (" (recommended)" if point.recommended else ""),
            tr(
                "{size} at {context:,} tokens, {option}",
                size=size,
                context=option.fit.context if option.fit else 0,
                option=where(option)[0],
            ),
            tr("loss: {quality}", quality=loss(option.quality)[0]),
        ]
        if option.rate is not None:
            lines.append(speed(option.speeds))
        return "\n".join(lines)
