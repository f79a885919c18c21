"""The answer that is being written, with what of it is not in the store yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from desktop.services.chat.answer_parts import NOTHING, AnswerParts, Part
from desktop.services.chat.versions import Version
from desktop.store.chats import ChatStore, Message, MessageState


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


def with_part(kept: Message, part: Part, state: MessageState, note: str) -> Message:
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
