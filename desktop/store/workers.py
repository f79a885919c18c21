"""Other computers that lend their devices: names, addresses and fingerprints, and how quick the way there was."""

from __future__ import annotations

from pathlib import Path

import msgspec

from desktop.core.link import Link
from desktop.store.saved_list import SavedList


class SavedWorker(msgspec.Struct, frozen=True):
    """A worker. ``fingerprint`` is that of its certificate; ``link`` was measured last, None: never.

    ``ssh`` is where ssh starts it, ``user@host``, and ``heft`` the program there; "" for one that listens by itself.
    It has no port, and its fingerprint, another one after each of its installations, is not kept: what stands there is
    made of ``ssh``, so that everyone has one of their own.
    """

    name: str
    host: str
    port: int
    fingerprint: str
    link: Link | None = None
    ssh: str = ""
    heft: str = ""

    @property
    def where(self) -> str:
        """Its address, as a person knows it."""
        return self.ssh or f"{self.host}:{self.port}"


class WorkerStore(SavedList[SavedWorker]):
    """Those that were added."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SavedWorker, "workers", "this computer")
