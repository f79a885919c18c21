"""A forward reader over a ByteSource that never reads, or keeps, more than it has checked to be there."""

from __future__ import annotations

import struct
import sys
from array import array
from typing import Any

from desktop.core.errors import FileFormatError
from desktop.core.gguf.source import ByteSource
from desktop.core.gguf.values import CHUNK, Layout
from desktop.core.words import tr

DAMAGED = "It is damaged or was made wrongly; download it again."
INCOMPLETE = "It is not complete; download it again."

MAX_STRINGS = 1 << 24  # elements of all string arrays; the largest vocabularies in use have 1 million with merges
MAX_TEXT = 1 << 20  # bytes of one text that is kept; chat templates have some 10,000
TEXT_BUDGET = 8 << 20  # bytes that all keys, names and texts that are kept take in memory


class Cursor:
    """Reads numbers and texts one after the other; raises FileFormatError with the byte where they end."""

    def __init__(self, source: ByteSource, layout: Layout) -> None:
        self.source = source
        self.size = source.size
        self.position = 0
        self.layout = layout
        self._buffer = memoryview(b"")
        self._base = 0
        self._text_left = TEXT_BUDGET
        self._strings_left = MAX_STRINGS

    @property
    def remaining(self) -> int:
        """Bytes between the position and the end of the source."""
        return self.size - self.position

    def unpack(self, packed: struct.Struct, what: str) -> tuple[Any, ...]:
        """The numbers of ``packed`` at the position, which moves behind them."""
        index = self.position - self._base
        if index + packed.size > len(self._buffer):
            self._refill(packed.size, what)
            index = 0
        self.position += packed.size
        return packed.unpack_from(self._buffer, index)

    def length(self, what: str) -> int:
        """A length or count, as wide as the file's version has it."""
        (length,) = self.unpack(self.layout.length, what)
        return int(length)

    def text_length(self, what: str) -> int:
        """The length of a text in bytes, checked to lie within the source; the position is then its start."""
        start = self.position
        length = self.length(f"the length of {what}")
        if length > self.remaining:
            raise FileFormatError(
                tr(
                    "{upper}{what} at byte {start:,} claims {length:,} bytes, but only {remaining:,} are "
                    "left in the file.",
                    upper=what[0].upper(),
                    what=what[1:],
                    start=start,
                    length=length,
                    remaining=self.remaining,
                ),
                INCOMPLETE if length < 1 << 40 else DAMAGED,
                offset=start,
            )
        return length

    def keeps(self, length: int) -> bool:
        """Whether a text of this length is short enough, and the budget large enough, to keep it in memory."""
        return length <= MAX_TEXT and length <= self._text_left

    def text(self, length: int, what: str) -> tuple[str, bool]:
        """A text of ``length`` bytes and whether it is valid UTF-8 (what is not becomes U+FFFD)."""
        if not self.keeps(length):
            raise FileFormatError(
                tr(
                    "The names and texts of this header take more than {text_budget} MiB, or one more "
                    "than {max_text} MiB: {what} of {length:,} bytes at byte {position:,}.",
                    text_budget=TEXT_BUDGET >> 20,
                    max_text=MAX_TEXT >> 20,
                    what=what,
                    length=length,
                    position=self.position,
                ),
                DAMAGED,
                offset=self.position,
            )
        index = self.position - self._base
        if index + length > len(self._buffer):
            self._refill(length, what)
            index = 0
        raw = bytes(self._buffer[index : index + length])
        self.position += length
        try:
            text, valid = raw.decode(), True
        except UnicodeDecodeError:
            text, valid = raw.decode("utf-8", "replace"), False
        # One character beyond Latin-1 makes all of a text two or four times as large in memory.
        self._text_left -= length if text.isascii() else sys.getsizeof(text)
        return text, valid

    def skip(self, count: int) -> None:
        """Move on by ``count`` bytes that were checked to be there."""
        self.position += count

    def skip_strings(self, count: int) -> array[int]:
        """Walk over ``count`` strings without decoding them; returns the byte of each CHUNK-th one."""
        start = self.position
        if count * self.layout.length.size > self.remaining:
            raise FileFormatError(
                tr(
                    "An array at byte {start:,} claims {count:,} strings, but only {remaining:,} bytes "
                    "are left in the file.",
                    start=start,
                    count=count,
                    remaining=self.remaining,
                ),
                INCOMPLETE if count < 1 << 32 else DAMAGED,
                offset=start,
            )
        self._strings_left -= count
        if self._strings_left < 0:
            raise FileFormatError(
                tr("The arrays of this header hold more than {max_strings:,} strings.", max_strings=MAX_STRINGS),
                DAMAGED,
                offset=start,
            )
        marks = array("Q")
        for first in range(0, count, CHUNK):
            marks.append(self.position)
            self._skip_chunk(min(CHUNK, count - first))
        if self.position > self.size:
            raise self._ended("an array of strings", start)
        return marks

    def _skip_chunk(self, count: int) -> None:
        # The one hot loop of the parser: a vocabulary has up to a million strings, so it holds only locals.
        unpack, width = self.layout.length.unpack_from, self.layout.length.size
        done = 0
        while done < count:
            if self.position - self._base + width > len(self._buffer):
                self._refill(width, "the length of a string")
            buffer, index = self._buffer, self.position - self._base
            try:
                for done in range(done, count):  # noqa: B007, B020 - left at the string that did not fit
                    index += width + unpack(buffer, index)[0]
                done = count
            except (struct.error, OverflowError):
                pass
            self.position = self._base + index

    def _refill(self, count: int, what: str) -> None:
        if count > self.remaining:
            raise self._ended(what, self.position)
        window = self.source.window(self.position, count)
        if len(window) < count:
            raise self._ended(what, self.position)
        self._buffer, self._base = window, self.position

    def _ended(self, what: str, offset: int) -> FileFormatError:
        return FileFormatError(
            tr(
                "The file ends at byte {size:,}, but {what} was expected at byte {offset:,}.",
                size=self.size,
                what=what,
                offset=offset,
            ),
            INCOMPLETE,
            offset=offset,
        )
