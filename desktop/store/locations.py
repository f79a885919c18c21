"""Where models lie on this computer, and which GGUF files are there. In place and read-only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from desktop.core import naming
from desktop.core.cancelled import Cancelled
from desktop.store.found_file import FoundFile, Source, look_at
from desktop.store.ollama import find_ollama

_TRASH = re.compile(r"\.trash.*|\$recycle\.bin", re.IGNORECASE)


@dataclass(frozen=True)
class Location:
    """A place to look in: a folder with its source, or for ``starter`` the file itself."""

    source: Source
    root: Path


def known_locations(environ: Mapping[str, str], home: Path) -> list[Location]:
    """Other programs' model folders, by their own rules; folders that do not exist included.

    Sources: huggingface_hub/constants.py (HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME), LM Studio's documentation
    (``~/.lmstudio/models``, before 0.3.6 ``~/.cache/lm-studio/models``), Ollama's FAQ (OLLAMA_MODELS,
    ``~/.ollama/models``; as a Linux service ``/usr/share/ollama/.ollama/models``).
    """
    caches = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    hub_home = Path(environ.get("HF_HOME") or caches / "huggingface").expanduser()
    hub = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or hub_home / "hub"
    ollama = [home / ".ollama" / "models", Path("/usr/share/ollama/.ollama/models")]
    if environ.get("OLLAMA_MODELS"):
        ollama.insert(0, Path(environ["OLLAMA_MODELS"]).expanduser())
    return [
        Location("huggingface", Path(hub).expanduser()),
        Location("lmstudio", home / ".lmstudio" / "models"),
        Location("lmstudio", home / ".cache" / "lm-studio" / "models"),
        *(Location("ollama", root) for root in dict.fromkeys(ollama)),
    ]


def find_files(location: Location, cancelled: Cancelled, unreadable: list[Path]) -> Iterator[FoundFile]:
    """The GGUF files of a location; folders that cannot be read are added to ``unreadable``.

    A folder reached twice (links in a circle) is read once; files that vanish meanwhile are left out. Ends
    early when ``cancelled`` says so.
    """
    match location.source:
        case "starter":
            found = look_at(location.root, "starter")
            if found is not None:
                yield found
        case "huggingface":
            for snapshots in _hub_snapshots(location.root, unreadable):
                yield from _walk(snapshots, "huggingface", cancelled, unreadable)
        case "ollama":
            yield from find_ollama(location.root, cancelled, unreadable)
        case _:
            yield from _walk(location.root, location.source, cancelled, unreadable)


def _hub_snapshots(root: Path, unreadable: list[Path]) -> Iterator[Path]:
    # models--owner--name/snapshots/revision/file; other repository types and blobs are not asked for.
    for entry in _entries(root, unreadable):
        if entry.name.startswith("models--"):
            yield Path(entry.path) / "snapshots"


def _walk(root: Path, source: Source, cancelled: Cancelled, unreadable: list[Path]) -> Iterator[FoundFile]:
    pending = [root]
    visited: set[tuple[int, int]] = set()
    while pending and not cancelled():
        folder = pending.pop()
        try:
            status = folder.stat()
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in visited:
            continue
        visited.add((status.st_dev, status.st_ino))
        inner = []
        for entry in _entries(folder, unreadable):
            if naming.is_model_file(entry.name):
                found = look_at(Path(entry.path), source)
                if found is not None:
                    yield found
                    continue
            if not _TRASH.fullmatch(entry.name) and _is_folder(entry):
                inner.append(Path(entry.path))
        pending += reversed(inner)


def _entries(folder: Path, unreadable: list[Path]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    except OSError:
        unreadable.append(folder)
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
