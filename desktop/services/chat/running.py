"""The answer that is being written, with what of it is not in the store yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from desktop.core.errors import StoreError
from desktop.core.tool_calls import ToolCall
from desktop.services.chat.answer_parts import NOTHING, AnswerParts, Part
from desktop.services.chat.versions import Version
from desktop.services.tools.offered import OfferedTool
from desktop.store.chats import ChatStore, Message, MessageState

ROUNDS = 10  # of calls in one answer, until a person is asked
_SUMMED = ("generated_tokens", "drafted_tokens", "accepted_tokens")


@dataclass
class ToolUse:
    """What an answer has to do with tools: those offered by their names, its calls, and how often it made some.

    ``going_on`` is after how many rounds a person is asked whether it may go on. ``figures`` are those of the rounds.
    """

    offered: dict[str, OfferedTool] = field(default_factory=dict)
    calls: tuple[ToolCall, ...] = ()
    rounds: int = 0
    going_on: int = ROUNDS
    figures: dict[str, float] = field(default_factory=dict)
    calling: bool = False
    thought_again: bool = False

    def with_figures(self, figures: dict[str, float]) -> dict[str, float]:
        """The figures of the answer so far: what was written adds up, the first word is the first round's."""
        if not self.figures:
            return figures
        summed = {name: figures.get(name, 0.0) + self.figures.get(name, 0.0) for name in _SUMMED}
        first = "seconds_to_first_token"
        return figures | summed | {first: self.figures.get(first, 0.0) or figures.get(first, 0.0)}


@dataclass
class RunningAnswer:
    """The answer being written; ``waiting`` until the model is loaded. ``begun`` is what there was before,
    ``version`` the branch it stands in beside another.
    """

    chat_id: int
    message_id: int
    begun: Part = NOTHING
    waiting: bool = True
    parts: AnswerParts = field(default_factory=AnswerParts)
    unsaved: Part = NOTHING
    saved_at: float = 0.0
    cancelled: bool = False
    version: Version | None = None
    tools: ToolUse = field(default_factory=ToolUse)
    thought_seconds: float = 0.0

    def add(self, part: Part) -> None:
        """Keep a part until it is saved."""
        kept = self.unsaved
        if part.turned:
            kept = replace(kept, reasoning=kept.reasoning + kept.text, text="", turned=True)
        self.unsaved = replace(
            kept,
            reasoning=kept.reasoning + part.reasoning,
            text=kept.text + part.text,
            reasoning_seconds=part.reasoning_seconds,
        )

    def begin_round(self) -> None:
        """The tools have answered: what the model writes now is thought and said anew."""
        self.waiting = True
        self.begun = Part(reasoning_seconds=self.thought_seconds)
        self.parts = AnswerParts()
        self.tools.thought_again = False

    def after_tools(self, part: Part) -> Part:
        """A part as it stands in the whole answer: what is thought after tools begins a paragraph."""
        self.thought_seconds = part.reasoning_seconds or self.thought_seconds
        if not self.tools.rounds or self.tools.thought_again or not part.reasoning:
            return part
        self.tools.thought_again = True
        return replace(part, reasoning=f"\n\n{part.reasoning}")

    def save(self, store: ChatStore) -> None:
        """Write what is not in the store yet. Raises StoreError, and keeps it then."""
        self.saved_at = time.monotonic()
        if self.unsaved.turned:
            store.turn_into_reasoning(self.message_id)
            self.unsaved = replace(self.unsaved, turned=False)
        part = self.unsaved
        if part.text or part.reasoning:
            seconds = part.reasoning_seconds or None
            store.append_text(self.message_id, part.text, reasoning=part.reasoning, reasoning_seconds=seconds)
            self.unsaved = NOTHING


@dataclass(frozen=True)
class EndedAnswer:
    """An answer that is over, with what was received of it and is not in the store yet."""

    answer: RunningAnswer
    state: MessageState
    statistics: dict[str, float]
    note: str


def _with_part(kept: Message, part: Part, state: MessageState, note: str) -> Message:
    """A message as it would be, had its last part been written."""
    content, reasoning = kept.content, kept.reasoning
    if part.turned:
        content, reasoning = "", reasoning + content
    return replace(
        kept,
        content=content + part.text,
        reasoning=reasoning + part.reasoning,
        reasoning_seconds=part.reasoning_seconds or kept.reasoning_seconds,
        state=state,
        note=note,
    )


class Endings:
    """Writes how answers ended; what cannot be written now (a full disk) waits for the next try."""

    def __init__(self, store: ChatStore) -> None:
        self._store = store
        self._left: list[EndedAnswer] = []

    def write(self, ended: EndedAnswer) -> tuple[Message, StoreError | None]:
        """The answer as it is, written or not."""
        try:
            return self._written(ended), None
        except StoreError as refused:
            self._left.append(ended)
            kept = self._store.message(ended.answer.message_id)
            return _with_part(kept, ended.answer.unsaved, ended.state, ended.note), refused

    def write_left(self) -> None:
        """Those that could not be written. Raises StoreError when that is still so."""
        while self._left:
            self._written(self._left[0])
            del self._left[0]

    def _written(self, ended: EndedAnswer) -> Message:
        ended.answer.save(self._store)
        return self._store.finish(ended.answer.message_id, ended.state, ended.statistics, ended.note)


def notes_before(store: ChatStore, running: RunningAnswer) -> list[str]:
    """What stands below the earlier answers of its chat: what is so for the whole chat is said once."""
    notes: list[str] = []
    for message in store.messages(running.chat_id):
        if message.id == running.message_id:
            break
        notes.append(message.note)
    return notes
