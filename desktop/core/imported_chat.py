"""A conversation of another program, as Heft keeps one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from desktop.core.attachments import Enclosed


@dataclass(frozen=True, slots=True)
class ImportedMessage:
    """One turn; ``parent`` is the place of the message above in the list, before this one, None for a first turn."""

    role: Literal["user", "assistant"]
    content: str
    parent: int | None
    model: str = ""
    reasoning: str = ""
    created: float = 0.0
    attachments: tuple[Enclosed, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedChat:
    """``last`` is the place of the end of the branch on show; ``created`` is Unix seconds, 0 where it is unknown."""

    title: str
    messages: tuple[ImportedMessage, ...]
    last: int
    system_prompt: str = ""
    created: float = 0.0
