"""Every service of Heft, made at its first use, so that a start pays only for what it shows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.core.errors import HeftError, StoreError
from desktop.engine.worker.protocol import Hello
from desktop.services.engine.supervisor import EngineService, describe_engine
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

if TYPE_CHECKING:
    from desktop.hub.client import HubClient
    from desktop.hub.search import HubSearch
    from desktop.hub.token import HubToken
    from desktop.services.chat.chat import ChatService
    from desktop.services.inspect.inspection import InspectionService
    from desktop.services.jobs import JobService
    from desktop.services.machine.machine import MachineService
    from desktop.services.models.download_folder import DownloadFolder
    from desktop.services.models.downloads import DownloadService
    from desktop.services.models.library import LibraryService
    from desktop.services.models.removal import RemovalService
    from desktop.services.planning.recording import Predictions
    from desktop.store.chats import ChatStore

ENGINE_END_SECONDS = 8.0  # the engine's own grace and kill take less; this only bounds a process that cannot die


class Container:
    """The services behind one window, each with the ones it needs. Made on any thread, closed once."""

    def __init__(self, paths: Paths, tell: Callable[[HeftError], None]) -> None:
        """``tell`` shows the user what was found broken and mended."""
        self.paths = paths
        self._tell = tell
        self.settings = SettingsStore(paths.settings)
        self.engine = EngineService(paths)

    @cached_property
    def chats(self) -> ChatStore:
        """The chat store; what a killed process left half written is marked so."""
        from desktop.store.chats import ChatStore
        from desktop.store.database import UNWRITABLE

        try:
            chats = ChatStore(self.paths.chats)
        except StoreError as error:
            if error.kind != UNWRITABLE:
                raise
            self._tell(_nothing_kept(self.paths.data, error))
            chats = ChatStore(self.paths.chats, in_memory=True)
        if chats.set_aside is not None:
            words = f"Your chats could not be read and were set aside as {chats.set_aside.name}; a new file was begun."
            self._tell(StoreError(words, "The old file is kept in Heft's data folder."))
        chats.recover()
        return chats

    @cached_property
    def chat(self) -> ChatService:
        """Conversations with the loaded model."""
        from desktop.services.chat.chat import ChatService

        return ChatService(self.chats, self.engine)

    @cached_property
    def library(self) -> LibraryService:
        """Models on this computer."""
        from desktop.services.models.library import LibraryService

        return LibraryService(self.paths, self.settings)

    @cached_property
    def removals(self) -> RemovalService:
        """What removes models."""
        from desktop.services.models.removal import RemovalService

        def removed() -> None:
            if self.made("downloads"):
                self.downloads.forget_missing()

        return RemovalService(self.paths, self.library, self.engine, removed=removed)

    @cached_property
    def token(self) -> HubToken:
        """The Hub token, kept by the system's keyring."""
        from desktop.hub.token import HubToken

        return HubToken()

    @cached_property
    def hub(self) -> HubClient:
        """The one connection to the Hub."""
        from desktop.hub.client import HubClient

        return HubClient(token=self.token.get)

    @cached_property
    def hub_search(self) -> HubSearch:
        """Searches and listings of the Hub."""
        from desktop.hub.search import HubSearch

        return HubSearch(self.hub, self.paths.cache / "hub")

    @cached_property
    def jobs(self) -> JobService:
        """All long work."""
        from desktop.services.jobs import JobService

        return JobService()

    @cached_property
    def downloads(self) -> DownloadService:
        """Downloads, which are jobs."""
        from desktop.services.models.downloads import DownloadService

        return DownloadService(
            self.paths, self.hub, self.hub_search, jobs=self.jobs, folder=self.download_folder.use
        )

    @cached_property
    def download_folder(self) -> DownloadFolder:
        """Where downloads go."""
        from desktop.services.models.download_folder import DownloadFolder

        return DownloadFolder(self.settings, self.library)

    @cached_property
    def inspection(self) -> InspectionService:
        """What is inside a model file."""
        from desktop.services.inspect.inspection import InspectionService

        return InspectionService(
            self.paths,
            self.library,
            self.hub,
            architectures=lambda: self.describe_engine().architectures,
            jobs=self.jobs,
        )

    @cached_property
    def machine(self) -> MachineService:
        """What this computer is."""
        from desktop.services.machine.machine import MachineService

        return MachineService(self.paths, self.describe_engine)

    @cached_property
    def predictions(self) -> Predictions:
        """Predicted speed and memory, and what was measured afterwards."""
        from desktop.services.planning.recording import Predictions

        return Predictions(self.paths, lambda: self.machine.describe("cached"), self.jobs)

    def describe_engine(self) -> Hello:
        """What the engine is: from the running process, or from one that ends with the question."""
        if self.engine.state.pid is not None:
            return self.engine.hello()
        return describe_engine(self.paths)

    def made(self, name: str) -> bool:
        """Whether a service exists already; asking must not make it."""
        return name in self.__dict__

    def end_engine(self) -> None:
        """End the engine process; takes a bounded time whatever hangs."""
        ending = threading.Thread(target=self.engine.close, name="heft-engine-end", daemon=True)
        ending.start()
        ending.join(ENGINE_END_SECONDS)

    def close(self) -> None:
        """Close what was made; call :meth:`end_engine` before."""
        if self.made("jobs"):
            self.jobs.close()
        if self.made("chat"):
            self.chat.close()
        if self.made("chats"):
            self.chats.close()
        if self.made("predictions"):
            self.predictions.close()


def _nothing_kept(folder: Path, error: StoreError) -> StoreError:
    return StoreError(
        "Heft may not write to its folder: chats and settings last until you quit.",
        f"Make {folder} writable, or start Heft with HEFT_HOME set to another folder.",
        detail=error.detail,
        kind=error.kind,
    )
