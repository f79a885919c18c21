"""HTTP to the server that holds a loaded model: asynchronous, one connection a request.

A connection is closed with its request, since llama.cpp's server gives each one of its few threads for as long as it is
open. Closing it is also how an answer is given up: the server hears of it at its next token.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import h11
import msgspec

from desktop.engine.endpoint.connecting import CONNECT_SECONDS
from desktop.engine.endpoint.http import Address, ConnectionLostError, EndpointError

_READ_BYTES = 1 << 16
_LONGEST_ERROR = 1 << 20
_DATA, _DONE = b"data: ", b"[DONE]"


class Upstream:
    """One server. Raises EndpointError for what it refuses, ConnectionLostError where it is gone, or too slow."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def json(self, path: str, body: object, *, seconds: float | None = None) -> Any:
        """The JSON answer to ``body``, within so long."""
        try:
            async with asyncio.timeout(seconds), self._exchange(path, body) as exchange:
                content = b""
                while piece := await exchange.read():
                    content += piece
                decoded = _decoded(content)
                if exchange.status >= 400:
                    raise EndpointError(exchange.status, decoded)
                return decoded
        except TimeoutError as error:
            raise ConnectionLostError(f"no answer within {seconds} seconds") from error

    async def events(
        self, path: str, body: object, gather: Callable[[], float] = lambda: 0.0
    ) -> AsyncGenerator[list[bytes], None]:
        """The events of an answer, as many at a time as have come: each the bytes of a JSON document.

        ``gather`` says how many seconds what comes is left to gather before it is looked at again: each look wakes this
        process, and on a computer whose cores all compute that is taken from the answer.
        """
        async with self._exchange(path, body) as exchange:
            if exchange.status >= 400:
                content = b""
                while len(content) < _LONGEST_ERROR and (piece := await exchange.read()):
                    content += piece
                raise EndpointError(exchange.status, _decoded(content))
            pending = b""
            while piece := await exchange.read():
                *events, pending = (pending + piece).split(b"\n\n")
                found = [event[len(_DATA) :] for event in events if event.startswith(_DATA)]
                if found and found[-1] == _DONE:
                    del found[-1]
                if found:
                    yield found
                    if (seconds := gather()) > 0:
                        await asyncio.sleep(seconds)

    @asynccontextmanager
    async def _exchange(self, path: str, body: object) -> AsyncIterator[_Exchange]:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await _connected(self._address)
        except OSError as error:  # TimeoutError is one
            raise ConnectionLostError(str(error)) from error
        try:
            exchange = _Exchange(connection)
            await exchange.ask(path, msgspec.json.encode(body), self._address.key)
            yield exchange
        except (OSError, h11.RemoteProtocolError) as error:
            raise ConnectionLostError(str(error)) from error
        finally:
            connection.close()


async def _connected(address: Address) -> socket.socket:
    family = socket.AF_INET if address.socket is None else socket.AF_UNIX
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        place = ("127.0.0.1", address.port) if address.socket is None else str(address.socket)
        await asyncio.get_running_loop().sock_connect(made, place)
    except BaseException:
        made.close()
        raise
    return made


class _Exchange:
    """One request and its answer, on a socket of its own: what comes lies there until it is asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._connection = h11.Connection(h11.CLIENT)
        self.status = 0

    async def ask(self, path: str, content: bytes, key: str) -> None:
        """Send it, and wait for the head of the answer."""
        headers = [
            ("Host", "localhost"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(content))),
            ("Connection", "close"),
        ]
        if key:
            headers.append(("Authorization", f"Bearer {key}"))
        request = h11.Request(method="POST", target=path, headers=headers)
        head = self._connection.send(request) or b""
        data = self._connection.send(h11.Data(data=content)) or b""
        end = self._connection.send(h11.EndOfMessage()) or b""
        await asyncio.get_running_loop().sock_sendall(self._socket, head + data + end)
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Response):
                self.status = event.status_code
                return
            if event is h11.NEED_DATA:
                await self._receive()

    async def read(self) -> bytes:
        """All of the body that has come, at least one byte; b"" at its end."""
        parts: list[bytes] = []
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Data):
                parts.append(bytes(event.data))
            elif event is not h11.NEED_DATA or parts:
                return b"".join(parts)
            else:
                await self._receive()

    async def _receive(self) -> None:
        received = await asyncio.get_running_loop().sock_recv(self._socket, _READ_BYTES)
        self._connection.receive_data(received)


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {"message": content[:_LONGEST_ERROR].decode("utf-8", "replace").strip()}
