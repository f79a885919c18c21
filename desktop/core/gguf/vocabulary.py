"""A GGUF file that holds a model's tokenizer and nothing else: what the engine needs to split text into tokens.

It is made of a header's own bytes, so that a file which is remote, split, cut short, or of an architecture the
engine does not know can be tokenized with the real tokenizer all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from desktop.core.errors import FileFormatError
from desktop.core.gguf.encoding import encoded_entry, encoded_text
from desktop.core.gguf.header import Header
from desktop.core.gguf.tokenizer_names import NO_TOKENIZER
from desktop.core.words import tr

_PREFIX = "tokenizer."
_TOKENS = "tokenizer.ggml.tokens"
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
            tr("This file has no tokenizer."),
            tr("Open the model's main file: projectors and adapters come without one."),
        )
    if header.array(_TOKENS) is None and header.string("tokenizer.ggml.model") not in NO_TOKENIZER:
        raise FileFormatError(
            tr("This file has no vocabulary: its list of tokens is missing or breaks off."),
            tr("Download the file again, or look for another one of this model."),
        )
    if header.version < 2 or header.endianness != "little":
        raise FileFormatError(
            tr("The engine does not load files of this version or byte order, so it cannot tokenize with them."),
            tr("Look for a newer, little-endian copy of the model."),
        )
    entries = {
        key: value
        for key, value in header.metadata.items()
        if (key.startswith(_PREFIX) and not key.startswith(_UNUSED)) or key == "general.name"
    }
    yield b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries) + 1)
    yield encoded_text("general.architecture", architecture)
    for key, value in entries.items():
        yield encoded_entry(key, value)
