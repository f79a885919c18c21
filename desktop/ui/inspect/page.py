"""The page Inspect: what is inside a model file, on this computer or still on the Hub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError, UsageError
from desktop.core.hub_address import is_on_hub
from desktop.core.progress import Progress
from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected, InspectionService
from desktop.store.options import RECENT_INSPECTED
from desktop.store.settings import SettingsStore
from desktop.ui.inspect import actions
from desktop.ui.inspect.compare import CompareTab
from desktop.ui.inspect.compared import Compared
from desktop.ui.inspect.convert_card import connect_convert
from desktop.ui.inspect.empty import EmptyInspector
from desktop.ui.inspect.head import InspectHead
from desktop.ui.inspect.layers import LayersTab
from desktop.ui.inspect.notice import ReadFailure, ReadingLine
from desktop.ui.inspect.sources import MOST_RECENT
from desktop.ui.inspect.state import InspectState, Opened
from desktop.ui.inspect.tab import InspectTab, TabEntry, Tone
from desktop.ui.inspect.tabs import InspectTabs
from desktop.ui.inspect.template_calls import connect_template
from desktop.ui.inspect.tensors import TensorsTab
from desktop.ui.inspect.trial import Trial
from desktop.ui.shared.keyboard import has_keyboard
from desktop.ui.shared.reflow import CurrentStack
from desktop.ui.shared.search_field import focus_search
from desktop.ui.shared.signals import calling
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.services.engine.supervisor import EngineState
    from desktop.services.models.library import LibraryModel, LibraryService

T = TypeVar("T")

QUIET_MS = 300  # reading that takes less shows no progress, so that local files do not flicker
_EMPTY, _TABS, _SUMMARY = range(3)


class InspectPage(Page):
    """Opens one model at a time; the former one stays until the new one is read."""

    run_requested = Signal(object)  # Path of a GGUF file

    def __init__(
        self,
        service: InspectionService,
        library: LibraryService,
        settings: SettingsStore,
        engine_state: Callable[[], EngineState],
        tasks: Tasks,
        theme: Theme,
        *,
        tabs: Sequence[TabEntry] = (),
        panel: Callable[[], QWidget] | None = None,
        summary: Callable[[], InspectTab] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """``tabs`` follow Layers and Tensors; ``panel`` makes the widget beside them (a TensorPanel).

        ``summary`` makes what is shown instead of the tabs for files that are no GGUF.
        """
        super().__init__(parent, actions.INSPECT_ACTIONS)
        self.setObjectName("inspectPage")
        self._service = service
        self._library = library
        self._settings = settings
        self._engine_state = engine_state
        self._tasks = tasks
        self._make_summary = summary
        self._summary: InspectTab | None = None
        self._reading: Task | None = None
        self._last: Callable[[], None] = lambda: None
        self._recent: tuple[str, ...] = ()
        self._state = InspectState(self)
        self._trial = Trial(tasks, service, self, self._refused)
        self._connect_actions()
        self._head = InspectHead(self.commands)
        self._line = ReadingLine()
        self._failure = ReadFailure(theme)
        self._empty = EmptyInspector()
        own = (
            TabEntry("layers", tr("Layers"), lambda: LayersTab(theme, self._state)),
            TabEntry("tensors", tr("Tensors"), lambda: TensorsTab(theme, tasks, self._state), _tensor_count),
        )
        compare = TabEntry("compare", tr("Compare"), lambda: CompareTab(theme, self._state), shown_for=lambda _: False)
        self._tabs = InspectTabs(theme, (*own, *tabs, compare), self._state, panel)
        connect_template(self.commands, self._tabs)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(QUIET_MS)
        self._quiet.timeout.connect(self._line.show)
        self._build()
        self._connect()

    @property
    def inspected(self) -> Inspected | None:
        """The model that is shown."""
        return self._state.opened.inspected if self._state.opened else None

    @property
    def busy(self) -> bool:
        """Whether a file is being read."""
        return self._reading is not None

    def shown(self) -> None:
        """Offer what is loaded now."""
        file = self._engine_state().loaded_file
        self._empty.set_loaded(str(file or ""), file.name if file is not None else "")
        if not self._recent:
            self._tasks.run(
                lambda context: self._settings.get(RECENT_INSPECTED), done=self._took_recent, lane=Lane.JOB, owner=self
            )

    def open(self, source: str, place: str = "") -> None:
        """Read a path, a folder, an ``hf:`` address or a library name, and show it.

        ``place`` is brought into view then, as of :meth:`go_to`.
        """

        def work(context: TaskContext) -> Opened:
            inspected = self._open(source, context)
            try:
                opened = Opened.of(inspected)
                self._remember(source)
            except BaseException:
                inspected.close()
                raise
            return opened

        def done(opened: Opened) -> None:
            self._show(opened)
            self._trial.begin(opened)
            if place and opened.inspected.files:
                self.go_to(place)

        self._read(work, done, lambda: self.open(source, place), source)

    def compare(self, source: str) -> None:
        """Read another model and show it beside the present one."""
        first = self.inspected
        if first is None or not first.files:
            return

        def work(context: TaskContext) -> Compared:
            second = self._open(source, context)
            try:
                if second.models:
                    raise UsageError(
                        tr("{title} holds {models:,} files.", title=second.title, models=len(second.models)),
                        tr("Name one, such as {source}", source=second.models[0].source),
                    )
                if not second.files:
                    raise UsageError(tr("{title} is no GGUF file.", title=second.title), tr("Compare two GGUF files."))
                context.progress(Progress(note=tr("Comparing")))
                return Compared.of(first, second, lambda: context.cancelled)
            finally:
                second.close()

        self._read(work, self._show_comparison, lambda: self.compare(source), source)

    def cancel(self) -> None:
        """Stop reading; what is shown stays."""
        if self._reading is not None:
            self._reading.cancel()
            self._ended()

    def ask_file(self) -> None:
        """Ask for a file to look at."""
        self._head.open_menu.ask_file()

    def go_to(self, place: str) -> None:
        """Bring a place into view: "tensor:NAME", "key:KEY" or "template"."""
        kind, _, name = place.partition(":")
        if kind == "tensor" and self._state.select_name(name):
            self._tabs.go_to("tensors")
        elif kind in ("key", "template"):
            self._tabs.go_to("metadata" if kind == "key" else kind).go_to(place)

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._body = CurrentStack("inspectBody")
        self._body.addWidget(self._empty)
        self._body.addWidget(self._tabs)
        self._line.hide()
        self._failure.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(8)
        column.addWidget(self._head)
        column.addWidget(self._body, 1)
        column.addWidget(self._line)  # these come by themselves: below, they push nothing away from under the mouse
        column.addWidget(self._failure)
        self.setFocusProxy(self._body)

    def _connect(self) -> None:
        self._head.source_chosen.connect(self.open)
        self._head.other_chosen.connect(self.compare)
        self._head.list_asked.connect(self._list_models)
        self._empty.file_asked.connect(self.ask_file)
        self._empty.address_asked.connect(self._head.open_menu.ask_address)
        self._empty.source_chosen.connect(self.open)
        self._line.cancelled.connect(self.cancel)
        self._failure.again_asked.connect(self._again)
        self._failure.dismissed.connect(self._failure.hide)
        self._failure.settings_asked.connect(self.settings_asked)
        self._tabs.notify.connect(self.notify)
        self._tabs.place_asked.connect(self.go_to)

    def _connect_actions(self) -> None:
        for action, call in (
            (actions.OPEN_LOADED, self._open_loaded),
            (actions.OPEN_STARTER, lambda: self.open("starter")),
            (actions.END_COMPARISON, self._end_comparison),
            (actions.CHECK, self._check_everything),
            (actions.EXPORT_CSV, calling(self._export, "csv")),
            (actions.EXPORT_JSON, calling(self._export, "json")),
            (actions.RUN, self._run),
            (actions.NEXT_VIEW, lambda: self._tabs.step(1)),
            (actions.PREVIOUS_VIEW, lambda: self._tabs.step(-1)),
            (actions.FIND, self._find),
            (actions.LARGER, calling(self._zoom, 1)),
            (actions.SMALLER, calling(self._zoom, -1)),
            (actions.FIT, calling(self._zoom, 0)),
        ):
            self.commands.connect_to(action, call)
        self.commands.ask(actions.LOADED, lambda: self._engine_state().loaded_file is not None)
        self.commands.ask(actions.COMPARED, lambda: self._state.opened is not None and self._tabs.offers("compare"))
        self.commands.ask(actions.GGUF_OPEN, lambda: self.inspected is not None and bool(self.inspected.files))
        self.commands.ask(actions.SEARCHABLE, lambda: self._shown is not None and self._shown.search is not None)
        connect_convert(self.commands, lambda: getattr(self._shown, "convert", None))
        self.commands.ask(actions.MAP_SHOWN, lambda: isinstance(self._tabs.shown, LayersTab))

    @property
    def _shown(self) -> InspectTab | None:
        """The view of the model that is open: a tab, or the summary of what is no GGUF file."""
        summary = self._summary is not None and self._body.currentWidget() is self._summary
        return self._summary if summary else self._tabs.shown

    def _check_everything(self) -> None:
        from desktop.ui.inspect.problems import ProblemsTab

        found = self._tabs.go_to("problems")
        assert isinstance(found, ProblemsTab)
        found.check_everything()

    def _export(self, suffix: str) -> None:
        found = self._tabs.go_to("tensors")
        assert isinstance(found, TensorsTab)
        found.export(suffix)

    def _open_loaded(self) -> None:
        file = self._engine_state().loaded_file
        if file is not None:
            self.open(str(file))

    def _find(self) -> None:
        field = self._shown.search if self._shown is not None else None
        if field is not None:
            focus_search(field)

    def _zoom(self, steps: int) -> None:
        if isinstance(self._tabs.shown, LayersTab):
            self._tabs.shown.map.zoom(steps)

    def token_changed(self) -> None:
        """Try again what was refused for want of a token."""
        if self._failure.wants_token:
            self._again()

    # -- reading ---------------------------------------------------------------------------------

    def _open(self, source: str, context: TaskContext) -> Inspected:
        return self._service.open(source, progress=context.progress, cancelled=lambda: context.cancelled)

    def _read(
        self, work: Callable[[TaskContext], T], done: Callable[[T], None], again: Callable[[], None], source: str
    ) -> None:
        self.cancel()
        self._failure.hide()
        self._last = again
        self._line.show_step(Progress(), tr("Reading {source}", source=source))
        self._quiet.start()
        self._reading = self._tasks.run(
            work,
            done=done,
            failed=self._failed,
            progress=lambda step: self._line.show_step(step, step.note or tr("Reading {source}", source=source)),
            lane=Lane.NETWORK if is_on_hub(source) else Lane.JOB,
            owner=self,
        )

    def _again(self) -> None:
        self._last()

    def _ended(self) -> None:
        self._reading = None
        self._quiet.stop()
        self._line.hide()

    def _failed(self, error: HeftError) -> None:
        self._ended()
        if not isinstance(error, CancelledError):
            self._failure.show_error(error)
            self._failure.show()

    def _show(self, opened: Opened) -> None:
        kept = self.hasFocus() or has_keyboard(self._empty) or has_keyboard(self._line) or has_keyboard(self._failure)
        kept = kept or (self._summary is not None and has_keyboard(self._summary))
        self._ended()
        self._trial.cancel()  # before the file that it reads is closed
        former = self.inspected
        self._state.show(opened)
        self._head.show_model(opened.inspected)
        if opened.inspected.files:
            self._tabs.show_model(opened.inspected)
            self._tabs.hide_tab("compare")
            self._body.setCurrentIndex(_TABS)
            if kept:
                self._tabs.take_focus()
        else:
            self._tabs.clear()
            self._show_summary(opened.inspected)
            if kept and self._summary is not None:
                self._summary.setFocus(Qt.FocusReason.OtherFocusReason)
        if former is not None:
            former.close()

    def _refused(self, asked: Opened, told: Opened) -> None:
        if self._state.opened is asked:
            self._state.opened = told  # the same file, of which more is known
            self._tabs.retell(told.inspected)

    def _show_summary(self, inspected: Inspected) -> None:
        if self._make_summary is None:
            return
        if self._summary is None:
            self._summary = self._make_summary()
            self._summary.source_asked.connect(self.open)
            self._summary.notify.connect(self.notify)
            self._body.addWidget(self._summary)
        self._summary.show_model(inspected)
        self._body.setCurrentWidget(self._summary)

    def _show_comparison(self, compared: Compared) -> None:
        self._ended()
        tab = self._tabs.tab("compare")
        assert isinstance(tab, CompareTab)
        tab.show_comparison(compared)
        tab.ended.connect(self._end_comparison, Qt.ConnectionType.UniqueConnection)
        self._tabs.set_count("compare", f"{len(compared.others):,}", "")
        self._tabs.go_to("compare")

    def _end_comparison(self) -> None:
        self._tabs.go_to("layers")
        self._tabs.tab("compare").clear()
        self._tabs.hide_tab("compare")

    # -- the rest --------------------------------------------------------------------------------

    def _run(self) -> None:
        inspected = self.inspected
        if inspected is not None and inspected.files and inspected.files[0].path is not None:
            self.run_requested.emit(inspected.files[0].path)

    def _remember(self, source: str) -> None:
        """On the worker thread: what was opened well is offered again."""
        kept = [known for known in self._settings.get(RECENT_INSPECTED) if known != source]
        self._settings.set(RECENT_INSPECTED, (source, *kept)[:MOST_RECENT])

    def _took_recent(self, recent: tuple[str, ...]) -> None:
        self._recent = recent
        self._head.set_recent(recent)

    def _list_models(self) -> None:
        def work(context: TaskContext) -> tuple[tuple[str, ...], list[LibraryModel]]:
            return self._settings.get(RECENT_INSPECTED), self._library.scan(cancelled=lambda: context.cancelled)

        def done(found: tuple[tuple[str, ...], list[LibraryModel]]) -> None:
            self._took_recent(found[0])
            self._head.set_models(found[1])

        self._tasks.run(work, done=done, failed=self.notify.emit, lane=Lane.JOB, owner=self)


def _tensor_count(inspected: Inspected) -> tuple[str, Tone]:
    return f"{len(inspected.tensors):,}", ""
