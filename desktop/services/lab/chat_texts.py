"""The user's own chats as texts to measure on: what was said, turn by turn, without what a model thought before it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.services.lab.texts import MeasuredText
from desktop.store.chats import ChatStore
from desktop.system.atomic import write_atomically


@dataclass(frozen=True)
class ChatTitle:
    """A chat that can be measured on."""

    id: int
    title: str


class ChatTexts:
    """Reads the chats; calls may come from any thread."""

    def __init__(self, folder: Path, chats: Callable[[], AbstractContextManager[ChatStore]]) -> None:
        """Texts are written into ``folder``, so that a measurement that goes on later finds them."""
        self._folder, self._chats = folder, chats

    def titles(self, limit: int | None = None) -> tuple[ChatTitle, ...]:
        """The chats, the newest first. Raises StoreError."""
        with self._chats() as chats:
            return tuple(ChatTitle(chat.id, " ".join(chat.title.split()) or "Chat") for chat in chats.chats(limit))

    def text_of(self, chat_id: int) -> MeasuredText:
        """A chat as it is on show. Raises HeftError: not found, a chat without words, StoreError."""
        with self._chats() as chats:
            title = " ".join(chats.chat(chat_id).title.split()) or "Chat"
            words = "\n\n".join(
                message.content.strip() for message in chats.messages(chat_id) if message.content.strip()
            )
        if not words:
            raise HeftError(
                tr("Nothing was said in {title}.", title=title), tr("Choose another chat."), kind=FailureKind.NOT_FOUND
            )
        path = self._folder / f"chat-{chat_id}.txt"
        try:
            write_atomically(path, f"{words}\n".encode())
        except OSError as error:
            raise StoreError(
                tr("The chat's text could not be written: {strerror}.", strerror=error.strerror),
                tr("Check the free space on the disk."),
            ) from error
        return MeasuredText(title, f"the chat {title}", path, "your own chat")

    def named(self, title: str) -> MeasuredText:
        """By a title, or its unambiguous beginning. Raises HeftError as :meth:`text_of` does, "ambiguous"."""
        wanted, known = title.strip().casefold(), self.titles()
        found = [one for one in known if one.title.casefold() == wanted][:1]
        found = found or [one for one in known if one.title.casefold().startswith(wanted)]
        if len(found) > 1:
            several = ", ".join(one.title for one in found[:3])
            raise HeftError(
                tr("Several chats begin like that: {several}.", several=several),
                tr("Give more of the title."),
                kind=FailureKind.AMBIGUOUS,
            )
        if not found:
            raise HeftError(
                tr("There is no chat {title}.", title=title),
                tr("Titles are in the list of Chat."),
                kind=FailureKind.NOT_FOUND,
            )
        return self.text_of(found[0].id)
