"""What the server does, read off the GUI thread and told on it; nothing is read while nobody looks and nothing runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.services.serve.api import ModelState, RequestRecord
from desktop.services.serve.estimates import with_plan
from desktop.services.serve.service import ServeService, ServeState
from desktop.services.serve.state_words import serving_words
from desktop.services.serve.status import clients
from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.tasks import Lane, Task, Tasks

_AGE_MS = 5000  # how old a request is, is told anew


@dataclass(frozen=True)
class ServeView:
    """The server at one moment. ``models`` None: they were not asked for. ``now`` is seconds since 1970."""

    state: ServeState
    models: tuple[ModelState, ...] | None
    requests: tuple[RequestRecord, ...]
    now: float


class ServeWatch(QObject):
    """Follows one service for page and status bar."""

    seen = Signal(object)  # ServeView
    state_changed = Signal(object)  # ServeState, before models and requests are read
    failed = Signal(object)  # HeftError: the models could not be looked through

    def __init__(self, service: ServeService, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._service, self._tasks = service, tasks
        self._with_models = False
        self._reading: Task | None = None
        self._planning: Task | None = None
        self._plans: dict[str, LoadPlan] = {}
        self._tried: set[str] = set()
        self._view: ServeView | None = None  # the newest one with models
        self._again = False
        self._told = ""  # the failure that was told last
        self._state = service.state
        self._age = QTimer(self)
        self._age.setInterval(_AGE_MS)
        self._age.timeout.connect(self.look)
        self._bridge = Bridge(service.subscribe, _newest)
        self._bridge.received.connect(self._hear)
        self._keep_time()

    def show_models(self, wanted: bool) -> None:
        """Whether somebody sees the models, so that they have to be looked through."""
        self._with_models = wanted
        if self._planning is not None:
            self._planning.cancel()
            self._planning = None
        if wanted:
            self._plans, self._tried = {}, set()  # memory was taken or freed meanwhile
            self.look()

    def look(self) -> None:
        """Read it all again, once however often it is asked for."""
        if self._reading is not None:
            self._again = True
            return
        with_models = self._with_models
        self._reading = self._tasks.run(
            lambda context: self._read(with_models), done=self._show, failed=self._not_read, lane=Lane.JOB, owner=self
        )

    def close(self) -> None:
        """Hear nothing more."""
        self._age.stop()
        self._bridge.close()

    def _read(self, with_models: bool) -> ServeView:
        service = self._service
        if with_models:
            service.look_elsewhere()
        models = service.models() if with_models else None
        return ServeView(service.state, models, service.requests(), time.time())

    def _show(self, view: ServeView) -> None:
        self._reading = None
        self._told = ""
        if view.models is not None:
            self._view = view
            self._plan(view.models)
        self._tell(view)
        self._go_on()

    def _tell(self, view: ServeView) -> None:
        if view.models is not None:
            planned = tuple(with_plan(found, self._plans.get(found.model.name)) for found in view.models)
            view = replace(view, models=planned)
        self.seen.emit(view)

    def _plan(self, models: tuple[ModelState, ...]) -> None:
        """Plan those that are not loaded and were not planned since the page came into view."""
        wanted = [found.model for found in models if found.plan is None and found.model.name not in self._tried]
        if not wanted or self._planning is not None or not self._with_models:
            return
        self._tried.update(model.name for model in wanted)
        self._planning = self._tasks.run(
            lambda context: self._service.estimate(wanted, lambda: context.cancelled),
            done=self._planned, failed=lambda _: self._planned({}), lane=Lane.JOB, owner=self,
        )  # fmt: skip

    def _planned(self, plans: dict[str, LoadPlan]) -> None:
        self._planning = None
        self._plans.update(plans)
        if plans and self._view is not None:
            self._tell(self._view)

    def _not_read(self, error: HeftError) -> None:
        self._reading = None
        if error.message != self._told:  # it is looked again soon, and the same would be told all the time
            self._told = error.message
            self.failed.emit(error)
        self._go_on()

    def _go_on(self) -> None:
        if self._again:
            self._again = False
            self.look()

    def _hear(self, state: ServeState) -> None:
        if state is not self._state:
            self._state = state
            self._keep_time()
            self.state_changed.emit(state)
        self.look()

    def _keep_time(self) -> None:
        if self._state.phase == "on":
            self._age.start()
        else:
            self._age.stop()


def status_words(view: ServeView) -> str:
    """What the status bar says; "" while nothing is served."""
    return serving_words(clients(view.requests, view.now)) if view.state.phase == "on" else ""


def _newest(older: ServeState, newer: ServeState) -> ServeState:
    return newer
