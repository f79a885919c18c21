"""A built engine beside llama-cpp-python: the server with the libraries of its own build, in Heft's cache."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from desktop.engine.builder.recipe import Recipe

_LIBRARIES = "llama_cpp/lib/"  # where a wheel has them all (recipe.py)


def engine_folder(cache: Path, recipe: Recipe) -> Path:
    """Where the engine of a recipe lies, or would lie."""
    return cache / "engines" / recipe.key


def unpack(wheel: Path, cache: Path, recipe: Recipe) -> Path:
    """The libraries and programs of ``wheel`` in their folder, which appears whole or not at all. Raises OSError."""
    target = engine_folder(cache, recipe)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary, "engine")
        folder.mkdir()
        with zipfile.ZipFile(wheel) as archive:
            _take(archive, folder)
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    return target


def _take(archive: zipfile.ZipFile, folder: Path) -> None:
    """A wheel knows no links and has each library under three names; here they are one file."""
    known: dict[tuple[int, int], Path] = {}
    for entry in archive.infolist():
        name = entry.filename.removeprefix(_LIBRARIES)
        if entry.is_dir() or name == entry.filename or "/" in name:
            continue
        file = folder / name
        first = known.setdefault((entry.CRC, entry.file_size), file)
        if first == file or not _linked(first, file):
            with archive.open(entry) as source, file.open("wb") as sink:
                shutil.copyfileobj(source, sink)
        if entry.external_attr >> 16 & 0o111:
            file.chmod(0o755)


def _linked(first: Path, file: Path) -> bool:
    try:
        os.link(first, file)
    except OSError:  # a file system without hard links
        return False
    return True
