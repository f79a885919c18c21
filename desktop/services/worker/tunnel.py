"""The two ends of the tunnel: the worker's door, which lets in who knows the secret, and the other computer's end.

TLS 1.3 by Python's ssl. The worker's certificate is pinned by its fingerprint; only then the secret is sent, as the
first thing inside, with what the connection is for: llama.cpp's RPC, which then passes byte for byte, or questions
about the worker and the way there (:mod:`desktop.services.worker.questions`).
"""

from __future__ import annotations

import contextlib
import hmac
import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.services.worker.identity import Identity, Pairing, fingerprint_of
from desktop.system.spawn import start_thread

RPC, QUESTIONS = b"HEFT-WORKER 1 ", b"HEFT-WORKER 2 "  # greetings, equally long: what the connection is for
_WELCOME = b"OK\n"
_GREETING_SECONDS = 5.0
_CONNECT_SECONDS = 5.0
_MOST_STRANGERS = 8  # connections that have not said the secret yet
_BEAT_SECONDS = 10.0
_LOOPBACK = "127.0.0.1"
_BYTES = 1 << 18


class Listener:
    """Takes connections and gives each to ``serve`` on a thread of its own, until it is closed."""

    def __init__(self, host: str, port: int, serve: Callable[[socket.socket], None]) -> None:
        """Raises OSError where the place is taken, or is none of this computer."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, port), family=family)
        self.port: int = self._listening.getsockname()[1]
        self._serve = serve
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._accept, name="tunnel", daemon=True)
        start_thread(self._thread)

    def close(self) -> None:
        """Nobody is let in any more, and who is in is put out."""
        with self._lock:
            self._closed = True
            inside = list(self._open)
        for each in (self._listening, *inside):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(_CONNECT_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._open.add(connection)
            thread = threading.Thread(target=self._take, args=(connection,), name="tunnelled", daemon=True)
            try:
                start_thread(thread)
            except OSError:
                self._drop(connection)

    def _take(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                self._serve(connection)
        finally:
            self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()


class Door:
    """The worker's end: who knows the secret is connected with an RPC server of this computer, or asks ``answer``."""

    def __init__(
        self,
        identity: Identity,
        host: str,
        port: int,
        rpc_port: Callable[[], AbstractContextManager[int]],
        answer: Callable[[ssl.SSLSocket], None] = lambda _inside: None,
    ) -> None:
        """``rpc_port`` finds a server for one client. Raises OSError as :class:`Listener` does."""
        self._answer = answer
        self._context, self._secret, self._rpc_port = identity.context(), identity.secret, rpc_port
        self._strangers = threading.Semaphore(_MOST_STRANGERS)
        self._listener = Listener(host, port, self._serve)
        self.port = self._listener.port

    def close(self) -> None:
        """Shut it."""
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        if not self._strangers.acquire(blocking=False):
            return
        try:
            connection.settimeout(_GREETING_SECONDS)
            with self._context.wrap_socket(connection, server_side=True) as inside:
                purpose = self._purpose(inside)
                if purpose is None:
                    return
                if purpose == QUESTIONS:
                    inside.sendall(_WELCOME)
                    self._strangers.release()
                    try:
                        self._answer(inside)
                    finally:
                        self._strangers.acquire()
                    return
                inside.sendall(_WELCOME)
                self._strangers.release()
                try:
                    self._pass_on(inside)
                finally:
                    self._strangers.acquire()
        finally:
            self._strangers.release()

    def _pass_on(self, inside: ssl.SSLSocket) -> None:
        """The client speaks first; one that only knocks gets no server."""
        inside.settimeout(None)
        _keep_alive(inside)
        first = inside.recv(_BYTES)
        if not first:
            return
        with (
            contextlib.suppress(HeftError),
            self._rpc_port() as port,
            socket.create_connection((_LOOPBACK, port), _CONNECT_SECONDS) as rpc,
        ):
            rpc.sendall(first)
            splice(inside, rpc)

    def _purpose(self, inside: ssl.SSLSocket) -> bytes | None:
        """What the connection is for; None for one that does not know the secret."""
        said = exactly(inside, len(RPC) + len(self._secret) + 1)
        expected = {purpose: purpose + self._secret.encode() + b"\n" for purpose in (RPC, QUESTIONS)}
        return next((purpose for purpose, words in expected.items() if hmac.compare_digest(said, words)), None)


class Tunnel:
    """The other computer's end: a port of its own loopback, behind which the worker is.

    The worker is asked now and then whether it is there. Once it is not, the port is closed, so that llama.cpp, which
    ends its process where a server does not answer, is not sent there any more; then ``lost`` is called, once.
    """

    def __init__(
        self,
        pairing: Pairing,
        lost: Callable[[HeftError], None] = lambda _error: None,
        *,
        beat_seconds: float = _BEAT_SECONDS,
    ) -> None:
        """Connects once. Raises HeftError: unreachable, certificate (another worker), key-wrong (another secret)."""
        self._pairing, self._lost, self._beat_seconds = pairing, lost, beat_seconds
        self._ended = threading.Event()
        self._ending = threading.Lock()
        connect(pairing, QUESTIONS).close()
        self._listener = Listener(_LOOPBACK, 0, self._serve)
        self.port = self._listener.port
        self._beats = threading.Thread(target=self._beat, name="tunnel beat", daemon=True)
        start_thread(self._beats)

    def close(self) -> None:
        """End it."""
        self._end(None)
        if threading.current_thread() is not self._beats:
            self._beats.join(2 * _CONNECT_SECONDS)

    def _end(self, why: HeftError | None) -> None:
        with self._ending:
            if self._ended.is_set():
                return
            self._ended.set()
        self._listener.close()
        if why is not None:
            self._lost(why)

    def _beat(self) -> None:
        while not self._ended.wait(self._beat_seconds):
            try:
                connect(self._pairing, QUESTIONS).close()
            except HeftError:
                try:
                    connect(self._pairing, QUESTIONS).close()  # a bad cable may lose one of them
                except HeftError as error:
                    self._end(error)

    def _serve(self, connection: socket.socket) -> None:
        try:
            worker = connect(self._pairing)
        except HeftError as error:
            self._end(error)
            return
        with worker:
            splice(worker, connection)


def connect(pairing: Pairing, purpose: bytes = RPC) -> ssl.SSLSocket:
    """A connection with the worker's RPC server, or for questions. Raises HeftError as :class:`Tunnel` does."""
    where = pairing.where
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nobody vouches for it: it is held against the fingerprint below
    try:
        raw = socket.create_connection((pairing.host, pairing.port), _CONNECT_SECONDS)
    except OSError as error:
        raise HeftError(
            tr("No worker answers at {where}.", where=where),
            tr("Start it there: heft worker --tunnel tls"), kind=FailureKind.UNREACHABLE,
            detail=str(error), settings_page="workers",
        ) from error  # fmt: skip
    try:
        inside = context.wrap_socket(raw)
        shown = inside.getpeercert(binary_form=True) or b""
        if not hmac.compare_digest(fingerprint_of(shown), pairing.fingerprint):
            raise HeftError(
                tr("What answers at {where} is not the worker of this pairing.", where=where),
                tr("Copy the pairing anew from that computer, and be sure that it is that one."),
                kind=FailureKind.CERTIFICATE,
                settings_page="workers",
            )
        inside.sendall(purpose + pairing.secret.encode() + b"\n")
        if exactly(inside, len(_WELCOME)) != _WELCOME:
            raise HeftError(
                tr("The worker at {where} does not accept this pairing.", where=where),
                tr("Copy it anew from that computer."),
                kind=FailureKind.KEY_WRONG,
                settings_page="workers",
            )
        inside.settimeout(None)
    except OSError as error:
        raw.close()
        raise HeftError(
            tr("The worker at {where} broke off.", where=where),
            tr("See whether it runs, then try again."), kind=FailureKind.INTERRUPTED,
            detail=str(error), settings_page="workers",
        ) from error  # fmt: skip
    except HeftError:
        inside.close()
        raise
    return inside


def splice(inside: ssl.SSLSocket, plain: socket.socket) -> None:
    """Pass on what comes from either, until one of them ends.

    On one thread, since an SSL object is none for two. RPC asks and answers in turn, so neither side waits to be read
    while it writes.
    """
    inside.setblocking(False)  # a record may hold nothing for us, and reading on would keep the other way waiting
    plain.settimeout(None)
    for each in (inside, plain):
        _keep_alive(each)
        with contextlib.suppress(OSError):  # many small messages go both ways
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with selectors.DefaultSelector() as ready:
        ready.register(inside, selectors.EVENT_READ)
        ready.register(plain, selectors.EVENT_READ)
        while True:
            readable = {key.fileobj for key, _ in ready.select()}
            if inside in readable and not _let_out(inside, plain):
                return
            if plain in readable:
                if not (received := plain.recv(_BYTES)):
                    return
                _send_all(inside, received)


def _keep_alive(connection: socket.socket) -> None:
    """So that a computer that went away without a word is noticed within half a minute."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if (option := getattr(socket, name, None)) is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _let_out(inside: ssl.SSLSocket, plain: socket.socket) -> bool:
    """Pass on all that TLS has opened; False where it ended."""
    while True:
        try:
            received = inside.recv(_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        if not received:
            return False
        plain.sendall(received)


def _send_all(inside: ssl.SSLSocket, content: bytes) -> None:
    rest = memoryview(content)
    with selectors.DefaultSelector() as ready:
        ready.register(inside, selectors.EVENT_READ)
        while rest:
            try:
                rest = rest[inside.send(rest) :]
            except ssl.SSLWantWriteError:
                ready.modify(inside, selectors.EVENT_WRITE)
                ready.select()
            except ssl.SSLWantReadError:
                ready.modify(inside, selectors.EVENT_READ)
                ready.select()


def exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes, fewer where it ended before."""
    found = b""
    while len(found) < size and (received := connection.recv(size - len(found))):
        found += received
    return found
