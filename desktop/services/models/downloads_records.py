"""What of a download survives a restart: one small file per download, and the values listeners are told."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from desktop.services.job_kinds import nothing_kept
from desktop.system.atomic import write_atomically

Phase = Literal["queued", "checking", "downloading", "waiting", "paused", "finished", "failed", "cancelled", "removed"]
DOWNLOAD = "download"  # the kind of job
ACTIVE: tuple[Phase, ...] = ("queued", "checking", "downloading", "waiting")


@dataclass(frozen=True)
class DownloadedFile:
    """One file of a download: ``path`` in the repo, where it is on disk once it is whole, and its checksum."""

    path: str
    size_bytes: int
    sha256: str = ""
    local: Path | None = None
    verified: bool = False


@dataclass(frozen=True)
class DownloadState:
    """A download at one moment. Bytes count all its files, which are at ``paths`` in the repo; ``resumed_bytes`` were
    there when it was last begun.

    ``message`` says what happened and ``hint`` the one thing to do, while it waits, is paused or has failed;
    ``notice`` what a person should know although it goes on (a file that changed on the Hub).
    """

    id: str
    repo: str
    name: str
    phase: Phase
    done_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: float = 0.0
    seconds_left: float | None = None
    resumed_bytes: int = 0
    transferred_bytes: int = 0
    current: str = ""
    files: tuple[DownloadedFile, ...] = ()
    folder: Path | None = None
    paths: tuple[str, ...] = ()
    kind: str = ""
    message: str = ""
    hint: str = ""
    notice: str = ""

    def brings(self, paths: Iterable[str]) -> bool:
        """Whether all of these files of its repo are among its own."""
        return set(paths) <= set(self.paths)

    def local(self, path: str) -> Path | None:
        """Where one of its files is by now."""
        return next((file.local for file in self.files if file.path == path), None)

    @property
    def fraction(self) -> float:
        """0 to 1."""
        return self.done_bytes / self.total_bytes if self.total_bytes else 0.0

    @property
    def active(self) -> bool:
        """Whether it goes on by itself."""
        return self.phase in ACTIVE

    @property
    def anew(self) -> bool:
        """Whether nothing is kept of one that failed, so that it can only begin anew."""
        return self.phase == "failed" and nothing_kept(self.done_bytes, self.kind)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, as kept on disk. ``folder`` is "" for the Hugging Face cache.

    ``etags`` are those of the files when they were last listed: what has come belongs to them. ``cancelled``: only
    what has come is still to be removed.
    """

    repo: str
    name: str
    paths: tuple[str, ...]
    revision: str = "main"
    folder: str = ""
    paused: bool = False
    cancelled: bool = False
    etags: dict[str, str] = {}
    total_bytes: int = 0
    done_bytes: int = 0

    @property
    def id(self) -> str:
        """The same for the same files in the same place, so that asking twice continues instead of doubling."""
        told = "\0".join((self.repo, self.revision, self.folder, *sorted(self.paths)))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def first_state(order: Order) -> DownloadState:
    """What there is to tell of an order before it is worked on."""
    return DownloadState(
        order.id, order.repo, order.name, "queued",
        done_bytes=order.done_bytes, total_bytes=order.total_bytes,
        folder=Path(order.folder) if order.folder else None, paths=order.paths,
    )  # fmt: skip


class OrderStore:
    """Orders that are not done yet, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lock_file(self, order_id: str) -> Path:
        """Held by the program that works on the order."""
        return self.folder / f"{order_id}.lock"

    def save(self, order: Order) -> None:
        """Write an order in one step. Where the disk is full the last state stays: it is only a little older."""
        with contextlib.suppress(OSError):
            write_atomically(self.folder / f"{order.id}.json", msgspec.json.encode(order))

    def read(self, order_id: str) -> Order | None:
        """The kept order with an id, None without one."""
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return msgspec.json.decode((self.folder / f"{order_id}.json").read_bytes(), type=Order)
        return None

    def forget(self, order_id: str) -> None:
        """The order is done or no longer wanted."""
        for name in (f"{order_id}.json", f"{order_id}.lock"):
            with contextlib.suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)

    def load(self) -> list[Order]:
        """All orders, the oldest first; damaged files are left out."""
        found = []
        for path in self.folder.glob("*.json"):
            with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
                found.append((path.stat().st_mtime_ns, msgspec.json.decode(path.read_bytes(), type=Order)))
        return [order for _, order in sorted(found, key=lambda entry: entry[0])]
