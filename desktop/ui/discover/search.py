"""The left side of Discover: what is searched for, the results, and why there are none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.hub_address import HubAddress
from desktop.core.pools import Pool
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.hub.records import SearchPage, SearchQuery
from desktop.services.discover.search import SearchService
from desktop.services.discover.search_results import Result, ago, most_parameters
from desktop.ui.discover.actions import TO_RESULTS
from desktop.ui.discover.filters import SUGGESTIONS, DiscoverFilters
from desktop.ui.discover.repo_list import RepoList
from desktop.ui.discover.repo_list_model import RepoListModel
from desktop.ui.discover.search_state import SearchState
from desktop.ui.shared.reflow import CurrentStack
from desktop.ui.shell.keys import hear
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import Theme, set_role

_NOTE_MARGINS = 36  # pixels of the note's button that hold no text
_GROWN = 1.1  # memory known later that holds so much more is worth another search


class DiscoverSearch(QWidget):
    """Searches as one types and fetches pages as one scrolls."""

    repo_chosen = Signal(object)  # Result
    settings_asked = Signal(str)  # SettingsPage that would mend a failure

    def __init__(self, service: SearchService, tasks: Tasks, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("discoverSide")
        self._service = service
        self._tasks = tasks
        self._pools: tuple[Pool, ...] = ()
        self._searched_with = 0
        self._query = SearchQuery()
        self._page: SearchPage | None = None
        self._task: Task | None = None
        self._address: HubAddress | None = None  # what the text named, until its repo was opened
        self._note_action: Callable[[], None] = self.search
        self.filters = DiscoverFilters()
        self.model = RepoListModel(self)
        self.list = RepoList(self.model, theme)
        self._state = SearchState()
        self._state.near_chosen.connect(self.filters.search_for)
        self._state.settings_asked.connect(self.settings_asked)
        self._build()
        self.filters.changed.connect(self.search)
        self.list.repo_chosen.connect(self.repo_chosen)
        self.list.versions_asked.connect(self._show_versions)
        self.model.more_wanted.connect(self._fetch_more)
        self._told = ("", "")
        self._entering = False  # the results get the keyboard once they are there
        self.filters.field.returnPressed.connect(self.enter_results)
        self.filters.field.textEdited.connect(self._stay)
        hear(self.filters.field, TO_RESULTS, self.enter_results)

    @property
    def searched(self) -> bool:
        """Whether a search was begun."""
        return self._searched_with >= 0 and (self._page is not None or self._task is not None)

    def set_pools(self, pools: Sequence[Pool]) -> None:
        """Mark results for this memory; search again where much more would fit than was asked for."""
        self._pools = tuple(pools)
        self.model.set_pools(self._pools)
        most = most_parameters(self._pools)
        if self.searched and self.filters.fits_only and most > self._searched_with * _GROWN:
            self.search()

    def take_address(self, repo_id: str) -> HubAddress | None:
        """What the text in the field said of this repo beyond its name, once."""
        address = self._address
        if address is None or address.repo != repo_id:
            return None
        self._address = None
        return address

    def search(self) -> None:
        """Ask the Hub for what is in the field: words, or the address of a repo. An earlier question is forgotten."""
        text = self.filters.text
        certain = self._service.is_address(text)
        address = self._service.address(text) if certain or self.filters.whole else None
        if address is not None:
            self._look_up(address, certain=certain)
        elif certain:
            self._begin(SearchQuery(text=text), fits_only=False)
            self._say(
                tr("This names no model yet."), tr("An address of the Hub holds an owner and a repository: OWNER/REPO.")
            )
        else:
            self._search_words()

    def _search_words(self) -> None:
        self._searched_with = most_parameters(self._pools)
        query = self.filters.query()
        self._begin(query, fits_only=self.filters.fits_only)
        self._task = self._tasks.run(
            lambda context: self._service.first_page(query),
            done=self._first,
            failed=self._failed,
            lane=Lane.NETWORK,
            owner=self,
        )

    def show_versions_of(self, base: str, name: str) -> None:
        """GGUF versions of a model: of OWNER/NAME, or where only words of its name are known, what they find."""
        if "/" not in base:
            self.filters.search_for(base)
            return
        query = SearchQuery(base_model=base, sort="downloads")
        self._begin(query, fits_only=False)
        self._tell(tr("GGUF versions of {name}.", name=name), tr("Back to the search"))
        self._task = self._tasks.run(
            lambda context: self._service.first_page(query),
            done=self._first,
            failed=self._failed,
            lane=Lane.NETWORK,
            owner=self,
        )

    def _show_versions(self, result: Result) -> None:
        self.show_versions_of(result.repo.base_model or result.repo.id, result.repo.id)

    def _begin(self, query: SearchQuery, *, fits_only: bool) -> None:
        """Forget the results of the question before."""
        if self._task is not None:
            self._task.cancel()
        self._query, self._page, self._task, self._address = query, None, None, None
        self.model.clear()
        self.model.set_fits_only(fits_only)
        self._note.hide()
        self._say(tr("Searching…"))

    def _look_up(self, address: HubAddress, *, certain: bool) -> None:
        """Show the one repo that an address names; ``certain`` False: it may be words as well."""
        self._begin(SearchQuery(text=self.filters.text), fits_only=False)
        self._say(tr("Looking for {repo}…", repo=address.repo))

        def failed(error: HeftError) -> None:
            if certain or error.kind != FailureKind.REPO_NOT_FOUND:
                self._failed(error)
            else:
                self._search_words()

        self._task = self._tasks.run(
            lambda context: self._service.named(address),
            done=lambda page: self._named(page, address),
            failed=failed,
            lane=Lane.NETWORK,
            owner=self,
        )

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._note = QPushButton()
        self._note.setObjectName("discoverNote")
        self._note.setAccessibleName(tr("About these results"))
        set_role(self._note, "ghost")
        self._note.clicked.connect(self._act_on_note)
        self._note.hide()
        self._body = CurrentStack()
        self._body.addWidget(self.list)
        self._body.addWidget(self._state)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.filters)
        column.addWidget(self._note)
        column.addWidget(self._body, 1)

    # -- what happens ----------------------------------------------------------------------------

    def _named(self, page: SearchPage, address: HubAddress) -> None:
        repo = page.repos[0].id  # as the Hub writes it, which follows renamed repos
        self._first(page)
        self._address = replace(address, repo=repo)
        self.list.select(repo)

    def _first(self, page: SearchPage) -> None:
        self._task, self._page = None, page
        if page.stale_since is not None:
            self._tell(
                tr("{problem} Results of {time}.", problem=page.problem, time=ago(time.time() - page.stale_since)),
                tr("Try again"),
            )
        before = self.model.rowCount()
        self.model.append(page.repos, more=bool(page.next), now=time.time())
        hidden = self.model.hidden
        if hidden and self.model.rowCount() and page.stale_since is None:
            words = tr(
                "{hidden} more does not fit this machine." if hidden == 1 else "{hidden} more do not fit this machine.",
                hidden=hidden,
            )
            self._tell(words, tr("Show"), lambda: self.filters.set_fits_only(False))
        if self.model.rowCount():
            self._body.setCurrentIndex(0)
            if self._entering:
                self.enter_results()
        elif not page.next:
            self._nothing_found()
        if page.next and self.model.rowCount() == before:  # the list asks for more only where something came
            self._fetch_more()

    def enter_results(self) -> None:
        """From the search field into the results, also where they are still to come; nothing from elsewhere."""
        at_field = self.filters.field.hasFocus()
        self._entering = at_field and (self._task is not None or not self.model.rowCount())
        if at_field and not self._entering:
            self.list.enter()

    def _stay(self) -> None:
        self._entering = False

    def _fetch_more(self) -> None:
        page, query = self._page, self._query
        if page is None or not page.next or self._task is not None:
            return
        self._task = self._tasks.run(
            lambda context: self._service.next_page(query, page),
            done=self._first,
            failed=self._more_failed,
            lane=Lane.NETWORK,
            owner=self,
        )

    def _more_failed(self, error: HeftError) -> None:
        self._task = None
        self._tell(tr("{message} More results could not be fetched.", message=error.message), tr("Try again"))

    def _failed(self, error: HeftError) -> None:
        self._task = None
        self._say(error.message, error.hint)
        self._state.offer(tr("Try again"), self.search)
        self._state.offer_settings(error)

    def _nothing_found(self) -> None:
        """Say what was searched for, and offer what may have been meant."""
        text, hidden, filters = self._query.text, self.model.hidden, self.filters
        limits = f" ({', '.join(filters.limits)})" if filters.limits else ""
        if hidden:
            self._say(
                tr("{hidden} found, none of which fits this machine.", hidden=hidden),
                tr("They can still be looked at."),
            )
            self._state.offer(tr("Show what does not fit"), lambda: filters.set_fits_only(False))
            return
        what = tr("Nothing") if filters.all_formats else tr("Nothing with a GGUF file")
        if text:
            self._say(
                tr("{what} matches “{text}”{limits}.", what=what, text=text, limits=limits),
                "" if filters.all_formats else tr("Other formats may have it."),
            )
            self._state.offer_near(self._service.near(text))
        else:
            self._say(tr("Nothing found{limits}.", limits=limits))
        if filters.limits:
            self._state.offer(tr("Search without these filters"), filters.clear_limits)
        elif text and not filters.all_formats:
            self._state.offer(tr("Look in all formats"), lambda: filters.set_all_formats(True))
        else:
            self._state.offer(
                tr("Search “{suggestions}”", suggestions=SUGGESTIONS[3]), lambda: filters.search_for(SUGGESTIONS[3])
            )

    def _act_on_note(self) -> None:
        self._note_action()

    def _say(self, title: str, advice: str = "") -> None:
        self._state.say(title, advice)
        self._body.setCurrentIndex(1)

    def _tell(self, text: str, action: str, call: Callable[[], None] | None = None) -> None:
        self._note_action = call or self.search
        self._told = text, action
        self._note.setToolTip(plain_tooltip(text))
        self._fit_note()
        self._note.show()

    def _fit_note(self) -> None:
        """Cut the note's words, never what can be done about them."""
        text, action = self._told
        metrics = self._note.fontMetrics()
        room = self.width() - _NOTE_MARGINS - metrics.horizontalAdvance(f"  {action}")
        self._note.setText(f"{metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0, room))}  {action}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the note again for the new width."""
        super().resizeEvent(event)
        self._fit_note()
