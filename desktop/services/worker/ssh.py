"""A worker that is started and reached by the system's ssh: its port comes to this computer's loopback, and all of it
ends with this program.

ssh decides who is trusted, by the user's own configuration: it asks nobody anything (BatchMode), so that a host whose
key is not known yet, or another one than before, is refused, unless that configuration says otherwise. Behind it is the
same worker as anywhere: TLS with a pinned certificate and a secret, which come through ssh at each start.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import IO

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.services.worker.identity import Pairing, read_pairing
from desktop.system.spawn import child_environment, private_directory, start_thread

START_SECONDS = 60.0  # the other computer's Heft has to start, and to find out what its engine has
HEFT = "heft"  # what the other computer's Heft is called where nobody says
_LOOPBACK = "127.0.0.1"
_PORTS = range(30_000, 60_000)  # of the other computer's loopback; one that is taken is tried again with another
_TRIES = 3
_CONNECT_SECONDS = 10
_GLANCE_SECONDS = 0.1
_END_SECONDS = 2.0
_MOST_BYTES = 1 << 20
_TARGET = re.compile(r"(?:ssh://)?(?:[\w.+-]+@)?(?:\[[0-9A-Fa-f:.%]+\]|[\w.:%-]+?)(?::\d{1,5})?/?")
_OPTIONS = (
    "BatchMode=yes",
    f"ConnectTimeout={_CONNECT_SECONDS}",
    "ServerAliveInterval=10",  # a cable that was pulled is noticed within half a minute
    "ServerAliveCountMax=3",
    "ExitOnForwardFailure=yes",
    "ControlMaster=no",  # a connection of its own, which ends when this one does
    "ControlPath=none",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
)


def checked_target(text: str) -> str:
    """``user@host``, ``host`` or ``ssh://user@host:port`` as ssh takes it. UsageError for anything else."""
    text = text.strip()
    if text.startswith("-") or not _TARGET.fullmatch(text) or "@-" in text:
        raise UsageError(
            tr("'{text}' is no address for ssh.", text=one_line(text, 80)),
            tr("Write it like user@studio.local, or ssh://user@host:2222."),
        )
    return text


def host_of(target: str) -> str:
    """The computer's name alone."""
    host = target.removeprefix("ssh://").rstrip("/").rpartition("@")[2]
    return re.sub(r":\d+$", "", host) if target.startswith("ssh://") else host


class SshWorker:
    """A running one. ``pairing`` is the way to it, by a port of this computer's loopback."""

    def __init__(
        self,
        target: str,
        heft: str,
        directory: Path,
        cancelled: Cancelled = never,
        seconds: float = START_SECONDS,
    ) -> None:
        """Waits until it lends. Raises HeftError: missing-program (no ssh here), certificate (its host key is not
        known, or another one than before), key-wrong (ssh may not log in), unreachable, timeout, not-found (no Heft
        there), bad-answer, and what the other computer's Heft says; CancelledError.
        """
        self.target, self._heft, self._directory = target, heft or HEFT, directory
        for attempt in range(_TRIES):
            try:
                self._start(cancelled, seconds)
                return
            except HeftError as error:
                self.close()
                if error.kind != FailureKind.BUSY or attempt == _TRIES - 1:
                    raise

    pairing: Pairing

    @property
    def running(self) -> bool:
        """Whether ssh is there still."""
        return self._process.poll() is None

    def has_ended(self) -> bool:
        """Whether it is gone; one that is about to go gets a moment."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        return not self.running

    def why_ended(self) -> HeftError:
        """Why it is gone."""
        return _failure(self.target, self._heft, self._process.poll(), self._words.text)

    def close(self) -> None:
        """End it: the worker there ends when its standard input does, and ssh with it."""
        process = getattr(self, "_process", None)
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for heard in (self._said, self._words):
            heard.join()

    # -- inside ----------------------------------------------------------------------------------

    def _start(self, cancelled: Cancelled, seconds: float) -> None:
        ssh = shutil.which("ssh")
        if ssh is None:
            raise HeftError(
                tr("There is no program 'ssh' on this computer."),
                tr("Install it (OpenSSH's client), or add the computer by the line that 'heft worker' prints there."),
                kind=FailureKind.MISSING_PROGRAM,
                settings_page="workers",
            )
        there = random.choice(_PORTS)
        with socket.create_server((_LOOPBACK, 0)) as asked:
            here: int = asked.getsockname()[1]
        asked_for = f"worker --listen {_LOOPBACK} --port {there} --until-eof --json"
        options = [word for option in _OPTIONS for word in ("-o", option)]
        forward = f"{_LOOPBACK}:{here}:{_LOOPBACK}:{there}"
        try:
            self._process = subprocess.Popen(
                [ssh, *options, "-L", forward, "--", self.target, f"{_quoted(self._heft)} {asked_for}"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                cwd=private_directory(self._directory), env={**child_environment(), "LC_ALL": "C"},
            )  # fmt: skip
        except OSError as error:
            raise HeftError(
                tr("ssh could not be started: {strerror}", strerror=error.strerror or error),
                kind=FailureKind.NOT_STARTED,
                detail=str(error),
            ) from error
        assert self._process.stdout is not None and self._process.stderr is not None
        self._said, self._words = _Heard(self._process.stdout), _Heard(self._process.stderr)
        told = self._told(cancelled, seconds)
        if told.error is not None:
            raise HeftError(
                f"{host_of(self.target)} says: {one_line(told.error.message, 300)}",
                one_line(told.error.hint, 300),
                kind=FailureKind.of(told.error.kind),
                settings_page="workers",
            )
        try:
            pairing = read_pairing(told.pairing)
        except UsageError as error:
            raise _no_answer(self.target, self._said.text) from error
        self.pairing = Pairing(_LOOPBACK, here, pairing.fingerprint, pairing.secret)

    def _told(self, cancelled: Cancelled, seconds: float) -> _Told:
        """What the worker there says of itself, or why it does not."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if cancelled():
                raise CancelledError
            if (told := _document(self._said.text)) is not None:
                return told
            if self._process.poll() is not None:
                self._said.join()
                self._words.join()
                if (told := _document(self._said.text)) is not None and told.error is not None:
                    return told
                raise self.why_ended()
            self._said.wait()
        raise HeftError(
            tr("{target} did not start 'heft worker' in time.", target=host_of(self.target)),
            tr("Try it by hand: ssh {target} {heft} worker", target=self.target, heft=self._heft),
            kind=FailureKind.TIMEOUT,
            detail=self._words.text[-2000:],
            settings_page="workers",
        )


class SshWorkers:
    """Those that run, each started at its first use. Thread-safe."""

    def __init__(self, directory: Path) -> None:
        """``directory`` is where ssh works."""
        self._directory = directory
        self._lock = threading.Lock()
        self._starting: dict[str, threading.Lock] = {}
        self._running: dict[str, SshWorker] = {}
        self._closed = threading.Event()

    def pairing(self, target: str, heft: str = "", cancelled: Cancelled = never) -> Pairing:
        """The way to the worker of a computer, which is started where it does not run. Raises as :class:`SshWorker`."""
        with self._lock:
            starting = self._starting.setdefault(target, threading.Lock())
        with starting:
            found = self._running.get(target)
            if found is not None and found.running:
                return found.pairing
            if found is not None:
                found.close()
            made = SshWorker(target, heft, self._directory, lambda: cancelled() or self._closed.is_set())
            with self._lock:
                if not self._closed.is_set():
                    self._running[target] = made
                    return made.pairing
            made.close()
            raise CancelledError

    def end(self, target: str) -> None:
        """End one."""
        with self._lock:
            found = self._running.pop(target, None)
        if found is not None:
            found.close()

    def lost(self, target: str) -> HeftError | None:
        """End one that does not answer; why, where ssh itself has ended."""
        with self._lock:
            found = self._running.pop(target, None)
        if found is None:
            return None
        why = found.why_ended() if found.has_ended() else None
        found.close()
        return why

    def close(self) -> None:
        """End all."""
        with self._lock:
            self._closed.set()
            running, self._running = list(self._running.values()), {}
        for one in running:
            one.close()


class _Heard:
    """What comes out of a pipe, read on a thread of its own so that it never fills."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._size = pipe, 0
        self._parts: list[bytes] = []
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="ssh", daemon=True)
        start_thread(self._thread)

    @property
    def text(self) -> str:
        """All of it so far."""
        return b"".join(list(self._parts)).decode(errors="replace")

    def wait(self) -> None:
        """For more of it, or its end; a moment at most."""
        self._changed.wait(_GLANCE_SECONDS)
        self._changed.clear()

    def join(self) -> None:
        """Wait for its end, for a moment: a child of ssh's may hold the pipe."""
        self._thread.join(_END_SECONDS)

    def _read(self) -> None:
        with self._pipe:
            while part := os.read(self._pipe.fileno(), 1 << 16):
                if self._size < _MOST_BYTES:
                    self._size += len(part)
                    self._parts.append(part)
                self._changed.set()


class _Problem(msgspec.Struct):
    kind: str = "error"
    message: str = ""
    hint: str = ""


class _Told(msgspec.Struct):
    """What ``heft worker --json`` prints."""

    pairing: str = ""
    error: _Problem | None = None


def _document(text: str) -> _Told | None:
    """The document in what was printed, None while it is not whole; a shell's greeting before it is passed over."""
    begin = text.find("{")
    if begin < 0:
        return None
    try:
        return msgspec.json.decode(text[begin:].encode(), type=_Told)
    except msgspec.MsgspecError:
        return None


def _quoted(program: str) -> str:
    """For the other computer's shell, which may still know what ``~/`` is."""
    return f"~/{shlex.quote(program[2:])}" if program.startswith("~/") else shlex.quote(program)


def _no_answer(target: str, said: str) -> HeftError:
    return HeftError(
        tr("What 'heft worker' says on {target} cannot be read.", target=host_of(target)),
        tr("Use the same version of Heft on both computers."),
        kind=FailureKind.BAD_ANSWER,
        detail=said[-2000:],
        settings_page="workers",
    )


def _failure(target: str, heft: str, code: int | None, words: str) -> HeftError:
    """Why ssh ended, in words. Its own failures end with 255, those of the other computer's shell with theirs."""
    host, low = one_line(host_of(target), 60), words.lower()
    by_hand = f"ssh {target}"

    def failed(message: str, hint: str, kind: FailureKind) -> HeftError:
        return HeftError(message, hint, kind=kind, detail=words[-2000:], settings_page="workers")

    if code == 127 or (code != 255 and ("not found" in low or "not recognized" in low)):
        return failed(
            f"Heft was not found on {host}: there is no program '{one_line(heft, 80)}'.",
            "Install Heft there, or say where it is: --ssh-heft PATH, or the field beside the address.",
            FailureKind.NOT_FOUND,
        )
    if code == 2 and "usage:" in low:
        return failed(
            f"The Heft on {host} is too old for this.",
            "Use the same version on both computers.",
            FailureKind.BAD_ANSWER,
        )
    if "identification has changed" in low:
        return failed(
            f"{host} shows another host key than before: it may be another computer.",
            f"Find out why before anything else; {by_hand} says which line of known_hosts it is.",
            FailureKind.CERTIFICATE,
        )
    if "host key verification failed" in low:
        return failed(
            f"The host key of {host} is not known here, so ssh does not trust it.",
            f"Log in once in a terminal, where you can compare the key: {by_hand}",
            FailureKind.CERTIFICATE,
        )
    if "permission denied" in low or "too many authentication failures" in low:
        return failed(
            f"{host} does not let you in without a password.",
            f"Set up a key (ssh-copy-id), load it into ssh-agent, and see that this works: {by_hand}",
            FailureKind.KEY_WRONG,
        )
    if "could not request local forwarding" in low:
        return failed("Another program has taken the port for ssh.", "Try again.", FailureKind.BUSY)
    if code == 255 or code is None or code < 0:
        said = one_line(words.strip().splitlines()[-1], 200) if words.strip() else "the connection ended"
        return failed(
            f"{host} cannot be reached by ssh: {said}", f"See that this works: {by_hand}", FailureKind.UNREACHABLE
        )
    return failed(
        f"'heft worker' on {host} ended: {one_line(words.strip(), 200) or f'exit code {code}'}",
        f"Try it by hand: {by_hand} {heft} worker",
        FailureKind.INTERRUPTED,
    )
