"""The table of variants: as high as its rows, with a painted button in each that Enter presses too.

Rows are told to others by their numbers in the view, however the table is sorted.
"""

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

from desktop.core.words import tr
from desktop.ui.discover.actions import VARIANT_KEYS
from desktop.ui.discover.variant_model import (
    ACTION,
    COLUMNS,
    DOWNLOAD,
    MEMORY,
    QUALITY,
    SPEED,
    VARIANT,
    WHERE,
    VariantOrder,
    VariantTableModel,
)
from desktop.ui.shared.elided_label import elided_figures
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shell.keys import answer
from desktop.ui.shell.theme import Theme

ROW_HEIGHT = 37
_ELIDE, _ELIDE_NAME = Qt.TextElideMode.ElideRight, Qt.TextElideMode.ElideMiddle  # a name's end tells variants apart
_WIDTHS = {VARIANT: 104, DOWNLOAD: 85, MEMORY: 90, WHERE: 161, SPEED: 108, QUALITY: 174, ACTION: 90}
_NARROW_WIDTHS = {VARIANT: 86, MEMORY: 72, WHERE: 154, SPEED: 90, ACTION: 74}
_SPARED = (DOWNLOAD, QUALITY)  # columns left out, the first one first, where there is no room; the chart shows the loss
_PADDING, _NARROW_PADDING = 8, 4  # left and right of a cell's text
_BUTTON_HEIGHT = 26
Index = QModelIndex | QPersistentModelIndex


class RowDelegate(QStyledItemDelegate):
    """Paints headings, a recommended row's ground and a line below each row."""

    def __init__(self, theme: Theme, table: VariantTable) -> None:
        super().__init__(table)
        self._theme = theme
        self._table = table

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """A cell. Text is drawn here: by the style sheet it took most of a move of the slider.

        A selected row keeps its colours, which say how good a figure is.
        """
        table, column = self._table, index.column()
        line = table.line_at(index)
        if table.rows.is_heading(line):
            self._paint_heading(painter, option, table.rows.heading_at(line))
            return
        self.ground(painter, option, index, line)
        text, token, bold = table.rows.painted(line, column)
        if not text:
            return
        area = option.rect.adjusted(table.padding, 0, -table.padding, 0)
        font, metrics = option.font, option.fontMetrics
        if bold:
            font = _bold(font)
            metrics = QFontMetrics(font)
        painter.setFont(font)
        painter.setPen(self._theme.color(token))
        elide = _ELIDE_NAME if column == VARIANT else _ELIDE
        painter.drawText(area, table.rows.alignment(column), metrics.elidedText(text, elide, area.width()))

    def ground(self, painter: QPainter, option: QStyleOptionViewItem, index: Index, line: int) -> None:
        """What lies below a cell's text."""
        area = option.rect
        selected = index.row() == self._table.currentIndex().row()
        if self._table.rows.is_recommended(line):
            painter.fillRect(area, self._theme.color("selection"))
        elif selected:
            painter.fillRect(area, self._theme.color("raised"))
        if selected and index.column() == VARIANT:
            painter.fillRect(area.x(), area.y(), 3, area.height(), self._theme.color("accent"))
        painter.fillRect(area.x(), area.bottom(), area.width(), 1, self._theme.color("border"))

    def _paint_heading(self, painter: QPainter, option: QStyleOptionViewItem, heading: tuple[str, str]) -> None:
        """The model's name, which is never cut for its facts."""
        name, facts = heading
        area = option.rect.adjusted(_PADDING, 0, -_PADDING, -3)
        font = _bold(option.font)
        wide = QFontMetrics(font)
        place = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
        painter.setFont(font)
        painter.setPen(self._theme.color("text"))
        painter.drawText(area, place, wide.elidedText(name, _ELIDE, area.width()))
        area.setLeft(area.left() + wide.horizontalAdvance(name) + 2 * _PADDING)
        painter.setFont(option.font)
        painter.setPen(self._theme.color("text_muted"))
        if area.width() > 0:
            painter.drawText(area, place, elided_figures(option.fontMetrics, area.width(), facts))
        painter.fillRect(option.rect.x(), option.rect.bottom(), option.rect.width(), 1, self._theme.color("border"))


class ActionDelegate(RowDelegate):
    """Paints the button of a row; it shines where the mouse is."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """A button in the colours of the theme; the recommended variant's is the primary one."""
        line = self._table.line_at(index)
        if self._table.rows.is_heading(line):
            return
        self.ground(painter, option, index, line)
        text = self._table.rows.action(line)
        if not text:
            return
        theme, recommended = self._theme, self._table.rows.is_recommended(line)
        primary = recommended or text == tr("Chat now")
        hovered = self._table.hovered_button == index.row()
        fill = ("accent_hover" if hovered else "accent") if primary else ("hover" if hovered else "raised")
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("accent" if primary else "border"), 1))
        painter.setBrush(theme.color(fill))
        painter.drawRoundedRect(button_rect(option.rect, self._table.padding), 6, 6)
        font = QFont(option.font)
        font.setPixelSize(option.font.pixelSize() - 1)
        painter.setFont(font)
        painter.setPen(QColor(theme.color("accent_text" if primary else "text")))
        painter.drawText(option.rect, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()


def _bold(font: QFont) -> QFont:
    found = QFont(font)
    found.setBold(True)
    return found


def button_rect(cell: QRect, padding: int = _PADDING) -> QRect:
    """Where the button lies in its cell."""
    top = cell.center().y() - _BUTTON_HEIGHT // 2
    return QRect(cell.x() + padding, top, cell.width() - 2 * padding, _BUTTON_HEIGHT)


class VariantTable(QTableView):
    """Shows all rows without scrolling by itself; the page scrolls."""

    action_asked = Signal(int)  # number of the row whose button was pressed
    row_chosen = Signal(int)  # number of the row

    def __init__(self, model: VariantTableModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = model
        self.order = VariantOrder(model, self)
        self.hovered_button = -1
        self.preferred = -1  # number of the row that the first arrow chooses
        self.padding = _PADDING
        self._lines: list[int] = []  # the model's line of each row
        self._pressed = -1  # row whose button the mouse went down on
        set_up_table(self, "variantTable", tr("Variants of this model"), row_height=ROW_HEIGHT)
        self.setModel(self.order)
        self.setItemDelegate(RowDelegate(theme, self))
        self.setItemDelegateForColumn(ACTION, ActionDelegate(theme, self))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(40)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # by size, until a title is clicked
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        self._set_widths(sum(_WIDTHS.values()))
        self.setMinimumWidth(sum(_NARROW_WIDTHS.values()))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.order.modelReset.connect(self._laid_out)
        self.order.layoutChanged.connect(self._laid_out)
        self.selectionModel().currentRowChanged.connect(self._moved)
        self._laid_out()

    def line_at(self, index: Index) -> int:
        """The model's line of a cell shown here."""
        return self._lines[index.row()]

    @property
    def chosen(self) -> int:
        """The number of the current row, -1 without one."""
        index = self.currentIndex()
        return self.rows.number_at(self.line_at(index)) if index.isValid() else -1

    def select(self, number: int) -> None:
        """Make a row current without telling."""
        line = self.rows.line_of(number)
        if line >= 0 and number != self.chosen:
            self.selectionModel().blockSignals(True)
            self.setCurrentIndex(self.order.mapFromSource(self.rows.index(line, VARIANT)))
            self.selectionModel().blockSignals(False)
            self.viewport().update()

    def clear_choice(self) -> None:
        """No row is current, without telling."""
        self.selectionModel().blockSignals(True)
        self.setCurrentIndex(QModelIndex())
        self.selectionModel().blockSignals(False)

    def sizeHint(self) -> QSize:
        """High enough for all rows."""
        return QSize(700, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave columns out, and make others narrower, rather than let the page scroll sideways."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._set_widths(event.size().width())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and space press the current row's button; the first arrow chooses the recommended row."""
        line = self.rows.line_of(self.preferred)
        if answer(event, VARIANT_KEYS):
            if self.chosen >= 0:
                self.action_asked.emit(self.chosen)
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.chosen < 0 and line >= 0:
            self.setCurrentIndex(self.order.mapFromSource(self.rows.index(line, VARIANT)))
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A button is pressed without making its row the current one, which what else acts on a row goes by."""
        self._pressed = self._button_at(event.position().toPoint())
        if self._pressed < 0 or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A button acts when the mouse comes up where it went down."""
        pressed, self._pressed = self._pressed, -1
        if pressed < 0 or event.button() != Qt.MouseButton.LeftButton:
            super().mouseReleaseEvent(event)
        elif self._button_at(event.position().toPoint()) == pressed:
            self.action_asked.emit(self.rows.number_at(self._lines[pressed]))

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
        widths = dict(_WIDTHS)
        for column in _SPARED:
            if sum(widths.values()) > room:
                del widths[column]
        narrow = sum(widths.values()) > room
        widths = _NARROW_WIDTHS if narrow else widths
        self.padding = _NARROW_PADDING if narrow else _PADDING
        self.rows.set_short_titles(narrow)
        header, modes = self.horizontalHeader(), QHeaderView.ResizeMode
        for column in range(len(COLUMNS)):
            self.setColumnHidden(column, column not in widths)
            header.setSectionResizeMode(column, modes.Stretch if column == VARIANT else modes.Fixed)
            if column in widths and column != VARIANT:  # the name has what the figures leave
                self.setColumnWidth(column, widths[column])

    def _moved(self, current: QModelIndex, previous: QModelIndex) -> None:
        self.viewport().update()
        self.row_chosen.emit(self.chosen)

    def _button_at(self, where: QPoint) -> int:
        index = self.indexAt(where)
        if index.column() != ACTION or not button_rect(self.visualRect(index), self.padding).contains(where):
            return -1  # nor is there a button in a heading, whose only cell is the first one
        return index.row()

    def _hover(self, row: int) -> None:
        if row != self.hovered_button:
            self.hovered_button = row
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if row >= 0 else Qt.CursorShape.ArrowCursor)
            self.viewport().update()

    def _laid_out(self) -> None:
        """Other lines, or another order: headings reach over all columns, and all rows can be seen."""
        count = self.order.rowCount()
        self._lines = [self.order.mapToSource(self.order.index(row, VARIANT)).row() for row in range(count)]
        self.clearSpans()
        for row, line in enumerate(self._lines):
            if self.rows.is_heading(line):
                self.setSpan(row, VARIANT, 1, len(COLUMNS))
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(header + ROW_HEIGHT * count + 2)
