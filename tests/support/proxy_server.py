"""A proxy on this computer that passes requests for http addresses on, and remembers them."""

from __future__ import annotations

import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest


class _Handler(BaseHTTPRequestHandler):
    server: ProxyServer

    def log_message(self, *_: object) -> None:
        """Quiet: requests are recorded."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Proxy-Authorization")))
        if self.server.wants_password and not self.headers.get("Proxy-Authorization"):
            self.send_response(407)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        parts = urlsplit(self.path)
        onward = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
        passed = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
        onward.request("GET", f"{parts.path}?{parts.query}", headers=passed)
        answer = onward.getresponse()
        body = answer.read()
        onward.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


HERE = "hub.invalid"  # a host of no other computer


def resolve_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let :data:`HERE` be this computer, but no loopback address by its name."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return resolve("127.0.0.1" if host == HERE else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


class ProxyServer(ThreadingHTTPServer):
    """A context manager; ``asked`` holds each address with the password that came with it.

    Whatever host is asked for, this computer answers in its place.
    """

    daemon_threads = True

    def __init__(self, *, wants_password: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.wants_password = wants_password
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
