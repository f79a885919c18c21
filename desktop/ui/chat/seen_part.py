"""What the model sees of the chat in view: the bar above the transcript, and the mark in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.words import tr
from desktop.services.chat.views import ModelViews
from desktop.store.chats import Message
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.figures import transcript_message
from desktop.ui.chat.view_bar import ViewBar

if TYPE_CHECKING:
    from desktop.ui.shared.transcript import TranscriptMessage, TranscriptView


class SeenPart(QObject):
    """Follows the conversation in view; shows all of it to the model again."""

    changed = Signal()  # it sees more, or less

    def __init__(
        self, talk: Conversation, views: ModelViews, transcript: Callable[[], TranscriptView], parent: QObject
    ) -> None:
        super().__init__(parent)
        self.bar = ViewBar()
        self._talk, self._views, self._transcript = talk, views, transcript
        self._marked: int | None = None  # the message with the mark below it
        self.bar.show_all_asked.connect(self.show_all)
        self.bar.summary_changed.connect(self._keep_summary)
        talk.view_changed.connect(self._view_changed)
        talk.summarising.connect(self._summarising)

    def show(self) -> None:
        """Another chat or branch is in view."""
        self._marked = self._talk.unseen_to
        self.bar.show_view(self._talk.chat, self._talk.branch)

    def shown(self, message: Message) -> TranscriptMessage:
        """A message with the mark below it, where it is the last that the model does not see."""
        return self.all_shown([message])[0]

    def all_shown(self, messages: Sequence[Message]) -> list[TranscriptMessage]:
        """The same of several messages."""
        citations = [one for known in self._talk.branch for file in known.attachments for one in file.citations]
        unseen_to = self._talk.unseen_to
        return [transcript_message(message, unseen_to, citations) for message in messages]

    def show_all(self) -> None:
        """The model sees the whole conversation again."""
        self._talk.look(self._views.show_all)

    def _keep_summary(self, chat_id: int, text: str) -> None:
        self._talk.look_at(chat_id, lambda chat: self._views.set_summary(chat, text))

    def _view_changed(self) -> None:
        changed = {self._marked, self._talk.unseen_to}
        self.show()
        for message in self._talk.branch:
            if message.id in changed:
                self._transcript().replace_message(self.shown(message))
        self.changed.emit()

    def _summarising(self, fraction: float) -> None:
        answer = self._talk.last_answer
        if answer is not None:
            words = tr("Summarising the earlier turns, {fraction:.0%}…", fraction=fraction)
            self._transcript().set_prompt_progress(answer.id, words)
