"""Follows engine and chat on the GUI thread; loads and answers go into the ledger in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.engine.worker.protocol import Load, Loaded
from desktop.services.engine.supervisor import EngineState
from desktop.ui.shell.tasks import Lane, Tasks

if TYPE_CHECKING:
    from desktop.services.planning.recording import RunRecorder


class RunFollower(QObject):
    """Told of states and answers; tells what speed to expect of a model that was loaded."""

    predicted = Signal(object)  # desktop.core.speed.Prediction of the model just loaded, or None

    def __init__(
        self,
        tasks: Tasks,
        recorder: Callable[[], RunRecorder],
        last_load: Callable[[], tuple[Load, str] | None],
        parent: QObject | None = None,
    ) -> None:
        """``recorder`` is asked for at the first load, so that a start without one does not pay for it."""
        super().__init__(parent)
        self._tasks, self._recorder, self._last_load = tasks, recorder, last_load
        self._loaded: Loaded | None = None
        self._phase = ""

    def follow(self, state: EngineState) -> None:
        """One more state of the engine, in order."""
        loaded, self._loaded = self._loaded, state.loaded
        began = state.phase == "generating" and self._phase != "generating"
        self._phase = state.phase
        if state.loaded is not None and state.loaded is not loaded:
            self._record_load(state.loaded, state.model_name)
        if began and state.pid is not None:
            self._recorder().began(state.pid)

    def answered(self, figures: Mapping[str, float]) -> None:
        """An answer ended with these figures; nothing was measured when there are none."""
        if figures:
            recorder = self._recorder()
            self._tasks.run(lambda context: recorder.answered(figures), lane=Lane.JOB, owner=self)

    def _record_load(self, loaded: Loaded, name: str) -> None:
        recorder, last = self._recorder(), self._last_load()
        kv_type = last[0].kv_type if last is not None else "f16"
        self._tasks.run(
            lambda context: recorder.loaded(loaded, name, kv_type), done=self.predicted.emit, lane=Lane.JOB, owner=self
        )
