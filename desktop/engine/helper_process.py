"""Short work in a process of its own: typed requests to a module of Heft's, answered one at a time.

For what a stranger's file may break (a dry run that asserts, a tensor that does not end): the process dies, not the
window. A cancel or a missed deadline kills it; the next call starts another. The module calls :func:`serve`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.deadline import Deadline
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress, Report, unheard
from desktop.core.words import tr
from desktop.engine.loader_cause import explain_loader
from desktop.engine.logmap import explain_exit
from desktop.system.framing import messages, read_message, write_message
from desktop.system.packing import pack, unpack
from desktop.system.spawn import die_with_parent
from desktop.system.supervised import SupervisedProcess

Result = TypeVar("Result", bound=msgspec.Struct)

MAX_FRAME_BYTES = 256 * 1024 * 1024  # a header to plan from; a longer one means a corrupt pipe
_POLL_SECONDS = 0.05  # how late a cancel or a deadline may be noticed


class Started(msgspec.Struct, frozen=True, tag="started"):
    """The process runs and waits for its first request."""


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """The result of a call, encoded: only the caller knows its type."""

    body: msgspec.Raw


class Step(msgspec.Struct, frozen=True, tag="step"):
    """How far a call is."""

    progress: Progress


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The call failed in the words of a :class:`desktop.core.errors.HeftError`; the process lives."""

    kind: FailureKind
    message: str
    hint: str
    detail: str = ""


_Reply = Started | Answer | Step | Refused
_replies: msgspec.msgpack.Decoder[_Reply] = msgspec.msgpack.Decoder(_Reply)


class _Process:
    """One running process, and what it said: why it died is behind the last reply."""

    def __init__(self, module: str, working_directory: Path | None, log_path: Path | None) -> None:
        self.replies: queue.Queue[_Reply | EngineError] = queue.Queue()
        self._has_started = False
        try:
            self._process = SupervisedProcess(
                module, self._hear, self._ended, directory=working_directory, log_path=log_path
            )
        except OSError as error:
            raise EngineError(
                tr("A part of Heft could not be started."),
                tr("Set Heft up again."),
                detail=str(error),
                kind=FailureKind.NOT_STARTED,
            ) from error
        self.send, self.end = self._process.send, self._process.kill

    @property
    def alive(self) -> bool:
        return self._process.alive

    def _hear(self, stdout: IO[bytes]) -> None:
        for reply in messages(stdout, _replies, MAX_FRAME_BYTES):
            if isinstance(reply, Started):
                self._has_started = True
            else:
                self.replies.put(reply)

    def _ended(self, exit_code: int, tail: str) -> None:
        cause = explain_exit(exit_code, tail, "loading" if self._has_started else "starting")
        self.replies.put(EngineError(cause.message, cause.hint, detail=tail, kind=cause.kind))


class Tool(Generic[Result]):
    """A module's process as an object: started at the first call, kept warm, one call at a time from any thread."""

    def __init__(
        self,
        module: str,
        result: type[Result] | Any,
        working_directory: Path | None = None,
        log_path: Path | None = None,
    ) -> None:
        """``result`` is the type of every answer, a Struct or a tagged union of them.

        Without ``working_directory`` the process works where this one does; without ``log_path`` only its last words
        are kept, for the error that tells of its death.
        """
        self._module, self._directory, self._log_path = module, working_directory, log_path
        self._decoder: msgspec.msgpack.Decoder[Result] = msgspec.msgpack.Decoder(result)
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def call(
        self,
        request: msgspec.Struct,
        *,
        deadline_seconds: float | None = None,
        renewed: bool = False,
        cancelled: Cancelled = never,
        progress: Report = unheard,
    ) -> Result:
        """The answer. Raises CancelledError, or HeftError: what the module refused, "too-slow", or why it died.

        ``renewed``: the deadline is for each step of which the module tells, and not for all of them.
        """
        with self._lock:
            return self._await(self._running(), request, deadline_seconds, renewed, cancelled, progress)

    def start(self) -> None:
        """Start the process ahead of its first call; EngineError when the system refuses."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """End the process, if any; waits for a call that runs."""
        with self._lock:
            self._end()

    def _running(self) -> _Process:
        if self._process is None or not self._process.alive:
            self._process = _Process(self._module, self._directory, self._log_path)
        return self._process

    def _await(
        self,
        process: _Process,
        request: msgspec.Struct,
        deadline_seconds: float | None,
        renewed: bool,
        cancelled: Cancelled,
        progress: Report,
    ) -> Result:
        deadline = Deadline(deadline_seconds) if deadline_seconds is not None else None
        process.send(request)
        while True:
            late = deadline is not None and deadline.over()
            try:
                reply = process.replies.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if cancelled():
                    self._end()
                    raise CancelledError from None
                if late:
                    self._end()
                    raise HeftError(
                        tr(
                            "This did not finish within {deadline_seconds:.0f} seconds and was ended.",
                            deadline_seconds=deadline_seconds,
                        ),
                        tr("Try it again; the file may be damaged if it happens twice."),
                        kind=FailureKind.TOO_SLOW,
                    ) from None
                continue
            match reply:
                case Step():
                    if renewed and deadline_seconds is not None:
                        deadline = Deadline(deadline_seconds)
                    progress(reply.progress)
                    if cancelled():  # steps may come without a gap
                        self._end()
                        raise CancelledError
                case Refused():
                    raise HeftError(reply.message, reply.hint, detail=reply.detail, kind=reply.kind)
                case Answer():
                    return unpack(self._decoder, reply.body)
                case EngineError():
                    self._end()
                    raise reply

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()


def serve(
    requests: Any,
    answer: Callable[[Any, Report], msgspec.Struct],
    *,
    memory_bytes: int | None = None,
) -> None:
    """The module's side: answer requests of type ``requests`` until the pipe closes.

    ``answer`` gets a request and a function for progress, and raises HeftError to refuse. Anything else it raises is
    a refusal too, with the trace as detail. ``memory_bytes`` limits the address space. Text that libraries print goes
    to stderr: file descriptor 1 is kept for replies.
    """
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal reaches every process; the parent decides
    _limit(memory_bytes)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    stdin = sys.stdin.buffer
    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(requests)

    def reply(message: _Reply) -> None:
        write_message(replies, message)

    with contextlib.suppress(EOFError, BrokenPipeError):
        reply(Started())
        while True:
            request = read_message(stdin, decoder, MAX_FRAME_BYTES)
            try:
                result = answer(request, lambda step: reply(Step(step)))
            except HeftError as error:
                reply(Refused(error.kind, error.message, error.hint, error.detail))
            except MemoryError:
                reply(
                    Refused(
                        FailureKind.OUT_OF_MEMORY,
                        "This needs more memory than it is allowed.",
                        "Choose a smaller part.",
                    )
                )
            except Exception as error:  # noqa: BLE001  # the parent shows it; this process goes on serving
                reply(_unexpected(error))
            else:
                reply(Answer(msgspec.Raw(pack(result))))
    sys.stderr.flush()
    os._exit(0)  # libraries' own threads need not be waited for


def _unexpected(error: Exception) -> Refused:
    """The engine's libraries are loaded at the first request: a loader's refusal is told as such."""
    import traceback

    trace = "".join(traceback.format_exception(error))
    cause = explain_loader(trace) if isinstance(error, ImportError | OSError | RuntimeError) else None
    if cause is not None:
        return Refused(cause.kind, cause.message, cause.hint, trace)
    hint = "Copy the details into a report; try another file."
    return Refused(FailureKind.ENGINE, "A part of Heft failed at this file.", hint, trace)


def _limit(memory_bytes: int | None) -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
