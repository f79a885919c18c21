"""The tunnel to a worker: only who knows worker and secret is let in, and what passes is what was sent."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.services.worker.identity import Identity, Pairing, identity_in, read_pairing
from desktop.services.worker.tunnel import Door, Tunnel, connect

SECONDS = 60.0


class Echo:
    """In the place of an RPC server: answers what it was sent, four bytes of length before it."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.connections: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                self.connections.append(connection)
                self.threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
                self.threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while size := int.from_bytes(exactly(connection, 4), "big"):
                connection.sendall(exactly(connection, size))

    def close(self) -> None:
        for each in (self.listening, *self.connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self.threads:
            thread.join(30)


def exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (received := connection.recv(size - len(found))):
        found += received
    return found


def said_back(port: int, content: bytes) -> bytes:
    """What comes back through the tunnel's end."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(len(content).to_bytes(4, "big") + content)
        return exactly(connection, len(content))


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return identity_in(tmp_path / "worker")


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def door(identity: Identity, echo: Echo) -> Iterator[Door]:
    made = Door(identity, "127.0.0.1", 0, lambda: nullcontext(echo.port))
    yield made
    made.close()


@pytest.fixture
def pairing(identity: Identity, door: Door) -> Pairing:
    return Pairing("127.0.0.1", door.port, identity.fingerprint, identity.secret)


def test_what_is_sent_comes_out_at_the_other_end(pairing: Pairing) -> None:
    tunnel = Tunnel(pairing)
    try:
        large = os.urandom(5_000_000)
        assert said_back(tunnel.port, b"small") == b"small"
        assert said_back(tunnel.port, large) == large
        with socket.create_connection(("127.0.0.1", tunnel.port), SECONDS) as connection:
            for number in range(200):  # in turn, as RPC does
                connection.sendall((8).to_bytes(4, "big") + number.to_bytes(8, "big"))
                assert exactly(connection, 8) == number.to_bytes(8, "big")
    finally:
        tunnel.close()


def test_the_identity_is_kept_and_nobody_else_reads_it(tmp_path: Path, identity: Identity) -> None:
    again = identity_in(tmp_path / "worker")
    assert (again.fingerprint, again.secret) == (identity.fingerprint, identity.secret)
    for file in (tmp_path / "worker").iterdir():
        assert file.stat().st_mode & 0o077 == 0
    assert identity_in(tmp_path / "another").fingerprint != identity.fingerprint
    assert identity.secret not in repr(identity)


def test_a_pairing_is_one_line_and_back(pairing: Pairing) -> None:
    assert read_pairing(f"  {pairing.text}\n") == pairing
    six = replace(pairing, host="fd00::7")
    assert read_pairing(six.text) == six
    assert pairing.secret not in repr(pairing)
    for broken in ("", pairing.text[:-1], pairing.text.replace("worker", "other"), "heft-worker://host:0/a.b"):
        with pytest.raises(UsageError) as refused:
            read_pairing(broken)
        assert pairing.secret[:20] not in refused.value.message + refused.value.hint


def test_another_secret_is_not_let_in(pairing: Pairing, echo: Echo) -> None:
    with pytest.raises(HeftError) as refused:
        Tunnel(replace(pairing, secret="A" * 43))
    assert refused.value.kind in (FailureKind.KEY_WRONG, FailureKind.INTERRUPTED) and not echo.connections


def test_another_worker_hears_no_secret(pairing: Pairing, tmp_path: Path, echo: Echo) -> None:
    heard: list[bytes] = []
    other = identity_in(tmp_path / "other")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def listen() -> None:
            connection, _ = listening.accept()
            with contextlib.suppress(OSError), other.context().wrap_socket(connection, server_side=True) as inside:
                heard.append(inside.recv(4096))

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        with pytest.raises(HeftError) as refused:
            connect(replace(pairing, port=listening.getsockname()[1]))
        listener.join(30)
    assert refused.value.kind == FailureKind.CERTIFICATE and heard in ([], [b""])


def test_who_speaks_no_tls_or_an_old_one_is_put_out(pairing: Pairing, echo: Echo) -> None:
    with socket.create_connection((pairing.host, pairing.port), SECONDS) as plain:
        plain.sendall(b"\x00" * 64)  # RPC's hello, for instance
        with contextlib.suppress(ConnectionResetError):
            assert exactly(plain, 1) in (b"", b"\x15")  # at most TLS's own word for no
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((pairing.host, pairing.port), SECONDS) as old, pytest.raises(OSError):
        context.wrap_socket(old)
    assert not echo.connections


def test_a_worker_that_is_gone_closes_the_tunnel_and_says_so(pairing: Pairing, door: Door) -> None:
    told: list[HeftError] = []
    lost = threading.Event()

    def hear(error: HeftError) -> None:
        told.append(error)
        lost.set()

    tunnel = Tunnel(pairing, hear)
    door.close()
    with socket.create_connection(("127.0.0.1", tunnel.port), SECONDS) as connection:
        assert exactly(connection, 1) == b""
    assert lost.wait(SECONDS) and told[0].kind == FailureKind.UNREACHABLE and told[0].hint
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", tunnel.port), 1.0)
    tunnel.close()


def test_a_worker_that_falls_silent_is_noticed_before_anybody_is_sent_there(pairing: Pairing, door: Door) -> None:
    told: list[HeftError] = []
    lost = threading.Event()

    def hear(error: HeftError) -> None:
        told.append(error)
        lost.set()

    tunnel = Tunnel(pairing, hear, beat_seconds=0.01)
    assert said_back(tunnel.port, b"there") == b"there"
    door.close()
    assert lost.wait(SECONDS) and told[0].kind == FailureKind.UNREACHABLE
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", tunnel.port), 1.0)
    tunnel.close()
    assert len(told) == 1


def test_nobody_is_there(pairing: Pairing, door: Door) -> None:
    door.close()
    with pytest.raises(HeftError) as refused:
        Tunnel(pairing)
    assert refused.value.kind == FailureKind.UNREACHABLE
