"""What is done with the row of the list of chats that is chosen: a chat, a chat of the trash, or a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QListView

from desktop.store.chats import Chat
from desktop.ui.chat import actions
from desktop.ui.chat.chat_list_model import ChatRole
from desktop.ui.chat.chat_menus import folder_menu
from desktop.ui.chat.chat_rows import Section
from desktop.ui.shell.keys import add_keys, hear

if TYPE_CHECKING:
    from desktop.ui.chat.chat_list import ChatListPane


class ChosenRow:
    """Asks for it by the pane's signals; nothing happens where no such row is chosen."""

    def __init__(self, pane: ChatListPane, view: QListView) -> None:
        """Hears the keys of the view."""
        self._pane, self._view = pane, view
        for action, call in (
            (actions.DELETE, self.delete),
            (actions.PIN, self.pin),
            (actions.MOVE, self.choose_folder),
            (actions.TAGS, self.tag),
            (actions.ARCHIVE, self.archive),
        ):
            hear(view, action, call)
        add_keys(view, actions.FOLDER_KEYS, self._turn_folder)
        hear(view, actions.RENAME, self.rename)
        view.clicked.connect(
            lambda index: self._turn_folder("turn", index)
        )  # a folder opens or closes by a click on it

    @property
    def chat(self) -> Chat | None:
        """The chosen chat, which is not in the trash."""
        return self._row if self._pane.place != "trash" else None

    @property
    def trashed(self) -> Chat | None:
        """The chosen chat of the trash."""
        return self._row if self._pane.place == "trash" else None

    @property
    def _row(self) -> Chat | None:
        index = self._view.currentIndex()
        return self._pane.chats.chat_at(index.row()) if index.isValid() else None

    def rename(self) -> None:
        """Edit the title of the chat, or the folder's name, where it stands."""
        index = self._view.currentIndex()
        if index.isValid() and self._pane.place != "trash" and index.flags() & Qt.ItemFlag.ItemIsEditable:
            self._pane.show_list()
            self._view.scrollTo(index)
            self._view.edit(index)

    def delete(self) -> None:
        """Ask for the deletion of the chat, for good in the trash, or for a folder to be taken away."""
        section = self._view.currentIndex().data(ChatRole.SECTION)
        if isinstance(section, Section) and section.kind == "folder":
            self._pane.folder_removed.emit(section.name)
        elif (chat := self.chat) is not None:
            self._pane.delete_asked.emit(chat.id)
        else:
            self.delete_for_good()

    def delete_for_good(self) -> None:
        """Ask for a chat of the trash to be deleted for good."""
        if (chat := self.trashed) is not None:
            self._pane.purge_asked.emit(chat.id)

    def restore(self) -> None:
        """Ask for a chat of the trash to be brought back."""
        if (chat := self.trashed) is not None:
            self._pane.undo_asked.emit(chat.id)

    def duplicate(self) -> None:
        """Ask for a copy of the chat."""
        if (chat := self.chat) is not None:
            self._pane.duplicate_asked.emit(chat.id)

    def export(self, kind: str) -> None:
        """Ask for the chat as a file of a kind of desktop.ui.chat.export."""
        if (chat := self.chat) is not None:
            self._pane.export_asked.emit(chat.id, kind)

    def pin(self) -> None:
        """Ask for the chat to be pinned, or unpinned."""
        if (chat := self.chat) is not None:
            self._pane.pin_asked.emit(chat.id, not chat.pinned)

    def tag(self) -> None:
        """Ask for the chat's tags to be changed."""
        if (chat := self.chat) is not None:
            self._pane.tags_asked.emit(chat)

    def archive(self) -> None:
        """Ask for the chat to be archived, or taken out of the archive."""
        if (chat := self.chat) is not None:
            self._pane.archive_asked.emit(chat.id, not chat.archived)

    def choose_folder(self) -> None:
        """Open the menu of folders where the chat stands."""
        if (chat := self.chat) is not None:
            index = self._view.currentIndex()
            self._view.scrollTo(index)
            menu = folder_menu(self._pane, chat)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self._view.viewport().mapToGlobal(self._view.visualRect(index).bottomLeft()))

    def _turn_folder(self, turn: str, index: QModelIndex | None = None) -> None:
        section = (index or self._view.currentIndex()).data(ChatRole.SECTION)
        if isinstance(section, Section) and section.kind == "folder":
            folded = not section.folded if turn == "turn" else turn == "close"
            if folded != section.folded:
                self._pane.folder_folded.emit(section.name, folded)
