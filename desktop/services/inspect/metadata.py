"""Metadata as people read it: rows with a short value, what each well-known key means, and the names of token ids."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from desktop.core.cancelled import Cancelled, never
from desktop.core.gguf import Array, Header, Text, Value, ValueType
from desktop.core.quants import FILE_TYPES, GUESSED_FLAG
from desktop.core.text import one_line
from desktop.services.inspect.inspection import Inspected
from desktop.system.packaged import read_table

PREVIEW_CHARACTERS = 200
PREVIEW_ELEMENTS = 8
PAGE = 500  # values of a long array that are shown at a time

_TOKEN_ID = re.compile(r"tokenizer\.ggml\.\w+_token_id$")
_LARGEST_FLOAT32 = 3.4e38
_HOLE = {"{n}": r"\d+", "{name}": r"[^.]+"}


@dataclass(frozen=True)
class KeyMeaning:
    """One sentence about a key, and where its meaning is documented."""

    text: str
    source: str


@dataclass(frozen=True, eq=False)
class MetadataRow:
    """One entry. ``preview`` is one line; ``note`` says more of the value (a token's text, a file type's name).

    ``length`` counts the elements of an array, None for anything else.
    """

    key: str
    group: str
    type: str
    preview: str
    note: str
    length: int | None
    value: Value
    meaning: KeyMeaning | None


class MetadataService:
    """Explains keys from ``resources/data/metadata_keys.csv``, read when first asked."""

    def rows(self, inspected: Inspected, cancelled: Cancelled = never) -> tuple[MetadataRow, ...]:
        """The entries of the model's first file in the file's order. Reads the beginnings of arrays."""
        header = inspected.header
        found = []
        for key, value in header.metadata.items():
            if cancelled():
                break
            found.append(self._row(header, key, value))
        return tuple(found)

    def meaning(self, key: str, architecture: str) -> KeyMeaning | None:
        """What a key means; None for one that is not well known."""
        general = key
        if architecture and key.startswith(f"{architecture}."):
            general = "{arch}" + key[len(architecture) :]
        exact = self._keys.get(general)
        if exact is not None:
            return exact
        return next((meaning for pattern, meaning in self._patterns if pattern.fullmatch(general)), None)

    @cached_property
    def _keys(self) -> dict[str, KeyMeaning]:
        return {row["key"]: KeyMeaning(row["meaning"], row["source"]) for row in read_table("metadata_keys")}

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], KeyMeaning]]:
        found = []
        for key, meaning in self._keys.items():
            for hole, pattern in _HOLE.items():
                if hole in key:
                    before, after = key.split(hole)
                    found.append((re.compile(re.escape(before) + pattern + re.escape(after)), meaning))
        return found

    def _row(self, header: Header, key: str, value: Value) -> MetadataRow:
        return MetadataRow(
            key=key,
            group=group_of(key),
            type=type_of(value),
            preview=preview(value),
            note=note(header, key, value),
            length=len(value.data) if isinstance(value.data, Array) else None,
            value=value,
            meaning=self.meaning(key, header.architecture),
        )


def group_of(key: str) -> str:
    """The prefix a key is listed under: all but its last part, at most two parts."""
    parts = key.split(".")
    return ".".join(parts[: min(2, len(parts) - 1)]) or key


def type_of(value: Value) -> str:
    """The type in words: ``uint32``, ``string``, ``string[49,152]``."""
    if isinstance(value.data, Array):
        return f"{value.data.type.name.lower()}[{len(value.data):,}]"
    return value.type.name.lower()


def preview(value: Value) -> str:
    """One line of the value, cut where it is long."""
    if isinstance(value.data, Array):
        first = value.data[:PREVIEW_ELEMENTS]
        shown = ", ".join(_element(item) for item in first)
        return one_line(f"[{shown}{', …' if len(value.data) > len(first) else ''}]", PREVIEW_CHARACTERS)
    if isinstance(value.data, Text):
        return one_line(value.data.read(4 * PREVIEW_CHARACTERS), PREVIEW_CHARACTERS)
    return one_line(scalar(value.data), PREVIEW_CHARACTERS)


def scalar(data: object) -> str:
    """A single value as text: floats as short as they read back, booleans in lower case."""
    if isinstance(data, bool):
        return "true" if data else "false"
    return _float(data) if isinstance(data, float) else str(data)


def _float(number: float) -> str:
    # the fewest digits that read back as the same 32-bit float, which nearly all of them are
    if number.is_integer() and abs(number) < 1e15:
        return f"{number:.0f}"
    if math.isfinite(number) and abs(number) < _LARGEST_FLOAT32:
        for digits in range(6, 10):
            text = f"{number:.{digits}g}"
            if struct.pack("<f", float(text)) == struct.pack("<f", number):
                return text
    return repr(number)


def whole(value: Value, limit: int = 1 << 20) -> str:
    """A string or number in full (at most ``limit`` bytes); an array as its elements, one per line."""
    if isinstance(value.data, Array):
        return "\n".join(lines(value.data, 0, len(value.data)))
    return value.data.read(limit) if isinstance(value.data, Text) else scalar(value.data)


def lines(array: Array, start: int, stop: int) -> Iterator[str]:
    """Elements of an array as text, one each; reads the file."""
    for item in array[start:stop]:
        yield _element(item)


def note(header: Header, key: str, value: Value) -> str:
    """What the bare value does not tell: a token id's text, a file type's label, a count in an array."""
    if _TOKEN_ID.match(key) and isinstance(value.data, int):
        tokens = header.array("tokenizer.ggml.tokens")
        if tokens is None or tokens.type is not ValueType.STRING or not 0 <= value.data < len(tokens):
            return "no such token"
        return one_line(tokens.strings(value.data, value.data + 1)[0], PREVIEW_CHARACTERS)
    if key == "general.file_type" and isinstance(value.data, int):
        known = FILE_TYPES.get(value.data & ~GUESSED_FLAG)
        return known.label if known else "not a known file type"
    return ""


def _element(item: object) -> str:
    if isinstance(item, Array):
        return f"{item.type.name.lower()}[{len(item):,}]"
    return f'"{item}"' if isinstance(item, str) else scalar(item)
