"""One window per Heft folder: a second start hands what it was asked to open to the first and ends.

Commands ask the window about what only it knows (:func:`ask`).

The first holds a lock as long as it lives, and listens: a Unix domain socket on Linux and macOS, a named pipe on
Windows; no port. Without Qt, so that a second start ends before it loads any of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import stat
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr

_LONGEST_FOLDER = 108 - len("/0123456789abcdef.socket") - 1  # bytes that a socket's address holds (unix(7))
HAND_OVER_SECONDS = 2.0  # a first instance that hangs delays the second by no more than this
ANSWER_SECONDS = 5.0  # of a question
MAX_REQUEST_BYTES = 64 * 1024
ACCEPTED = b"+"
Refusal = Literal["handed-over", "alone"]
_PAUSE_SECONDS = 0.02
# what a desktop gives a program so that its window may come to the front (xdg-activation, startup notification)
_TOKENS = ("XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID")


@dataclass(frozen=True)
class OpenRequest:
    """What a second start was asked to open ("" for nothing), and the desktop's token for coming to the front."""

    source: str
    token: str = ""

    def encode(self) -> bytes:
        """One line of JSON; file names that are no Unicode survive as lone surrogates."""
        return json.dumps({"source": self.source, "token": self.token}).encode() + b"\n"

    @staticmethod
    def decode(line: bytes) -> OpenRequest:
        """ValueError when it is not one."""
        found = json.loads(line)
        if not isinstance(found, dict) or not isinstance(found.get("source"), str):
            raise ValueError("not a request of Heft's")
        return OpenRequest(found["source"], str(found.get("token", "")))


class Claim:
    """Being the first. ``listener`` is the bound socket (None on Windows, where ``address`` is a pipe's name)."""

    def __init__(self, address: str, lock: int = -1, listener: socket.socket | None = None) -> None:
        self.address = address
        self.listener = listener
        self._lock = lock

    def release(self) -> None:
        """Give it up; safe to call twice. The system does the same when the process ends."""
        if self.listener is not None:
            self.listener.close()
            with contextlib.suppress(OSError):
                Path(self.address).unlink()
            self.listener = None
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                Path(self.address).with_suffix(".lock").unlink()
            os.close(self._lock)
            self._lock = -1


def claim(folder: Path, source: str, seconds: float = HAND_OVER_SECONDS) -> Claim | Refusal:
    """Become the first for the Heft folder ``folder``, or let the first open ``source`` (a path, or "" for nothing).

    "handed-over" when the first took it; "alone" when it does not answer in time, or this system offers no private
    place: then open a window all the same, without listening.
    """
    token = next((os.environ[name] for name in _TOKENS if os.environ.get(name)), "")
    request = OpenRequest(source, token)
    name = _name_of(folder)
    deadline = time.monotonic() + seconds
    if sys.platform == "win32":
        return _claim_pipe(rf"\\.\pipe\heft-{name}", request, deadline)
    place = _private_folder()
    if place is None:
        return "alone"
    try:
        lock = _lock(place / f"{name}.lock")
    except OSError:  # a file system that cannot be written
        return "alone"
    if lock is not None:
        return _listen(place / f"{name}.socket", lock)
    return _hand_over(place / f"{name}.socket", request, deadline)


def hold(folder: Path) -> Claim | None:
    """Be the only process that does something for ``folder``; None while another one is, which :func:`ask` reaches.

    Where this system offers no private place, it is a claim that nobody else hears of.
    """
    name = _name_of(folder)
    if sys.platform == "win32":
        address = rf"\\.\pipe\heft-{name}"
        return Claim(address) if _ask_window_pipe(address, b"{}\n", HAND_OVER_SECONDS) is None else None
    place = _private_folder()
    if place is None:
        return Claim("")
    try:
        lock = _lock(place / f"{name}.lock")
    except OSError:  # a file system that cannot be written
        return Claim("")
    if lock is None:
        return None
    claimed = _listen(place / f"{name}.socket", lock)
    return claimed if isinstance(claimed, Claim) else Claim("")


def ask(folder: Path, question: dict[str, Any], seconds: float = ANSWER_SECONDS) -> dict[str, Any] | None:
    """What the window of the Heft folder ``folder`` answers; None when there is none. HeftError when it is silent."""
    name = _name_of(folder)
    line = json.dumps(question).encode() + b"\n"
    if sys.platform == "win32":
        heard = _ask_window_pipe(rf"\\.\pipe\heft-{name}", line, seconds)
    else:
        place = _private_folder()
        heard = _ask_socket(place / f"{name}.socket", line, seconds) if place is not None else None
    if heard is None:
        return None
    try:
        found = json.loads(heard)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise HeftError(
            tr("The window of Heft does not answer."), tr("Look at it, or end it."), kind=FailureKind.NO_ANSWER
        )
    return found


def decode(line: bytes) -> OpenRequest | dict[str, Any]:
    """What another process wants: to have something opened, or an answer to a question. ValueError for neither."""
    found = json.loads(line)
    if isinstance(found, dict) and isinstance(found.get("ask"), str):
        return found
    return OpenRequest.decode(line)


def _name_of(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]


def _ask_socket(path: Path, line: bytes, seconds: float) -> bytes | None:
    """The answer to a line, as far as it came; None when nobody listens."""
    deadline = time.monotonic() + seconds
    heard = b""
    with socket.socket(socket.AF_UNIX) as talk, contextlib.suppress(TimeoutError):
        talk.settimeout(seconds)
        try:
            talk.connect(str(path))
        except OSError:
            return None
        with contextlib.suppress(ConnectionError):
            talk.sendall(line)
            while not heard.endswith(b"\n"):
                talk.settimeout(max(0.01, deadline - time.monotonic()))
                part = talk.recv(MAX_REQUEST_BYTES)
                if not part:
                    break
                heard += part
    return heard


def _ask_window_pipe(address: str, line: bytes, seconds: float) -> bytes | None:
    try:
        pipe: Any = open(address, "r+b", buffering=0)  # noqa: SIM115, PTH123  # a pipe's name is no path
    except OSError:
        return None
    heard: list[bytes] = []

    def talk() -> None:
        with pipe, contextlib.suppress(OSError):
            pipe.write(line)
            while not (heard and heard[-1].endswith(b"\n")) and (part := pipe.read(MAX_REQUEST_BYTES)):
                heard.append(part)

    # reading a pipe knows no time limit: a thread waits, and ends with the process when it waits in vain
    asking = threading.Thread(target=talk, daemon=True)
    asking.start()
    asking.join(seconds)
    return b"".join(heard)


def _private_folder() -> Path | None:
    """A folder that only this user can write to, with room for a socket's short name."""
    own = f"heft-{os.getuid()}"
    bases = [base for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir()) if base]
    folders = [Path(base) / own for base in bases]
    folder = next((one for one in folders if len(os.fsencode(one)) <= _LONGEST_FOLDER), folders[-1])
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        info = folder.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and not info.st_mode & 0o077
    return folder if private else None


def _lock(path: Path) -> int | None:
    import fcntl

    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # its holder removed it and ended between the two calls


def _listen(path: Path, lock: int) -> Claim | Refusal:
    listener = socket.socket(socket.AF_UNIX)
    try:
        path.unlink(missing_ok=True)  # left by one that was killed: the lock says that nobody listens there
        listener.bind(str(path))
        listener.listen()
        listener.setblocking(False)
    except OSError:
        listener.close()
        os.close(lock)
        return "alone"
    return Claim(str(path), lock, listener)


def _hand_over(path: Path, request: OpenRequest, deadline: float) -> Refusal:
    while (left := deadline - time.monotonic()) > 0:
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(left)
            try:
                talk.connect(str(path))
                talk.sendall(request.encode())
                return "handed-over" if talk.recv(1) == ACCEPTED else "alone"
            except TimeoutError:
                break
            except OSError:
                time.sleep(_PAUSE_SECONDS)  # it has the lock and does not listen yet
    return "alone"


def _claim_pipe(address: str, request: OpenRequest, deadline: float) -> Claim | Refusal:
    answers: list[bytes] = []
    while time.monotonic() < deadline:
        try:
            pipe: Any = open(address, "r+b", buffering=0)  # noqa: SIM115, PTH123  # a pipe's name is no path
        except FileNotFoundError:
            return Claim(address)
        except OSError:
            time.sleep(_PAUSE_SECONDS)  # all its ends are busy
            continue
        # reading a pipe knows no time limit: a thread waits, and ends with the process when it waits in vain
        asking = threading.Thread(target=_ask_pipe, args=(pipe, request, answers), daemon=True)
        asking.start()
        asking.join(max(0.0, deadline - time.monotonic()))
        break
    return "handed-over" if ACCEPTED in answers else "alone"


def _ask_pipe(pipe: Any, request: OpenRequest, answers: list[bytes]) -> None:
    with pipe, contextlib.suppress(OSError):
        pipe.write(request.encode())
        answers.append(pipe.read(1))
