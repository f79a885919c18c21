"""What is asked of a worker beside RPC, through the same door: what it is, and how quick the way there is.

Each question is a line, in turn: ``about`` is answered by four bytes of length and a JSON document
(:mod:`desktop.services.worker.about`), ``ping`` by a line, ``down N`` by N bytes; after ``up N`` come N bytes, which
are answered by a line.
"""

from __future__ import annotations

import socket
import statistics
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.link import Link
from desktop.core.words import tr
from desktop.services.worker.about import MOST_BYTES, About, read_about
from desktop.services.worker.identity import Pairing
from desktop.services.worker.tunnel import QUESTIONS, connect, exactly

LINK_SECONDS = 10.0  # a measurement takes no longer, but for the last answer on its way
_ANSWER_SECONDS = 15.0
_MOST_AT_ONCE = 64 << 20  # bytes of one question; a bound for the worker
_FIRST = 64 << 10
_ENOUGH_SECONDS = 0.5  # as long as one transfer has to take, so that the latency and TCP's slow start matter little
_PINGS, _PING_SECONDS = 15, 2.0
_BLOCK = bytes(1 << 16)
_LONGEST_LINE = 32


def answer(inside: socket.socket, about: Callable[[], About]) -> None:
    """Answer until the other side has gone. OSError where it stays silent."""
    inside.settimeout(_ANSWER_SECONDS)
    while line := _line(inside):
        what, _, size = line.partition(b" ")
        count = int(size) if size.isdigit() else 0
        if count > _MOST_AT_ONCE:
            return
        match what:
            case b"about":
                document = msgspec.json.encode(about())
                inside.sendall(struct.pack(">I", len(document)) + document)
            case b"ping":
                inside.sendall(b"pong\n")
            case b"down":
                _send(inside, count)
            case b"up":
                if not _take(inside, count):
                    return
                inside.sendall(b"taken\n")
            case _:
                return


def ask_about(pairing: Pairing) -> About:
    """What a worker says of itself. Raises HeftError: as :func:`desktop.services.worker.tunnel.connect` does, and
    "bad-answer" where it is of a Heft that knows no such question, or what it says is none.
    """
    with connect(pairing, QUESTIONS) as inside:
        try:
            inside.settimeout(_ANSWER_SECONDS)
            inside.sendall(b"about\n")
            (size,) = struct.unpack(">I", exactly(inside, 4))
            if size > MOST_BYTES:
                raise ValueError(size)
            return read_about(exactly(inside, size))
        except OSError as error:
            raise _broke_off(pairing, error) from error
        except (ValueError, struct.error, msgspec.MsgspecError) as error:
            raise HeftError(
                tr("What the worker at {where} says of itself cannot be read.", where=pairing.where),
                tr("Use the same version of Heft on both computers."),
                kind=FailureKind.BAD_ANSWER,
                detail=repr(error)[:500],
                settings_page="workers",
            ) from error


def measure_link(
    pairing: Pairing,
    seconds: float = LINK_SECONDS,
    cancelled: Cancelled = never,
    clock: Callable[[], float] = time.perf_counter,
) -> Link:
    """How quick the way to a worker is, measured through the tunnel within ``seconds``.

    Raises HeftError as :func:`desktop.services.worker.tunnel.connect` does, "interrupted" where the link breaks off,
    CancelledError.
    """
    with connect(pairing, QUESTIONS) as inside:
        try:
            inside.settimeout(_ANSWER_SECONDS)
            round_trip = _round_trip(inside, clock, cancelled)
            part = max(0.1, (seconds - _PING_SECONDS) / 2)
            down = _rate(inside, b"down", round_trip, part, clock, cancelled)
            up = _rate(inside, b"up", round_trip, part, clock, cancelled)
        except OSError as error:
            raise _broke_off(pairing, error) from error
    return Link(round_trip, up, down, datetime.now(UTC).isoformat(timespec="seconds"))


def _round_trip(inside: socket.socket, clock: Callable[[], float], cancelled: Cancelled) -> float:
    taken: list[float] = []
    end = clock() + _PING_SECONDS
    while len(taken) < _PINGS and (not taken or clock() < end):
        _stop_if(cancelled)
        began = clock()
        inside.sendall(b"ping\n")
        if _line(inside) != b"pong":
            raise ConnectionError(tr("no answer to a ping"))
        taken.append(clock() - began)
    return max(statistics.median(taken), 1e-6)


def _rate(
    inside: socket.socket,
    way: bytes,
    round_trip: float,
    seconds: float,
    clock: Callable[[], float],
    cancelled: Cancelled,
) -> float:
    """Bytes per second one way: sizes double until one takes long enough, or the time is over."""
    end, size, best = clock() + seconds, _FIRST, 0.0
    while True:
        _stop_if(cancelled)
        began = clock()
        inside.sendall(b"%s %d\n" % (way, size))
        if way == b"down":
            if not _take(inside, size):
                raise ConnectionError(tr("the link broke off"))
        else:
            _send(inside, size)
            if _line(inside) != b"taken":
                raise ConnectionError(tr("the link broke off"))
        taken = clock() - began
        best = size / max(taken - round_trip, taken / 10, 1e-9)
        longer = 2 * taken
        if taken >= _ENOUGH_SECONDS or clock() + longer > end or 2 * size > _MOST_AT_ONCE:
            return best
        size *= 2


def _stop_if(cancelled: Cancelled) -> None:
    if cancelled():
        raise CancelledError


def _line(inside: socket.socket) -> bytes:
    """Up to a line's end, without it; nothing where the other side ended."""
    found = b""
    while len(found) < _LONGEST_LINE:
        byte = inside.recv(1)
        if not byte or byte == b"\n":
            break
        found += byte
    return found


def _send(inside: socket.socket, count: int) -> None:
    for begin in range(0, count, len(_BLOCK)):
        inside.sendall(_BLOCK[: min(len(_BLOCK), count - begin)])


def _take(inside: socket.socket, count: int) -> bool:
    while count and (received := len(inside.recv(min(count, 1 << 18)))):
        count -= received
    return count == 0


def _broke_off(pairing: Pairing, error: OSError) -> HeftError:
    return HeftError(
        tr("The worker at {where} broke off.", where=pairing.where),
        tr("See whether it runs, then try again."),
        kind=FailureKind.INTERRUPTED,
        detail=str(error),
        settings_page="workers",
    )
