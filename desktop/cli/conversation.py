"""A conversation of ``heft chat``: its turns, what goes with a question, and how an answer is shown."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import msgspec

from desktop.cli.documents import citation_lines, cited, with_documents
from desktop.cli.enclosures import Enclosures
from desktop.cli.output import ProgressLine, ShownAnswer, print_note
from desktop.cli.run import asked_so, summary
from desktop.cli.tool_calls import TerminalTools
from desktop.core.answer_settings import AnswerSettings
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.engine.api import ChatMessage, Generate, Loaded, Sampling
from desktop.services.chat.answer_parts import Part
from desktop.services.chat.headless_tools import HeadlessTools
from desktop.services.documents.service import Given

_TALK_GOES_ON = (FailureKind.CONTEXT_FULL, FailureKind.BAD_TEMPLATE, FailureKind.TAKES_NO_MEDIA)


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
    """What waits in ``enclosures`` goes with the next question; :meth:`begin_again` forgets all that was said."""

    def __init__(self, args: argparse.Namespace, partner: Partner, enclosures: Enclosures) -> None:
        self._args, self._partner, self._enclosures = args, partner, enclosures
        self._turns: list[ChatMessage] = []
        self._documents: list[Given] = []  # that went with its questions
        self._told: set[str] = set()

    def begin_again(self) -> None:
        """Nothing was said yet."""
        self._turns.clear()
        self._told.clear()
        self._documents.clear()
        self._enclosures.begin_again()
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
            question, documents = self._question(text)
            request = self._request(question)
            tagged = partner.loaded.template != "none"
            found = partner.tools.answer(request, show, reading.update, tagged=tagged, context_length=length)
        except HeftError as error:
            reading.close()
            print_note(f"heft: {error.message} {error.hint}")
            if partner.loaded.endpoint or error.kind in _TALK_GOES_ON:
                return
            raise
        self._turns += [question, *found.turns]
        self._enclosures.sent()
        if documents is not None:
            self._documents.append(documents)
        answer.finish()
        for line in citation_lines([one for given in self._documents for one in cited(given, answer.text)]):
            print_note(line)
        for note in found.finished.notes:
            if note not in self._told:  # it holds for the whole conversation
                print_note(f"note: {note}")
        self._told.update(found.finished.notes)
        for note in answer.notes:
            print_note(f"note: {note}")
        print_note(f"[{summary(found.finished)}]")

    def _question(self, text: str) -> tuple[ChatMessage, Given | None]:
        """It with what goes out with it, and the documents of that. Raises HeftError for those that do not fit."""
        plain = ChatMessage("user", text, media=tuple(media for _, media in self._enclosures.media))
        asked = self._partner.tools.offering(self._request(plain))
        earlier = [one.number for given in self._documents for one in given.citations]
        first = max(earlier, default=0) + 1
        found = self._enclosures.given(text, asked, self._partner.loaded, self._args.max_tokens, first)
        return msgspec.structs.replace(plain, content=with_documents(text, found)), found

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
