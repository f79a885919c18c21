"""Another server, scripted byte by byte: OpenAI-compatible as far as a test says, on a port of this computer."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from .scripted_server import END, STREAM, document, event

RESET = "reset"
"""As a part of an answer: the connection is torn down without a goodbye."""
Part = bytes | str | threading.Event | None


def piece(text: str = "", *, finish: str | None = None, **fields: Any) -> bytes:
    """A step of a streamed answer; ``reasoning_content`` and the like are of the delta."""
    delta = {"content": text, **fields} if text or fields else {}
    return event({"object": "chat.completion.chunk", "choices": [{"delta": delta, "finish_reason": finish}]})


def usage(prompt: int, completion: int) -> bytes:
    """The figures at the end of a stream."""
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}})


DONE = event(b"[DONE]") + END
CLOSED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
"""The head of a stream without chunks: its end is the connection's."""


def plain(text: str, finish: str | None = None) -> bytes:
    """A step as it stands in the stream, without the line that ends it."""
    delta = {"content": text} if text else {}
    return b"data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": finish}]}).encode()


def answer(*texts: str, finish: str = "stop") -> tuple[Part, ...]:
    """A whole answer as most servers stream it."""
    return (STREAM, *(piece(text) for text in texts), piece(finish=finish), usage(7, len(texts)), DONE)


class OpenAIServer:
    """A context manager. ``models`` are the rows of its list; ``answers`` are given to questions in their order, and
    to any other path ``pages`` has. ``requests`` holds path, headers and body of each.

    A part of an answer is bytes, RESET, an event to wait for, or None: the connection stays until the client goes.
    """

    def __init__(self, *models: str, key: str = "", certificate: Path | None = None, host: str = "127.0.0.1") -> None:
        """``certificate`` holds it and its key in PEM; with it the server speaks TLS."""
        self.models: list[dict[str, Any]] = [{"id": name, "object": "model", "owned_by": "someone"} for name in models]
        self.key = key
        self.pages: dict[str, object] = {}
        self.answers: list[tuple[Part, ...]] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.left = threading.Event()
        self.asked = threading.Event()  # a question has come
        self._closing = threading.Event()
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._listening = socket.create_server((host, 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def questions(self) -> list[Any]:
        """The bodies of what was asked to be answered."""
        return [body for path, _, body in self.requests if path.endswith("/completions")]

    def __enter__(self) -> OpenAIServer:
        self._begin(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Nothing listens any more, and whoever is connected hears of it."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)

    def _begin(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._connections.append(connection)
                self._begin(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as reader:
                line = reader.readline().decode("latin-1")
                if not line:
                    return
                headers = {}
                while (header := reader.readline().decode("latin-1").strip()) and ":" in header:
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = reader.read(int(headers.get("content-length", 0)))
                path = line.split()[1].partition("?")[0]
                self.requests.append((path, headers, json.loads(body) if body else None))
                for part in self._parts(path, headers):
                    if not self._send(connection, part):
                        return

    def _send(self, connection: socket.socket, part: Part) -> bool:
        if isinstance(part, threading.Event):
            part.wait(20)
        elif part == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        elif isinstance(part, bytes):
            connection.sendall(part)
        else:
            with contextlib.suppress(OSError):
                if not connection.recv(1) and not self._closing.is_set():
                    self.left.set()
            return False
        return True

    def _parts(self, path: str, headers: dict[str, str]) -> tuple[Part, ...]:
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            said = {
                "error": {"message": f"Incorrect API key: {headers.get('authorization')}", "code": "invalid_api_key"}
            }
            return (document(said, "401 Unauthorized"),)
        if path == "/v1/models":
            return (document(self.pages.get(path, {"object": "list", "data": self.models})),)
        if path.endswith("/completions"):
            self.asked.set()
            return self.answers.pop(0)
        if path in self.pages:
            return (document(self.pages[path]),)
        return (document({"error": {"message": "not found"}}, "404 Not Found"),)


@contextmanager
def certified(folder: Path, host: str = "127.0.0.1") -> Iterator[Path]:
    """A certificate that nobody vouches for, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    yield file
