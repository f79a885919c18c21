"""The page Library: the models of this computer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QHideEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.quality import MeasuredHere
from desktop.core.spelling import near
from desktop.core.units import human_bytes
from desktop.core.words import counted, tr
from desktop.services.models.joining import JoiningService
from desktop.services.models.kind_words import cannot_chat, kind_note
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.models.removal import Removal, RemovalService
from desktop.services.models.removal_words import outcome
from desktop.services.planning.service import PlanningService
from desktop.store.settings import Changed
from desktop.ui.library import actions
from desktop.ui.library.folders import FoldersButton
from desktop.ui.library.library_model import LibraryTableModel
from desktop.ui.library.library_table import LibraryTable
from desktop.ui.library.model_details import ModelDetails
from desktop.ui.library.removing import Removing
from desktop.ui.library.row_plans import RowPlans
from desktop.ui.library.scan_progress import ScanProgressLine
from desktop.ui.library.what_if import WhatIf
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shared.chosen_machine import OTHER_MACHINE, ChosenMachine
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import CurrentStack
from desktop.ui.shared.search_field import focus_search, search_field
from desktop.ui.shared.signals import calling
from desktop.ui.shell.keys import tooltip
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import Theme, set_role

QUIET_SECONDS = 0.3  # a search shorter than this shows no progress, so that a visit does not flicker
NO_MODELS_ADVICE = tr(
    "Heft looks in its own folder and in those of Hugging Face, LM Studio and "
    "Ollama.\nAdd a folder that holds GGUF files, or drop a .gguf file onto this window."
)


class LibraryPage(Page):
    """Search, table, details and actions. It looks for models again at each visit; known files cost little."""

    run_requested = Signal(object)  # LibraryModel
    inspect_requested = Signal(object)  # LibraryModel

    def __init__(
        self,
        service: LibraryService,
        removals: RemovalService,
        planning: Callable[[], PlanningService],
        chosen: ChosenMachine,
        tasks: Tasks,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        joining: Callable[[], JoiningService] | None = None,
        measured: Callable[[Sequence[Path]], MeasuredHere | None] = lambda _files: None,
    ) -> None:
        """``chosen`` is the machine of "what if", shared with other pages. ``joining`` joins the pieces of files that
        were cut; None: it is not offered. ``measured`` knows what was measured here of a model's files.
        """
        super().__init__(parent, actions.LIBRARY_ACTIONS)
        self.setObjectName("libraryPage")
        self._service = service
        self._removals = removals
        self._joining = joining
        self._removable: frozenset[str] = frozenset()  # ids of models that Heft may remove
        self._tasks = tasks
        self._scan: Task | None = None
        self._scan_started = 0.0
        self._scanned_once = False
        self._rows = LibraryTableModel(theme, self)
        self._table = LibraryTable(self._rows)
        self._removing = Removing(service, removals, tasks, self)
        self._removing.failed.connect(self.notify)
        self._removing.removed.connect(self._removed)
        self._plans = RowPlans(planning, tasks, self)
        self._plans.planned.connect(self._rows.set_plan)
        self._connect_actions()
        self._details = ModelDetails(self.commands, planning, tasks, measured)
        self._what_if = WhatIf(chosen, self.commands, self._plans, self._rows, self._details, self)
        self._progress = ScanProgressLine()
        self._build()
        self._connect()
        self._refresh()

    def foot(self) -> int:
        """The chosen model's card; above it there is the list, which scrolls."""
        return self.height() - self._details.y() if self._details.isVisible() else 0

    def shown(self) -> None:
        """Look for models, quietly when nothing is new."""
        self._plans.forget()  # memory may have been taken or freed meanwhile
        self.rescan()
        self._details.look_again()

    def hideEvent(self, event: QHideEvent) -> None:
        """What nobody sees is not planned."""
        super().hideEvent(event)
        self._plans.stop()

    def option_changed(self, change: Changed) -> None:
        """Other folders or stores are to be looked into."""
        if change.option.page == "models":
            self.cancel_scan()
            if self.isVisible():
                self.rescan()

    def rescan(self) -> None:
        """Look for models in the background; one search at a time."""
        if self._scan is not None:
            return
        self._scan_started = time.monotonic()
        self._scan = self._tasks.run(
            self._look,
            done=self._scanned,
            failed=self._scan_failed,
            progress=self._scan_advanced,
            lane=Lane.JOB,
            owner=self,
        )
        self._refresh()

    def _look(self, context: TaskContext) -> tuple[list[LibraryModel], frozenset[str]]:
        models = self._service.scan(context.progress, lambda: context.cancelled)
        return models, frozenset(model.id for model in models if self._removals.may_remove(model))

    def cancel_scan(self) -> None:
        """Stop looking; the list stays as it is."""
        if self._scan is not None:
            self._scan.cancel()
        self._scanned_once = True
        self._end_scan()

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        title = QLabel(tr("Library"))
        set_role(title, "title")
        self._count = QLabel()
        self._count.setObjectName("libraryCount")
        set_role(self._count, "muted")
        open_file = self.commands.button(actions.OPEN_FILE, "libraryOpenFile")
        again = self.commands.button(actions.RESCAN, "libraryRescan")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(title)
        head.addSpacing(4)
        head.addWidget(self._count, 0, Qt.AlignmentFlag.AlignBottom)
        head.addStretch(1)
        head.addWidget(open_file)
        head.addWidget(FoldersButton(self.commands, self._service, self._forget))
        head.addWidget(again)
        self._search = search_field("librarySearch", tr("Search models"), tr("Search models…"), tooltip(actions.SEARCH))
        self._body = CurrentStack()
        self._body.addWidget(self._table)
        self._body.addWidget(self._empty_state())
        self._progress.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self._what_if.banner)
        column.addWidget(self._search)
        column.addWidget(self._body, 1)
        column.addWidget(self._progress)  # below: it comes and goes by itself and takes its room from the list's end
        column.addWidget(self._details)

    def _empty_state(self) -> QWidget:
        self._nothing = plain_label("libraryEmptyTitle", "subtitle")
        self._advice = plain_label("libraryEmptyText", "muted")
        for label in (self._nothing, self._advice):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._add = self.commands.button(actions.ADD_FOLDER, "libraryAddFolder", role="primary")
        self._clear = explained_button(tr("Clear search"), "libraryClearSearch", tr("Show all models again"))
        self._near = explained_button("", "libraryNear", tr("Search for a name that is here"))
        self._near.clicked.connect(self._search_near)
        empty = QWidget()
        empty.setObjectName("libraryEmpty")
        column = QVBoxLayout(empty)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(self._nothing)
        column.addWidget(self._advice)
        column.addWidget(self._near, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._add, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._clear, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        return empty

    def _connect(self) -> None:
        self._search.textChanged.connect(self._rows.set_filter)
        self._search.returnPressed.connect(self._table.setFocus)
        self._clear.clicked.connect(self._search.clear)
        self._progress.cancelled.connect(self.cancel_scan)
        self._table.model_changed.connect(self._refresh)
        self._what_if.changed.connect(self._plan_rows)
        self._details.failed.connect(self.notify)
        self._table.chat_asked.connect(self._chat)
        self._table.remove_asked.connect(self._ask_remove)
        self._table.menu_asked.connect(self._show_menu)

    def _connect_actions(self) -> None:
        for action, call in (
            (actions.SEARCH, lambda: focus_search(self._search)), (actions.RESCAN, self.rescan),
            (actions.OPEN_FILE, self._choose_file), (actions.ADD_FOLDER, self._choose_folder),
            (actions.CHAT, self._chat), (actions.INSPECT, self._inspect),
            (actions.SHOW_IN_FOLDER, self._show_in_folder), (actions.REMOVE, self._ask_remove),
            (actions.JOIN, self._join),
        ):  # fmt: skip
            self.commands.connect_to(action, call)

    # -- what is shown ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        model = self._table.current_model
        self._details.setVisible(model is not None)
        if model is not None:
            self._details.show_model(model, removable=model.id in self._removable)
        self._body.setCurrentIndex(0 if self._rows.rowCount() else 1)
        self.commands.allow(actions.NOT_LOOKING, self._scan is None)
        self.commands.allow(actions.IN_LIST, model is not None)
        why = kind_note(model.kind) if model is not None else ""
        self.commands.allow(actions.CAN_CHAT, not why, why)
        joins = model is not None and model.fault is not None and model.fault.joins
        self.commands.allow(actions.IN_PIECES, joins)
        total = self._rows.total
        self._count.setText(f"{counted(total, 'model')} · {human_bytes(self._rows.total_bytes)}" if total else "")
        self._clear.setVisible(total > 0)
        self._offer_near()
        self._add.setVisible(total == 0 and self._scanned_once)
        self._advice.setVisible(self._scanned_once)
        if total:
            self._nothing.setText(tr("No model matches “{text}”.", text=self._search.text()))
            self._advice.setText(tr("Search by words of a name, an architecture, a quantization or a place."))
        elif self._scanned_once:
            self._nothing.setText(tr("No models yet."))
            self._advice.setText(NO_MODELS_ADVICE)
        else:
            self._nothing.setText(tr("Looking for models…"))

    def _offer_near(self) -> None:
        """Offer the nearest name where the search finds none."""
        typed = self._search.text()
        found = near(typed, self._rows.words) if typed and not self._rows.rowCount() else ()
        self._near.setVisible(bool(found))
        if found:
            self._near.setText(tr("Did you mean “{found}”?", found=found[0]).replace("&", "&&"))
            self._near.setAccessibleName(tr("Search for {found}", found=found[0]))
            self._near.setProperty("near", found[0])

    def _search_near(self) -> None:
        self._search.setText(str(self._near.property("near")))

    def _scan_advanced(self, progress: Progress) -> None:
        if time.monotonic() - self._scan_started > QUIET_SECONDS:
            self._progress.show()
        self._progress.show_progress(progress)

    def _scanned(self, found: tuple[list[LibraryModel], frozenset[str]]) -> None:
        models, self._removable = found
        first, self._scanned_once = not self._scanned_once, True
        self._rows.set_models(models)
        self._plan_rows()
        self._table.select_after_search(models, first=first)
        self._end_scan()
        if first and self.hasFocus():  # and nobody went elsewhere since the page came into view
            self._table.setFocus(Qt.FocusReason.OtherFocusReason)
        unreadable = self._service.unreadable
        if unreadable:
            more = tr(" and {unreadable} more folders", unreadable=len(unreadable) - 1) if len(unreadable) > 1 else ""
            self.notify.emit(tr("Heft may not look into {unreadable}{more}.", unreadable=unreadable[0], more=more))

    def _plan_rows(self) -> None:
        if self.isVisible():
            self._plans.plan(self._rows.models)

    def _scan_failed(self, error: HeftError) -> None:
        self._end_scan()
        self.notify.emit(error)

    def _end_scan(self) -> None:
        self._scan = None
        self._progress.hide()
        self._refresh()

    # -- actions ---------------------------------------------------------------------------------

    def _chat(self) -> None:
        model = self._table.current_model
        if model is None:
            return
        if model.kind.writes_text:
            if self._what_if.elsewhere:
                self.notify.emit(OTHER_MACHINE)
            self._details.when_kept(calling(self.run_requested.emit, model))
        else:
            self.notify.emit(cannot_chat(model.title, model.kind))

    def _inspect(self) -> None:
        model = self._table.current_model
        if model is not None:
            self.inspect_requested.emit(model)

    def _show_in_folder(self) -> None:
        model = self._table.current_model
        if model is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(model.path.parent)))

    def _show_menu(self, where: QPoint) -> None:
        model = self._table.current_model
        if model is None:
            return
        menu = QMenu(self)
        menu.setObjectName("libraryContextMenu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.commands.add_to(menu, actions.CHAT, actions.INSPECT, actions.SHOW_IN_FOLDER)
        if model.id in self._removable:
            menu.addSeparator()
            self.commands.add_to(menu, actions.REMOVE)
        menu.popup(where)

    def _ask_remove(self) -> None:
        """See what removing would do; whose a model is when Heft may not."""
        model = self._table.current_model
        if model is not None:
            self._removing.ask(model)

    def ask_remove(self, path: Path) -> None:
        """Ask whether the model of a file is to be removed: the list of downloads has one."""
        self._removing.ask(path)

    def show_file(self, path: Path) -> None:
        """Select the model of a file, as soon as it is in the list."""
        self._search.clear()
        self._table.show_file(path)

    def _removed(self, removal: Removal) -> None:
        self._rows.remove(removal.model.id)
        self.notify.emit(outcome(removal))
        self.cancel_scan()
        self.rescan()  # it may still be there in another place

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Open a model"), "", tr("GGUF models (*.gguf);;All files (*)"))
        if name:
            self._tasks.run(
                lambda context: self._service.resolve(name),
                done=self.run_requested.emit,
                failed=self.notify.emit,
                lane=Lane.COMMAND,
                owner=self,
            )

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Add a folder that holds models"))
        if name:
            self._change_folders(lambda: self._service.add_folder(Path(name)))

    def _forget(self, folder: Path) -> None:
        self._change_folders(calling(self._service.remove_folder, folder))

    def _join(self) -> None:
        """Join the pieces of the selected model, as a job."""
        model, joining = self._table.current_model, self._joining
        if model is not None and joining is not None:
            self._tasks.run(
                lambda context: joining().join(model, cancelled=lambda: context.cancelled),
                done=self._joined,
                failed=self.notify.emit,
                lane=Lane.JOB,
                owner=self,
            )

    def _joined(self, path: Path) -> None:
        self.notify.emit(tr("{name} is one file now. The pieces are still there.", name=path.name))
        self.cancel_scan()
        self.rescan()

    def _change_folders(self, change: Callable[[], None]) -> None:
        def changed(_: None) -> None:
            self.cancel_scan()
            self.rescan()

        run, failed = self._tasks.run, self.notify.emit
        run(lambda _: change(), done=changed, failed=failed, lane=Lane.COMMAND, owner=self, queue="model folders")
