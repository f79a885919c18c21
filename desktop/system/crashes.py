"""Native crashes: what Python's faulthandler has to say when this process dies of a signal, kept for the next start.

Each process that asks for it has a file of its own in the log folder while it runs; a clean end removes it. A process
that was killed, or lost its power, leaves a file with a head and no crash: the next start throws that away. The
engine and its helpers have logs of their own, and a crash of one of them is none of the window's.
"""

from __future__ import annotations

import faulthandler
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from desktop.system.atomic import put_in_place

PREFIX = "crash-"
KEPT = 5
_RUNNING = re.compile(rf"{PREFIX}(\w+)-(\d+)\.running")
_FATAL = ("Fatal Python error:", "Windows fatal exception:")  # Python's Modules/faulthandler.c


class CrashCapture:
    """Writes the stacks of all threads to ``folder`` when this process crashes; nothing where it cannot be written.

    ``what`` says which process it is, in a word; ``head`` is what the file begins with. The stacks name functions,
    files and lines, never values.
    """

    def __init__(self, folder: Path, what: str, head: str) -> None:
        self._path = folder / f"{PREFIX}{what}-{os.getpid()}.running"
        self._file: IO[str] | None = None
        if faulthandler.is_enabled():  # PYTHONFAULTHANDLER, or a test runner: who asked for it elsewhere gets it there
            return
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
            self._file.write(f"{head}\n{time.strftime('%Y-%m-%d %H:%M:%S')} started\n\n")
            self._file.flush()
            faulthandler.enable(self._file, all_threads=True)

    def close(self) -> None:
        """This process ends as it should."""
        if self._file is None:
            return
        faulthandler.disable()
        self._file.close()
        self._file = None
        with suppress(OSError):
            self._path.unlink()


def collect_crashes(folder: Path) -> list[Path]:
    """What processes that are gone have left, the newest first: each is told once, and kept as ``crash-*.txt``."""
    found: list[Path] = []
    for path in _files(folder, "*.running"):
        with suppress(OSError):
            if not _runs(path):
                if _is_crash(path):
                    found.append(_kept(path))
                else:
                    path.unlink()
    for older in crash_files(folder)[KEPT:]:
        with suppress(OSError):
            older.unlink()
    return sorted(found, key=_age)


def crash_files(folder: Path) -> list[Path]:
    """The crashes that are kept, the newest first."""
    return sorted(_files(folder, "*.txt"), key=_age)


def _files(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.glob(f"{PREFIX}{pattern}") if path.is_file()]


def _age(path: Path) -> float:
    with suppress(OSError):
        return -path.stat().st_mtime
    return 0.0


def _runs(path: Path) -> bool:
    """Whether the process that the file is of still runs; its number may have gone to another one meanwhile."""
    import psutil

    named = _RUNNING.fullmatch(path.name)
    if named is None:
        return False
    try:
        began: float = psutil.Process(int(named[2])).create_time()
    except psutil.Error:
        return False
    return began <= path.stat().st_mtime + 1  # the clock of processes counts in hundredths


def _is_crash(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(word in text for word in _FATAL)


def _kept(path: Path) -> Path:
    """Under the name of its time."""
    when = time.strftime("%Y%m%d-%H%M%S", time.localtime(path.stat().st_mtime))
    target = path.with_name(f"{path.stem}-{when}.txt")
    put_in_place(path, target)
    return target
