"""The GGUF header parser: versions 1 to 3, both byte orders, bounded against hostile input.

Format: ggml docs/gguf.md; what the engine accepts: llama.cpp 0c1e57098, ``ggml/src/gguf.cpp``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from desktop.core.errors import FileFormatError
from desktop.core.findings import Finding
from desktop.core.gguf.checks import MAX_LISTED, OTHER_FILE, check
from desktop.core.gguf.cursor import DAMAGED, INCOMPLETE, Cursor
from desktop.core.gguf.header import Header, Tensor
from desktop.core.gguf.source import ByteSource
from desktop.core.gguf.values import CODES, SIZES, Array, Layout, Text, Value, ValueType
from desktop.core.words import tr

MAGIC = b"GGUF"
DEFAULT_ALIGNMENT = 32

# Far above real files (a few dozen keys; DeepSeek V3 has 1,025 tensors), low enough to bound time and memory.
MAX_KEYS = 16_384
MAX_TENSORS = 120_000
MAX_SHAPES = 400_000  # numbers in the shapes of all tensors together
MAX_ARRAYS = 8_192  # nested arrays of one file
MAX_DEPTH = 8  # arrays within arrays; the engine accepts none
MAX_DIMENSIONS = 8  # read and reported; the engine accepts 4

_REFUSED = "The engine refuses such a file."
_REASONS = {"error": _REFUSED, "warning": "It is shown with U+FFFD in its place."}

_U32 = {order: struct.Struct(order + "I") for order in "<>"}
_LENGTH = {(order, code): struct.Struct(order + code) for order in "<>" for code in "IQ"}
_SCALAR = {(order, kind): struct.Struct(order + code) for order in "<>" for kind, code in CODES.items()}


def read_header(source: ByteSource, *, partial: bool = False) -> Header:
    """Parse the header of a GGUF file without touching its tensor data.

    Long arrays stay in the source and are read on demand, so the source must outlive their use. Problems that
    do not keep the rest from being read are listed in ``Header.problems``. Raises FileFormatError with the
    byte offset otherwise; with ``partial`` a header broken after its counts is returned as far as it goes.
    Memory stays below about 64 MB and time below a few seconds, whatever the input.
    """
    return _Reader(source).read(partial)


class _Reader:
    def __init__(self, source: ByteSource) -> None:
        self.version, self.order = _preamble(source)
        # Version 1 counted in 32 bits; later versions in 64.
        self.layout = Layout(self.order, _LENGTH[self.order, "I" if self.version == 1 else "Q"])
        self.cursor = Cursor(source, self.layout)
        self.cursor.skip(8)
        self.metadata: dict[str, Value] = {}
        self.tensors: list[Tensor] = []
        self.problems: list[Finding] = []
        self.unlisted = {"error": 0, "warning": 0}  # problems beyond MAX_LISTED, which are only counted
        self.arrays_left = MAX_ARRAYS
        self.shapes_left = MAX_SHAPES
        self.unfinished: dict[str, int] = {}

    def read(self, partial: bool) -> Header:
        cursor = self.cursor
        tensor_count = cursor.length("the number of tensors")
        key_count = cursor.length("the number of metadata keys")
        broken = None
        try:
            self._plausible("metadata keys", key_count, MAX_KEYS, self.layout.length.size + 5)
            for _ in range(key_count):
                self._entry()
            self._plausible("tensors", tensor_count, MAX_TENSORS, self.layout.length.size + 16)
            for _ in range(tensor_count):
                self._tensor()
        except FileFormatError as error:
            if not partial:
                raise
            broken = error
        return self._finish(broken)

    def _finish(self, broken: FileFormatError | None) -> Header:
        end = self.cursor.position
        alignment = self._alignment()
        problems = [*self.problems, *self._rest()]
        if broken is not None:
            problems.append(Finding("error", broken.message, _REFUSED, broken.hint, broken.offset, "file"))
        header = Header(
            version=self.version,
            endianness="little" if self.order == "<" else "big",
            metadata=self.metadata,
            tensors=tuple(self.tensors),
            alignment=alignment,
            header_bytes=end,
            data_offset=-(-end // alignment) * alignment if self.tensors else end,
            file_bytes=self.cursor.size,
            problems=(),
            complete=broken is None,
            unfinished=self.unfinished,
        )
        found = check(header) if broken is None else []
        return header.with_problems((*found, *problems))

    def _plausible(self, what: str, count: int, limit: int, least_bytes: int) -> None:
        if count * least_bytes > self.cursor.remaining:
            raise FileFormatError(
                tr(
                    "The file claims {count:,} {what}, but from byte {position:,} on it has only {remaining:,} bytes.",
                    count=count,
                    what=what,
                    position=self.cursor.position,
                    remaining=self.cursor.remaining,
                ),
                INCOMPLETE if count <= limit else DAMAGED,
                offset=self.cursor.position,
            )
        if count > limit:
            raise FileFormatError(
                tr(
                    "The file claims {count:,} {what}; Heft reads up to {limit:,}.", count=count, what=what, limit=limit
                ),
                DAMAGED,
                offset=self.cursor.position,
            )

    def _report(
        self,
        message: str,
        offset: int | None,
        about: str = "file",
        *,
        severity: Literal["error", "warning"] = "error",
        action: str = OTHER_FILE,
    ) -> None:
        if len(self.problems) < MAX_LISTED:
            self.problems.append(Finding(severity, message, _REASONS[severity], action, offset, about))
        else:
            self.unlisted[severity] += 1

    def _rest(self) -> Iterator[Finding]:
        errors, warnings = self.unlisted["error"], self.unlisted["warning"]
        if errors or warnings:
            severity: Literal["error", "warning"] = "error" if errors else "warning"
            message = f"{errors + warnings:,} more problems of this kind are not listed one by one."
            yield Finding(severity, message, _REASONS[severity], OTHER_FILE, about="file")

    def _name(self, what: str) -> tuple[str, int]:
        start = self.cursor.position
        length = self.cursor.text_length(what)
        text, valid = self.cursor.text(length, what)
        if not valid:
            self._report(f"{what[0].upper()}{what[1:]} is not valid UTF-8: {text[:80]!r}.", start, severity="warning")
        return text, length

    def _entry(self) -> None:
        start = self.cursor.position
        key, _ = self._name("a metadata key")
        (raw_type,) = self.cursor.unpack(_U32[self.order], f"the type of '{key[:80]}'")
        value = self._value(key, self._value_type(raw_type, key, self.cursor.position - 4, "type"))
        self.unfinished.clear()
        if not key:
            self._report("A metadata key is empty.", start)
        if key in self.metadata:
            self._report(
                f"The metadata key '{key[:80]}' occurs more than once; the first one is shown.", start, f"key:{key}"
            )
        else:
            self.metadata[key] = value

    def _value(self, key: str, kind: ValueType) -> Value:
        cursor = self.cursor
        start = cursor.position
        if kind is ValueType.STRING:
            return Value(kind, self._string(key), start)
        if kind is ValueType.ARRAY:
            return Value(kind, self._array(key, 1), start)
        (number,) = cursor.unpack(_SCALAR[self.order, kind], f"the value of '{key[:80]}'")
        return Value(kind, bool(number) if kind is ValueType.BOOL else number, start)

    def _string(self, key: str) -> str | Text:
        what = f"the value of '{key[:80]}'"
        length = self.cursor.text_length(what)
        if not self.cursor.keeps(length):
            kept = Text(self.cursor.source, self.cursor.position, length)
            self.cursor.skip(length)
            return kept
        start = self.cursor.position
        text, valid = self.cursor.text(length, what)
        if not valid:
            self._report(f"The value of '{key[:80]}' is not valid UTF-8.", start, f"key:{key}", severity="warning")
        return text

    def _value_type(self, raw: int, key: str, offset: int, what: str) -> ValueType:
        if raw <= max(ValueType):
            return ValueType(raw)
        # Nobody knows where such a value ends, so it is the last that can be shown.
        self.metadata.setdefault(key, Value(ValueType.UNKNOWN, f"{what} {raw}", offset))
        raise FileFormatError(
            tr(
                "'{key}' has a value of unknown type {raw:,} at byte {offset:,}; types 0 to {valuetype} were expected.",
                key=key[:80],
                raw=raw,
                offset=offset,
                valuetype=max(ValueType),
            ),
            DAMAGED,
            offset=offset,
        )

    def _array(self, key: str, depth: int) -> Array:
        cursor = self.cursor
        start = cursor.position
        what = f"the array '{key[:80]}'"
        (raw_type,) = cursor.unpack(_U32[self.order], f"the element type of {what}")
        kind = self._value_type(raw_type, key, start, "array of type")
        length = cursor.length(f"the length of {what}")
        self.unfinished.setdefault(key, length)
        offset = cursor.position
        if kind is ValueType.STRING:
            marks = cursor.skip_strings(length)
            return Array(cursor.source, self.layout, kind, length, offset, cursor.position, marks=marks)
        if kind is ValueType.ARRAY:
            children = self._children(key, length, depth, start)
            return Array(cursor.source, self.layout, kind, length, offset, cursor.position, children=children)
        if length * SIZES[kind] > cursor.remaining:
            raise FileFormatError(
                tr(
                    "The array '{key}' at byte {start:,} claims {length:,} elements of {sizes} bytes, "
                    "but only {remaining:,} bytes are left in the file.",
                    key=key[:80],
                    start=start,
                    length=length,
                    sizes=SIZES[kind],
                    remaining=cursor.remaining,
                ),
                INCOMPLETE if length < 1 << 32 else DAMAGED,
                offset=start,
            )
        cursor.skip(length * SIZES[kind])
        return Array(cursor.source, self.layout, kind, length, offset, cursor.position)

    def _children(self, key: str, count: int, depth: int, start: int) -> tuple[Array, ...]:
        if depth == 1:
            self._report(f"'{key[:80]}' is an array of arrays, which the engine does not accept.", start, f"key:{key}")
        self.arrays_left -= count
        fault = ""
        if depth >= MAX_DEPTH:
            fault = f"nests arrays; at most {MAX_DEPTH} in one another were expected"
        elif self.arrays_left < 0:
            fault = f"claims {count:,} arrays; at most {MAX_ARRAYS:,} in a file were expected"
        if fault:
            raise FileFormatError(
                tr("'{key}' at byte {start:,} {fault}.", key=key[:80], start=start, fault=fault), DAMAGED, offset=start
            )
        return tuple(self._array(key, depth + 1) for _ in range(count))

    def _tensor(self) -> None:
        start = self.cursor.position
        name, length = self._name("a tensor name")
        (dimensions,) = self.cursor.unpack(_U32[self.order], f"the number of dimensions of '{name[:80]}'")
        self.shapes_left -= dimensions
        if dimensions > MAX_DIMENSIONS or self.shapes_left < 0:
            most = MAX_DIMENSIONS if dimensions > MAX_DIMENSIONS else f"{MAX_SHAPES:,} in the whole file"
            raise FileFormatError(
                tr(
                    "Tensor '{name}' at byte {start:,} claims {dimensions:,} dimensions; at most {most} were expected.",
                    name=name[:80],
                    start=start,
                    dimensions=dimensions,
                    most=most,
                ),
                DAMAGED,
                offset=start,
            )
        packed = _tensor_struct(self.order, self.layout.length.format[-1:], dimensions)
        *shape, type_id, offset = self.cursor.unpack(packed, f"shape, type and offset of '{name[:80]}'")
        if length > 63:  # GGML_MAX_NAME is 64 with the closing zero
            self._report(
                f"The tensor name '{name[:80]}' is longer than the engine's 63 bytes.", start, f"tensor:{name}"
            )
        self.tensors.append(Tensor(name, tuple(shape), type_id, offset))

    def _alignment(self) -> int:
        found = self.metadata.get("general.alignment")
        if found is None:
            return DEFAULT_ALIGNMENT
        value = found.data
        if found.type is ValueType.UINT32 and isinstance(value, int) and value and value & (value - 1) == 0:
            return value
        wrong = f"{value!r}" if found.type is ValueType.UINT32 else f"stored as {found.type.name}"
        self._report(
            f"general.alignment is {wrong}; a power of two as UINT32 was expected.",
            found.offset,
            "key:general.alignment",
        )
        return DEFAULT_ALIGNMENT


def _preamble(source: ByteSource) -> tuple[int, str]:
    head = bytes(source.window(0, 8)[:8])
    if len(head) < 8:
        what = "The file is empty" if not head else f"The file ends at byte {len(head)}"
        raise FileFormatError(
            tr("{what}; {magic!r} and a version were expected.", what=what, magic=MAGIC), INCOMPLETE, offset=len(head)
        )
    if head[:4] != MAGIC:
        raise FileFormatError(
            tr("This is not a GGUF file: at byte 0 {magic!r} was expected, not {head!r}.", magic=MAGIC, head=head[:4]),
            tr("Heft runs GGUF files; look for the GGUF version of this model."),
            offset=0,
        )
    (version,) = struct.unpack_from("<I", head, 4)
    order = "<"
    if version & 0xFFFF == 0:  # the same test as llama.cpp's: a small number stored the other way round
        (version,) = struct.unpack_from(">I", head, 4)
        order = ">"
    if version not in (1, 2, 3):
        raise FileFormatError(
            tr("This is GGUF version {version:,}; at byte 4 a version from 1 to 3 was expected.", version=version),
            tr("Look for a newer Heft, or for another file of this model."),
            offset=4,
        )
    return version, order


@lru_cache(maxsize=64)
def _tensor_struct(order: str, length_code: str, dimensions: int) -> struct.Struct:
    # Only lengths were 32 bits wide in version 1: the offset always has 64.
    return struct.Struct(f"{order}{dimensions}{length_code}IQ")
