"""The answer being written, as far as it was heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from desktop.services.chat.events import TextAdded
from desktop.store.chats import Message


@dataclass
class LiveAnswer:
    """All of it so far, also while another chat is in view."""

    chat_id: int
    message_id: int
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    reasoning_seconds: float = 0.0

    @classmethod
    def of(cls, message: Message) -> LiveAnswer:
        """What there is of it."""
        begun = [message.content], [message.reasoning], message.reasoning_seconds
        return cls(message.chat_id, message.id, *begun)

    def add(self, event: TextAdded) -> None:
        """More of it."""
        if event.turned:
            self.reasoning, self.text = [*self.reasoning, *self.text], []
        self.reasoning.append(event.reasoning)
        self.text.append(event.text)
        self.reasoning_seconds = event.reasoning_seconds or self.reasoning_seconds

    def over(self, message: Message) -> Message:
        """The message of the store, which lags half a second behind."""
        return replace(
            message,
            content="".join(self.text),
            reasoning="".join(self.reasoning),
            reasoning_seconds=self.reasoning_seconds,
            state="streaming",
        )


def with_live_text(answer: LiveAnswer | None, branch: Sequence[Message]) -> list[Message]:
    """The store may lag half a second behind an answer that is being written; what was heard is newer."""
    if answer is None:
        return list(branch)
    return [answer.over(message) if message.id == answer.message_id else message for message in branch]
