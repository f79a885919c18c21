"""HTTP by hand: any bytes to a port of this computer, and what comes back."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SECONDS = 60.0


@dataclass(frozen=True)
class Answered:
    """A response: its status (0: none came), its headers by their lower-case names, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's document."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of an error in OpenAI's shape."""
        return str(self.json["error"]["code"])


def connect(address: str) -> socket.socket:
    """A connection to ``http://HOST:PORT``."""
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname or "", parts.port or 0), SECONDS)


def sent(address: str, request: bytes) -> Answered:
    """What comes back until the server closes, or its announced body is there."""
    with connect(address) as connection:
        with contextlib.suppress(OSError):  # refused before all was sent
            connection.sendall(request)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> Answered:
    """One response from this connection."""
    received = b""
    with contextlib.suppress(OSError):
        while not _whole(received) and (piece := connection.recv(1 << 16)):
            received += piece
            if received.startswith(b"HTTP/1.1 100 "):  # the answer proper follows
                received = received.partition(b"\r\n\r\n")[2]
    head, _, body = received.partition(b"\r\n\r\n")
    if not head:
        return Answered(0, {}, b"")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Answered(int(lines[0].split()[1]), headers, body)


def _whole(received: bytes) -> bool:
    head, ends, body = received.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return bool(ends) and len(body) >= int(line.split(b":")[1])
    return received.endswith(b"0\r\n\r\n")


def request(
    address: str, path: str, body: object = None, *, key: str = "", method: str = "", **headers: str
) -> Answered:
    """A request in good form; ``headers`` replace those that it would have (``content_type`` for Content-Type)."""
    return sent(address, written(address, path, body, key=key, method=method, **headers))


def written(address: str, path: str, body: object = None, *, key: str = "", method: str = "", **headers: str) -> bytes:
    """The bytes of a request in good form."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    fields = {"host": urlsplit(address).netloc, "connection": "close"}
    if key:
        fields["authorization"] = f"Bearer {key}"
    if body is not None:
        fields |= {"content-type": "application/json", "content-length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    verb = method or ("GET" if body is None else "POST")
    lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content
