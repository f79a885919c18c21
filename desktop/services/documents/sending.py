"""Documents of a message that is being sent: what of each the model is given is settled then, and stays with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.core.attachments import Attachment, Enclosed
from desktop.core.cancelled import Cancelled, never
from desktop.core.documents.text import Remark
from desktop.core.documents.way import Way
from desktop.core.errors import HeftError
from desktop.core.progress import Report, unheard
from desktop.services.documents.kept import kept_document
from desktop.services.documents.retrieval import Source
from desktop.services.documents.service import DocumentService, Wish, room_left
from desktop.services.documents.words import found_by_words
from desktop.services.engine.supervisor import EngineState
from desktop.store.chats import Chat, Message

_TURN_TOKENS = 16  # what a template puts around a turn, at most


@dataclass(frozen=True)
class DocumentCost:
    """Tokens of a whole document, exact where the model's tokenizer is here, and how many there is room for.

    ``remarks`` are on how it was read; ``embedding`` is the model that passages are found with, "" for words alone.
    """

    tokens: int
    exact: bool
    room: int
    remarks: tuple[Remark, ...] = ()
    embedding: str = ""


class DocumentSender:
    """Asked on worker threads."""

    def __init__(
        self,
        documents: Callable[[], DocumentService],
        state: Callable[[], EngineState],
        data: Callable[[Attachment], bytes],
        tell: Callable[[HeftError], object] = lambda _error: None,
    ) -> None:
        """``state`` is the engine's; ``data`` are the bytes of an attachment that a message of the store has; ``tell``
        hears why the library's embedding model could not be used.
        """
        self._documents, self._state, self._data, self._tell = documents, state, data, tell

    def settled(
        self,
        chat: Chat,
        branch: Sequence[Message],
        question: str,
        files: Sequence[Enclosed],
        cancelled: Cancelled = never,
        report: Report = unheard,
    ) -> tuple[Enclosed, ...]:
        """The files of a message that goes after ``branch``; documents with the text that the model is given.

        Raises CancelledError; HeftError, "context-full" where a document does not fit as it is to go.
        """
        places = [place for place, one in enumerate(files) if one.attachment.kind == "document"]
        if not places:
            return tuple(files)
        documents, model = self._documents(), self.model
        wishes = [self._wish(files[place]) for place in places]
        earlier = (one for message in branch for file in message.attachments for one in file.citations)
        given = documents.enclose(
            wishes, question, self.room(chat, branch, question), model,
            first_number=max((one.number for one in earlier), default=0) + 1, cancelled=cancelled, report=report,
        )  # fmt: skip
        if given.passages is not None and (failure := given.passages.failure) is not None:
            self._tell(found_by_words(failure))
        settled = list(files)
        for place, part in zip(places, given.parts, strict=True):
            attachment = replace(files[place].attachment, citations=part.citations, text_tokens=part.tokens)
            settled[place] = replace(files[place], attachment=attachment, sent=part.text)
        return tuple(settled)

    def cost(
        self, chat: Chat | None, branch: Sequence[Message], file: Enclosed, cancelled: Cancelled = never
    ) -> DocumentCost:
        """What a document costs whole after ``branch``. Raises CancelledError, HeftError."""
        source = self._wish(file).source
        (tokens,), exact = self._documents().cost([source], self.model, cancelled)
        room, embedding = self.room(chat, branch, ""), self._documents().embedding_model()
        return DocumentCost(tokens, exact, room, source.document.remarks, embedding)

    @property
    def model(self) -> Path | None:
        """The file of the model that will answer; None without one on this computer."""
        plan = self._state().plan
        return plan.ref.path if plan is not None else None

    def room(self, chat: Chat | None, branch: Sequence[Message], question: str) -> int:
        """Tokens that documents may have with the next question."""
        state = self._state()
        if state.loaded is not None:
            context = state.loaded.context_length
        else:
            context = state.plan.context if state.plan is not None and state.plan.ref.elsewhere is None else 0
        if not context:
            return room_left(0, 0)
        said = self._documents().count([question], self.model)[0]
        return room_left(context, self._used(chat, branch) + said + _TURN_TOKENS, chat.max_tokens if chat else 0)

    def _used(self, chat: Chat | None, branch: Sequence[Message]) -> int:
        """Tokens of the conversation so far: as the engine counted them last, and what came since."""
        texts: list[str] = []
        used = 0.0
        for message in reversed(branch):
            used = message.statistics.get("context_used", 0.0)
            if used:
                break
            texts.append(message.content)
        else:
            texts.append(chat.system_prompt if chat is not None else "")
        counted = self._documents().count(texts, self.model) if texts else ()
        return int(used) + sum(counted) + _TURN_TOKENS * len(texts)

    def _wish(self, file: Enclosed) -> Wish:
        data = file.data if file.data is not None else self._data(file.attachment)
        source = Source(file.attachment.name, file.attachment.sha256, kept_document(data))
        return Wish(source, Way(file.attachment.way or Way.WHOLE))
