"""Pictures and sound in a conversation: a mark stands for each while the conversation is rendered, its bytes go beside.

llama.cpp's server takes them so (tools/server/README.md, ``multimodal_data``): where its own marker stands in a prompt,
the next of them is read. A mark is not written as that marker before the prompt is whole: a template would meet it as
the name of a control token (:mod:`desktop.engine.tools.typed_text`). Its key is the engine's, secret from whoever
types.

Between two pictures there is always a line's end: of two that stand side by side the server's cache cannot keep the
first alone, and from then on fails every question ("Chunk not found", server_tokens::keep_first of 0c1e57098).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from desktop.engine.api import ChatMessage, Media
from desktop.engine.endpoint.media_part import base64_of, part_of
from desktop.engine.server.questions_asked import COMPLETION, Question

_JOINER = "\u2060"  # within a name that somebody typed, so that it is no control token; nobody sees it


def place_of(key: str) -> str:
    """What stands for a picture or for sound until the prompt is whole."""
    return f"\ue0f2{key}\ue0f3"


def media_of(messages: Sequence[ChatMessage]) -> tuple[Media, ...]:
    """All of a conversation, in order."""
    return tuple(media for message in messages for media in message.media)


def with_places(messages: Sequence[ChatMessage], key: str) -> tuple[ChatMessage, ...]:
    """The turns with a mark for each picture and each piece of sound, before the words that are said of it."""

    def placed(message: ChatMessage) -> ChatMessage:
        marks = [place_of(key)] * len(message.media)
        content = "\n".join([*marks, message.content] if message.content else marks)
        return msgspec.structs.replace(message, content=content, media=())

    return tuple(placed(message) if message.media else message for message in messages)


def with_media(question: Question, media: tuple[Media, ...], key: str, marker: str) -> Question:
    """The same question with the bytes where the marks are; ``marker`` is the server's own."""
    instead = with_media(question.instead, media, key, marker) if question.instead is not None else None
    if question.path == COMPLETION:
        prompt = _unmarked(question.body["prompt"], key).replace(place_of(key), marker)
        whole = {"prompt_string": prompt, "multimodal_data": [base64_of(one) for one in media]}
        body = {**question.body, "prompt": whole}
    else:
        left = list(media)
        messages = [_parted(turn, key, left) for turn in question.body["messages"]]
        body = {**question.body, "messages": messages}
    return replace(question, body=body, instead=instead, media=media, marker=marker)


def _unmarked(prompt: str, key: str) -> str:
    """Names of control tokens that were typed, broken by a sign that nobody sees.

    The server's own reading of a prompt with pictures knows no marks: it tokenizes the text between them by itself.
    """

    def broken(found: re.Match[str]) -> str:
        name = bytes.fromhex(found[1]).decode("utf-8", "replace")
        return f"{name[:1]}{_JOINER}{name[1:]}"

    return re.sub(f"\ue0f0{re.escape(key)}\\.([0-9a-f]*)\ue0f1", broken, prompt)


def _parted(turn: dict[str, Any], key: str, left: list[Media]) -> dict[str, Any]:
    """A turn for the server's own rendering: its text and what is to be seen, one after the other."""
    content = turn.get("content")
    if not isinstance(content, str) or place_of(key) not in content:
        return turn
    parts: list[dict[str, Any]] = []
    for number, text in enumerate(_unmarked(content, key).split(place_of(key))):
        if number:
            parts.append(part_of(left.pop(0)))
        if text:
            parts.append({"type": "text", "text": text})
    return {**turn, "content": parts}
