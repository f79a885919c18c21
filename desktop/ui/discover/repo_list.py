"""The list of search results: three painted lines per row, no widget for any of them."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.core.words import tr
from desktop.services.discover.search_results import Mark, Result
from desktop.ui.discover.actions import RESULT_KEYS
from desktop.ui.discover.repo_list_model import RESULT_ROLE, RepoListModel
from desktop.ui.shared.elided_label import elided_figures
from desktop.ui.shared.tables import choose_by_hand_only
from desktop.ui.shell.keys import answer
from desktop.ui.shell.theme import Theme

ROW_HEIGHT = 78
_MARGIN, _LINE, _TOP = 14, 20, 9
_TOKENS: dict[Mark, str] = {
    "gpu": "good",
    "cpu": "good",
    "partial": "warn",
    "too-large": "bad",
    "unknown": "text_muted",
    "other": "text_muted",
}
Index = QModelIndex | QPersistentModelIndex


class RepoDelegate(QStyledItemDelegate):
    """Paints a result: title and mark, what it is, figures."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Every row is as high."""
        return QSize(200, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One row."""
        result = index.data(RESULT_ROLE)
        if not isinstance(result, Result):
            return
        theme = self._theme
        area: QRect = option.rect
        state = option.state
        font: QFont = option.font
        selected = bool(state & QStyle.StateFlag.State_Selected)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.fillRect(area, theme.color("raised" if selected else "hover" if hovered else "surface"))
        painter.fillRect(area.x(), area.bottom(), area.width(), 1, theme.color("border"))
        if selected:
            painter.fillRect(area.x(), area.y(), 3, area.height() - 1, theme.color("accent"))
        if selected and state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.color("accent"))
            painter.drawRect(area.adjusted(0, 0, -1, -2))
        inner = area.adjusted(_MARGIN, _TOP, -_MARGIN, -8)
        small, bold = QFont(font), QFont(font)
        small.setPixelSize(font.pixelSize() - 1)
        bold.setWeight(QFont.Weight.DemiBold)
        mark_font = QFont(small)
        mark_font.setPixelSize(font.pixelSize() - 2)
        mark_font.setWeight(QFont.Weight.DemiBold)
        mark_width = QFontMetrics(mark_font).horizontalAdvance(result.mark_words)
        lines = [QRect(inner.x(), inner.y() + number * _LINE, inner.width(), _LINE) for number in range(3)]
        wide = QFontMetrics(bold).horizontalAdvance(result.title) + 8 + mark_width <= inner.width()
        beside = 0 if wide else 2  # where the name needs its line, the mark stands beside the figures
        painter.setFont(mark_font)
        painter.setPen(theme.color(_TOKENS[result.mark]))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(lines[beside], right, result.mark_words)
        if mark_width:
            lines[beside].setWidth(inner.width() - mark_width - 8)
        painter.setPen(theme.color("text"))
        painter.setFont(bold)
        title = QFontMetrics(bold).elidedText(
            result.title, Qt.TextElideMode.ElideMiddle, lines[0].width()
        )  # ends differ
        painter.drawText(lines[0], Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        painter.setPen(theme.color("text_muted"))
        self._line(painter, small, result.about, lines[1])
        if not result.is_gguf:  # a link, drawn as one
            painter.setPen(theme.color("accent"))
            small.setUnderline(hovered)
        self._line(painter, small, result.figures, lines[2])
        painter.restore()

    @staticmethod
    def _line(painter: QPainter, font: QFont, text: str, area: QRect) -> None:
        painter.setFont(font)
        shown = elided_figures(QFontMetrics(font), area.width(), text)
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


class RepoList(QListView):
    """One row is current; another page is asked for as one scrolls."""

    repo_chosen = Signal(object)  # Result
    versions_asked = Signal(object)  # Result in another format, whose link was clicked

    def __init__(self, model: RepoListModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = model
        self.setObjectName("discoverResults")
        self.setAccessibleName(tr("Search results"))
        self.setModel(model)
        self.setItemDelegate(RepoDelegate(theme, self))
        self.setUniformItemSizes(True)  # never measured: thousands of rows stay quick
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QListView.SelectionMode.SingleSelection)
        choose_by_hand_only(self)
        self.selectionModel().currentChanged.connect(self._choose)
        theme.changed.connect(self.viewport().update)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on a row's link follows it, and opens no repo."""
        linked = self._linked(event.position().toPoint())
        if linked is not None and event.button() == Qt.MouseButton.LeftButton:
            self.versions_asked.emit(linked)
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Over a link the mouse is a hand."""
        linked = self._linked(event.position().toPoint())
        shape = Qt.CursorShape.ArrowCursor if linked is None else Qt.CursorShape.PointingHandCursor
        self.viewport().setCursor(shape)
        super().mouseMoveEvent(event)

    def _linked(self, where: QPoint) -> Result | None:
        """The result on whose link this is; None elsewhere."""
        index = self.indexAt(where)
        result = self._rows.at(index.row())
        if result is None or result.is_gguf:
            return None
        row = self.visualRect(index)
        width = self.fontMetrics().horizontalAdvance(result.figures)
        link = QRect(row.x() + _MARGIN, row.y() + _TOP + 2 * _LINE, min(width, row.width() - 2 * _MARGIN), _LINE)
        return result if link.contains(where) else None

    def select(self, repo_id: str) -> None:
        """Make a repo's row current when it is shown."""
        row = self._rows.row_of(repo_id)
        if row >= 0:
            self.setCurrentIndex(self._rows.index(row, 0))

    def enter(self) -> None:
        """Take the keyboard, and open the first result where none is open yet."""
        self.setFocus(Qt.FocusReason.TabFocusReason)
        if not self.currentIndex().isValid():
            self.setCurrentIndex(self._rows.index(0, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens the current row again."""
        if answer(event, RESULT_KEYS):
            self._choose(self.currentIndex(), QModelIndex())
        else:
            super().keyPressEvent(event)

    def _choose(self, current: QModelIndex, previous: QModelIndex) -> None:
        result = self._rows.at(current.row())
        if result is not None:
            self.repo_chosen.emit(result)
