"""The earlier turns of a conversation, summarised by the model itself, in as many portions as its context makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from desktop.core.cancelled import CancelledError
from desktop.core.context_length import answer_room
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.api import Generate
from desktop.services.chat.answer_parts import Part
from desktop.services.chat.headless_chat import HeadlessChat
from desktop.services.chat.requests import Requests, branch_to
from desktop.services.chat.rolling import begun_at, first_that_fits, turn_starts
from desktop.store.chats import Chat, Message, ModelView

_MOST_SUMMARY = 512  # tokens: it takes its room from the conversation
_LEAST_PORTION = 32  # tokens: with less there is no end
_SPARE = 8  # tokens: two texts may take more together than apart
_PIECE = 4000  # characters, to learn how many make a token
_NAMES = {"user": "User", "assistant": "Assistant"}
_TASK = "Summarise this conversation in a few sentences. Keep names, numbers, decisions and open questions."


class Summary:
    """One summary. :meth:`cancel` is called from any thread."""

    def __init__(self, requests: Requests) -> None:
        self._requests, self._engine = requests, requests.engine
        self._cancelled = False

    def cancel(self) -> None:
        """Give it up; nothing has changed then."""
        self._cancelled = True
        self._engine.cancel()

    def write(self, chat: Chat, message_id: int, told: Callable[[float], None]) -> ModelView:
        """The chat's view with its earlier turns summarised, so that an answer has room; ``told`` hears what part of it
        is done (0 to 1). Waits. Raises HeftError, CancelledError when it was given up.
        """
        self._wake()
        loaded = self._engine.state.loaded
        context = loaded.context_length if loaded is not None else 0
        if not context:
            raise EngineError(
                tr("How much this model holds is not known."), tr("Drop the oldest turns, or start a new chat.")
            )
        branch = branch_to(self._requests.store.messages(chat.id), message_id)
        view, unseen = chat.model_view, chat.model_view.unseen(branch)
        later = [place for place in turn_starts(branch) if place > unseen]
        if not later:
            raise _nothing()
        room = _summary_room(context)

        def count(candidate: ModelView) -> int:
            self._go_on()
            return self._engine.count(self._requests.answer(replace(chat, model_view=candidate), message_id))

        # what the summary of before takes is counted with the conversation: the new one stands in its place
        views = [begun_at(replace(view, summary=""), branch, place) for place in later]
        found = first_that_fits(count, views, context - answer_room(context) - room)
        end = found.unseen(branch)
        summary = self._summarised(view.summary_of(branch), _text(branch[unseen:end]), context, told)
        return replace(found, summary=summary, summarised_to=branch[end - 1].id)

    def _wake(self) -> None:
        plan = self._engine.last_plan
        if self._engine.state.phase != "ready" and plan is not None:
            HeadlessChat(self._engine).load(plan)
        self._go_on()

    def _go_on(self) -> None:
        if self._cancelled:
            raise CancelledError(tr("The summary was stopped."), tr("The conversation is as it was."))

    def _summarised(self, summary: str, text: str, context: int, told: Callable[[float], None]) -> str:
        room, at = _summary_room(context), 0
        self._go_on()
        piece = text[:_PIECE] or " "
        per_token = len(piece) / max(1, self._engine.count(Generate(0, prompt=piece)))
        while at < len(text):
            told(at / len(text))
            portion = self._portion(summary, text[at:], context - room - _SPARE, per_token)
            summary = self._written(_asked(summary, portion), room)
            at += len(portion)
        return summary

    def _portion(self, summary: str, text: str, most: int, per_token: float) -> str:
        """So much of a text as there is room for beside the summary so far."""
        self._go_on()
        free = most - self._engine.count(self._requests.task(_asked(summary, ""), 0))
        while free >= _LEAST_PORTION:
            portion = _cut(text, max(1, int(free * per_token)))
            self._go_on()
            tokens = self._engine.count(self._requests.task(_asked(summary, portion), 0))
            if tokens <= most:
                return portion
            free -= max(_SPARE, tokens - most)
        raise EngineError(
            tr("The context is too short to summarise anything in it."),
            tr("Load the model with a longer context, or drop the oldest turns."),
            kind=FailureKind.CONTEXT_FULL,
        )

    def _written(self, task: str, room: int) -> str:
        parts: list[Part] = []
        self._go_on()
        finished = HeadlessChat(self._engine).answer_in_parts(self._requests.task(task, room), parts.append)
        if finished.reason == "cancelled":
            self._cancelled = True
        self._go_on()
        text = ""
        for part in parts:
            text = part.text if part.turned else text + part.text
        if not text.strip():
            raise EngineError(tr("The model wrote no summary."), tr("Try again, or drop the oldest turns instead."))
        return text.strip()


def _summary_room(context: int) -> int:
    return min(_MOST_SUMMARY, context // 4)


def _text(branch: Sequence[Message]) -> str:
    return "\n\n".join(f"{_NAMES[message.role]}: {message.content}" for message in branch if message.content)


def _asked(summary: str, portion: str) -> str:
    before = f"What was said before, in short: {summary}\n\n" if summary else ""
    return f"{_TASK}\n\n{before}{portion}"


def _cut(text: str, characters: int) -> str:
    """The beginning of a text, ended where a line or a word ends if that is not far."""
    if len(text) <= characters:
        return text
    for end in ("\n", " "):
        at = text.rfind(end, characters // 2, characters)
        if at > 0:
            return text[: at + 1]
    return text[:characters]


def _nothing() -> HeftError:
    return EngineError(
        tr("There is no earlier turn to summarise."),
        tr("Load the model with a longer context."),
        kind=FailureKind.CONTEXT_FULL,
    )
