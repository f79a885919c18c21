"""A server on a Unix-domain socket that answers each request with what a test says, byte by byte."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.engine.endpoint.http import Address

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def document(body: object, status: str = "200 OK") -> bytes:
    """A whole answer with a JSON document, or with these bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(content), content)


def chunk(content: bytes) -> bytes:
    """One piece of a stream."""
    return b"%x\r\n%s\r\n" % (len(content), content)


def event(body: object) -> bytes:
    """One server-sent event as a piece of a stream."""
    return chunk(b"data: " + (body if isinstance(body, bytes) else json.dumps(body).encode()) + b"\n\n")


END = chunk(b"")


@dataclass
class ScriptedServer:
    """``answers`` are given in their order, or what ``choose`` says for a path; None as the end of one keeps the
    connection open until the client goes.
    """

    address: Address
    answers: list[tuple[bytes | None, ...]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    choose: Callable[[str], tuple[bytes | None, ...]] | None = None

    def serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as reader:
            line = reader.readline().decode()
            if not line:
                return  # gone before it asked
            headers = {}
            while (header := reader.readline().decode().strip()) and ":" in header:
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            body = reader.read(int(headers.get("content-length", 0)))
            self.requests.append((line.split()[1], headers, json.loads(body) if body else None))
            path = line.split()[1]
            for part in self.choose(path) if self.choose is not None else self.answers.pop(0):
                if part is None:
                    if not connection.recv(1):
                        self.left.set()
                    return
                connection.sendall(part)


@contextmanager
def scripted_server(folder: Path, key: str = "") -> Iterator[ScriptedServer]:
    """One that listens until the block ends."""
    path = folder / "s.sock"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen()
    server = ScriptedServer(Address(path, key=key))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                serving = threading.Thread(target=server.serve, args=(connection,), daemon=True)
                serving.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join(30)
