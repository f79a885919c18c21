"""A model without weights and vocabulary: what the engine needs to plan a load, a few hundred kilobytes.

The engine plans with a file whose header is real and whose length is right; the rest may be a hole. The header here
is written anew from parsed ones, so that shards become one file and nothing of a remote file but its header is needed.
The words of a vocabulary take most of a header and of the time to load it, and no memory that is planned: they are
left out (``tokenizer.ggml.model`` "no_vocab", llama.cpp ``src/llama-vocab.cpp``).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from desktop.core.errors import FileFormatError
from desktop.core.gguf.encoding import encoded_entry, encoded_string, encoded_text
from desktop.core.gguf.header import Header
from desktop.core.gguf.values import Text, ValueType
from desktop.core.quants import TENSOR_TYPES
from desktop.core.words import tr

_ALIGNMENT = 32  # of tensor data, as every GGUF file has it unless it says otherwise
_LEFT_OUT = ("tokenizer.", "split.", "general.", "quantize.", "imatrix.")
_READ = frozenset(("tokenizer.ggml.token_type_count",))  # BERT's, read though there is no vocabulary


@dataclass(frozen=True)
class Skeleton:
    """``header`` is to be written at the start of an otherwise empty file of ``file_bytes``."""

    header: bytes
    file_bytes: int


def skeleton(headers: Sequence[Header], vocabulary: int) -> Skeleton:
    """The skeleton of a model from the headers of all its shards; ``vocabulary`` is its number of tokens.

    Raises FileFormatError for headers that are not complete or of a layout the engine does not load. Arrays of the
    first header are read.
    """
    first = headers[0]
    if not all(header.complete for header in headers):
        raise FileFormatError(
            tr("Only the beginning of this file's header has been read."), tr("Read the whole header first.")
        )
    if first.version < 2 or first.endianness != "little":
        raise FileFormatError(
            tr("The engine does not load files of this version or byte order."),
            tr("Look for a newer, little-endian copy of the model."),
        )
    own = f"{first.architecture}.vocab_size"
    entries = [
        encoded_text("general.architecture", first.architecture),
        encoded_text("tokenizer.ggml.model", "no_vocab"),
        encoded_string(own) + struct.pack("<II", ValueType.UINT32, vocabulary),
        *(
            encoded_entry(key, value)
            for key, value in first.metadata.items()
            if key != own and (key in _READ or not key.startswith(_LEFT_OUT)) and not isinstance(value.data, Text)
        ),
    ]
    infos, offset = [], 0
    for tensor in (tensor for header in headers for tensor in header.tensors):
        if tensor.type_id not in TENSOR_TYPES or not tensor.shape:
            raise FileFormatError(
                tr("The tensor {name} has a type or shape the engine does not know.", name=tensor.name)
            )
        dims = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
        infos.append(encoded_string(tensor.name) + dims + struct.pack("<IQ", tensor.type_id, offset))
        offset += -(-(tensor.size_bytes or 0) // _ALIGNMENT) * _ALIGNMENT
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(entries)) + b"".join((*entries, *infos))
    start = -(-len(head) // _ALIGNMENT) * _ALIGNMENT
    return Skeleton(head, start + offset)
