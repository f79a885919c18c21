"""The conversations of the list: reading, searching, renaming, deleting and bringing back, off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from desktop.services.chat.chat import ChatService
from desktop.store.chats import Chat, ChatStore, SearchHit
from desktop.store.chats_order import Folder, place_of
from desktop.ui.chat.chat_list import ChatListPane
from desktop.ui.chat.chat_list_model import UNTITLED
from desktop.ui.chat.ordering import Ordering
from desktop.ui.shared.signals import calling
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks

T = TypeVar("T")


class ChatHistory(QObject):
    """Does what the list pane asks for and keeps it up to date."""

    deleted = Signal(int)
    restored = Signal(int)
    loaded = Signal()
    failed = Signal(object)  # HeftError

    def __init__(self, chats: ChatStore, service: ChatService, pane: ChatListPane, tasks: Tasks) -> None:
        super().__init__(pane)
        self._chats = chats
        self._service = service
        self._pane = pane
        self._tasks = tasks
        self._search: Task | None = None
        pane.search_asked.connect(self.search)
        pane.rename_asked.connect(self.rename)
        pane.delete_asked.connect(self.delete)
        pane.undo_asked.connect(self.restore)
        pane.place_asked.connect(calling(self.load))
        pane.looked_at.connect(self._look_again)
        self._ordering = Ordering(chats, pane, tasks)
        self._ordering.changed.connect(self.put)
        self._ordering.purged.connect(pane.chats.remove)
        self._ordering.emptied.connect(calling(self.load))
        self._ordering.failed.connect(self.failed)

    def load(self) -> None:
        """Read the list of the place in view."""
        place = self._pane.place

        def work(context: TaskContext) -> tuple[list[Chat], list[Folder]]:
            order = self._chats.order
            return order.listed(place), order.folders() if place == "chats" else []

        def done(result: tuple[list[Chat], list[Folder]]) -> None:
            if place == self._pane.place:
                self._pane.chats.set_chats(*result)
                self.loaded.emit()

        self._run(work, done, Lane.JOB)

    def _look_again(self) -> None:
        """Read the list where it was changed by another program: a restore, another Heft."""

        def done(changed: bool) -> None:
            if changed:
                self.load()

        self._run(lambda context: self._chats.changed_elsewhere(), done, Lane.JOB)

    def put(self, chat: Chat) -> None:
        """A chat is new or changed; it is listed where it lies."""
        if place_of(chat) == self._pane.place:
            self._pane.chats.put(chat)
        else:
            self._pane.chats.remove(chat.id)

    def title(self, chat_id: int) -> str:
        """The title as the list shows it."""
        chat = self._pane.chats.chat(chat_id)
        return (chat.title if chat else "") or UNTITLED

    def search(self, query: str) -> None:
        """Show what is found; a search that is not the newest any more shows nothing."""
        if self._search is not None:
            self._search.cancel()
            self._search = None
        if query:
            everywhere = self._pane.everywhere
            self._search = self._run(
                lambda context: self._chats.search(query, everywhere=everywhere), self._found, Lane.JOB
            )
        else:
            self._pane.hits.set_hits([])

    def rename(self, chat_id: int, title: str) -> None:
        """Give a chat another title."""
        self._run(lambda context: self._chats.update(chat_id, title=title), self.put)

    def delete(self, chat_id: int) -> None:
        """Take a chat off the list and offer to bring it back."""
        title = self.title(chat_id)

        def work(context: TaskContext) -> None:
            answering = self._service.answering
            if answering is not None and answering[0] == chat_id:
                self._service.stop()
            self._chats.delete(chat_id)

        def done(_: None) -> None:
            self._pane.chats.remove(chat_id)
            self._pane.offer_undo(chat_id, title)
            self.deleted.emit(chat_id)

        self._run(work, done)

    def restore(self, chat_id: int) -> None:
        """Bring a deleted chat back."""

        def done(chat: Chat) -> None:
            self.put(chat)
            self.restored.emit(chat.id)

        self._run(lambda context: self._chats.undelete(chat_id), done)

    def _found(self, hits: list[SearchHit]) -> None:
        self._pane.hits.set_hits(hits)

    def _run(self, work: Callable[[TaskContext], T], done: Callable[[T], None], lane: Lane = Lane.COMMAND) -> Task:
        queue = "chats" if lane is Lane.COMMAND else ""
        return self._tasks.run(work, done=done, failed=self.failed.emit, lane=lane, owner=self, queue=queue)
