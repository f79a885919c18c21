"""What llama.cpp knows of a vocabulary's special tokens. Only the worker process imports this module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import llama_cpp.llama_cpp as lib

from desktop.engine.worker.typed_text import Special

_UNKNOWN, _CONTROL, _USER_DEFINED, _LSTRIP, _RSTRIP = 1, 8, 16, 128, 256  # LLAMA_TOKEN_ATTR_* (include/llama.h)


def has_control_tokens(vocab: Any, texts: Sequence[str]) -> bool:
    """Whether each of these texts is a control token; none is where a model has no vocabulary."""
    if lib.llama_vocab_type(vocab) == lib.LLAMA_VOCAB_TYPE_NONE:  # llama.cpp aborts when it is asked to tokenize
        return False
    return all(_is_control_token(vocab, text.encode()) for text in texts)


def special_tokens(vocab: Any) -> list[Special]:
    """The tokens that llama.cpp reads whole: control tokens, unknown ones and user-defined ones."""
    found = []
    for token in range(lib.llama_vocab_n_tokens(vocab)):
        attributes = lib.llama_vocab_get_attr(vocab, token)
        if attributes & (_UNKNOWN | _CONTROL | _USER_DEFINED):
            found.append(
                Special(
                    lib.llama_vocab_get_text(vocab, token).decode("utf-8", "replace"),
                    defined=not attributes & (_UNKNOWN | _CONTROL),
                    strips_left=bool(attributes & _LSTRIP),
                    strips_right=bool(attributes & _RSTRIP),
                )
            )
    return found


def _is_control_token(vocab: Any, text: bytes) -> bool:
    found = (lib.llama_token * 2)()
    count = lib.llama_tokenize(vocab, text, len(text), found, 2, False, True)
    return count == 1 and bool(lib.llama_vocab_is_control(vocab, found[0]))
