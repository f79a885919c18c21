"""What a chat tells of its answers while they are written."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.errors import HeftError
from desktop.core.tool_calls import ToolCall
from desktop.services.chat.versions import VersionGivenUp
from desktop.store.chats import Chat, Message


@dataclass(frozen=True)
class MessageAdded:
    """A message was appended to its chat's active branch."""

    message: Message


@dataclass(frozen=True)
class PromptRead:
    """Prompt tokens read so far for an answer."""

    chat_id: int
    message_id: int
    done: int
    total: int
    reused: int


@dataclass(frozen=True)
class TextAdded:
    """A batch of an answer's text, with live figures.

    ``reasoning`` is what comes before the answer, ``reasoning_seconds`` how long that has taken by now. ``turned``: all
    text of the answer so far turned out to be reasoning. Of ``drafted_tokens`` guessed ``accepted_tokens`` were right.
    """

    chat_id: int
    message_id: int
    text: str
    generated_tokens: int
    context_used: int
    tokens_per_second: float
    prompt_tokens_per_second: float = 0.0
    seconds_to_first_token: float = 0.0
    reasoning: str = ""
    reasoning_seconds: float = 0.0
    turned: bool = False
    drafted_tokens: int = 0
    accepted_tokens: int = 0


@dataclass(frozen=True)
class ToolsCalled:
    """The tools of an answer that is being written are called, or have answered: all of it as it is now."""

    message: Message


@dataclass(frozen=True)
class ToolQuestion:
    """What a person has to decide before an answer goes on: whether ``call`` may be made, or, where that is None,
    whether the model may go on after ``rounds`` of calls. ``description`` is the server's own.
    """

    number: int
    chat_id: int
    message_id: int
    call: ToolCall | None = None
    description: str = ""
    rounds: int = 0


@dataclass(frozen=True)
class ToolAsked:
    """There is a question now, or (None) none any more."""

    chat_id: int
    question: ToolQuestion | None


@dataclass(frozen=True)
class MessageFinished:
    """An answer ended; the message holds its final text, state, statistics and note."""

    message: Message


@dataclass(frozen=True)
class ChatFailed:
    """An answer could not be given, or the engine died; text received so far is kept."""

    chat_id: int
    message_id: int | None
    error: HeftError


@dataclass(frozen=True)
class ViewChanged:
    """The model sees more of a chat than before, or less."""

    chat: Chat


@dataclass(frozen=True)
class Summarising:
    """The earlier turns of a chat are being summarised before an answer goes on; ``fraction`` (0 to 1) is done."""

    chat_id: int
    message_id: int
    fraction: float


ChatEvent = (
    MessageAdded
    | PromptRead
    | TextAdded
    | ToolsCalled
    | ToolAsked
    | MessageFinished
    | ChatFailed
    | VersionGivenUp
    | ViewChanged
    | Summarising
)
