"""Looks for picks in the background: models for this computer, and quicker ones where a repo has none that is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.services.discover.picker_records import View
from desktop.services.discover.picks import Pick, Picks, PicksService
from desktop.ui.discover.repo import RepoPane
from desktop.ui.discover.states import DiscoverState
from desktop.ui.discover.weighing import Weighing
from desktop.ui.shell.tasks import Lane, Task, Tasks


class Picking(QObject):
    """One search for picks at a time; without a Hub they come from the table."""

    found = Signal(object)  # Picks, or None while they are being looked for
    quicker = Signal(object)  # tuple[Pick, ...] for the repo in view

    def __init__(self, service: PicksService, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._service, self._tasks = service, tasks
        self._seeking: Task | None = None
        self._asked_for: object = None

    def serve(
        self, state: DiscoverState, repo: RepoPane, weighing: Weighing, search_for: Callable[[str], None]
    ) -> None:
        """Show what is found on the page's parts; ``search_for`` opens a repo."""

        def look_at(pick: Pick) -> None:
            repo.controls.prefer(*pick.looked_at_by)
            search_for(pick.repo)

        self.found.connect(state.show_picks)
        state.picks.wanted.connect(look_at)
        state.picks.in_view.connect(self.look_again)
        weighing.opened.connect(self._opened)
        weighing.changed.connect(self.look_beside)
        self.quicker.connect(repo.show_quicker)

    def seek(self) -> None:
        """Ask the Hub's lists, once at a time."""
        if self._seeking is not None:
            return
        self._seeking = self._tasks.run(
            lambda context: self._service.live(lambda: context.cancelled),
            done=self._take, failed=self._without_hub, lane=Lane.NETWORK, owner=self,
        )  # fmt: skip
        self.found.emit(None)

    def look_again(self) -> None:
        """Weigh anew where this computer, what was measured of it or the settings have changed since."""
        if self._seeking is None:
            self._seeking = self._tasks.run(
                lambda context: self._service.again(lambda: context.cancelled),
                done=self._looked, failed=lambda _: self._looked(None), lane=Lane.NETWORK, owner=self,
            )  # fmt: skip

    def _looked(self, picks: Picks | None) -> None:
        self._seeking = None
        if picks is not None:
            self.found.emit(picks)

    def _without_hub(self, error: HeftError) -> None:
        if isinstance(error, CancelledError):
            self._seeking = None
            return
        self._seeking = self._tasks.run(
            lambda context: self._service.known(), done=self._take, lane=Lane.JOB, owner=self
        )

    def _take(self, picks: Picks) -> None:
        self._seeking = None
        self.found.emit(picks)

    def _opened(self, _view: View) -> None:
        """Another repo, or the same again: nothing is shown beside it yet."""
        self._asked_for = None

    def look_beside(self, view: View) -> None:
        """Look for quicker models where the best of a repo is slower than a person reads."""
        row = view.recommended
        slow = row is not None and not row.option.readable
        asked = (view.repo.id, row.variant.name, view.context, id(view.controls.machine)) if row and slow else None
        if asked == self._asked_for:
            return
        self._asked_for = asked
        if row is None or asked is None:
            self.quicker.emit(())
            return

        def done(found: tuple[Pick, ...]) -> None:
            if asked == self._asked_for:
                self.quicker.emit(found)

        machine, context_length = view.controls.machine, view.context
        self._tasks.run(
            lambda context: self._service.quicker(row, context_length, machine), done=done, lane=Lane.JOB, owner=self
        )
