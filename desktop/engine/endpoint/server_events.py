"""Server-sent events as they come in: lines of any ending, cut anywhere, with comments between them.

https://html.spec.whatwg.org/multipage/server-sent-events.html, and llama.cpp's own lines "error:" beside it.
"""

from __future__ import annotations

_DATA, _ERROR = b"data:", b"error:"
_PREFIX = len(_DATA)
DONE = b"[DONE]"
Told = tuple[bytes, bool]
"""The data of an event, and whether it is an error."""


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

    def feed(self, received: bytes) -> list[Told]:
        """What is whole by now."""
        if not self._begun and (first := received.lstrip()):
            self._begun = True
            if first[:1] in b"{[":  # this server does not stream
                self._document = b""
        if self._document is not None:
            self._document += received
            return []
        text = self._pending + received
        if b"\r" in text:
            held = text.endswith(b"\r")  # a line feed may follow
            text = (text[:-1] if held else text).replace(b"\r\n", b"\n").replace(b"\r", b"\n") + b"\r" * held
        *lines, self._pending = text.split(b"\n")
        return self._told(lines)

    def finish(self) -> list[Told]:
        """What was left when the stream ended: some servers leave out the last empty line."""
        if self._document is not None:
            return [(self._document, False)]
        rest, self._pending = self._pending.rstrip(b"\r"), b""
        return self._told([rest, b""])

    def _told(self, lines: list[bytes]) -> list[Told]:
        told: list[Told] = []
        for line in lines:
            if line.startswith(_DATA):
                self._data.append(line[_PREFIX:].strip())
            elif not line:
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    self._data = []
                    if data == DONE:
                        self.done = True
                        break
                    if data:
                        told.append((data, False))
            elif line.startswith(_ERROR):
                told.append((line[len(_ERROR) :], True))
        return told
