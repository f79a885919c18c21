"""What is asked of the server for one answer: where, with which body, and what the chat should say about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desktop.engine.api import Media
from desktop.engine.server.raw_text import Raw

CHAT, COMPLETION = "/v1/chat/completions", "/completion"


@dataclass(frozen=True)
class Question:
    """A request of the server. ``instead`` is asked where the server cannot do this one. ``raw``: Heft takes the answer
    apart; None where the server does, and where there is nothing but text. ``media`` are in the body, where ``marker``
    stands in a prompt.
    """

    path: str
    body: dict[str, Any]
    notes: tuple[str, ...] = ()
    instead: Question | None = None
    raw: Raw | None = None
    media: tuple[Media, ...] = ()
    marker: str = ""
