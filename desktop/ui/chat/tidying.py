"""Copies of chats, forks at a message, and messages taken out of the chat in view and put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from desktop.store.chats import Chat, ChatStore, TakenOut
from desktop.ui.chat.chat_list import ChatListPane
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.history import ChatHistory
from desktop.ui.shared.signals import calling
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

T = TypeVar("T")


class Tidying(QObject):
    """Asks the store off the GUI thread and shows what came of it. Nothing happens while an answer is written."""

    made = Signal(object)  # Chat: a copy, which is opened
    taken = Signal()  # a message was taken out and can be put back
    lost = Signal()  # it cannot be any more: another chat is in view
    failed = Signal(object)  # HeftError

    def __init__(self, chats: ChatStore, talk: Conversation, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._chats, self._talk, self._tasks = chats, talk, tasks
        self._taken: TakenOut | None = None
        talk.opened.connect(self._opened)

    def connect_list(self, pane: ChatListPane, history: ChatHistory) -> None:
        """Do what the list of chats asks for, and show in it what came of it."""
        pane.duplicate_asked.connect(self.duplicate)
        pane.message_undo_asked.connect(self.put_back)
        self.made.connect(history.put)
        self.made.connect(calling(pane.list_made))
        self.taken.connect(pane.offer_message_undo)
        self.lost.connect(pane.withdraw_message_undo)

    def duplicate(self, chat_id: int) -> None:
        """A copy of a chat with all its branches."""
        self._run(lambda: self._chats.copy(chat_id), self._open)

    def fork(self, message_id: int | None = None) -> None:
        """A new chat that begins as the one in view, down to a message, or all of the branch."""
        chat, branch = self._talk.chat, self._talk.branch
        last = message_id if message_id is not None else branch[-1].id if branch else None
        if chat is not None and last is not None and not self._talk.busy:
            self._run(lambda: self._chats.copy(chat.id, to_message=last), self._open)

    def take_out(self, message_id: int | None = None) -> None:
        """Take a message out of the chat in view, its last one where none is named."""
        branch = self._talk.branch
        gone = message_id if message_id is not None else branch[-1].id if branch else None
        if gone is None or self._talk.busy:
            return

        def done(taken: TakenOut) -> None:
            self._taken = taken
            self._reopen(taken.chat_id)
            self.taken.emit()

        self._run(lambda: self._chats.take_out(gone), done)

    def put_back(self) -> None:
        """Put the message back that was taken out last; what was said since stays."""
        if self._taken is not None and self._talk.busy:
            self.taken.emit()
            return
        taken, self._taken = self._taken, None
        if taken is not None:
            self._run(lambda: self._chats.put_back(taken), lambda _: self._reopen(taken.chat_id))

    def _opened(self, chat: Chat | None) -> None:
        if self._taken is not None and (chat is None or chat.id != self._taken.chat_id):
            self._taken = None
            self.lost.emit()

    def _open(self, chat: Chat) -> None:
        self.made.emit(chat)
        self._talk.open(chat.id)

    def _reopen(self, chat_id: int) -> None:
        chat = self._talk.chat
        if chat is not None and chat.id == chat_id:
            self._talk.open(chat_id)

    def _run(self, work: Callable[[], T], done: Callable[[T], None]) -> None:
        def call(_context: TaskContext) -> T:
            return work()

        self._tasks.run(call, done=done, failed=self.failed.emit, lane=Lane.COMMAND, owner=self, queue="chats")
