"""Which model answers: finding one for a chat, choosing another, loading it again with another context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import HeftError, NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, local_ref
from desktop.services.engine.supervisor import EngineService
from desktop.store.chats import Chat, ChatStore
from desktop.store.options import LAST_MODEL
from desktop.store.settings import SettingsStore
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.services.models.library import LibraryService
    from desktop.services.planning.service import PlanningService
    from desktop.store.library import LibraryModel

SMALLEST_CONTEXT = 512


class ModelChooser(QObject):
    """Asks library and engine off the GUI thread; signals come on it.

    The library is asked for when it is first needed, so that the window's first paint does not wait for it.
    """

    found = Signal(object)  # list of LibraryModel
    failed = Signal(object)  # HeftError

    def __init__(
        self,
        chats: ChatStore,
        engine: EngineService,
        library: Callable[[], LibraryService],
        planning: Callable[[], PlanningService],
        settings: SettingsStore,
        tasks: Tasks,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._chats = chats
        self._engine = engine
        self._library = library
        self._planning = planning
        self._settings = settings
        self._tasks = tasks
        self._scanning = False

    def scan(self) -> None:
        """Look for models; ``found`` tells them. A scan under way is enough."""
        if self._scanning:
            return
        self._scanning = True

        def done(models: list[LibraryModel]) -> None:
            self._scanning = False
            self.found.emit(models)

        def failed(error: HeftError) -> None:
            self._scanning = False
            self.failed.emit(error)

        def work(context: TaskContext) -> list[LibraryModel]:
            return self._library().scan(cancelled=lambda: context.cancelled)

        self._tasks.run(work, done=done, failed=failed, lane=Lane.JOB, owner=self)

    def open_file(self, path: Path, context_length: int = 0) -> None:
        """Load a model file in place of the present model (tokens; 0: what is remembered of it, or Heft's choice)."""
        self._tasks.run(
            lambda context: self._library().resolve(str(path)),
            done=lambda model: self.load(model, context_length),
            failed=self.failed.emit,
            lane=Lane.COMMAND,
            owner=self,
        )

    def load(self, model: LibraryModel, context_length: int = 0) -> None:
        """Load a model of the library in place of the present one."""
        self._plan_and_load(_ref(model), LoadSettings(context=context_length or None))

    def load_plan(self, plan: LoadPlan) -> None:
        """Load a model just as it was weighed."""
        self._start(lambda: plan)

    def load_again(self, context_length: int | None = None, then: Callable[[], None] | None = None) -> None:
        """The last model again, with another context length when one is given; ``then`` once it is asked for."""
        last = self._engine.last_plan
        if last is None:
            return
        if context_length is None:
            self._start(lambda: last, then)
        else:
            self._plan_and_load(last.ref, replace(last.asked, context=context_length or None), then)

    def smaller_context(self) -> int | None:
        """Half the context of the last load (tokens), None when it cannot be smaller."""
        last = self._engine.last_plan
        half = last.context // 2 if last is not None else 0
        return half if half >= SMALLEST_CONTEXT else None

    def larger_context(self) -> int | None:
        """Twice the loaded context, at most what the model was trained for; None when there is no more."""
        loaded = self._engine.state.loaded
        if loaded is None:
            return None
        larger = min(2 * loaded.context_length, loaded.trained_context_length)
        return larger if larger > loaded.context_length else None

    def cancel(self) -> None:
        """Stop loading."""
        self._tasks.run(lambda context: self._engine.cancel(), failed=self.failed.emit, lane=Lane.COMMAND, owner=self)

    def ensure(self, chat: Chat) -> None:
        """On a worker thread: see that a model answers this chat, and note which. Raises HeftError when none is there.

        What is loaded, or was asked for last, answers; else the model the chat was held with, the one of the last
        time, and the starter model, in this order.
        """
        state = self._engine.state
        active = state.phase in ("loading", "ready", "generating")
        if not active and self._engine.last_plan is None:
            asked = LoadSettings(context=chat.context_length or None)
            self._engine.load(self._planning().for_load(_ref(self._first(chat)), asked))
        last = self._engine.last_plan
        if last is not None:
            self._chats.update(chat.id, model=last.ref.name, model_path=str(last.path))

    def _first(self, chat: Chat) -> LibraryModel:
        for wanted in (chat.model_path, self._settings.get(LAST_MODEL), "starter"):
            if not wanted:
                continue
            try:
                return self._library().resolve(wanted)
            except NotFoundError:
                continue
        raise NotFoundError("There is no model to answer.", "Open a model file (Ctrl+O).", kind=FailureKind.NO_MODEL)

    def _plan_and_load(self, ref: ModelRef, asked: LoadSettings, then: Callable[[], None] | None = None) -> None:
        self._start(lambda: self._planning().for_load(ref, asked), then)

    def _start(self, plan: Callable[[], LoadPlan], then: Callable[[], None] | None = None) -> None:
        self._tasks.run(
            lambda context: self._engine.load(plan()),
            done=lambda _: then() if then is not None else None,
            failed=self.failed.emit,
            lane=Lane.COMMAND,
            owner=self,
        )


def _ref(model: LibraryModel) -> ModelRef:
    return local_ref(model.path, model.name, model.files)
