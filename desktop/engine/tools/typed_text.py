"""Typed text is text: a control token's name in what somebody wrote is read letter by letter, never as the token.

Otherwise `<|im_end|>` in a question ends the turn, and whatever follows it speaks as somebody else. Whatever looks like
such a name travels through the template as a mark; the engine reads the stretch between two control tokens that holds
a mark without control tokens (server/native/typed_text.cpp). What only looked like one gives the tokens it would have
given anyway, so of a vocabulary only those names are needed that look like none (falcon's ``>>TITLE<<``).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable

import msgspec

from desktop.engine.api import ChatMessage

# <|im_end|>, </s>, <｜User｜>, <start_of_turn>; [INST], [/THINK], [gMASK]; ◁think▷
_NAME = re.compile(r"<[^<>\s]{1,80}>|\[/?[A-Za-z_]{1,40}\]|◁[^◁▷\s]{1,40}▷")
_REASONING = "think"  # in the words around reasoning, which answers carry and templates look for


def looks_like_a_name(text: str) -> bool:
    """Whether a control token's name is found in any text, without knowing the vocabulary."""
    return _NAME.fullmatch(text) is not None


def marked(messages: Iterable[ChatMessage], key: str, names: Collection[str] = ()) -> tuple[ChatMessage, ...]:
    """The messages with a mark in the place of each name. ``key`` is the engine's, secret from whoever writes.

    ``names`` are the vocabulary's control tokens that do not look like one.
    """
    pattern = _pattern(tuple(names))
    return tuple(
        msgspec.structs.replace(message, content=_marked(message.content, key, message.role == "assistant", pattern))
        for message in messages
    )


@functools.lru_cache(8)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    if not names:
        return _NAME
    return re.compile("|".join([*map(re.escape, sorted(names, key=len, reverse=True)), _NAME.pattern]))


def _marked(text: str, key: str, answer: bool, pattern: re.Pattern[str]) -> str:
    def mark(found: re.Match[str]) -> str:
        name = found[0]
        if answer and _REASONING in name.lower():
            return name
        return f"\ue0f0{key}.{name.encode('utf-8', 'replace').hex()}\ue0f1"

    return pattern.sub(mark, text)
