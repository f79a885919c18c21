"""Fields of a protobuf message, read forward without a schema; long contents are passed over, not read.

Wire format: protobuf.dev, Encoding. Groups (deprecated) are not accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from desktop.core.errors import FileFormatError
from desktop.core.formats.reading import Forward
from desktop.core.gguf.cursor import DAMAGED
from desktop.core.gguf.source import ByteSource
from desktop.core.words import tr

MAX_FIELDS = 250_000  # of all messages of a file together
MAX_TEXT = 4096
_FIXED = {1: 8, 5: 4}


@dataclass(frozen=True, slots=True)
class Field:
    """A field: ``value`` of a number (wire type 0), ``start`` and ``size`` of the bytes of anything else."""

    number: int
    wire: int
    value: int
    start: int
    size: int


class Messages:
    """Reads messages of one source, with a limit on the fields of all of them."""

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self.left = MAX_FIELDS

    def fields(self, start: int, size: int) -> Iterator[Field]:
        """The fields of the message at ``start``; FileFormatError where they break off or exceed the limit."""
        data = Forward(self.source, start, start + size)
        while data.remaining:
            self.left -= 1
            if self.left < 0:
                raise FileFormatError(
                    tr("The file has more than {max_fields:,} fields.", max_fields=MAX_FIELDS), offset=data.position
                )
            at = data.position
            key = _varint(data)
            number, wire = key >> 3, key & 7
            if wire == 0:
                value = _varint(data)
                yield Field(number, wire, value, data.position, 0)
                continue
            if number == 0 or (wire != 2 and wire not in _FIXED):
                raise FileFormatError(tr("There is no valid protobuf field at byte {at:,}.", at=at), DAMAGED, offset=at)
            length = _varint(data) if wire == 2 else _FIXED[wire]
            begin = data.position
            data.skip(length, "a field")
            yield Field(number, wire, 0, begin, length)

    def text(self, field: Field) -> str:
        """A field's bytes as text, at most MAX_TEXT of them."""
        return Forward(self.source, field.start).take(min(field.size, MAX_TEXT), "a text").decode("utf-8", "replace")

    def numbers(self, field: Field, most: int) -> list[int]:
        """A repeated number that may be packed, at most ``most`` of them."""
        if field.wire == 0:
            return [field.value]
        data = Forward(self.source, field.start, field.start + field.size)
        found: list[int] = []
        while data.remaining and len(found) < most:
            found.append(_varint(data))
        return found


def _varint(data: Forward) -> int:
    value = shift = 0
    while shift < 70:
        byte = data.take(1, "a number")[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1
        shift += 7
    raise FileFormatError(tr("A number does not end."), DAMAGED, offset=data.position)
