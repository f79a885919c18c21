"""Files that take long to make: written under another name, room looked for before, tried, and then put in place."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desktop.core.cancelled import Cancelled
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.quantizer import Tried, TryOut
from desktop.system.atomic import SHARED, put_in_place

RESERVE = 64 << 20  # bytes of a disk that are left free
TRIAL_ROOM = 1.2  # of the file's size has to be free before tokens are computed with it


def try_file(tool: Tool[Any], path: Path, threads: int, cancelled: Cancelled, *, compute: bool) -> bool:
    """Load a file; whether tokens were computed with it, too. Raises what the engine says, CancelledError."""
    tried = tool.call(TryOut(str(path), compute, threads), cancelled=cancelled)
    assert isinstance(tried, Tried)
    return tried.computed


@contextmanager
def removed(paths: list[Path]) -> Iterator[None]:
    """Nothing half-made is there before, nor stays."""
    try:
        for path in paths:
            path.unlink(missing_ok=True)
        yield
    finally:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def must_be_free(path: Path) -> None:
    """Raises HeftError "file-exists"."""
    if path.exists():
        raise HeftError(
            tr("There is a file {name} already.", name=path.name),
            tr("Choose another name for the new one, or move that file away."),
            kind=FailureKind.FILE_EXISTS,
        )


def must_have_room(folder: Path, needed: int) -> None:
    """Room for ``needed`` bytes on the disk of a folder that may not be there yet. Raises HeftError "disk-full"."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < needed + RESERVE:
        raise HeftError(
            tr(
                "This makes {needed}, and {free} are free in {folder}.",
                needed=human_bytes(needed),
                free=human_bytes(free),
                folder=folder,
            ),
            tr("Free some space on that disk, or choose another place for it."),
            kind=FailureKind.DISK_FULL,
        )


def on_disk(path: Path) -> None:
    """Wait until its content is on the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def in_place(unfinished: Path, final: Path) -> None:
    """Give a finished file its name, as readable for others as the user's other files."""
    unfinished.chmod(SHARED & ~_umask())
    put_in_place(unfinished, final)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
