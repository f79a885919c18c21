"""The way to a server: a Unix-domain socket or a port of this computer, or another host over HTTP or TLS."""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from desktop.core.words import tr

CONNECT_SECONDS = 5.0
_IDLE_SECONDS, _PROBE_SECONDS, _PROBES = 10, 5, 3  # a cable that was pulled is noticed after 25 seconds of silence
_UNANSWERED_MS = 25_000
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """Where a server listens: a Unix-domain socket, or a port of ``host`` with the key it asks for.

    ``base`` goes before every path ("/v1"). ``proxy`` is the address of the proxy to go through, "" for none.
    """

    socket: Path | None = None
    port: int = 0
    key: str = field(default="", repr=False)
    host: str = _LOOPBACK
    tls: bool = False
    base: str = ""
    proxy: str = field(default="", repr=False)  # may hold a password

    @property
    def own(self) -> bool:
        """Whether it is a process of Heft's own: no stranger answers there, and no network lies between."""
        return self.socket is not None or (self.host == _LOOPBACK and not self.base)

    @property
    def origin(self) -> str:
        """``http://host:port``, as a proxy is asked for it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


class ProxyError(Exception):
    """A proxy that Heft cannot go through."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _TcpConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _notice_silence(self.sock)


class _TlsConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _notice_silence(self.sock)


def connection_to(address: Address, timeout: float) -> http.client.HTTPConnection:
    """A connection, not yet made; ``timeout`` in seconds for each of its waits. Raises ProxyError."""
    if address.socket is not None:
        return _UnixConnection(address.socket, timeout)
    if not address.proxy:
        if address.tls:
            return _TlsConnection(address.host, address.port, timeout=timeout, context=_trust())
        return _TcpConnection(address.host, address.port, timeout=timeout)
    proxy = urlsplit(address.proxy if "://" in address.proxy else f"http://{address.proxy}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise ProxyError(tr("a proxy of the kind {scheme}", scheme=proxy.scheme or "unknown"))
    port = proxy.port or 80
    if not address.tls:
        return _TcpConnection(proxy.hostname, port, timeout=timeout)
    tunnel = _TlsConnection(proxy.hostname, port, timeout=timeout, context=_trust())
    tunnel.set_tunnel(address.host, address.port, headers=proxy_headers(address))
    return tunnel


def target(address: Address, path: str) -> str:
    """What a request names: the path, or all of the address where a proxy passes the request on."""
    whole = f"{address.base}{path}"
    return f"{address.origin}{whole}" if address.proxy and not address.tls else whole


def proxy_headers(address: Address) -> dict[str, str]:
    """What a proxy with a password wants to hear."""
    parts = urlsplit(address.proxy if "://" in address.proxy else f"http://{address.proxy}")
    if not parts.username:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Certificates are checked against those that the system trusts; SSL_CERT_FILE names others."""
    return ssl.create_default_context()


def _notice_silence(sock: socket.socket) -> None:
    """Let the system ask whether the other end is there while nothing comes: a prompt may be read for minutes."""
    options = (
        ("SO_KEEPALIVE", socket.SOL_SOCKET, 1),
        ("TCP_KEEPIDLE", socket.IPPROTO_TCP, _IDLE_SECONDS),
        ("TCP_KEEPINTVL", socket.IPPROTO_TCP, _PROBE_SECONDS),
        ("TCP_KEEPCNT", socket.IPPROTO_TCP, _PROBES),
        ("TCP_USER_TIMEOUT", socket.IPPROTO_TCP, _UNANSWERED_MS),
    )
    for name, level, value in options:
        with contextlib.suppress(OSError, AttributeError):  # not every system has each of them
            sock.setsockopt(level, getattr(socket, name), value)
