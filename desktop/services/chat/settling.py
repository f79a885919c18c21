"""What goes out of the documents of a message, found before it is written down; a person may stop that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from desktop.core.attachments import Enclosed
from desktop.core.cancelled import Cancelled
from desktop.store.chats import Chat, Message

Settle = Callable[[Chat, Sequence[Message], str, Sequence[Enclosed], Cancelled], Sequence[Enclosed]]
"""What is sent with a message after a branch: its documents with what of them the model is given. HeftError."""


class Settling:
    """One message at a time."""

    def __init__(self, settle: Settle) -> None:
        self._settle = settle
        self._stopped = threading.Event()

    def settled(
        self, chat: Chat, branch: Sequence[Message], text: str, files: Sequence[Enclosed]
    ) -> Sequence[Enclosed]:
        """The files as they go out. Raises CancelledError after :meth:`stop`, and what the settling raises."""
        self._stopped = stopped = threading.Event()
        return self._settle(chat, branch, text, files, stopped.is_set)

    def stop(self) -> None:
        """Nobody waits for it any more."""
        self._stopped.set()
