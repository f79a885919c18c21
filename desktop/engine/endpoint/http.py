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
from functools import partial
from types import TracebackType
from typing import Any

import msgspec

from desktop import __version__
from desktop.core.secrets import without_tokens
from desktop.core.words import tr
from desktop.engine.endpoint.connecting import CONNECT_SECONDS, ProxyError, connection_to, proxy_headers, target
from desktop.engine.endpoint.connecting import Address as Address
from desktop.engine.endpoint.server_events import ServerEvents

_READ_BYTES = 1 << 16
_LONGEST_ERROR = 1 << 20  # bytes of an error's body; a stranger's server may send anything
_LONGEST_ANSWER = 1 << 26


class EndpointError(Exception):
    """A server answered with an error: its HTTP ``status`` (0: inside a stream), ``type``, ``code``, ``message`` and
    fields, in whichever of the usual forms it came.
    """

    def __init__(self, status: int, body: object, key: str = "") -> None:
        """``key`` is taken out of what the server says: some repeat it."""
        error = body.get("error", body) if isinstance(body, dict) else body
        self.status = status
        self.fields: dict[str, Any] = error if isinstance(error, dict) else {"message": str(error)}
        self.type = str(self.fields.get("type") or "")
        self.code = str(self.fields.get("code") or "")
        said = self.fields.get("message") or self.fields.get("detail") or ""
        self.message = without_tokens(said if isinstance(said, str) else json.dumps(said), (key,))
        super().__init__(f"{status} {self.type}: {self.message}")


class ConnectionLostError(Exception):
    """There is nobody at the other end, or not any more: the server ended, or :meth:`Stream.cut` was called."""


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
        """An answer that streams; nothing is sent before it is entered. Raises ConnectionLostError (the proxy)."""
        address = self._address
        with _lost():
            connection = connection_to(address, CONNECT_SECONDS)
        return Stream(connection, self._headers(), target(address, path), _encoded(body), address.key)

    def _headers(self) -> dict[str, str]:
        address = self._address
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "User-Agent": f"heft/{__version__}",
        }
        if address.key:
            headers["Authorization"] = f"Bearer {address.key}"
        return headers | (proxy_headers(address) if address.proxy and not address.tls else {})

    def _json(self, method: str, path: str, body: object, deadline_seconds: float) -> Any:
        content = None if body is None else _encoded(body)
        with _lost():
            connection = connection_to(self._address, deadline_seconds)
            with contextlib.closing(connection), self._over(connection, deadline_seconds) as late:
                try:
                    connection.request(method, target(self._address, path), content, self._headers())
                    response = connection.getresponse()
                    answer = response.read(_LONGEST_ANSWER)
                    if response.length:
                        raise http.client.IncompleteRead(answer, response.length)
                except (OSError, http.client.HTTPException, AttributeError, ValueError) as error:
                    if late.is_set():
                        raise TimeoutError(tr("the whole answer took too long")) from error
                    raise
        decoded = _decoded(answer)
        if response.status >= 300:
            raise EndpointError(response.status, decoded, self._address.key)
        return decoded

    @contextlib.contextmanager
    def _over(self, connection: http.client.HTTPConnection, seconds: float) -> Iterator[threading.Event]:
        """Ends a stranger's answer that drips in without end; the event says that it was."""
        late = threading.Event()
        if self._address.own:
            yield late
            return

        def end() -> None:
            late.set()
            _shut(connection)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()


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
        self,
        connection: http.client.HTTPConnection,
        headers: dict[str, str],
        path: str,
        content: bytes,
        key: str = "",
    ) -> None:
        self._connection, self._key = connection, key
        self._headers, self._path, self._content = headers, path, content
        self._response: http.client.HTTPResponse | None = None
        self._cut = threading.Event()
        self.gather_seconds = 0.0
        self.done = False  # the server said that this was all
        self.answered = False  # it took the question
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
                raise ConnectionLostError(tr("cut off"))
            self._connection.sock.settimeout(None)  # reading a long prompt takes as long as it takes
            self._connection.request("POST", self._path, self._content, self._headers)
            self._response = self._connection.getresponse()
            if self._response.status >= 300:
                said = _decoded(self._response.read(_LONGEST_ERROR))
                raise EndpointError(self._response.status, said, self._key)
            self.answered = True

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
        events, read = ServerEvents(), self._response.read1
        with _lost():
            while not self.done:
                received = read(_READ_BYTES)
                for data, is_error in events.feed(received) if received else events.finish():
                    if is_error:
                        raise EndpointError(0, _decoded(data), self._key)
                    yield data
                self.done = events.done
                if not received:
                    return

    def _await_more(self) -> None:
        self.before_read()
        if self.gather_seconds:
            self._cut.wait(self.gather_seconds)

    def cut(self) -> None:
        """End it now, from any thread: whoever reads gets ConnectionLostError, and the server hears of it."""
        self._cut.set()
        _shut(self._connection)


def _shut(connection: http.client.HTTPConnection) -> None:
    """Whoever reads from it, on any thread, reads its end now."""
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            # a TLS socket would first wait for its lock and say goodbye: the one below it is shut
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _nothing() -> None:
    """Nobody wants to know."""


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException, AttributeError, ValueError, ProxyError) as error:
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
