"""Short work in a process of its own: typed requests to a module of Heft's, answered one at a time.

For what a stranger's file may break (a dry run that asserts, a tensor that does not end): the process dies, not the
window. A cancel or a missed deadline kills it; the next call starts another. The module calls :func:`serve`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import struct
import subprocess
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
from desktop.engine.child_log import ChildLog
from desktop.engine.loader_cause import explain_loader
from desktop.engine.logmap import explain_exit
from desktop.system.child import command
from desktop.system.packing import pack, unpack
from desktop.system.spawn import child_environment, die_with_parent, private_directory

Result = TypeVar("Result", bound=msgspec.Struct)

MAX_FRAME_BYTES = 256 * 1024 * 1024  # a longer one means a corrupt pipe
_LENGTH = struct.Struct("<I")
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


def _write(stream: IO[bytes], body: bytes) -> None:
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes:
    """The next frame; EOFError when the other side is gone or is not one of ours."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    if length > MAX_FRAME_BYTES:
        raise EOFError(f"frame of {length} bytes")
    body = stream.read(length)
    if len(body) < length:
        raise EOFError
    return body


class _Process:
    """One running process, started and heard by a thread of its own.

    On one thread: Linux sends the parent-death signal when the *thread* that started a child ends.
    """

    def __init__(self, module: str, working_directory: Path | None, log_path: Path | None) -> None:
        self.replies: queue.Queue[_Reply | None] = queue.Queue()
        self.has_started = False
        self._module, self._directory, self._log_path = module, working_directory, log_path
        self._popen: subprocess.Popen[bytes] | None = None
        self._started = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name=module, daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise EngineError(
                "A part of Heft could not be started.",
                "Set Heft up again.",
                detail=str(self._error),
                kind=FailureKind.NOT_STARTED,
            )

    def send(self, request: msgspec.Struct) -> None:
        """A process that is gone is noticed by the missing reply."""
        assert self._popen is not None and self._popen.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            _write(self._popen.stdin, pack(request))

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> int | None:
        """Kill, and give the exit code it ended with."""
        assert self._popen is not None
        self._popen.kill()
        self._thread.join()
        return self._popen.returncode

    def log_tail(self) -> str:
        """The newest lines it wrote."""
        return self._log.tail()

    def _run(self) -> None:
        self._log = ChildLog(self._log_path, "wb")
        try:
            self._popen = subprocess.Popen(
                command(self._module),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log.sink,
                cwd=private_directory(self._directory) if self._directory is not None else None,
                env=child_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._error = error
            return
        finally:
            self._log.handed_over()
            self._started.set()
        with self._popen as process:
            assert process.stdout is not None
            with contextlib.suppress(EOFError, msgspec.MsgspecError, OSError, ValueError):
                while True:
                    reply = unpack(_replies, _read(process.stdout))
                    if isinstance(reply, Started):
                        self.has_started = True
                    else:
                        self.replies.put(reply)
            process.poll()
            if process.returncode is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_SECONDS)  # a process that ended by itself keeps its own exit code
            process.kill()
            with contextlib.suppress(OSError):
                assert process.stdin is not None
                process.stdin.close()
        self.replies.put(None)


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
        cancelled: Cancelled = never,
        progress: Report = unheard,
    ) -> Result:
        """The answer. Raises CancelledError, or HeftError: what the module refused, "too-slow", or why it died."""
        with self._lock:
            return self._await(self._running(), request, deadline_seconds, cancelled, progress)

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
                        f"This did not finish within {deadline_seconds:.0f} seconds and was ended.",
                        "Try it again; the file may be damaged if it happens twice.",
                        kind=FailureKind.TOO_SLOW,
                    ) from None
                continue
            match reply:
                case Step():
                    progress(reply.progress)
                case Refused():
                    raise HeftError(reply.message, reply.hint, detail=reply.detail, kind=reply.kind)
                case Answer():
                    return unpack(self._decoder, reply.body)
                case None:
                    code = self._end()
                    tail = process.log_tail()
                    cause = explain_exit(code, tail, "loading" if process.has_started else "starting")
                    raise EngineError(cause.message, cause.hint, detail=tail, kind=cause.kind)

    def _end(self) -> int | None:
        process, self._process = self._process, None
        return process.end() if process is not None else None


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
        _write(replies, pack(message))

    with contextlib.suppress(EOFError, BrokenPipeError):
        reply(Started())
        while True:
            request = unpack(decoder, _read(stdin))
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
