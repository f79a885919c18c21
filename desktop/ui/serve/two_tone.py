"""Cells of two parts: what matters, and muted words after it, which give way first."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from desktop.ui.shell.theme import Theme

PARTS = Qt.ItemDataRole.UserRole + 1  # of a cell: (what matters, what follows, the token of its colour)
_LEFT, _RIGHT, _GAP = 11, 10, 6  # pixels; as the style has other cells


class TwoToneDelegate(QStyledItemDelegate):
    """Paints both parts in one line; ``bold``: the first one is a name. A cell's display text has both, joined."""

    def __init__(self, theme: Theme, table: QTableView, *, bold: bool = False) -> None:
        super().__init__(table)
        self._theme, self._bold = theme, bold

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The ground as the style has it, then the two parts."""
        self.initStyleOption(option, index)
        option.text = ""
        style = option.widget.style() if option.widget is not None else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        first, second, token = index.data(PARTS)
        area = option.rect.adjusted(_LEFT, 0, -_RIGHT, 0)
        right = bool(Qt.AlignmentFlag(index.data(Qt.ItemDataRole.TextAlignmentRole)) & Qt.AlignmentFlag.AlignRight)
        font = QFont(option.font)
        font.setBold(self._bold)
        metrics, small = QFontMetrics(font), option.fontMetrics
        first = metrics.elidedText(first, Qt.TextElideMode.ElideMiddle, area.width())
        width = metrics.horizontalAdvance(first)
        room = area.width() - width - _GAP
        following = small.elidedText(second, Qt.TextElideMode.ElideRight, room) if second and room > 0 else ""
        taken = width + (_GAP + small.horizontalAdvance(following) if following else 0)
        left = area.right() + 1 - taken if right else area.left()
        painter.save()
        self._draw(painter, font, "text", QRect(left, area.top(), area.width(), area.height()), first)
        if following:
            place = QRect(left + width + _GAP, area.top(), area.width(), area.height())
            self._draw(painter, option.font, token, place, following)
        painter.restore()

    def _draw(self, painter: QPainter, font: QFont, token: str, place: QRect, text: str) -> None:
        painter.setFont(font)
        painter.setPen(self._theme.color(token))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip
        painter.drawText(place, flags, text)
