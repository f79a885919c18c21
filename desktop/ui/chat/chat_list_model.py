"""Conversations and search results as one Qt model each: immutable rows, patched by id."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from desktop.core.text import plain_tooltip, visible_in_place
from desktop.store.chats import MARK_END, MARK_START, Chat, SearchHit
from desktop.ui.chat.target import Target

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
UNTITLED = "New chat"
_LEAD_CHARACTERS = 14


class ChatRole(IntEnum):
    """What a delegate asks for beyond Qt's own roles."""

    CHAT_ID = Qt.ItemDataRole.UserRole + 1
    TARGET = Qt.ItemDataRole.UserRole + 2
    SUBTITLE = Qt.ItemDataRole.UserRole + 3
    TRAILING = Qt.ItemDataRole.UserRole + 4  # after the subtitle, never cut


def when(moment: datetime.datetime, now: datetime.datetime) -> str:
    """A past time as people say it: now, 5 min, 14:03, yesterday, Friday, 12 Nov, 12 Nov 2024 (local times)."""
    seconds = (now - moment).total_seconds()
    days = (now.date() - moment.date()).days
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    if days == 0:
        return moment.strftime("%H:%M")
    if days == 1:
        return "yesterday"
    if days < 7:
        return moment.strftime("%A")
    day = f"{moment.day} {moment.strftime('%b')}"
    return day if moment.year == now.year else f"{day} {moment.year}"


class ChatListModel(QAbstractListModel):
    """All conversations, newest first. ``setData`` with EditRole asks for a new title through ``renamed``."""

    renamed = Signal(int, str)

    def __init__(
        self,
        parent: QObject | None = None,
        clock: Callable[[], datetime.datetime] = datetime.datetime.now,
    ) -> None:
        super().__init__(parent)
        self._rows: list[Chat] = []
        self._clock = clock

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of conversations."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Title, model and time, tooltip, accessible text and the chat's id."""
        if not index.isValid():
            return None
        chat = self._rows[index.row()]
        title = visible_in_place(chat.title) or UNTITLED
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        if role == Qt.ItemDataRole.EditRole:
            return chat.title
        if role == ChatRole.CHAT_ID:
            return chat.id
        if role == ChatRole.SUBTITLE:
            return visible_in_place(chat.model)
        moment = when(datetime.datetime.fromtimestamp(chat.updated), self._clock())
        if role == ChatRole.TRAILING:
            return f" · {moment}" if chat.model else moment
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            told = [part for part in (title, visible_in_place(chat.model), moment) if part]
            return plain_tooltip("\n".join(told)) if role == Qt.ItemDataRole.ToolTipRole else ", ".join(told)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take an edited title; the row changes when the store has it."""
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        title = " ".join(str(value).split())
        chat = self._rows[index.row()]
        if not title or title == chat.title:
            return False
        self.renamed.emit(chat.id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Titles can be edited in place."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.isValid() else flags

    def set_chats(self, chats: Sequence[Chat]) -> None:
        """Show these, in this order."""
        self.beginResetModel()
        self._rows = list(chats)
        self.endResetModel()

    def put(self, chat: Chat) -> None:
        """Insert or change one conversation and move it to its place; the others stay untouched."""
        at = self.row_of(chat.id)
        others = [row for row in self._rows if row.id != chat.id]
        to = next((i for i, row in enumerate(others) if (row.updated, row.id) < (chat.updated, chat.id)), len(others))
        if at is None:
            self.beginInsertRows(_ROOT, to, to)
            self._rows.insert(to, chat)
            self.endInsertRows()
            return
        if at != to:
            self.beginMoveRows(_ROOT, at, at, _ROOT, to + 1 if to > at else to)
            self._rows.insert(to, self._rows.pop(at))
            self.endMoveRows()
        self._rows[to] = chat
        self.dataChanged.emit(self.index(to), self.index(to))

    def remove(self, chat_id: int) -> None:
        """Take one conversation off the list; nothing happens when it is not there."""
        at = self.row_of(chat_id)
        if at is not None:
            self.beginRemoveRows(_ROOT, at, at)
            del self._rows[at]
            self.endRemoveRows()

    def row_of(self, chat_id: int) -> int | None:
        """Its row, None when it is not on the list."""
        return next((row for row, chat in enumerate(self._rows) if chat.id == chat_id), None)

    def chat_at(self, row: int) -> Chat | None:
        """The conversation in a row, None outside the list."""
        return self._rows[row] if 0 <= row < len(self._rows) else None


class SearchHitModel(QAbstractListModel):
    """Results of a search; the subtitle is the snippet with its marks (store.chats.MARK_START, MARK_END)."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[SearchHit] = []

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of results."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Title, snippet, ids and accessible text."""
        if not index.isValid():
            return None
        hit = self._rows[index.row()]
        title = visible_in_place(hit.title) or UNTITLED
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        if role == ChatRole.CHAT_ID:
            return hit.chat_id
        where = "Attached: " if hit.in_attachment else "Reasoning: " if hit.in_reasoning else ""
        if role == ChatRole.TARGET:
            return None if hit.message_id is None else Target(hit.message_id, hit.in_reasoning, _first_match(hit))
        if role == ChatRole.SUBTITLE:
            return (
                "in the title"
                if hit.message_id is None
                else where + _match_first(hit.snippet, _LEAD_CHARACTERS - len(where))
            )
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            told = title if hit.message_id is None else f"{title}: {where}{plain(hit.snippet)}"
            return plain_tooltip(told) if role == Qt.ItemDataRole.ToolTipRole else told
        return None

    def set_hits(self, hits: Sequence[SearchHit]) -> None:
        """Show these results."""
        self.beginResetModel()
        self._rows = list(hits)
        self.endResetModel()


def _first_match(hit: SearchHit) -> str:
    """The first word of the snippet that was searched for, as it is written."""
    return hit.snippet.partition(MARK_START)[2].partition(MARK_END)[0]


def _match_first(snippet: str, characters: int) -> str:
    """The snippet on one line, with so many characters before its first match, which a narrow row shows then."""
    line = " ".join(snippet.split())
    lead, mark, rest = line.partition(MARK_START)
    if len(lead) > characters:
        lead = "…" + lead[-characters:].split(" ", 1)[-1]
    return f"{lead}{mark}{rest}"


def plain(snippet: str) -> str:
    """A snippet without its marks, on one line."""
    return " ".join(snippet.replace(MARK_START, "").replace(MARK_END, "").split())
