"""A local server that speaks the Hub's protocol, with faults on demand. Tests and people point HF_ENDPOINT at it.

Large files are answered with a redirect to another host name (localhost for 127.0.0.1), as the Hub does; small
ones directly. ``server.exchanges`` records every request with the bytes of the body that were sent.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any, Literal

from .hub_server_content import BytesContent, Content, FileContent, SparseContent

__all__ = ["BytesContent", "Content", "Exchange", "Fault", "FileContent", "HubServer", "Repo", "SparseContent"]


@dataclass
class Repo:
    """A repo: its files and the fields the Hub tells of it under their own names (downloads, likes, tags, ...)."""

    id: str
    files: dict[str, Content]
    fields: dict[str, Any] = field(default_factory=dict)
    commit: str = "0123456789abcdef0123456789abcdef01234567"

    @property
    def gated(self) -> str | bool:
        gated: str | bool = self.fields.get("gated", False)
        return gated

    @property
    def private(self) -> bool:
        return bool(self.fields.get("private", False))


@dataclass
class Fault:
    """What goes wrong with requests whose path contains ``path``, ``times`` times.

    cut: the connection closes after ``after`` body bytes. stall: nothing comes after ``after`` bytes, until the
    server closes. status: an answer with ``status`` and ``headers``. wrong-length: the range is said to be of a
    longer file. wrong-bytes: other bytes of the right length. ignore-range: 200 with the whole file.
    redirect-loop: a redirect to itself. redirect: a redirect of ``status`` to ``location``, where "{}" stands for
    path and query asked for. bad-json: half a document. slow: ``seconds`` before the answer.
    """

    kind: Literal[
        "cut", "stall", "status", "wrong-length", "wrong-bytes", "ignore-range", "redirect-loop", "redirect",
        "bad-json", "slow",
    ]  # fmt: skip
    path: str = ""
    times: int = 1
    after: int = 0
    status: int = 500
    seconds: float = 0.0
    location: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Exchange:
    """One request and what was answered: ``sent`` counts body bytes handed to the system."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


class HubServer:
    """Serves repos on 127.0.0.1. A context manager; threads and connections end with it."""

    def __init__(
        self, repos: list[Repo] | None = None, *, port: int = 0, page_size: int = 30, prefix: str = ""
    ) -> None:
        """``prefix`` is a path below which everything is, as behind a company's proxy; redirects do not have it."""
        self.prefix = prefix
        self.renamed: dict[str, str] = {}  # old ids of repos, with the new ones
        self.next_endpoint: str | None = None  # where the next page of a list is; None: here, "": a path from the root
        self.repos = {repo.id: repo for repo in repos or []}
        self.page_size = page_size
        self.tokens: dict[str, set[str]] = {}  # token -> ids of the gated and private repos it may read
        self.exchanges: list[Exchange] = []
        self.bytes_per_second: float | None = None
        self._blobs: dict[str, Content] = {}
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self.stalled = threading.Event()  # a "stall" has come to its silent part
        self._server = LocalServer(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="hub-server")
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def __enter__(self) -> HubServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop; open connections are cut."""
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()

    def add(self, repo: Repo) -> Repo:
        """Serve another repo, or one anew."""
        self.repos[repo.id] = repo
        return repo

    def fail(self, kind: Any, path: str = "", **details: Any) -> Fault:
        """Let something go wrong from the next matching request on; see :class:`Fault`."""
        fault = Fault(kind, path, **details)
        with self._lock:
            self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """Take all faults away."""
        with self._lock:
            self._faults.clear()

    def sent_bytes(self, path: str = "") -> int:
        """Body bytes sent in answers to requests whose path contains ``path``."""
        return sum(exchange.sent for exchange in list(self.exchanges) if path in exchange.path)

    def requests(self, path: str = "") -> list[Exchange]:
        """The requests whose path contains ``path``."""
        return [exchange for exchange in list(self.exchanges) if path in exchange.path]

    def fault(self, path: str, *kinds: str) -> Fault | None:
        """Take one of these faults, if one is due for this path."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fault.path in path and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def blob(self, content: Content) -> str:
        """The name under which content can be fetched, also after its repo has changed."""
        name = content.sha256
        self._blobs[name] = content
        return name

    def content(self, blob: str) -> Content | None:
        """What :meth:`blob` named."""
        return self._blobs.get(blob)


class LocalServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], hub: HubServer) -> None:
        self.hub = hub
        self._connections: dict[threading.Thread, socket.socket] = {}
        from .hub_server_handler import Handler  # which needs the records of this module

        super().__init__(address, Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._connections[threading.current_thread()] = request
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.pop(threading.current_thread(), None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of the server's."""

    def hang_up(self) -> None:
        for thread, connection in list(self._connections.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
        self.server_close()


@contextlib.contextmanager
def online(monkeypatch: Any) -> Iterator[None]:
    """huggingface_hub in this process with the network on, whatever the environment said at its import.

    Its shared connections are closed at the end: they belong to servers that are gone.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    close_session()
    try:
        yield
    finally:
        close_session()
