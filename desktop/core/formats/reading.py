"""Bounded reads: every length that a file claims is checked against the file and against a limit first."""

from __future__ import annotations

import json
from typing import Any

from desktop.core.errors import FileFormatError
from desktop.core.findings import Finding
from desktop.core.gguf.cursor import DAMAGED, INCOMPLETE
from desktop.core.gguf.source import ByteSource
from desktop.core.text import LINE
from desktop.core.words import tr

MAX_JSON = 12 << 20  # bytes; headers of the largest single safetensors files have some 3 million
MAX_JSON_UNICODE = 2 << 20  # Python keeps a text with one emoji in four bytes per character
MAX_JSON_MARKS = 500_000  # commas, colons and brackets: what parsed values cost is about 75 bytes for each


def read(source: ByteSource, offset: int, count: int, what: str) -> bytes:
    """Exactly ``count`` bytes at ``offset``; FileFormatError when the source has fewer."""
    if offset < 0 or count < 0 or offset + count > source.size:
        raise FileFormatError(
            tr(
                "The file ends at byte {size:,}, but {what} was expected at byte {offset:,} in {count:,} bytes.",
                size=source.size,
                what=what,
                offset=offset,
                count=count,
            ),
            INCOMPLETE,
            offset=min(max(offset, 0), source.size),
        )
    data = bytes(source.window(offset, count)[:count])
    if len(data) < count:
        raise FileFormatError(
            tr("The file became shorter while {what} was read.", what=what), INCOMPLETE, offset=offset
        )
    return data


def broken_off(error: FileFormatError, reason: str) -> Finding:
    """A file that could be read no further, as a finding."""
    return Finding("error", error.message, reason, error.hint or DAMAGED, error.offset)


class Forward:
    """Reads a source from ``position`` on in small pieces, asking it for a window only when one is used up."""

    def __init__(self, source: ByteSource, position: int, end: int | None = None) -> None:
        """``end`` is the byte behind the last one that may be read: the source's end, if that comes first."""
        self.position = position
        self.end = min(source.size, source.size if end is None else end)
        self._source = source
        self._view = memoryview(b"")
        self._base = position

    @property
    def remaining(self) -> int:
        """Bytes between the position and the end."""
        return self.end - self.position

    def take(self, count: int, what: str) -> bytes:
        """The next ``count`` bytes; FileFormatError when fewer are left."""
        index = self.position - self._base
        if self.position + count > self.end:
            raise FileFormatError(
                tr(
                    "The data ends at byte {end:,}, but {what} was expected at byte {position:,}.",
                    end=self.end,
                    what=what,
                    position=self.position,
                ),
                INCOMPLETE,
                offset=self.position,
            )
        if index < 0 or index + count > len(self._view):
            self._view, self._base, index = self._source.window(self.position, count), self.position, 0
        data = bytes(self._view[index : index + count])
        if len(data) < count:
            raise FileFormatError(
                tr("The file became shorter while {what} was read.", what=what), INCOMPLETE, offset=self.position
            )
        self.position += count
        return data

    def skip(self, count: int, what: str) -> None:
        """Pass over ``count`` bytes without reading them; FileFormatError when fewer are left."""
        if count > self.remaining:
            raise FileFormatError(
                tr(
                    "{upper}{what} at byte {position:,} claims {count:,} bytes, but only {remaining:,} are left.",
                    upper=what[0].upper(),
                    what=what[1:],
                    position=self.position,
                    count=count,
                    remaining=self.remaining,
                ),
                INCOMPLETE,
                offset=self.position,
            )
        self.position += count


def head(source: ByteSource, count: int) -> bytes:
    """The first ``count`` bytes, fewer when the source is shorter."""
    return bytes(source.window(0, min(count, source.size))[:count]) if source.size else b""


def parse_json(data: bytes | memoryview, what: str, *, offset: int = 0, pairs_hook: Any = None) -> Any:
    """A JSON value from untrusted bytes, within bounds of size, count and depth; FileFormatError otherwise.

    ``pairs_hook`` takes the (key, value) pairs of each object in place of a dictionary.
    """
    raw = bytes(data)
    limit = MAX_JSON if raw.isascii() else MAX_JSON_UNICODE
    marks = sum(raw.count(mark) for mark in b",:[{")
    if len(raw) > limit or marks > MAX_JSON_MARKS:
        raise FileFormatError(
            tr(
                "{upper}{what} has {raw:,} bytes and {marks:,} separators, more than Heft reads.",
                upper=what[0].upper(),
                what=what[1:],
                raw=len(raw),
                marks=marks,
            ),
            DAMAGED,
            offset=offset,
        )
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=pairs_hook)
    except (ValueError, RecursionError) as error:  # ValueError: bad UTF-8, bad JSON, a number of 5,000 digits
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:LINE]
        raise FileFormatError(
            tr("{upper}{what} is no valid JSON: {reason}.", upper=what[0].upper(), what=what[1:], reason=reason),
            DAMAGED,
            offset=offset,
        ) from None
