"""The bytes a token of the vocabulary stands for.

Byte-level vocabularies (GPT-2 and its heirs) store each byte as a printable character; source of the table: GPT-2's
``encoder.py``, bytes_to_unicode (as in llama.cpp src/unicode.cpp). SentencePiece stores a space as U+2581 and a lone
byte as ``<0x0A>``.
"""

from __future__ import annotations

import re
from functools import cache
from types import MappingProxyType

_SENTENCE_SPACE = "▁"
_LONE_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


@cache
def _bytes_of_characters() -> MappingProxyType[str, int]:
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    table = {chr(byte): byte for byte in plain}
    table.update({chr(256 + number): byte for number, byte in enumerate(others)})
    return MappingProxyType(table)


def decoded(stored: str, model: str) -> bytes:
    """The bytes a token of a tokenizer ``model`` (tokenizer.ggml.model) stands for; of an unknown one, its text."""
    if model == "gpt2":
        table = _bytes_of_characters()
        if all(character in table for character in stored):
            return bytes(table[character] for character in stored)
        return stored.encode("utf-8", "replace")
    lone = _LONE_BYTE.fullmatch(stored)
    if lone is not None:
        return bytes([int(lone[1], 16)])
    return stored.replace(_SENTENCE_SPACE, " ").encode("utf-8", "replace")
