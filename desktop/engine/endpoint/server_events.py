"""Server-sent events as they come in: lines of any ending, cut anywhere, with comments between them.

https://html.spec.whatwg.org/multipage/server-sent-events.html, and llama.cpp's own lines "error:" beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

_DATA, _ERROR = b"data:", b"error:"
DONE = b"[DONE]"


class ServerEvents:
    """Takes bytes, gives the data of whole events, each with whether it is an error.

    ``done`` once the server said so. A document in the place of a stream is one event.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._data: list[bytes] = []
        self._begun = False
        self.done = False
        self._document: bytes | None = None

    def feed(self, received: bytes) -> Iterator[tuple[bytes, bool]]:
        """What is whole by now."""
        if not self._begun and (first := received.lstrip()):
            self._begun = True
            if first[:1] in b"{[":  # this server does not stream
                self._document = b""
        if self._document is not None:
            self._document += received
            return
        self._pending += received
        if b"\r" in self._pending:
            held = self._pending.endswith(b"\r")  # a line feed may follow
            text = self._pending[:-1] if held else self._pending
            self._pending = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + (b"\r" if held else b"")
        *lines, self._pending = self._pending.split(b"\n")
        for line in lines:
            yield from self._line(line)
            if self.done:
                return

    def finish(self) -> Iterator[tuple[bytes, bool]]:
        """What was left when the stream ended: some servers leave out the last empty line."""
        if self._document is not None:
            yield self._document, False
            return
        rest, self._pending = self._pending.rstrip(b"\r"), b""
        yield from self._line(rest)
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[tuple[bytes, bool]]:
        if line.startswith(_DATA):
            self._data.append(line[len(_DATA) :].strip())
        elif line.startswith(_ERROR):
            yield line[len(_ERROR) :], True
        elif not line and self._data:
            data, self._data = b"\n".join(self._data), []
            if data == DONE:
                self.done = True
            elif data:
                yield data, False
