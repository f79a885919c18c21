"""An answer that goes round in circles: noticed while it is written, said in a calm notice below it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from desktop.core.repetition import RepetitionWatch
from desktop.core.words import tr
from desktop.services.chat.events import TextAdded
from desktop.store.chats import Message
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.notice import Action, Notice

_MENDS = tr("raise the repeat penalty at the right, or take a larger model")


class Circles(QObject):
    """Follows the answer in view; what was kept of earlier sessions is left alone."""

    changed = Signal()  # something else is to be said

    def __init__(self, talk: Conversation, parent: QObject) -> None:
        super().__init__(parent)
        self._talk = talk
        self._watch = RepetitionWatch()
        self._message: int | None = None  # the answer that is followed
        talk.text_added.connect(self._hear)
        talk.message_added.connect(self._added)
        talk.branch_changed.connect(lambda _branch: self._begin(talk.last_answer))
        talk.opened.connect(lambda *_: self._begin(talk.last_answer))

    def notice(self) -> Notice | None:
        """What is said of the last answer in view."""
        branch = self._talk.branch
        if not self._watch.repeats or not branch or branch[-1].id != self._message:
            return None
        if self._talk.busy:
            return Notice(
                f"circles {self._message}", "note", tr("It repeats itself."), tr("Stop it, or {mends}.", mends=_MENDS)
            )
        way: tuple[Action, str] = ("choose-model", tr("Choose another model…"))
        return Notice(
            f"circles {self._message}",
            "note",
            tr("The answer repeats itself."),
            tr("To mend it, {mends}.", mends=_MENDS),
            (way,),
        )

    def _added(self, message: Message) -> None:
        self._begin(message if message.role == "assistant" else None)

    def _begin(self, message: Message | None) -> None:
        """Follow an answer that is being written, from what there is of it."""
        message = message if message is not None and message.state == "streaming" else None
        if message is not None and message.id == self._message:
            return
        told = self._watch.repeats
        self._watch, self._message = RepetitionWatch(), message.id if message is not None else None
        if message is not None:
            self._watch.feed(f"{message.reasoning}\n{message.content}")
        if told or self._watch.repeats:
            self.changed.emit()

    def _hear(self, event: TextAdded) -> None:
        before = self._watch.repeats
        if event.message_id == self._message and self._watch.feed(event.reasoning + event.text) != before:
            self.changed.emit()
