"""One llama-server as a process: its states, its log, its control, and its end."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from desktop.engine.server.log import ServerLog
from desktop.system.spawn import private_directory, start_thread

_STATE = b"cmd_child_to_router:state:"  # server-models.cpp, server_child::notify_to_router
_END_SECONDS = 5.0  # a killed process is gone at once, but for one that waits for a device


class State(msgspec.Struct, frozen=True):
    """What the server tells of itself: "loading" with how far, "ready" with what it is, "sleeping"."""

    state: str
    payload: dict[str, Any] = {}


_states = msgspec.json.Decoder(State)


class ServerProcess:
    """Started by the thread that makes it, which has to live as long: Linux ends a child with the thread it came from.

    ``tell`` hears every state, ``ended`` that the process is gone; both on a thread of this object's own, in order.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        directory: Path,
        log: ServerLog,
        tell: Callable[[State], None],
        ended: Callable[[ServerProcess], None],
    ) -> None:
        """Raises OSError when the system refuses."""
        self._log, self._tell, self._ended = log, tell, ended
        self._write_lock = threading.Lock()
        self.heard = False  # a state came: the program itself runs
        self.stopped = False  # an answer was stopped, and may not have ended yet
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=private_directory(directory),
            env=dict(environment),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._thread = threading.Thread(target=self._hear, name="llama-server", daemon=True)
        try:
            start_thread(self._thread)
        except OSError:
            self._process.kill()
            self._process.wait()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal, as in subprocess."""
        return self._process.poll()

    def send(self, order: str) -> None:
        """One line of control (server/native/control.cpp). A process that is gone is told of by ``ended``."""
        assert self._process.stdin is not None
        with self._write_lock, contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(order.encode("utf-8", "surrogateescape") + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """End it now; from any thread."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def wait(self, seconds: float = _END_SECONDS) -> bool:
        """Whether it is gone, all it said heard, within so long."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for raw in stdout:
                line = raw.rstrip(b"\r\n")
                if line.startswith(_STATE):
                    with contextlib.suppress(msgspec.MsgspecError):
                        # a path may be no Unicode
                        state = _states.decode(line[len(_STATE) :].decode("utf-8", "replace"))
                        self.heard = True
                        self._tell(state)
                elif line:
                    self._log.line(line.decode("utf-8", "replace"))
        self._process.wait()
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._ended(self)
