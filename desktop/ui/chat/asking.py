"""How the chat's model is asked: read when one is loaded, kept when it is changed; off the GUI thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.answer_settings import AnswerSettings
from desktop.core.errors import HeftError
from desktop.core.model_ref import ModelRef
from desktop.engine.api import Loaded
from desktop.services.engine.supervisor import EngineState
from desktop.ui.shell.tasks import Lane, Task, Tasks

if TYPE_CHECKING:
    from desktop.services.models.answer_settings import AnswerSettingsService, Asking

_KEEP_SECONDS = 5.0  # a disk that hangs holds up no question for longer


class AskingKeeper(QObject):
    """Follows the engine; tells what is set for its model, and what can be. Signals come on the GUI thread."""

    told = Signal(object)  # Asking of the loaded model; None without one
    failed = Signal(object)  # HeftError

    def __init__(self, answers: Callable[[], AnswerSettingsService], tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._answers, self._tasks = answers, tasks
        self._loaded: Loaded | None = None
        self._ref: ModelRef | None = None
        self._asking: Asking | None = None
        self._looking: Task | None = None
        self._wanted: list[tuple[ModelRef, AnswerSettings]] = []  # still to be kept
        self._kept = threading.Event()
        self._kept.set()

    @property
    def own_template(self) -> bool:
        """Whether a template of the user's stands in for the loaded model's."""
        return self._asking is not None and self._asking.settings.template is not None

    @property
    def ref(self) -> ModelRef | None:
        """The loaded model."""
        return self._ref

    def show_state(self, state: EngineState) -> None:
        """Follow the engine."""
        if state.loaded is self._loaded or state.phase == "asleep":
            return  # what is chosen counts for the next question, which wakes it
        self._loaded = state.loaded
        self._ref = state.plan.ref if state.loaded is not None and state.plan is not None else None
        self._tell(None)
        self.look_again()

    def look_again(self) -> None:
        """It may have been set otherwise on another page or by a command. Not in the middle of a change."""
        ref, loaded = self._ref, self._loaded
        if ref is None or loaded is None or not self._kept.is_set():
            return

        def told(asking: Asking) -> None:
            if loaded is self._loaded and self._kept.is_set():
                self._tell(_as_loaded(asking, loaded))

        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._tasks.run(
            lambda context: self._answers().asking(ref), done=told, failed=self.failed.emit, lane=Lane.JOB, owner=self
        )

    def keep(self, settings: AnswerSettings) -> None:
        """Ask the loaded model so from now on; shown at once, and taken back where it cannot be kept."""
        if self._ref is None or self._asking is None:
            return
        self._tell(replace(self._asking, settings=settings))
        self._wanted.append((self._ref, settings))
        if self._kept.is_set():
            self._kept.clear()
            self._keep_next()

    def wait_kept(self) -> None:
        """On a worker thread, before a question goes out: it is asked as was chosen before it."""
        self._kept.wait(_KEEP_SECONDS)

    def _keep_next(self) -> None:
        """One after the other: the last choice counts."""
        if not self._wanted:
            self._kept.set()
            self.look_again()  # what is set in fact, also where it could not be kept
            return
        ref, settings = self._wanted.pop(0)

        def failed(error: HeftError) -> None:
            self._keep_next()
            self.failed.emit(error)

        self._tasks.run(
            lambda context: self._answers().remember(ref, settings),
            done=lambda _: self._keep_next(),
            failed=failed,
            lane=Lane.COMMAND,
            owner=self,
        )

    def _tell(self, asking: Asking | None) -> None:
        self._asking = asking
        self.told.emit(asking)


def _as_loaded(asking: Asking, loaded: Loaded) -> Asking:
    """What the engine says of its own template goes before what was read from the file."""
    if asking.settings.template is not None or not (loaded.thinking or loaded.efforts):
        return asking
    return replace(asking, thinking=loaded.thinking, efforts=loaded.efforts)
