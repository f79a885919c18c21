"""An importance matrix as a picture: a cell for each layer and role, the darker the more strongly it is driven."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.core.importance import ImportanceTable, TensorImportance
from desktop.core.words import tr
from desktop.ui.shell.theme import Theme

_LEFT, _BOTTOM, _ROW = 110, 22, 18
_PIXELS = 11


class HeatMap(QWidget):
    """Layers from left to right, roles from top to bottom; logarithmic within a role. Its twin is the table."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown = ImportanceTable((), (), {})
        self.setObjectName("labHeatMap")
        self.setAccessibleName(tr("How strongly each matrix of each layer is driven"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_table(self, table: ImportanceTable) -> None:
        """Draw another one."""
        self._shown = table
        self.setAccessibleDescription(
            tr("{layers} layers, {roles} matrices each", layers=len(table.layers), roles=len(table.roles))
        )
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """A line for each role."""
        return QSize(360, _BOTTOM + _ROW * len(self._shown.roles))

    def minimumSizeHint(self) -> QSize:
        """As high as it is."""
        return QSize(200, self.sizeHint().height())

    def cell(self, layer: int, role: str) -> QRectF:
        """Where a cell is painted."""
        width = (self.width() - _LEFT) / max(1, len(self._shown.layers))
        across, down = self._shown.layers.index(layer), self._shown.roles.index(role)
        return QRectF(_LEFT + across * width, down * _ROW, width, _ROW)

    def shade(self, layer: int, role: str) -> float:
        """From 0, the weakest of its role, to 1."""
        row = [one.mean for at, one in self._shown.cells.items() if at[1] == role and one.mean > 0]
        one = self._shown.cells.get((layer, role))
        if one is None or one.mean <= 0 or not row or max(row) <= min(row):
            return 0.0
        return math.log(one.mean / min(row)) / math.log(max(row) / min(row))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cells, the roles' names, the layers' numbers."""
        painter = QPainter(self)
        font = QFont(self.font())
        font.setPixelSize(_PIXELS)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        full, empty = self._theme.color("accent"), self._theme.color("border")
        for role in self._shown.roles:
            top = self._shown.roles.index(role) * _ROW
            painter.setPen(QPen(self._theme.color("text_muted")))
            name = metrics.elidedText(role, Qt.TextElideMode.ElideRight, _LEFT - 8)
            painter.drawText(QRectF(0, top, _LEFT - 8, _ROW), Qt.AlignmentFlag.AlignVCenter, name)
            for layer in self._shown.layers:
                if (layer, role) in self._shown.cells:
                    inside = self.cell(layer, role).adjusted(0.5, 0.5, -0.5, -0.5)
                    painter.fillRect(inside, _between(empty, full, self.shade(layer, role)))
        painter.setPen(QPen(self._theme.color("text_muted")))
        top = _ROW * len(self._shown.roles)
        for layer in dict.fromkeys(self._shown.layers[:1] + self._shown.layers[-1:]):
            words = tr("layer {layer}", layer=layer)
            left = self.cell(layer, self._shown.roles[0]).left()
            left = min(left, self.width() - metrics.horizontalAdvance(words) - 2)
            painter.drawText(QRectF(left, top, 90, _BOTTOM), Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """What is under the mouse, in figures."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for (layer, role), one in self._shown.cells.items():
                if self.cell(layer, role).contains(QPointF(event.pos())):
                    QToolTip.showText(event.globalPos(), cell_words(one), self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)


def cell_words(one: TensorImportance) -> str:
    """A cell's figures."""
    return tr(
        "{name}: {mean:.3g} on average, {top_share:.0%} of it in the strongest hundredth of columns",
        name=one.name,
        mean=one.mean,
        top_share=one.top_share,
    )


def _between(empty: QColor, full: QColor, part: float) -> QColor:
    share = 0.15 + 0.85 * part
    low, high = (empty.red(), empty.green(), empty.blue()), (full.red(), full.green(), full.blue())
    red, green, blue = (round(one + (other - one) * share) for one, other in zip(low, high, strict=True))
    return QColor(red, green, blue)
