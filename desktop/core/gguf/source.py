"""Where header bytes come from: anything that can show a window of itself."""

from __future__ import annotations

from typing import Protocol


class ByteSource(Protocol):
    """Random access to bytes: a file, a memory map, a range reader over HTTP, or plain bytes.

    A window is what makes all of them quick: the parser asks for the few bytes it must have and is given as
    many as are at hand, so a remote source decides how much to fetch at a time.
    """

    @property
    def size(self) -> int:
        """Total length in bytes."""

    def window(self, offset: int, at_least: int) -> memoryview:
        """Bytes from ``offset`` on: ``at_least`` of them or more, fewer only where the source ends.

        The view stays valid and unchanged for as long as the caller holds it. Sources raise OSError (or a
        HeftError of their own) when the bytes cannot be had.
        """


class BytesSource:
    """A source over bytes in memory or a memory map; its windows are views, nothing is copied."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._view = memoryview(data).cast("B").toreadonly()

    @property
    def size(self) -> int:
        return len(self._view)

    def window(self, offset: int, at_least: int) -> memoryview:
        """Everything from ``offset`` on."""
        return self._view[offset:]


class SubSource:
    """A part of another source that is read as if it were a source of its own: the GGUF file in a llamafile."""

    def __init__(self, source: ByteSource, offset: int, size: int) -> None:
        """``size`` bytes of ``source`` from ``offset`` on; what lies behind its end is not there."""
        self._source = source
        self._offset = offset
        self._size = max(0, min(size, source.size - offset))

    @property
    def size(self) -> int:
        return self._size

    def window(self, offset: int, at_least: int) -> memoryview:
        """As the source's window, but never past the part's end."""
        left = max(0, self._size - offset)
        return self._source.window(self._offset + offset, min(at_least, left))[:left]
