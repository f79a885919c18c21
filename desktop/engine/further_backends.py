"""Further backends (Vulkan, CUDA ...): each is tried in a process of its own before it is used.

They lie in a folder of the user's, and in one beside the engine's own libraries, with which they came (the box).
Together they are one list.
A library is loaded only after a trial went well; the verdict is kept by the library's size and time, so a trial happens
once. A library that fails is left out and said so; the others stay. Of two that bring the same backend only the first
is used: with both, each device would be there twice. The first is the one the user put first, else the one that was
there before (:class:`desktop.engine.backend_records.Choice`).
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from desktop.core.errors import HeftError
from desktop.engine.backend_records import (
    TRIAL,
    Choice,
    ProvenDevice,
    Tried,
    Verdict,
    read_choices,
    read_verdicts,
    write_verdicts,
)
from desktop.engine.graphics_drivers import device_nodes, surroundings, why_no_vulkan

FOLDER_VARIABLE = "HEFT_BACKENDS"
TRIAL_MODEL_VARIABLE = "HEFT_BACKENDS_TRIAL_MODEL"
BOX = "further"  # the box: this folder beside the engine's libraries
BEFORE = "before"  # in the user's folder: what the last change took out of use, kept until the next
PATTERN = "ggml-*.dll" if sys.platform == "win32" else "libggml-*.so"
_MOST_VERDICTS = 64
_STARTING = "starting"  # there while an engine starts with these libraries


@dataclass(frozen=True)
class Library:
    """A library; ``key`` names it in what is kept: its file name, in the box after the folder's."""

    key: str
    path: Path

    @property
    def boxed(self) -> bool:
        """Whether it came with the engine."""
        return self.key.startswith(f"{BOX}/")


def libraries(folder: str, package: Path) -> list[Library]:
    """All libraries in the user's ``folder`` ("": none is used) and in the box of the engine at ``package``, the first
    wanted first. One of the box that can find nothing on this computer is not among them.
    """
    if not folder:
        return []
    place = Path(folder)
    found = [Library(file.name, file) for file in _files(place)]
    found += [Library(f"{BOX}/{file.name}", file) for file in _files(package / "lib" / BOX) if not idle(file)]
    if not found:
        return []
    chosen = read_choices(place).now.order
    known = list(dict.fromkeys(verdict.file for verdict in read_verdicts(place)))
    return sorted(found, key=lambda each: (_place_in(chosen, each.key), each.boxed, _place_in(known, each.key)))


def idle(file: Path) -> str:
    """Why a library of the box would find nothing here, known without opening it; "" where it may find something."""
    return why_no_vulkan() if "vulkan" in file.name else ""


def box_notes(package: Path) -> tuple[str, ...]:
    """Why libraries of the box are not among those listed, where this computer has a card that they might reach."""
    files = _files(package / "lib" / BOX)
    return tuple(dict.fromkeys(note for note in map(idle, files) if note)) if device_nodes() else ()


def _place_in(keys: Sequence[str], key: str) -> int:
    return keys.index(key) if key in keys else len(keys)


def usable_libraries(folder: str, package: Path) -> list[Path]:
    """Those whose trial with the engine at ``package`` went well, in the order to load them. Tries none.

    Of two backends that reach one card, llama.cpp uses the first that was loaded.
    """
    return [row.path for row in trials(folder, package) if row.used]


def examine(folder: str, package: Path, trial: Callable[[Path], Tried]) -> list[str]:
    """Try what has no verdict yet and note that a start begins; a sentence for each library that is left out.

    ``trial`` says what a library brings; it raises HeftError when the library is not to be used. When the last start
    with these libraries did not come through to :func:`confirm`, all are tried again.
    """
    here = libraries(folder, package)
    if not here:
        return []
    place = Path(folder)
    known = _known(place, package)
    again = doubted(folder)
    with contextlib.suppress(OSError):  # a folder that cannot be written costs a trial at every start
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = read_choices(place).now.aside
    for library in here:
        if library.key in aside or reachable_by_others(library.path):
            continue
        if again or known(library) is None:
            judge(library, place, package, trial)
    with contextlib.suppress(OSError):
        (place / _STARTING).touch()
    told = [row for row in trials(folder, package) if row.left_out and not (row.second and row.boxed)]
    return [f"The backend {row.file} was left out: {row.left_out}" for row in told]


def judge(library: Library, place: Path, package: Path, trial: Callable[[Path], Tried]) -> Verdict:
    """Try one library now, whatever is known of it, and keep the verdict where ``place`` can be written."""
    tried, refused = Tried(""), ""
    try:
        tried = trial(library.path)
    except HeftError as error:
        refused = error.message
    verdict = verdict_of(library, tried, refused, package)
    with contextlib.suppress(OSError):
        keep(place, verdict)
    return verdict


def verdict_of(library: Library, tried: Tried, refused: str, package: Path) -> Verdict:
    """What is kept of a trial that ended now."""
    info = library.path.stat()
    return Verdict(
        library.key, info.st_size, info.st_mtime_ns, engine_identity(package), refused, tried.backend, tried.devices,
        time.time(), TRIAL, surroundings(),
    )  # fmt: skip


def keep(place: Path, verdict: Verdict) -> None:
    """In the place of what was known of the same file. Raises OSError."""
    kept = read_verdicts(place)
    same = [number for number, other in enumerate(kept) if _file_of(other) == _file_of(verdict)]
    if same:
        kept[same[0]] = verdict  # the order is that of the first trials
    write_verdicts(place, kept if same else [*kept, verdict][-_MOST_VERDICTS:])


def _file_of(verdict: Verdict) -> tuple[str, int, int]:
    return verdict.file, verdict.size, verdict.mtime_ns


@dataclass(frozen=True)
class Trial:
    """What is known of one library: the ``backend`` that it brings, or why it is ``left_out``; neither: not tried.

    ``aside``: the user wants it not to be used; ``refused``: its trial failed; ``second``: it works, and another of its
    kind is before it. ``at`` is when it was tried and ``since`` when it was put where it is, in seconds since the
    epoch, 0 where that is not known. ``boxed``: it came with the engine.
    """

    file: str
    path: Path = Path()
    backend: str = ""
    left_out: str = ""
    devices: tuple[ProvenDevice, ...] = ()
    key: str = ""
    boxed: bool = False
    aside: bool = False
    refused: bool = False
    second: bool = False
    at: float = 0.0
    since: float = 0.0

    @property
    def used(self) -> bool:
        """Whether an engine that starts now loads it."""
        return bool(self.backend) and not self.left_out and not self.aside


def trials(folder: str, package: Path) -> list[Trial]:
    """What is known of all libraries, the first wanted first. Tries none."""
    here = libraries(folder, package)
    if not here:
        return []
    place = Path(folder)
    choice, known = read_choices(place).now, _known(place, package)
    first: dict[str, Library] = {}
    return [_row(library, known(library), choice, first) for library in here]


def _row(library: Library, verdict: Verdict | None, choice: Choice, first: dict[str, Library]) -> Trial:
    """``first`` has the first that is used of each kind."""
    known, aside = verdict or Verdict("", 0, 0, ""), library.key in choice.aside
    left_out = reachable_by_others(library.path) or known.refused
    second = False
    if verdict is not None and not left_out and not aside:
        other = first.setdefault(verdict.backend, library)
        second = other is not library
        left_out = f"{other.path.name} is of the same kind ({verdict.backend}) and stays." if second else ""
    return Trial(
        library.path.name, library.path, known.backend, left_out, known.devices, library.key, library.boxed, aside,
        bool(known.refused), second, known.at, choice.since.get(library.key, 0.0),
    )  # fmt: skip


def untried(folder: str, package: Path) -> int:
    """How many libraries the next start tries."""
    here = libraries(folder, package)
    if not here:
        return 0
    place = Path(folder)
    known = _known(place, package)
    aside, all_of_them = read_choices(place).now.aside, doubted(folder)
    return sum(all_of_them or known(library) is None for library in here if library.key not in aside)


def doubt(folder: str) -> None:
    """An engine died with the tested libraries: the next start tries them all again."""
    if folder:
        with contextlib.suppress(OSError):
            (Path(folder) / _STARTING).touch()


def doubted(folder: str) -> bool:
    """Whether the last start with the tested libraries did not come through."""
    return bool(folder) and (Path(folder) / _STARTING).exists()


def blame(folder: str, package: Path) -> None:
    """No engine starts with the libraries that are used, though each passed its trial: none is used any more."""
    place = Path(folder)
    known = _known(place, package)
    for library in libraries(folder, package):
        verdict = known(library)
        if verdict is not None and not verdict.refused:
            with contextlib.suppress(OSError):
                keep(place, msgspec.structs.replace(verdict, refused="the engine does not start with it."))
    confirm(folder)


def confirm(folder: str) -> None:
    """The engine started with the tested libraries."""
    if folder:
        with contextlib.suppress(OSError):
            (Path(folder) / _STARTING).unlink(missing_ok=True)


def engine_identity(package: Path) -> str:
    """What a verdict depends on: this engine's main library. Not its place: an AppImage has another at each start."""
    parts = []
    for file in sorted((package / "lib").glob("*llama*")):
        info = file.stat()
        parts.append(f"{file.name}:{info.st_size}:{info.st_mtime_ns}")
    return "|".join(parts)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.glob(PATTERN) if file.is_file())
    except OSError:
        return []


def _known(place: Path, package: Path) -> Callable[[Library], Verdict | None]:
    """What a trial of this very file with this engine and these drivers said, if it asked all that is asked today."""
    wanted = (engine_identity(package), surroundings(), TRIAL)
    kept = {_file_of(v): v for v in read_verdicts(place) if (v.engine, v.surroundings, v.trial) == wanted}

    def known(library: Library) -> Verdict | None:
        try:
            info = library.path.stat()
        except OSError:
            return None
        return kept.get((library.key, info.st_size, info.st_mtime_ns))

    return known


def reachable_by_others(file: Path) -> str:
    """Why another user could have put code here; empty when none could. Windows keeps user folders private itself."""
    if sys.platform == "win32":
        return ""
    for path in (file.parent, file):
        try:
            info = path.stat()
        except OSError:
            continue
        if info.st_uid not in (os.getuid(), 0):
            return f"{path.name} belongs to another user."
        if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"other users may write to {path.name} (chmod go-w)."
    return ""
