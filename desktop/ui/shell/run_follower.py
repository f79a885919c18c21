"""Follows engine and chat on the GUI thread; loads and answers go into the ledger in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.load_plan import LoadPlan
from desktop.engine.api import Loaded
from desktop.services.engine.supervisor import EngineState
from desktop.ui.shell.tasks import Lane, Tasks

if TYPE_CHECKING:
    from desktop.services.planning.recording import RunRecorder


class RunFollower(QObject):
    """Told of states and answers; tells what speed to expect of a model that was loaded."""

    predicted = Signal(object)  # desktop.core.speed.Speeds of the model just loaded, or None

    def __init__(
        self,
        tasks: Tasks,
        recorder: Callable[[], RunRecorder],
        parent: QObject | None = None,
    ) -> None:
        """``recorder`` is asked for at the first load, so that a start without one does not pay for it."""
        super().__init__(parent)
        self._tasks, self._recorder = tasks, recorder
        self._loaded: Loaded | None = None
        self._phase = ""

    def follow(self, state: EngineState) -> None:
        """One more state of the engine, in order."""
        loaded, self._loaded = self._loaded, state.loaded
        began = state.phase == "generating" and self._phase != "generating"
        self._phase = state.phase
        if state.loaded is not None and state.loaded is not loaded and state.plan is not None:
            self._record_load(state.loaded, state.plan)
        if began and state.pid is not None:
            self._recorder().began(state.pid)

    def answered(self, figures: Mapping[str, float]) -> None:
        """An answer ended with these figures; nothing was measured when there are none."""
        if "generated_tokens" in figures:
            recorder = self._recorder()
            self._tasks.run(lambda context: recorder.answered(figures), lane=Lane.JOB, owner=self)

    def _record_load(self, loaded: Loaded, plan: LoadPlan) -> None:
        self._tasks.run(
            lambda context: self._recorder().loaded(loaded, plan), done=self.predicted.emit, lane=Lane.JOB, owner=self
        )
