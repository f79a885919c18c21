"""Folders, pins, tags, the archive and the trash: asks the store off the GUI thread, and asks the user first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QInputDialog, QMessageBox

from desktop.core.text import one_line
from desktop.core.words import counted, tr
from desktop.store.chats import Chat, ChatStore
from desktop.store.chats_order import Folder, folder_name
from desktop.ui.chat.chat_list import ChatListPane
from desktop.ui.chat.chat_list_model import UNTITLED
from desktop.ui.chat.chat_rows import Section
from desktop.ui.shared.signals import calling
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

T = TypeVar("T")


class Ordering(QObject):
    """Does what the list pane asks for. ``changed`` tells of the chat as it is now."""

    changed = Signal(object)  # Chat
    purged = Signal(int)  # it is gone for good
    emptied = Signal()
    failed = Signal(object)  # HeftError

    def __init__(self, chats: ChatStore, pane: ChatListPane, tasks: Tasks) -> None:
        super().__init__(pane)
        self._chats, self._order, self._pane, self._tasks = chats, chats.order, pane, tasks
        pane.pin_asked.connect(lambda chat_id, pinned: self._change(lambda: self._order.pin(chat_id, pinned)))
        pane.archive_asked.connect(lambda chat_id, away: self._change(lambda: self._order.archive(chat_id, away)))
        pane.move_asked.connect(self.move)
        pane.placed.connect(self._placed)
        pane.tags_asked.connect(self._ask_tags)
        pane.folder_asked.connect(self._ask_folder)
        pane.folder_renamed.connect(self._rename_folder)
        pane.folder_removed.connect(lambda name: self._folders(lambda: self._order.delete_folder(name)))
        pane.folder_folded.connect(self._fold)
        pane.purge_asked.connect(self._ask_purge)
        pane.empty_asked.connect(self._ask_empty)

    def move(self, chat_id: int, folder: str) -> None:
        """Put a chat into a folder, or into none."""
        self._change(lambda: self._order.move(chat_id, folder))

    def make_folder(self, name: str, chat_id: int | None = None) -> None:
        """A new folder, with a chat in it where one is named; a name without letters makes none."""
        if not folder_name(name):
            return
        if chat_id is None:
            self._folders(lambda: self._order.make_folder(name))
        else:
            self.move(chat_id, name)

    def tag(self, chat_id: int, text: str) -> None:
        """Give a chat the tags of a text, in which commas or spaces stand between them."""
        self._change(lambda: self._order.tag(chat_id, text.replace(",", " ").split()))

    # -- asking -----------------------------------------------------------------------------------

    def _ask_folder(self, chat_id: int | None) -> None:
        dialog = self._dialog("folderName", tr("New folder"), tr("Name of the folder"))
        dialog.textValueSelected.connect(lambda name: self.make_folder(name, chat_id))
        dialog.open()

    def _ask_tags(self, chat: Chat) -> None:
        def done(used: list[str]) -> None:
            words = tr("Tags, with spaces between them. A search for a tag finds the chat.")
            others = [tag for tag in used if tag not in chat.tags]
            if others:
                words += tr("\nIn use: {others}", others=one_line(", ".join(others)))
            dialog = self._dialog("chatTags", tr("Tags"), words)
            dialog.setTextValue(" ".join(chat.tags))
            dialog.textValueSelected.connect(lambda text: self.tag(chat.id, text))
            dialog.open()

        self._run(self._order.tags, done)

    def _ask_purge(self, chat_id: int) -> None:
        chat = self._pane.chats.chat(chat_id)
        title = one_line((chat.title if chat else "") or UNTITLED)
        self._ask(tr("Delete “{title}” for good?", title=title), tr("Delete"), lambda: self._purge(chat_id))

    def _ask_empty(self) -> None:
        count = self._pane.chats.rowCount()
        if count:
            chats = counted(count, "chat")
            self._ask(tr("Delete the {chats} of the trash for good?", chats=chats), tr("Empty the trash"), self._empty)

    def _ask(self, question: str, word: str, call: Callable[[], object]) -> None:
        box = QMessageBox(
            QMessageBox.Icon.Question, tr("Trash"), question, QMessageBox.StandardButton.Cancel, self._pane.window()
        )
        box.setObjectName("trashQuestion")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(tr("This cannot be undone."))
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        confirm = box.addButton(word, QMessageBox.ButtonRole.DestructiveRole)
        confirm.setObjectName("trashConfirm")
        confirm.clicked.connect(calling(call))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _dialog(self, name: str, title: str, words: str) -> QInputDialog:
        dialog = QInputDialog(self._pane.window())
        dialog.setObjectName(name)
        dialog.setWindowTitle(title)
        dialog.setLabelText(words)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    # -- doing ------------------------------------------------------------------------------------

    def _purge(self, chat_id: int) -> None:
        self._run(lambda: self._order.delete_for_good(chat_id), lambda _: self.purged.emit(chat_id))

    def _empty(self) -> None:
        self._run(self._order.empty_trash, lambda _: self.emptied.emit())

    def _placed(self, chat_id: int, section: Section) -> None:
        """A chat was dropped under a heading."""

        def work() -> Chat:
            if section.kind == "pinned":
                return self._order.pin(chat_id, True)
            self._order.pin(chat_id, False)
            return self._order.move(chat_id, section.name)

        self._change(work)

    def _rename_folder(self, name: str, to: str) -> None:
        def done(now: str) -> None:
            self._pane.chats.rename_folder(name, now)
            self._folders(lambda: None)

        self._run(lambda: self._order.rename_folder(name, to), done)

    def _fold(self, name: str, folded: bool) -> None:
        self._folders(lambda: self._order.fold(name, folded))

    def _change(self, work: Callable[[], Chat]) -> None:
        def done(result: tuple[Chat, list[Folder]]) -> None:
            chat, folders = result
            self._show_folders(folders)
            self.changed.emit(chat)

        self._run(lambda: (work(), self._order.folders()), done)

    def _folders(self, work: Callable[[], object]) -> None:
        """Change the folders; the chats that are listed may lie in others then."""
        place = self._pane.place

        def read() -> tuple[list[Chat], list[Folder]]:
            work()
            return self._order.listed(place), self._order.folders()

        def done(result: tuple[list[Chat], list[Folder]]) -> None:
            if place == "chats" and self._pane.place == place:
                self._pane.chats.show_folders(*result)

        self._run(read, done)

    def _show_folders(self, folders: Sequence[Folder]) -> None:
        if self._pane.place == "chats":
            self._pane.chats.set_folders(folders)

    def _run(self, work: Callable[[], T], done: Callable[[T], None]) -> None:
        def call(_context: TaskContext) -> T:
            return work()

        self._tasks.run(call, done=done, failed=self.failed.emit, lane=Lane.COMMAND, owner=self, queue="chats")
