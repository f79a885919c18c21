"""The header of a GGUF file that is to be made out of others: metadata byte for byte, but for what is changed.

Version 3, little-endian, as llama.cpp writes it (``ggml/src/gguf.cpp``): what it would write has the same length here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from desktop.core.errors import FileFormatError
from desktop.core.gguf.encoding import encoded_string
from desktop.core.gguf.header import Header, Tensor
from desktop.core.gguf.source import ByteSource
from desktop.core.gguf.values import CODES, SIZES, Array, Scalar, ValueType
from desktop.core.quants import TENSOR_TYPES
from desktop.core.words import tr

ALIGNMENT = 32  # of tensor data, where a file says nothing else (GGUF_DEFAULT_ALIGNMENT)
VERSION = 3


@dataclass(frozen=True)
class Written:
    """A header, padded to where the data begins, with the place of each tensor's data behind it."""

    header: bytes
    offsets: tuple[int, ...]  # of each tensor, from the end of the header
    data_bytes: int  # of all tensors, each padded

    @property
    def file_bytes(self) -> int:
        """Of the whole file."""
        return len(self.header) + self.data_bytes


Entries = dict[str, bytes]
"""Encoded entries by key, in the order of the file."""


def can_be_rewritten(header: Header) -> None:
    """FileFormatError for a header that is not complete, or of a form that is not written any more."""
    if not header.complete:
        raise FileFormatError(
            tr("Only the beginning of this file's header can be read."), tr("Download the file again.")
        )
    if header.version < 2 or header.endianness != "little":
        raise FileFormatError(
            tr("This file is of an old version or of the other byte order."), tr("Look for a newer copy of the model.")
        )
    if any(tensor.type_id not in TENSOR_TYPES or not tensor.shape for tensor in header.tensors):
        raise FileFormatError(
            tr("The file holds tensors of a type that llama.cpp does not know."),
            tr("Look for another file of this model."),
        )


def entries_of(header: Header, source: ByteSource) -> Entries:
    """The metadata as it is stored, byte for byte; ``source`` is what the header was read from."""
    return {key: _entry_bytes(key, header, source) for key in header.metadata}


def _entry_bytes(key: str, header: Header, source: ByteSource) -> bytes:
    value = header.metadata[key]
    head = encoded_string(key) + struct.pack("<I", value.type)
    if isinstance(value.data, Array):
        end = value.data.end  # the element's type and the length stand before the elements
        size = end - value.offset
    elif value.type is ValueType.STRING:
        size = 8 + int(struct.unpack("<Q", source.window(value.offset, 8)[:8])[0])
    elif value.type in SIZES:
        size = SIZES[value.type]
    else:
        raise FileFormatError(
            tr("'{key}' has a value of unknown type.", key=key[:80]), tr("Look for another file of this model.")
        )
    stored = bytes(source.window(value.offset, size)[:size])
    if len(stored) < size:
        raise FileFormatError(tr("The file ends inside its metadata."), tr("Download the file again."))
    return head + stored


def entry(key: str, kind: ValueType, value: Scalar) -> bytes:
    """One entry with a plain value. ValueError where the type does not hold it."""
    head = encoded_string(key) + struct.pack("<I", kind)
    if kind is ValueType.STRING:
        return head + encoded_string(str(value))
    try:
        return head + struct.pack("<" + CODES[kind], value)
    except struct.error as error:
        raise ValueError(str(error)) from None


def written(
    entries: Mapping[str, bytes],
    tensors: Sequence[Tensor],
    *,
    alignment: int = ALIGNMENT,
    version: int = VERSION,
    plain_shapes: bool = True,
) -> Written:
    """The header of a file with these entries and tensors, whose data follow each other in this order.

    ``plain_shapes`` leaves out lengths of 1 at a shape's end, as llama.cpp does (``ggml_n_dims``).
    """
    infos, offsets, offset = [], [], 0
    for tensor in tensors:
        shape = _plain(tensor.shape) if plain_shapes else tensor.shape
        dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        infos.append(encoded_string(tensor.name) + dims + struct.pack("<IQ", tensor.type_id, offset))
        offsets.append(offset)
        offset += padded(tensor.size_bytes or 0, alignment)
    head = b"GGUF" + struct.pack("<IQQ", version, len(infos), len(entries)) + b"".join((*entries.values(), *infos))
    return Written(head + bytes(padded(len(head), alignment) - len(head)), tuple(offsets), offset)


def padded(size: int, alignment: int = ALIGNMENT) -> int:
    """``size`` bytes up to the next whole step."""
    return -(-size // alignment) * alignment


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    last = max((at for at, length in enumerate(shape) if length > 1), default=0)
    return shape[: last + 1]
