"""The layer map: one square per tensor, roles as rows, layers as columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.ui.inspect.actions import FIT, LARGER, MAP_KEYS, SMALLER
from desktop.ui.inspect.layer_map_layout import HEAD, Cell, MapContent, MapLayout
from desktop.ui.inspect.layer_map_paint import MapPainter, TypeStyle, experts_note
from desktop.ui.shell.keys import answer, matches
from desktop.ui.shell.theme import Theme

_MARGIN = 10.0
_LABEL_MOST = 190  # pixels; longer labels are elided
_FIT_LEAST, _FIT_MOST = 14.0, 26.0  # of a column at first: narrower ones do not tell sizes apart
_ZOOM_STEP = 1.25
_PITCH_LEAST, _PITCH_MOST = 4.0, 96.0
_HEIGHT_MOST = 420


class LayerMap(QAbstractScrollArea):
    """Paints only what is in view, so that any number of layers scrolls smoothly.

    Ctrl+wheel, + and - zoom, 0 fits the width; arrows, Home and End move the selection, Ctrl+Home and Ctrl+End to
    the first and last row; Space goes through the tensors that share a square.
    """

    chosen = Signal(int)  # position of the tensor that was selected by hand

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._content = MapContent((), {})
        self._describe: Callable[[int], str] = lambda _position: ""
        self._styles: Mapping[str, TypeStyle] = {}
        self._pitch: float | None = None  # None until it is zoomed by hand
        self._layout = MapLayout(self._content, _FIT_MOST)
        self._selected = -1
        self._hovered: Cell | None = None
        self._labels = 0.0
        self._painter = MapPainter(theme, {}, self.fontMetrics())
        self.setObjectName("layerMap")
        self.setAccessibleName(tr("Layer map"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        theme.changed.connect(self._restyle)

    # -- what is shown ---------------------------------------------------------------------------

    def set_content(self, content: MapContent, styles: Mapping[str, TypeStyle], describe: Callable[[int], str]) -> None:
        """Show another model; ``describe`` tells a tensor by its position in a few plain lines."""
        self._content, self._styles, self._describe = content, styles, describe
        self._selected, self._hovered, self._pitch = -1, None, None
        self._restyle()
        metrics = self.fontMetrics()
        names = [line.label + experts_note(line.experts) for section in content.sections for line in section.lines]
        longest = max((metrics.horizontalAdvance(name) for name in sorted(names, key=len)[-20:]), default=0)
        self._labels = min(longest, _LABEL_MOST) + 14.0
        self.horizontalScrollBar().setValue(0)
        self.verticalScrollBar().setValue(0)
        self._arrange()

    def select(self, position: int) -> None:
        """Mark a tensor and bring it into view; -1 for none."""
        if position == self._selected:
            return
        self._selected = position
        self.setAccessibleDescription(self._describe(position) if position in self._content.cells else "")
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))
        cell = self._content.cells.get(position)
        if cell is not None:
            self._reveal(cell)
        self.viewport().update()

    @property
    def selected(self) -> int:
        """Position of the marked tensor, -1 for none."""
        return self._selected

    @property
    def pitch(self) -> float:
        """Width of a column in pixels."""
        return self._layout.pitch

    def zoom(self, steps: int) -> None:
        """Enlarge (positive) or reduce, 0 fits the width."""
        wanted = self._layout.pitch * _ZOOM_STEP**steps if steps else min(self._fitting(), _FIT_MOST)
        self._pitch = min(max(wanted, _PITCH_LEAST), _PITCH_MOST)
        self._arrange()
        cell = self._content.cells.get(self._selected)
        if cell is not None:
            self._reveal(cell)

    def sizeHint(self) -> QSize:
        """As high as the map is, within reason."""
        bar = self.horizontalScrollBar().sizeHint().height() if self.horizontalScrollBar().maximum() else 0
        return QSize(600, min(round(self._layout.height + _MARGIN) + bar + 4, _HEIGHT_MOST))

    def minimumSizeHint(self) -> QSize:
        """A few rows."""
        return QSize(240, 120)

    # -- geometry --------------------------------------------------------------------------------

    def _arrange(self) -> None:
        pitch = self._pitch or min(max(self._fitting(), _FIT_LEAST), _FIT_MOST)
        former = self._layout.height
        self._layout = MapLayout(self._content, pitch)
        if self._layout.height != former:
            self.updateGeometry()
        room = self._room()
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setPageStep(max(1, round(room)))
        across.setSingleStep(round(pitch))
        across.setRange(0, max(0, round(self._layout.width - room)))
        down.setPageStep(self.viewport().height())
        down.setSingleStep(round(self._layout.row))
        down.setRange(0, max(0, round(self._layout.height + _MARGIN - self.viewport().height())))
        self.viewport().update()

    def _room(self) -> float:
        """Width for the squares."""
        return self.viewport().width() - self._labels - 2 * _MARGIN

    def _fitting(self) -> float:
        """Width of a column with which all layers are in view."""
        columns = max((len(section.layers) for section in self._content.sections), default=0)
        return self._room() / max(1, columns)

    def _origin(self) -> QPointF:
        """Where the layout's origin lies in the viewport."""
        left = _MARGIN + self._labels - self.horizontalScrollBar().value()
        return QPointF(left, _MARGIN / 2 - self.verticalScrollBar().value())

    def _cell_at(self, point: QPointF) -> Cell | None:
        if point.x() < _MARGIN + self._labels:
            return None
        place = point - self._origin()
        return self._layout.at(place.x(), place.y())

    def _cell_box(self, cell: Cell) -> QRectF:
        x, y = self._layout.origin(cell)
        return QRectF(x, y, self._layout.pitch, self._layout.row).translated(self._origin())

    def _reveal(self, cell: Cell) -> None:
        box = self._cell_box(cell)
        left, right = _MARGIN + self._labels, self.viewport().width() - _MARGIN
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setValue(across.value() + _push(box.left(), box.right(), left, right))
        top = HEAD if cell.line == 0 else 0.0  # with the first row its section's head
        down.setValue(down.value() + _push(box.top() - top, box.bottom(), 0, self.viewport().height()))

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Repaint: labels stay while squares move."""
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit again."""
        super().resizeEvent(event)
        self._arrange()

    # -- painting --------------------------------------------------------------------------------

    def _restyle(self) -> None:
        self._painter = MapPainter(self._theme, self._styles, self.fontMetrics())
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Squares scroll both ways, the labels beside them only up and down."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area, labels = QRectF(event.rect()), QRectF(_MARGIN, 0, self._labels, self.viewport().height())
        painter.fillRect(area, self._theme.color("surface"))
        self._painter.paint_labels(painter, self._layout, self._origin(), labels, area)
        painter.setClipRect(area.intersected(QRectF(self.viewport().rect()).adjusted(labels.right() - 2, 0, 0, 0)))
        self._painter.paint_squares(painter, self._layout, self._origin(), area)
        self._paint_selection(painter)
        painter.setClipping(False)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("accent"), 1))
            painter.drawRoundedRect(QRectF(self.viewport().rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def _paint_selection(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        selected = self._content.cells.get(self._selected)
        for cell, token, width in ((self._hovered, "text_muted", 1.0), (selected, "text", 2.0)):
            if cell is not None:
                painter.setPen(QPen(self._theme.color(token), width))
                painter.drawRoundedRect(self._cell_box(cell).adjusted(0, 1, 0, -1), 3, 3)

    # -- mouse and keyboard ----------------------------------------------------------------------

    def viewportEvent(self, event: QEvent) -> bool:
        """Tooltips of squares and of labels that were cut."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            cell = self._cell_at(QPointF(event.pos()))
            square = self._content.square(cell) if cell is not None else None
            text = self._describe(square.positions[0]) if square is not None else self._label_at(event.pos())
            QToolTip.showText(event.globalPos(), plain_tooltip(text), self)
            return True
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        return super().viewportEvent(event)

    def _label_at(self, point: QPoint) -> str:
        if point.x() >= _MARGIN + self._labels:
            return ""
        y = point.y() - self._origin().y()
        for section, top in zip(self._content.sections, self._layout.tops, strict=True):
            row = math.floor((y - top - HEAD) / self._layout.row)
            if 0 <= row < len(section.lines) and y >= top:
                return section.lines[row].label
        return ""

    def _hover(self, cell: Cell | None) -> None:
        if cell != self._hovered:
            for old in (self._hovered, cell):
                if old is not None:
                    self.viewport().update(self._cell_box(old).adjusted(-2, -2, 2, 2).toAlignedRect())
            self._hovered = cell

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Frame the square below the mouse."""
        self._hover(self._cell_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select; once more on the same square goes to its next tensor."""
        cell = self._cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._choose(cell)

    def _choose(self, cell: Cell) -> None:
        square = self._content.square(cell)
        if square is None:
            return
        position = square.positions[0]
        if self._selected in square.positions:
            following = square.positions.index(self._selected) + 1
            position = square.positions[following % len(square.positions)]
        self.select(position)
        self.chosen.emit(position)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl+wheel zooms, the wheel scrolls."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the selection, or zoom."""
        for action, steps in ((LARGER, 1), (SMALLER, -1), (FIT, 0)):
            if matches(event, action):
                self.zoom(steps)
                return
        here = self._content.cells.get(self._selected)
        match answer(event, MAP_KEYS):
            case "choose" if here is not None:
                self._choose(here)
            case None | "choose":
                super().keyPressEvent(event)
            case move if self._content.sections:
                target = self._content.moved(here, move)
                if target != here:
                    self._choose(target)
            case _:
                super().keyPressEvent(event)


def _push(low: float, high: float, least: float, most: float) -> int:
    """How far to scroll so that low..high lies within least..most."""
    if low < least:
        return math.floor(low - least)
    return math.ceil(max(0.0, high - most))
