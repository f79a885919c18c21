"""The table of variants: as high as its rows, with a painted button in each that Enter presses too."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop.ui.discover.actions import VARIANT_KEYS
from desktop.ui.discover.variant_model import (
    ACTION,
    ACTION_ROLE,
    DOWNLOAD,
    MEMORY,
    QUALITY,
    RECOMMENDED_ROLE,
    SPEED,
    VARIANT,
    WHERE,
    VariantTableModel,
)
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shell.keys import answer
from desktop.ui.shell.theme import Theme

ROW_HEIGHT = 37
_ELIDE = Qt.TextElideMode.ElideRight
_PADDING = 8  # left and right of a cell's text
_WIDTHS = {VARIANT: 104, DOWNLOAD: 88, MEMORY: 84, WHERE: 128, SPEED: 128, ACTION: 96}
_QUALITY_WIDTH = 150
_NARROW_WIDTHS = {VARIANT: 96, WHERE: 110, SPEED: 112, ACTION: 92}
_NARROW_QUALITY_WIDTH = 118
_SPARED = (DOWNLOAD, MEMORY)  # columns left out, the first one first, where there is no room
_BUTTON_HEIGHT = 26
Index = QModelIndex | QPersistentModelIndex


class RowDelegate(QStyledItemDelegate):
    """Paints the recommended row's ground and a line below each row."""

    def __init__(self, theme: Theme, table: VariantTable) -> None:
        super().__init__(table)
        self._theme = theme
        self._table = table

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """A cell. Text is drawn here: by the style sheet it took most of a move of the slider.

        A selected row keeps its colours, which say how good a figure is.
        """
        self.ground(painter, option, index)
        column = index.column()
        text, token, bold = self._table.rows.painted(index.row(), column)
        if not text:
            return
        area = option.rect.adjusted(_PADDING, 0, -_PADDING, 0)
        font, metrics = option.font, option.fontMetrics
        if bold:
            font = QFont(font)
            font.setBold(True)
            metrics = QFontMetrics(font)
        painter.setFont(font)
        painter.setPen(self._theme.color(token))
        painter.drawText(area, self._table.rows.alignment(column), metrics.elidedText(text, _ELIDE, area.width()))

    def ground(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """What lies below a cell's text."""
        area = option.rect
        row = index.row()
        selected = row == self._table.currentIndex().row()
        if row == self._table.rows.recommended:
            painter.fillRect(area, self._theme.color("selection"))
        elif selected:
            painter.fillRect(area, self._theme.color("raised"))
        if selected and index.column() == VARIANT:
            painter.fillRect(area.x(), area.y(), 3, area.height(), self._theme.color("accent"))
        painter.fillRect(area.x(), area.bottom(), area.width(), 1, self._theme.color("border"))


class ActionDelegate(RowDelegate):
    """Paints the button of a row; it shines where the mouse is."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """A button in the colours of the theme; the recommended variant's is the primary one."""
        self.ground(painter, option, index)
        text = str(index.data(ACTION_ROLE) or "")
        if not text:
            return
        theme, recommended = self._theme, bool(index.data(RECOMMENDED_ROLE))
        primary = recommended or text == "Chat now"
        hovered = self._table.hovered_button == index.row()
        fill = ("accent_hover" if hovered else "accent") if primary else ("hover" if hovered else "raised")
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("accent" if primary else "border"), 1))
        painter.setBrush(theme.color(fill))
        painter.drawRoundedRect(button_rect(option.rect), 6, 6)
        font = QFont(option.font)
        font.setPixelSize(option.font.pixelSize() - 1)
        painter.setFont(font)
        painter.setPen(QColor(theme.color("accent_text" if primary else "text")))
        painter.drawText(option.rect, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()


def button_rect(cell: QRect) -> QRect:
    """Where the button lies in its cell."""
    return QRect(cell.x() + 8, cell.center().y() - _BUTTON_HEIGHT // 2, cell.width() - 16, _BUTTON_HEIGHT)


class VariantTable(QTableView):
    """Shows all rows without scrolling by itself; the page scrolls."""

    action_asked = Signal(int)  # row whose button was pressed
    row_chosen = Signal(int)

    def __init__(self, model: VariantTableModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = model
        self.hovered_button = -1
        set_up_table(self, "variantTable", "Variants of this model", row_height=ROW_HEIGHT)
        self.setModel(model)
        self.setItemDelegate(RowDelegate(theme, self))
        self.setItemDelegateForColumn(ACTION, ActionDelegate(theme, self))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(40)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        header.setSectionResizeMode(QUALITY, QHeaderView.ResizeMode.Stretch)
        self._set_widths(sum(_WIDTHS.values()) + _QUALITY_WIDTH)
        self.setMinimumWidth(sum(_NARROW_WIDTHS.values()) + _NARROW_QUALITY_WIDTH)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        model.modelReset.connect(self._fit_height)
        self.selectionModel().currentRowChanged.connect(self._moved)
        self._fit_height()

    def select(self, row: int) -> None:
        """Make a row current without telling."""
        if row >= 0 and row != self.currentIndex().row():
            self.selectionModel().blockSignals(True)
            self.setCurrentIndex(self.rows.index(row, VARIANT))
            self.selectionModel().blockSignals(False)
            self.viewport().update()

    def sizeHint(self) -> QSize:
        """High enough for all rows."""
        return QSize(700, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave columns out, and make others narrower, rather than let the page scroll sideways."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._set_widths(event.size().width())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and space press the current row's button."""
        if answer(event, VARIANT_KEYS):
            if self.currentIndex().isValid():
                self.action_asked.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on a button presses it."""
        super().mouseReleaseEvent(event)
        row = self._button_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self.action_asked.emit(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Buttons shine below the mouse."""
        super().mouseMoveEvent(event)
        self._hover(self._button_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """No button shines any more."""
        super().leaveEvent(event)
        self._hover(-1)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The page scrolls, not the table."""
        event.ignore()

    def _set_widths(self, room: int) -> None:
        needed = sum(_WIDTHS.values()) + _QUALITY_WIDTH
        for column in _SPARED:
            self.setColumnHidden(column, needed > room)
            needed -= _WIDTHS[column] if needed > room else 0
        for column, width in (_WIDTHS | (_NARROW_WIDTHS if needed > room else {})).items():
            self.setColumnWidth(column, width)

    def _moved(self, current: QModelIndex, previous: QModelIndex) -> None:
        self.viewport().update()
        self.row_chosen.emit(current.row())

    def _button_at(self, where: QPoint) -> int:
        index = self.indexAt(where)
        if index.column() != ACTION or not button_rect(self.visualRect(index)).contains(where):
            return -1
        return index.row()

    def _hover(self, row: int) -> None:
        if row != self.hovered_button:
            self.hovered_button = row
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if row >= 0 else Qt.CursorShape.ArrowCursor)
            self.viewport().update()

    def _fit_height(self) -> None:
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(header + ROW_HEIGHT * self.rows.rowCount() + 2)
