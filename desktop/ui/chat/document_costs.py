"""What documents that are attached cost the model that will get them, counted off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.attachments import Enclosed
from desktop.core.cancelled import CancelledError
from desktop.core.documents.way import Way
from desktop.core.errors import HeftError
from desktop.core.text import one_line
from desktop.core.units import human_count
from desktop.core.words import tr
from desktop.services.documents.words import BY_WORDS, remark_words, tokens_words
from desktop.ui.chat.attached import Cost
from desktop.ui.chat.conversation import Conversation
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.services.documents.sending import DocumentCost, DocumentSender

_Key = tuple[str, Path | None, int]


class DocumentCosts(QObject):
    """Counts each document once for a model and for where the chat is. ``changed``: more is known."""

    changed = Signal()
    noted = Signal(object)  # str: what is to be known of how a document was read, once for each

    def __init__(self, sender: Callable[[], DocumentSender], talk: Conversation, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._sender, self._talk, self._tasks = sender, talk, tasks
        self._known: dict[_Key, DocumentCost | HeftError] = {}
        self._running: dict[_Key, Task] = {}
        self._noted: set[str] = set()

    def cost(self, file: Enclosed) -> Cost:
        """What its chip says; that it is counted, for now, where that is not known."""
        key = self._key(file)
        found = self._known.get(key)
        if found is None:
            self._count(key, file)
            return Cost(tr("counting its tokens…"))
        if isinstance(found, HeftError):
            return Cost(found.message, True)
        words = tokens_words(found.tokens, exact=found.exact)
        way = Way(file.attachment.way or Way.WHOLE)
        if way is Way.PASSAGES:
            if not found.embedding:
                self._tell_once(BY_WORDS)
            return Cost(tr("{words} · by meaning" if found.embedding else "{words} · by words", words=words))
        if way is Way.WHOLE and found.tokens > found.room:
            return Cost(tr("{words} · {room} left", words=words, room=human_count(found.room)), True)
        return Cost(words)

    def forget_all_but(self, files: tuple[Enclosed, ...]) -> None:
        """What is attached no longer is not counted any more."""
        kept = {file.attachment.sha256 for file in files}
        for key in [key for key in self._running if key[0] not in kept]:
            self._running.pop(key).cancel()

    def _note(self, file: Enclosed, found: DocumentCost | HeftError) -> None:
        if not isinstance(found, HeftError) and found.remarks:
            self._tell_once(" ".join([f"{one_line(file.attachment.name)}:", *map(remark_words, found.remarks)]))

    def _tell_once(self, words: str) -> None:
        if words not in self._noted:
            self._noted.add(words)
            self.noted.emit(words)

    def _key(self, file: Enclosed) -> _Key:
        branch = self._talk.branch
        return file.attachment.sha256, self._sender().model, branch[-1].id if branch else 0

    def _count(self, key: _Key, file: Enclosed) -> None:
        if key in self._running:
            return
        sender, chat, branch = self._sender(), self._talk.chat, self._talk.branch

        def work(context: TaskContext) -> DocumentCost:
            return sender.cost(chat, branch, file, lambda: context.cancelled)

        def done(found: DocumentCost | HeftError) -> None:
            self._running.pop(key, None)
            if not isinstance(found, CancelledError):
                self._known[key] = found
                self._note(file, found)
                self.changed.emit()

        self._running[key] = self._tasks.run(work, done=done, failed=done, lane=Lane.JOB, owner=self)
