"""A GGUF file that holds a model's tokenizer and nothing else: what the engine needs to split text into tokens.

It is made of a header's own bytes, so that a file which is remote, split, cut short, or of an architecture the
engine does not know can be tokenized with the real tokenizer all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from desktop.core.errors import FileFormatError
from desktop.core.gguf.header import Header
from desktop.core.gguf.values import CODES, Array, Text, Value, ValueType

_PREFIX = "tokenizer."
_UNUSED = ("tokenizer.huggingface.json", "tokenizer.chat_template")  # may be large, and no tokenizer reads them


def vocabulary_file(header: Header, architecture: str) -> Iterator[bytes]:
    """The file in pieces: GGUF version 3, no tensors, the ``tokenizer.*`` entries and the model's name.

    ``architecture`` is what it claims to be: llama.cpp's loader wants one it knows, and two tokenizers depend on it
    (src/llama-vocab.cpp: nomic-bert-moe, jina-bert-v3).
    Raises FileFormatError for a file without a tokenizer or one whose bytes have another layout (version 1,
    big-endian), which the engine does not load either; OSError when the file cannot be read any more.
    """
    if not header.string("tokenizer.ggml.model"):
        raise FileFormatError(
            "This file has no tokenizer.", "Open the model's main file: projectors and adapters come without one."
        )
    if header.version < 2 or header.endianness != "little":
        raise FileFormatError(
            "The engine does not load files of this version or byte order, so it cannot tokenize with them.",
            "Look for a newer, little-endian copy of the model.",
        )
    entries = {
        key: value
        for key, value in header.metadata.items()
        if (key.startswith(_PREFIX) and not key.startswith(_UNUSED)) or key == "general.name"
    }
    yield b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries) + 1)
    yield _string("general.architecture") + struct.pack("<I", ValueType.STRING) + _string(architecture)
    for key, value in entries.items():
        yield _string(key) + struct.pack("<I", value.type)
        yield _stored(value)


def _string(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    return struct.pack("<Q", len(raw)) + raw


def _stored(value: Value) -> bytes:
    match value.data:
        case Array():
            if value.data.type is ValueType.ARRAY:
                raise FileFormatError("The tokenizer holds nested arrays, which the engine does not load.")
            return struct.pack("<IQ", value.data.type, len(value.data)) + value.data.stored()
        case Text():
            return _string(value.data.read(value.data.length))
        case str():
            return _string(value.data)
    return struct.pack("<" + CODES[value.type], value.data)
