"""What of each chat its model sees: set, rolled on as the chat grows, and told to who shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from desktop.core.tool_choice import TakenOut
from desktop.services.chat.events import ChatEvent, Summarising, ViewChanged
from desktop.services.chat.requests import Requests, branch_to
from desktop.services.chat.rolling import rolled, turn_starts
from desktop.services.chat.summary import Summary
from desktop.store.chats import Chat, ChatStore, ModelView


class ModelViews:
    """Keeps the views of all chats in the store. Thread-safe."""

    def __init__(self, store: ChatStore, requests: Requests, tell: Callable[[ChatEvent], None]) -> None:
        self._store, self._requests, self._tell = store, requests, tell
        self._summary: Summary | None = None
        self._lock = threading.Lock()  # of a change made of what is stored

    def drop_oldest(self, chat_id: int) -> None:
        """From now on the oldest turns go, as many as must, whenever the conversation outgrows its context."""
        self._see(chat_id, lambda view: replace(view, rolling=True))

    def set_summary(self, chat_id: int, text: str) -> None:
        """Another text in the place of the summary."""
        self._see(chat_id, lambda view: replace(view, summary=text))

    def show_all(self, chat_id: int) -> None:
        """The model sees the whole conversation again."""
        self._see(chat_id, lambda view: ModelView(tools_out=view.tools_out))

    def use_tools(self, chat_id: int, out: TakenOut) -> Chat:
        """Offer it all tools that are switched on but these."""
        return self._see(chat_id, lambda view: replace(view, tools_out=out))

    @property
    def summarising(self) -> bool:
        """Whether a summary is being written."""
        return self._summary is not None

    def summarise(self, chat_id: int, message_id: int) -> None:
        """Let the model summarise the earlier turns, so that this answer has room; waits. Raises HeftError, and
        CancelledError after :meth:`cancel`: then nothing has changed.
        """
        self._summary = summary = Summary(self._requests)
        try:
            made = summary.write(
                self._store.chat(chat_id),
                message_id,
                lambda fraction: self._tell(Summarising(chat_id, message_id, fraction)),
            )
        finally:
            self._summary = None
        self._see(
            chat_id,
            lambda view: replace(
                view, hidden_to=made.hidden_to, summary=made.summary, summarised_to=made.summarised_to
            ),
        )

    def cancel(self) -> None:
        """Give up a summary that is being written."""
        summary = self._summary
        if summary is not None:
            summary.cancel()

    def rolled(self, chat: Chat, message_id: int) -> Chat:
        """The chat with as many of its oldest turns dropped as must go for this answer. Waits for the engine's counts.

        Raises HeftError.
        """
        engine = self._requests.engine
        loaded = engine.state.loaded
        branch = branch_to(self._store.messages(chat.id), message_id)
        if loaded is None or not loaded.context_length or not turn_starts(branch):
            return chat

        def count(view: ModelView) -> int:
            return engine.count(self._requests.answer(replace(chat, model_view=view), message_id))

        begin = rolled(chat.model_view, branch, count, loaded.context_length).hidden_to
        if begin == chat.model_view.hidden_to:
            return chat
        return self._see(chat.id, lambda view: replace(view, hidden_to=begin))

    def _see(self, chat_id: int, change: Callable[[ModelView], ModelView]) -> Chat:
        with self._lock:
            chat = self._store.update(chat_id, model_view=change(self._store.chat(chat_id).model_view))
        self._tell(ViewChanged(chat))
        return chat
