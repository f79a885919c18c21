"""The one place where services are made, each once, at its first use; the window and all commands take them here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from desktop.core.errors import HeftError
from desktop.services.chat_services import ChatServices
from desktop.services.lab_services import LabServices
from desktop.services.made_once import made_once
from desktop.services.outside_services import OutsideServices
from desktop.services.serve_services import ServeServices
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.core.pools import Reclaimable
    from desktop.hub.client import HubClient
    from desktop.hub.header import HeaderReader
    from desktop.hub.search import HubSearch
    from desktop.hub.token import HubToken
    from desktop.services.discover.picker import PickerService
    from desktop.services.discover.picks import PicksService
    from desktop.services.discover.search import SearchService
    from desktop.services.discover.tables import DataTables
    from desktop.services.engine.idle_sleep import IdleSleep
    from desktop.services.hub_account import TokenService
    from desktop.services.inspect.inspection import InspectionService
    from desktop.services.jobs import JobService
    from desktop.services.machine.calibration import CalibrationService
    from desktop.services.machine.machine import MachineService
    from desktop.services.machine.this_machine import ThisMachine
    from desktop.services.models.answer_settings import AnswerSettingsService
    from desktop.services.models.download_folder import DownloadFolder
    from desktop.services.models.downloads import DownloadService
    from desktop.services.models.joining import JoiningService
    from desktop.services.models.library import LibraryService
    from desktop.services.models.local_copies import LocalCopies
    from desktop.services.models.removal import RemovalService
    from desktop.services.planning.engine_planner import DryRunPlanner
    from desktop.services.planning.ledger import LedgerService
    from desktop.services.planning.local_files import LocalFiles
    from desktop.services.planning.recording import RunRecorder
    from desktop.services.planning.service import PlanningService
    from desktop.services.planning.speed import SpeedService
    from desktop.store.fetched import FetchedStore
    from desktop.store.ledger import Ledger
    from desktop.store.load_settings import LoadSettingsStore


class Container(ServeServices, LabServices, ChatServices, OutsideServices):
    """Every service, made on any thread, closed once, the newest first. A context manager for commands."""

    def __init__(self, paths: Paths, tell: Callable[[HeftError], None] = lambda _error: None) -> None:
        """``tell`` shows the user what was found broken and mended."""
        super().__init__()
        self.paths = paths
        self.tell = tell

    # -- this computer -----------------------------------------------------------------------------

    @made_once
    def settings(self) -> SettingsStore:
        """The user's settings."""
        return SettingsStore(self.paths.settings)

    @made_once
    def load_settings(self) -> LoadSettingsStore:
        """How each model is loaded."""
        from desktop.store.load_settings import LoadSettingsStore

        return LoadSettingsStore(self.paths.load_settings)

    @made_once
    def answers(self) -> AnswerSettingsService:
        """How each model is asked: its chat template and its thinking."""
        from desktop.services.models.answer_settings import AnswerSettingsService

        return AnswerSettingsService(self.load_settings, self.fetched.identity_of)

    @made_once
    def idle_sleep(self) -> IdleSleep:
        """Frees the memory of a model that nobody uses."""
        from desktop.services.engine.idle_sleep import IdleSleep

        made = IdleSleep(self.engine, self.idle_seconds)
        self.settings.subscribe(lambda _change: made.look_again())
        return made

    @made_once
    def machine(self) -> MachineService:
        """Probes of this computer."""
        from desktop.services.machine.machine import MachineService

        return MachineService(
            self.paths,
            self.describe_engine,
            reserves=self.reserves,
            held=self.held,
            own=self.own_memory,
            lent=self.workers.as_lent,
        )

    @made_once
    def this_machine(self) -> ThisMachine:
        """This computer as it is now."""
        from desktop.services.machine.this_machine import ThisMachine

        return ThisMachine(self.paths, self.machine, self.hello)

    @made_once
    def calibration(self) -> CalibrationService:
        """How quick this computer is."""
        from desktop.services.machine.calibration import CalibrationService

        return CalibrationService(self.paths, self.jobs, self.workers.speed_of)

    @made_once
    def tables(self) -> DataTables:
        """The data that comes with Heft."""
        from desktop.services.discover.tables import DataTables

        return DataTables()

    # -- planning ----------------------------------------------------------------------------------

    @made_once
    def dry_run(self) -> DryRunPlanner:
        """The engine's own plans, in a process that is kept warm for a while."""
        from desktop.services.planning.engine_planner import DryRunPlanner

        return DryRunPlanner(self.paths)

    @made_once
    def runs(self) -> Ledger:
        """The file of what was predicted and measured."""
        from desktop.store.ledger import Ledger

        return Ledger(self.paths.ledger)

    @made_once
    def speed(self) -> SpeedService:
        """Predicted tokens per second."""
        from desktop.services.machine.this_machine import describe_cpu
        from desktop.services.planning.speed import SpeedService

        own, known = lambda: describe_cpu(self.paths), lambda: self.this_machine.known()  # noqa: PLW0108
        return SpeedService(self.calibration, own, self.runs.runs, known)

    @made_once
    def ledger(self) -> LedgerService:
        """Writes predictions and measurements down."""
        from desktop.services.planning.ledger import LedgerService

        return LedgerService(self.runs, self.speed)

    @made_once
    def recorder(self) -> RunRecorder:
        """Follows the window's engine and chat into the ledger."""
        from desktop.services.planning.recording import RunRecorder

        return RunRecorder(self.ledger)

    @made_once
    def planning(self) -> PlanningService:
        """Makes every LoadPlan."""
        from desktop.services.planning.service import PlanningService

        made = PlanningService(
            lambda: self.inspection, lambda: self.dry_run, self.this_machine, lambda: self.speed, self.load_settings,
            self.held, self.threads, self.fetched.identity_of,
            lambda n: self.library.resolve(n).ref, lambda: self.runs.runs(self.speed.key), self.local_files,
            lambda path: self.library.resolve(str(path)).mmproj,
        )  # fmt: skip
        made.ways = lambda: self.ways
        made.summon = lambda names: self.workers.summon(names)  # noqa: PLW0108 - made when it is asked
        return made

    @made_once
    def local_files(self) -> LocalFiles:
        """What the headers of models here say."""
        from desktop.services.planning.local_files import LocalFiles

        return LocalFiles(self.paths.cache / "models.msgpack")

    # -- models and chats --------------------------------------------------------------------------

    @made_once
    def library(self) -> LibraryService:
        """Models on this computer."""
        from desktop.services.models.library import LibraryService

        return LibraryService(self.paths, self.settings)

    @made_once
    def removals(self) -> RemovalService:
        """Removes models."""
        from desktop.services.models.removal import RemovalService

        def removed() -> None:
            if (downloads := self.known(Container.downloads)) is not None:
                downloads.forget_missing()
            if (lender := self.known(Container.lender)) is not None:
                lender.forget_removed()

        return RemovalService(self.paths, self.library, self.engine, removed=removed)

    @made_once
    def inspection(self) -> InspectionService:
        """What is inside a model file."""
        from desktop.services.inspect.inspection import InspectionService

        return InspectionService(
            self.paths, self.library, self.hub, jobs=self.jobs,
            architectures=lambda: self.describe_engine().architectures,
            plan=lambda headers, cancelled: self.dry_run.try_out(headers, cancelled),  # noqa: PLW0108 - made when asked
        )  # fmt: skip

    @made_once
    def joining(self) -> JoiningService:
        """Joins pieces of a file."""
        from desktop.services.models.joining import JoiningService

        return JoiningService(self.jobs, self.paths.jobs)

    # -- the Hub -----------------------------------------------------------------------------------

    @made_once
    def token(self) -> HubToken:
        """The Hub token, kept by the system's keyring."""
        from desktop.hub.token import HubToken

        return HubToken(self.hub_endpoint)

    @made_once
    def tokens(self) -> TokenService:
        """Takes, tests and forgets the Hub token."""
        from desktop.services.hub_account import TokenService

        return TokenService(self.token, self.hub)

    @made_once
    def fetched(self) -> FetchedStore:
        """What Heft downloaded, and where it put it."""
        from desktop.store.fetched import FetchedStore

        return FetchedStore(self.paths.fetched)

    @made_once
    def copies(self) -> LocalCopies:
        """Which files of the Hub are here already, in the stores that are used."""
        from desktop.services.models.local_copies import LocalCopies

        used = lambda store: self.settings.get(options.STORES[store])  # noqa: E731
        return LocalCopies(fetched=self.fetched, used=used, library=self.library.recent)

    @made_once
    def hub(self) -> HubClient:
        """The one connection to the Hub."""
        from desktop.hub.client import HubClient

        return HubClient(
            endpoint=self.hub_endpoint,
            token=self.token.get,
            proxy=lambda: self.settings.get(options.PROXY),
            offline=lambda: self.settings.get(options.HUB_OFFLINE),
        )

    @made_once
    def hub_search(self) -> HubSearch:
        """The Hub's answers about repos, kept so that they can be seen again without a network."""
        from desktop.hub.search import HubSearch

        return HubSearch(self.hub, self.paths.cache / "hub")

    @made_once
    def headers(self) -> HeaderReader:
        """Headers of files on the Hub."""
        from desktop.hub.header import HeaderReader

        return HeaderReader(self.hub, self.paths.remote_headers)

    @made_once
    def search(self) -> SearchService:
        """Searching the Hub with an eye on this computer."""
        from desktop.core.pools import pools_of
        from desktop.services.discover.search import SearchService

        return SearchService(self.hub_search, lambda: pools_of(self.this_machine()))

    @made_once
    def picker(self) -> PickerService:
        """Weighs the variants of repos."""
        from desktop.services.discover.picker import PickerService

        return PickerService(
            self.hub_search, self.headers, self.tables, self.this_machine, planner=self.dry_run, rates=self.speed,
            held=self.held, copies=self.copies, remembered=self.planning.settings_of, threads=self.threads,
            measured=self.measured_here,
        )  # fmt: skip

    @made_once
    def picks(self) -> PicksService:
        """Models for each purpose on this computer."""
        from desktop.services.discover.picks import PicksService

        return PicksService(self.hub_search, self.picker, self.tables, self.speed)

    @made_once
    def downloads(self) -> DownloadService:
        """Downloads, which go on while other pages are in view and over a restart."""
        from desktop.services.models.downloads import DownloadService

        return DownloadService(self.paths, self.hub, self.hub_search, jobs=self.jobs, folder=self.download_folder.use)

    @made_once
    def download_folder(self) -> DownloadFolder:
        """Where downloads go."""
        from desktop.services.models.download_folder import DownloadFolder

        return DownloadFolder(self.settings, self.library)

    @made_once
    def jobs(self) -> JobService:
        """All long work."""
        from desktop.services.jobs import JobService

        return JobService()

    def held(self) -> Reclaimable:
        """What the running engines would give back if their models were unloaded."""
        from desktop.core.pools import Reclaimable

        own = self.own_memory()
        return Reclaimable(own.pop("", 0), sum(own.values()))

    def own_memory(self) -> dict[str, int]:
        """The same by device: main memory is "", the others have the engine's names."""
        from desktop.services.planning.reclaimable import held_by, held_of

        loans = lender.held() if (lender := self.known(Container.lender)) is not None else ()
        return held_by([*held_of(self.engine.state), *loans])

    def write_report(self, folder: Path) -> Path:
        """Logs, versions and machine in one file for an issue; its path. Raises StoreError."""
        from desktop.services.report import write_report

        return write_report(
            self.paths, folder, lambda: self.machine.describe("cached"), self.describe_engine, self.token.get()
        )

    def close(self) -> None:
        """End the engine, and close what was made; all of it, whatever fails."""
        with ExitStack() as ends:  # the last first
            ends.callback(self.close_members, but=Container.engine.name)
            ends.callback(self.end_engine)
            ends.callback(self.end_serving)
