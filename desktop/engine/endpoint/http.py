"""HTTP to one server: JSON questions, and answers that stream as server-sent events.

Of the standard library, which speaks over a Unix-domain socket with one overridden method and can be cut off in the
middle of a read from another thread; both decide here (a Stop must not wait for a server that computes).
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

CONNECT_SECONDS = 5.0
_READ_BYTES = 1 << 16
_LONGEST_ERROR = 1 << 20  # bytes of an error's body; a stranger's server may send anything
_DATA, _ERROR = b"data:", b"error:"


@dataclass(frozen=True)
class Address:
    """Where a server listens: a Unix-domain socket, or a port of this computer with the key it asks for."""

    socket: Path | None = None
    port: int = 0
    key: str = ""


class EndpointError(Exception):
    """A server answered with an error: its HTTP ``status`` (0: inside a stream), ``type``, ``message`` and fields."""

    def __init__(self, status: int, body: object) -> None:
        error = body.get("error", body) if isinstance(body, dict) else body
        self.status = status
        self.fields: dict[str, Any] = error if isinstance(error, dict) else {"message": str(error)}
        self.type = str(self.fields.get("type", ""))
        self.message = str(self.fields.get("message", ""))
        super().__init__(f"{status} {self.type}: {self.message}")


class ConnectionLostError(Exception):
    """There is nobody at the other end, or not any more: the server ended, or :meth:`Stream.cut` was called."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Endpoint:
    """One server. Thread-safe: every request has a connection of its own."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def get(self, path: str, *, deadline_seconds: float) -> Any:
        """The JSON at ``path``. Raises EndpointError, ConnectionLostError, TimeoutError."""
        return self._json("GET", path, None, deadline_seconds)

    def post(self, path: str, body: object, *, deadline_seconds: float) -> Any:
        """The JSON answer to ``body``. Raises EndpointError, ConnectionLostError, TimeoutError."""
        return self._json("POST", path, body, deadline_seconds)

    def stream(self, path: str, body: object) -> Stream:
        """An answer that streams; nothing is sent before it is entered."""
        return Stream(self._connection(None), self._headers(), path, _encoded(body))

    def _connection(self, deadline_seconds: float | None) -> http.client.HTTPConnection:
        timeout = deadline_seconds or CONNECT_SECONDS
        if self._address.socket is not None:
            return _UnixConnection(self._address.socket, timeout)
        return http.client.HTTPConnection("127.0.0.1", self._address.port, timeout=timeout)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        return headers | ({"Authorization": f"Bearer {self._address.key}"} if self._address.key else {})

    def _json(self, method: str, path: str, body: object, deadline_seconds: float) -> Any:
        connection = self._connection(deadline_seconds)
        with contextlib.closing(connection), _lost():
            content = None if body is None else _encoded(body)
            connection.request(method, path, content, self._headers())
            response = connection.getresponse()
            answer = response.read()
        decoded = _decoded(answer)
        if response.status >= 400:
            raise EndpointError(response.status, decoded)
        return decoded


class _Gathered(http.client.HTTPResponse):
    """A response that takes from its socket all there is, after calling ``read`` each time."""

    def __init__(self, sock: socket.socket, *rest: Any, read: Callable[[], None], **options: Any) -> None:
        super().__init__(sock, *rest, **options)
        self.fp: io.BufferedReader = io.BufferedReader(_Told(self.fp.detach(), read), _READ_BYTES)


class _Told(io.RawIOBase):
    """A raw stream that says before each read that it will wait for one."""

    def __init__(self, raw: io.RawIOBase, read: Callable[[], None]) -> None:
        super().__init__()
        self._raw, self._read = raw, read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._read()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class Stream:
    """The events of one answer, each the bytes of a JSON document. A context manager; iterate once.

    ``gather_seconds`` is how long what comes is left to gather between two reads: each read wakes this process, and on
    a computer whose cores all compute that is taken from the answer. It may change at any time. ``before_read`` is
    called when all that came was handed out, before the next read waits.
    """

    def __init__(
        self, connection: http.client.HTTPConnection, headers: dict[str, str], path: str, content: bytes
    ) -> None:
        self._connection = connection
        self._headers, self._path, self._content = headers, path, content
        self._response: http.client.HTTPResponse | None = None
        self._cut = threading.Event()
        self.gather_seconds = 0.0
        self.before_read: Callable[[], None] = _nothing
        connection.response_class = partial(_Gathered, read=self._await_more)  # type: ignore[assignment]

    def __enter__(self) -> Stream:
        """Ask. Raises EndpointError for a refusal, ConnectionLostError."""
        try:
            self._ask()
        except BaseException:
            self._close()
            raise
        return self

    def _ask(self) -> None:
        with _lost():
            self._connection.connect()
            if self._cut.is_set():
                raise ConnectionLostError("cut off")
            self._connection.sock.settimeout(None)  # reading a long prompt takes as long as it takes
            self._connection.request("POST", self._path, self._content, self._headers)
            self._response = self._connection.getresponse()
            if self._response.status >= 400:
                raise EndpointError(self._response.status, _decoded(self._response.read(_LONGEST_ERROR)))

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def __iter__(self) -> Iterator[bytes]:
        """Raises EndpointError for an error inside the stream, ConnectionLostError when it breaks off."""
        assert self._response is not None
        pending = b""
        with _lost():
            while received := self._response.read1(_READ_BYTES):
                *events, pending = (pending + received).split(b"\n\n")
                for event in events:
                    for line in event.split(b"\n"):
                        if line.startswith(_DATA):
                            data = line[len(_DATA) :].strip()
                            if data == b"[DONE]":
                                return
                            yield data
                        elif line.startswith(_ERROR):
                            raise EndpointError(0, _decoded(line[len(_ERROR) :]))

    def _await_more(self) -> None:
        self.before_read()
        if self.gather_seconds:
            self._cut.wait(self.gather_seconds)

    def cut(self) -> None:
        """End it now, from any thread: whoever reads gets ConnectionLostError, and the server hears of it."""
        self._cut.set()
        sock = self._connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _nothing() -> None:
    """Nobody wants to know."""


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException, AttributeError, ValueError) as error:
        # http.client raises the last two when its socket is closed under it
        raise ConnectionLostError(str(error)) from error


def _encoded(body: object) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:  # what came from a terminal or a file's name may be no Unicode
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {"message": content.decode("utf-8", "replace").strip()}
