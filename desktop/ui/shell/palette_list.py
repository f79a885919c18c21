"""The rows of the command palette, as Qt's model and as they are painted: plain text, whatever it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.core.text import plain_tooltip
from desktop.ui.shell.icons import icon
from desktop.ui.shell.palette_sources import PaletteRow
from desktop.ui.shell.theme import Theme

ROW_HEIGHT, HEADING_HEIGHT = 32, 28  # pixels
_PADDING, _ICON, _GAP = 14, 16, 10
_DETAIL_SHARE = 0.5  # of a row, at most; the title gives way to a reason, not to nothing

_Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


class PaletteModel(QAbstractListModel):
    """Headings and entries; only entries that can be chosen now are enabled."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[PaletteRow, ...] = ()

    def set_rows(self, rows: Sequence[PaletteRow]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def row(self, number: int) -> PaletteRow | None:
        """A row by its number; None for none."""
        return self._rows[number] if 0 <= number < len(self._rows) else None

    def next_entry(self, number: int, step: int) -> int:
        """The row of the next entry from here, round and round; -1 when there is none."""
        count = len(self._rows)
        for far in range(1, count + 1):
            there = (number + step * far) % count
            if self._rows[there].entry is not None:
                return there
        return -1

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        """Number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words, and what screen readers and tooltips say."""
        row = self.row(index.row())
        if row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role == Qt.ItemDataRole.AccessibleTextRole and row.entry is not None:
            return ", ".join(filter(None, (row.title, row.entry.reason or row.entry.detail)))
        if role == Qt.ItemDataRole.ToolTipRole and row.entry is not None:
            return plain_tooltip("\n".join(filter(None, (row.title, row.entry.reason or row.entry.detail))))
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """A heading cannot be chosen; an entry that cannot be done is read, not done."""
        row = self.row(index.row())
        if row is None or row.entry is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class PaletteDelegate(QStyledItemDelegate):
    """Icon, title with what was typed in bold, and the shortcut, place or reason at the right."""

    def __init__(self, theme: Theme, view: QListView) -> None:
        super().__init__(view)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """One line; the list takes its width."""
        row = self._row(index)
        return QSize(100, ROW_HEIGHT if row is not None and row.entry is not None else HEADING_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw one row in the theme's colours."""
        row = self._row(index)
        if row is None:
            return
        painter.save()
        if row.entry is None:
            self._paint_heading(painter, option, row.title)
        else:
            self._paint_entry(painter, option, row)
        painter.restore()

    @staticmethod
    def _row(index: _Index) -> PaletteRow | None:
        model = index.model()
        return model.row(index.row()) if isinstance(model, PaletteModel) else None

    def _paint_heading(self, painter: QPainter, option: QStyleOptionViewItem, title: str) -> None:
        font = QFont(option.font)
        font.setPixelSize(option.font.pixelSize() - 2)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(self._theme.color("text_muted"))
        painter.drawText(option.rect.adjusted(_PADDING, 6, 0, 0), Qt.AlignmentFlag.AlignVCenter, title)

    def _paint_entry(self, painter: QPainter, option: QStyleOptionViewItem, row: PaletteRow) -> None:
        entry, color = row.entry, self._theme.color
        assert entry is not None
        rect = QRect(option.rect)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, color("selection" if chosen else "hover"))
        if chosen:
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), color("accent"))
        inner = rect.adjusted(_PADDING, 0, -_PADDING, 0)
        if entry.icon:
            place = QRect(inner.left(), rect.center().y() - _ICON // 2, _ICON, _ICON)
            icon(self._theme, entry.icon, size=_ICON).paint(painter, place)
        inner.setLeft(inner.left() + _ICON + _GAP)
        painter.setFont(option.font)
        metrics = QFontMetrics(option.font)
        said = entry.reason or entry.detail
        shown = metrics.elidedText(said, Qt.TextElideMode.ElideRight, round(inner.width() * _DETAIL_SHARE))
        painter.setPen(color("warn" if entry.reason else "selection_text" if chosen else "text_muted"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, shown)
        room = inner.width() - (metrics.horizontalAdvance(shown) + 2 * _GAP if shown else 0)
        painter.setPen(color("text_muted" if entry.reason else "selection_text" if chosen else "text"))
        self._paint_title(painter, inner, room, option.font, row)

    @staticmethod
    def _paint_title(painter: QPainter, rect: QRect, room: int, font: QFont, row: PaletteRow) -> None:
        bold = QFont(font)
        bold.setWeight(QFont.Weight.Bold)
        x, end, at = rect.left(), rect.left() + room, 0
        baseline = rect.center().y() + QFontMetrics(font).ascent() // 2
        for start, stop in (*row.marks, (len(row.title), len(row.title))):
            for part, used in ((row.title[at:start], font), (row.title[start:stop], bold)):
                metrics = QFontMetrics(used)
                shown = metrics.elidedText(part, Qt.TextElideMode.ElideRight, end - x)
                painter.setFont(used)
                painter.drawText(x, baseline, shown)
                x += metrics.horizontalAdvance(shown)
                if shown != part:
                    return
            at = stop
