"""Conversations and search results as one Qt model each: immutable rows, patched by id."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from desktop.core.text import plain_tooltip, visible_in_place
from desktop.core.words import tr
from desktop.store.chats import MARK_END, MARK_START, Chat, SearchHit
from desktop.store.chats_order import Folder, Place
from desktop.ui.chat.chat_rows import Row, Section, arranged, key_of
from desktop.ui.chat.target import Target

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
UNTITLED = tr("New chat")
CHAT_MIME = "application/x-heft-chat"
PLACE_WORDS: dict[Place, str] = {"chats": "", "archive": tr("Archive · "), "trash": tr("Trash · ")}
_LEAD_CHARACTERS = 14


class ChatRole(IntEnum):
    """What a delegate asks for beyond Qt's own roles."""

    CHAT_ID = Qt.ItemDataRole.UserRole + 1
    TARGET = Qt.ItemDataRole.UserRole + 2
    SUBTITLE = Qt.ItemDataRole.UserRole + 3
    TRAILING = Qt.ItemDataRole.UserRole + 4  # after the subtitle, never cut
    SECTION = Qt.ItemDataRole.UserRole + 5  # Section of a heading
    PLACE = Qt.ItemDataRole.UserRole + 6  # where a chat that was found lies


def when(moment: datetime.datetime, now: datetime.datetime) -> str:
    """A past time as people say it: now, 5 min, 14:03, yesterday, Friday, 12 Nov, 12 Nov 2024 (local times)."""
    seconds = (now - moment).total_seconds()
    days = (now.date() - moment.date()).days
    if seconds < 60:
        return tr("now")
    if seconds < 3600:
        return tr("{seconds} min", seconds=int(seconds // 60))
    if days == 0:
        return moment.strftime("%H:%M")
    if days == 1:
        return tr("yesterday")
    if days < 7:
        return moment.strftime("%A")
    day = f"{moment.day} {moment.strftime('%b')}"
    return day if moment.year == now.year else f"{day} {moment.year}"


class ChatListModel(QAbstractListModel):
    """Conversations, newest first, under the headings of their folders and pins where there are any.

    ``setData`` with EditRole asks for a new title through ``renamed``, or a folder's new name through
    ``folder_renamed``. A chat that is dropped on a row asks for the row's place through ``placed``.
    """

    renamed = Signal(int, str)
    folder_renamed = Signal(str, str)  # from, to
    placed = Signal(int, object)  # chat id, Section
    settled = Signal()  # rows came, moved or went, which may have moved a view's current row

    def __init__(
        self,
        parent: QObject | None = None,
        clock: Callable[[], datetime.datetime] = datetime.datetime.now,
    ) -> None:
        super().__init__(parent)
        self._chats: list[Chat] = []
        self._folders: tuple[Folder, ...] = ()
        self._rows: list[Row] = []
        self._clock = clock
        self.arranging = False  # what becomes the current row of a view meanwhile was chosen by nobody

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Title, model and time, tooltip, accessible text and the chat's id; of a heading its words."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        return _section_data(row, role) if isinstance(row, Section) else self._chat_data(row, role)

    def _chat_data(self, chat: Chat, role: int) -> Any:
        title = visible_in_place(chat.title) or UNTITLED
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        if role == Qt.ItemDataRole.EditRole:
            return chat.title
        if role == ChatRole.CHAT_ID:
            return chat.id
        tags = " ".join(f"#{visible_in_place(tag)}" for tag in chat.tags)
        if role == ChatRole.SUBTITLE:
            return tags or visible_in_place(chat.model)
        moment = when(datetime.datetime.fromtimestamp(chat.deleted or chat.updated), self._clock())
        if role == ChatRole.TRAILING:
            return f" · {moment}" if tags or chat.model else moment
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            told = [part for part in (title, visible_in_place(chat.model), tags, moment) if part]
            return plain_tooltip("\n".join(told)) if role == Qt.ItemDataRole.ToolTipRole else ", ".join(told)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take an edited title; the row changes when the store has it."""
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        title = " ".join(str(value).split())
        row = self._rows[index.row()]
        if not title or title == (row.name if isinstance(row, Section) else row.title):
            return False
        if isinstance(row, Section):
            self.folder_renamed.emit(row.name, title)
        else:
            self.renamed.emit(row.id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Titles and folders can be edited in place; chats can be dragged onto every row."""
        if not index.isValid():
            return super().flags(index)
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemNeverHasChildren | Qt.ItemFlag.ItemIsDropEnabled
        row = self._rows[index.row()]
        if isinstance(row, Chat):
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        if isinstance(row, Chat) or row.kind == "folder":
            flags |= Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable
        return flags

    # -- dragging ---------------------------------------------------------------------------------

    def mimeTypes(self) -> list[str]:
        """A chat by its number."""
        return [CHAT_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """The dragged chat."""
        data = QMimeData()
        dragged = next((index.data(ChatRole.CHAT_ID) for index in indexes), None)
        data.setData(CHAT_MIME, QByteArray(str(dragged or 0).encode()))
        return data

    def supportedDropActions(self) -> Qt.DropAction:
        """A chat is moved."""
        return Qt.DropAction.MoveAction

    def canDropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        """Whether a chat is dropped on a row that stands under a heading."""
        return self._dropped_at(data, row, parent) is not None

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        """Ask for the place of the row that a chat was dropped on."""
        section = self._dropped_at(data, row, parent)
        if section is not None:
            self.placed.emit(dragged_chat(data), section)
        return False  # Qt would take the row away; the list follows the store

    def _dropped_at(self, data: QMimeData, row: int, parent: Index) -> Section | None:
        at = parent.row() if parent.isValid() else row - 1
        if dragged_chat(data) is None or not 0 <= at < len(self._rows):
            return None
        above = (known for known in reversed(self._rows[: at + 1]) if isinstance(known, Section))
        return next(above, None)

    # -- what is listed ---------------------------------------------------------------------------

    def set_chats(self, chats: Sequence[Chat], folders: Sequence[Folder] = ()) -> None:
        """Show these, in this order, in these folders."""
        self.beginResetModel()
        self._chats, self._folders = list(chats), tuple(folders)
        self._rows = arranged(self._chats, self._folders)
        self.endResetModel()

    def set_folders(self, folders: Sequence[Folder]) -> None:
        """The folders are these now."""
        self._folders = tuple(folders)
        self._arrange()

    def show_folders(self, chats: Sequence[Chat], folders: Sequence[Folder]) -> None:
        """As :meth:`set_chats`, of chats that are listed already: what is chosen and scrolled to stays."""
        self._chats, self._folders = list(chats), tuple(folders)
        self._arrange()

    def put(self, chat: Chat) -> None:
        """Insert or change one conversation and move it to its place; the others stay untouched."""
        others = [known for known in self._chats if known.id != chat.id]
        to = next((i for i, row in enumerate(others) if (row.updated, row.id) < (chat.updated, chat.id)), len(others))
        self._chats = [*others[:to], chat, *others[to:]]
        self._arrange()

    def remove(self, chat_id: int) -> None:
        """Take one conversation off the list; nothing happens when it is not there."""
        self._chats = [known for known in self._chats if known.id != chat_id]
        self._arrange()

    def row_of(self, chat_id: int) -> int | None:
        """Its row, None when it is not in view."""
        return next((row for row, chat in enumerate(self._rows) if isinstance(chat, Chat) and chat.id == chat_id), None)

    def row_of_folder(self, name: str) -> int | None:
        """The row of a folder's heading, None where there is none."""
        return next((row for row, known in enumerate(self._rows) if key_of(known) == ("folder", name)), None)

    def chat(self, chat_id: int) -> Chat | None:
        """A conversation of the list, also in a folder that is closed."""
        return next((chat for chat in self._chats if chat.id == chat_id), None)

    def chat_at(self, row: int) -> Chat | None:
        """The conversation in a row, None outside the list and for a heading."""
        found = self._rows[row] if 0 <= row < len(self._rows) else None
        return found if isinstance(found, Chat) else None

    @property
    def folders(self) -> tuple[Folder, ...]:
        """The folders, by name."""
        return self._folders

    @property
    def has_headings(self) -> bool:
        """Whether rows differ in height."""
        return any(isinstance(row, Section) for row in self._rows)

    def rename_folder(self, name: str, to: str) -> None:
        """A folder's heading stays the row that it is under its new name, unless that is another folder's."""
        at = self.row_of_folder(name)
        if at is not None and self.row_of_folder(to) is None:
            section = self._rows[at]
            assert isinstance(section, Section)
            self._rows[at] = replace(section, name=to)
            self.dataChanged.emit(self.index(at), self.index(at))

    def _arrange(self) -> None:
        """Bring the rows into the order that they have now."""
        self.arranging = True
        self._arrange_rows()
        self.arranging = False
        self.settled.emit()

    def _arrange_rows(self) -> None:
        """By as few steps as views can follow."""
        wanted = arranged(self._chats, self._folders)
        keys = {key_of(row) for row in wanted}
        for at in reversed(range(len(self._rows))):
            if key_of(self._rows[at]) not in keys:
                self.beginRemoveRows(_ROOT, at, at)
                del self._rows[at]
                self.endRemoveRows()
        there = {key_of(row) for row in self._rows}
        for to, row in enumerate(wanted):
            key = key_of(row)
            if key not in there:
                self.beginInsertRows(_ROOT, to, to)
                self._rows.insert(to, row)
                self.endInsertRows()
                continue
            if key_of(self._rows[to]) != key:
                self._bring(key, to)
            if self._rows[to] != row:
                self._rows[to] = row
                self.dataChanged.emit(self.index(to), self.index(to))

    def _bring(self, key: int | tuple[str, str], to: int) -> None:
        if key_of(self._rows[to + 1]) == key:  # the one in its place goes down: one step, and not one for each row
            self._move(to, len(self._rows) - 1)
        else:
            self._move(next(at for at in range(to, len(self._rows)) if key_of(self._rows[at]) == key), to)

    def _move(self, at: int, to: int) -> None:
        if at != to:
            self.beginMoveRows(_ROOT, at, at, _ROOT, to + 1 if to > at else to)
            self._rows.insert(to, self._rows.pop(at))
            self.endMoveRows()


def _section_data(section: Section, role: int) -> Any:
    if role == Qt.ItemDataRole.DisplayRole:
        return visible_in_place(section.title)
    if role == Qt.ItemDataRole.EditRole:
        return section.name
    if role == ChatRole.SECTION:
        return section
    if role == ChatRole.TRAILING:
        return f"{section.count:,}"
    if role == Qt.ItemDataRole.AccessibleTextRole:
        return section.spoken
    return plain_tooltip(section.title) if role == Qt.ItemDataRole.ToolTipRole else None


def dragged_chat(data: QMimeData) -> int | None:
    """The chat that is dragged; None where it is something else."""
    raw = bytes(data.data(CHAT_MIME).data()) if data.hasFormat(CHAT_MIME) else b""
    return int(raw) if raw.isdigit() and int(raw) else None


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
        if role == ChatRole.PLACE:
            return hit.place
        found = tr("Attached: ") if hit.in_attachment else tr("Reasoning: ") if hit.in_reasoning else ""
        where = PLACE_WORDS[hit.place] + found
        if role == ChatRole.TARGET:
            return None if hit.message_id is None else Target(hit.message_id, hit.in_reasoning, _first_match(hit))
        if role == ChatRole.SUBTITLE:
            if hit.message_id is None:
                return where + (" ".join(f"#{visible_in_place(tag)}" for tag in hit.tags) or tr("in the title"))
            return where + _match_first(hit.snippet, max(0, _LEAD_CHARACTERS - len(where)))
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            snippet = ", ".join(hit.tags) if hit.message_id is None else plain(hit.snippet)
            told = f"{title}: {where}{snippet}" if snippet or where else title
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
