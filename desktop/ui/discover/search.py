"""The left side of Discover: what is searched for, the results, and why there are none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QStackedWidget, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.placement import Pool
from desktop.core.text import plain_tooltip
from desktop.hub.records import SearchPage, SearchQuery
from desktop.services.discover.search import SearchService
from desktop.services.discover.search_results import ago, most_parameters
from desktop.ui.discover.actions import TO_RESULTS
from desktop.ui.discover.filters import SUGGESTIONS, DiscoverFilters
from desktop.ui.discover.repo_list import RepoList
from desktop.ui.discover.repo_list_model import RepoListModel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.keys import hear
from desktop.ui.shell.tasks import Task, Tasks
from desktop.ui.shell.theme import Theme, set_role

_NOTE_MARGINS = 36  # pixels of the note's button that hold no text
_GROWN = 1.1  # memory known later that holds so much more is worth another search


class DiscoverSearch(QWidget):
    """Searches as one types and fetches pages as one scrolls."""

    repo_chosen = Signal(object)  # Result
    token_wanted = Signal(object)  # HeftError that a token would mend

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
        self._error: HeftError | None = None
        self._note_action: Callable[[], None] = self.search
        self.filters = DiscoverFilters()
        self.model = RepoListModel(self)
        self.list = RepoList(self.model, theme)
        self._build()
        self.filters.changed.connect(self.search)
        self.list.repo_chosen.connect(self.repo_chosen)
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

    def search(self) -> None:
        """Ask the Hub; an earlier question is forgotten."""
        if self._task is not None:
            self._task.cancel()
        self._searched_with = most_parameters(self._pools)
        query = self.filters.query(self._searched_with)
        self._query, self._page, self._error = query, None, None
        self.model.clear()
        self.model.set_fits_only(self.filters.fits_only)
        self._note.hide()
        self._say("Searching…", "")
        self._task = self._tasks.run(
            lambda context: self._service.first_page(query), done=self._first, failed=self._failed, owner=self
        )

    def show_versions_of(self, base: str, name: str) -> None:
        """GGUF versions of a model."""
        if self._task is not None:
            self._task.cancel()
        query = SearchQuery(base_model=base, sort="downloads")
        self._query, self._page, self._error = query, None, None
        self.model.clear()
        self.model.set_fits_only(False)
        self._tell(f"GGUF versions of {name}.", "Back to the search")
        self._say("Searching…", "")
        self._task = self._tasks.run(
            lambda context: self._service.first_page(query), done=self._first, failed=self._failed, owner=self
        )

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._note = QPushButton()
        self._note.setObjectName("discoverNote")
        self._note.setAccessibleName("About these results")
        set_role(self._note, "ghost")
        self._note.clicked.connect(self._act_on_note)
        self._note.hide()
        self._title = plain_label("discoverStateTitle", "subtitle")
        self._advice = plain_label("discoverStateText", "muted")
        self._remedy = QPushButton()
        self._remedy.setObjectName("discoverRemedy")
        self._remedy.clicked.connect(self._mend)
        state = QWidget()
        inside = QVBoxLayout(state)
        inside.setContentsMargins(20, 30, 20, 20)
        inside.setSpacing(10)
        for label in (self._title, self._advice):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            inside.addWidget(label)
        inside.addWidget(self._remedy, 0, Qt.AlignmentFlag.AlignHCenter)
        inside.addStretch(1)
        self._body = QStackedWidget()
        self._body.addWidget(self.list)
        self._body.addWidget(state)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.filters)
        column.addWidget(self._note)
        column.addWidget(self._body, 1)

    # -- what happens ----------------------------------------------------------------------------

    def _first(self, page: SearchPage) -> None:
        self._task, self._page = None, page
        if page.stale_since is not None:
            self._tell(f"{page.problem} Results of {ago(time.time() - page.stale_since)}.", "Try again")
        self.model.append(page.repos, more=bool(page.next), now=time.time())
        hidden = self.model.hidden
        if hidden and self.model.rowCount() and page.stale_since is None:
            words = f"{hidden} more {'does' if hidden == 1 else 'do'} not fit this machine."
            self._tell(words, "Show", lambda: self.filters.set_fits_only(False))
        if self.model.rowCount():
            self._body.setCurrentIndex(0)
            if self._entering:
                self.enter_results()
        elif page.next:
            self._fetch_more()
        else:
            self._nothing_found()

    def enter_results(self) -> None:
        """From the search field into the results, also where they are still to come; nothing from elsewhere."""
        at_field = self.filters.field.hasFocus()
        self._entering = at_field and (self._task is not None or not self.model.rowCount())
        if at_field and not self._entering:
            self.list.setFocus(Qt.FocusReason.TabFocusReason)

    def _stay(self) -> None:
        self._entering = False

    def _fetch_more(self) -> None:
        page, query = self._page, self._query
        if page is None or not page.next or self._task is not None:
            return
        self._task = self._tasks.run(
            lambda context: self._service.next_page(query, page), done=self._first, failed=self._more_failed, owner=self
        )

    def _more_failed(self, error: HeftError) -> None:
        self._task = None
        self._tell(f"{error.message} More results could not be fetched.", "Try again")

    def _failed(self, error: HeftError) -> None:
        self._task, self._error = None, error
        self._say(error.message, error.hint)
        self._remedy.setText("Try again")
        self._remedy.show()
        if error.kind in (FailureKind.TOKEN_WRONG, FailureKind.TOKEN_MISSING):
            self.token_wanted.emit(error)

    def _nothing_found(self) -> None:
        text = self._query.text
        hidden = self.model.hidden
        if hidden:
            self._say(f"{hidden} found, none of which fits this machine.", "They can still be looked at.")
            self._remedy.setText("Show what does not fit")
        elif text and not self.filters.all_formats:
            self._say(f"Nothing with a GGUF file matches “{text}”.", "Other formats may have it.")
            self._remedy.setText("Look in all formats")
        else:
            self._say("Nothing found.", f"Try fewer words, such as “{SUGGESTIONS[0]}” or “{SUGGESTIONS[3]}”.")
            self._remedy.setText(f"Search “{SUGGESTIONS[3]}”")
        self._remedy.show()

    def _mend(self) -> None:
        if self._error is not None:
            self.search()
        elif self.model.hidden:
            self.filters.set_fits_only(False)
        elif self._query.text and not self.filters.all_formats:
            self.filters.set_all_formats(True)
        else:
            self.filters.search_for(SUGGESTIONS[3])

    def _act_on_note(self) -> None:
        self._note_action()

    def _say(self, title: str, advice: str) -> None:
        self._title.setText(title)
        self._advice.setText(advice)
        self._advice.setVisible(bool(advice))
        self._remedy.hide()
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
