"""Metadata entries as bytes of a GGUF file, version 3, little-endian."""

from __future__ import annotations

import struct

from desktop.core.errors import FileFormatError
from desktop.core.gguf.values import CODES, Array, Text, Value, ValueType
from desktop.core.words import tr


def encoded_string(text: str) -> bytes:
    """A string with its length before it."""
    raw = text.encode("utf-8", "replace")
    return struct.pack("<Q", len(raw)) + raw


def encoded_text(key: str, text: str) -> bytes:
    """An entry whose value is a string."""
    return encoded_string(key) + struct.pack("<I", ValueType.STRING) + encoded_string(text)


def encoded_entry(key: str, value: Value) -> bytes:
    """An entry of a header as it was stored; FileFormatError for nested arrays, which the engine does not load.

    Arrays are read here: the header's source must be open and little-endian.
    """
    return encoded_string(key) + struct.pack("<I", value.type) + _stored(value)


def _stored(value: Value) -> bytes:
    match value.data:
        case Array():
            if value.data.type is ValueType.ARRAY:
                raise FileFormatError(tr("The file holds nested arrays, which the engine does not load."))
            return struct.pack("<IQ", value.data.type, len(value.data)) + value.data.stored()
        case Text():
            return encoded_string(value.data.read(value.data.length))
        case str():
            return encoded_string(value.data)
    return struct.pack("<" + CODES[value.type], value.data)
