"""Metadata values: scalars as they are, arrays and very long texts by their place in the file."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias, overload

from desktop.core.errors import FileFormatError
from desktop.core.gguf.source import ByteSource
from desktop.core.words import tr

CHUNK = 1024  # elements between two remembered positions of a string array, and per step of an iteration
_SPAN = 1 << 20  # bytes of CHUNK strings that are fetched at once; longer ones come one by one


class ValueType(IntEnum):
    """Types of a metadata value (ggml docs/gguf.md, gguf_metadata_value_type).

    UNKNOWN stands for any number that is no type; it is never stored. Such a value tells its type as a text.
    """

    UNKNOWN = -1
    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


# struct codes of the types with a fixed size; BOOL is read as a byte, since bytes other than 0 and 1 occur.
CODES: dict[ValueType, str] = {
    ValueType.UINT8: "B",
    ValueType.INT8: "b",
    ValueType.UINT16: "H",
    ValueType.INT16: "h",
    ValueType.UINT32: "I",
    ValueType.INT32: "i",
    ValueType.FLOAT32: "f",
    ValueType.BOOL: "B",
    ValueType.UINT64: "Q",
    ValueType.INT64: "q",
    ValueType.FLOAT64: "d",
}
SIZES: dict[ValueType, int] = {kind: struct.calcsize("<" + code) for kind, code in CODES.items()}

Scalar: TypeAlias = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Layout:
    """How the numbers of a file are stored: byte order ("<" or ">") and the width of a length (v1: 4 bytes)."""

    order: str
    length: struct.Struct


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A string too long to keep: ``length`` bytes at ``offset``."""

    source: ByteSource
    offset: int
    length: int

    def read(self, limit: int) -> str:
        """The text, or as much of it as lies in its first ``limit`` bytes."""
        wanted = min(limit, self.length)
        return str(self.source.window(self.offset, wanted)[:wanted], "utf-8", "replace")


class Array:
    """An array in the file: its element type, length and place; values are read when asked for.

    ``array[3]`` is one value, ``array[10:20]`` a list, iteration reads in steps. A nested array holds arrays.
    Strings are decoded as UTF-8 with U+FFFD for what is not. Values need the source still open.
    """

    __slots__ = ("_children", "_layout", "_marks", "_source", "end", "length", "offset", "type")

    def __init__(
        self,
        source: ByteSource,
        layout: Layout,
        kind: ValueType,
        length: int,
        offset: int,
        end: int,
        *,
        marks: array[int] | None = None,
        children: tuple[Array, ...] = (),
    ) -> None:
        self.type = kind
        self.length = length
        self.offset = offset  # of the first element, from the start of the source
        self.end = end  # one past the last element
        self._source = source
        self._layout = layout
        self._marks = marks  # strings: where each CHUNK-th element starts
        self._children = children

    def __len__(self) -> int:
        return self.length

    def __repr__(self) -> str:
        return f"<Array of {self.length} {self.type.name} at byte {self.offset}>"

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self.length)
            if step == 1:
                return self._read(start, max(start, stop))
            return [self[i] for i in range(start, stop, step)]
        position = index + self.length if index < 0 else index
        if not 0 <= position < self.length:
            raise IndexError(index)
        return self._read(position, position + 1)[0]

    def __iter__(self) -> Iterator[Item]:
        for start in range(0, self.length, CHUNK):
            yield from self._read(start, min(start + CHUNK, self.length))

    def strings(self, start: int = 0, stop: int | None = None) -> list[str]:
        """Elements ``start`` to ``stop`` of an array of strings; TypeError for another array."""
        if self.type is not ValueType.STRING:
            raise TypeError(f"not an array of strings but of {self.type.name}")
        return [str(raw, "utf-8", "replace") for raw in self._raw_strings(start, self._stop(stop))]

    def numbers(self, start: int = 0, stop: int | None = None) -> list[int | float]:
        """Elements ``start`` to ``stop`` of an array of numbers; TypeError for another array."""
        if self.type not in CODES:
            raise TypeError(f"not an array of numbers but of {self.type.name}")
        count = max(0, self._stop(stop) - start)
        offset = self.offset + start * SIZES[self.type]
        window = self._source.window(offset, count * SIZES[self.type])
        return list(struct.unpack_from(f"{self._layout.order}{count}{CODES[self.type]}", window))

    def stored(self) -> bytes:
        """The bytes of all elements as they lie in the file."""
        size = self.end - self.offset
        return bytes(self._source.window(self.offset, size)[:size])

    def _stop(self, stop: int | None) -> int:
        return self.length if stop is None else min(stop, self.length)

    def _read(self, start: int, stop: int) -> list[Item]:
        if self.type is ValueType.ARRAY:
            return list(self._children[start:stop])
        if self.type is ValueType.STRING:
            return list(self.strings(start, stop))
        numbers = self.numbers(start, stop)
        return [bool(n) for n in numbers] if self.type is ValueType.BOOL else list(numbers)

    def _raw_strings(self, start: int, stop: int) -> Iterator[memoryview]:
        assert self._marks is not None
        for chunk in range(start // CHUNK, -(-stop // CHUNK) if start < stop else 0):
            first = chunk * CHUNK
            position = self._marks[chunk]
            end = self._marks[chunk + 1] if chunk + 1 < len(self._marks) else self.end
            skipped, wanted = max(0, start - first), min(stop - first, CHUNK)
            if end - position <= _SPAN:
                yield from self._unpacked(self._source.window(position, end - position), skipped, wanted, position)
            else:
                yield from self._one_by_one(position, skipped, wanted)

    def _unpacked(self, window: memoryview, skipped: int, wanted: int, position: int) -> Iterator[memoryview]:
        unpack, width = self._layout.length.unpack_from, self._layout.length.size
        at = 0
        try:
            for index in range(wanted):
                end = at + width + unpack(window, at)[0]
                if index >= skipped:
                    yield window[at + width : end]
                at = end
        except struct.error:
            raise self._ended(position + at) from None

    def _one_by_one(self, position: int, skipped: int, wanted: int) -> Iterator[memoryview]:
        width = self._layout.length.size
        for index in range(wanted):
            head = self._source.window(position, width)
            if len(head) < width:
                raise self._ended(position)
            (length,) = self._layout.length.unpack_from(head)
            if index >= skipped:
                yield self._source.window(position + width, length)[:length]
            position += width + length

    def _ended(self, position: int) -> FileFormatError:
        return FileFormatError(
            tr("The file ends at byte {size:,} inside an array of strings.", size=self._source.size), offset=position
        )


Item: TypeAlias = Scalar | Array


@dataclass(frozen=True, slots=True)
class Value:
    """One metadata entry: its type as stored, its value, and the byte at which the value starts."""

    type: ValueType
    data: Scalar | Array | Text
    offset: int
