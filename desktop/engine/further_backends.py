"""Further backends (Vulkan, CUDA ...) in a folder of the user's: each is tried in a process of its own before use.

A library of the same llama.cpp may be put there. It is loaded only after a trial went well; the verdict is kept by the
library's size and time, so a trial happens once. A library that fails is left out and said so; the others stay. Of two
that bring the same backend only the one that was there first is used: with both, each device would be there twice.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from desktop.core.errors import HeftError
from desktop.system.atomic import write_atomically

FOLDER_VARIABLE = "HEFT_BACKENDS"
TRIAL_MODEL_VARIABLE = "HEFT_BACKENDS_TRIAL_MODEL"
_VERDICTS = "tried.json"
_STARTING = "starting"  # there while an engine starts with these libraries
_PATTERN = "ggml-*.dll" if sys.platform == "win32" else "libggml-*.so"


class Verdict(msgspec.Struct, frozen=True):
    """What a trial of ``file`` with ``engine`` said: why it is ``refused``, or the ``backend`` that it brings."""

    file: str
    size: int
    mtime_ns: int
    engine: str
    refused: str = ""
    backend: str = ""


def usable_libraries(folder: str, package: Path) -> list[Path]:
    """Libraries in ``folder`` ("" for none) whose trial with the engine at ``package`` went well. Tries none."""
    if not folder or _reachable_by_others(Path(folder)):
        return []
    kept = _read(Path(folder))
    engine = _engine(package) if kept else ""
    files = {file.name: file for file in _libraries(Path(folder))}
    valid = [verdict for verdict in kept if verdict.file in files and _kept([verdict], files[verdict.file], engine)]
    return [files[verdict.file] for verdict in _used(valid).values()]


def examine(folder: str, package: Path, trial: Callable[[Path], str]) -> list[str]:
    """Try what has no verdict yet and note that a start begins; a sentence for each library that is left out.

    ``trial`` names the backend that a library brings; it raises HeftError when the library is not to be used. When the
    last start with these libraries did not come through to :func:`confirm`, all are tried again.
    """
    place = Path(folder)
    libraries = _libraries(place) if folder else []
    if not libraries:
        return []
    reason = _reachable_by_others(place)
    if reason:
        return [f"The backends in {place} were left out: {reason}"]
    engine = _engine(package)
    before = _read(place)
    kept = [] if (place / _STARTING).exists() else before
    known = [verdict.file for verdict in before]
    libraries.sort(key=lambda file: known.index(file.name) if file.name in known else len(known))
    verdicts = [_kept(kept, file, engine) or _try(file, engine, trial) for file in libraries]
    with contextlib.suppress(OSError):  # a folder that cannot be written costs a trial at every start
        if verdicts != kept:
            write_atomically(place / _VERDICTS, msgspec.json.encode(verdicts))
        (place / _STARTING).touch()
    used = _used(verdicts)
    reasons = {v.file: v.refused or _second(v, used[_kind(v)]) for v in verdicts}
    return [f"The backend {file} was left out: {reason}" for file, reason in reasons.items() if reason]


@dataclass(frozen=True)
class Trial:
    """What is known of one library: the ``backend`` that it brings, or why it is ``left_out``; neither: not tried."""

    file: str
    backend: str = ""
    left_out: str = ""


def trials(folder: str, package: Path) -> list[Trial]:
    """What earlier starts of the engine at ``package`` found out about the libraries in ``folder``. Tries none."""
    libraries = _libraries(Path(folder)) if folder else []
    if not libraries:
        return []
    reason, kept, engine = _reachable_by_others(Path(folder)), _read(Path(folder)), _engine(package)
    verdicts = {file.name: _kept(kept, file, engine) for file in libraries}
    used = _used([verdict for verdict in kept if verdict in verdicts.values()])
    found = []
    for name, verdict in verdicts.items():
        if reason or verdict is None:
            found.append(Trial(name, left_out=reason))
        else:
            left_out = verdict.refused or _second(verdict, used[_kind(verdict)])
            found.append(Trial(name, "" if left_out else verdict.backend, left_out))
    return found


def confirm(folder: str) -> None:
    """The engine started with the tested libraries."""
    if folder:
        with contextlib.suppress(OSError):
            (Path(folder) / _STARTING).unlink(missing_ok=True)


def _kind(verdict: Verdict) -> str:
    return verdict.backend or verdict.file


def _used(verdicts: list[Verdict]) -> dict[str, Verdict]:
    """The first that works of each kind."""
    used: dict[str, Verdict] = {}
    for verdict in verdicts:
        if not verdict.refused:
            used.setdefault(_kind(verdict), verdict)
    return used


def _second(verdict: Verdict, first: Verdict) -> str:
    """Why a library that works is left out; empty when it is the first of its kind."""
    return "" if verdict is first else f"{first.file} is of the same kind ({verdict.backend}) and stays."


def _libraries(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.glob(_PATTERN) if file.is_file())
    except OSError:
        return []


def _engine(package: Path) -> str:
    """What a verdict depends on: this engine's main library. Not its place: an AppImage has another at each start."""
    parts = []
    for file in sorted((package / "lib").glob("*llama*")):
        info = file.stat()
        parts.append(f"{file.name}:{info.st_size}:{info.st_mtime_ns}")
    return "|".join(parts)


def _kept(verdicts: list[Verdict], file: Path, engine: str) -> Verdict | None:
    info = file.stat()
    wanted = (file.name, info.st_size, info.st_mtime_ns, engine)
    return next((v for v in verdicts if (v.file, v.size, v.mtime_ns, v.engine) == wanted), None)


def _try(file: Path, engine: str, trial: Callable[[Path], str]) -> Verdict:
    info = file.stat()
    refused = backend = ""
    try:
        backend = trial(file)
    except HeftError as error:
        refused = error.message
    return Verdict(file.name, info.st_size, info.st_mtime_ns, engine, refused, backend)


def _read(folder: Path) -> list[Verdict]:
    try:
        return msgspec.json.decode((folder / _VERDICTS).read_bytes(), type=list[Verdict])
    except (OSError, msgspec.MsgspecError):
        return []


def _reachable_by_others(folder: Path) -> str:
    """Why another user could have put code here; empty when none could. Windows keeps user folders private itself."""
    if sys.platform == "win32":
        return ""
    for path in (folder, *_libraries(folder)):
        try:
            info = path.stat()
        except OSError:
            continue
        if info.st_uid not in (os.getuid(), 0):
            return f"{path.name} belongs to another user."
        if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"other users may write to {path.name} (chmod go-w)."
    return ""
