"""The engine as the services know it: requests go in, events come out, whatever becomes of the server's process.

One thread of the client's own does one request after another; a cancel acts on all that came before it and on nothing
that comes after. A server is started for each load and ended with it.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.api import (
    Benchmark,
    Cancel,
    Count,
    Counted,
    EngineDied,
    Event,
    Failed,
    Generate,
    Load,
    Request,
    Shutdown,
    Unload,
    Unloaded,
)
from desktop.engine.endpoint.http import ConnectionLostError, EndpointError
from desktop.engine.server import describing
from desktop.engine.server.answer import Answer
from desktop.engine.server.benchmark import Bench
from desktop.engine.server.core_share import CoreShare
from desktop.engine.server.count import count_tokens
from desktop.engine.server.describer import Describer
from desktop.engine.server.held import Held, Loading, ServerDiedError
from desktop.engine.server.loans import Lent
from desktop.engine.server.log import ServerLog
from desktop.engine.server.process import ServerProcess
from desktop.engine.server.speculation import Gain, PlainSteps
from desktop.engine.tools.renderer import Renderer
from desktop.system.spawn import start_thread

_END_SECONDS = 3.0
_GONE_SECONDS = 1.0  # from a connection that broke to the end of its process


class _Ended(msgspec.Struct, frozen=True):
    """A server's process is gone."""

    process: ServerProcess


class _Leaving(msgspec.Struct, frozen=True):
    """A server is to end as soon as no other program's answer runs on it."""

    held: Held | None


class EngineClient:
    """One engine. Events arrive on a thread of the client's own, in order, ``EngineDied`` last.

    ``on_event`` must not block for long: the answer waits for it.
    """

    def __init__(
        self,
        log_path: Path,
        working_directory: Path,
        on_event: Callable[[Event | EngineDied], None],
        make_way: Callable[[Load, Cancelled], None] = lambda _load, _cancelled: None,
    ) -> None:
        """``make_way`` is called before a load, when nothing is held any more: what others have loaded may have to go
        first; it waits for that, and raises HeftError. Raises EngineError where the system has no memory for it.
        """
        self._make_way = make_way
        self._on_event = on_event
        self._directory = working_directory
        self._log = ServerLog(log_path)
        self._renderer = Renderer()
        self._mark_key = secrets.token_hex(8)
        self.description = Describer(working_directory, self._tell, self._not_described)
        self._queue: queue.Queue[tuple[int, Request | _Ended | _Leaving]] = queue.Queue()
        self._lock = threading.Lock()
        self._queued = self._cancelled = self._serving = 0  # serial numbers of requests
        self._interrupt: Callable[[], None] | None = None
        self._held: Held | None = None
        self._gain = Gain(Load("", 0))
        self._closing = self._dead = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        try:
            start_thread(self._thread)
        except OSError as error:
            message = tr("The engine could not be started.")
            hint = tr("Close other programs: there is not enough memory.")
            raise EngineError(message, hint, detail=str(error), kind=FailureKind.NOT_STARTED) from error

    @property
    def pid(self) -> int | None:
        """The server's process; None while no model is loaded."""
        held = self._held
        return held.process.pid if held is not None else None

    def send(self, request: Request) -> None:
        """Hand one request over. One that died or is closed does nothing more."""
        if isinstance(request, Cancel):
            self.cancel()
            return
        with self._lock:
            if self._closing and not isinstance(request, Shutdown):
                return  # it would come after the cancel of all there is
            self._queued += 1
            self._queue.put((self._queued, request))

    def lend(self) -> Lent | None:
        """The server's address for another program's answer, until it is given back; None where no model is held, or
        it is about to go.
        """
        held = self._held
        if held is None or held.process.exit_code is not None or not held.loans.take():
            return None
        if held.process.stopped:
            held.process.send("go")  # a stop that nothing was left to obey would end this one's first step
        return Lent(held.address, held.loaded, held.loans.give_back)

    def cancel(self) -> None:
        """Stop what runs and what waits; acts at once."""
        with self._lock:
            self._cancelled = self._queued
            interrupt = self._interrupt
        if interrupt is not None:
            interrupt()

    def close(self) -> None:
        """End the engine. No event is delivered afterwards."""
        with self._lock:
            self._closing = True
        self.cancel()
        self.send(Shutdown())
        if threading.current_thread() is not self._thread:
            self._thread.join(_END_SECONDS)
        held = self._held
        if held is not None:
            held.process.kill()

    def log_tail(self) -> str:
        """The newest lines of the server's log."""
        return self._log.tail

    # -- on threads of its own ---------------------------------------------------------------------

    def _tell(self, event: Event | EngineDied) -> None:
        if not self._closing:
            self._on_event(event)

    def _not_described(self, died: EngineDied) -> None:
        for line in died.log_tail.splitlines():
            self._log.line(line)
        self._die(died)
        self.send(Shutdown())

    def _run(self) -> None:
        with contextlib.suppress(HeftError):
            self._renderer.start()
        try:
            while not self._dead:
                serial, request = self._queue.get()
                if isinstance(request, Shutdown):
                    return
                if isinstance(request, _Ended):
                    self._process_ended(request.process)
                elif isinstance(request, _Leaving):
                    self._unload(request.held)
                else:
                    self._serve(serial, request)
        finally:
            self._let_go()
            self._renderer.close()
            self._log.close()

    def _serve(self, serial: int, request: Request) -> None:
        self._serving = serial
        number = request.request_id if isinstance(request, Generate | Count | Benchmark | Load) else None
        try:
            match request:
                case Load():
                    self._load(request)
                case Unload():
                    self._unload(self._held)
                case Generate():
                    self._answer(request)
                case Count():
                    self._count(request)
                case Benchmark():
                    self._benchmark(request)
        except ConnectionLostError as error:
            held = self._held
            if held is not None and held.process.wait(_GONE_SECONDS):
                self._process_ended(held.process)
            else:
                self._tell(
                    Failed(
                        number,
                        FailureKind.ENGINE,
                        "The engine broke its answer off.",
                        "Load the model again.",
                        f"{error}\n{self._log.tail}",
                    )
                )
        except ServerDiedError as error:
            self._die(error.died)
        except HeftError as error:
            if self._dead:
                return
            self._tell(Failed.of(number, error))
        except Exception as error:  # noqa: BLE001  # this thread goes on, and whoever waits hears of it
            hint = "Copy the details into a report; load the model again."
            trace = "".join(traceback.format_exception(error))
            self._tell(Failed(number, FailureKind.INTERNAL, "A part of Heft failed at this request.", hint, trace))
        finally:
            with self._lock:
                self._interrupt = None

    def _begin(self, interrupt: Callable[[], None]) -> None:
        """From here on a cancel calls ``interrupt``. Raises CancelledError when it came before."""
        with self._lock:
            self._interrupt = interrupt
            late = self._serving <= self._cancelled
        if late:
            interrupt()

    def _is_cancelled(self) -> bool:
        return self._serving <= self._cancelled

    def _unload(self, leaving: Held | None) -> None:
        """Once no other program's answer runs on it; what was asked meanwhile goes first."""
        if leaving is not self._held:
            return  # gone already, another one is held
        if leaving is not None and not leaving.loans.end(self._is_asked_for_more):
            self._queue.put((0, _Leaving(leaving)))
            return
        self._let_go()
        self._tell(Unloaded())

    def _is_asked_for_more(self) -> bool:
        with self._queue.mutex:
            return any(not isinstance(request, _Leaving | Unload) for _, request in self._queue.queue)

    def _await_loans(self) -> None:
        """Until no other program's answer runs on the server. Raises CancelledError."""
        if (held := self._held) is not None and not held.loans.end(self._is_cancelled):
            raise CancelledError(tr("Waiting for another program's answer was cancelled."))

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _load(self, load: Load) -> None:
        try:
            self._await_loans()
        except CancelledError:
            self._queue.put((0, _Leaving(self._held)))
            raise
        self._let_go()
        self._make_way(load, self._is_cancelled)
        held = self._hold(load, self._tell)
        self._gain = Gain(load)
        self._gain.loaded(held.loaded)
        self._tell(held.loaded)

    def _hold(self, load: Load, tell: Callable[[Event | EngineDied], None]) -> Held:
        """Load a model; nothing is held before."""
        loading = Loading(
            load,
            directory=self._directory,
            log=self._log,
            renderer=self._renderer,
            mark_key=self._mark_key,
            hello=self.description.wait,
            tell=tell,
            ended=lambda process: self._queue.put((0, _Ended(process))),
        )
        self._begin(loading.cancel)
        try:
            self._held = held = loading.run()
        except HeftError as error:
            if self._is_cancelled():
                raise CancelledError(tr("Loading was cancelled."), tr("Load the model again when you like.")) from None
            if load.gpu_layers and error.kind in (FailureKind.CRASHED, FailureKind.TOO_SLOW):
                raise self.description.blamed(error) from error
            raise
        return held

    def _ready(self) -> Held:
        if self._held is None:
            raise EngineError(tr("No model is loaded."), tr("Load a model first."), kind=FailureKind.NO_MODEL)
        return self._held

    def _answer(self, request: Generate) -> None:
        gain = self._gain
        held = self._as_asked(self._ready(), request, gain)
        load = held.load
        share = CoreShare(load.threads, held.times) if load.shares_cores else None
        answer = Answer(
            request, held.endpoint, held.process, held.loaded.context_length, load.threads, share, self._tell,
            gain.plain, PlainSteps() if held.loaded.speculation == "ngram" else None, lambda: not held.loans,
        )  # fmt: skip
        self._begin(answer.stop)
        question = held.questions.question(request)
        if note := gain.note():
            question = replace(question, notes=(*question.notes, note))
        try:
            gain.add(answer.run(question))
        except EngineError as error:
            raise self._with_cause(error) from error

    def _with_cause(self, error: EngineError) -> EngineError:
        """An answer that failed, with the cause where the log says that it lies with a device."""
        from desktop.engine.logmap import explain_device

        cause = explain_device(self._log.tail) if error.kind == FailureKind.ENGINE else None
        return error if cause is None else EngineError(cause.message, cause.hint, detail=error.detail, kind=cause.kind)

    def _count(self, request: Count) -> None:
        held = self._as_asked(self._ready(), request.asked, self._gain)
        if self._is_cancelled():
            raise CancelledError(tr("Counting was cancelled."))
        question = held.questions.question(request.asked)
        self._tell(Counted(request.request_id, count_tokens(held.endpoint, question)))

    def _as_asked(self, held: Held, request: Generate, gain: Gain) -> Held:
        """The model with the template that is asked for, and with guesses while they pay: a server keeps both all its
        life. And in a process that runs: one that died while nobody asked it anything is no loss.
        """
        template = held.load.template if request.prompt is not None else request.template or ""
        kind = gain.load.speculation if gain.wanted() else "off"
        draft = gain.load.draft if kind == "draft" else ""
        as_it_is = template == held.load.template and kind == held.load.speculation
        if as_it_is and held.process.exit_code is None:
            return held
        self._await_loans()
        self._let_go()
        load = msgspec.structs.replace(held.load, template=template, speculation=kind, draft=draft)
        try:
            held = self._hold(load, lambda _event: None)
        except CancelledError:
            self._tell(Unloaded())  # the old one is gone
            raise
        except HeftError as error:
            self._die(EngineDied(error.kind, error.message, error.hint, error.detail, None))
            raise
        self._tell(held.loaded)
        return held

    def _die(self, died: EngineDied) -> None:
        self._dead = True
        self._tell(died)

    def _benchmark(self, request: Benchmark) -> None:
        held = self._ready()
        bench = Bench(held.endpoint, held.vocabulary, held.loaded.context_length, held.load.threads)
        self._begin(bench.stop)
        held.process.send(f"threads {held.load.threads}")
        held.process.send("step 0")
        try:
            done = bench.run(request)
        except EndpointError as error:
            words = tr("The engine could not be measured: {error}", error=error)
            raise EngineError(words, tr("Load the model again.")) from error
        except ConnectionLostError:
            if not self._is_cancelled():
                raise
            done = None
        if done is None:
            raise CancelledError(tr("The benchmark was cancelled."))
        self._tell(done)

    def _process_ended(self, process: ServerProcess) -> None:
        held = self._held
        if held is None or held.process is not process:
            return  # ended by this client, or while it loaded
        self._held = None
        held.close()
        cause = held.cause_of_death()
        if held.loaded.gpu_layers and cause.kind == FailureKind.CRASHED:
            describing.suspected()
        self._die(EngineDied(cause.kind, cause.message, cause.hint, self._log.tail, process.exit_code))
