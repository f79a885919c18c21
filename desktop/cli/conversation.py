"""A conversation of ``heft chat``: its turns, what goes with a question, and how an answer is shown."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from desktop.cli.documents import citation_lines, cited, enclosed, with_documents
from desktop.cli.output import ProgressLine, ShownAnswer, print_note
from desktop.cli.run import asked_so, summary
from desktop.cli.tool_calls import TerminalTools
from desktop.core.answer_settings import AnswerSettings
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.engine.api import ChatMessage, Generate, Loaded, Media, Sampling
from desktop.services.chat.answer_parts import Part
from desktop.services.chat.headless_tools import HeadlessTools
from desktop.services.container import Container
from desktop.services.documents.retrieval import Source
from desktop.services.documents.service import Given


@dataclass(frozen=True)
class Partner:
    """The model that answers, and how it is asked. ``chosen`` are the fields of ``sampling`` that were set."""

    loaded: Loaded
    answers: AnswerSettings
    sampling: Sampling
    chosen: tuple[str, ...]
    tools: HeadlessTools
    terminal: TerminalTools


class Conversation:
    """Documents, pictures and sound go with the first question; :meth:`begin_again` forgets all that was said."""

    def __init__(
        self,
        container: Container,
        args: argparse.Namespace,
        partner: Partner,
        sources: Sequence[Source],
        media: tuple[Media, ...],
    ) -> None:
        self._container, self._args, self._partner = container, args, partner
        self._sources, self._media = sources, media
        self._turns: list[ChatMessage] = []
        self._documents: Given | None = None  # went with the first question
        self._told: set[str] = set()

    def begin_again(self) -> None:
        """Nothing was said yet."""
        self._turns.clear()
        self._told.clear()
        self._documents = None
        self._partner.tools.begin_again()

    def ask(self, text: str) -> None:
        """A question and its answer, shown as it comes. Raises HeftError where there can be no more of them."""
        partner = self._partner
        reading, answer = ProgressLine("Reading"), ShownAnswer()

        def show(part: Part) -> None:
            reading.close()
            answer.add(part)

        partner.terminal.begin(answer, reading)
        length = partner.loaded.context_length
        try:
            question = self._question(text)
            request = self._request(question)
            tagged = partner.loaded.template != "none"
            found = partner.tools.answer(request, show, reading.update, tagged=tagged, context_length=length)
        except HeftError as error:
            reading.close()
            print_note(f"heft: {error.message} {error.hint}")
            if partner.loaded.endpoint or error.kind in (FailureKind.CONTEXT_FULL, FailureKind.BAD_TEMPLATE):
                return
            raise
        self._turns += [question, *found.turns]
        answer.finish()
        for line in citation_lines(cited(self._documents, answer.text)):
            print_note(line)
        for note in found.finished.notes:
            if note not in self._told:  # it holds for the whole conversation
                print_note(f"note: {note}")
        self._told.update(found.finished.notes)
        for note in answer.notes:
            print_note(f"note: {note}")
        print_note(f"[{summary(found.finished)}]")

    def _question(self, text: str) -> ChatMessage:
        """It with what goes out with it. Raises HeftError for documents that do not fit."""
        if self._turns:
            return ChatMessage("user", text)
        plain = ChatMessage("user", text, media=self._media)
        asked = self._partner.tools.offering(self._request(plain))
        self._documents = enclosed(self._container, self._args, self._sources, text, asked, self._partner.loaded)
        return msgspec.structs.replace(plain, content=with_documents(text, self._documents))

    def _request(self, question: ChatMessage) -> Generate:
        args, partner = self._args, self._partner
        system = (ChatMessage("system", args.system),) if args.system else ()
        asked = Generate(
            0,
            (*system, *self._turns, question),
            sampling=partner.sampling,
            max_tokens=args.max_tokens,
            chosen=partner.chosen,
        )
        return asked_so(asked, partner.answers)
