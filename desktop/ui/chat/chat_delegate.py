"""A row of the list of chats: a title, and below it what the row says more, with matches in bold; or a heading."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QLineEdit, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.store.chats import MARK_END, MARK_START
from desktop.store.chats_order import LONGEST_NAME
from desktop.ui.chat.chat_list_model import ChatRole
from desktop.ui.chat.chat_rows import Section
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

PADDING_X, PADDING_Y, _GAP = 14, 11, 5
_HEADING_Y, _CHEVRON = 6, 10
_EDGE = 3  # the accent bar that marks the chosen row without colour alone: shape and bold title say it too


class ChatDelegate(QStyledItemDelegate):
    """Paints a row: title, and below it "model · when" or a snippet with its matches in bold."""

    def __init__(self, theme: Theme, view: QListView) -> None:
        super().__init__(view)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Two lines of text; one for a heading."""
        title, subtitle = self._fonts(option.font)
        if index.data(ChatRole.SECTION) is not None:
            return QSize(120, QFontMetrics(subtitle).height() + 2 * _HEADING_Y)
        height = QFontMetrics(title).height() + _GAP + QFontMetrics(subtitle).height() + 2 * PADDING_Y
        return QSize(120, height)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one row in the theme's colours."""
        color = self._theme.color
        rect = option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        if chosen or hovered:
            painter.fillRect(rect, color("raised"))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), color("border"))
        if chosen:
            painter.fillRect(QRect(rect.left(), rect.top(), _EDGE, rect.height()), color("accent"))
        if chosen and option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(color("accent"))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        section = index.data(ChatRole.SECTION)
        if section is not None:
            self._draw_heading(painter, option, section)
            painter.restore()
            return
        title, subtitle = self._fonts(option.font)
        inner = rect.adjusted(PADDING_X, PADDING_Y, -PADDING_X, -PADDING_Y)
        painter.setFont(title)
        painter.setPen(color("text"))
        metrics = QFontMetrics(title)
        text = metrics.elidedText(
            str(index.data(Qt.ItemDataRole.DisplayRole)), Qt.TextElideMode.ElideRight, inner.width()
        )
        painter.drawText(inner.left(), inner.top() + metrics.ascent(), text)
        below = QFontMetrics(subtitle)
        baseline = QPoint(inner.left(), inner.top() + metrics.height() + _GAP + below.ascent())
        trailing = str(index.data(ChatRole.TRAILING) or "")
        room = inner.width() - below.horizontalAdvance(trailing)
        end = self._draw_marked(painter, baseline, room, str(index.data(ChatRole.SUBTITLE) or ""), subtitle)
        painter.drawText(end, baseline.y(), trailing)
        painter.restore()

    def _draw_heading(self, painter: QPainter, option: QStyleOptionViewItem, section: Section) -> None:
        """A folder with its chevron and how many chats it holds, or what the rows below are."""
        _, font = self._fonts(option.font)
        font.setWeight(QFont.Weight.DemiBold)
        inner = option.rect.adjusted(PADDING_X, 0, -PADDING_X, 0)
        if section.kind == "folder":
            side = "right" if section.folded else "down"
            chevron = icon(self._theme, f"chevron-{side}-{self._theme.scheme}", size=_CHEVRON)
            place = QRect(inner.left(), inner.center().y() - _CHEVRON // 2, _CHEVRON, _CHEVRON)
            chevron.paint(painter, place)
            inner.setLeft(place.right() + 6)
        painter.setFont(font)
        painter.setPen(self._theme.color("text_muted"))
        metrics = QFontMetrics(font)
        count = f"{section.count:,}" if section.kind == "folder" else ""
        room = inner.width() - metrics.horizontalAdvance(count) - (8 if count else 0)
        name = metrics.elidedText(visible_in_place(section.title), Qt.TextElideMode.ElideRight, room)
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, count)

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The title is edited where it stands, over the whole row."""
        height = editor.sizeHint().height()
        editor.setGeometry(
            option.rect.left() + 6, option.rect.center().y() - height // 2, option.rect.width() - 12, height
        )

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        """A line for the new title."""
        editor = QLineEdit(parent)
        editor.setObjectName("renameChat")
        folder = index.data(ChatRole.SECTION) is not None
        editor.setAccessibleName(tr("New name of the folder") if folder else tr("New title of the chat"))
        editor.setMaxLength(LONGEST_NAME if folder else 200)
        return editor

    @staticmethod
    def _fonts(base: QFont) -> tuple[QFont, QFont]:
        title, subtitle = QFont(base), QFont(base)
        title.setWeight(QFont.Weight.DemiBold)
        subtitle.setPixelSize(max(10, base.pixelSize() - 1))
        return title, subtitle

    def _draw_marked(self, painter: QPainter, at: QPoint, width: int, text: str, font: QFont) -> int:
        """Draw text with its marked parts in bold, cut to ``width``; returns where it ended."""
        bold = QFont(font)
        bold.setWeight(QFont.Weight.Bold)
        x, end = at.x(), at.x() + width
        for number, part in enumerate(text.replace(MARK_END, MARK_START).split(MARK_START)):
            marked = number % 2 == 1
            used = bold if marked else font
            metrics = QFontMetrics(used)
            shown = metrics.elidedText(part, Qt.TextElideMode.ElideRight, end - x)
            painter.setFont(used)
            painter.setPen(self._theme.color("text" if marked else "text_muted"))
            painter.drawText(x, at.y(), shown)
            x += metrics.horizontalAdvance(shown)
            if shown != part:
                break
        painter.setFont(font)
        painter.setPen(self._theme.color("text_muted"))
        return x
