"""The services behind the page Discover, each made when it is first needed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from desktop.services.container import Container
from desktop.services.discover.picked_run import PickedRun
from desktop.services.jobs_left import take_up
from desktop.services.models.downloads import DownloadService
from desktop.services.models.downloads_records import DownloadState
from desktop.ui.discover.downloads_panel import DownloadsPanel
from desktop.ui.discover.elsewhere import ElsewhereLine
from desktop.ui.discover.page import DiscoverPage
from desktop.ui.discover.repo import RepoPane
from desktop.ui.discover.weighing import Weighing
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme


class DiscoverParts(QObject):
    """Makes the page and keeps the downloads, which go on while other pages are in view."""

    downloads_changed = Signal(object)  # tuple[DownloadState, ...]
    finished = Signal(object)  # DownloadState that has just finished
    remove_asked = Signal(object)  # Path of a downloaded model

    def __init__(
        self, theme: Theme, tasks: Tasks, container: Container, chosen: Callable[[], ChosenMachine] | None = None
    ) -> None:
        """``chosen`` is the machine of "what if", shared with other pages."""
        super().__init__()
        self._chosen = chosen or (lambda: ChosenMachine(container.machine, tasks, self))
        self._theme = theme
        self._tasks = tasks
        self._container = container
        self._bridge: Bridge | None = None
        self._finished: set[str] = set()

    def page(self) -> DiscoverPage:
        """The page, wired."""
        made = self._container
        page = DiscoverPage(
            made.picker,
            made.search,
            self.downloads,
            made.download_folder,
            self._chosen(),
            made.tables,
            made.this_machine,
            made.tokens,
            lambda: made.hub.endpoint,
            self._tasks,
            self._theme,
            PickedRun(lambda: made.planning, self.downloads, lambda path: made.library.resolve(str(path)).ref),
            made.calibration,
            made.picks,
        )
        self._look_elsewhere(page)
        panel = page.findChild(DownloadsPanel)
        assert isinstance(panel, DownloadsPanel)
        panel.remove_asked.connect(self.remove_asked)
        self.downloads_changed.connect(page.show_downloads)
        page.show_downloads(self.downloads.states())
        return page

    def _look_elsewhere(self, page: DiscoverPage) -> None:
        """A line that says where else a variant would do better."""
        made, repo, weighing = self._container, page.findChild(RepoPane), page.findChild(Weighing)
        assert isinstance(repo, RepoPane) and isinstance(weighing, Weighing)
        line = ElsewhereLine(lambda: made.elsewhere, self._tasks, repo, weighing)
        line.settings_asked.connect(page.settings_asked)

        def chat(identity: str) -> None:
            self._tasks.run(
                lambda context: made.planning.for_load(made.endpoints.ref(identity)),
                done=page.run_requested.emit, failed=page.notify.emit, lane=Lane.COMMAND, owner=page,
            )  # fmt: skip

        line.chat_asked.connect(chat)

    @property
    def downloads(self) -> DownloadService:
        """The downloads; those of an earlier session are taken up with :meth:`restore`."""
        return self._hear()

    def restore(self) -> None:
        """Go on with the jobs that an earlier session left, in the background; the downloads are heard from now on."""
        self._hear()
        self._tasks.run(lambda context: take_up(self._container), lane=Lane.JOB)

    def close(self) -> None:
        """Hear nothing more; the downloads go on at the next start."""
        if self._bridge is not None:
            self._bridge.close()

    def _hear(self) -> DownloadService:
        service = self._container.downloads
        if self._bridge is None:
            self._bridge = Bridge(service.subscribe, _newest)
            self._bridge.received.connect(self._on_download)
        return service

    def _on_download(self, state: DownloadState) -> None:
        self.downloads_changed.emit(self.downloads.states())
        if state.phase == "finished" and state.id not in self._finished:
            self._finished.add(state.id)
            self.finished.emit(state)
        elif state.phase != "finished":
            self._finished.discard(state.id)


def _newest(older: DownloadState, newer: DownloadState) -> DownloadState | None:
    """Of one download in one phase only the newest state counts."""
    return newer if (older.id, older.phase) == (newer.id, newer.phase) else None
