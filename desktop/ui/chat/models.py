"""Which model answers: finding one for a chat, choosing another, loading it again with another context."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.context_length import engine_context
from desktop.core.endpoint_model import PREFIX
from desktop.core.errors import HeftError, NotFoundError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.core.pools import NO_DEVICES
from desktop.core.words import tr
from desktop.services.engine.supervisor import EngineService
from desktop.store.chats import Chat, ChatStore
from desktop.store.options import LAST_MODEL
from desktop.store.settings import SettingsStore
from desktop.ui.shell.actions import OPEN_FILE
from desktop.ui.shell.keys import shown_keys
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.services.endpoints.service import EndpointService, Tested
    from desktop.services.models.library import LibraryService
    from desktop.services.planning.service import PlanningService
    from desktop.store.library import LibraryModel
    from desktop.ui.chat.empty import EmptyChat
    from desktop.ui.chat.model_menu import ModelMenu

SMALLEST_CONTEXT = 512
CHOICE_SECONDS = 60.0  # a question waits no longer until the model that was chosen before it is planned


class ModelChooser(QObject):
    """Asks library and engine off the GUI thread; signals come on it.

    The library is asked for when it is first needed, so that the window's first paint does not wait for it. A model is
    planned before it is loaded, and that may take a while: of several choices the last one counts, and a question that
    was asked after a choice waits for it.
    """

    found = Signal(object)  # list of LibraryModel
    servers_found = Signal(object)  # tuple of Tested: the other servers, asked or about to be
    failed = Signal(object)  # HeftError

    def __init__(
        self,
        chats: ChatStore,
        engine: EngineService,
        library: Callable[[], LibraryService],
        planning: Callable[[], PlanningService],
        endpoints: Callable[[], EndpointService],
        settings: SettingsStore,
        tasks: Tasks,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._chats = chats
        self._engine = engine
        self._library = library
        self._planning = planning
        self._endpoints = endpoints
        self._settings = settings
        self._tasks = tasks
        self._scanning = self._asking = False
        self._wanted: ModelRef | None = None  # the model that was asked for last, whether it could be planned or not
        self._choices = self._settled = 0  # the number of the last choice, and of the last one that was planned
        self._changed = threading.Condition()

    def connect_menu(self, menu: ModelMenu, empty: EmptyChat) -> None:
        """Fill a menu, and load what is chosen there, or in an empty chat."""
        empty.starter_asked.connect(self.load_starter)
        self.found.connect(menu.set_models)
        self.servers_found.connect(menu.set_servers)
        menu.list_asked.connect(self.scan)
        menu.list_asked.connect(self.ask_servers)
        menu.model_chosen.connect(self.load)
        menu.elsewhere_chosen.connect(self.load_elsewhere)
        menu.cancel_asked.connect(self.cancel)

    def ask_servers(self) -> None:
        """Ask the other servers what they offer; ``servers_found`` tells it. Once at a time is enough."""
        if self._asking:
            return
        self._asking = True

        def ended(found: tuple[Tested, ...]) -> None:
            self._asking = False
            self.servers_found.emit(found)

        def failed(error: HeftError) -> None:
            self._asking = False
            self.failed.emit(error)

        self._tasks.run(
            lambda context: self._endpoints().look(lambda: context.cancelled),
            done=ended,
            failed=failed,
            lane=Lane.NETWORK,
            owner=self,
        )

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
            library = self._library()
            return [*library.scan(cancelled=lambda: context.cancelled), *library.used_elsewhere()]

        self._tasks.run(work, done=done, failed=failed, lane=Lane.JOB, owner=self)

    def open_file(self, path: Path) -> None:
        """Load a model file in place of the present model."""
        self._start(lambda: self._planned(self._library().resolve(str(path)).ref))

    def load(self, model: LibraryModel) -> None:
        """Load a model of the library in place of the present one, as it was set up."""
        self._start(lambda: self._planned(model.ref))

    def load_starter(self) -> None:
        """Load the model that Heft brings."""
        self._start(lambda: self._planned(self._ref("starter")))

    def load_elsewhere(self, identity: str) -> None:
        """Let a model of another server answer."""
        self._start(lambda: self._planned(self._ref(identity)))

    def _ref(self, name: str) -> ModelRef:
        """The model of a path, of a name, or of another server. Raises HeftError."""
        if name.startswith(PREFIX):
            return self._endpoints().ref(name)
        return self._library().resolve(name).ref

    def load_for(self, chat: Chat) -> None:
        """Load the model that a chat was held with."""

        def planned() -> LoadPlan:
            ref = self._ref(chat.model_path)
            self._take_over_context(chat, ref)
            return self._planned(ref)

        self._start(planned)

    def load_plan(self, plan: LoadPlan) -> None:
        """Load a model just as it was weighed; what is free on a graphics card now is asked anew."""
        self._start(lambda: self._planned(plan.ref, plan.asked) if plan.gpu_layers else plan)

    def load_on_processor(self) -> None:
        """The model that was asked for last, this time on the processor alone."""
        last = self._engine.last_plan
        ref = self._wanted or (last.ref if last is not None else None)
        if ref is not None:
            alone = LoadSettings(gpu_layers=0, devices=NO_DEVICES)
            self._start(lambda: self._planned(ref, alone))

    def _planned(self, ref: ModelRef, asked: LoadSettings | None = None) -> LoadPlan:
        self._wanted = ref
        return self._planning().for_load(ref, asked)

    def load_again(self, context: int | None = None, then: Callable[[], None] | None = None) -> None:
        """The last model again, as it is set up now; ``then`` once it is asked for.

        Another ``context`` (tokens) is what it is set up with from now on.
        """
        last = self._engine.last_plan
        if last is None:
            return
        ref, asked = last.ref, LoadSettings(context=context)

        def planned() -> LoadPlan:
            planning = self._planning()
            if context is not None:
                with suppress(StoreError):  # it is loaded so all the same
                    planning.remember(ref, asked.over(planning.settings_of(ref)))
            return self._planned(ref, asked)

        self._start(planned, then)

    def smaller_context(self) -> int | None:
        """Half the context of the last load (tokens), None when it cannot be smaller."""
        last = self._engine.last_plan
        half = last.context // 2 if last is not None else 0
        return engine_context(half) if half >= SMALLEST_CONTEXT else None

    def cancel(self) -> None:
        """Stop loading, also what is only being planned."""
        self._choices += 1
        self._settle(self._choices)
        self._tasks.run(lambda context: self._engine.cancel(), failed=self.failed.emit, lane=Lane.COMMAND, owner=self)

    def ensure(self, chat: Chat) -> None:
        """On a worker thread: see that a model answers this chat, and note which. Raises HeftError when none is there.

        What is loaded answers, or what was asked for last if it is still there; else the model the chat was held with,
        the one of the last time, and the starter model, in this order.
        """
        with self._changed:
            chosen = self._choices
            self._changed.wait_for(lambda: self._settled >= chosen, CHOICE_SECONDS)
        state = self._engine.state
        active = state.phase in ("loading", "ready", "generating")
        last = self._engine.last_plan
        if not active and (last is None or _gone(last)):
            ref = self._first(chat)
            if str(ref.path) == chat.model_path:
                self._take_over_context(chat, ref)
            self._engine.load(self._planned(ref))
        last = self._engine.last_plan
        if last is not None:
            self._chats.update(chat.id, model=last.ref.name, model_path=last.where)

    def _first(self, chat: Chat) -> ModelRef:
        for wanted in (chat.model_path, self._settings.get(LAST_MODEL), "starter"):
            if not wanted:
                continue
            try:
                return self._ref(wanted)
            except NotFoundError:
                continue
        what_to_do = tr("Open a model file ({open_file}).", open_file=shown_keys(OPEN_FILE))
        raise NotFoundError(tr("There is no model to answer."), what_to_do, kind=FailureKind.NO_MODEL)

    def _take_over_context(self, chat: Chat, ref: ModelRef) -> None:
        """Chats of earlier versions had a context of their own; it is the model's now, unless that was set up."""
        if not chat.context_length:
            return
        planning = self._planning()
        with suppress(StoreError):
            if planning.settings_of(ref).unset:
                planning.remember(ref, LoadSettings(context=chat.context_length))
            self._chats.update(chat.id, context_length=0)

    def _start(self, plan: Callable[[], LoadPlan], then: Callable[[], None] | None = None) -> None:
        self._choices += 1
        number = self._choices

        def work(context: TaskContext) -> None:
            try:
                planned = plan()
                if number == self._choices:  # else another was chosen meanwhile
                    self._engine.load(planned)
            finally:
                self._settle(number)

        self._tasks.run(
            work,
            done=lambda _: then() if then is not None else None,
            failed=self.failed.emit,
            lane=Lane.COMMAND,
            owner=self,
        )

    def _settle(self, number: int) -> None:
        with self._changed:
            self._settled = max(self._settled, number)
            self._changed.notify_all()


def _gone(plan: LoadPlan) -> bool:
    return plan.ref.elsewhere is None and not plan.path.exists()
