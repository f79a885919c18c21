"""A conversation as an engine is given it: turns, what was attached to them, tools that were called."""

from __future__ import annotations

from typing import Literal

import msgspec

from desktop.core.projector import MediaKind
from desktop.core.tool_calls import CalledTool

Role = Literal["system", "user", "assistant", "tool"]


class Media(msgspec.Struct, frozen=True):
    """A picture (PNG or JPEG) or sound (WAV, MP3 or FLAC) that a model is given beside text."""

    kind: MediaKind
    media_type: str
    data: bytes


class ChatMessage(msgspec.Struct, frozen=True):
    """One turn of a conversation. ``reasoning`` is what an answer's model thought before it; templates that ask for
    earlier reasoning get it, others do not. ``media`` go before the words. ``calls`` are the tools that an answer
    called; a tool's result has the role "tool" and ``answers`` the id of its call.
    """

    role: Role
    content: str
    reasoning: str = ""
    media: tuple[Media, ...] = ()
    calls: tuple[CalledTool, ...] = ()
    answers: str = ""
