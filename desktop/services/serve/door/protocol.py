"""The HTTP under the door: uvicorn's on h11, with bounds on size, number and time, and without the doubtful forms.

What two servers could read in two ways (request smuggling: RFC 9112, sections 5.2, 6.1 and 11.2) is refused: a length
beside a transfer coding, a folded header, a line that ends without a carriage return. Of requests that are sent before
the last one was answered only the first is.
"""

from __future__ import annotations

import asyncio
import json
import re
from http import HTTPStatus
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from desktop.services.serve.door.settings import DoorSettings

_HEAD_ENDS = b"\r\n\r\n"
_DOUBTFUL = re.compile(rb"(?<!\r)\n|\r(?!\n)|\n[ \t]|\x00")
_UNREAD_SECONDS = 5.0  # a client that is still sending gets to read why it was refused
_WRITE_BUFFER = 1 << 20
_WORDS = {
    400: "The request is not well-formed HTTP.",
    408: "The request did not arrive in time.",
    431: "The header of the request is too large.",
    503: "There are too many connections.",
}


class _StrictConnection(h11.Connection):
    """h11's, which takes a little more than two servers would agree on."""

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            chunked = b"transfer-encoding" in names
            if chunked and (b"content-length" in names or event.http_version != b"1.1"):
                raise h11.RemoteProtocolError("a transfer coding beside a length, or before HTTP/1.1")
            if not event.target.startswith(b"/") or event.http_version not in (b"1.0", b"1.1"):
                raise h11.RemoteProtocolError("only paths are served, and HTTP/1 is spoken")
        return event


class DoorConnection(H11Protocol):
    """One connection."""

    def __init__(self, config: Config, state: ServerState, settings: DoorSettings) -> None:
        super().__init__(config, state, {})
        self.conn = _StrictConnection(h11.SERVER, 2 * settings.largest_header)
        self._settings = settings
        self._late: asyncio.TimerHandle | None = None
        self._unwritten: asyncio.TimerHandle | None = None
        self._head = bytearray()
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Taken, or sent away where there are too many."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_WRITE_BUFFER)
        if len(self.connections) > self._settings.connections:
            self._refuse(503)
        else:
            self._expect(self._settings.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing waits for it any more."""
        self._cancel()
        if self._unwritten is not None:
            self._unwritten.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """More of a request."""
        if not self.transport.is_closing() and (not self._in_head or self._looks_well(data)):
            super().data_received(data)

    def handle_events(self) -> None:
        """What has come, event by event; then how long the rest may take."""
        super().handle_events()
        state = self.conn.their_state
        if self.transport.is_closing() or state is h11.IDLE:
            return
        if self._in_head:
            self._in_head = False
            self._head.clear()
            self._expect(self._settings.body_seconds)
        if state is not h11.SEND_BODY:
            self._cancel()

    def on_response_complete(self) -> None:
        """The next request of this connection may begin."""
        if self.conn.trailing_data[0] and self.conn.their_state is h11.DONE:
            self.transport.close()
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._expect(_UNREAD_SECONDS)
        else:
            self._in_head = True

    def send_400_response(self, msg: str) -> None:
        """What h11 refuses."""
        self._refuse(400)

    def pause_writing(self) -> None:
        """The client takes nothing: it may do so for a while."""
        super().pause_writing()
        self._unwritten = self.loop.call_later(self._settings.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It takes what is sent again."""
        if self._unwritten is not None:
            self._unwritten.cancel()
        super().resume_writing()

    def _looks_well(self, data: bytes) -> bool:
        """Whether the head has no form that two servers could read in two ways; refused where it has."""
        before = len(self._head)
        self._head += data
        if self._late is None:
            self._expect(self._settings.header_seconds)
        end = self._head.find(_HEAD_ENDS, max(0, before - len(_HEAD_ENDS) + 1))
        stop = end + len(_HEAD_ENDS) if end >= 0 else len(self._head)
        if stop > self._settings.largest_header:
            self._refuse(431)
            return False
        if end < 0 and self._head.endswith(b"\r"):
            stop -= 1
        if _DOUBTFUL.search(self._head, max(0, before - 1), stop) is not None:
            self._refuse(400)
            return False
        return True

    def _expect(self, seconds: float) -> None:
        self._cancel()
        self._late = self.loop.call_later(seconds, self._refuse, 408)

    def _cancel(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: int) -> None:
        """An error where no application answers; the connection ends."""
        self._cancel()
        if self.transport.is_closing():
            return
        answered = self.cycle is not None and self.cycle.response_started
        if not answered or self.conn.their_state is h11.IDLE:
            self.transport.write(_refusal(status))
        self.transport.close()


def _refusal(status: int) -> bytes:
    kind = "server_error" if status == HTTPStatus.SERVICE_UNAVAILABLE else "invalid_request_error"
    content = json.dumps({"error": {"message": _WORDS[status], "type": kind, "param": None, "code": None}}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + content
