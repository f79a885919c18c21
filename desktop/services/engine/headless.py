"""The engine for callers that wait: the command line and the benches."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from desktop.core.errors import EngineError, HeftError
from desktop.core.load_plan import LoadPlan
from desktop.engine.api import (
    Benchmark,
    Benchmarked,
    EngineDied,
    Failed,
    Finished,
    Generate,
    Loaded,
    PromptProgress,
    Text,
)
from desktop.services.engine.supervisor import AnswerEvent, EngineService, EngineState


class HeadlessEngine:
    """Blocking calls over an :class:`EngineService`; Ctrl+C cancels what runs and keeps its text."""

    def __init__(self, engine: EngineService) -> None:
        self._engine = engine

    @property
    def pid(self) -> int:
        """The engine's process, 0 when there is none."""
        return self._engine.state.pid or 0

    def load(self, plan: LoadPlan, on_progress: Callable[[float], None] = lambda _: None) -> Loaded:
        """Load and wait; raises HeftError with the cause when the engine refuses or dies."""
        states: queue.SimpleQueue[EngineState] = queue.SimpleQueue()
        unsubscribe = self._engine.subscribe(states.put)
        try:
            self._engine.load(plan)
            while True:
                state = states.get()
                if state.phase == "ready" and state.loaded is not None and state.plan is plan:
                    return state.loaded
                if state.failure is not None:
                    raise state.failure
                if state.died is not None:
                    raise death_error(state.died)
                on_progress(state.progress)
        except KeyboardInterrupt:
            self._engine.cancel()
            raise
        finally:
            unsubscribe()

    def answer(
        self,
        request: Generate,
        on_text: Callable[[str], None],
        on_prompt: Callable[[float], None] = lambda _: None,
    ) -> Finished:
        """Generate and wait; ``on_text`` hears each batch, ``on_prompt`` the fraction of the prompt read."""
        events: queue.SimpleQueue[AnswerEvent] = queue.SimpleQueue()
        with self._interruptible():
            self._engine.generate(request, events.put)
            while True:
                match events.get():
                    case Text(text=text):
                        on_text(text)
                    case PromptProgress(done=done, total=total):
                        on_prompt(done / max(1, total))
                    case Finished() as finished:
                        return finished
                    case event:
                        _raise_failure(event)

    def benchmark(self, request: Benchmark) -> Benchmarked:
        """Run a benchmark and wait."""
        events: queue.SimpleQueue[AnswerEvent] = queue.SimpleQueue()
        with self._interruptible():
            self._engine.benchmark(request, events.put)
            while True:
                event = events.get()
                if isinstance(event, Benchmarked):
                    return event
                _raise_failure(event)

    def _interruptible(self) -> AbstractContextManager[None]:
        """Ctrl+C asks the engine to end the answer properly, so text and figures so far are kept; twice, it raises."""
        return interruptible(self._engine.cancel)


@contextmanager
def interruptible(cancel: Callable[[], None]) -> Iterator[None]:
    """Within it Ctrl+C calls ``cancel`` once; the next one raises KeyboardInterrupt. For the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_interrupt(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        cancel()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def death_error(died: EngineDied) -> HeftError:
    """The engine's death as an exception; the log's tail is its detail."""
    return EngineError(died.message, died.hint, detail=died.log_tail, kind=died.kind)


def _raise_failure(event: AnswerEvent) -> None:
    """Raises what a refusal or the engine's death is to the caller; any other event passes."""
    if isinstance(event, Failed):
        raise event.error()
    if isinstance(event, EngineDied):
        raise death_error(event)
