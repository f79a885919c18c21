"""The page Discover: search the Hub, be told which variant to take, download it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.hardware import Machine
from desktop.core.hub_address import HubAddress
from desktop.core.load_plan import LoadPlan
from desktop.core.pools import pools_of
from desktop.core.variants import CompanionKind, variant_at
from desktop.core.words import tr
from desktop.hub.placement import default_cache
from desktop.services.discover.picked_run import PickedRun
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_records import View
from desktop.services.discover.picks import PicksService
from desktop.services.discover.search import SearchService
from desktop.services.discover.search_results import Result
from desktop.services.discover.tables import DataTables
from desktop.services.hub_account import TokenService
from desktop.services.machine.calibration import CalibrationService
from desktop.services.models.download_folder import DownloadFolder
from desktop.services.models.downloads import DownloadService
from desktop.services.models.downloads_records import DownloadState
from desktop.store.settings import Changed
from desktop.ui.discover import actions
from desktop.ui.discover.download_place import DownloadPlace
from desktop.ui.discover.downloads_panel import DownloadsPanel
from desktop.ui.discover.giving_token import GivingToken
from desktop.ui.discover.picking import Picking
from desktop.ui.discover.repo import RepoPane
from desktop.ui.discover.search import DiscoverSearch
from desktop.ui.discover.search_banner import SearchBanner
from desktop.ui.discover.states import DiscoverState
from desktop.ui.discover.weighing import Weighing
from desktop.ui.shared.chosen_machine import OTHER_MACHINE, ChosenMachine
from desktop.ui.shared.reflow import Column, CurrentStack, DownwardScroll
from desktop.ui.shared.search_field import focus_search
from desktop.ui.shared.speed_offer import SpeedOffer
from desktop.ui.shared.what_if_actions import LOAD_PROFILE, OWN_SIZES, THIS_COMPUTER
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme

_SIDE_WIDTH, _NARROW_SIDE, _LIST_HEIGHT = 340, 240, 160  # on a small screen the page scrolls
_NARROW = 960  # a page below this width gives the side less
_NOTHING, _REPO = 0, 1


class DiscoverPage(Page):
    """Composes search, repo and downloads; what takes time happens in :class:`Weighing` and the services."""

    run_requested = Signal(object)  # LoadPlan of a model that is on this computer
    inspect_requested = Signal(str)  # a file or repo, as the page Inspect takes it

    def __init__(
        self,
        picker: PickerService,
        search: SearchService,
        downloads: DownloadService,
        folder: DownloadFolder,
        chosen: ChosenMachine,
        tables: DataTables,
        this_machine: Callable[[], Machine],
        tokens: TokenService,
        endpoint: Callable[[], str],
        tasks: Tasks,
        theme: Theme,
        run: PickedRun,
        calibration: CalibrationService | None = None,
        picks: PicksService | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """``this_machine`` takes seconds at its first call.

        With ``calibration`` the page offers to measure the types that a repo has and nobody measured yet.
        """
        super().__init__(parent, actions.DISCOVER_ACTIONS)
        self.setObjectName("discoverPage")
        self._downloads, self._chosen = downloads, chosen
        self._own: Machine | None = None
        self._this_machine = this_machine
        self._endpoint = endpoint
        self._run = run
        self._tasks = tasks
        self._result: Result | None = None
        self._asked = False
        self._whole: set[str] = set()  # the downloads that are finished
        self._search = DiscoverSearch(search, tasks, theme)
        self._offer = SpeedOffer(tasks, calibration) if calibration is not None else None
        self._connect_actions()
        self._place = DownloadPlace(default_cache, folder, tasks, self.commands)
        self._repo = RepoPane(theme, tables, self.commands, self._offer, self._place)
        self._state = DiscoverState(theme)
        self._giving = GivingToken(self._state, tokens, tasks, self)
        self._panel = DownloadsPanel()
        self._picking = Picking(picks, tasks, self) if picks is not None else None
        self._weighing = Weighing(picker, tasks, self._repo.controls.controls, self)
        self._build()
        self._connect()

    def shown(self) -> None:
        """Search at the first visit, with what is known of this machine by then."""
        if self._asked:
            return
        self._asked = True
        self._search.search()
        if self._picking is not None:
            self._picking.seek()
        self._tasks.run(lambda context: self._this_machine(), done=self._know_machine, lane=Lane.JOB, owner=self)

    def option_changed(self, change: Changed) -> None:
        """Another Hub is asked from now on, or none, or again."""
        if change.option.page in ("hub", "network") and self._asked:
            if self.isVisible():
                self._search.search()
            else:
                self._asked = False

    def token_changed(self) -> None:
        """Go on with a repo that asked for a token."""
        if self._state.wants_token and self._body.currentIndex() == _NOTHING:
            self._again()

    def showEvent(self, event: QShowEvent) -> None:
        """In view, the figures follow the memory that is free."""
        super().showEvent(event)
        self._weighing.set_watching(True)
        self._place.look()

    def hideEvent(self, event: QHideEvent) -> None:
        """Out of view, nothing is looked at."""
        self._weighing.set_watching(False)
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow page gives its room to the repo."""
        super().resizeEvent(event)
        narrow = event.size().width() < _NARROW
        if narrow != (event.oldSize().width() < _NARROW) or event.oldSize().width() < 0:
            side = _NARROW_SIDE if narrow else _SIDE_WIDTH
            self._splitter.setSizes([side, event.size().width() - side])

    def show_downloads(self, states: tuple[DownloadState, ...]) -> None:
        """Show all downloads; the composition root tells of every change."""
        self._panel.show_jobs(self._downloads.jobs())
        whole = {state.id for state in states if state.phase == "finished"}
        if whole != self._whole:  # one has come, or was cleared or removed
            self._whole = whole
            self._weighing.look_for_copies()
        self._repo.show_downloads(states)

    def search_for(self, text: str) -> None:
        """Search for these words."""
        self._search.filters.search_for(text)

    def show_versions_of(self, base: str) -> None:
        """List the GGUF versions of a model, OWNER/NAME."""
        self._asked = True
        self._search.show_versions_of(base, base)

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        side = Column()
        side.setObjectName("discoverSideInside")
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._search, 1)
        column.addWidget(self._panel)
        side.setMinimumWidth(_NARROW_SIDE)
        self._search.list.setMinimumHeight(_LIST_HEIGHT)
        self._body = CurrentStack()
        self._body.addWidget(DownwardScroll("discoverStateScroll", tr("What to do"), self._state))
        self._body.addWidget(self._repo)
        self._splitter = splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setObjectName("discoverSplitter")
        splitter.addWidget(side)
        splitter.addWidget(self._body)
        splitter.setStretchFactor(1, 1)
        splitter.setCollapsible(0, False)
        splitter.setCollapsible(1, False)
        splitter.setSizes([_SIDE_WIDTH, 864])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(SearchBanner(self.commands, self._chosen, self._body, self._repo))
        outer.addWidget(splitter, 1)
        self.setFocusProxy(self._search.filters.field)

    def _connect(self) -> None:
        self._search.repo_chosen.connect(self._open)
        self._search.settings_asked.connect(self.settings_asked)
        weighing, repo = self._weighing, self._repo
        weighing.remembered.connect(repo.controls.show_remembered)
        weighing.opened.connect(self._opened)
        weighing.changed.connect(repo.show_view)
        weighing.marked.connect(repo.show_marks)
        repo.repo_wanted.connect(self.search_for)
        if self._picking is not None:
            self._picking.serve(self._state, repo, weighing, self.search_for)
        weighing.progressed.connect(repo.show_progress)
        if self._offer is not None:
            weighing.marked.connect(lambda _: self._offer_to_measure())
            self._offer.measured.connect(weighing.measured)
            self._offer.failed.connect(self.notify)
        weighing.failed.connect(self._failed)
        weighing.troubled.connect(self.notify)
        repo.controls.changed.connect(weighing.set_controls)
        repo.controls.share(self._chosen, self)
        self._chosen.changed.connect(self._judge)
        self._chosen.failed.connect(self.notify)
        repo.action_asked.connect(self._act)
        repo.companion_asked.connect(self._fetch_companion)
        self._state.inspect_wanted.connect(self._inspect)
        self._state.again.connect(self._again)
        self._state.page_wanted.connect(self._open_page)
        self._state.versions_wanted.connect(self._show_versions)
        self._giving.went_well.connect(self._again)
        self._giving.told.connect(self.notify)
        self._state.settings_asked.connect(self.settings_asked)
        self._panel.asked.connect(self._steer)
        self._place.told.connect(self.notify)

    def _connect_actions(self) -> None:
        for action, call in (
            (actions.SEARCH, lambda: focus_search(self._search.filters.field)),
            (actions.TO_RESULTS, self._to_results),
            (actions.DOWNLOAD, self._download_current),
            (actions.INSPECT, self._inspect),
            (actions.MODEL_PAGE, self._open_page),
            (OWN_SIZES, lambda: self._chosen.ask_sizes(self)),
            (LOAD_PROFILE, lambda: self._chosen.ask_profile(self)),
            (THIS_COMPUTER, lambda: self._chosen.choose(None)),
            (actions.VERSIONS, self._show_versions),
            (actions.COPY_CONVERT, lambda: self._state.copy_convert()),  # noqa: PLW0108 - made later
            (actions.FITS_ONLY, self._search.filters.toggle_fits_only),
            (actions.OTHER_FORMATS, self._search.filters.toggle_all_formats),
        ):
            self.commands.connect_to(action, call)
        self.commands.ask(actions.CONVERT_SHOWN, lambda: self._state.offers_convert)
        self.commands.ask(actions.REPO_CHOSEN, lambda: self._result is not None)
        self.commands.ask(actions.WEIGHED, lambda: self._body.currentIndex() == _REPO and self._repo.rows.rowCount())

    def _to_results(self) -> None:
        focus_search(self._search.filters.field)
        self._search.enter_results()

    # -- a repo ----------------------------------------------------------------------------------

    def _know_machine(self, machine: Machine) -> None:
        self._own = machine
        self._judge()

    def _judge(self) -> None:
        """Say of the models found whether they fit the machine that was chosen, on whatever page, or this computer."""
        where = self._chosen.machine or self._own
        if where is not None:
            self._search.set_pools(pools_of(where))

    def _open(self, result: Result) -> None:
        self._result = result
        if not result.is_gguf:
            self._weighing.stop()
            self._state.show_other(result)
            self._body.setCurrentIndex(_NOTHING)
            return
        view = self._repo.view
        if view is None or view.repo.id != result.repo.id:
            self._state.show_waiting(result.repo.id)
            self._body.setCurrentIndex(_NOTHING)
        self._weighing.open(result.repo.id)

    def _opened(self, view: View) -> None:
        self._repo.show_repo(view)
        self._repo.show_downloads(self._downloads.states())
        self._body.setCurrentIndex(_REPO)
        self._choose_named(view)

    def _choose_named(self, view: View) -> None:
        """Choose the variant that a pasted address named."""
        address = self._search.take_address(view.repo.id)
        if address is None:
            return
        named = address.file or address.label
        row = variant_at([found.variant for found in view.rows], address.file, address.label) if named else -1
        if row >= 0:
            self._repo.choose(row)
        elif named:
            self.notify.emit(tr("{id} has no variant {named}. These are those it has.", id=view.repo.id, named=named))
        if address.revision:
            self.notify.emit(tr("The address names revision {name}; these are the newest.", name=address.revision))

    def _offer_to_measure(self) -> None:
        view, repo = self._repo.view, self._weighing.repo
        if self._offer is not None and view is not None and repo is not None:
            machine = view.machine if view.controls.machine is None else None
            self._offer.look(machine, lambda: repo.types(view.controls))

    def _failed(self, error: HeftError) -> None:
        self._state.show_error(error, self._result.repo.id if self._result else "")
        self._body.setCurrentIndex(_NOTHING)

    def _again(self) -> None:
        if self._result is not None:
            self._open(self._result)

    def _show_versions(self) -> None:
        if self._result is not None:
            repo = self._result.repo
            self._search.show_versions_of(repo.base_model or repo.id, repo.id)

    def _open_page(self) -> None:
        if self._result is not None:
            QDesktopServices.openUrl(QUrl(f"{self._endpoint()}/{self._result.repo.id}"))

    def _inspect(self) -> None:
        """The chosen variant, or the recommended one; the whole repo where there is neither."""
        if self._result is None:
            return
        found = self._repo.rows.at(self._repo.chosen) if self._result.is_gguf else None
        file = found.variant.first_file.path if found is not None else ""
        self.inspect_requested.emit(str(HubAddress(self._result.repo.id, file)))

    # -- downloads -------------------------------------------------------------------------------

    def _act(self, number: int) -> None:
        """Press a row's button: download, resume, or chat."""
        found, view = self._repo.rows.at(number), self._repo.view
        if found is None or view is None:
            return
        variant = found.variant
        state = self._repo.rows.download_of(variant.name)
        if state is not None and state.active:
            return
        if state is not None and state.phase != "finished":
            self._do(lambda: self._downloads.resume(state.id))
            return
        here = state.local(variant.first_file.path) if state is not None else found.local_path
        repo, controls, along = view.repo.id, self._repo.controls.controls, self._repo.along
        row = found if view.controls == controls else replace(found, plan=None)  # the fields are ahead of the figures
        self._load(
            lambda: self._run.run_or_fetch(repo, row, controls, here, along),
        )

    def _fetch_companion(self, number: int, kind: CompanionKind) -> None:
        """Download what goes with a variant that is here."""
        found, view = self._repo.rows.at(number), self._repo.view
        if found is not None and view is not None:
            state = self._repo.rows.download_of(found.variant.name)  # which has just come, it may be
            here = found.local_path or (state.local(found.variant.first_file.path) if state is not None else None)
            self._do(lambda: self._run.fetch_companion(view.repo.id, found.variant, kind, here))

    def _load(self, plan: Callable[[], LoadPlan | None]) -> None:
        """Run by a plan, where there is one; say so where the page shows another machine's figures."""
        words = OTHER_MACHINE if self._chosen.machine is not None else ""

        def run(found: LoadPlan | None) -> None:
            if found is None:
                return
            if words:
                self.notify.emit(words)
            self.run_requested.emit(found)

        self._tasks.run(lambda context: plan(), done=run, failed=self.notify.emit, lane=Lane.COMMAND, owner=self)

    def _download_current(self) -> None:
        if self._repo.rows.is_here(self._repo.chosen):
            self.notify.emit(actions.HERE_ALREADY)
        else:
            self._act(self._repo.chosen)

    def _steer(self, word: str, download: str) -> None:
        """Press a button of the downloads."""
        if word == "chat":
            self._chat_with(download)
        else:
            self._do(lambda: self._downloads.steer(word, download), f"download {download}")

    def _chat_with(self, download: str) -> None:
        state = next((state for state in self._downloads.states() if state.id == download), None)
        path = next((file.local for file in state.files if file.local), None) if state is not None else None
        if state is None or path is None:
            return
        shown = self._repo.rows.number_of(state)
        if shown >= 0:  # as the page shows it
            self._act(shown)
        else:
            self._load(lambda: self._run.run_file(path))

    def _do(self, call: Callable[[], object], queue: str = "") -> None:
        self._tasks.run(lambda _: call(), failed=self.notify.emit, lane=Lane.COMMAND, owner=self, queue=queue)
