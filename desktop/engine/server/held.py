"""A model that a server holds, and the way there: template tried, server started, its progress told, its log read."""

from __future__ import annotations

import os
import queue
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil

from desktop.core.deadline import Deadline
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.memory.packing import AMX
from desktop.core.words import tr
from desktop.engine.api import EngineDied, Event, Hello, Load, Loaded, LoadProgress
from desktop.engine.backends import engine_package, server_libraries
from desktop.engine.cause import Cause
from desktop.engine.device_records import DeviceRefusal
from desktop.engine.endpoint.http import Address, ConnectionLostError, Endpoint, EndpointError
from desktop.engine.further_backends import FOLDER_VARIABLE
from desktop.engine.mapping import model_files
from desktop.engine.server import loading
from desktop.engine.server.core_share import CoreTimes, core_times
from desktop.engine.server.launch import Place, arguments, environment
from desktop.engine.server.loans import Loans
from desktop.engine.server.log import ServerLog
from desktop.engine.server.process import ServerProcess, State
from desktop.engine.server.program import server_program
from desktop.engine.server.questions import Questions
from desktop.engine.server.senses import NO_SENSES, Senses
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template_records import CHATML, Trial, arrives

_OFF_TEMPLATE = "chat template parsing error"  # tools/server/server-context.cpp
_STALL_SECONDS = 120.0  # nothing at all happens for so long: it will not get ready
_LOOK_SECONDS = 0.5
_ASK_SECONDS = 30.0
_LARGE_PARAMETERS = 1_000_000_000  # from here on a whole batch may take long: the first steps are short
_FIRST_STEP = 64  # tokens


@dataclass
class Held:
    """A loaded model: its process, how to ask it, and what it is."""

    load: Load
    loaded: Loaded
    process: ServerProcess
    endpoint: Endpoint
    questions: Questions
    vocabulary: int
    _place: Place
    _log: ServerLog
    loans: Loans = field(default_factory=Loans)

    @property
    def address(self) -> Address:
        """Where the server listens."""
        return self._place.address

    def times(self) -> CoreTimes:
        """For :class:`desktop.engine.server.core_share.CoreShare`."""
        return core_times(self.process.pid)

    def close(self) -> None:
        """End the process and remove its folder."""
        self.loans.close()
        self.process.kill()
        self.process.wait()
        self._place.close()

    def cause_of_death(self) -> Cause:
        """Why the process ended unasked while it held the model."""
        from desktop.engine.logmap import explain_exit  # its patterns would cost the window's start

        return explain_exit(self.process.exit_code, self._log.tail, "working")


class ServerDiedError(EngineError):
    """The server died of a load instead of refusing it; ``died`` is the event that says so."""

    def __init__(self, died: EngineDied) -> None:
        super().__init__(died.message, died.hint, detail=died.log_tail, kind=died.kind)
        self.died = died


class Loading:
    """One load. :meth:`cancel` is called from any thread."""

    def __init__(
        self,
        load: Load,
        *,
        directory: Path,
        log: ServerLog,
        renderer: Renderer,
        mark_key: str,
        hello: Callable[[], Hello | None],
        tell: Callable[[Event | EngineDied], None],
        ended: Callable[[ServerProcess], None],
    ) -> None:
        """``hello`` waits for what the engine is, which few loads need; ``ended`` hears of a process that is gone."""
        self._load, self._directory, self._log, self._renderer = load, directory, log, renderer
        self._mark_key, self._hello, self._tell, self._ended = mark_key, hello, tell, ended
        self._started = time.monotonic()
        self._process: ServerProcess | None = None
        self._cancelled = False
        self._refused: DeviceRefusal | None = None  # the first one's: of what was planned
        self._states: queue.Queue[State | None] = queue.Queue()
        self._shown = -1

    def cancel(self) -> None:
        """Give it up."""
        self._cancelled = True
        if self._process is not None:
            self._process.kill()

    def run(self) -> Held:
        """The loaded model. Raises HeftError with the cause, whatever it is."""
        loading.check(self._load)
        trial = self._renderer.tried(self._load.path, self._load.template)
        error: HeftError = EngineError(tr("The model could not be loaded."), tr("Try another file."))
        for gpu_layers in loading.attempts(self._load):
            try:
                return self._attempt(gpu_layers, trial)
            except HeftError as failed:
                error = failed
                if _OFF_TEMPLATE in self._log.since_mark and not self._cancelled:
                    try:  # llama.cpp's Jinja does not know all of it: Heft renders, the server takes the prompts
                        return self._attempt(gpu_layers, trial, stand_in=True)
                    except HeftError as failed_again:
                        error = failed_again
                if self._cancelled or error.kind != FailureKind.OUT_OF_MEMORY:
                    break
                self._refused = self._refused or loading.device_refusal(self._log.since_mark, gpu_layers)
        raise error

    def _attempt(self, gpu_layers: int, trial: Trial, *, stand_in: bool = False) -> Held:
        place = Place()
        try:
            return self._start(gpu_layers, place, trial, stand_in=stand_in)
        except BaseException:
            place.close()
            raise

    def _start(self, gpu_layers: int, place: Place, trial: Trial, *, stand_in: bool) -> Held:
        template = "" if trial.template and not trial.unusable and not stand_in else CHATML
        if self._load.template and not trial.unusable and not stand_in:
            template = self._load.template
        self._states = queue.Queue()  # what an earlier attempt said last is not of this one
        program = server_program()
        options = arguments(self._load, gpu_layers, place, template=template, packs=self._may_pack(trial))
        self._log.mark()
        try:
            self._process = ServerProcess(
                [program, *options],
                environment(place, self._mark_key, self._backends()),
                self._directory,
                self._log,
                self._states.put,
                self._hear_end,
            )
        except OSError as error:
            raise EngineError(
                tr("The engine could not be started."), tr("Set Heft up again."), detail=str(error),
                kind=FailureKind.NOT_STARTED,
            ) from error  # fmt: skip
        try:
            if self._cancelled:
                self._process.kill()
            self._shown = -1
            self._show(0.0)
            loading.limit_memory(self._process.pid)
            ready = self._await_ready(self._process)
            return self._described(self._process, place, trial, ready, stand_in)
        except (ConnectionLostError, TimeoutError, psutil.Error):  # it hangs, or is gone
            self._process.kill()
            self._process.wait()
            raise self._refusal(self._process) from None
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def _hear_end(self, process: ServerProcess) -> None:
        self._states.put(None)
        self._ended(process)

    def _await_ready(self, process: ServerProcess) -> dict[str, Any]:
        """What the server says of its model when it is ready. Raises HeftError when it ends or hangs before."""
        said, stalled = len(self._log.since_mark), Deadline(_STALL_SECONDS)
        while True:
            try:
                state = self._states.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                now = len(self._log.since_mark)
                if now != said:
                    said, stalled = now, Deadline(_STALL_SECONDS)
                if stalled.over():
                    process.kill()
                    raise EngineError(
                        tr("The engine did not get ready: nothing happened for two minutes."),
                        tr("Load it again; copy the details and try another file if it happens twice."),
                        detail=self._log.tail,
                        kind=FailureKind.TOO_SLOW,
                    ) from None
                continue
            stalled = Deadline(_STALL_SECONDS)
            if state is None:
                raise self._refusal(process)
            if state.state == "ready" and "meta" in state.payload:
                return state.payload
            if state.state == "loading":
                self._show(float(state.payload.get("value") or 0.0))

    def _show(self, fraction: float) -> None:
        if int(fraction * 100) != self._shown:
            self._shown = int(fraction * 100)
            pid = self._process.pid if self._process is not None else 0
            self._tell(LoadProgress(fraction, self._load.request_id, pid))

    def _refusal(self, process: ServerProcess) -> HeftError:
        """Why the process ended: the server refused the model and said so, or it died of it."""
        if process.exit_code == 1 and process.heard:
            return loading.failure(self._log.since_mark)
        from desktop.engine.logmap import explain_exit

        code, log = process.exit_code, self._log.since_mark
        cause = explain_exit(code, log, "loading" if process.heard else "starting")
        return ServerDiedError(EngineDied(cause.kind, cause.message, cause.hint, log, code))

    def _described(
        self, process: ServerProcess, place: Place, trial: Trial, ready: dict[str, Any], stand_in: bool
    ) -> Held:
        log = self._log.since_mark
        self._log.loaded()
        if loading.unused_pages(log):
            for model in filter(None, (self._load.path, self._load.draft)):
                for file in model_files(Path(model)):
                    process.send(f"release {os.path.realpath(file)}")
        endpoint = Endpoint(place.address)
        seconds = time.monotonic() - self._started
        loaded = loading.loaded(self._load, log, ready, process.pid, seconds, _whose(trial), self._refused)
        if loaded.parameters >= _LARGE_PARAMETERS:
            process.send(f"step {min(_FIRST_STEP, self._load.batch)}")
        vocabulary = int((ready.get("meta") or {}).get("n_vocab", 0))
        loading.limit_growth(process.pid, self._load, vocabulary)
        used = {"model": trial.template, "chatml": CHATML, "none": ""}[loaded.template]
        adds_bos = _has_words(log) and _adds_bos(endpoint)
        prompts = _Prompts(endpoint)
        renders = not stand_in and (not trial.talk or prompts.right(trial))
        senses = Senses.of(endpoint.get("/props", deadline_seconds=_ASK_SECONDS)) if self._load.projector else NO_SENSES
        renderer = prompts if renders else None
        questions = Questions(self._renderer, trial, used, self._mark_key, adds_bos, renderer, senses)
        thinking = trial.thinking
        loaded = msgspec.structs.replace(
            loaded,
            thinking=bool(thinking.switch),
            efforts=thinking.efforts,
            media=senses.media,
            tools=questions.knows_tools,
        )
        return Held(self._load, loaded, process, endpoint, questions, vocabulary, place, self._log)

    def _may_pack(self, trial: Trial) -> bool:
        """False for a model that this engine on this CPU cannot run packed (desktop/engine/matrix_tiles.py)."""
        if not trial.latent_keys:
            return True
        hello = self._hello()
        return hello is None or AMX not in hello.features

    def _backends(self) -> list[Path]:
        folder = os.environ.get(FOLDER_VARIABLE, "")
        if not folder:
            return []
        hello = self._hello()  # the first one tries what has no verdict yet
        return server_libraries(engine_package(), hello.cpu_variant if hello is not None else "")


def _has_words(log: str) -> bool:
    """Whether the model has a vocabulary: llama.cpp aborts when it is asked to tokenize without one."""
    return re.search(r"print_info: vocab type += no vocab", log) is None


class _Prompts:
    """The server's own rendering of a chat."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def __call__(self, body: dict[str, Any]) -> str:
        """Raises EndpointError, ConnectionLostError, TimeoutError."""
        return str(self._endpoint.post("/apply-template", body, deadline_seconds=_ASK_SECONDS).get("prompt", ""))

    def right(self, trial: Trial) -> bool:
        """Whether it makes of the trial's conversation what it should: llama.cpp's Jinja is not all of Jinja."""
        try:
            return arrives(self({"messages": trial.talk}))
        except EndpointError:
            return False


def _adds_bos(endpoint: Endpoint) -> bool:
    asked = {"content": "", "add_special": True}
    return bool(endpoint.post("/tokenize", asked, deadline_seconds=_ASK_SECONDS).get("tokens"))


def _whose(trial: Trial) -> Any:
    if trial.template and not trial.unusable:
        return "model"
    return "chatml" if trial.unusable or trial.chatml else "none"
