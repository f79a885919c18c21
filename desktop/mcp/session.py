"""One server of tools, spoken to through a process of its own: whatever it does, the caller gets an answer in time."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec
import psutil

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.deadline import Deadline
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.mcp_config import ToolServer
from desktop.core.secrets import without_tokens
from desktop.mcp.records import (
    Bye,
    Call,
    CallFailed,
    Cancel,
    Event,
    FoundTool,
    LogLine,
    Lost,
    Open,
    Opened,
    Progressed,
    Returned,
    ToolsChanged,
)
from desktop.system.framing import messages
from desktop.system.supervised import SupervisedProcess

START_SECONDS = 120.0  # one that is fetched first (npx, uvx) takes long
CALL_SECONDS = 300.0  # without a word of its progress
_STOP_SECONDS = 2.0  # a call that was given up: after that its server is ended
_GRACE_SECONDS = 3.0
_LATE_SECONDS = 5.0  # the process itself keeps the limit, and this is how late it may be
_LOOK_SECONDS = 0.05
_WHY_SECONDS = 3.0
_KEPT_LINES = 500
_MOST_BYTES = 128 * 1024 * 1024
_MODULE = "desktop.mcp.child"
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)

Progress = Callable[[Progressed], None]


class Session:
    """A server from its start to its end. Thread-safe; several calls may run at once."""

    def __init__(
        self,
        server: ToolServer,
        version: str,
        directory: Path,
        changed: Callable[[], None] = lambda: None,
        *,
        proxy: str = "",
    ) -> None:
        """``changed`` hears, on a thread of the session's, of other tools, of new lines of the log and of the end."""
        self._server, self._version, self._directory, self._proxy = server, version, directory, proxy
        self._changed = changed
        self._secrets = [*server.env.values(), *server.headers.values()]
        self._lock = threading.Lock()
        self._process: SupervisedProcess | None = None
        self._opening: queue.SimpleQueue[Opened | Lost] = queue.SimpleQueue()
        self._calls: dict[int, queue.SimpleQueue[Progressed | Returned | CallFailed | Lost]] = {}
        self._number = 0
        self._log: deque[str] = deque(maxlen=_KEPT_LINES)
        self.opened: Opened | None = None
        self.tools: tuple[FoundTool, ...] = ()
        self.lost: Lost | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be called."""
        return self.opened is not None and self.lost is None

    @property
    def pid(self) -> int | None:
        """The process that speaks to it."""
        return self._process.pid if self._process is not None else None

    @property
    def log(self) -> tuple[str, ...]:
        """What it wrote beside its answers, the newest last; without what is secret."""
        return tuple(self._log)

    def open(self, *, seconds: float = START_SECONDS, cancelled: Cancelled = never) -> Opened:
        """Start and wait. Raises HeftError (tool-server) that says why it cannot be reached, CancelledError."""
        try:
            with self._lock:  # a close that comes now waits, and ends it
                if self.lost is not None:
                    raise self.error(self.lost)
                self._process = SupervisedProcess(_MODULE, self._hear, self._ended, directory=self._directory)
        except OSError as error:
            raise HeftError(
                "A part of Heft could not be started.", "Close other programs.", detail=str(error),
                kind=FailureKind.NOT_STARTED,
            ) from error  # fmt: skip
        self._process.send(Open(self._server, self._version, self._proxy))
        deadline = Deadline(seconds)
        while True:
            try:
                event = self._opening.get(timeout=_LOOK_SECONDS)
                break
            except queue.Empty:
                if cancelled():
                    self.close()
                    raise CancelledError("It was not waited for.") from None
                if deadline.over():
                    self.close()
                    words = f"It said nothing within {seconds:.0f} seconds of its start."
                    event = self.lost = Lost(FailureKind.TOO_SLOW, words, "Look into its log.")
                    break
        if isinstance(event, Lost):
            raise self.error(event)
        return event

    def call(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        seconds: float = CALL_SECONDS,
        cancelled: Cancelled = never,
        progress: Progress = lambda _step: None,
    ) -> Returned:
        """Call a tool and wait. Raises CancelledError soon after ``cancelled``, whatever the server does; HeftError."""
        with self._lock:
            if self.lost is not None or self._process is None:
                raise self.error(self.lost)
            self._number += 1
            number = self._number
            heard = self._calls[number] = queue.SimpleQueue()
        self._process.send(Call(number, tool, arguments, seconds))
        try:
            return self._wait(number, heard, seconds, cancelled, progress)
        finally:
            with self._lock:
                self._calls.pop(number, None)

    def _wait(
        self,
        number: int,
        heard: queue.SimpleQueue[Progressed | Returned | CallFailed | Lost],
        seconds: float,
        cancelled: Cancelled,
        progress: Progress,
    ) -> Returned:
        deadline, stopping = Deadline(seconds + _LATE_SECONDS), False
        while True:
            try:
                event = heard.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if cancelled() and not stopping:
                    stopping, deadline = True, Deadline(_STOP_SECONDS)
                    self._send(Cancel(number))
                elif deadline.over():
                    self._end_hung(stopping)
                    if stopping:
                        raise CancelledError("The call was stopped.") from None
                    raise HeftError(
                        f"It did not answer within {seconds:.0f} seconds.", "", kind=FailureKind.TOO_SLOW
                    ) from None
                continue
            match event:
                case Progressed():
                    progress(event)
                    if not stopping:
                        deadline = Deadline(seconds + _LATE_SECONDS)
                case Returned():
                    return event
                case CallFailed(kind=FailureKind.CANCELLED):
                    raise CancelledError(event.words)
                case CallFailed(kind=FailureKind.INTERRUPTED):
                    raise self._interrupted(event, heard)
                case CallFailed():
                    raise HeftError(event.words, "", detail=event.detail, kind=event.kind)
                case Lost():
                    raise self.error(event)

    def _interrupted(
        self, failed: CallFailed, heard: queue.SimpleQueue[Progressed | Returned | CallFailed | Lost]
    ) -> HeftError:
        """A server that ended in the middle of a call: why is known a moment later."""
        with contextlib.suppress(queue.Empty):
            while not isinstance(event := heard.get(timeout=_WHY_SECONDS), Lost):
                pass
            return self.error(event)
        return HeftError(failed.words, "", detail=failed.detail, kind=failed.kind)

    def close(self) -> None:
        """End the server; calls that still wait hear of it."""
        self._lose(Lost(FailureKind.CANCELLED, "The server was switched off.", ""))
        process = self._process
        if process is not None:
            started = _started_by(process.pid)
            process.close(Bye(), _GRACE_SECONDS)
            for left in started:
                with contextlib.suppress(psutil.Error):
                    left.kill()

    def error(self, lost: Lost | None) -> HeftError:
        """Why the server cannot be called."""
        if lost is None:
            return HeftError(f"{self._server.name} was not started.", "Switch it on.", kind=FailureKind.TOOL_SERVER)
        detail = "\n".join(filter(None, (lost.detail, *self.log[-20:])))
        return HeftError(f"{self._server.name}: {lost.words}", lost.hint, detail=detail, kind=FailureKind.TOOL_SERVER)

    # -- inside ----------------------------------------------------------------------------------

    def _send(self, request: msgspec.Struct) -> None:
        if self._process is not None:
            self._process.send(request)

    def _end_hung(self, stopping: bool) -> None:
        """It does not even hear that a call is over."""
        words = "It did not stop when it was asked to, and was ended." if stopping else "It did not answer in time."
        self._lose(Lost(FailureKind.TOO_SLOW, words, "It is started again when it is needed."))
        if self._process is not None:
            started = _started_by(self._process.pid)
            threading.Thread(target=self._process.kill, daemon=True).start()
            for left in started:
                with contextlib.suppress(psutil.Error):
                    left.kill()

    def _hear(self, stdout: IO[bytes]) -> None:
        for event in messages(stdout, _events, _MOST_BYTES):
            match event:
                case Opened():
                    self.opened, self.tools = event, event.tools
                    self._opening.put(event)
                case ToolsChanged():
                    self.tools = event.tools
                    self._changed()
                case LogLine():
                    self._log.append(without_tokens(event.text, self._secrets))
                    self._changed()
                case Lost():
                    self._lose(event)
                case Progressed() | Returned() | CallFailed():
                    if (waiting := self._calls.get(event.number)) is not None:
                        waiting.put(event)

    def _ended(self, code: int, tail: str) -> None:
        said = without_tokens(tail, self._secrets)
        words = "The part of Heft that speaks to it ended unasked."
        self._lose(Lost(FailureKind.CRASHED, words, "Try it again; its log may say more.", f"code {code}\n{said}"))

    def _lose(self, lost: Lost) -> None:
        with self._lock:
            if self.lost is not None:
                return
            self.lost = lost
            waiting = list(self._calls.values())
        self._opening.put(lost)
        for one in waiting:
            one.put(lost)
        self._changed()


def _started_by(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return list(psutil.Process(pid).children(recursive=True))
    return []
