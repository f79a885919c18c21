"""A token that a repo asked for: taken, tested, and told what became of it."""

from __future__ import annotations

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from desktop.services.hub_account import TokenService, TokenTaken
from desktop.ui.discover.states import DiscoverState
from desktop.ui.shared.token_field import taken_words
from desktop.ui.shell.tasks import Lane, Tasks


class GivingToken(QObject):
    """Hears of a token typed into the state's field."""

    went_well = Signal()  # the repo that asked for it can be tried again
    told = Signal(object)  # str

    def __init__(self, state: DiscoverState, tokens: TokenService, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._tokens, self._tasks = state, tokens, tasks
        state.token_given.connect(self._give)
        state.token_page_wanted.connect(lambda: QDesktopServices.openUrl(QUrl(tokens.tokens_page)))

    def _give(self, token: str) -> None:
        self._state.show_checking()
        self._tasks.run(
            lambda context: self._tokens.take(token),
            done=self._took,
            failed=self._state.show_refused,
            lane=Lane.NETWORK,
            owner=self,
        )

    def _took(self, taken: TokenTaken) -> None:
        """Go on with the repo that asked for it; what became of the token stays to be read meanwhile."""
        self._state.show_taken(taken)
        self.told.emit(taken_words(taken))
        self.went_well.emit()
