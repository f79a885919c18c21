"""Pieces of one file (``x.gguf.part1of2``, ``x.gguf-split-a``) that lie beside each other, joined into one file.

The pieces stay: they are the user's, and the joined file has to load first. What was written before a pause or a quit
is gone on with.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.naming import stem
from desktop.core.progress import Progress, Report, unheard
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, WorkKind, perform
from desktop.services.jobs import JobService
from desktop.store.library import LibraryModel
from desktop.system.atomic import PREFIX, put_in_place

JOIN = "join"  # the kind of job
_CHUNK = 4 << 20  # bytes


class JoinOrder(msgspec.Struct, frozen=True):
    """The pieces in order, and the file that they make."""

    pieces: tuple[str, ...]
    target: str


class JoiningService:
    """Joins as jobs. Calls may come from any thread."""

    def __init__(self, jobs: JobService, folder: Path) -> None:
        """``folder`` keeps what a quit interrupted."""
        self._jobs = jobs
        self._kind = WorkKind(JOIN, JoinOrder, _join, folder, lambda path: f"joined into {Path(path).name}")
        jobs.register(self._kind)

    def join(self, model: LibraryModel, *, progress: Report = unheard, cancelled: Cancelled = never) -> Path:
        """The file that a model's pieces make, beside them. Waits; raises HeftError, CancelledError."""
        if model.fault is None or not model.fault.joins:
            hint = "Pieces are named like NAME.gguf.part1of2 or NAME.gguf-split-a, and all have to be there."
            raise HeftError(tr("{title} has no pieces to join.", title=model.title), hint, kind=FailureKind.USAGE)
        target = model.path.with_name(f"{stem(model.path.name)}.gguf")
        order = JoinOrder(tuple(str(path) for path in model.files), str(target))
        name = f"Joining {model.title}"
        return Path(perform(self._jobs, self._kind, name, order, progress=progress, cancelled=cancelled))


def _join(work: Work[JoinOrder, str], run: Run) -> str:
    target = Path(work.order.target)
    pieces = [Path(piece) for piece in work.order.pieces]
    if target.exists():
        raise HeftError(
            tr("There is a file {name} already.", name=target.name),
            tr("Move it elsewhere if it is not this model."),
            kind=FailureKind.FILE_EXISTS,
        )
    unfinished = target.with_name(f"{PREFIX}{target.name}")
    try:
        sizes = [piece.stat().st_size for piece in pieces]
        _must_have_room(target.parent, sum(sizes) - (unfinished.stat().st_size if unfinished.exists() else 0))
        _append(pieces, sizes, unfinished, run)
        put_in_place(unfinished, target)
    except OSError as error:
        words = f"The pieces could not be joined: {error.strerror or error}."
        raise HeftError(words, tr("Look at {parent}.", parent=target.parent), kind=FailureKind.NOT_WRITABLE) from error
    return str(target)


def _append(pieces: list[Path], sizes: list[int], unfinished: Path, run: Run) -> None:
    """Write what is not there yet."""
    total = sum(sizes)
    with unfinished.open("ab", buffering=0) as out:
        done = min(out.seek(0, os.SEEK_END), total)
        out.truncate(done)
        start = 0
        for piece, size in zip(pieces, sizes, strict=True):
            with piece.open("rb", buffering=0) as source:
                source.seek(min(size, max(0, done - start)))
                while data := source.read(_CHUNK):
                    if run.stopped:
                        raise CancelledError
                    rest = memoryview(data)
                    while rest:
                        rest = rest[out.write(rest) :]
                    done += len(data)
                    run.report(Progress(done, total, "bytes", piece.name))
            start += size
        os.fsync(out.fileno())


def _must_have_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise HeftError(
            tr(
                "Joining needs {needed}, and {free} are free there.", needed=human_bytes(needed), free=human_bytes(free)
            ),
            tr("Free some space on that disk."),
            kind=FailureKind.DISK_FULL,
        )
