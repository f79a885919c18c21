"""The services behind the page Discover, each made when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property

from PySide6.QtCore import QObject, Signal

from desktop.core.hardware import Machine
from desktop.core.placement import Pool, pools_of
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_records import RateSource
from desktop.services.discover.search import SearchService
from desktop.services.discover.tables import DataTables
from desktop.services.engine.supervisor import EngineState
from desktop.services.machine.calibration import CalibrationService
from desktop.services.machine.machine import MachineService
from desktop.services.models.download_folder import DownloadFolder
from desktop.services.models.downloads import DownloadService
from desktop.services.models.downloads_records import DownloadState
from desktop.services.models.local_copies import LocalCopies
from desktop.services.planning.engine_planner import PlanningService
from desktop.services.planning.reclaimable import reclaimable_from
from desktop.store.fetched import FetchedStore
from desktop.store.paths import Paths
from desktop.ui.discover.page import DiscoverPage
from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme


class ThisMachine:
    """This computer: described once, which takes seconds, then with the memory that is free at the moment."""

    def __init__(self, machines: MachineService) -> None:
        self._machines = machines
        self._lock = threading.Lock()
        self._described: Machine | None = None

    def __call__(self) -> Machine:
        """The computer as it is now."""
        with self._lock:
            if self._described is None:
                self._described = self._machines.describe("cached")
            known = self._described
        return self._machines.now(known)


class DiscoverParts(QObject):
    """Makes the page and keeps the downloads, which go on while other pages are in view."""

    downloads_changed = Signal(object)  # tuple[DownloadState, ...]
    finished = Signal(object)  # DownloadState that has just finished

    def __init__(
        self,
        theme: Theme,
        tasks: Tasks,
        paths: Paths,
        hub: HubClient,
        search: HubSearch,
        downloads: DownloadService,
        folder: DownloadFolder,
        keep_token: Callable[[str], None],
        machines: MachineService,
        rates: Callable[[], RateSource],
        calibration: Callable[[], CalibrationService],
        engine_state: Callable[[], EngineState],
    ) -> None:
        super().__init__()
        self._theme = theme
        self._tasks = tasks
        self._paths = paths
        self._hub = hub
        self._search = search
        self.downloads = downloads  # those of an earlier session are taken up with :meth:`restore`
        self._folder = folder
        self._keep_token = keep_token
        self._machines = machines
        self._rates = rates
        self._calibration = calibration
        self._engine_state = engine_state
        self._this_machine = ThisMachine(machines)
        self._tables = DataTables()
        self._finished: set[str] = set()
        self._bridge = Bridge(downloads.subscribe, _newest)
        self._bridge.received.connect(self._on_download)

    def page(self) -> DiscoverPage:
        """The page, wired."""
        picker = PickerService(
            self._search,
            HeaderReader(self._hub, self._paths.remote_headers),
            self._tables,
            self._this_machine,
            planner=self._planning,
            rates=self._rates(),
            held=lambda: reclaimable_from(self._engine_state()),
            copies=LocalCopies(fetched=FetchedStore(self._paths.fetched)),
        )
        page = DiscoverPage(
            picker,
            SearchService(self._search, self._pools),
            self.downloads,
            self._folder,
            self._machines,
            self._tables,
            self._this_machine,
            self._keep_token,
            lambda: self._hub.endpoint,
            self._tasks,
            self._theme,
            self._calibration(),
        )
        self.downloads_changed.connect(page.show_downloads)
        page.show_downloads(self.downloads.states())
        return page

    def restore(self) -> None:
        """Go on with what an earlier session left, in the background."""
        service = self.downloads
        self._tasks.run(lambda context: service.restore(), lane=Lane.JOB)

    def close(self) -> None:
        """Stop listening, and end the planning process."""
        self._bridge.close()
        if "_planning" in self.__dict__:
            self._planning.close()

    @cached_property
    def _planning(self) -> PlanningService:
        return PlanningService(self._paths)

    def _pools(self) -> tuple[Pool, ...]:
        return pools_of(self._this_machine())

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
